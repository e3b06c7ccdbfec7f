"""The largest margin of the data, found by a descent of either implementation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lsgd_fast._checks import (
    check_callback,
    check_count,
    check_n_threads,
    check_real,
    set_fields,
)
from lsgd_fast._constants import EPSILON, SMALLEST_FLOAT
from lsgd_fast._inputs.callbacks import Reports
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._methods.numerics import norm
from lsgd_fast._results.arrays import ReadOnlyArrays
from lsgd_fast._typing import FloatArray
from lsgd_fast.losses import Exponential, Logistic, Softmax
from lsgd_fast.stepsizes import DualMomentum

__all__ = ["LEAST_MARGIN", "Margin", "MarginOptions", "find_margin"]

LEAST_MARGIN = 1e-8  # times R: data with a smaller margin count as not separable
CHECK_EVERY = 8  # steps between checks of a long search; a check takes some 20 microseconds


@dataclass(frozen=True, eq=False)
class Margin(ReadOnlyArrays):
    """The margin of the data, known between two proven bounds.

    Attributes
    ----------
    value : float
        ``min_i y_i (x_i . direction + intercept)``, in the units of X, minus a bound of its
        rounding error; 0.0 where no direction was found that separates the data. With softmax the
        least lead of the score of a row's own class over that of another class.
    direction : ndarray of shape (d,), with softmax (d, K), or None
        The direction with this margin, read-only; with the intercept its norm is 1. None if
        `value` is 0.
    gap : float
        No direction has a margin above ``value + gap``.
    intercept : float, with softmax ndarray of shape (K,), or None
        0.0 if none was fitted; None if `value` is 0.
    n_passes : int
        Number of passes over X.
    """

    value: float
    direction: FloatArray | None = field(repr=False)
    gap: float
    intercept: float | FloatArray | None
    n_passes: int

    def __post_init__(self) -> None:
        if self.direction is not None:
            set_fields(self, direction=np.array(self.direction, dtype=np.float64))
        if isinstance(self.intercept, np.ndarray):
            set_fields(self, intercept=self.intercept.copy())
        super().__post_init__()


@dataclass(frozen=True, eq=False, kw_only=True)
class MarginOptions:
    """The arguments of `lsgd_fast.max_margin` of these names, checked."""

    tol: float
    max_passes: int
    callback: Any
    callback_every: int | None
    n_threads: int | None

    def __post_init__(self):
        callback, callback_every = check_callback(self.callback, self.callback_every)
        set_fields(
            self,
            tol=check_real("tol", self.tol),
            max_passes=check_count("max_passes", self.max_passes, 2),
            callback=callback,
            callback_every=callback_every,
            n_threads=check_n_threads(self.n_threads),
        )


def find_margin(run_descent, problem, options):
    """Return the `Margin` of `lsgd_fast.max_margin`.

    Parameters
    ----------
    run_descent : callable
        That of either implementation: takes a `DescentRequest` and the number of steps.
    problem : Problem
        Of two classes or of softmax. Its loss is replaced by the exponential one, which with
        softmax is ``sum_k exp(-(z_y - z_k))`` over the other classes of a row: its shares are those
        of a softmax of the margins of all rows to all other classes.
    options : MarginOptions
    """
    if type(problem.loss) not in (Logistic, Softmax):
        raise ValueError(f"loss must be 'logistic' or 'softmax' for a margin; got {problem.loss!r}")
    reports = Reports(options.callback, options.callback_every)
    search, n_steps = _Search(problem, options.tol, reports), options.max_passes - 1
    descent = DescentOptions(
        record=("min_margin",),
        record_every=options.max_passes,
        callback=search.check,
        callback_every=CHECK_EVERY if n_steps >= 8 * CHECK_EVERY else 1,
        gram=False,
        n_threads=options.n_threads,
    )
    request = check_descent(problem.with_loss(Exponential()), DualMomentum(), descent)
    run = run_descent(request, n_steps)
    search.measure(run.weights, run.intercept, float(run.trace.min_margin[-1]))
    return search.result(run.n_steps + 1)


class _Search:
    """The bounds of the margin found so far."""

    def __init__(self, problem, tol, reports):
        self.problem, self.tol, self.reports = problem, tol, reports
        self.value, self.best, self.bound = 0.0, None, np.inf

    def check(self, state):
        """Update the bounds from a descent by `DualMomentum`; return whether the search is over."""
        if self._are_close(state):
            return True
        return self.reports(state.n_steps, value=self.value, gap=self.bound - self.value)

    def _are_close(self, state):
        self.measure(state.weights, state.intercept, state.min_margin)
        # Rounding: sums over n rows and, for the momentum, over the steps, all of norms up to R.
        roundings = self.problem.n + self.problem.n_parameters + 3 * state.n_steps
        lost = roundings * (EPSILON * self.problem.reach + roundings * SMALLEST_FLOAT)
        self.bound = min(self.bound, state.margin_bound + lost)
        if self.value > 0.0:
            return self.bound - self.value <= self.tol * self.value
        return self.bound <= LEAST_MARGIN * self.problem.radius + lost

    def measure(self, weights, intercept, min_margin):
        """Keep the normalised margin of weights if it is the largest so far."""
        problem = self.problem
        w = np.vstack([weights, intercept]) if problem.is_multi else np.append(weights, intercept)
        w = w if problem.fit_intercept else weights
        length = norm(w)
        if not 0.0 < length < np.inf:
            return
        value = min_margin / length - (problem.n_parameters + 4) * EPSILON * problem.reach
        if value > self.value:
            self.value, self.best = value, w / length

    def result(self, n_passes):
        if self.best is None:
            return Margin(0.0, None, self.bound, None, n_passes)
        d, gap = self.problem.d, max(0.0, self.bound - self.value)
        intercept = self.best[d] if self.problem.fit_intercept else np.zeros(self.best.shape[1:])
        intercept = intercept if self.problem.is_multi else float(intercept)
        return Margin(float(self.value), self.best[:d], float(gap), intercept, n_passes)
