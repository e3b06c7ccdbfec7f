"""scale_to_loss: the loss that is asked for, of weights of the same direction, at no pass."""

import dataclasses
import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import losses, reference
from lsgd_fast.losses import Exponential, FlattenedExponential, FlattenedPolynomial

X, Y = lsgd.datasets.toy()
SIGNS = np.where(np.asarray(Y) > 0, 1.0, -1.0)
LOSSES = [losses.Logistic(), Exponential(), FlattenedExponential(0.5), FlattenedPolynomial(3.0)]


def loss_at(scaled, loss, A=X, signs=SIGNS):
    return float(loss.value(signs * (A @ scaled.weights + scaled.intercept)).mean())


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("target", [10.0, 0.5, 1e-3, 1e-30, 1e-300, 1e-320])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_loss_is_reached(loss, target, fit_intercept):
    run = lsgd.gradient_descent(X, Y, 1.0, 200, loss=loss, fit_intercept=fit_intercept)
    scaled = lsgd.scale_to_loss(run, target, loss=loss)
    assert loss_at(scaled, loss) <= scaled.loss_bound * (1.0 + 1e-15)  # by another order of sums
    assert scaled.loss_bound <= target and scaled.factor >= 1.0
    np.testing.assert_array_equal(scaled.weights, scaled.factor * run.weights)
    assert scaled.intercept == scaled.factor * run.intercept
    if scaled.factor > 1.0:  # no longer than need be
        shorter = dataclasses.replace(scaled, weights=0.999 * scaled.weights)
        least = (SIGNS * (X @ shorter.weights + 0.999 * scaled.intercept)).min()
        assert loss.log_value(np.float64(least)) > math.log(target)


def test_the_formula_of_the_logistic_loss():
    run = lsgd.gradient_descent(X, Y, 32.0, 100)
    scaled = lsgd.scale_to_loss(run, 1e-200)
    expected = math.log(1e200) / run.trace.min_margin[-1]
    assert scaled.factor == pytest.approx(expected, rel=1e-9)
    assert scaled.loss_bound == pytest.approx(1e-200, rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_bound_is_never_above_the_target(loss):
    run = lsgd.gradient_descent(X, Y, 1.0, 100, loss=loss)
    for target in np.geomspace(1e-6, 0.9 * run.trace.loss[-1], 300):
        scaled = lsgd.scale_to_loss(run, float(target), loss=loss)
        assert scaled.loss_bound <= target


def test_what_is_reached_already_is_left_alone():
    run = lsgd.gradient_descent(X, Y, 32.0, 1000)
    scaled = lsgd.scale_to_loss(run, float(run.trace.loss[-1]))
    assert scaled.factor == 1.0 and scaled.loss_bound == run.trace.loss[-1]
    np.testing.assert_array_equal(scaled.weights, run.weights)


def test_the_separating_weights_stand_in_for_the_last():
    run = lsgd.gradient_descent(X, Y, 4.0, 5)
    assert run.separated_at == 2 and run.trace.min_margin[-1] < 0.0
    scaled = lsgd.scale_to_loss(run, 1e-50)
    np.testing.assert_array_equal(scaled.weights, scaled.factor * run.separating_weights)
    assert loss_at(scaled, losses.Logistic()) <= scaled.loss_bound <= 1e-50
    sparse = lsgd.gradient_descent(X, Y, 4.0, 5, record_every=5)
    with pytest.raises(ValueError, match="^run must have the step of its first"):
        lsgd.scale_to_loss(sparse, 1e-50)
    A = X + 0.1
    runs = (lsgd.gradient_descent(A, Y, 4.0, t, fit_intercept=True) for t in range(200))
    run = next(run for run in runs if run.separable and run.trace.min_margin[-1] < 0.0)
    scaled = lsgd.scale_to_loss(run, 1e-50)
    assert scaled.intercept == scaled.factor * run.separating_weights[-1] != 0.0
    assert loss_at(scaled, losses.Logistic(), A) <= 1e-50


def test_several_classes():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 4))
    y = (A @ rng.standard_normal((4, 3))).argmax(axis=1)
    for fit_intercept in (False, True):
        run = lsgd.minimize(A, y, loss="softmax", fit_intercept=fit_intercept)
        assert run.separable
        scaled = lsgd.scale_to_loss(run, 1e-6, loss="softmax")
        scores = A @ scaled.weights + scaled.intercept
        scores -= scores[np.arange(60), y][:, None]
        assert np.log(np.exp(scores).sum(axis=1)).mean() <= scaled.loss_bound <= 1e-6
        with pytest.raises(ValueError, match="^loss must be that of the run"):
            lsgd.scale_to_loss(run, 1e-6)
        run = lsgd.gradient_descent(A, y, 100.0, 300, loss="softmax", fit_intercept=fit_intercept)
        assert run.separable
        found = lsgd.scale_to_loss(run, 1e-9, loss=losses.Softmax())
        assert found.factor >= 1.0 and found.loss_bound <= 1e-9


def test_networks_are_refused():
    run = lsgd.two_layer_gradient_descent(X, Y, 4.0, 100, width=16, rng=0)
    for loss in ("softmax", "logistic"):
        with pytest.raises(
            ValueError, match="^(run must have separated|loss must be that of the run)"
        ):
            lsgd.scale_to_loss(run, 1e-3, loss=loss)


def test_several_classes_that_tie():
    """Each row has one other class after another: the bound is the loss, which is the target."""
    run = lsgd.minimize(np.eye(5), np.arange(5), loss="softmax")
    scaled = lsgd.scale_to_loss(run, 1e-4, loss="softmax")
    scores = np.eye(5) @ scaled.weights
    losses_of_rows = np.log(np.exp(scores - np.diag(scores)[:, None]).sum(axis=1))
    assert losses_of_rows.max() == pytest.approx(1e-4, rel=1e-6)
    assert losses_of_rows.mean() <= scaled.loss_bound * (1.0 + 1e-9)


def test_a_run_of_minimize_and_of_the_reference():
    for run in (lsgd.minimize(X, Y), reference.gradient_descent(X, Y, 4.0, 200)):
        assert loss_at(lsgd.scale_to_loss(run, 1e-12), losses.Logistic()) <= 1e-12
    assert reference.scale_to_loss is lsgd.scale_to_loss


def test_the_margin_over_the_norm_stays():
    run = lsgd.gradient_descent(X, Y, 4.0, 100)
    scaled = lsgd.scale_to_loss(run, 1e-280)
    margin = run.trace.min_margin[-1] / run.trace.weight_norm[-1]
    found = (SIGNS * (X @ scaled.weights)).min() / np.linalg.norm(scaled.weights)
    assert found == pytest.approx(margin, rel=1e-12)


def test_bad_arguments_are_named():
    run = lsgd.gradient_descent(X, Y, 32.0, 100)
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="^target must"):
            lsgd.scale_to_loss(run, bad)
    with pytest.raises(TypeError, match="^target must"):
        lsgd.scale_to_loss(run, "1")
    with pytest.raises(TypeError, match="^run must"):
        lsgd.scale_to_loss(run.weights, 1e-3)
    with pytest.raises(ValueError, match="^loss"):
        lsgd.scale_to_loss(run, 1e-3, loss="hinge")
    with pytest.raises(ValueError, match="^loss must be that of the run"):
        lsgd.scale_to_loss(run, 1e-3, loss="softmax")
    with pytest.raises(ValueError, match="^run must have separated"):
        lsgd.scale_to_loss(lsgd.gradient_descent(X, Y, 32.0, 0), 1e-3)
    with pytest.raises(ValueError, match='^run must have "min_margin" in its trace'):
        lsgd.scale_to_loss(lsgd.gradient_descent(X, Y, 32.0, 100, record=("loss",)), 1e-3)
    poly = FlattenedPolynomial(0.01)
    run = lsgd.gradient_descent(X, Y, 100.0, 2000, loss=poly)
    assert run.separable
    with pytest.raises(ValueError, match="^target is too small.*1e-09"):
        lsgd.scale_to_loss(run, 1e-9, loss=poly)


def test_weights_so_small_that_their_factor_is_infinite():
    """Beside a weight of zero, too: the refusal warns of nothing on the way."""
    run = reference.gradient_descent([[1.0, 0.0], [-1.0, 0.0]], [1, -1], 1e-308, 1)
    with pytest.raises(ValueError, match="target is too small"):
        lsgd.scale_to_loss(run, 1e-171)


def test_scaled_weights_are_frozen():
    scaled = lsgd.scale_to_loss(lsgd.gradient_descent(X, Y, 32.0, 100), 1e-3)
    with pytest.raises(AttributeError):
        scaled.factor = 1.0
    with pytest.raises(ValueError):
        scaled.weights[0] = 1.0
