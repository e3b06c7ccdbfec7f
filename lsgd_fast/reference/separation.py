"""Whether a linear model separates the classes, by the `minimize` of the reference."""

from __future__ import annotations

from lsgd_fast._checks import check_n_threads
from lsgd_fast._methods.separation import check_separation, find_separation
from lsgd_fast._results.separation import Separation
from lsgd_fast._typing import ClassLoss, Count, Matrix, Vector
from lsgd_fast.reference.minimize import solve

__all__ = ["separation"]


def separation(
    X: Matrix,
    y: Vector,
    *,
    loss: ClassLoss = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    fit_intercept: bool = False,
    n_threads: Count | None = None,
) -> Separation:
    """Return the `Separation` of the data; see `lsgd_fast.separation`."""
    problem, names = check_separation(X, y, loss, sample_weight, offset, fit_intercept)
    return find_separation(solve, problem, names, check_n_threads(n_threads))
