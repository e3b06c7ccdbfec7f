"""The largest margin of the data, by the compiled descent."""

from __future__ import annotations

from lsgd_fast._api.descent import run_descent
from lsgd_fast._docstrings import documented
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.margin import Margin, MarginOptions, find_margin
from lsgd_fast._typing import Callback, ClassLoss, Count, MarginState, Matrix, Real, Scale, Vector

__all__ = [
    "max_margin",
]


@documented
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
    """Return the margin of the data and its direction.

    The margin of the data is ``max over |w| = 1 of min_i y_i x_i . w``. With softmax w has a column
    for each class, ``|w|`` is the root of the sum of all squares, and the margin is the least
    ``x_i . (w_y - w_k)`` over all rows and all classes k other than the row's own. For K = 2 that
    is sqrt(2) times the margin of two classes, with a direction of columns ``-v / sqrt(2)`` and
    ``v / sqrt(2)``.

    The accelerated dual method takes one pass over X a step. Every pass gives a direction, whose
    margin is a lower bound of that of the data, and a mean of the rows ``y_i x_i`` (with softmax of
    the matrices ``x_i (e_y - e_k)``), whose norm is an upper bound; the search ends when the two
    are close.

    Parameters
    ----------
    {X}
    {y_or_classes}
    {logistic_or_softmax}
        It only says how many classes there are.
    fit_intercept : bool, default False
        Whether to append a column of ones, so that the norm of a direction includes the intercept,
        as in `Run.radius`, in the bounds of `lsgd_fast.theory` and in the limit of descent with an
        intercept. The margin of support vector machines, whose norm leaves out the intercept, is
        larger. This margin depends on the origin of the features and is not proportional to their
        units.
    {center}
        Margin and direction refer to these features.
    tol : float, default 1e-3
        Relative tolerance: the search ends when ``gap <= tol * value``.
    max_passes : int, default 50000
        Largest number of passes over X, 2 or more. On data of margin ``gamma * R``, with softmax
        ``gamma * sqrt(2) R``, the search takes some ``2 / (gamma * sqrt(tol))`` passes.
    callback : callable, optional
        Called as ``callback(state)`` between passes. `state` has `n_steps`, the steps so far, and
        the `value` and the `gap` of the bounds found so far. If it returns True, the search ends
        with these. `progress_bar` makes one.
    callback_every : int, optional
        Least number of steps between two calls, 1 by default; a long search looks at its bounds,
        and calls, every eighth step only.
    {n_threads}

    Returns
    -------
    Margin
        Its attributes are `value`, `direction`, `gap`, `intercept` and `n_passes`. The margin of
        the data is between ``value`` and ``value + gap``, rounding included. After `max_passes`
        passes the gap may be above the tolerance. If no separating direction was found, `value` is
        0.0, `direction` is None and the margin is at most `gap`; with fewer than `max_passes`
        passes this proves that the data are not separable with a margin above ``1e-8 R``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

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
    options = MarginOptions(
        tol=tol, max_passes=max_passes, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, fit_intercept=fit_intercept, center=center, scale=scale,
        n_threads=options.n_threads,
    )  # fmt: skip
    with closing(callback):
        return find_margin(run_descent, problem, options)
