"""Whether a linear model separates the classes, by the `minimize` of the reference."""

from lsgd_fast._checks import check_callback, check_n_threads
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._methods.separation import check_separation, find_separation
from lsgd_fast.reference.minimize import solve

__all__ = ["separation"]


def separation(
    X, y, *, loss="logistic", sample_weight=None, offset=None, fit_intercept=False, callback=None,
    callback_every=None, n_threads=None,
):  # fmt: skip
    """Return the `Separation` of the data; see `lsgd_fast.separation`."""
    problem, names = check_separation(X, y, loss, sample_weight, offset, fit_intercept)
    callback, every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    with closing(callback):
        return find_separation(
            solve, problem, names, n_threads, callback=callback, callback_every=every
        )
