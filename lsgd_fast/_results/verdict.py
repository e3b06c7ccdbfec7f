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

__all__ = [
    "DIVERGED", "MIN_QUIET_STEPS", "MIN_STATIONARY_STEPS", "MIN_STEPS", "Verdict", "find_evidence",
    "find_observed_verdict", "find_verdict", "is_stationary", "promise_per_step",
]  # fmt: skip

DIVERGED = ("diverged", {})  # the fact that a run left float64

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
    if diag.model == "network" and diag.n_steps >= MIN_STEPS:
        # its loss is not convex, so that calm and cycles prove nothing
        return Verdict.unstable if diag.window_increases > 0 else Verdict.undecided
    return find_observed_verdict(diag)


def find_observed_verdict(diag):
    """Return the `Verdict` by what was observed alone, where nothing is proved."""
    if diag.n_seen < MIN_STEPS:
        return Verdict.undecided
    if _is_cycling(diag):
        return Verdict.cycling
    if _is_settled(diag):
        return Verdict.stable
    return Verdict.unstable if diag.window_increases > 0 else Verdict.undecided


def _proof(diag):
    """Return the fact that the objective cannot increase any more, or None."""
    if diag.certified_at is not None:
        return "proved_certified", {"step": diag.certified_at}
    if diag.is_small:
        bound = "R^2/4" if diag.curvature == 0.25 else f"{diag.curvature:.3g} R^2"
        bound = "R^2/2" if diag.model == "softmax" else bound
        return "proved_small", {"bound": bound, "name": _name(diag)}
    if diag.is_zero:
        return "proved_zero_loss", {}
    if diag.is_at_rest:
        return "proved_at_rest", {}
    return None


def _is_cycling(diag):
    if diag.separated_at is not None and not diag.penalised:
        return False  # it becomes stable, by Theorem 1 or because its drift cannot be so small
    if not diag.drift <= CYCLE_DRIFT or is_stationary(diag) or not _is_steady(diag):
        return False
    if diag.window_increases > 0:
        return abs(diag.fall) <= BROKEN_PROMISE * diag.promise
    return _is_flat(diag)  # {(1, +), (1, -)} cycles between -w and w, of equal loss


def _is_settled(diag):
    """Return whether a run looks stable, although nothing is proved."""
    if is_stationary(diag):
        return diag.n_seen >= MIN_STATIONARY_STEPS
    if diag.n_seen < MIN_QUIET_STEPS:
        return False
    if diag.last_increase > diag.window // 2 or not diag.sharpness <= MAX_SHARPNESS:
        return False
    shrinks = promise_per_step(diag) <= SETTLING_PROMISE * diag.earlier_promise
    return shrinks and diag.fall >= KEPT_PROMISE * diag.promise


def is_stationary(diag):
    """Return whether the promise of a step is below the rounding of the objective."""
    if diag.high == math.inf:  # a penalty overflows long before the weights do
        return False
    return promise_per_step(diag) <= diag.rounding


def _is_steady(diag):
    low, high = STEADY_PROMISE * diag.earlier_promise, diag.earlier_promise / STEADY_PROMISE
    return low <= promise_per_step(diag) <= high


def _is_flat(diag):
    return diag.high - diag.low <= diag.rounding


def promise_per_step(diag):
    """Return the mean promise of a step in the window."""
    return diag.promise / max(1, diag.n_steps - diag.window)


def find_evidence(diag):
    """Return the evidence for the verdict as facts, from which any language makes sentences.

    A fact is a key of the texts of `_pages` and its fields by name. Keys begin with what they are:
    "proved", "seen" or "open".
    """
    found = find_verdict(diag)
    if found is Verdict.diverged:
        return [DIVERGED]
    if found is Verdict.stable and _proof(diag) is not None:
        return [_proof(diag)]
    if diag.n_steps < MIN_STEPS:
        return [("open_few_steps", {"n_steps": diag.n_steps, "least": MIN_STEPS})]
    facts = [_increases(diag)]
    if found is Verdict.stable:
        facts.append(("seen_vanished" if is_stationary(diag) else "seen_settling", {}))
    elif found is Verdict.undecided and diag.model == "network":
        facts.append(("open_network", {}))
    elif found is Verdict.undecided:
        facts.append(_doubt(diag))
    else:
        facts.append(_window(diag))
    if diag.model == "network":
        return facts
    if diag.separated_at is not None and not diag.penalised:
        then = ("_theorem" if diag.model == "linear" else "_classes") if diag.is_covered else ""
        facts.append((f"proved_separated{then}", {"step": diag.separated_at}))
    elif not diag.penalised and diag.drift < 0.1:
        margin = diag.drift * (math.sqrt(2.0) if diag.model == "softmax" else 1.0)
        facts.append(("proved_margin", {"margin": margin}))
    elif found is Verdict.cycling:
        facts.append(("seen_return", {"drift": diag.drift}))
    return facts


def _increases(diag):
    fields = {"name": _name(diag), "n_steps": diag.n_steps}
    if diag.n_increases == 0:
        return "seen_calm", fields
    fields |= {"n_increases": diag.n_increases, "last": diag.last_increase}
    return "seen_increases", fields | {"most": diag.largest_increase}


def _window(diag):
    fields = {"n_steps": diag.n_steps - diag.window, "n_increases": diag.window_increases}
    fields |= {"low": diag.low, "high": diag.high, "promise": diag.promise}
    if diag.fall <= 0.0:
        return "seen_window_no_fall", fields
    return "seen_window", fields | {"fall": diag.fall}


def _doubt(diag):
    least = MIN_STATIONARY_STEPS if is_stationary(diag) else MIN_QUIET_STEPS
    if diag.n_steps < least:
        return "open_short", {"least": least}
    if diag.last_increase > diag.window // 2:
        return "open_short_calm", {}
    if not diag.sharpness <= MAX_SHARPNESS:
        return "open_sharp", {}
    return "open_hardly_shrinks", {}


def _name(diag):
    return "objective" if diag.penalised else "loss"
