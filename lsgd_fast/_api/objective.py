"""The objective, its gradient and its curvature at given weights."""

from __future__ import annotations

import math

import numpy as np

from lsgd_fast._checks import check_n_threads
from lsgd_fast._core.threads import SERIAL_PASS_WORK, choose_threads
from lsgd_fast._docstrings import documented
from lsgd_fast._engine.dataset import Rows, curvatures, evaluate
from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._inputs.problem import Problem, check_weights
from lsgd_fast._methods.smoothness import (
    apply_gram,
    check_weight_vector,
    largest_eigenvalue,
    logistic_curvature,
    radius_of_rows,
    scores,
    weigh_changes,
    with_curvature_of_penalty,
)
from lsgd_fast._typing import Count, FloatArray, Matrix, Real, Scale, Vector, Weights

__all__ = [
    "critical_stepsize",
    "logistic_loss",
    "logistic_loss_gradient",
    "logistic_loss_hessp",
]


@documented
def logistic_loss(
    X: Matrix,
    y: Vector,
    w: Weights,
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
    X: Matrix,
    y: Vector,
    w: Weights,
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
def logistic_loss_hessp(
    X: Matrix,
    y: Vector,
    w: Vector,
    p: Weights,
    *,
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    n_threads: Count | None = None,
) -> FloatArray:
    """Return the product of the Hessian of the logistic objective at `w` with a direction.

    It is what ``hessp`` of `scipy.optimize.minimize` expects beside `logistic_loss_gradient`, for
    the methods ``"newton-cg"``, ``"trust-ncg"``, ``"trust-krylov"`` and ``"trust-constr"``. X is
    read twice, forward and backward, however many directions there are, and after a look at all of
    its values.

    Parameters
    ----------
    {X}
    {y}
        The Hessian does not depend on them.
    w : array-like of shape (d,), or (d + 1,) with an intercept, which is last
        Weights, where the Hessian is taken.
    p : array-like of the shape of `w`, or (d, k) or (d + 1, k)
        The direction, or k of them, which take less time than k calls; an identity matrix gives the
        Hessian itself. For each of them a number is kept for each row.
    {sample_weight}
    {offset}
    {l2}
    fit_intercept : bool, default False
        Whether the last row of `w` and of `p` is that of an intercept.
    {center}
    {n_threads}

    Returns
    -------
    ndarray of the shape of `p`
        ``X' diag(r_i s_i (1 - s_i)) X p + l2 p`` with ``s_i = sigmoid(x_i . w)`` and weights r of
        sum 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Notes
    -----
    The result has the same bits for every number of threads and every instruction set, and each
    column those of a call with that column alone. A row whose score is so large that its curvature
    underflows takes no part, as one without weight. `critical_stepsize` is 2 over the largest
    eigenvalue of the Hessian.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> lsgd.logistic_loss_hessp(X, y, [0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    array([[ 0.625, -0.025],
           [-0.025,  0.01 ]])
    """
    n_threads = check_n_threads(n_threads)
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    options |= {"center": center, "scale": scale}
    problem = Problem.check(X, y, **options, n_threads=n_threads).with_offset(offset)
    w, p = check_weight_vector(w, problem), check_weights(p, problem, "p")
    n, columns = problem.n, p.reshape(len(p), -1)
    k = columns.shape[1]
    rows = Rows(problem, pack=False)
    n_threads = choose_threads(
        n_threads, n, problem.row_length, rows.n_leaves, 1 + k, serial_work=SERIAL_PASS_WORK
    )
    scores = np.zeros((1 + k, -(-n // 8) * 8))
    LinearMap(rows, 1 + k, n_threads).matvec(np.column_stack([w, columns]).ravel(), scores)
    z, row_gradients, product = scores[0, :n], scores[1:], np.empty(columns.shape)
    z += 0.0 if problem.offset is None else problem.offset
    weigh_changes(problem.weight, curvatures(z), row_gradients[:, :n])
    row_gradients[:, n:] = 0.0
    LinearMap(rows, k, n_threads).rmatvec(row_gradients, product.reshape(-1))
    return with_curvature_of_penalty(product, columns, problem).reshape(p.shape)


@documented
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
