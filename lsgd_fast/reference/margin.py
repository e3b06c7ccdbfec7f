"""The largest margin of the data in plain NumPy."""

from __future__ import annotations

from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.margin import Margin, MarginOptions, find_margin
from lsgd_fast._typing import Callback, ClassLoss, Count, MarginState, Matrix, Real, Scale, Vector
from lsgd_fast.reference.descent import run_descent

__all__ = [
    "max_margin",
]


def max_margin(
    X: Matrix,
    y: Vector,
    *,
    loss: ClassLoss = "logistic",
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    tol: Real = 1e-3,
    max_passes: Count = 50_000,
    callback: Callback[MarginState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Margin:
    """Return the `Margin` of the data; see `lsgd_fast.max_margin`."""
    options = MarginOptions(
        tol=tol, max_passes=max_passes, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, fit_intercept=fit_intercept, center=center, scale=scale, n_threads=1
    )
    with closing(callback):
        return find_margin(run_descent, problem, options)
