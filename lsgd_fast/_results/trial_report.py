"""The report of a staged trial, as text for a terminal."""

import textwrap

from lsgd_fast._html import html_table
from lsgd_fast._results.trial_advice import advice, certainty
from lsgd_fast._results.trial_summary import (
    describe_outcomes,
    judged_by,
    last_loss,
    number,
    range_text,
)
from lsgd_fast._results.trial_words import describe_words, nouns_of
from lsgd_fast._text import WIDTH, counted

__all__ = ["report", "report_html"]

NAME_WIDTH = 23  # of the first column of the comparison

# What the trial looks for, by its goal, and that of a training loop.
GOAL_WORDS = {
    "loss": "the lowest loss",
    "held_out_loss": "the lowest loss on rows outside of the sample",
    "held_out_error": "the fewest errors on rows outside of the sample",
    "margin": "the largest margin",
    "steps": "the fewest steps to a target in stop",
}
GOAL_WORDS_OF_LOSSES = GOAL_WORDS | {"held_out_loss": "the lowest held-out loss"}
STARTS = {"zeros": "zero weights", "base rate": "zero weights and the intercept of the base rate"}


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
        *advice(trial),
        "How sure this is",
        *certainty(trial),
    ]
    words = describe_words(trial, "\n".join(body))
    head = f"{_title(trial)}: {_cost(trial)}"
    return "\n".join(line for part in [head, *words, *body] for line in _wrap(part))


def report_html(trial):
    """Return a trial as a table for notebooks: a row for each stepsize, and the advice."""
    confirmed = {o.stepsize: f"{o.mark}: {_summary(trial, o)}" for o in trial.confirmations}
    nouns = nouns_of(trial)
    rows, header = [], ["stepsize", f"{nouns.sample}s", nouns.whole]
    for stage in trial.stages:
        on_all = confirmed.get(stage.stepsize, "not run")
        rows.append([f"{stage.stepsize:.4g}", f"{stage.mark}: {stage.reason}", on_all])
    if trial.samples_are_whole:
        for row in [header, *rows]:
            del row[1]
    text = " ".join(line.strip() for line in advice(trial))
    return html_table(f"{_title(trial)}. {text}", rows, header)


def _title(trial):
    if trial.is_trained:
        return f"Staged trial of a training loop, for {GOAL_WORDS_OF_LOSSES[trial.goal]}"
    data = f"{counted(trial.rows, 'row')} of {counted(trial.n_features, 'feature')}"
    data += " and an intercept" * trial.fit_intercept
    data += f" in {trial.n_classes} classes" if trial.loss == "softmax" else ""
    goal = "the lowest loss with its penalty" if _has_objective(trial) else GOAL_WORDS[trial.goal]
    return f"Staged trial on {data}, for {goal}"


def _cost(trial):
    if trial.is_trained:
        return f"it took {counted(f'{trial.total_steps:,}', 'step')}"
    return (
        f"it took {trial.passes:.0f} passes over the data; a run of "
        f"{counted(trial.n_steps, 'step')} takes {trial.n_steps + 1}"
    )


def _has_objective(trial):
    return trial.goal == "loss" and trial.l2 > 0.0


def _summary(trial, outcome):
    return describe_outcomes([outcome], trial.goal)


def _wrap(line):
    """Return the lines of a text that may be indented, with a hanging indent."""
    margin = " " * (4 if line.startswith("  ") else 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin, break_on_hyphens=False)


def _describe_stages(trial):
    n_steps = counted(trial.n_steps, "step")
    lines = [f"Stages: up to {n_steps} {_where(trial)}"]
    if trial.updates_per_epoch > 1:
        lines[0] += f"; a loss is the mean of {trial.updates_per_epoch}"
    for stage in trial.stages:
        lines.append(f"  {stage.stepsize:<9.4g} {stage.mark:<9} {stage.reason}")
    return lines


def _where(trial):
    """Return where the runs of the stages start, and on what they run."""
    parts = counted(len(trial.stages[0].outcomes), nouns_of(trial).sample)
    if trial.is_trained:
        return f"on {parts}"
    if trial.samples_are_whole:
        return f"from {STARTS[trial.start]} on all rows, as a sample would have them all"
    return f"from {STARTS[trial.start]} on {parts} of {trial.n_rows_sampled} rows"


def _describe_confirmations(trial):
    if trial.samples_are_whole:
        return ["These runs were made on all rows, so they need no confirmation"]
    nouns = nouns_of(trial)
    lines = [f"Confirmation on {nouns.whole}"] if trial.confirmations else []
    for outcome in trial.confirmations:
        lines.append(f"  {outcome.stepsize:<9.4g} {outcome.mark:<9} {_summary(trial, outcome)}")
    passed = {stage.stepsize for stage in trial.stages if stage.passed}
    misled = [o for o in trial.confirmations if o.stepsize in passed and not o.held]
    if misled:
        lines.append(
            f"  {counted(len(misled), 'stepsize')} passed on the {nouns.sample}s and did not hold "
            f"here: {nouns.misleading}."
        )
    return lines


def _describe_comparison(trial):
    if trial.comparison is None:
        return []
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    if runs[0].samples:
        nouns = nouns_of(trial)
        new = counted(len(runs[0].samples), f"new {nouns.sample}")
        where = f"range over {new} | {nouns.whole}"
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
    numbers.append(last_loss(trial.confirmations))
    if trial.l2 > 0.0:
        numbers.append(("objective", "last loss with penalty", number))
    if trial.goal == "margin" or any(o.ending == "separated" for o in trial.confirmations):
        numbers.append(("margin", "margin", number))
    return numbers + [row for row in judged_by(trial.goal) if row[0] != "margin"]


def _cell(run, name, text_of):
    full = _values([run.full], name, text_of)
    return f"{_values(run.samples, name, text_of)} | {full}" if run.samples else full


def _values(outcomes, name, text_of):
    values = [getattr(outcome, name) for outcome in outcomes]
    known = [value for value in values if value is not None]
    if not known:
        return "never" if name in ("reached_at", "separated_at") else "-"
    missing = len(values) - len(known)
    return range_text(known, text_of) + (f", {missing} never" if missing else "")
