"""The report of a staged trial, as text for a terminal."""

import textwrap

from lsgd_fast._constants import STEPSIZE_ROUNDING
from lsgd_fast._text import WIDTH, counted, exp_text

__all__ = ["describe_outcomes", "report"]

NAME_WIDTH = 21  # of the first column of the comparison

# The words for each `Outcome.ending`, in the order in which they are listed.
WORDS = {
    "reached": "reached the goal in stop",
    "separated": "separated",
    "stable": "stable",
    "undecided": "undecided",
    "unstable": "unstable",
    "cycling": "cycling",
    "diverged": "diverged",
}

# What a separation implies, by the loss.
THEORY = {
    "logistic": ", so every constant stepsize becomes stable (Theorem 1 of arXiv:2402.15926)",
    "softmax": (
        "; the theorem by which every constant stepsize then becomes stable is for two classes"
    ),
}


def describe_outcomes(outcomes):
    """Return a summary of the runs of one stepsize on several sets of rows.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The outcomes, one for each set of rows.

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
    return f"{'; '.join(parts)}; loss {losses}"


def _describe_steps(group):
    if group[0].ending == "separated":
        return f" at {_steps([outcome.separated_at for outcome in group])}"
    if group[0].ending == "reached":
        return f" at {_steps([outcome.reached_at for outcome in group])}"
    if group[0].held:
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
    data = f"{counted(trial.rows, 'row')} and {counted(trial.n_features, 'feature')}"
    data += f" in {trial.n_classes} classes" if trial.loss == "softmax" else ""
    parts = [
        f"Staged trial on {data}: it took {trial.passes:.0f} passes over the data; a run of "
        f"{counted(trial.n_steps, 'step')} takes {trial.n_steps + 1}",
        *_describe_stages(trial),
        *_describe_confirmations(trial),
        *_describe_comparison(trial),
        "Advice",
        *_advice(trial),
        "How sure this is",
        *_certainty(trial),
    ]
    return "\n".join(line for part in parts for line in _wrap(part))


def _wrap(line):
    """Return the lines of a text that may be indented, with a hanging indent."""
    margin = " " * (4 if line.startswith("  ") else 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin)


def _describe_stages(trial):
    where = f"{counted(len(trial.stages[0].outcomes), 'sample')} of {trial.n_rows_sampled} rows"
    if trial.samples_are_whole:
        where = "all rows, which are too few to sample"
    lines = [f"Stages: up to {counted(trial.n_steps, 'step')} from zero weights on {where}"]
    for stage in trial.stages:
        mark = "passed" if stage.passed else "failed"
        lines.append(f"  {stage.stepsize:<9.4g} {mark} {stage.reason}")
    return lines


def _describe_confirmations(trial):
    if trial.samples_are_whole:
        return ["These runs were made on all rows, so they need no confirmation"]
    lines = ["Confirmation on all rows"]
    for outcome in trial.confirmations:
        mark = "held  " if outcome.held else "failed"
        lines.append(f"  {outcome.stepsize:<9.4g} {mark} {describe_outcomes([outcome])}")
    passed = {stage.stepsize for stage in trial.stages if stage.passed}
    misled = [o for o in trial.confirmations if o.stepsize in passed and not o.held]
    if misled:
        lines.append(
            f"  {counted(len(misled), 'stepsize')} passed on the samples and failed here: a sample "
            "can be easier than the full data, and separable when these are not."
        )
    return lines


def _describe_comparison(trial):
    if trial.comparison is None:
        return []
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    if runs[0].samples:
        where = f"range over {counted(len(runs[0].samples), 'new sample')} | all rows"
    else:
        where = "all rows, which are too few for new samples"
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
    goal = {"separation": "steps to separation", "stop": "steps to the goal"}.get(trial.goal)
    numbers = [] if goal is None else [("reached_at", goal, str)]
    numbers.append(("ln_loss", "last loss", _loss_text))
    if trial.goal == "objective":
        numbers.append(("objective", "last objective", "{:.3g}".format))
    if any(outcome.separated_at is not None for outcome in trial.confirmations):
        numbers.append(("margin", "min margin / |w|", "{:.3g}".format))
    return numbers


def _cell(run, name, text_of):
    full = _values([run.full], name, text_of)
    return f"{_values(run.samples, name, text_of)} | {full}" if run.samples else full


def _values(outcomes, name, text_of):
    values = [getattr(outcome, name) for outcome in outcomes]
    known = [value for value in values if value is not None]
    if not known:
        return "never" if name == "reached_at" else "-"
    missing = len(values) - len(known)
    return _range(known, text_of) + (f", {missing} never" if missing else "")


def _advice(trial):
    best = trial.confirmed
    n_steps = counted(trial.n_steps, "step")
    if best is None:
        yield f"  None: no stepsize held on all rows within {n_steps}."
        if trial.conservative * trial.smoothness > STEPSIZE_ROUNDING:
            yield f"  With stepsizes up to {1.0 / trial.smoothness:.2g} the loss cannot increase."
        else:
            yield "  Take more steps, or a smaller start_stepsize."
        return
    yield f"  Use the stepsize {best.stepsize:.6g}: {describe_outcomes([best])}."
    if best.stepsize == trial.conservative:
        yield "  It is the conservative one; no larger one that held on all rows did better."
    elif best.stepsize == trial.stages[-1].stepsize:
        yield "  It is the largest one tried; more stages (n_stages) would try larger ones."
    separated = [o for o in trial.confirmations if o.ending == "separated" and o.margin is not None]
    if separated and best.ending == "separated":
        widest = max(separated, key=lambda outcome: outcome.margin)
        if widest.margin > best.margin:
            yield (
                f"  Low loss is not a large margin: stepsize {widest.stepsize:.6g} ended with a "
                f"margin of {widest.margin:.3g} |w|, the recommended one with "
                f"{best.margin:.3g} |w|."
            )
    if trial.goal == "separation" and not separated:
        yield (
            f"  No run on all rows separated them within {n_steps}: they may not be separable, or "
            "only with a tiny margin."
        )


def _certainty(trial):
    best = trial.confirmed
    if best is None:
        yield "  A stepsize is recommended only if it held on all rows."
        return
    yield "  The recommended stepsize was run on all rows; the same call repeats that run."
    if best.ending == "separated":
        yield f"  Its weights prove that the data are separable{THEORY[trial.loss]}."
        if best.verdict != "stable":
            yield f"  Within these steps it was not yet stable: its verdict is {best.verdict}."
    elif best.ending == "reached":
        yield f"  How it would go on after its goal is unknown: its verdict is {best.verdict}."
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
    if not trial.samples_are_whole and 2 * trial.n_rows_sampled > trial.rows:
        share = trial.n_rows_sampled / trial.rows
        yield f"  Samples of {share:.0%} of the rows overlap, so their ranges are too narrow."
    yield "  Other data, other initial weights and more steps were not tried."
