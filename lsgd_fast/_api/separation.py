"""Whether a linear model separates the classes, by the compiled `minimize`."""

from __future__ import annotations

from lsgd_fast._api.minimize import solve
from lsgd_fast._checks import check_callback, check_n_threads
from lsgd_fast._docstrings import documented
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._methods.separation import check_separation, find_separation
from lsgd_fast._results.separation import Separation
from lsgd_fast._typing import Callback, ClassLoss, Count, Matrix, SearchState, Vector

__all__ = [
    "separation",
]


@documented
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
    """Return whether a linear model separates the classes, by what, and a proof.

    If it does, completely or in part, the loss has no minimum without a penalty: some coefficients
    go to infinity, and what a fit returns depends on when it ends. A model with a minimum has none
    of its margins made positive by any direction of weights that makes no other one negative.

    Runs of `minimize` come first and decide most data. What is left is decided by a linear program,
    for which SciPy is needed; without it the answer is "undecided", and `reason` says so. Either
    way a guess only is taken from there, and then proved or rejected.

    Parameters
    ----------
    {X}
        The names of the columns of a frame appear in reports.
    {y_or_classes}
    {logistic_or_softmax}
        It only says how many classes there are.
    sample_weight : array-like of shape (n,), optional
        Weights of the rows, not negative. Rows of weight 0 are left out; other weights do not
        matter.
    offset : array-like of shape (n,), optional
        A known part of the scores, as `minimize` takes it. It is checked and otherwise ignored: the
        same directions separate the classes with it as without.
    {fit_intercepts}
    callback : callable, optional
        Called as ``callback(state)`` between the iterations of the runs of `minimize`, with the
        state that `minimize` calls its own with and a `phase`, such as "run 1 of 2". If it returns
        True, the search ends, and the kind is "undecided". `progress_bar` makes one. The linear
        program calls nothing.
    callback_every : int, optional
        Iterations between two calls; 1 by default.
    n_threads : int, optional
        Number of threads of the runs. By default it is chosen by the size of X and what the process
        may use.

    Returns
    -------
    Separation
        Its attributes are `kind`, `direction`, `intercept`, `rows`, `features`, `names`,
        `certificate` and `reason`; it prints as a report.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Notes
    -----
    The margins of weights w are ``y_i (x_i . w + b)``; with K classes each row has K - 1 of them,
    the score of its own class less that of each other one. The kinds are those of Albert and
    Anderson (1984), and each is proved for the numbers in X as they are, not up to rounding:

    * "complete": all margins of `direction` are positive.
    * "none": `certificate.weights` w_i of all margins are positive, and the rows weighted by them
      cancel: ``sum_i w_i y_i x_i = 0``. For any direction the weighted sum of its margins is then
      zero, so that if one is positive another one is negative.
    * "quasi-complete": both at once. The margins of `direction` are exactly zero on `rows`, and
      positive on all others, and there are positive weights of `rows` that cancel. These show that
      every direction without a negative margin is zero on `rows`: they cannot be separated further.
    * "undecided": one of these is not proved. If `direction` is not None, its margins are proved
      not to be negative, and some to be positive.

    One product checks each half. Margins that are positive beyond their rounding, whose bound is
    ``(d + 7) * 2^-52 * sum_j |x_ij w_j|``, are taken from float64, and all others are computed in
    integers. Zeros are always computed in integers, from `certificate.direction`, which is exact:
    it holds Python integers where float64 cannot hold the numbers.

    Weights in float64 cancel up to rounding only (`certificate.residual`). What is proved is that
    exact ones are near: for a known matrix B, the equations ``sum_i w_i (1 + B_i h) y_i x_i = 0``
    have a solution h, because their matrix has full rank by more than the bound of its rounding,
    and all ``|B_i h|`` are at most `certificate.change`, below 1. So there are positive weights
    that cancel exactly. Columns that depend on others must do so exactly. Where this fails and the
    rank is at most 64, exact weights are computed in integers.

    Margins and weights that only rounding decides, as of columns that are equal up to rounding,
    may remain "undecided". So may data of more than 64 million entries, (K - 1)^2 times as many
    with K classes, that no run separates. Products are those of NumPy, so the last bits of a
    certificate may depend on the machine.

    References
    ----------
    A. Albert and J. A. Anderson, "On the existence of maximum likelihood estimates in logistic
    regression models", Biometrika 71, 1984.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> found = lsgd.separation([[0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 1], fit_intercept=True)
    >>> found.kind.value, found.direction.tolist(), found.intercept, found.rows.tolist()
    ('quasi-complete', [1.0], 0.0, [0, 1])
    """
    problem, names = check_separation(X, y, loss, sample_weight, offset, fit_intercept)
    callback, every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    with closing(callback):
        return find_separation(
            solve, problem, names, n_threads, callback=callback, callback_every=every
        )
