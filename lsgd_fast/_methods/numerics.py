"""Comparisons and norms that hold to the ends of float64."""

import math

import numpy as np

from lsgd_fast._constants import EPSILON, INCREASE_TOLERANCE, UNDERFLOW_LOSS

__all__ = [
    "is_increase",
    "norm",
    "separates",
]


def is_increase(loss, log_loss, before, log_before):
    """Return whether a loss is above the one before by more than rounding.

    Parameters
    ----------
    loss, log_loss, before, log_before : float
        The losses and their logarithms, which decide where a loss leaves float64.

    Returns
    -------
    bool
    """
    if min(loss, before) < UNDERFLOW_LOSS or max(loss, before) == math.inf:
        return log_loss > log_before + INCREASE_TOLERANCE * max(1.0, abs(log_before))
    return loss > before * (1.0 + INCREASE_TOLERANCE)


def separates(min_margin, norm, radius, n_terms, offset=0.0):
    """Return whether margins are positive beyond the rounding of their sums.

    Parameters
    ----------
    min_margin : float
        The least margin, as computed.
    norm : float
        Norm of the weights, with the intercept.
    radius : float
        R, the largest norm of a row; times the spread of the model.
    n_terms : int
        Of how many products a margin is the sum.
    offset : float, default 0.0
        What else the terms of a margin may add up to.

    Returns
    -------
    bool
        A sum of k products is wrong by less than ``k * 2^-52 * |x| * |w|``, and an ulp of the
        smallest number each where they underflow.
    """
    bound = EPSILON * radius * norm + EPSILON * offset + 2.0**-1074
    return min_margin > n_terms * bound


@np.errstate(all="ignore")
def norm(v):
    """Return the Euclidean norm without overflow or underflow on the way."""
    largest = float(np.abs(v).max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.square(v / largest).sum()))
