"""Weights of a run rescaled to a smaller loss, once they separate the data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lsgd_fast import losses
from lsgd_fast._checks import check_real, shown
from lsgd_fast._constants import EPSILON, SMALLEST_FLOAT
from lsgd_fast._methods.numerics import norm
from lsgd_fast._results.arrays import ReadOnlyArrays
from lsgd_fast._results.run import Run
from lsgd_fast._typing import FloatArray, LossLike, Real

__all__ = ["ScaledWeights", "scale_to_loss"]


@dataclass(frozen=True, eq=False)
class ScaledWeights(ReadOnlyArrays):
    """Weights of a run times a factor. Its arrays are read-only.

    Attributes
    ----------
    weights : ndarray
        `Run.weights` or `Run.separating_weights`, without an intercept, times `factor`.
    intercept : float or ndarray
        The intercept of these weights times `factor`.
    factor : float
        The factor, at least 1.
    loss_bound : float
        Upper bound of the loss at these weights.
    """

    weights: FloatArray
    intercept: float | FloatArray
    factor: float
    loss_bound: float


def scale_to_loss(run: Run, target: Real, *, loss: LossLike = "logistic") -> ScaledWeights:
    """Multiply weights that separate the data by a factor so that the loss is at most `target`.

    This takes no pass over the data: with a smallest margin m > 0, c times the weights have a loss
    of at most ``loss(c m)``, or ``loss(c (m - o) - o)`` with offsets up to o. The weights are the
    last ones, or `Run.separating_weights` if the last ones do not separate the data; the trace must
    hold their smallest margin.

    So a low loss means little on separable data: the direction is the same, and so are all
    predictions and the margin over ``|w|``. Compare methods by the number of passes to the first
    separation or by their margins (`max_margin`), not by the loss.

    Parameters
    ----------
    run : Run
        A run of a linear model that has separated the data.
    target : float
        The loss to reach; finite and positive.
    loss : str or object, default "logistic"
        The loss of the run: a name or an object of `lsgd_fast.losses`.

    Returns
    -------
    ScaledWeights
        The weights times the factor, the factor, and a bound of their loss.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; the message names it: `run` if the run has not separated the
        data or its trace lacks the margin, `target` if the weights would overflow.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, 32.0, 1000)
    >>> scaled = lsgd.scale_to_loss(run, 1e-100)
    >>> bool(lsgd.logistic_loss(X, y, scaled.weights) <= scaled.loss_bound <= 1e-100)
    True
    """
    if not isinstance(run, Run):
        raise TypeError(f"run must be a lsgd_fast.Run; got {shown(run)}")
    target = check_real("target", target)
    loss = losses.resolve(loss)
    is_softmax = isinstance(loss, losses.Softmax)
    if is_softmax != (run.weights.ndim == 2):
        shape = run.weights.shape
        raise ValueError(
            f"loss must be that of the run, whose weights have shape {shape}; got {loss!r}"
        )
    w, intercept, margin, loss_there = _separating(run)
    if loss_there <= target:
        factor, bound = 1.0, loss_there
    else:
        # with softmax the loss is a function of a margin to all other classes at once, which is
        # smaller by at most log(K - 1)
        lost = math.log(w.shape[1] - 1) if is_softmax else run.largest_offset
        needed = _least_margin(loss, target)
        factor = max(1.0, (needed + lost) / margin * (1.0 + 4.0 * EPSILON))
        bound = float(loss.value(np.float64(factor * margin - lost)))
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite factor times zero
        w, intercept = factor * w, factor * intercept
    if not (np.isfinite(w).all() and np.isfinite(intercept).all()):
        raise ValueError(f"target is too small: the weights overflow; got {target!r}")
    intercept = intercept if is_softmax else float(intercept)
    return ScaledWeights(w, intercept, factor, bound)


def _separating(run):
    """Return separating weights, intercept, a lower bound of their margins, and the loss or inf.

    The margins are those without offsets.
    """
    if run.separating_weights is None:
        raise ValueError(
            "run must have separated the data: otherwise no factor makes its loss small"
        )
    if run.trace.min_margin is None:
        raise ValueError('run must have "min_margin" in its trace: add it to record=')
    d, trace = len(run.weights), run.trace
    candidates = [(run.weights, run.intercept, -1)]
    at = np.flatnonzero(trace.step == run.separated_at)
    if len(at):
        w = run.separating_weights
        intercept = w[d] if len(w) > d else 0.0 * run.intercept
        candidates.append((w[:d], intercept, at[0]))
    for w, intercept, row in candidates:
        length = norm(np.append(w, intercept))
        size = run.radius * length + run.largest_offset
        rounding = (d + 1) * (2.0 * EPSILON * size + SMALLEST_FLOAT)
        margin = float(trace.min_margin[row]) - run.largest_offset - rounding
        if margin > 0.0:
            return w, intercept, margin, math.inf if trace.loss is None else float(trace.loss[row])
    raise ValueError(
        "run must have the step of its first separating weights in its trace, since its last ones "
        "do not separate the data: take a smaller record_every"
    )


def _least_margin(loss, target):
    """Return the least margin, above 0, at which the loss is at most `target`."""

    def reached(z):
        return float(loss.value(np.float64(z))) <= target

    low, high = 0.0, 1.0
    while not reached(high):
        low, high = high, 2.0 * high
        if high > 1e300:
            raise ValueError(f"target is too small: the weights overflow; got {target!r}")
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
