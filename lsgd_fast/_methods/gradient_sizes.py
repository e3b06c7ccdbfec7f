"""The sizes that the entries of a gradient are compared with, and units where they are far apart.

The *size* of the derivative by a weight w_j is what it would be if all rows pulled the same way:
``mean |x_ij| |l'_i| + l2 |w_j|``, with 1 for x_ij where w_j is an intercept. The *share* of a
gradient is its largest entry over the size of that, which does not depend on the units of a
feature. Entries that are rounding count as zero.

Sizes cost a read of X. So they are measured only where all entries together, as far as the norms
show, would be small enough. From then on no size of the loss has shrunk by more than the ``|l'_i|``
that shrank most, which bounds the share without a read of X. They are measured again where that is
too much and the share is expected to be small enough.
"""

import math
import sys

import numpy as np

from lsgd_fast._constants import EPSILON, SMALLEST_FLOAT
from lsgd_fast._inputs.dense import BLOCK_SIZE
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._inputs.standardize import CONSTANT
from lsgd_fast._methods.numerics import norm, ratio

__all__ = ["GradientSizes", "norm_at_tolerance", "share_at_start"]

# After so many iterations the entries are no longer judged by sizes as they are expected to be.
MAX_AGE = 20

# Units of their own pay where they differ by more than this factor. Otherwise they cost iterations
# on most data.
UNIT_RATIO = 2.0**10

# The rounding of parameters in units, and of their gradient, as a share of their norm.
ROUNDING = 8 * EPSILON

MAX_EXPONENT = 1000  # of a unit, whose inverse is in range as well


class GradientSizes:
    """The sizes of the entries of a gradient, as they were measured last.

    Parameters
    ----------
    request : MinimizeRequest
    earlier : GradientSizes, optional
        Those of a problem that differs in its penalty alone: what was measured then still holds.

    Attributes
    ----------
    of_loss : ndarray of shape (n_parameters,)
        ``mean |x_ij| |l'_i|``, which `LinearMap.sizes` writes.
    measured_at : int or None
        The iteration of that; 0 for what was measured before this run, however long ago.
    """

    def __init__(self, request, earlier=None):
        self.request, self.problem = request, request.problem
        self.of_loss = np.zeros(len(request.start))
        self.row_sizes, self.derivative, self.measured_at = None, math.nan, None
        self.largest = None  # the number of the entry that had the largest share, and its rounding
        if earlier is not None and earlier.measured_at is not None:
            self.of_loss[:], self.largest = earlier.of_loss, earlier.largest
            self.set_measured(earlier.row_sizes, earlier.derivative, 0)

    def allow(self, norms, weights, weight_norm, derivative, tol):
        """Return whether the share may be at most `tol`, as far as norms show.

        Parameters
        ----------
        norms : GradientNorms
        weights : ndarray of shape (n_parameters,)
        weight_norm : float
            That of the penalised weights.
        derivative : float
            The mean of ``|l'_i|``.
        tol : float
        """
        spread = 1.0 if self.request.n_classes is None else math.sqrt(2.0)
        derivative *= spread  # the norm of a row gradient of all classes is at most so large
        if not norms.intercepts <= tol * derivative:
            return False
        l2, n, row_norm = self.problem.l2, self.request.n_penalised, self.request.row_norm
        if norms.weights <= tol * (row_norm * derivative + l2 * weight_norm):
            return True
        if l2 == 0.0:
            return False
        # at least the norm of the bounds of `_rounding`, as no feature is larger than the rows
        root = math.sqrt(derivative)
        length = (math.sqrt(l2) + row_norm * root) * weight_norm
        length += root * (1.0 + (norm(weights[n:]) if n < len(weights) else 0.0))
        return norms.weights <= ROUNDING * (math.sqrt(n * l2) + row_norm * root) * length

    def set_measured(self, row_sizes, derivative, step):
        """Note that `of_loss` is from these ``|l'_i|``, of the iteration `step`, and their mean."""
        self.row_sizes, self.derivative, self.measured_at = row_sizes, derivative, step

    @np.errstate(all="ignore")
    def least_growth(self, row_sizes):
        """Return by what factor the sizes of the loss have grown at least.

        That is by what the ``|l'_i|`` that has grown least has grown, on any rank.
        """
        of_rows = float(np.fmin.reduce(row_sizes / self.row_sizes, axis=None, initial=math.inf))
        return min(self.problem.ranks.gather(of_rows, "the sizes"))

    def expected_growth(self, derivative):
        """Return by what factor the sizes of the loss have grown, if as the mean of ``|l'_i|``.

        That is 1 where all ``|l'_i|`` were zero.
        """
        return derivative / self.derivative if self.derivative > 0.0 else 1.0

    @np.errstate(all="ignore")
    def share(self, gradient, weights, derivative, growth=1.0):
        """Return the largest entry of a gradient over its size.

        Parameters
        ----------
        gradient, weights : ndarray of shape (n_parameters,)
        derivative : float
            The mean of ``|l'_i|``.
        growth : float, default 1
            By what factor the sizes of the loss have grown since they were measured.
        """
        p, n = self.problem, self.request.n_penalised
        sizes = self.of_loss * growth
        rounding = self._rounding(sizes, weights, derivative)
        sizes[:n] += p.l2 * np.abs(weights[:n])
        shares = np.abs(gradient) / sizes
        shares[np.abs(gradient) <= rounding] = 0.0
        j = int(shares.argmax())
        self.largest = j, float(rounding[j])
        return float(shares[j])

    def is_ruled_out(self, gradient, weights, derivative, tol):
        """Return whether the entry that had the largest share is still more than `tol` of its size.

        That is a look at one entry, for all but a few iterations.
        """
        if self.largest is None:
            return False
        j, rounding = self.largest
        size = float(self.of_loss[j]) * self.expected_growth(derivative)
        if j < self.request.n_penalised:
            size += self.problem.l2 * abs(float(weights[j]))
        return abs(float(gradient[j])) > max(tol * size, rounding)

    def _rounding(self, of_loss, weights, derivative):
        """Return the rounding of each entry of a gradient, as a bound.

        Weights and intercepts have units, of which a curvature is the square: at least that of the
        penalty plus ``(mean |x_ij| |l'_i|)^2 / mean |l'_i|``. In these the gradient is not known
        better than the parameters and the l'_i are. What is left of a constant feature that is
        centred, and of its gradient, is rounding as well.
        """
        p, n = self.problem, self.request.n_penalised
        units = of_loss / math.sqrt(derivative) if derivative > 0.0 else np.zeros(len(of_loss))
        units[:n] = np.hypot(units[:n], math.sqrt(p.l2))
        rounding = ROUNDING * (norm(units * weights) + math.sqrt(derivative)) * units
        if p.scale is not None:
            center = np.repeat(CONSTANT * np.abs(p.center) * p.scale, self.request.k)
            rounding[:n] = np.maximum(rounding[:n], center * derivative)
        return np.where(rounding < math.inf, rounding, 0.0)

    def are_old(self, step):
        """Return whether the sizes are too old, at an iteration, to expect how they have grown."""
        return step - self.measured_at >= MAX_AGE

    @np.errstate(all="ignore")
    def may_differ(self):
        """Return whether units of their own may pay, as far as is known without a read of X."""
        mean = self.of_loss / self.derivative
        least = max(mean.min(), self._unit_of_penalty())  # a value is at least its mean, ...
        most = math.sqrt(max(1.0, self.problem.radius)) * math.sqrt(mean.max())  # ... at most R
        return most > UNIT_RATIO * least

    @np.errstate(all="ignore")
    def units(self):
        """Return a unit for each parameter and the reach in these, or None where one will do.

        That takes a read of X. A unit is a power of two near the square root of the curvature, for
        which the largest value of a feature times its mean is taken: right for features that are
        large and small all over, and for those that are rarely not zero. The reach is a bound of
        the terms of a score over the norm of the weights in units.
        """
        p, k, n = self.problem, self.request.k, self.request.n_penalised
        largest = np.repeat(np.append(_largest_values(p), [1.0] * p.fit_intercept), k)
        units = np.sqrt(largest) * np.sqrt(self.of_loss / self.derivative)
        units[:n] = np.maximum(units[:n], self._unit_of_penalty())
        units[~(units > 0.0)] = units.max()
        if not units.max() > UNIT_RATIO * units.min():
            return None
        exponents = np.clip(np.frexp(units)[1], -MAX_EXPONENT, MAX_EXPONENT)
        units = np.ldexp(1.0, exponents)
        if p.scale is not None:  # the terms of a score are those of x and of the center
            largest[:n] += np.repeat(2.0 * np.abs(p.center * p.scale), k)
        squares = np.square(largest / units).reshape(-1, k)
        return units, math.sqrt(float(squares.sum(axis=0).max()))

    def _unit_of_penalty(self):
        """Return the root of the curvature of the penalty, over the root of the mean ``|l'_i|``.

        That is in proportion to the units of the loss. A smaller one would make weights of features
        near zero, which the penalty alone holds, swing.
        """
        return ratio(math.sqrt(self.problem.l2), math.sqrt(self.derivative))


def norm_at_tolerance(problem, start, tol):
    """Return the norm of a gradient, above which some entry of it is more than `tol` of its size.

    Parameters
    ----------
    problem : Problem
    start : ndarray, or None for zeros
        First weights of a descent, intercepts last.
    tol : float

    Returns
    -------
    float
        Positive and finite.
    """
    penalty = 0.0 if start is None else problem.l2 * norm(start[: problem.d])
    goal = tol * max(2.0 * problem.margin_slope, penalty)
    return min(max(goal, SMALLEST_FLOAT), sys.float_info.max)


def share_at_start(engine, request):
    """Return the share of the gradient at the start of a request, and its norm: three reads of X.

    Parameters
    ----------
    engine : Engine
        New, with the start for its weights.
    request : MinimizeRequest

    Returns
    -------
    share, norm : float
    """
    linear_map, line, n = engine.linear_map, engine.score_line, request.n_penalised
    weights, gradient = engine.lbfgs.weights, engine.lbfgs.gradient
    linear_map.matvec(weights, line.scores)
    derivative = line.evaluate(0.0).mean_derivative
    linear_map.rmatvec(line.row_gradients, gradient)
    gradient[:n] += request.problem.l2 * weights[:n]
    sizes = GradientSizes(request)
    row_sizes = np.abs(line.row_gradients)
    linear_map.sizes(row_sizes, sizes.of_loss)
    sizes.set_measured(row_sizes, derivative, 0)
    return sizes.share(gradient, weights, derivative), norm(gradient)


def _largest_values(problem):
    """Return the largest absolute value of each feature, over the rows of all ranks."""
    X, used, scale = problem.X, problem.weight > 0.0, problem.scale
    largest = np.zeros(problem.d)
    if is_sparse(X):
        center = largest if scale is None else problem.center
        largest = np.abs(center)
        for rows, columns, values in X.blocks():
            np.maximum.at(largest, columns, np.abs(values - center[columns]) * used[rows])
        largest *= 1.0 if scale is None else scale
    else:
        height = max(1, BLOCK_SIZE // problem.d)
        for first in range(0, len(X), height):
            rows = slice(first, first + height)
            values = np.abs(problem.features(rows)[used[rows]])
            largest = np.maximum(largest, values.max(axis=0, initial=0.0))
    return np.max(problem.ranks.gather(largest), axis=0)
