"""Several classes: what all of them share changes no loss, and is zero in each weight."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.backends import every_backend

RNG = np.random.default_rng(5)
N, K = 60, 3
X = RNG.standard_normal((N, 4))
Y = (X[:, :K] + RNG.standard_normal((N, K))).argmax(axis=1)


def means(run):
    """Return the means over the classes, of weights and intercepts, over the largest of these."""
    parameters = np.vstack([run.weights, run.intercept])
    largest = np.abs(parameters).max(axis=1)
    return np.abs(parameters.mean(axis=1)) / np.where(largest > 0.0, largest, 1.0)


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e6, 1e8, 1e10, 1e12])
@pytest.mark.parametrize("l2", [0.0, 1e-4])
def test_rounding_of_long_features_moves_no_mean(backend, l2, size, fit_intercept):
    """It gave the others weights that all classes share, of up to 0.9, and the run converged."""
    scaled = X * [1.0, size, 1.0, 1.0]
    run = backend.minimize(scaled, Y, loss="softmax", l2=l2, fit_intercept=fit_intercept)
    assert run.stop_reason == "converged" and means(run).max() < 1e-15


@every_backend
@pytest.mark.parametrize("common", [1.0, -30.0, 1e9, 1e300])
@pytest.mark.parametrize("l2", [0.0, 1e-4])
def test_a_start_loses_what_all_classes_share(backend, l2, common):
    """The objective at it may be above 1e8, and scores in which the rest is but rounding."""
    options = {"loss": "softmax", "l2": l2, "fit_intercept": True}
    expected = backend.minimize(X, Y, **options)
    run = backend.minimize(X, Y, start=np.full((5, K), common), **options)
    assert run.trace.loss[0] == np.log(K) or run.trace.loss[0] == pytest.approx(np.log(K), 1e-12)
    assert means(run).max() < 1e-15
    np.testing.assert_allclose(run.weights, expected.weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(run.intercept, expected.intercept, rtol=1e-6, atol=1e-8)


@every_backend
def test_a_start_that_differs_by_what_all_classes_share(backend):
    """The same run, up to rounding, from the weights of one class less than zero."""
    start = RNG.standard_normal((4, K))
    expected = backend.minimize(X, Y, loss="softmax", start=start)
    run = backend.minimize(X, Y, loss="softmax", start=start - start[:, -1:])
    assert run.n_steps == expected.n_steps
    np.testing.assert_allclose(run.weights, expected.weights, rtol=1e-9)


@every_backend
def test_a_mean_that_overflows_is_left_for_zero(backend):
    run = backend.minimize(1e-300 * X, Y, loss="softmax", start=np.full((4, K), 1.5e308))
    assert run.trace.loss[0] == pytest.approx(np.log(K)) and np.isfinite(run.weights).all()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("standardize", [False, True])
def test_paths_of_penalties_keep_it(standardize, n_threads):
    scaled = X * [1.0, 1e10, 1.0, 1e-6]
    model = lsgd.LogisticClassifierCV(standardize=standardize, cv=3)
    model.fit(scaled, Y)
    largest = np.abs(model.coef_).max(axis=0)
    assert (np.abs(model.coef_.mean(axis=0)) <= 1e-15 * largest).all()
