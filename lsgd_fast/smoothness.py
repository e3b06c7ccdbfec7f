"""The largest curvature of the objective, which says what stepsizes are small."""

import numpy as np

from lsgd_fast.matrix import BLOCK_SIZE
from lsgd_fast.sparse import is_sparse

__all__ = ["POWER_STEPS", "ROUNDING", "estimate_smoothness"]

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
        ``lambda_max(X' diag(r) X) / 4 + l2``, the weights r scaled to the sum 1: at least 0.525 of
        it, but for a chance below 1e-6, and at most all of it, but for rounding. Six digits: the
        rest would depend on the order of sums in a matrix product.
    """
    v = rng.standard_normal(problem.n_parameters)
    v /= np.linalg.norm(v)
    scale, size = problem.radius, 0.0
    if scale > 0.0:
        for _ in range(POWER_STEPS):
            image = _apply(problem, v, scale)
            size = float(np.linalg.norm(image))
            if size == 0.0:
                break
            v = image / size
    return float(f"{0.25 * size * scale * scale + problem.l2:.5e}")


def _apply(problem, v, scale):
    """Return the weighted mean of x x' v over the rows x, each divided by `scale`."""
    if is_sparse(problem.X):
        return _apply_sparse(problem, v, scale)
    d, height = problem.d, max(1, BLOCK_SIZE // problem.d)
    result = np.zeros(len(v))
    for i in range(0, problem.n, height):
        weight = problem.weight[i : i + height]
        used = weight > 0.0
        block = problem.features(slice(i, i + height))[used] / scale
        s = block @ v[:d] + (v[d] / scale if problem.fit_intercept else 0.0)
        s *= weight[used] / problem.total_weight
        result[:d] += s @ block
        if problem.fit_intercept:
            result[d] += s.sum() / scale
    return result


def _apply_sparse(problem, v, scale):
    d, fit_intercept = problem.d, problem.fit_intercept
    with np.errstate(all="ignore"):  # a row without weight may be large beyond all bounds
        s = problem.X.multiply(v[:d], scale) + (v[d] / scale if fit_intercept else 0.0)
        s = np.where(problem.weight > 0.0, s * (problem.weight / problem.total_weight), 0.0)
    result = problem.X.combine(s, scale)
    return np.append(result, s.sum() / scale) if fit_intercept else result
