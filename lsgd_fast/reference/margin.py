"""The largest margin of the data in plain NumPy."""

from lsgd_fast._methods.margin import find_margin
from lsgd_fast.reference.descent import gradient_descent

__all__ = [
    "max_margin",
]


def max_margin(
    X, y, *, fit_intercept=False, center=None, scale=None, rtol=1e-3, max_passes=50_000,
    n_threads=None,
):  # fmt: skip
    """Return the `Margin` of the data; see `lsgd_fast.max_margin`."""
    return find_margin(
        gradient_descent, X, y, fit_intercept=fit_intercept, center=center, scale=scale, rtol=rtol,
        max_passes=max_passes, n_threads=n_threads,
    )  # fmt: skip
