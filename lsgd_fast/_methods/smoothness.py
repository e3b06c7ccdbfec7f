"""The largest curvature of the objective, over all weights and at given weights."""

import math

import numpy as np

from lsgd_fast._inputs.dense import BLOCK_SIZE, largest_norm
from lsgd_fast._inputs.problem import check_weights
from lsgd_fast._inputs.sparse import is_sparse

__all__ = [
    "POWER_STEPS",
    "apply_gram",
    "check_weight_vector",
    "estimate_smoothness",
    "largest_eigenvalue",
    "logistic_curvature",
    "radius_of_rows",
    "scores",
    "weigh_changes",
    "with_curvature_of_penalty",
]

# After 30 steps from a random start the power method is below 0.525 of the largest eigenvalue with
# a probability of at most 0.096 sqrt(d) 0.525^29.5, 5.3e-7 for a million features (J. Kuczynski,
# H. Wozniakowski, SIAM J. Matrix Anal. Appl. 13(4), 1992, Theorem 4.1). So 1 over the estimate,
# even rounded up by 5 %, is below 2 over the true value.
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
        Estimate of ``c lambda_max(X' diag(r) X) + l2``, where the sample weights r sum to 1 and c
        is the largest curvature of the loss as a function of the scores of a row: 1/4, or with
        softmax 1/2. Up to rounding it is at most this value and, with a probability above
        1 - 1e-6, at least 0.525 times this value. Rounded to six digits: the others would depend
        on the order of the sums in a matrix product.
    """
    v = rng.standard_normal(problem.d + problem.fit_intercept)
    v /= np.linalg.norm(v)
    scale, size = problem.radius, 0.0
    if scale > 0.0:
        for _ in range(POWER_STEPS):
            image = apply_gram(problem, v, scale, problem.weight)
            size = float(np.linalg.norm(image))
            if size == 0.0:
                break
            v = image / size
    curvature = problem.loss.curvature * problem.model.spread**2
    return float(f"{curvature * size * scale * scale + problem.l2:.5e}")


# --- at given weights -----------------------------------------------------------------------------

# Lanczos with full orthogonalisation, restarted from its best vector after KRYLOV vectors. It ends
# once the relative residual is at most RESIDUAL_TOLERANCE: the error of the largest eigenvalue is
# about the square of that. A random start misses the largest eigenvalue with probability 0.
KRYLOV = 32
MAX_RESTARTS = 100
RESIDUAL_TOLERANCE = 1e-7


def check_weight_vector(w, problem):
    """Return the weights of one run as an array of shape (n_parameters,)."""
    w = check_weights(w, problem)
    if w.ndim != 1:
        raise ValueError(f"w must be 1-d; got shape {w.shape}")
    return w


def logistic_curvature(z):
    """Return the second derivative of ``log(1 + exp(-z))``, 0 where z is not finite."""
    small = np.exp(-np.fmin(np.abs(z), np.inf))  # fmin: of NaN, too
    return small / np.square(1.0 + small)


@np.errstate(all="ignore")  # of weights that are far out
def weigh_changes(weight, curvature, changes):
    """Multiply the changes of the scores of rows (k, n) by the weights and the curvatures.

    Rows that have none of either count as zero, whatever their change.
    """
    used = (weight > 0.0) & (curvature > 0.0)
    changes *= curvature
    changes *= weight
    changes[:, ~used] = 0.0


@np.errstate(all="ignore")
def with_curvature_of_penalty(product, p, problem):
    """Return the product of the Hessian with columns p, those of the penalty added in place."""
    product[: problem.d] += problem.l2 * p[: problem.d]
    return product


def radius_of_rows(problem, used):
    """Return R of the rows where `used` holds; 1.0 if it is zero, or if there are none."""
    if not used.any():
        return 1.0
    if used[problem.weight > 0.0].all():
        return problem.radius or 1.0
    size = largest_norm(problem.X, used, problem.center, problem.scale)
    return math.hypot(size, problem.fit_intercept) or 1.0


@np.errstate(all="ignore")  # of weights that are far out
def scores(problem, w):
    """Return the score ``x . w + b + offset`` of each row; the curvature is a function of it."""
    d, height = problem.d, max(1, BLOCK_SIZE // problem.d)
    if is_sparse(problem.X):
        result = _multiply(problem, w[:d], 1.0)
    else:
        result = np.empty(problem.n)
        for i in range(0, problem.n, height):
            result[i : i + height] = problem.features(slice(i, i + height)) @ w[:d]
    result += 0.0 if problem.offset is None else problem.offset
    result += w[d] if problem.fit_intercept else 0.0
    return result


def largest_eigenvalue(apply, size):
    """Return the largest eigenvalue of a symmetric positive semidefinite operator."""
    v = np.random.default_rng(0).standard_normal(size)
    # images are scaled by a power of two, because their squares may leave float64
    exponent = int(np.frexp(np.abs(apply(v / np.linalg.norm(v))).max())[1])
    for _ in range(MAX_RESTARTS):
        basis, diagonal, off_diagonal = [v / np.linalg.norm(v)], [], []
        for _ in range(min(size, KRYLOV)):
            image = np.ldexp(apply(basis[-1]), -exponent)
            diagonal.append(float(image @ basis[-1]))
            for _ in range(2):  # twice is enough against rounding
                for vector in basis:
                    image -= (image @ vector) * vector
            off_diagonal.append(float(np.linalg.norm(image)))
            if off_diagonal[-1] <= 1e-14 * max(diagonal):
                break
            basis.append(image / off_diagonal[-1])
        small = np.diag(diagonal) + np.diag(off_diagonal[:-1], 1) + np.diag(off_diagonal[:-1], -1)
        values, vectors = np.linalg.eigh(small)
        top = vectors[:, -1]
        if off_diagonal[-1] * abs(top[-1]) <= RESIDUAL_TOLERANCE * values[-1]:
            break
        v = top @ np.array(basis[: len(top)])
    return float(np.ldexp(values[-1], exponent))


def apply_gram(problem, v, scale, weight):
    """Return ``sum_i weight_i x_i (x_i . v) / total_weight`` for the rows ``x_i / scale``."""
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
    """Return the scores of sparse rows, with center and scale applied, divided by `unit`."""
    if problem.scale is None:
        return problem.X.multiply(v, unit)
    v = problem.scale * v
    return problem.X.multiply(v, unit) - problem.center / unit @ v


def _apply_sparse(problem, v, scale, weight):
    d, fit_intercept = problem.d, problem.fit_intercept
    with np.errstate(all="ignore"):  # a row of weight 0 may overflow
        s = _multiply(problem, v[:d], scale) + (v[d] / scale if fit_intercept else 0.0)
        s = np.where(weight > 0.0, s * (weight / problem.total_weight), 0.0)
    result = problem.X.combine(s, scale)
    if problem.scale is not None:
        result = problem.scale * (result - problem.center / scale * s.sum())
    return np.append(result, s.sum() / scale) if fit_intercept else result
