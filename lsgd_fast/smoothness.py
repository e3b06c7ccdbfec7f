"""The largest curvature of the objective: anywhere, and at given weights."""

import math

import numpy as np

from lsgd_fast.matrix import BLOCK_SIZE
from lsgd_fast.problem import Problem, check_weights
from lsgd_fast.sparse import is_sparse

__all__ = [
    "POWER_STEPS",
    "ROUNDING",
    "check_point",
    "critical_stepsize",
    "estimate_smoothness",
    "logistic_curvature",
]

# After 30 steps from a random start the power method is below 0.525 of the largest eigenvalue with
# a probability of at most 0.096 sqrt(d) 0.525^29.5, 5.3e-7 for a million features (J. Kuczynski,
# H. Wozniakowski, SIAM J. Matrix Anal. Appl. 13(4), 1992, Theorem 4.1). That leaves room to round
# 1 over it by 5 % and to stay below 2 over the truth.
POWER_STEPS = 30
ROUNDING = 1.05


def estimate_smoothness(problem, rng):
    """Return the largest curvature of the objective, by the power method.

    Parameters
    ----------
    problem : Problem
    rng : numpy.random.Generator

    Returns
    -------
    float
        ``c lambda_max(X' diag(r) X) + l2``, the weights r scaled to the sum 1 and c the largest
        curvature of the loss by the products of a row, 1/4, or with softmax 1/2: at least 0.525 of
        it, but for a chance below 1e-6, and at most all of it, but for rounding. Six digits: the
        rest would depend on the order of sums in a matrix product.
    """
    v = rng.standard_normal(problem.d + problem.fit_intercept)
    v /= np.linalg.norm(v)
    scale, size = problem.radius, 0.0
    if scale > 0.0:
        for _ in range(POWER_STEPS):
            image = _apply(problem, v, scale, problem.weight)
            size = float(np.linalg.norm(image))
            if size == 0.0:
                break
            v = image / size
    sharpest = problem.loss.curvature * problem.model.spread**2
    return float(f"{sharpest * size * scale * scale + problem.l2:.5e}")


# --- at given weights -----------------------------------------------------------------------------

# Lanczos, with all vectors kept orthogonal, begun anew from its best vector after so many. It ends
# once an eigenvalue is known to lie this near: the error of the largest one is about the square of
# that. From a random start, missing the largest altogether has no probability.
KRYLOV = 32
MAX_RESTARTS = 100
NEAR_ENOUGH = 1e-7


def critical_stepsize(
    X, y, w, *, sample_weight=None, l2=0.0, fit_intercept=False, center=None, scale=None
):
    """Return 2 over the largest curvature of the logistic objective at `w`.

    With `w` a minimiser this is the critical stepsize: gradient descent with a smaller constant
    stepsize converges to it from near by, with a larger one it is repelled, and a cycle is what it
    falls into. Far from the minimiser a smaller stepsize may cycle as well, where there is no
    margin (Meng et al.).

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout. Read some dozen times, in blocks.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    w : array-like of shape (d,), or (d + 1,) with an intercept, which is last
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2`` to the objective; the intercept is not penalised.
    fit_intercept : bool, default False
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``.

    Returns
    -------
    float
        ``2 / lambda_max(H)``, in the units of X as every stepsize, with H the Hessian at `w`.
        Infinite where all of H underflows. Nine digits: the rest would depend on the order of sums
        in a matrix product.

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
    )  # fmt: skip
    w = check_point(w, problem)
    with np.errstate(under="ignore"):
        weight = problem.weight * logistic_curvature(_products(problem, w))
    penalty = np.full(problem.n_parameters, problem.l2)
    penalty[problem.d :] = 0.0
    # Of X divided by R, and both terms by the larger one: so squares neither overflow nor vanish.
    radius = problem.radius if problem.radius > 0.0 else 1.0
    penalty /= radius
    penalty /= radius
    unit = max(float(weight.max()), float(penalty.max()))
    if unit == 0.0:
        return math.inf
    weight /= unit
    penalty /= unit
    curvature = _largest_eigenvalue(
        lambda v: _apply(problem, v, radius, weight) + penalty * v, problem.n_parameters
    )
    if curvature <= 0.0:
        return math.inf
    return float(f"{2.0 / radius / radius / unit / curvature:.8e}")


def check_point(w, problem):
    """Return the weights of one run as an array of shape (n_parameters,)."""
    w = check_weights(w, problem)
    if w.ndim != 1:
        raise ValueError(f"w must have one dimension; got shape {w.shape}")
    return w


def logistic_curvature(z):
    """Return the second derivative of ``log(1 + exp(-z))``, 0 where z has left float64."""
    small = np.exp(-np.fmin(np.abs(z), np.inf))  # of an infinity less another as well
    return small / np.square(1.0 + small)


@np.errstate(all="ignore")  # of weights that are far out
def _products(problem, w):
    """Return ``x . w + b`` of every row: the curvature does not ask for the label."""
    d, height = problem.d, max(1, BLOCK_SIZE // problem.d)
    if is_sparse(problem.X):
        products = _multiply(problem, w[:d], 1.0)
    else:
        products = np.empty(problem.n)
        for i in range(0, problem.n, height):
            products[i : i + height] = problem.features(slice(i, i + height)) @ w[:d]
    products += w[d] if problem.fit_intercept else 0.0
    return products


def _largest_eigenvalue(apply, size):
    """Return the largest eigenvalue of a symmetric operator that has none below 0."""
    v = np.random.default_rng(0).standard_normal(size)
    for _ in range(MAX_RESTARTS):
        basis, diagonal, beside = [v / np.linalg.norm(v)], [], []
        for _ in range(min(size, KRYLOV)):
            image = apply(basis[-1])
            diagonal.append(float(image @ basis[-1]))
            for _ in range(2):  # once leaves what rounding made of it
                for older in basis:
                    image -= (image @ older) * older
            beside.append(float(np.linalg.norm(image)))
            if beside[-1] <= 1e-14 * max(diagonal):
                break
            basis.append(image / beside[-1])
        small = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
        values, vectors = np.linalg.eigh(small)
        top = vectors[:, -1]
        if beside[-1] * abs(top[-1]) <= NEAR_ENOUGH * values[-1]:
            break
        v = top @ np.array(basis[: len(top)])
    return float(values[-1])


def _apply(problem, v, scale, weight):
    """Return the sum of ``weight x x' v`` over the rows x / scale, by the sum of sample weights."""
    if is_sparse(problem.X):
        return _apply_sparse(problem, v, scale, weight)
    d, height = problem.d, max(1, BLOCK_SIZE // problem.d)
    result = np.zeros(len(v))
    for i in range(0, problem.n, height):
        share = weight[i : i + height]
        used = share > 0.0
        block = problem.features(slice(i, i + height))[used] / scale
        s = block @ v[:d] + (v[d] / scale if problem.fit_intercept else 0.0)
        s *= share[used] / problem.total_weight
        result[:d] += s @ block
        if problem.fit_intercept:
            result[d] += s.sum() / scale
    return result


def _multiply(problem, v, unit):
    """Return the products of sparse rows, with factors applied and over `unit`, with a vector."""
    if problem.scale is None:
        return problem.X.multiply(v, unit)
    v = problem.scale * v
    return problem.X.multiply(v, unit) - problem.center / unit @ v


def _apply_sparse(problem, v, scale, weight):
    d, fit_intercept = problem.d, problem.fit_intercept
    with np.errstate(all="ignore"):  # a row without weight may be large beyond all bounds
        s = _multiply(problem, v[:d], scale) + (v[d] / scale if fit_intercept else 0.0)
        s = np.where(weight > 0.0, s * (weight / problem.total_weight), 0.0)
    result = problem.X.combine(s, scale)
    if problem.scale is not None:
        result = problem.scale * (result - problem.center / scale * s.sum())
    return np.append(result, s.sum() / scale) if fit_intercept else result
