"""The objective, its gradient and its curvature at given weights."""

from __future__ import annotations

import math

import numpy as np

from lsgd_fast._checks import check_n_threads
from lsgd_fast._core.threads import choose_threads
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
from lsgd_fast._typing import Columns, Count, FloatArray, Matrix, Real, Scale, Vector

__all__ = [
    "critical_stepsize",
    "logistic_loss",
    "logistic_loss_gradient",
]


def logistic_loss(
    X: Matrix,
    y: Vector,
    w: Columns,
    *,
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    n_threads: Count | None = None,
) -> float | FloatArray:
    """Return the logistic objective at `w`.

    The weighted mean over rows of ``log(1 + exp(-z_i))`` with margins ``z_i = y_i (x_i . w + b)``,
    plus ``l2/2 * |w|^2``; the intercept b is not penalised.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data of any real dtype and layout, used without a cast; sums are float64. Dense rows of
        float64, float32, float16, bfloat16 (of ml_dtypes), uint8 or int8 are fastest, and CSR of
        float64 or float32 among sparse ones.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    w : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, which is last
        Weights; k columns take less time than k calls.
    sample_weight : array-like of shape (n,), optional
        Non-negative weights of the rows, 1 by default; only their ratios matter.
    offset : array-like of shape (n,), optional
        A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``.
    l2 : float, default 0.0
        Strength of the penalty.
    fit_intercept : bool, default False
        Whether the last row of `w` is an intercept.
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; `scale` is positive.
    n_threads : int, optional
        Number of threads, at most the number of leaves of the rows; by default chosen by the size
        of X.

    Returns
    -------
    float or ndarray of shape (k,)

    Raises
    ------
    TypeError, ValueError
        For bad arguments; the message names the argument.

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


def logistic_loss_gradient(
    X: Matrix,
    y: Vector,
    w: Columns,
    *,
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    n_threads: Count | None = None,
) -> tuple[float | FloatArray, FloatArray]:
    """Return the logistic objective at `w` and its gradient, reading X from memory once.

    Parameters
    ----------
    X, y, w, sample_weight, offset, l2, fit_intercept, center, scale, n_threads
        As for `logistic_loss`.

    Returns
    -------
    value : float or ndarray of shape (k,)
    gradient : ndarray of the shape of `w`

    Raises
    ------
    TypeError, ValueError
        For bad arguments; the message names the argument.

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


def critical_stepsize(
    X: Matrix,
    y: Vector,
    w: Vector,
    *,
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
) -> float:
    """Return 2 over the largest curvature of the logistic objective at `w`.

    At a minimiser `w` this is the critical stepsize: gradient descent from near by converges to the
    minimiser with a smaller constant stepsize, and is repelled by it, usually into a cycle, with a
    larger one. Far from the minimiser of data that are not separable, smaller stepsizes may cycle
    as well (Meng et al.).

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data of any real dtype and layout; read some dozen times, in blocks.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    w : array-like of shape (d,), or (d + 1,) with an intercept, which is last
        Weights.
    sample_weight : array-like of shape (n,), optional
        Non-negative weights of the rows, 1 by default; only their ratios matter.
    offset : array-like of shape (n,), optional
        A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``.
    l2 : float, default 0.0
        Strength of the penalty ``l2/2 * |w|^2``; the intercept is not penalised.
    fit_intercept : bool, default False
        Whether the last entry of `w` is an intercept.
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``; `scale` is positive.

    Returns
    -------
    float
        ``2 / lambda_max(H)``, in the units of X as every stepsize, with H the Hessian at `w`.
        Infinite where all of H underflows. Rounded to nine digits: the others would depend on the
        order of the sums in a matrix product.

    Raises
    ------
    TypeError, ValueError
        For bad arguments; the message names the argument.

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
