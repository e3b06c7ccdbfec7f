"""What a staged trial found, in plain words."""

import textwrap

from lsgd_fast._constants import ROUNDING

__all__ = ["describe_outcomes", "report"]

WIDTH = 80  # of a terminal

# How an ending is told, in the order in which endings are listed.
WORDS = {
    "reached": "reached what stop asks for",
    "separated": "separated",
    "stable": "stable",
    "undecided": "undecided",
    "unstable": "unstable",
    "cycling": "cycling",
    "diverged": "diverged",
}

# What follows from a separation, by the loss.
THEORY = {
    "logistic": ", and then every constant stepsize becomes stable (Theorem 1 of arXiv:2402.15926)",
    "softmax": "; that every constant stepsize then becomes stable is a theorem of two classes",
}


def describe_outcomes(outcomes):
    """Return what became of one stepsize on several sets of rows.

    Parameters
    ----------
    outcomes : sequence of Outcome

    Returns
    -------
    str
        Such as ``"separated 3 of 3, at step 18 to 19; log loss -5.4 to -5.3"``.
    """
    told = []
    for ending, words in WORDS.items():
        group = [outcome for outcome in outcomes if outcome.ending == ending]
        if group:
            share = f" {len(group)} of {len(outcomes)}" if len(outcomes) > 1 else ""
            told.append(words + share + _describe_steps(group))
    losses = [outcome.log_loss for outcome in outcomes]
    return f"{'; '.join(told)}; log loss {_range(losses, '.3g')}"


def _describe_steps(group):
    if group[0].ending == "separated":
        return f", at step {_range([outcome.separated_at for outcome in group], 'd')}"
    if group[0].ending == "reached":
        return f", at step {_range([outcome.reached_at for outcome in group], 'd')}"
    if group[0].held:
        return ""
    return f", ended at step {_range([outcome.n_steps for outcome in group], 'd')}"


def _range(values, form):
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def report(trial):
    """Return the report of a trial.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    str
        Some 30 lines.
    """
    run = trial.n_steps + 1
    data = f"{_count(trial.rows, 'row')} of {_count(trial.n_features, 'feature')}"
    data += f" and {trial.n_classes} classes" if trial.loss == "softmax" else ""
    parts = [
        f"Staged trial on {data}, at the cost of {trial.passes:.0f} passes over them (one run of "
        f"all steps takes {run})",
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
    margin = " " * (4 if line.startswith("  ") else 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin)


def _describe_stages(trial):
    where = f"{_count(len(trial.stages[0].outcomes), 'sample')} of {trial.n_rows_sampled} rows"
    if trial.samples_are_whole:
        where = "all rows: they are too few to sample"
    lines = [f"Tried, up to {_count(trial.n_steps, 'step')} from zero weights, on {where}"]
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
            f"  {_count(len(misled), 'stepsize')} passed on the samples and failed here: a sample "
            "can be easier than the whole, and separable where the whole is not."
        )
    return lines


def _describe_comparison(trial):
    if trial.comparison is None:
        return []
    arms = (trial.comparison.conservative, trial.comparison.recommended)
    if arms[0].samples:
        where = f"least to most on {_count(len(arms[0].samples), 'new sample')} | all rows"
    else:
        where = "all rows; without samples there is no spread"
    rows = [("stepsize", [f"{arm.stepsize:.4g}" for arm in arms])]
    for name, words, form in _measures(trial):
        rows.append((words, [_cell(arm, name, form) for arm in arms]))
    width = max(len(cells[0]) for _, cells in rows)
    lines = [f"  {words:<22}{cells[0]:<{width}}    {cells[1]}" for words, cells in rows]
    return [f"Conservative against recommended: {where}", *lines]


def _measures(trial):
    goal = {"separation": "steps to separation", "stop": "steps to the goal"}.get(trial.goal)
    measures = [] if goal is None else [("reached_at", goal, "d")]
    measures.append(("log_loss", "log loss at the end", ".4g"))
    if trial.goal == "objective":
        measures.append(("objective", "objective at the end", ".6g"))
    if any(outcome.separated_at is not None for outcome in trial.confirmations):
        measures.append(("margin", "least margin / |w|", ".3g"))
    return measures


def _cell(arm, name, form):
    full = _values([arm.full], name, form)
    return f"{_values(arm.samples, name, form)} | {full}" if arm.samples else full


def _values(outcomes, name, form):
    values = [getattr(outcome, name) for outcome in outcomes]
    known = [value for value in values if value is not None]
    if not known:
        return "never" if name == "reached_at" else "-"
    missing = len(values) - len(known)
    return _range(known, form) + (f", {missing} never" if missing else "")


def _advice(trial):
    best = trial.confirmed
    if best is None:
        yield f"  None: no stepsize held on all rows within {_count(trial.n_steps, 'step')}."
        if trial.conservative * trial.smoothness > ROUNDING:
            yield f"  With stepsizes up to {1.0 / trial.smoothness:.2g} the loss cannot increase."
        else:
            yield "  Take more steps, or a smaller start_stepsize."
        return
    yield f"  Use the stepsize {best.stepsize:.6g}: {describe_outcomes([best])}."
    if best.stepsize == trial.conservative:
        yield "  It is the conservative one; nothing larger that held on all rows did better."
    elif best.stepsize == trial.stages[-1].stepsize:
        yield "  It is the largest that was tried; more stages (n_stages) would go further."
    separated = [o for o in trial.confirmations if o.ending == "separated" and o.margin is not None]
    if separated and best.ending == "separated":
        wide = max(separated, key=lambda outcome: outcome.margin)
        if wide.margin > best.margin:
            yield (
                f"  Low loss is not a large margin: {wide.stepsize:.6g} ended with "
                f"{wide.margin:.3g} |w|, the recommended one with {best.margin:.3g} |w|."
            )
    if trial.goal == "separation" and not separated:
        yield (
            f"  Nothing that was run on all rows separated them within {trial.n_steps} steps: they "
            "may not be separable, or only by a tiny margin."
        )


def _certainty(trial):
    best = trial.confirmed
    if best is None:
        yield "  Nothing is recommended that was not seen to hold on all rows."
        return
    yield "  The recommended run was made on all rows, and the same call repeats it."
    if best.ending == "separated":
        yield f"  Its weights prove that the data are separable{THEORY[trial.loss]}."
        if best.verdict != "stable":
            yield f"  Within these steps it did not: its verdict is {best.verdict}."
    elif best.ending == "reached":
        yield f"  What follows after its goal is not known: its verdict is {best.verdict}."
    elif best.verdict == "stable":
        yield f"  It is stable. {best.evidence}"
    else:
        yield (
            f"  It is stable: the loss never increased, and the stepsize is 1 over the estimated "
            f"smoothness, {trial.smoothness:.3g}, or less."
        )
    if trial.comparison is not None and not trial.samples_are_whole:
        samples = trial.comparison.recommended.samples
        held = sum(outcome.held for outcome in samples)
        new = _count(len(samples), "new sample")
        yield f"  It held on {held} of {new} that had no part in the choice."
    if not trial.samples_are_whole and 2 * trial.n_rows_sampled > trial.rows:
        share = trial.n_rows_sampled / trial.rows
        yield f"  A sample is {share:.0%} of the rows: samples overlap, their spread is too small."
    yield "  Other data, other first weights and more steps were not tried."


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"
