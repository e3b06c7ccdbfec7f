"""The largest margin of the data, by the compiled descent."""

from lsgd_fast._api.descent import run_descent
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.margin import MarginOptions, find_margin

__all__ = [
    "max_margin",
]


def max_margin(
    X,
    y,
    *,
    fit_intercept=False,
    center=None,
    scale=None,
    rtol=1e-3,
    max_passes=50_000,
    n_threads=None,
):
    """Return the margin of the data, ``max over |w| = 1 of min_i y_i x_i . w``, and who has it.

    By the accelerated dual method, one pass over X a step. Every pass gives a direction, whose
    margin bounds that of the data from below, and a mean of the rows ``y_i x_i``, whose length
    bounds it from above; the search ends when the two are close.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Data: any real dtype and layout.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    fit_intercept : bool, default False
        Append a column of ones: the maximum is over directions of norm 1 with the intercept. So
        `Run.radius` and the bounds of `lsgd_fast.theory` have it, and descent with an intercept
        finds it. It is not the margin of support vector machines, whose intercept has no length
        (that one is larger), and it depends on where the features have their origin and, unlike
        the margin without an intercept, not in proportion on their units.
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; `scale` is positive.
    rtol : float, default 1e-3
        End when ``gap <= rtol * value``.
    max_passes : int, default 50000
        Largest number of passes over X; 2 or more. On data of margin ``gamma * R`` the search
        takes some ``2 / (gamma * sqrt(rtol))`` passes.
    n_threads : int, optional
        Obeyed up to the number of parts the rows are split into.

    Returns
    -------
    Margin
        `value`, `direction`, `gap`, `intercept`, `n_passes`. The margin of the data is between
        ``value`` and ``value + gap``, rounding included. After `max_passes` the gap may be larger
        than `rtol` asks for. ``value == 0.0`` and no direction: the data were not found separable,
        and no margin is above `gap`. That is the proof that they are not, up to ``1e-8 R``, where
        fewer than `max_passes` were made.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    Sample weights have no part in a margin: leave out rows that are not to count.

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
    options = MarginOptions(rtol=rtol, max_passes=max_passes, n_threads=n_threads)
    problem = Problem.check(X, y, fit_intercept=fit_intercept, center=center, scale=scale)
    return find_margin(run_descent, problem, options)
