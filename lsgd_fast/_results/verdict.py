"""The verdict on a run: what its diagnostics mean, and the same in words.

A run is judged by a window, the last half of it or more, next to the window before.

* *Increases* of the objective: how many, and when the last one was.
* *Promise* and *fall*. To first order a step lowers the objective by ``eta |gradient|^2``. A
  descent that goes somewhere keeps a good part of such promises; one that cycles promises as much
  in every window and keeps nothing.
* *Drift*: how far the weights get, as a share of their path. Without a penalty it bounds the
  margin of the data (see `monitor`).
* *Proofs* that the objective cannot increase any more.
"""

import math
from dataclasses import dataclass, fields
from enum import StrEnum

from lsgd_fast._constants import INCREASE_TOLERANCE

__all__ = ["MIN_STEPS", "Diagnostics", "Verdict", "evidence", "verdict"]

# The end of the monitor's third window: below this nothing is judged but what is proved.
MIN_STEPS = 64

# `python benchmarks/quality_verdict.py` prints what the limits below are measured by.

# From here on a run may be called stable without a proof: where the gradient has vanished, because
# what grows by a tenth per step, with a stepsize 5 % above the critical one, is out of rounding by
# then; and where it has not. Sharpness can grow on the way: standardised breast_cancer with
# stepsize 20 is calm from step 2 to 186 and then oscillates.
MIN_STATIONARY_STEPS = 400
MIN_QUIET_STEPS = 1000

# Cycling needs a drift below this, and with it a proof that no direction has a margin above this
# share of the radius. On standardised breast_cancer, which is separable by a small margin, the
# least drift is 5e-4 after 10^5 steps. A cycle of two closes at 3e-14, irregular orbits in one
# dimension get here after some 1000 steps, in a hundred after some 10^4.
CYCLE_DRIFT = 2e-6

# Nor is a run called stable without a proof if the proof is missed by a larger factor than this:
# one row far out can make the loss sharp by any factor, once its margin gets near 0.
MAX_SHARPNESS = 1000.0

# The promise per step, as a share of that in the window before. In a cycle it is 1, on irregular
# orbits nearly so; towards a minimiser it falls, at the critical stepsize itself, where weights
# converge like 1/sqrt(t), to 1/2. Where it falls less than to 3/4 without oscillation, the way may
# lead anywhere.
STEADY_PROMISE = 0.7
SETTLING_PROMISE = 0.75

# The fall of the objective as a share of its promise: in a closed cycle 0, 0.05 with a stepsize 5 %
# below the critical one, near 1 in smooth descent.
BROKEN_PROMISE = 0.1
KEPT_PROMISE = 0.5


class Verdict(StrEnum):
    """What became of a run. A member is also the string of its name."""

    stable = "stable"  # no further increase: proved, or none for most of a long run
    unstable = "unstable"  # increases go on
    cycling = "cycling"  # steps as long as ever lead nowhere
    diverged = "diverged"  # the loss or the weights left float64
    undecided = "undecided"  # too short to check_stopping


@dataclass(frozen=True, kw_only=True)
class Diagnostics:
    """What a run showed; its verdict depends on nothing else.

    Attributes
    ----------
    n_steps : int
        Steps taken.
    penalised : bool
        Whether l2 > 0; otherwise the objective is the loss.
    diverged : bool
        Whether the loss or the weights left float64.
    separated_at, certified_at : int or None
        As in `Run`.
    is_small : bool
        Whether ``eta * (c R^2 + l2) <= 2``, c the `curvature` of the loss, for all stepsizes of
        the run: with such ones the objective never increases.
    sharpness : float
        ``eta * (R^2 min(loss, 1/4) + l2)`` with the last loss and stepsize (with the constants of
        another loss in place of 1 and 1/4): an upper bound of the stepsize times the sharpness
        there, which must exceed 2 for oscillations to grow.
    is_at_rest : bool
        Whether the last gradient was exactly zero.
    n_increases, last_increase : int
        How often the objective increased by more than rounding, and at which step last (or 0).
    largest_increase : float
        The largest factor of an increase; 1.0 without any.
    window : int
        The step at which the window that is judged begins. The one before began at half of it.
    window_increases : int
        Increases in the window.
    low, high : float
        Least and largest objective in the window: it oscillates between them.
    fall : float
        Objective at the beginning of the window less that at its end.
    promise : float
        Sum of ``eta * |gradient|^2`` over the steps of the window.
    earlier_promise : float
        The mean of the same per step in the window before.
    drift : float
        Distance between two weights, or two means of weights, as a share of the path between them.
        Without a penalty the least found so far, and a proof: no direction has a margin above
        ``drift * R`` (of softmax, ``sqrt(2) * drift * R``). With one, the least in the last two
        whole windows. Of a network infinite: not looked at.
    curvature : float
        Largest second derivative of the loss.
    is_covered : bool
        Whether Theorem 1 speaks of the run: a linear model, a constant stepsize and the logistic
        loss.
    model : {"linear", "softmax", "network"}
        Whose run it is. Of a network next to nothing is known.
    """

    n_steps: int
    penalised: bool
    diverged: bool
    separated_at: int | None
    certified_at: int | None
    is_small: bool
    sharpness: float
    is_at_rest: bool
    n_increases: int
    last_increase: int
    largest_increase: float
    window: int
    window_increases: int
    low: float
    high: float
    fall: float
    promise: float
    earlier_promise: float
    drift: float
    curvature: float = 0.25
    is_covered: bool = True
    model: str = "linear"

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, field.type) or (type(value) is bool) != (field.type is bool):
                raise TypeError(f"diagnostics.{field.name} is {value!r}")
        if self.model not in ("linear", "softmax", "network"):
            raise ValueError(f"diagnostics.model is {self.model!r}")


def verdict(diagnostics):
    """Return the verdict on a run.

    Parameters
    ----------
    diagnostics : Diagnostics

    Returns
    -------
    Verdict
    """
    if diagnostics.diverged:
        return Verdict.diverged
    if _proof(diagnostics) is not None:
        return Verdict.stable
    if diagnostics.n_steps < MIN_STEPS:
        return Verdict.undecided
    if diagnostics.model == "network":  # its loss is not convex: calm and cycles prove nothing
        return Verdict.unstable if diagnostics.window_increases > 0 else Verdict.undecided
    if _is_cycling(diagnostics):
        return Verdict.cycling
    if _is_settled(diagnostics):
        return Verdict.stable
    return Verdict.unstable if diagnostics.window_increases > 0 else Verdict.undecided


def _proof(diagnostics):
    """Return why the objective cannot increase any more, or None."""
    if diagnostics.certified_at is not None:
        return f"eta R^2 loss <= 1 at step {diagnostics.certified_at}: it cannot increase after that"
    if diagnostics.is_small and diagnostics.model == "softmax":
        return f"eta (R^2/2 + l2) <= 2: with such a stepsize the {_name(diagnostics)} never increases"
    if diagnostics.is_small:
        bound = "R^2/4" if diagnostics.curvature == 0.25 else f"{diagnostics.curvature:.3g} R^2"
        return f"eta ({bound} + l2) <= 2: with such a stepsize the {_name(diagnostics)} never increases"
    if diagnostics.is_at_rest:
        return "the gradient is exactly zero: the weights do not move"
    return None


def _is_cycling(diagnostics):
    if diagnostics.separated_at is not None and not diagnostics.penalised:
        return False  # such a run becomes stable, by Theorem 1; others have no drift so small
    if not diagnostics.drift <= CYCLE_DRIFT or _is_stationary(diagnostics) or not _is_steady(diagnostics):
        return False
    if diagnostics.window_increases > 0:
        return abs(diagnostics.fall) <= BROKEN_PROMISE * diagnostics.promise
    return _is_flat(diagnostics)  # {(1, +), (1, -)} cycles between -w and w, of equal loss


def _is_settled(diagnostics):
    """Whether a run looks stable, though nothing is proved."""
    if _is_stationary(diagnostics):
        return diagnostics.n_steps >= MIN_STATIONARY_STEPS
    if diagnostics.n_steps < MIN_QUIET_STEPS:
        return False
    if diagnostics.last_increase > diagnostics.window // 2 or not diagnostics.sharpness <= MAX_SHARPNESS:
        return False
    shrinks = _promise_per_step(diagnostics) <= SETTLING_PROMISE * diagnostics.earlier_promise
    return shrinks and diagnostics.fall >= KEPT_PROMISE * diagnostics.promise


def _is_stationary(diagnostics):
    """Whether steps promise less than rounding can show."""
    if diagnostics.high == math.inf:  # a penalty overflows long before the weights do
        return False
    return _promise_per_step(diagnostics) <= INCREASE_TOLERANCE * diagnostics.high


def _is_steady(diagnostics):
    low, high = STEADY_PROMISE * diagnostics.earlier_promise, diagnostics.earlier_promise / STEADY_PROMISE
    return low <= _promise_per_step(diagnostics) <= high


def _is_flat(diagnostics):
    return diagnostics.high - diagnostics.low <= INCREASE_TOLERANCE * diagnostics.high


def _promise_per_step(diagnostics):
    return diagnostics.promise / max(1, diagnostics.n_steps - diagnostics.window)


def evidence(diagnostics):
    """Return what the verdict rests on, in words.

    Parameters
    ----------
    diagnostics : Diagnostics

    Returns
    -------
    str
        A few sentences.
    """
    found = verdict(diagnostics)
    if found is Verdict.diverged:
        return "The loss or the weights left the range of float64."
    if found is Verdict.stable and _proof(diagnostics) is not None:
        return _sentence(_proof(diagnostics))
    if diagnostics.n_steps < MIN_STEPS:
        return f"Too short to check_stopping: {_count(diagnostics.n_steps, 'step')}, fewer than {MIN_STEPS}."
    told = [_describe_increases(diagnostics)]
    if found is Verdict.stable:
        told.append(_describe_settling(diagnostics))
    elif found is Verdict.undecided and diagnostics.model == "network":
        told.append("No theorem says that it stays so: the loss of a network is not convex.")
    elif found is Verdict.undecided:
        told.append(_describe_doubt(diagnostics))
    else:
        told.append(_describe_window(diagnostics))
    if diagnostics.model == "network":
        return " ".join(told)
    if diagnostics.separated_at is not None and not diagnostics.penalised:
        theorem = ", and then every constant stepsize becomes stable (Theorem 1)"
        theorem = theorem if diagnostics.is_covered and diagnostics.model == "linear" else ""
        told.append(f"The data were separated at step {diagnostics.separated_at}{theorem}.")
    elif not diagnostics.penalised and diagnostics.drift < 0.1:
        margin = diagnostics.drift * (math.sqrt(2.0) if diagnostics.model == "softmax" else 1.0)
        told.append(f"No direction has a margin above {margin:.2g} R.")
    elif found is Verdict.cycling:
        told.append(f"The weights returned to within {diagnostics.drift:.2g} of their path.")
    return " ".join(told)


def _describe_increases(diagnostics):
    name = _name(diagnostics)
    if diagnostics.n_increases == 0:
        return f"The {name} never increased in {_count(diagnostics.n_steps, 'step')}."
    return (
        f"The {name} increased {_count(diagnostics.n_increases, 'time')} in "
        f"{_count(diagnostics.n_steps, 'step')}, last at step {diagnostics.last_increase}, at most "
        f"{diagnostics.largest_increase:.3g} times."
    )


def _describe_window(diagnostics):
    kept = f"fell by {diagnostics.fall:.3g} where its gradients promised {diagnostics.promise:.3g}"
    if diagnostics.fall <= 0.0:
        kept = f"did not fall, where its gradients promised {diagnostics.promise:.3g}"
    return (
        f"In the last {diagnostics.n_steps - diagnostics.window} it increased {diagnostics.window_increases} times, "
        f"was between {diagnostics.low:.6g} and {diagnostics.high:.6g}, and {kept}."
    )


def _describe_settling(diagnostics):
    if _is_stationary(diagnostics):
        return "Its gradient has vanished but for rounding. This is observed, not proved."
    return "It falls as its gradient promises, and that shrinks: observed, not proved."


def _describe_doubt(diagnostics):
    least = MIN_STATIONARY_STEPS if _is_stationary(diagnostics) else MIN_QUIET_STEPS
    if diagnostics.n_steps < least:
        return f"Too short to check_stopping: nothing is proved, and there are fewer than {least}."
    if diagnostics.last_increase > diagnostics.window // 2:
        return "The calm since then is too short to check_stopping."
    if not diagnostics.sharpness <= MAX_SHARPNESS:
        return "Nothing is proved, and rows far out may make it sharp at any time."
    return "Too short to check_stopping: nothing is proved, and its gradient hardly shrinks."


def _name(diagnostics):
    return "objective" if diagnostics.penalised else "loss"


def _sentence(text):
    return text[0].upper() + text[1:] + "."


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"
