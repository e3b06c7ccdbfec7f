"""The backtracking line search of `stepsizes.Armijo`, by losses along the negative gradient."""

import math
from typing import NamedTuple

from lsgd_fast._constants import INCREASE_TOLERANCE, UNDERFLOW_LOSS
from lsgd_fast._methods.numerics import exponential, ratio, times_exp

__all__ = ["DescentLine", "PenaltyLine", "search_stepsize"]

# As many halvings lead from the largest float to the smallest one.
MAX_HALVINGS = 2100


class PenaltyLine(NamedTuple):
    """The penalty along a `DescentLine`, ``value + s * slope + s^2 / 2 * curvature``."""

    value: float
    slope: float
    curvature: float


class DescentLine:
    """The objective along the negative gradient, and whether it decreases enough.

    The points are ``w - s g / norm``, g the gradient divided by exp(log_scale).

    Parameters
    ----------
    evaluate : callable
        ``evaluate(s)`` returns the `LineValues` at s.
    norm : float
        The norm of g.
    log_scale : float
        The log scale of g.
    penalty : PenaltyLine or None
        None without a penalty.
    """

    def __init__(self, evaluate, norm, log_scale, penalty=None):
        self.evaluate, self.log_scale, self.penalty = evaluate, log_scale, penalty
        self.start = evaluate(0.0)
        self.height, self.slope = self.start.ln_loss, self.start.slope
        if penalty is not None:
            self.objective = self.start.loss + penalty.value
            self.height = math.log(self.objective) if self.objective > 0.0 else self.height
            self.slope += penalty.slope
        self.norm = norm
        # log of the decrease to first order for s = 1, over the objective
        self.log_promise = math.log(norm) + log_scale - self.height

    def is_low_enough(self, stepsize, decrease):
        """Return whether a step decreases the objective by this share of what it promises.

        Where that, or what is left of the promise, is within the rounding of the objective, the
        slopes decide, as if it were quadratic along the line (Hager and Zhang, SIAM J. Optim. 16,
        2005, section 2).
        """
        s = times_exp(stepsize, self.log_scale) * self.norm
        if s == 0.0:
            return True
        values = self.evaluate(s)
        increase = self._increase(values, s)
        promise = exponential(self.log_promise + math.log(s))
        rounding = INCREASE_TOLERANCE * max(1.0, abs(self.height))
        if min(decrease, 1.0 - decrease) * promise > rounding or not increase <= rounding:
            return increase <= -decrease * promise  # also for NaN
        slope = values.slope
        if self.penalty is not None:
            slope += self.penalty.slope + s * self.penalty.curvature
        return slope <= (2.0 * decrease - 1.0) * self.slope

    def _increase(self, values, s):
        """Return the increase of the objective over the objective at the start."""
        if self.penalty is not None:
            added = s * (self.penalty.slope + 0.5 * s * self.penalty.curvature)
            return ratio(values.loss - self.start.loss + added, self.objective)
        if min(values.loss, self.start.loss) >= UNDERFLOW_LOSS:
            return ratio(values.loss - self.start.loss, self.start.loss)
        return exponential(values.ln_loss - self.height, math.expm1)


def search_stepsize(rule, evaluate, norm, log_scale, penalty=None):
    """Return the first of eta_max, eta_max / 2, eta_max / 4 ... that decreases enough.

    The objective is convex, so that all stepsizes up to some length decrease it enough, and none
    beyond. So the number of halvings is found by bisection, after doubling it until it suffices: in
    two evaluations for each of its binary digits, with the result of trying one after the other.

    Parameters
    ----------
    rule : stepsizes.Armijo
    evaluate, norm, log_scale, penalty
        Those of `DescentLine`.

    Returns
    -------
    float
        The stepsize; 0.0 at a gradient of zero, or if rounding rejects all of them.
    """
    if norm == 0.0:
        return 0.0
    line = DescentLine(evaluate, norm, log_scale, penalty)
    if line.is_low_enough(rule.eta_max, rule.decrease):
        return rule.eta_max
    low, high = 0, 1  # numbers of halvings: too few, and maybe enough
    while not line.is_low_enough(math.ldexp(rule.eta_max, -high), rule.decrease):
        if high == MAX_HALVINGS:
            return 0.0
        low, high = high, min(2 * high, MAX_HALVINGS)
    while high - low > 1:
        middle = (low + high) // 2
        if line.is_low_enough(math.ldexp(rule.eta_max, -middle), rule.decrease):
            high = middle
        else:
            low = middle
    return math.ldexp(rule.eta_max, -high)
