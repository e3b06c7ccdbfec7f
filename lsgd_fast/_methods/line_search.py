"""The line search: the minimiser along a direction, by Newton's method within a bracket.

The named tuples are what an engine, compiled or NumPy, returns to this search and to the
quasi-Newton method around it.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lsgd_fast._constants import EPSILON
from lsgd_fast._methods.numerics import ratio

__all__ = [
    "MAX_STEP", "Direction", "Engine", "GradientNorms", "LineValues", "Product", "WeightNorms",
    "search",
]  # fmt: skip

# c_2 of the strong Wolfe conditions (Nocedal and Wright, eq. 3.7b): a search ends where the slope
# is at most this share of the initial one.
SLOPE_RATIO = 0.1
LOSS_ROUNDING = 16 * EPSILON  # relative increase of the loss that may be rounding
MAX_ITERATIONS = 200  # of a search; two or three are usual, but where weights are far out
MAX_STEP = 1e300

# Lengths within a bracket are compared with this slack, a share of its width: bisections halve a
# bracket up to rounding, and the difference of near bounds has lost digits.
BRACKET_SLACK = 2.0**-20


@dataclass(frozen=True, eq=False)
class Engine:
    """The parts of the method that are compiled, or in NumPy for the reference.

    Attributes
    ----------
    linear_map : LinearMap
        Products with X and its transpose: ``matvec(weights, scores)`` and
        ``rmatvec(row_gradients, gradient)``, and that of ``|X|``: ``sizes(row_sizes, sizes)``.
    score_line : ScoreLine
        The scores of the rows, and the losses along their line.
    lbfgs : LBFGS
        The weights, their gradient, and the search direction.
    n_threads : int
        Number of threads of a pass.
    """

    linear_map: Any
    score_line: Any
    lbfgs: Any
    n_threads: int


class LineValues(NamedTuple):
    """The losses at one point of a line of scores, as `ScoreLine.evaluate` returns them."""

    loss: float  # weighted mean of the losses
    slope: float  # its derivative by the step length t, ...
    curvature: float  # ... and the second one
    mean_derivative: float  # weighted mean of |loss'(z_i)|, z_i the margins
    ln_loss: float
    error_rate: float
    min_margin: float


class Product(NamedTuple):
    """A product with X that a minimisation waits for, by the name of a method of `LinearMap`."""

    name: str
    source: np.ndarray
    target: np.ndarray

    def compute(self, linear_map):
        """Write the product into `target`."""
        getattr(linear_map, self.name)(self.source, self.target)


class GradientNorms(NamedTuple):
    """Norms of the gradient of the objective, as `LBFGS.update` returns them."""

    weights: float  # of the part by the penalised weights
    intercepts: float
    scaled: float  # of all of it, in units


class Direction(NamedTuple):
    """A search direction p from the weights w, as `LBFGS.direction` returns it."""

    slope: float  # derivative of the objective along p
    penalty_slope: float  # l2 * w . p, the derivative of the penalty
    penalty_root: float  # sqrt(l2) * |p|; the second derivative, its square, may leave float64
    norm: float  # |p| in units


class WeightNorms(NamedTuple):
    """Norms after a step, as `LBFGS.step` returns them."""

    weights: float  # of the penalised weights
    parameters: float  # of all, intercepts included, in units


def search(evaluate, loss, slope, penalty_slope, penalty_root, initial_step, max_step):
    """Find a minimiser of the objective along a direction, by Newton's method within a bracket.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(t)`` returns a tuple that begins with the loss at step length t and its first
        and second derivatives, such as `LineValues`.
    loss : float
        The loss at t = 0.
    slope : float
        The derivative of the objective at t = 0, negative.
    penalty_slope : float
        The derivative of the penalty at t = 0.
    penalty_root : float
        The square root of the second derivative of the penalty, which itself may leave float64
        where directions are very long or short.
    initial_step : float or None
        The step length to try first; None for that of Newton's method, at most `max_step`.
    max_step : float
        Upper bound of the first step length where `initial_step` is None.

    Returns
    -------
    t : float
        A step length where the magnitude of the slope is at most ``SLOPE_RATIO * |slope|`` and,
        where the slope there is positive, the objective is no higher than at 0. If rounding makes
        the slope jump over that interval, the last float before it turns positive.
    values : tuple
        ``evaluate(t)``. `evaluate` was called last with this t.

    If there is no such t, the result is None in place of the pair.
    """
    tolerance = -SLOPE_RATIO * slope
    low, low_slope, high, high_slope = 0.0, slope, math.inf, math.inf
    t, growth, width = initial_step, 4.0, math.inf
    if initial_step is None:
        curvature = evaluate(0.0)[2] + penalty_root * penalty_root
        t = min(max(ratio(-slope, curvature), 1.0 / MAX_STEP), max_step, MAX_STEP)
    for iteration in range(MAX_ITERATIONS):
        values = evaluate(t)
        slope_t = values[1] + (penalty_slope + (t * penalty_root) * penalty_root)
        if abs(slope_t) <= tolerance:
            increase = _increase(values[0], loss, t, penalty_slope, penalty_root)
            if slope_t <= 0.0 or increase <= LOSS_ROUNDING * loss:
                return t, values
        if slope_t < 0.0:
            low, low_slope = t, slope_t
        else:  # too long a step, or a NaN
            high, high_slope = t, slope_t
        newton = t - ratio(slope_t, values[2] + penalty_root * penalty_root)  # may be NaN
        if high == math.inf:
            if t >= MAX_STEP:
                break
            limit = min(t * growth, MAX_STEP)
            growth = min(growth * growth, MAX_STEP)
            t = newton if low < newton < limit else limit
            continue
        if not high - low > EPSILON * high:
            break
        halved, width = high - low <= (0.5 + BRACKET_SLACK) * width, high - low
        # where the slope is piecewise linear, Newton's step may lead to the other bound once more
        other = high if slope_t < 0.0 else low
        t = newton if halved and abs(newton - other) > BRACKET_SLACK * width else math.nan
        if not low < t < high:
            t = _interpolate(low, low_slope, high, high_slope, iteration)
    if low == 0.0:
        return None
    return low, evaluate(low)


def _increase(loss_t, loss, t, penalty_slope, penalty_root):
    """Return the objective at t, where the loss is `loss_t`, minus the objective at 0."""
    return loss_t - loss + (t * penalty_slope + 0.5 * (t * penalty_root) * (t * penalty_root))


def _interpolate(low, low_slope, high, high_slope, iteration):
    """Return a point of a bracket: a secant step in even iterations, else a bisection."""
    if iteration % 2 == 0 and high_slope < math.inf:
        t = low + (high - low) * (low_slope / (low_slope - high_slope))
        if low < t < high:
            return t
    if high <= 16.0 * low:
        return low + 0.5 * (high - low)
    # where the bounds are of different magnitude, in the middle of the logarithms
    return math.sqrt(low) * math.sqrt(high) if low > 0.0 else high / 16.0**iteration
