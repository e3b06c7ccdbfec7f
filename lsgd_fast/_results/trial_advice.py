"""The advice of a staged trial, and how sure it is, as lines of text."""

from lsgd_fast._constants import EPSILON, STEPSIZE_ROUNDING
from lsgd_fast._results.trial_summary import describe_outcomes, judged_by, last_loss, range_text
from lsgd_fast._results.trial_words import nouns_of
from lsgd_fast._text import counted

__all__ = ["advice", "certainty"]

THEOREM = "Theorem 1 of arXiv:2402.15926"
LONG_ROW = 10.0  # norm of a row, beside the 1 of an intercept, that is worth a word


def advice(trial):
    """Yield which stepsize to use, why, and what else to try."""
    best, n_steps = trial.confirmed, counted(trial.n_steps, "step")
    if trial.ended and not trial.confirmations:
        yield f"  None: the callback ended the trial before its runs on {nouns_of(trial).whole}."
        return
    if best is None and trial.is_infinite:
        yield "  None: with no stepsize that held is what is held out finite, by which to choose."
    elif best is None:
        yield f"  None: no stepsize held on {nouns_of(trial).needed} within {n_steps}."
        if not trial.is_trained and trial.conservative * trial.smoothness > STEPSIZE_ROUNDING:
            yield f"  With stepsizes up to {1.0 / trial.smoothness:.2g} the loss cannot increase."
        else:
            smaller = "smaller stepsizes" if trial.stepsizes_given else "a smaller start_stepsize"
            more = "Let the training loop go on" if _has_ended(trial) else "Take more steps"
            yield f"  {more}, or {smaller}."
    else:
        text = f"{describe_outcomes([best], trial.goal)}{_outside_of_samples(trial, best)}"
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
    if trial.is_trained or outcomes[0].held_out_loss is None:
        return ""
    ((name, words, text_of),) = judged_by(trial.goal)
    return f"; {words} of the samples {range_text([getattr(o, name) for o in outcomes], text_of)}"


def _alternatives(trial, best):
    """Yield what speaks for other stepsizes that held."""
    largest = trial.stages[-1]
    if trial.goal == "loss" and best.loss <= EPSILON and not trial.is_trained:
        yield "  Losses up to 2.2e-16 count as equal, and the smallest of such stepsizes is best."
    elif best.stepsize == largest.stepsize > trial.conservative:
        more = f"more stages, such as n_stages={len(trial.stages) + 4}, try larger ones"
        more = "larger ones may do better" if trial.stepsizes_given else more
        yield f"  It is the largest one tried; {more}."
    elif best.stepsize == trial.conservative < largest.stepsize:
        whole = nouns_of(trial).whole
        yield f"  It is the smallest one; no larger one that held on {whole} did better."
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
        text = range_text(stepsizes, "{:.4g}".format)
        which = f"stepsize {text} was" if len(stepsizes) == 1 else f"stepsizes {text} were"
        yield (
            f"  When their steps ended, the {which} unsettled: the loss may still go up and down, "
            "which is neither success nor failure."
        )
    if trial.is_trained:
        yield from _of_losses(trial, stepsizes)
        return
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


def _has_ended(trial):
    """Return whether all unsettled runs of a training loop ended by themselves."""
    unsettled = [outcome for outcome in trial.outcomes if outcome.mark == "unsettled"]
    return bool(unsettled) and all(outcome.stop_reason == "train" for outcome in unsettled)


def _of_losses(trial, unsettled):
    """Yield which runs of a training loop ended by themselves, and what more steps would do."""
    outcomes, least = trial.outcomes, trial.losses_to_tell
    early = [outcome.n_steps for outcome in outcomes if outcome.stop_reason == "train"]
    if early:
        runs = counted(len(outcomes), "run")
        yield (
            f"  In {len(early)} of {runs} the training loop ended by itself, after "
            f"{range_text(early, str)} of {counted(trial.n_steps, 'step')}."
        )
    if not unsettled:
        return
    rule = f"{least} losses no larger stepsize is called stable, unless its loss comes to rest"
    if _has_ended(trial):
        yield f"  Let it go on, whatever n_steps: with fewer than {rule}."
    elif trial.n_steps < least:
        yield f"  With fewer than {rule}: try n_steps={least}."
    else:
        yield f"  More steps may tell: try n_steps={4 * trial.n_steps}."


def _prospects(trial, stepsizes, separated):
    """Yield what is known of the separation of all rows, and what it means for more steps."""
    n_steps, more = counted(trial.n_steps, "step"), f"n_steps={4 * trial.n_steps}"
    none = "" if separated else f"No run on all rows separated them within {n_steps}. "
    source = "" if trial.loss == "softmax" else f" ({THEOREM})"
    theorem = f"  Every constant stepsize settles on separable rows{source}, some only after many "
    theorem += f"steps: try {more}."
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


def certainty(trial):
    """Yield how sure the advice is."""
    best, nouns = trial.confirmed, nouns_of(trial)
    if best is None:
        yield f"  A stepsize is recommended only if it held on {nouns.needed}."
        return
    if trial.is_trained:
        yield (
            f"  The recommended stepsize was run on one more seed, {trial.seed}. Losses are all "
            "that is known of these runs, so nothing is proved."
        )
    else:
        yield "  The recommended stepsize was run on all rows; the same call repeats that run."
    yield from _why_it_held(trial, best)
    if trial.comparison is not None and not trial.samples_are_whole:
        samples = trial.comparison.recommended.samples
        held = sum(outcome.held for outcome in samples)
        new = counted(len(samples), f"new {nouns.sample}")
        yield f"  It held on {held} of {new} that had no part in the choice."
        yield from _contradiction(trial)
    share = 0.0 if trial.is_trained else trial.n_rows_sampled / trial.rows
    if 0.5 < share < 1.0:
        yield f"  Samples of {share:.0%} of the rows overlap, so their ranges are too narrow."
    yield f"  {nouns.untried} were not tried."


def _why_it_held(trial, best):
    """Yield why the recommended stepsize held."""
    if best.ending == "separated":
        yield "  Its weights prove that the rows are separable."
        if best.verdict != "stable":
            yield "  Within these steps it was not yet clear whether its loss increases again."
    elif best.ending == "reached":
        yield "  How it would go on after its target is unknown."
    elif best.verdict == "stable":
        yield f"  It is stable. {best.evidence}"
    elif trial.is_trained:
        yield f"  It counts as stable because its loss never increased. {best.evidence}"
    else:
        yield (
            "  It is stable: the loss never increased, and the stepsize is at most 1 over the "
            f"estimated smoothness, {trial.smoothness:.3g}."
        )


def _contradiction(trial):
    """Yield that the new samples speak against the choice, where it was made by samples.

    Other goals are judged on all rows, which samples cannot contradict.
    """
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    judged = judged_by(trial.goal) if trial.goal.startswith("held_out") else []
    if trial.goal == "loss" and trial.is_trained:
        judged = [last_loss(runs[0].samples)]
    for name, words, text_of in judged:
        values = [[getattr(outcome, name) for outcome in run.samples] for run in runs]
        if None in values[0] + values[1]:
            return
        other, this = (sum(found) / len(found) for found in values)
        if other < this and text_of(other) != text_of(this):
            yield (
                f"  On the new {nouns_of(trial).sample}s the stepsize {runs[0].stepsize:.4g} did "
                f"better: mean {words} {text_of(other)}, this one {text_of(this)}."
            )
