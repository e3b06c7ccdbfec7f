"""The page of a plan."""

import math

from lsgd_fast._pages.page import Markup, answer, facts, items, note, page, section

__all__ = ["plan_page"]


def plan_page(plan, sections, say):
    """Return the page of a `Plan` in the language of `say`.

    Parameters
    ----------
    plan : Plan
    sections : list of (fact, list)
        Its report, see `lsgd_fast._planning.report.sections`.
    say : Phrases
    """
    (title, run), *others = sections
    return page(
        say,
        say("plan_title"),
        answer(_answer(plan, say), say.words(title)),
        section(say("plan_asked"), _rows(run, say)),
        *(section(say.words(name), _rows(rows, say)) for name, rows in others),
        section(say("how_sure"), items(_how_sure(plan, say))),
    )


def _answer(plan, say):
    known = not math.isnan(plan.step_seconds)
    if plan.peak_bytes is None:
        if known:
            return say("plan_answer_step", seconds=plan.step_seconds)
        return say("plan_answer_nothing")
    if known:
        return say("plan_answer", seconds=plan.seconds, peak=plan.peak_bytes)
    return say("plan_answer_memory", peak=plan.peak_bytes)


def _rows(rows, say):
    pairs = [(row[0] and say.words(row[0]), say.words(row[1])) for row in rows if len(row) == 2]
    notes = [note(say.words(row[0])) for row in rows if len(row) == 1]
    return Markup("".join([facts(pairs), *notes]))


def _how_sure(plan, say):
    if plan.bounds.transition_steps is not None:
        yield say("plan_proved")
    yield say("plan_counted")
    if not math.isnan(plan.step_seconds):
        yield say("plan_measured")
    if plan.measured_shape != (plan.n, plan.d):
        n, d = plan.measured_shape
        yield say("plan_scaled", n=n, d=d)
    yield say("plan_not_run")
    yield say("plan_for_zeros")
