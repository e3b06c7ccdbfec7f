"""The page of a pilot: what a decision is made by, on two sheets of paper."""

import math
from dataclasses import asdict

import numpy as np

from lsgd_fast import _drawing as drawing
from lsgd_fast._pages.evidence import evidence_lists, sort_evidence
from lsgd_fast._pages.page import (
    Markup,
    answer,
    code,
    facts,
    figures,
    items,
    join,
    loss_number,
    mark,
    note,
    number,
    page,
    paragraph,
    section,
    table,
    title,
)
from lsgd_fast._pages.pictures import picture_of
from lsgd_fast._pages.trial_page import KINDS, OF_ROWS, trial_picture, tried
from lsgd_fast._pilot.report import goal_key

__all__ = ["pilot_page"]

DECISIONS = {"go": "good", "no-go": "bad"}  # `Decision` is a string
HELD_OUT = {
    "held_out_loss": ("held-out loss", True),
    "held_out_error": ("held-out error rate", False),
}


def pilot_page(pilot, say):
    """Return the page of a `Pilot` in the language of `say`."""
    needed = [gate.needed for gate in pilot.gates if gate.needed is not None]
    more = [say("pilot_needed", needed=say.words(one)) for one in needed]
    rows = {"n_rows": pilot.n_rows, "n_test": pilot.n_test_rows, "n_trial": pilot.n_trial_rows}
    return page(
        say,
        say("pilot_title"),
        answer(join(map(say.words, pilot.answer)), *more, say("pilot_rows", **rows)),
        section(say("pilot_gates"), *_gates(pilot, say)),
        section(say("pilot_runs"), *_runs(pilot, say)),
        section(say("pilot_costs"), _costs(pilot, say)),
        section(say("how_sure"), *_how_sure(pilot, say)),
        section(say("again"), *_again(pilot, say)),
    )


def _gates(pilot, say):
    for place, gate in enumerate(pilot.gates, 1):
        word = mark(DECISIONS.get(gate.decision, "open"), say(gate.decision_key))
        head = {"number": str(place), "question": say(f"gate_{gate.name}"), "mark": word}
        yield title(say("pilot_gate", **head))
        yield note(say("pilot_rule", rule=say(f"gate_{gate.name}_rule")))
        yield items(map(say.words, gate.evidence))


def _runs(pilot, say):
    runs = (pilot.conservative, pilot.recommended)
    if None in runs:
        of_trial = say.having(**OF_ROWS | {"whole": "rows_of_trial"})
        parts = [trial_picture(pilot.trial, of_trial), tried(pilot.trial, of_trial)]
        return [paragraph(say("pilot_not_run")), *parts]
    return [_table(pilot, runs, say), figures(_pictures(pilot, runs, say))]


def _table(pilot, runs, say):
    fields = {"goal": goal_key(pilot.goal)} | asdict(pilot.difference)
    caption = "pilot_table" if pilot.goal in HELD_OUT else "pilot_table_learnt"
    outcomes = [run.outcome for run in runs]
    ended = [
        join([mark(KINDS[one.mark], say(f"mark_{one.mark}")), say(f"ending_{one.ending}")], ": ")
        for one in outcomes
    ]
    rows = [
        ("pilot_ended", ended),
        ("pilot_steps", [one.n_steps for one in outcomes]),
        ("last_loss", [loss_number(one.loss, one.ln_loss) for one in outcomes]),
        ("pilot_test_loss", [number(one.held_out_loss, ".3g") for one in outcomes]),
        ("pilot_test_error", [number(one.held_out_error, ".2%") for one in outcomes]),
        ("margin", [number(one.margin, ".3g") for one in outcomes]),
        ("pilot_increases", [one.n_increases for one in outcomes]),
        ("pilot_last_increase", [_step(run.last_increase, say) for run in runs]),
        ("pilot_largest_increase", [_times(run) for run in runs]),
        ("pilot_matched", [say("never") if run.matched_at is None else run.matched_at
                           for run in runs]),
        ("pilot_seconds", [say("seconds_are", value=run.seconds) for run in runs]),
    ]  # fmt: skip
    header = [say("measure")] + [
        say(key, stepsize=one.stepsize)
        for key, one in zip(("pilot_conservative", "pilot_recommended"), outcomes, strict=True)
    ]
    return table(say(caption, **fields), header, [[say(key), *cells] for key, cells in rows])


def _step(step, say):
    return say("never") if step is None else say("at_step", step=step)


def _times(run):
    return number(run.largest_increase if run.outcome.n_increases else None, ".3g")


def _pictures(pilot, runs, say):
    """Return the pictures of the loss, and of what is held out or of the margin."""
    shown, key, spread = "held_out_error", "pilot_held_out_picture", None
    if pilot.goal in HELD_OUT:
        shown, key, spread = pilot.goal, "pilot_goal_picture", pilot.difference.spread
        say = say.having(goal=goal_key(pilot.goal))
    elif pilot.goal == "margin":
        shown, key = "margin", "pilot_margin_picture"
    first = picture_of(say, lambda ax: _draw_loss(ax, runs), "loss", "pilot_loss_picture")
    second = picture_of(say, lambda ax: _draw(ax, runs, shown, spread), "goal", key)
    return [first] if first == second else [first, second]


def _draw_loss(ax, runs):
    steps, values = _curves(runs, "loss")
    _draw_powers(ax, steps, values, "loss")


def _draw(ax, runs, name, spread):
    quantity, is_power = HELD_OUT.get(name, ("min margin / |w|", False))
    steps, values = _curves(runs, name)
    last = values[0][-1] if len(values[0]) else math.nan
    drawing.prepare(ax)
    if is_power:
        ends = None if spread is None or not last - spread > 0.0 else (last - spread, last + spread)
        _draw_powers(ax, steps, values, quantity, ends)
        return
    ax.set_ylabel(quantity)
    drawing.draw_curves(ax, NAMES, list(zip(steps, values, strict=True)), {"marker": "."})
    if spread is not None and math.isfinite(last) and math.isfinite(spread):
        _band(ax, steps, (last - spread, last + spread))


NAMES = ["conservative", "recommended"]


def _draw_powers(ax, steps, values, quantity, ends=None):
    drawing.prepare(ax)
    with np.errstate(all="ignore"):
        log10 = [np.log10(each) for each in values]
        log10 = [np.where(np.isfinite(each), each, math.nan) for each in log10]
    curves = drawing.scale_powers(ax, list(zip(steps, log10, strict=True)), quantity)
    drawing.draw_curves(ax, NAMES, curves, {"marker": "."})
    if ends is not None and ax.get_yscale() == "log":
        _band(ax, steps, ends)


def _band(ax, steps, ends):
    last = max(each[-1] for each in steps)
    x = np.array([0.0, last])
    drawing.fill(ax, x, np.full(2, ends[0]), np.full(2, ends[1]), "spread")


def _curves(runs, name):
    """Return the steps and the values of the points of each run; NaN for None."""
    steps = [np.array([point.step for point in run.curve]) for run in runs]
    values = [np.array([getattr(p, name) for p in run.curve], dtype=float) for run in runs]
    return steps, [np.where(np.isfinite(each), each, math.nan) for each in values]


def _costs(pilot, say):
    cost = say("pilot_cost_is", passes=pilot.passes, seconds=pilot.seconds)
    pairs = [(say("pilot_cost"), cost)]
    plan = pilot.plan
    if plan is not None:
        ((_, memory),) = [one for one in pilot.gates[1].evidence if one[0] == "gate_memory"]
        pairs.append((say("pilot_memory"), say("pilot_memory_is", bytes=memory["bytes"])))
        if not math.isnan(plan.step_seconds):
            time = say("pilot_time_is", seconds=plan.seconds, n_steps=pilot.n_steps)
            pairs.append((say("pilot_time"), time))
    if pilot.recommended is not None:
        pairs.append((say("pilot_saving"), _saving(pilot, say)))
    return facts(pairs)


def _saving(pilot, say):
    if pilot.saving is not None:
        return say("pilot_saving_is", **pilot.saving)
    key = "pilot_not_matched" if pilot.recommended.matched_at is None else "pilot_saves_nothing"
    return say(key)


def _how_sure(pilot, say):
    trial, run = pilot.trial, pilot.recommended
    proved, seen, still_open = [], [], []
    if run is None:
        seen.append(say("pilot_trial_only", n_trial=pilot.n_trial_rows))
    else:
        proved, seen, still_open = sort_evidence(run.outcome.facts, say)
        if run.outcome.ending == "separated" and not any(
            "separated" in k for k, _ in run.outcome.facts
        ):
            proved.insert(0, say("pilot_sure_separated", step=run.outcome.separated_at))
        seen.append(say("pilot_once"))
    if trial.separation == "complete":
        proved.append(say("pilot_trial_complete"))
    elif trial.separation in ("none", "quasi-complete"):
        proved.append(say("pilot_trial_none"))
    if pilot.plan is not None and pilot.plan.width is not None:
        still_open.append(say("pilot_network"))
    still_open.append(say("open_larger", stepsize=trial.stages[-1].stepsize))
    still_open.append(say("open_data"))
    return evidence_lists(proved, seen, still_open, say)


def _again(pilot, say):
    problem = {"l2": pilot.trial.l2} if pilot.trial.l2 > 0.0 else {}
    problem |= {"fit_intercept": True} if pilot.trial.fit_intercept else {}
    call = _arguments(pilot.call | problem)
    lines = ["import lsgd_fast as lsgd", f"found = lsgd.pilot(X, y, {call})"]
    blocks = [paragraph(say("pilot_again")), code("\n".join(lines))]
    if pilot.decision == "go" and not pilot.trial.fit_intercept:  # which starts at the base rate
        more = "".join(f", {text}" for text in [_arguments(problem)] if text)
        line = (
            f"run = lsgd.gradient_descent(X, y, {pilot.trial.recommended!r}, {pilot.n_steps}{more})"
        )
        blocks += [paragraph(say("pilot_run_again")), code(line)]
    return blocks


def _arguments(values):
    """Return arguments as Python has them, without those that ask for nothing."""
    parts = []
    for name, value in values.items():
        if isinstance(value, dict):
            inner = _arguments(value)
            value = Markup(f"lsgd.{name.capitalize()}({inner})") if inner else None
        if value is not None and value is not False:
            parts.append(f"{name}={value if isinstance(value, Markup) else repr(value)}")
    return ", ".join(parts)
