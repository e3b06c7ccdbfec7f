"""The largest curvature of the objective: anywhere, and at given weights."""

import numpy as np

from lsgd_fast._inputs.dense import BLOCK_SIZE
from lsgd_fast._inputs.problem import check_weights
from lsgd_fast._inputs.sparse import is_sparse

__all__ = ["POWER_STEPS", "check_point", "estimate_smoothness", "logistic_curvature"]

# After 30 steps from a random start the power method is below 0.525 of the largest eigenvalue with
# a probability of at most 0.096 sqrt(d) 0.525^29.5, 5.3e-7 for a million features (J. Kuczynski,
# H. Wozniakowski, SIAM J. Matrix Anal. Appl. 13(4), 1992, Theorem 4.1). That leaves room to round
# 1 over it by 5 % and to stay below 2 over the truth.
POWER_STEPS = 30


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


def check_point(w, problem):
    """Return the weights of one run as an array of shape (n_parameters,)."""
    w = check_weights(w, problem)
    if w.ndim != 1:
        raise ValueError(f"w must be 1-d; got shape {w.shape}")
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
