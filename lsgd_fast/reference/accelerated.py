"""The accelerated methods in plain NumPy."""

from lsgd_fast.margins import find_margin
from lsgd_fast.reference.descent import gradient_descent
from lsgd_fast.stepsizes import check_nesterov

__all__ = ["max_margin", "nesterov_descent"]


def max_margin(
    X, y, *, fit_intercept=False, center=None, scale=None, rtol=1e-3, max_passes=50_000,
    n_threads=None,
):  # fmt: skip
    """Return the `Margin` of the data; see `lsgd_fast.max_margin`."""
    return find_margin(
        gradient_descent, X, y, fit_intercept=fit_intercept, center=center, scale=scale, rtol=rtol,
        max_passes=max_passes, n_threads=n_threads,
    )  # fmt: skip


def nesterov_descent(
    X, y, stepsize=None, n_steps=1000, *, start=None, loss="logistic", sample_weight=None, l2=0.0,
    fit_intercept=False, center=None, scale=None, stop=None, record=None, record_every=1,
    validation=None, callback=None, callback_every=None, n_threads=None,
):  # fmt: skip
    """Run Nesterov's method and return a `Run`; see `lsgd_fast.nesterov_descent`."""
    return gradient_descent(
        X, y, check_nesterov(stepsize), n_steps, start=start, loss=loss,
        sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept, center=center, scale=scale,
        stop=stop, record=record, record_every=record_every, validation=validation,
        callback=callback, callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
