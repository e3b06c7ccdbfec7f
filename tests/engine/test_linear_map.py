"""The rows as a linear map: products with X and its transpose, by the formulas."""

import numpy as np
import pytest

from lsgd_fast._engine.dataset import Rows
from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._inputs.problem import Problem
from lsgd_fast.reference.minimize import LinearMap as ReferenceLinearMap
from support.sparse_cases import csr

N, D = 61, 7
RNG = np.random.default_rng(7)
X = RNG.standard_normal((N, D))
Y = np.where(np.arange(N) % 2, 1.0, -1.0)
FACTORS = {"center": RNG.standard_normal(D), "scale": RNG.uniform(0.5, 2.0, D)}

# Sparse rows of several slabs, with a long column.
LONG = csr(np.where(RNG.random((10000, 140)) < np.append(0.9, np.full(139, 0.4)), -1.5, 0.0))
STORED = ["f64", "f32", "csr", "long csr"]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("factors", [{}, FACTORS], ids=["plain", "scaled"])
@pytest.mark.parametrize("stored", [X, X.astype(np.float32), csr(X)], ids=["f64", "f32", "csr"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_products_are_those_of_the_formulas(k, fit_intercept, factors, stored, n_threads):
    problem = Problem.check(stored, Y, fit_intercept=fit_intercept, **factors)
    fast = LinearMap(Rows(problem), k, n_threads)
    slow = ReferenceLinearMap(problem, k)
    A = problem.features(problem.weight > 0.0)
    A = np.column_stack([A, np.ones(len(A))]) if fit_intercept else A
    rng = np.random.default_rng(8)
    w = rng.standard_normal(A.shape[1] * k)
    padded = N + -N % 8
    scores, row_gradients = np.zeros((k, padded)), np.zeros((k, padded))
    row_gradients[:, :N] = rng.standard_normal((k, N))
    gradient, expected = np.zeros((2, len(w)))
    fast.matvec(w, scores)
    np.testing.assert_allclose(scores[:, :N], (A @ w.reshape(-1, k)).T, rtol=1e-12, atol=1e-12)
    fast.rmatvec(row_gradients, gradient)
    slow.rmatvec(row_gradients[:, :N], expected)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)
    mean = row_gradients[:, :N] @ A / problem.total_weight
    np.testing.assert_allclose(expected.reshape(-1, k), mean.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("factors", [{}, FACTORS], ids=["plain", "scaled"])
@pytest.mark.parametrize(
    "stored", [X, X.astype(np.float32), csr(X), LONG, np.asfortranarray(X)], ids=[*STORED, "F"]
)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_sizes_are_those_of_absolute_values(k, fit_intercept, factors, stored, n_threads):
    n = stored.shape[0]
    factors = factors if stored.shape[1] == D else {}
    problem = Problem.check(
        stored, np.where(np.arange(n) % 2, 1, 0), fit_intercept=fit_intercept, **factors
    )
    A = np.abs(problem.features(problem.weight > 0.0))
    A = np.column_stack([A, np.ones(len(A))]) if fit_intercept else A
    row_sizes = np.zeros((k, n + -n % 8))
    row_sizes[:, :n] = np.random.default_rng(8).random((k, n))
    sizes, expected = np.zeros((2, A.shape[1] * k))
    LinearMap(Rows(problem), k, n_threads).sizes(row_sizes, sizes)
    ReferenceLinearMap(problem, k).sizes(row_sizes[:, :n], expected)
    np.testing.assert_allclose(sizes, expected, rtol=1e-12, atol=1e-13)
    mean = row_sizes[:, :n] @ A / problem.total_weight
    np.testing.assert_allclose(expected.reshape(-1, k), mean.T, rtol=1e-12)
