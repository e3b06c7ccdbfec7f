"""`minimize` with offsets: published fits, and optimality."""

import numpy as np
import pytest

from support import awkward, sparse_cases
from support.backends import every_backend

# Doses (log 2) of trans-cypermethrin, and how many of 20 tobacco budworms of each sex died: Collett
# (1991), as in W. N. Venables, B. D. Ripley, "Modern Applied Statistics with S", section 7.2, which
# prints the coefficients of ``glm(SF ~ sex + ldose - 1, family = binomial)`` in four digits.
LDOSE = np.tile(np.arange(6.0), 2)
MALE = np.repeat([1.0, 0.0], 6)
DEAD = np.array([1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16])
PUBLISHED = {"female": -3.4732, "male": -2.3724, "ldose": 1.0642}
PRINTED = 1e-4  # the known ones are rounded, too


def budworm(columns):
    """Return X, y and the numbers of animals, with a row for the dead and one for the others."""
    X = np.column_stack(columns)
    y, counts = np.repeat([1, 0], 12), np.concatenate([DEAD, 20 - DEAD])
    return np.tile(X, (2, 1)), y, counts


@every_backend
def test_the_budworms_with_a_known_slope(backend):
    X, y, counts = budworm([1.0 - MALE, MALE])
    offset = np.tile(PUBLISHED["ldose"] * LDOSE, 2)
    run = backend.minimize(X, y, sample_weight=counts, offset=offset, tol=1e-12)
    expected = [PUBLISHED["female"], PUBLISHED["male"]]
    assert run.stop_reason == "converged"
    np.testing.assert_allclose(run.weights, expected, rtol=0, atol=PRINTED)


@every_backend
def test_the_budworms_with_known_intercepts(backend):
    X, y, counts = budworm([LDOSE])
    offset = np.tile(np.where(MALE, PUBLISHED["male"], PUBLISHED["female"]), 2)
    run = backend.minimize(X, y, sample_weight=counts, offset=offset, tol=1e-12)
    np.testing.assert_allclose(run.weights, [PUBLISHED["ldose"]], rtol=0, atol=PRINTED)


def newton(X, y, offset, l2, fit_intercept):
    """Return the minimiser by Newton's method, the intercept last."""
    A = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    penalty = np.where(np.arange(A.shape[1]) < X.shape[1], l2, 0.0)
    w = np.zeros(A.shape[1])
    for _ in range(60):
        p = 1.0 / (1.0 + np.exp(-(A @ w + offset)))
        gradient = A.T @ (p - (y > 0)) / len(X) + penalty * w
        hessian = A.T @ ((p * (1.0 - p))[:, None] * A) / len(X) + np.diag(penalty)
        w -= np.linalg.solve(hessian, gradient)
    return w


@every_backend
@pytest.mark.parametrize("form", [np.asarray, sparse_cases.csr], ids=["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_the_optimum(backend, form, fit_intercept, l2):
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((150, 4)), awkward.labels(150, rng)
    offset = 2.0 * rng.standard_normal(150) - 1.0
    options = {"l2": l2, "fit_intercept": fit_intercept, "offset": offset, "tol": 1e-12}
    run = backend.minimize(form(X), y, **options)
    found = np.append(run.weights, [run.intercept] if fit_intercept else [])
    np.testing.assert_allclose(found, newton(X, y, offset, l2, fit_intercept), rtol=1e-8)
    # a constant offset is minus a part of the intercept
    if fit_intercept:
        moved = backend.minimize(form(X), y, **options | {"offset": offset + 3.0})
        np.testing.assert_allclose(moved.weights, run.weights, rtol=1e-7)
        assert moved.intercept == pytest.approx(run.intercept - 3.0, rel=1e-7)


@every_backend
@pytest.mark.parametrize("size", [1e-300, 1e3, 1e100, 1e300])
def test_offsets_of_any_size(backend, size):
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((50, 3)), awkward.labels(50, rng)
    offset = size * rng.standard_normal(50)
    run = backend.minimize(X, y, offset=offset, max_passes=300)
    assert np.isfinite(run.weights).all() and np.isfinite(run.trace.loss).all()
    assert run.trace.loss[-1] <= run.trace.loss[0]
    assert run.separable is None
    descent = backend.gradient_descent(X, y, 0.5, 20, offset=offset)
    assert np.isfinite(descent.weights).all() and descent.separable is None
