"""The objective, its gradient and its curvature in plain NumPy."""

from __future__ import annotations

import math

import numpy as np

from lsgd_fast._checks import check_n_threads
from lsgd_fast._inputs.problem import Problem, check_weights
from lsgd_fast._methods.smoothness import (
    check_weight_vector,
    logistic_curvature,
    radius_of_rows,
    weigh_changes,
    with_curvature_of_penalty,
)
from lsgd_fast._typing import Count, FloatArray, Matrix, Real, Scale, Vector, Weights
from lsgd_fast.reference._passes import Rows
from lsgd_fast.reference.minimize import LinearMap

__all__ = ["critical_stepsize", "logistic_loss", "logistic_loss_gradient", "logistic_loss_hessp"]


def logistic_loss(
    X: Matrix, y: Vector, w: Weights, *, sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None, n_threads: Count | None = None,
) -> float | FloatArray:  # fmt: skip
    """Return the objective at `w`; see `lsgd_fast.logistic_loss`."""
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    options |= {"offset": offset, "center": center, "scale": scale}
    return logistic_loss_gradient(X, y, w, **options, n_threads=n_threads)[0]


def logistic_loss_gradient(
    X: Matrix, y: Vector, w: Weights, *, sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None, n_threads: Count | None = None,
) -> tuple[float | FloatArray, FloatArray]:  # fmt: skip
    """Return the objective and its gradient at `w`; see `lsgd_fast.logistic_loss_gradient`."""
    check_n_threads(n_threads)
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    problem = Problem.check(X, y, **options, center=center, scale=scale, n_threads=1).with_offset(
        offset
    )
    w = check_weights(w, problem)
    rows = Rows(problem)
    found = [rows.measure(np.ascontiguousarray(column)) for column in np.atleast_2d(w.T)]
    if w.ndim == 1:
        return found[0].objective, found[0].direction
    return np.array([m.objective for m in found]), np.stack([m.direction for m in found], axis=1)


@np.errstate(all="ignore")  # of weights that are far out
def logistic_loss_hessp(
    X: Matrix, y: Vector, w: Vector, p: Weights, *, sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None, n_threads: Count | None = None,
) -> FloatArray:  # fmt: skip
    """Return the Hessian at `w` times directions; see `lsgd_fast.logistic_loss_hessp`."""
    check_n_threads(n_threads)
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    problem = Problem.check(X, y, **options, center=center, scale=scale, n_threads=1).with_offset(
        offset
    )
    w, p = check_weight_vector(w, problem), check_weights(p, problem, "p")
    used, columns = problem.weight > 0.0, p.reshape(len(p), -1)
    k = columns.shape[1]
    scores, product = np.empty((1 + k, used.sum())), np.empty(columns.shape)
    LinearMap(problem, 1 + k).matvec(np.column_stack([w, columns]), scores)
    z, changes = scores[0], scores[1:]
    z += 0.0 if problem.offset is None else problem.offset[used]
    weigh_changes(problem.weight[used], logistic_curvature(z), changes)
    LinearMap(problem, k).rmatvec(changes, product.reshape(-1))
    return with_curvature_of_penalty(product, columns, problem).reshape(p.shape)


@np.errstate(over="ignore", under="ignore", invalid="ignore")  # of weights that are far out
def critical_stepsize(
    X: Matrix, y: Vector, w: Vector, *, sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None,
) -> float:  # fmt: skip
    """Return 2 over the largest curvature at `w`; see `lsgd_fast.critical_stepsize`."""
    problem = Problem.check(
        X, y, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept, center=center,
        scale=scale,
    ).with_offset(offset)  # fmt: skip
    w = check_weight_vector(w, problem)
    A = problem.features(slice(None))
    if fit_intercept:
        A = np.column_stack([A, np.ones(len(A))])
    scores = A @ w + (0.0 if problem.offset is None else problem.offset)
    curvature = problem.weight / problem.total_weight * logistic_curvature(scores)
    used = curvature > 0.0
    radius = radius_of_rows(problem, used)
    A, curvature = A[used] / radius, curvature[used]
    l2 = problem.l2 / radius / radius
    if l2 == math.inf:  # the other term is at most 1/4
        return 2.0 / problem.l2
    penalty = np.full(len(w), l2)
    penalty[problem.d :] = 0.0
    largest = float(np.linalg.eigvalsh((A.T * curvature) @ A + np.diag(penalty))[-1])
    return 2.0 / radius / radius / largest if largest > 0.0 else math.inf
