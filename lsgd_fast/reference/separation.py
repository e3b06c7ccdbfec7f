"""Whether a linear model separates the classes, by the `minimize` of the reference."""

from lsgd_fast._checks import check_n_threads
from lsgd_fast._methods.separation import check_separation, find_separation
from lsgd_fast.reference.minimize import solve

__all__ = ["separation"]


def separation(
    X, y, *, loss="logistic", sample_weight=None, offset=None, fit_intercept=False, n_threads=None
):
    """Return the `Separation` of the data; see `lsgd_fast.separation`."""
    problem, names = check_separation(X, y, loss, sample_weight, offset, fit_intercept)
    return find_separation(solve, problem, names, check_n_threads(n_threads))
