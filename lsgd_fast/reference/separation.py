"""Whether a linear model separates the classes, by the `minimize` of the reference."""

from __future__ import annotations

from lsgd_fast._checks import check_callback, check_n_threads
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._methods.separation import check_separation, find_separation
from lsgd_fast._results.separation import Separation
from lsgd_fast._typing import Callback, ClassLoss, Count, Matrix, SearchState, Vector
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
    callback: Callback[SearchState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Separation:
    """Return the `Separation` of the data; see `lsgd_fast.separation`."""
    problem, names = check_separation(X, y, loss, sample_weight, offset, fit_intercept)
    callback, every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    with closing(callback):
        return find_separation(
            solve, problem, names, n_threads, callback=callback, callback_every=every
        )
