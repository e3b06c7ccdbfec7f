"""The page of a staged trial."""

from lsgd_fast import plot
from lsgd_fast._pages.evidence import evidence_lists, sort_evidence
from lsgd_fast._pages.page import (
    Markup,
    answer,
    code,
    content,
    facts,
    items,
    join,
    loss_number,
    mark,
    number,
    page,
    paragraph,
    section,
    spread,
    table,
)
from lsgd_fast._pages.pictures import picture_of

__all__ = ["KINDS", "OF_ROWS", "trial_page", "trial_picture", "tried"]

HELD_OUT_GOALS = ("held_out_loss", "held_out_error")
KINDS = {"passed": "good", "held": "good", "failed": "bad", "unsettled": "open"}
ENDINGS = ("reached", "separated", "stable", "undecided", "unstable", "cycling", "diverged")
# The step that goes with an ending: an attribute of an outcome.
STEP_OF = {"reached": "reached_at", "separated": "separated_at"}
# What the parts of a trial are called: keys of texts.
OF_ROWS = {"samples": "samples", "whole": "all_rows", "needed": "all_rows"}
OF_LOSSES = {"samples": "seeds", "whole": "one_more_seed", "needed": "most_seeds"}
# What outcomes are judged by besides the loss, by goal: an attribute, its text, its format.
MEASURES = {
    "held_out_loss": ("held_out_loss", "held_out_loss", ".3g"),
    "held_out_error": ("held_out_error", "held_out_error", ".2%"),
    "margin": ("margin", "margin", ".3g"),
}


def trial_page(trial, say):
    """Return the page of a `Trial` in the language of `say`."""
    say = say.having(**(OF_LOSSES if trial.is_trained else OF_ROWS))
    return page(
        say,
        say("trial_title"),
        _answer(trial, say),
        section(say("results"), _comparison(trial, say), trial_picture(trial, say)),
        section(say("how_sure"), *_how_sure(trial, say)),
        section(say("trial_asked"), _asked(trial, say), tried(trial, say)),
        section(say("again"), *_again(trial, say)),
        section(say("words"), _words(trial, say)),
    )


def _answer(trial, say):
    best = trial.confirmed
    if best is None:
        if trial.ended and not trial.confirmations:
            return answer(say("trial_ended"))
        if trial.is_infinite:
            return answer(say("trial_infinite"))
        return answer(say("trial_none", n_steps=trial.n_steps))
    first = say("trial_use", stepsize=best.stepsize, ending=f"answer_{best.ending}")
    small = next((o for o in trial.confirmations if o.stepsize == trial.conservative), None)
    more = []
    if best.stepsize == trial.conservative:
        more.append(say("trial_smallest"))
    elif small is not None:
        what, show = _goal_measure(trial, say)
        pair = {"best": _of_goal(trial, best, show), "other": _of_goal(trial, small, show)}
        more.append(say("trial_best", what=what, small=small.stepsize, **pair))
    if best.stepsize == trial.stages[-1].stepsize > trial.conservative:
        more.append(say("trial_largest"))
    return answer(first, *more)


def _goal_measure(trial, say):
    """Return the name of what the trial is for, and a function that shows it of an outcome."""
    wanted = {"steps": "reached_at", "loss": _loss_of(trial)}.get(trial.goal, trial.goal)
    return next((what, show) for name, what, show in _measures(trial, say) if name == wanted)


def _loss_of(trial):
    return "objective" if trial.l2 > 0.0 else "loss"


def _of_goal(trial, outcome, show):
    """Return what a trial is for of a run on all rows, or where it is held out of its samples."""
    if _is_held_out(trial):
        stage = next(stage for stage in trial.stages if stage.stepsize == outcome.stepsize)
        return show(stage.outcomes)
    return show([outcome])


def _is_held_out(trial):
    """Return whether the goal is known of samples alone, of rows outside of them."""
    return trial.goal in HELD_OUT_GOALS and not trial.is_trained


def _measures(trial, say):
    """Return what runs are compared by: an attribute, its name, and what shows it of outcomes."""

    def plain(name, spec="", missing=None):
        def show(outcomes):
            values = [getattr(outcome, name) for outcome in outcomes]
            shown = spread(values, lambda value: number(value, spec))
            if missing and None in values:
                return join([shown, missing], ", ") if set(values) != {None} else missing
            return shown

        return show

    found = []
    if trial.goal == "steps":
        found.append(("reached_at", say("steps_to_target"), plain("reached_at", "", say("never"))))
    if any(outcome.separated_at is not None for outcome in trial.confirmations):
        text = say("steps_to_separation")
        found.append(("separated_at", text, plain("separated_at", "", say("never"))))
    found.append(("loss", say("last_loss"), _losses))
    if trial.l2 > 0.0:
        found.append(("objective", say("last_objective"), plain("objective", ".3g")))
    if trial.goal in MEASURES:
        name, key, spec = MEASURES[trial.goal]
        found.append((name, say(key), plain(name, spec)))
    elif any(outcome.ending == "separated" for outcome in trial.confirmations):
        found.append(("margin", say("margin"), plain("margin", ".3g")))
    return found


def _losses(outcomes):
    if any(outcome.ln_loss is None for outcome in outcomes):
        return _values(outcomes, "loss", ".3g")
    pairs = {outcome.ln_loss: outcome.loss for outcome in outcomes}
    return spread(list(pairs), lambda ln_loss: loss_number(pairs[ln_loss], ln_loss))


def _comparison(trial, say):
    if trial.comparison is None:
        return ""
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    rows = []
    for name, what, show in _measures(trial, say):
        if not (_is_held_out(trial) and name in HELD_OUT_GOALS):
            text = say("measure_on_whole", what=what) if runs[0].samples else what
            rows.append([text, *(show([run.full]) for run in runs)])
        if runs[0].samples:
            text = say("measure_on_new", what=what)
            rows.append([text, *(show(run.samples) for run in runs)])
    header = [
        say("measure"),
        say("smallest_stepsize", stepsize=runs[0].stepsize),
        say("recommended_stepsize", stepsize=runs[1].stepsize),
    ]
    return table(say("compared", n_steps=trial.n_steps), header, rows)


def trial_picture(trial, say):
    """Return the picture of what a trial is for by stepsize."""
    up = "_up" if trial.goal == "margin" else ""
    return picture_of(
        say, lambda ax: plot.trial(trial, ax=ax, legend=False), "trial", f"trial_picture{up}"
    )


def _asked(trial, say):
    if trial.is_trained:
        data = [say("training_loop")]
    else:
        shape = {"rows": trial.rows, "features": trial.n_features, "classes": trial.n_classes}
        data = [say("rows_features", **shape)]
    data += [say("intercept")] * trial.fit_intercept
    data += [say("penalty", l2=trial.l2)] * (trial.l2 > 0.0)
    n_steps, stages = trial.n_steps, str(len(trial.stages))
    if trial.samples_are_whole:
        runs = say("stages_of_all", stages=stages, n_steps=n_steps)
    else:
        fields = {"stages": stages, "n_steps": n_steps}
        fields |= {"n_samples": str(len(trial.stages[0].outcomes)), "rows": trial.n_rows_sampled}
        runs = say("stages_of_seeds" if trial.is_trained else "stages_of_samples", **fields)
    if trial.is_trained:
        cost = say("cost_steps", steps=trial.total_steps)
    else:
        times = f"{trial.passes / (n_steps + 1):.1f}"
        cost = say("cost_passes", passes=trial.passes, n_steps=n_steps, times=times)
    goal = _loss_of(trial) if trial.goal == "loss" else trial.goal
    goal = "held_out_losses" if trial.is_trained and goal == "held_out_loss" else goal
    pairs = [
        (say("goal"), say(f"goal_{goal}")),
        (say("data"), join(data, say("gap"))),
        (say("runs"), runs),
        (say("cost"), cost),
    ]
    return facts(pairs)


def tried(trial, say):
    """Return the table of all stepsizes."""
    confirmed = {outcome.stepsize: outcome for outcome in trial.confirmations}
    measures = [MEASURES[trial.goal]] if trial.goal in MEASURES else []
    held_out = _is_held_out(trial)
    header, whole = [say("stepsize")], trial.samples_are_whole
    if not whole:
        header += [say("on_samples"), say("loss_on_samples")]
        header += [say("measure_on_samples", what=say(key)) for _, key, _ in measures]
    header += [say("on_whole"), say("loss_on_whole")]
    header += [say("measure_on_whole", what=say(key)) for _, key, _ in measures if not held_out]
    rows = []
    for stage in trial.stages:
        row, outcome = [number(stage.stepsize)], confirmed.get(stage.stepsize)
        if not whole:
            row += [_result(stage.mark, stage.outcomes, say), _losses(stage.outcomes)]
            row += [_values(stage.outcomes, name, spec) for name, _, spec in measures]
        if outcome is None:
            row += [say("not_run"), number(None)]
        else:
            row += [_result(outcome.mark, [outcome], say), _losses([outcome])]
        if not held_out:
            known = [] if outcome is None else [outcome]
            row += [_values(known, name, spec) for name, _, spec in measures]
        rows.append(row)
    stepsizes = [stage.stepsize for stage in trial.stages]
    best = stepsizes.index(trial.recommended) if trial.recommended in stepsizes else None
    return table(say("by_stepsize"), header, rows, strong=best)


def _values(outcomes, name, spec):
    values = [getattr(outcome, name) for outcome in outcomes]
    return spread(values, lambda value: number(value, spec))


def _result(word, outcomes, say):
    """Return the mark of some runs, and how they ended."""
    parts = []
    for ending in ENDINGS:
        group = [outcome for outcome in outcomes if outcome.ending == ending]
        if not group:
            continue
        text = say(f"ending_{ending}")
        if len(outcomes) > 1:
            whole = {"part": str(len(group)), "whole": str(len(outcomes))}
            text = say("share_of", word=text, **whole)
        name = STEP_OF.get(ending, "n_steps" if group[0].mark == "failed" else None)
        if name is not None:
            steps = spread([getattr(outcome, name) for outcome in group])
            text = join([text, say("at_steps", steps=steps)], say("gap"))
        parts.append(text)
    return join([mark(KINDS[word], say(f"mark_{word}")), Markup("<br>".join(parts))], "<br>")


def _how_sure(trial, say):
    best = trial.confirmed
    proved, seen, still_open = [], [], []
    if best is not None:
        trained = trial.is_trained
        seen.append(say("sure_seed", seed=trial.seed) if trained else say("sure_rows"))
        proved, more, still_open = _of_best(trial, best, say)
        seen += more + _of_new_samples(trial, say)
    seen += _of_others(trial, say)
    if trial.separation == "complete" and (best is None or best.ending != "separated"):
        proved.append(say("sure_complete"))
    elif trial.separation in ("none", "quasi-complete"):
        proved.append(say("sure_not_separable"))
    elif trial.separation == "undecided" and not (proved or trial.l2 > 0.0 or trial.is_trained):
        still_open.append(say("open_separation"))
    if trial.is_trained and trial.n_steps < trial.losses_to_tell:
        still_open.append(say("open_losses", least=str(trial.losses_to_tell)))
    still_open.append(say("open_larger", stepsize=trial.stages[-1].stepsize))
    still_open.append(say("open_data_seeds" if trial.is_trained else "open_data"))
    return evidence_lists(proved, seen, still_open, say)


def _of_best(trial, best, say):
    """Return what is proved, seen and open of the recommended run itself."""
    if best.ending == "separated":
        doubt = [] if best.verdict == "stable" else [say("open_loss")]
        return [say("sure_separated")], [], doubt
    if best.ending == "reached":
        return [], [], [say("open_target")]
    if best.facts and (best.verdict == "stable" or trial.is_trained):
        proved, seen, still_open = sort_evidence(best.facts, say)
        return proved, seen or [say("sure_never")], still_open
    if best.verdict != "stable" and not trial.is_trained:
        return [], [say("sure_calm", smoothness=trial.smoothness)], []
    never = [say("sure_never")] * (best.verdict != "stable")
    evidence = Markup(f'<span lang="en">{content(best.evidence)}</span>')
    return [], [*never, say("sure_evidence", evidence=evidence)], []


def _of_new_samples(trial, say):
    if trial.comparison is None or trial.samples_are_whole:
        return []
    small, best = trial.comparison.conservative.samples, trial.comparison.recommended.samples
    held = str(sum(outcome.held for outcome in best))
    found = [say("sure_new", part=held, n=str(len(best)))]
    name, key, spec = None, None, None
    if trial.goal in HELD_OUT_GOALS:
        name, key, spec = MEASURES[trial.goal]
    elif trial.goal == "loss" and trial.is_trained:
        name, key, spec = "loss", "last_loss", ".3g"
    values = [[getattr(one, name) for one in each] for each in (small, best)] if name else []
    if values and None not in values[0] + values[1]:
        other, this = (sum(each) / len(each) for each in values)
        if other < this and format(other, spec) != format(this, spec):
            means = {"other": format(other, spec), "this": format(this, spec)}
            found.append(say("sure_better", what=say(key), **means))
    return found


def _of_others(trial, say):
    """Return what was seen of other stepsizes, and of the samples."""
    found, passed = [], {stage.stepsize for stage in trial.stages if stage.passed}
    misled = [o for o in trial.confirmations if o.stepsize in passed and not o.held]
    if misled and not trial.samples_are_whole:
        key = "sure_misled_seeds" if trial.is_trained else "sure_misled"
        found.append(say(key, part=str(len(misled))))
    where = [*trial.stages, *trial.confirmations]
    unsettled = {one.stepsize for one in where if one.mark == "unsettled"}
    if unsettled:
        found.append(say("sure_unsettled", stepsizes=spread(sorted(unsettled))))
    outcomes = trial.outcomes
    early = [outcome.n_steps for outcome in outcomes if outcome.stop_reason == "train"]
    if early:
        share = {"part": str(len(early)), "whole": str(len(outcomes))}
        found.append(say("sure_early", steps=spread(early), n_steps=trial.n_steps, **share))
    share = 0.0 if trial.is_trained else trial.n_rows_sampled / trial.rows
    if 0.5 < share < 1.0:
        found.append(say("sure_overlap", share=f"{share:.0%}"))
    return found


def _again(trial, say):
    if trial.recommended is None:
        return []
    if trial.is_trained:
        line = f"losses = list(train({trial.recommended!r}, {trial.n_steps}, {trial.seed}))"
        return [paragraph(say("trial_again_seeds")), code(line)]
    options = ', loss="softmax"' if trial.loss == "softmax" else ""
    options += f", l2={trial.l2!r}" if trial.l2 > 0.0 else ""
    options += ", fit_intercept=True" if trial.fit_intercept else ""
    lines = [
        "import lsgd_fast as lsgd",
        f"run = lsgd.gradient_descent(X, y, {trial.recommended!r}, {trial.n_steps}{options})",
        "print(run.verdict, run.evidence)",
    ]
    return [paragraph(say("trial_again")), code("\n".join(lines))]


def _words(trial, say):
    """Return the words of the tables and what they mean, those that are used."""
    outcomes = [outcome for stage in trial.stages for outcome in stage.outcomes]
    outcomes += trial.confirmations
    used = {outcome.ending for outcome in outcomes}
    marks = {one.mark for one in [*trial.stages, *trial.confirmations]}
    meanings = {word: f"means_{word}" for word in (*ENDINGS, *KINDS)}
    meanings["held"] += "_penalty" if trial.l2 > 0.0 else ""
    if trial.is_trained:
        for word in ("held", "cycling", "diverged"):
            meanings[word] = f"means_{word}_losses"
    pairs = [(f"ending_{word}", meanings[word]) for word in ENDINGS if word in used]
    pairs += [(f"mark_{word}", meanings[word]) for word in KINDS if word in marks]
    if any(name == "margin" for name, _, _ in _measures(trial, say)):
        softmax = "_softmax" if trial.loss == "softmax" else ""
        pairs.append(("axis_margin", f"means_margin{softmax}"))
    loss = f"axis_{_loss_of(trial)}"
    return items(
        say("word_and_meaning", word=say(word), meaning=say(meaning, loss=loss))
        for word, meaning in pairs
    )
