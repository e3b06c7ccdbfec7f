"""Comparisons, ratios and norms that are right up to the limits of float64."""

import math

import numpy as np

from lsgd_fast._constants import EPSILON, INCREASE_TOLERANCE, SMALLEST_FLOAT, UNDERFLOW_LOSS

__all__ = [
    "center_classes",
    "exponential",
    "infinities",
    "is_increase",
    "norm",
    "ratio",
    "separates",
    "times_exp",
]


@np.errstate(all="ignore")
def center_classes(parameters, k, shares=None):
    """Subtract from parameters what k classes have in common, which changes no loss, in place.

    They sum to zero over the classes then. One column of weights stays as it is.

    Parameters
    ----------
    parameters : ndarray of shape (height, k), or (height * k,) in C order
    k : int
    shares : ndarray of shape (k,), optional
        How much each class has of what is subtracted, in proportion; all alike by default.
    """
    if k == 1:
        return
    of_classes = parameters.reshape(-1, k)
    if shares is None:
        of_classes -= of_classes.mean(axis=1, keepdims=True)
    elif shares.any():
        of_classes -= of_classes.sum(axis=1, keepdims=True) * (shares / shares.sum())


def is_increase(loss, ln_loss, before, ln_before):
    """Return whether a loss exceeds the previous one by more than rounding.

    Parameters
    ----------
    loss, ln_loss : float
        The loss and its logarithm.
    before, ln_before : float
        The previous loss and its logarithm. The logarithms decide where a loss is below
        `UNDERFLOW_LOSS` or infinite.

    Returns
    -------
    bool
    """
    if min(loss, before) < UNDERFLOW_LOSS or max(loss, before) == math.inf:
        if ln_before == -math.inf:  # a loss of 0
            return ln_loss > ln_before
        return ln_loss > ln_before + INCREASE_TOLERANCE * max(1.0, abs(ln_before))
    return loss > before * (1.0 + INCREASE_TOLERANCE)


def infinities(measured, w):
    """Return by name what a measurement has in place of numbers that are none, see docs/monitor.md.

    Terms have overflowed to both sides, or the weights themselves have.

    Parameters
    ----------
    measured : object
        With attributes `loss`, `ln_loss` and `weight_norm`.
    w : ndarray
        The weights, intercepts included.

    Returns
    -------
    dict of str to float
    """
    found = {"weight_norm": math.inf} if math.isnan(measured.weight_norm) else {}
    loss, ln_loss = measured.loss, measured.ln_loss
    # in the log domain a log scale of infinity leaves no terms
    lost = not ln_loss < math.inf or (ln_loss == -math.inf and loss > 0.0)  # also for NaN
    without_weights = not np.isfinite(w).all()
    if without_weights:
        found["error_rate"] = 1.0
    if lost or without_weights:
        found |= {"loss": math.inf, "ln_loss": math.inf, "min_margin": -math.inf}
    return found


def separates(min_margin, parameter_norm, radius, n_terms, at_zero=0.0, offset=0.0):
    """Return whether all margins are positive beyond the rounding of their sums, without offsets.

    A sum of k products has an error below ``k * 2^-52 * |x| * |w|``, plus the smallest positive
    float64 for each product that underflows.

    Parameters
    ----------
    min_margin : float
        The smallest margin, as computed.
    parameter_norm : float
        Norm of the weights, intercept included.
    radius : float
        R, the largest norm of a row, times the spread of the model.
    n_terms : int
        Number of products that a margin is the sum of.
    at_zero : float, default 0.0
        Bound of the other terms of a margin.
    offset : float, default 0.0
        The largest size of an offset, which may be all of a margin.

    Returns
    -------
    bool
    """
    bound = EPSILON * radius * parameter_norm + EPSILON * (at_zero + offset) + SMALLEST_FLOAT
    return min_margin > n_terms * bound + offset


@np.errstate(all="ignore")
def norm(v):
    """Return the Euclidean norm of an array, without overflow or underflow on the way."""
    largest = float(np.abs(v).max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.square(v / largest).sum()))


def ratio(x, y):
    """Return x / y; for y <= 0 or NaN it is 0.0 where x is 0, and else infinity."""
    return x / y if y > 0.0 else (0.0 if x == 0.0 else math.inf)


def exponential(x, function=math.exp):
    """Return exp(x), or another function like it, inf where that overflows."""
    return function(x) if x < 709.0 or x != x else math.inf


def times_exp(x, s):
    """Return x * exp(s), also where exp(s) alone would overflow or underflow."""
    half = exponential(0.5 * s)
    return float(x * half * half) if s != 0.0 and x != 0.0 else float(x)
