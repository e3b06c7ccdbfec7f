"""The objective, its gradient and its curvature at given weights."""

import math

import numpy as np

from lsgd_fast._checks import check_n_threads
from lsgd_fast._core.threads import choose_threads
from lsgd_fast._docstrings import documented
from lsgd_fast._engine.dataset import Rows, evaluate
from lsgd_fast._inputs.problem import Problem, check_weights
from lsgd_fast._methods.smoothness import (
    apply_gram,
    check_weight_vector,
    largest_eigenvalue,
    logistic_curvature,
    radius_of_rows,
    scores,
)

__all__ = [
    "critical_stepsize",
    "logistic_loss",
    "logistic_loss_gradient",
]


@documented
def logistic_loss(
    X,
    y,
    w,
    *,
    sample_weight=None,
    offset=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    n_threads=None,
):
    """Return the logistic objective at `w`.

    It is the weighted mean over rows of ``log(1 + exp(-z_i))`` with margins
    ``z_i = y_i (x_i . w + b)``, plus ``l2/2 * |w|^2``; the intercept b is not penalised.

    Parameters
    ----------
    {X}
    {y}
    w : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, which is last
        Weights; k columns take less time than k calls.
    {sample_weight}
    {offset}
    {l2}
    fit_intercept : bool, default False
        Whether the last row of `w` is an intercept.
    {center}
    {n_threads}

    Returns
    -------
    float or ndarray of shape (k,)
        The objective, one for each column of `w`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Notes
    -----
    Sums are float64 for every dtype of X. The result has the same bits for every number of threads
    and every instruction set, and each column those of a call with that column alone.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> lsgd.logistic_loss(X, y, [0.0, 0.0])
    0.6931471805599453
    """
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    return _evaluate(X, y, w, n_threads, False, offset, **options, center=center, scale=scale)[0]


@documented
def logistic_loss_gradient(
    X,
    y,
    w,
    *,
    sample_weight=None,
    offset=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    n_threads=None,
):
    """Return the logistic objective at `w` and its gradient, reading X from memory once.

    The objective is the weighted mean over rows of ``log(1 + exp(-z_i))`` with margins
    ``z_i = y_i (x_i . w + b)``, plus ``l2/2 * |w|^2``; the intercept b is not penalised.

    Parameters
    ----------
    {X}
    {y}
    w : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, which is last
        Weights; k columns take less time than k calls.
    {sample_weight}
    {offset}
    {l2}
    fit_intercept : bool, default False
        Whether the last row of `w` is an intercept.
    {center}
    {n_threads}

    Returns
    -------
    value : float or ndarray of shape (k,)
        The objective, one for each column of `w`.
    gradient : ndarray of the shape of `w`
        The gradient, in float64; of each column that of its objective.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> lsgd.logistic_loss_gradient(X, y, [0.0, 0.0])[1]
    array([ 0.25, -0.1 ])
    """
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    return _evaluate(X, y, w, n_threads, True, offset, **options, center=center, scale=scale)


def _evaluate(X, y, w, n_threads, gradient, offset, **options):
    n_threads = check_n_threads(n_threads)
    problem = Problem.check(X, y, **options, n_threads=n_threads).with_offset(offset)
    w = check_weights(w, problem)
    rows = Rows(problem, pack=False, gradient=gradient)
    n_threads = choose_threads(n_threads, problem.n, problem.row_length, rows.n_leaves)
    columns = w.reshape(len(w), -1)
    value, slope = evaluate(rows, columns, problem.l2, gradient, n_threads)
    if w.ndim == 1:
        value = float(value[0])
    return value, slope.reshape(w.shape) if gradient else None


@documented
def critical_stepsize(
    X,
    y,
    w,
    *,
    sample_weight=None,
    offset=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
):
    """Return 2 over the largest curvature of the logistic objective at `w`.

    At a minimiser `w` this is the critical stepsize: gradient descent from near by converges to the
    minimiser with a smaller constant stepsize, and is repelled by it, usually into a cycle, with a
    larger one. Far from the minimiser of data that are not separable, smaller stepsizes may cycle
    as well (Meng et al.).

    Parameters
    ----------
    {X}
        Here X is read some dozen times, in blocks.
    {y}
    w : array-like of shape (d,), or (d + 1,) with an intercept, which is last
        Weights.
    {sample_weight}
    {offset}
    {l2}
    fit_intercept : bool, default False
        Whether the last entry of `w` is an intercept.
    {center}

    Returns
    -------
    float
        ``2 / lambda_max(H)``, in the units of X as every stepsize, with H the Hessian at `w`.
        Infinite where all of H underflows. Rounded to nine digits: the others would depend on the
        order of the sums in a matrix product.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    References
    ----------
    S. Meng et al., "Gradient Descent on Logistic Regression with Non-Separable Data and Large Step
    Sizes", arXiv:2406.05033; J. Wu, P. Marion, P. L. Bartlett, "Large Stepsizes Accelerate Gradient
    Descent for Regularized Logistic Regression", arXiv:2506.02336.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.critical_stepsize([[1.0], [1.0]], [1, -1], [0.0])
    8.0
    """
    problem = Problem.check(
        X, y, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept, center=center,
        scale=scale,
    ).with_offset(offset)  # fmt: skip
    w = check_weight_vector(w, problem)
    with np.errstate(under="ignore"):
        weight = problem.weight * logistic_curvature(scores(problem, w))
    # X is divided by R, of the rows that count, and both terms by the larger one: squares neither
    # overflow nor vanish.
    radius = radius_of_rows(problem, weight > 0.0)
    l2 = problem.l2 / radius / radius
    if l2 == math.inf:  # the other term is at most 1/4
        return float(f"{2.0 / problem.l2:.8e}")
    penalty = np.full(problem.n_parameters, l2)
    penalty[problem.d :] = 0.0
    unit = max(float(weight.max()), l2)
    if unit == 0.0:
        return math.inf
    weight /= unit
    penalty /= unit
    curvature = largest_eigenvalue(
        lambda v: apply_gram(problem, v, radius, weight) + penalty * v, problem.n_parameters
    )
    if curvature <= 0.0:
        return math.inf
    return float(f"{2.0 / radius / radius / unit / curvature:.8e}")
