"""The report of a staged trial, as text for a terminal."""

import textwrap

from lsgd_fast._constants import EPSILON, STEPSIZE_ROUNDING
from lsgd_fast._html import html_table
from lsgd_fast._results.trial_words import describe_words
from lsgd_fast._text import WIDTH, counted, exp_text

__all__ = ["describe_outcomes", "report", "report_html"]

NAME_WIDTH = 23  # of the first column of the comparison

# What the trial looks for, by its goal.
GOAL_WORDS = {
    "loss": "the lowest loss",
    "held_out_loss": "the lowest loss on rows outside of the sample",
    "held_out_error": "the fewest errors on rows outside of the sample",
    "margin": "the largest margin",
    "steps": "the fewest steps to a target in stop",
}

# The words for each `Outcome.ending`, in the order in which they are listed.
WORDS = {
    "reached": "reached the target",
    "separated": "separated",
    "stable": "stable",
    "undecided": "undecided",
    "unstable": "unstable",
    "cycling": "cycling",
    "diverged": "diverged",
}
STARTS = {"zeros": "zero weights", "base rate": "zero weights and the intercept of the base rate"}
THEOREM = "Theorem 1 of arXiv:2402.15926"
LONG_ROW = 10.0  # norm of a row, beside the 1 of an intercept, that is worth a word


def describe_outcomes(outcomes, goal):
    """Return a summary of the runs of one stepsize on several sets of rows.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The outcomes, one for each set of rows.
    goal : str
        That of the trial.

    Returns
    -------
    str
        For example ``"separated 3 of 3 at steps 18 to 19; loss 0.0045 to 0.005"``.
    """
    parts = []
    for ending, words in WORDS.items():
        group = [outcome for outcome in outcomes if outcome.ending == ending]
        if group:
            share = f" {len(group)} of {len(outcomes)}" if len(outcomes) > 1 else ""
            parts.append(words + share + _describe_steps(group))
    losses = _range([outcome.ln_loss for outcome in outcomes], _loss_text)
    parts.append(f"loss {losses}")
    for name, words, text_of in _judged_by(goal):
        values = [getattr(outcome, name) for outcome in outcomes]
        if None not in values:
            parts.append(f"{words} {_range(values, text_of)}")
    return "; ".join(parts)


def _judged_by(goal):
    """Return an attribute of `Outcome`, its name and its text, for goals other than the loss."""
    return {
        "held_out_loss": [("held_out_loss", "held-out loss", _number)],
        "held_out_error": [("held_out_error", "held-out errors", "{:.2%}".format)],
        "margin": [("margin", "margin", _number)],
    }.get(goal, [])


def _number(value):
    return f"{value:.3g}"


def _describe_steps(group):
    if group[0].ending == "separated":
        return f" at {_steps([outcome.separated_at for outcome in group])}"
    if group[0].ending == "reached":
        return f" at {_steps([outcome.reached_at for outcome in group])}"
    if group[0].mark != "failed":
        return ""
    return f", ended at {_steps([outcome.n_steps for outcome in group])}"


def _steps(values):
    """Return steps as text, such as "step 18" or "steps 18 to 19"."""
    return f"step{'s' if min(values) < max(values) else ''} {_range(values, str)}"


def _loss_text(ln_loss):
    return exp_text(ln_loss, 3)


def _range(values, text_of):
    low, high = text_of(min(values)), text_of(max(values))
    return low if low == high else f"{low} to {high}"


def report(trial):
    """Return the report of a trial.

    Parameters
    ----------
    trial : Trial
        The trial to report.

    Returns
    -------
    str
        About 30 lines that fit a terminal.
    """
    body = [
        *_describe_stages(trial),
        *_describe_confirmations(trial),
        *_describe_comparison(trial),
        "Advice",
        *_advice(trial),
        "How sure this is",
        *_certainty(trial),
    ]
    head = (
        f"{_title(trial)}: it took {trial.passes:.0f} passes over the data; a run of "
        f"{counted(trial.n_steps, 'step')} takes {trial.n_steps + 1}"
    )
    words = describe_words(trial, "\n".join(body))
    return "\n".join(line for part in [head, *words, *body] for line in _wrap(part))


def report_html(trial):
    """Return a trial as a table for notebooks: a row for each stepsize, and the advice."""
    confirmed = {o.stepsize: f"{o.mark}: {_summary(trial, o)}" for o in trial.confirmations}
    rows, header = [], ["stepsize", "samples", "all rows"]
    for stage in trial.stages:
        on_all = confirmed.get(stage.stepsize, "not run")
        rows.append([f"{stage.stepsize:.4g}", f"{stage.mark}: {stage.reason}", on_all])
    if trial.samples_are_whole:
        for row in [header, *rows]:
            del row[1]
    advice = " ".join(line.strip() for line in _advice(trial))
    return html_table(f"{_title(trial)}. {advice}", rows, header)


def _title(trial):
    data = f"{counted(trial.rows, 'row')} of {counted(trial.n_features, 'feature')}"
    data += " and an intercept" * trial.fit_intercept
    data += f" in {trial.n_classes} classes" if trial.loss == "softmax" else ""
    goal = "the lowest loss with its penalty" if _has_objective(trial) else GOAL_WORDS[trial.goal]
    return f"Staged trial on {data}, for {goal}"


def _has_objective(trial):
    return trial.goal == "loss" and trial.l2 > 0.0


def _summary(trial, outcome):
    return describe_outcomes([outcome], trial.goal)


def _wrap(line):
    """Return the lines of a text that may be indented, with a hanging indent."""
    margin = " " * (4 if line.startswith("  ") else 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin, break_on_hyphens=False)


def _describe_stages(trial):
    where = f"{counted(len(trial.stages[0].outcomes), 'sample')} of {trial.n_rows_sampled} rows"
    if trial.samples_are_whole:
        where = "all rows, as a sample would have them all"
    n_steps = counted(trial.n_steps, "step")
    lines = [f"Stages: up to {n_steps} from {STARTS[trial.start]} on {where}"]
    for stage in trial.stages:
        lines.append(f"  {stage.stepsize:<9.4g} {stage.mark:<9} {stage.reason}")
    return lines


def _describe_confirmations(trial):
    if trial.samples_are_whole:
        return ["These runs were made on all rows, so they need no confirmation"]
    lines = ["Confirmation on all rows"] if trial.confirmations else []
    for outcome in trial.confirmations:
        lines.append(f"  {outcome.stepsize:<9.4g} {outcome.mark:<9} {_summary(trial, outcome)}")
    passed = {stage.stepsize for stage in trial.stages if stage.passed}
    misled = [o for o in trial.confirmations if o.stepsize in passed and not o.held]
    if misled:
        lines.append(
            f"  {counted(len(misled), 'stepsize')} passed on the samples and did not hold here: a "
            "sample can be easier than all rows, and separable when these are not."
        )
    return lines


def _describe_comparison(trial):
    if trial.comparison is None:
        return []
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    if runs[0].samples:
        where = f"range over {counted(len(runs[0].samples), 'new sample')} | all rows"
    else:
        where = "all rows, as new samples would have them all"
    rows = [("stepsize", [f"{run.stepsize:.4g}" for run in runs])]
    for name, words, text_of in _compared_numbers(trial):
        rows.append((words, [_cell(run, name, text_of) for run in runs]))
    widths = [max(map(len, column)) for column in zip(*(cells for _, cells in rows), strict=True)]
    gap = " " * max(2, min(4, WIDTH - 2 - NAME_WIDTH - sum(widths)))
    lines = [
        f"  {words:<{NAME_WIDTH}}{first:<{widths[0]}}{gap}{second}"
        for words, (first, second) in rows
    ]
    return [f"Conservative and recommended stepsize: {where}", *lines]


def _compared_numbers(trial):
    """Return the rows of the comparison: an attribute of `Outcome`, its name and its text."""
    numbers = []
    if trial.goal == "steps":
        numbers.append(("reached_at", "steps to the target", str))
    if any(outcome.separated_at is not None for outcome in trial.confirmations):
        numbers.append(("separated_at", "steps to separation", str))
    numbers.append(("ln_loss", "last loss", _loss_text))
    if trial.l2 > 0.0:
        numbers.append(("objective", "last loss with penalty", _number))
    if trial.goal == "margin" or any(o.ending == "separated" for o in trial.confirmations):
        numbers.append(("margin", "margin", _number))
    return numbers + [row for row in _judged_by(trial.goal) if row[0] != "margin"]


def _cell(run, name, text_of):
    full = _values([run.full], name, text_of)
    return f"{_values(run.samples, name, text_of)} | {full}" if run.samples else full


def _values(outcomes, name, text_of):
    values = [getattr(outcome, name) for outcome in outcomes]
    known = [value for value in values if value is not None]
    if not known:
        return "never" if name in ("reached_at", "separated_at") else "-"
    missing = len(values) - len(known)
    return _range(known, text_of) + (f", {missing} never" if missing else "")


def _advice(trial):
    best, n_steps = trial.confirmed, counted(trial.n_steps, "step")
    if trial.ended and not trial.confirmations:
        yield "  None: the callback ended the trial before its runs on all rows."
        return
    if best is None:
        yield f"  None: no stepsize held on all rows within {n_steps}."
        if trial.conservative * trial.smoothness > STEPSIZE_ROUNDING:
            yield f"  With stepsizes up to {1.0 / trial.smoothness:.2g} the loss cannot increase."
        else:
            yield "  Take more steps, or a smaller start_stepsize."
    else:
        text = f"{_summary(trial, best)}{_outside_of_samples(trial, best)}"
        yield f"  Use the stepsize {best.stepsize:.6g}: {text}."
        yield from _alternatives(trial, best)
    yield from _unsettled(trial)
    if trial.fit_intercept and trial.row_norm > LONG_ROW:
        yield (
            f"  The longest row has a norm of {trial.row_norm:.3g}, which bounds the stepsize; the "
            "intercept, whose feature is 1, then moves little. Standardise the features, or divide "
            "them by that norm" + (" and l2 by its square." if trial.l2 > 0.0 else ".")
        )


def _outside_of_samples(trial, best):
    """Return what is held out with the best stepsize, where that is the goal."""
    outcomes = next(s.outcomes for s in trial.stages if s.stepsize == best.stepsize)
    if outcomes[0].held_out_loss is None:
        return ""
    ((name, words, text_of),) = _judged_by(trial.goal)
    return f"; {words} of the samples {_range([getattr(o, name) for o in outcomes], text_of)}"


def _alternatives(trial, best):
    """Yield what speaks for other stepsizes that held."""
    largest = trial.stages[-1]
    if trial.goal == "loss" and best.loss <= EPSILON:
        yield "  Losses up to 2.2e-16 count as equal, and the smallest of such stepsizes is best."
    elif best.stepsize == largest.stepsize > trial.conservative:
        more = f"n_stages={len(trial.stages) + 4}"
        yield f"  It is the largest one tried; more stages, such as {more}, try larger ones."
    elif best.stepsize == trial.conservative:
        yield "  It is the smallest one; no larger one that held on all rows did better."
    separated = [o for o in trial.confirmations if o.ending == "separated" and o.margin is not None]
    if trial.goal not in ("loss", "steps") or best not in separated:
        return
    widest = max(separated, key=lambda outcome: outcome.margin)
    if widest.margin > 1.5 * best.margin:
        yield (
            f"  Low loss is not a large margin: stepsize {widest.stepsize:.6g} ended with a margin "
            f"of {widest.margin:.3g}, this one with {best.margin:.3g}. goal='margin' looks for a "
            "large one."
        )


def _unsettled(trial):
    """Yield what more steps would do for the runs that did not settle, and why."""
    where = [*trial.stages, *trial.confirmations]
    stepsizes = sorted({one.stepsize for one in where if one.mark == "unsettled"})
    if stepsizes:
        text = _range(stepsizes, "{:.4g}".format)
        which = f"stepsize {text} was" if len(stepsizes) == 1 else f"stepsizes {text} were"
        yield (
            f"  When their steps ended, the {which} unsettled: the loss may still go up and down, "
            "which is neither success nor failure."
        )
    if trial.l2 > 0.0:
        if stepsizes:
            yield (
                "  With a penalty, only stepsizes below 2 over the curvature at the minimum settle "
                "there, after however many steps."
            )
        return
    separated = any(outcome.separated_at is not None for outcome in trial.confirmations)
    if trial.confirmations and (stepsizes or not separated):
        yield from _prospects(trial, stepsizes, separated)


def _prospects(trial, stepsizes, separated):
    """Yield what is known of the separation of all rows, and what it means for more steps."""
    n_steps, more = counted(trial.n_steps, "step"), f"n_steps={4 * trial.n_steps}"
    none = "" if separated else f"No run on all rows separated them within {n_steps}. "
    each = "  Every constant stepsize settles on separable rows"
    theorem = f"{each} ({THEOREM}), some only after many steps: try {more}."
    if trial.loss == "softmax":
        theorem = f"  For two classes {each.strip().lower()}; for more try {more}."
    may_do = stepsizes or trial.recommended is not None
    if trial.separation == "complete":
        yield f"  {none}It is proved that some weights separate all rows."
        if may_do:
            yield theorem
        if trial.settled_after is not None and trial.settled_after < 1e15:
            yield (
                f"  At the latest the stepsize {min(stepsizes):.4g} settles after "
                f"{trial.settled_after:.2g} steps; that bound is for the worst data."
            )
    elif trial.separation in ("none", "quasi-complete"):
        yield f"  {none}It is proved that no weights separate them."
        if stepsizes:
            yield "  On such rows a large stepsize may go up and down for ever."
    elif trial.rows <= trial.n_features:
        yield (
            f"  {none}There are no more rows than features, so some weights do, unless rows depend "
            "linearly on others."
        )
        if may_do:
            yield theorem
    else:
        yield f"  {none}Whether any weights do is not known: lsgd_fast.separation may tell."
        if stepsizes:
            yield f"  If so, more steps may settle the larger stepsizes: try {more}."


def _certainty(trial):
    best = trial.confirmed
    if best is None:
        yield "  A stepsize is recommended only if it held on all rows."
        return
    yield "  The recommended stepsize was run on all rows; the same call repeats that run."
    if best.ending == "separated":
        yield "  Its weights prove that the rows are separable."
        if best.verdict != "stable":
            yield "  Within these steps it was not yet clear whether its loss increases again."
    elif best.ending == "reached":
        yield "  How it would go on after its target is unknown."
    elif best.verdict == "stable":
        yield f"  It is stable. {best.evidence}"
    else:
        yield (
            "  It is stable: the loss never increased, and the stepsize is at most 1 over the "
            f"estimated smoothness, {trial.smoothness:.3g}."
        )
    if trial.comparison is not None and not trial.samples_are_whole:
        samples = trial.comparison.recommended.samples
        held = sum(outcome.held for outcome in samples)
        new = counted(len(samples), "new sample")
        yield f"  It held on {held} of {new} that had no part in the choice."
        yield from _contradiction(trial)
    if not trial.samples_are_whole and 2 * trial.n_rows_sampled > trial.rows:
        share = trial.n_rows_sampled / trial.rows
        yield f"  Samples of {share:.0%} of the rows overlap, so their ranges are too narrow."
    yield "  Other data, other initial weights and more steps were not tried."


def _contradiction(trial):
    """Yield that new samples speak against the recommended stepsize, where something is held out.

    Other goals are judged on all rows, which samples cannot contradict.
    """
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    if runs[0].samples[0].held_out_loss is None:
        return
    ((name, words, text_of),) = _judged_by(trial.goal)
    other, this = (sum(getattr(o, name) for o in r.samples) / len(r.samples) for r in runs)
    if other < this and text_of(other) != text_of(this):
        yield (
            f"  On the new samples the stepsize {runs[0].stepsize:.4g} did better: mean {words} "
            f"{text_of(other)}, this one {text_of(this)}."
        )
