"""The verdict on a run of gradient descent: what its diagnostics mean, and the evidence in words.

A run is judged by a window, the last half of it or more, compared with the window before.

* *Increases* of the objective: their number, and the step of the last one.
* *Promise* and *fall*. To first order a step lowers the objective by ``eta |gradient|^2``. A run
  that makes progress keeps a good part of this promise; one that cycles promises as much in every
  window and keeps nothing.
* *Drift*: the distance that the weights cover, divided by the length of their path. Without a
  penalty it bounds the margin of the data (see reference/_monitor.py).
* *Proofs* that the objective cannot increase any more.
"""

import math
from enum import StrEnum

from lsgd_fast._constants import INCREASE_TOLERANCE
from lsgd_fast._text import ENDINGS, counted

__all__ = ["DIVERGED", "MIN_STEPS", "Verdict", "find_verdict", "write_evidence"]

DIVERGED = f"{ENDINGS['diverged'][1].capitalize()}."

# The end of the third window of the monitor: shorter runs have a verdict only where it is proved.
MIN_STEPS = 64

# The limits below are measured by benchmarks/quality_verdict.py.

# From here on a run may be called stable without a proof. If the gradient has vanished: growth by a
# tenth per step, with a stepsize 5 % above the critical one, has left rounding by then. If it has
# not: sharpness can grow on the way, such as on standardised breast_cancer, where stepsize 20 is
# calm from step 2 to 186 and then oscillates.
MIN_STATIONARY_STEPS = 400
MIN_QUIET_STEPS = 1000

# Cycling needs a drift below this, and with it a proof that no direction has a margin above this
# share of the radius. On standardised breast_cancer, which is separable by a small margin, the
# least drift is 5e-4 after 10^5 steps. A cycle of two closes at 3e-14; irregular orbits get here
# after some 1000 steps in one dimension, and after some 10^4 in a hundred.
CYCLE_DRIFT = 2e-6

# A run is not called stable without a proof if the proof is missed by a larger factor than this:
# one row far out can make the loss sharp by any factor, once its margin is near 0.
MAX_SHARPNESS = 1000.0

# The promise per step divided by that of the window before. In a cycle it is 1, on irregular orbits
# nearly so. Towards a minimiser it falls, to 1/2 at the critical stepsize itself, where weights
# converge like 1/sqrt(t). If it does not fall to 3/4 without oscillation, the path may lead
# anywhere.
STEADY_PROMISE = 0.7
SETTLING_PROMISE = 0.75

# The fall of the objective divided by its promise: 0 in a closed cycle, 0.05 with a stepsize 5 %
# below the critical one, near 1 in smooth descent.
BROKEN_PROMISE = 0.1
KEPT_PROMISE = 0.5


class Verdict(StrEnum):
    """The verdict on a run. A member is also the string of its name.

    Attributes
    ----------
    stable
        The objective increases no more: this is proved, or it has not increased for most of a long
        run.
    unstable
        Increases continue.
    cycling
        The weights return, with steps as long as ever, and the objective makes no progress.
    diverged
        The loss or the weights left float64.
    undecided
        The run is too short for a verdict.
    """

    stable = "stable"
    unstable = "unstable"
    cycling = "cycling"
    diverged = "diverged"
    undecided = "undecided"


def find_verdict(diag):
    """Return the `Verdict` on a run with these `Diagnostics`."""
    if diag.diverged:
        return Verdict.diverged
    if _proof(diag) is not None:
        return Verdict.stable
    if diag.n_steps < MIN_STEPS:
        return Verdict.undecided
    if diag.model == "network":  # its loss is not convex, so that calm and cycles prove nothing
        return Verdict.unstable if diag.window_increases > 0 else Verdict.undecided
    if _is_cycling(diag):
        return Verdict.cycling
    if _is_settled(diag):
        return Verdict.stable
    return Verdict.unstable if diag.window_increases > 0 else Verdict.undecided


def _proof(diag):
    """Return why the objective cannot increase any more, or None."""
    if diag.certified_at is not None:
        return (
            f"stepsize * R^2 * loss is at most 1 at step {diag.certified_at}, where R is the "
            "largest norm of a row: from there on theory guarantees that the loss falls"
        )
    if diag.is_small:
        bound = "R^2/4" if diag.curvature == 0.25 else f"{diag.curvature:.3g} R^2"
        bound = "R^2/2" if diag.model == "softmax" else bound
        return (
            f"stepsize * ({bound} + l2) is at most 2, where R is the largest norm of a row: with "
            f"such a stepsize the {_name(diag)} never increases"
        )
    if diag.is_at_rest:
        return "the gradient is exactly zero: the weights do not move"
    return None


def _is_cycling(diag):
    if diag.separated_at is not None and not diag.penalised:
        return False  # it becomes stable, by Theorem 1 or because its drift cannot be so small
    if not diag.drift <= CYCLE_DRIFT or _is_stationary(diag) or not _is_steady(diag):
        return False
    if diag.window_increases > 0:
        return abs(diag.fall) <= BROKEN_PROMISE * diag.promise
    return _is_flat(diag)  # {(1, +), (1, -)} cycles between -w and w, of equal loss


def _is_settled(diag):
    """Return whether a run looks stable, although nothing is proved."""
    if _is_stationary(diag):
        return diag.n_steps >= MIN_STATIONARY_STEPS
    if diag.n_steps < MIN_QUIET_STEPS:
        return False
    if diag.last_increase > diag.window // 2 or not diag.sharpness <= MAX_SHARPNESS:
        return False
    shrinks = _promise_per_step(diag) <= SETTLING_PROMISE * diag.earlier_promise
    return shrinks and diag.fall >= KEPT_PROMISE * diag.promise


def _is_stationary(diag):
    """Return whether the promise of a step is below the rounding of the objective."""
    if diag.high == math.inf:  # a penalty overflows long before the weights do
        return False
    return _promise_per_step(diag) <= INCREASE_TOLERANCE * diag.high


def _is_steady(diag):
    low, high = STEADY_PROMISE * diag.earlier_promise, diag.earlier_promise / STEADY_PROMISE
    return low <= _promise_per_step(diag) <= high


def _is_flat(diag):
    return diag.high - diag.low <= INCREASE_TOLERANCE * diag.high


def _promise_per_step(diag):
    return diag.promise / max(1, diag.n_steps - diag.window)


def write_evidence(diag):
    """Return the evidence for the verdict, a few sentences."""
    found = find_verdict(diag)
    if found is Verdict.diverged:
        return DIVERGED
    if found is Verdict.stable and _proof(diag) is not None:
        return _sentence(_proof(diag))
    if diag.n_steps < MIN_STEPS:
        return f"Too short to tell: {counted(diag.n_steps, 'step')}, fewer than {MIN_STEPS}."
    sentences = [_describe_increases(diag)]
    if found is Verdict.stable:
        sentences.append(_describe_settling(diag))
    elif found is Verdict.undecided and diag.model == "network":
        sentences.append("No theorem says that it stays so: the loss of a network is not convex.")
    elif found is Verdict.undecided:
        sentences.append(_describe_doubt(diag))
    else:
        sentences.append(_describe_window(diag))
    if diag.model == "network":
        return " ".join(sentences)
    if diag.separated_at is not None and not diag.penalised:
        theorem = ", and then every constant stepsize becomes stable (Theorem 1)"
        theorem = theorem if diag.is_covered and diag.model == "linear" else ""
        sentences.append(f"The data were separated at step {diag.separated_at}{theorem}.")
    elif not diag.penalised and diag.drift < 0.1:
        margin = diag.drift * (math.sqrt(2.0) if diag.model == "softmax" else 1.0)
        sentences.append(f"No direction has a margin above {margin:.2g} R.")
    elif found is Verdict.cycling:
        sentences.append(f"The weights returned to within {diag.drift:.2g} of their path.")
    return " ".join(sentences)


def _describe_increases(diag):
    name = _name(diag)
    if diag.n_increases == 0:
        return f"The {name} never increased in {counted(diag.n_steps, 'step')}."
    return (
        f"The {name} increased {counted(diag.n_increases, 'time')} in "
        f"{counted(diag.n_steps, 'step')}, last at step {diag.last_increase}, at most "
        f"{diag.largest_increase:.3g} times."
    )


def _describe_window(diag):
    kept = f"fell by {diag.fall:.3g} where its gradients promised {diag.promise:.3g}"
    if diag.fall <= 0.0:
        kept = f"did not fall, where its gradients promised {diag.promise:.3g}"
    times = counted(diag.window_increases, "time")
    return (
        f"In the last {diag.n_steps - diag.window} it increased {times}, "
        f"was between {diag.low:.6g} and {diag.high:.6g}, and {kept}."
    )


def _describe_settling(diag):
    if _is_stationary(diag):
        return "Its gradient has vanished but for rounding. This is observed, not proved."
    return "It falls as its gradient promises, and that shrinks: observed, not proved."


def _describe_doubt(diag):
    least = MIN_STATIONARY_STEPS if _is_stationary(diag) else MIN_QUIET_STEPS
    if diag.n_steps < least:
        return f"Too short to tell: nothing is proved, and there are fewer than {least}."
    if diag.last_increase > diag.window // 2:
        return "The calm since then is too short to tell."
    if not diag.sharpness <= MAX_SHARPNESS:
        return "Nothing is proved, and rows far out may make it sharp at any time."
    return "Too short to tell: nothing is proved, and its gradient hardly shrinks."


def _name(diag):
    return "objective" if diag.penalised else "loss"


def _sentence(text):
    return text[0].upper() + text[1:] + "."
