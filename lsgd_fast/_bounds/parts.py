"""Parts of the bounds of `theory`: functions of ``x = margin^2 stepsize t``, by its logarithm."""

import math

import numpy as np

from lsgd_fast._constants import SLACK

__all__ = ["first", "log_progress", "over_progress", "unwrapped"]


def log_progress(t, margin, stepsize):
    """Return ``log(margin^2 stepsize t)`` as an array; -inf at t = 0. The radius cancels."""
    with np.errstate(divide="ignore"):
        log_x = 2.0 * math.log(margin) + math.log(stepsize) + np.log(t)
    return np.where(np.abs(log_x) <= SLACK, 0.0, log_x)


def over_progress(numerator, log_x, root=0.0):
    """Return ``(numerator + root^2) / x``, infinite for x < 1."""
    known = log_x >= 0.0
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        half = np.exp(-0.5 * np.where(known, log_x, 0.0))
        bound = (numerator + root * root) * np.exp(-np.where(known, log_x, 0.0))
        # where the square or x leaves float64
        apart = numerator * half * half + (root * half) * (root * half)
    bound = np.where((log_x < 700.0) & (root < 1e150), bound, apart)
    return unwrapped(np.where(known, bound, math.inf))


def unwrapped(values):
    """Return an array, or a 0-d array as a float."""
    return float(values) if np.ndim(values) == 0 else values


def first(holds):
    """Return the least whole t for which `holds(t)`, which is monotone in t."""
    if holds(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while not holds(high):
        low, high = high, 2.0 * high
        if high > 1e300:
            return math.inf
    while True:
        middle = float(math.floor((low + high) / 2.0))
        if middle in (low, high):
            return high
        low, high = (low, middle) if holds(middle) else (middle, high)
