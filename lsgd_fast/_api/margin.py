"""The largest margin of the data, by the compiled descent."""

from __future__ import annotations

from lsgd_fast._api.descent import run_descent
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.margin import Margin, MarginOptions, find_margin
from lsgd_fast._typing import Count, Matrix, Real, Scale, Vector

__all__ = [
    "max_margin",
]


def max_margin(
    X: Matrix,
    y: Vector,
    *,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    tol: Real = 1e-3,
    max_passes: Count = 50_000,
    n_threads: Count | None = None,
) -> Margin:
    """Return the margin of the data, ``max over |w| = 1 of min_i y_i x_i . w``, and its direction.

    The accelerated dual method takes one pass over X a step. Every pass gives a direction, whose
    margin is a lower bound of that of the data, and a mean of the rows ``y_i x_i``, whose norm is
    an upper bound; the search ends when the two are close.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data of any real dtype and layout.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    fit_intercept : bool, default False
        Whether to append a column of ones, so that the norm of a direction includes the intercept,
        as in `Run.radius`, in the bounds of `lsgd_fast.theory` and in the limit of descent with an
        intercept. The margin of support vector machines, whose norm leaves out the intercept, is
        larger. This margin depends on the origin of the features and is not proportional to their
        units.
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; `scale` is positive.
    tol : float, default 1e-3
        Relative tolerance: the search ends when ``gap <= tol * value``.
    max_passes : int, default 50000
        Largest number of passes over X; 2 or more. On data of margin ``gamma * R`` the search
        takes some ``2 / (gamma * sqrt(tol))`` passes.
    n_threads : int, optional
        Number of threads, at most the number of leaves of the rows; by default chosen by the size
        of X.

    Returns
    -------
    Margin
        With `value`, `direction`, `gap`, `intercept` and `n_passes`. The margin of the data is
        between ``value`` and ``value + gap``, rounding included. After `max_passes` passes the gap
        may be above the tolerance. If no separating direction was found, `value` is 0.0,
        `direction` is None and the margin is at most `gap`; with fewer than `max_passes` passes
        this proves that the data are not separable with a margin above ``1e-8 R``.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    A margin has no sample weights: leave out the rows that should not count.

    References
    ----------
    Z. Ji, N. Srebro, M. Telgarsky, "Fast Margin Maximization via Dual Acceleration", ICML 2021,
    arXiv:2107.00595.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> margin = lsgd.max_margin(X, y)
    >>> round(margin.value, 3), margin.gap <= 1e-3 * margin.value
    (0.2, True)
    """
    options = MarginOptions(tol=tol, max_passes=max_passes, n_threads=n_threads)
    problem = Problem.check(
        X, y, fit_intercept=fit_intercept, center=center, scale=scale, n_threads=options.n_threads
    )
    return find_margin(run_descent, problem, options)
