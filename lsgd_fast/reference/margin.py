"""The largest margin of the data in plain NumPy."""

from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.margin import MarginOptions, find_margin
from lsgd_fast.reference.descent import run_descent

__all__ = [
    "max_margin",
]


def max_margin(
    X, y, *, fit_intercept=False, center=None, scale=None, tol=1e-3, max_passes=50_000,
    callback=None, callback_every=None, n_threads=None,
):  # fmt: skip
    """Return the `Margin` of the data; see `lsgd_fast.max_margin`."""
    options = MarginOptions(
        tol=tol, max_passes=max_passes, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, fit_intercept=fit_intercept, center=center, scale=scale, n_threads=1
    )
    with closing(callback):
        return find_margin(run_descent, problem, options)
