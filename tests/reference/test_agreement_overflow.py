"""At the limits of float64 both implementations have the same infinities, counters and ends."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference
from support.backends import every_backend
from support.overflowing import faults

# Gram space with coefficients of 1e307, whose sum over the rows overflows in one order of them.
KNOWN = {1346}


def check(seeds):
    found = {seed: faults(seed) for seed in seeds if seed not in KNOWN}
    assert not any(found.values()), {seed: those for seed, those in found.items() if those}


def test_random_overflows():
    check(range(150))


@pytest.mark.slow
def test_many_random_overflows():
    check(range(150, 3000))


# Terms of the first margin overflow to both sides; BLAS may fuse them to one infinity or the other.
BOTH_SIDES = {"X": [[1e200, 1e200], [1.0, 2.0], [2.0, 1.0]], "y": [1, 0, 1]}


@every_backend
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("loss", ["logistic", "exponential"])
def test_a_margin_that_is_no_number_is_minus_infinity(backend, sign, loss):
    start = [sign * 1e200, -sign * 1e200]
    run = backend.gradient_descent(**BOTH_SIDES, stepsize=1.0, n_steps=3, start=start, loss=loss)
    trace = run.trace
    assert (run.stop_reason, run.n_steps) == ("diverged", 0)
    assert trace.loss[-1] == trace.ln_loss[-1] == trace.gradient_norm[-1] == math.inf
    assert trace.min_margin[-1] == -math.inf and trace.error_rate[-1] >= 1.0 / 3.0
    assert run.n_increases == 0


@every_backend
@pytest.mark.parametrize("y", [[1, 0], [0, 1]])
def test_weights_that_overflow_have_an_infinite_loss(backend, y):
    """Also where all their margins are plus infinity, and the increase is counted."""
    run = backend.gradient_descent([[10.0], [-10.0]], y, 1e308, 5)
    assert (run.stop_reason, run.n_steps) == ("diverged", 1)
    assert np.isinf(run.weights).all() and run.trace.weight_norm[-1] == math.inf
    assert run.trace.loss[-1] == run.trace.ln_loss[-1] == math.inf
    assert (run.n_increases, run.stable_at) == (1, None)


@every_backend
def test_an_intercept_that_overflows_has_an_infinite_loss(backend):
    run = backend.gradient_descent(
        [[0.0], [0.0], [1e-300]], [1, 1, 0], 1e308, 9, fit_intercept=True, start=[0.0, -300.0],
        loss="exponential",
    )  # fmt: skip
    assert (run.stop_reason, run.intercept, run.n_increases) == ("diverged", math.inf, 1)
    assert run.trace.weight_norm[-1] < run.trace.loss[-1] == math.inf


@every_backend
def test_an_infinite_risk_has_an_infinite_logarithm(backend):
    """Not 709.8, which is 1024 log 2; the run has diverged."""
    X = [[1e200, 1.0], [-1e200, 2.0], [3e199, 1.0]]
    run = backend.gradient_descent(X, [1, 0, 0], lsgd.stepsizes.RiskAdaptive(1e3), 5)
    assert run.stop_reason == "diverged" and run.trace.ln_loss[-1] == math.inf


@every_backend
def test_classes_whose_scores_are_minus_infinity_are_alike(backend):
    """The margin is plus infinity, and the row has neither loss nor gradient."""
    run = backend.gradient_descent([[1e200], [0.0], [-1.0]], [0, 1, 2], 1.0, 1, loss="softmax")
    assert run.stop_reason == "n_steps" and np.isfinite(run.trace.loss).all()
    assert np.isfinite(
        backend.gradient_descent(
            [[1e200], [0.0], [-1.0]], [0, 1, 2], 1.0, 1, loss="softmax",
            stop=lsgd.Stop(gradient_norm=1e-300),
        ).trace.gradient_norm
    ).all()  # fmt: skip


def test_stochastic_descent_ends_with_infinities_too():
    for side in (lsgd, reference):
        run = side.stochastic_gradient_descent([[10.0], [-10.0]], [1, 0], 1e308, 5, rng=0)
        assert run.stop_reason == "diverged" and run.last.loss == run.last.ln_loss == math.inf


def traces(backend, X, y, stepsize, n_steps, **options):
    """Return a run, and the rows of its trace."""
    run = backend.gradient_descent(X, y, stepsize, n_steps, **options)
    return run, np.column_stack([*run.trace.to_dict().values()])


def assert_alike(*call, **options):
    """Make a run by both implementations, which differ by rounding; return the compiled one."""
    (run, rows), (expected, expected_rows) = (
        traces(side, *call, **options) for side in (lsgd, reference)
    )
    assert (run.stop_reason, run.n_steps) == (expected.stop_reason, expected.n_steps)
    np.testing.assert_allclose(rows, expected_rows, 1e-9)
    np.testing.assert_allclose(run.weights, expected.weights, 1e-9)
    for name in ("n_increases", "last_increase", "low", "high", "sharpness"):
        a, b = (getattr(one.diagnostics, name) for one in (run, expected))
        assert a == pytest.approx(b, 1e-9, nan_ok=True), name
    return run


def test_scale_goes_to_the_weights_in_both():
    """From weights of 1e300 it leaves float64, although all features are near 1."""
    X, y = [[1.0, 1e-80], [-2.0, 3e-80], [1.0, 0.0]], [1, 0, 1]
    run = assert_alike(X, y, lsgd.stepsizes.NormalizedGradient(1e300), 3, scale=[1.0, 1e80])
    assert run.stop_reason == "diverged" and np.isfinite(run.weights).all()


def test_without_a_center_an_infinite_weight_has_an_infinite_score():
    """And none that is 0 times infinity: two of three rows are right."""
    X, y = [[1.0], [-1.0], [1.0]], [1, 0, 0]
    run = assert_alike(X, y, 1.0, 0, scale=[1e10], start=[1e300])
    assert run.trace.error_rate[-1] == pytest.approx(1.0 / 3.0)


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@pytest.mark.parametrize(
    "rule",
    [lsgd.stepsizes.RiskAdaptive, lsgd.stepsizes.InverseLoss, lsgd.stepsizes.Tyurin],
)
def test_factors_of_adaptive_rules_overflow_in_both(rule, loss):
    for eta in (1e301, 5e307, 1.2e308, 1.7e308):
        assert_alike([[0.1, 0.2], [0.35, -0.1]], [0, 1], rule(eta), 2, loss=loss)


@pytest.mark.parametrize("y", [[1, 0, 1], [0, 1, 1]])
@pytest.mark.parametrize("length", [1e-200, 1e150, 1e200])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_gram_space_has_the_weights_of_a_step_that_float64_holds(l2, length, y):
    X = [[length, 0.1], [0.3, 0.2], [-0.2 * length, 0.4]]
    run = assert_alike(X, y, 1.0, 2, gram=True, l2=l2, start=[0.0, 1e-3])
    assert run.n_steps >= 1 and np.isfinite(run.weights).all()


def test_gram_space_has_the_weights_of_the_shortest_step():
    X = np.array([[-34.0, -14.0, -79.0], [-25.0, 20.0, 51.0]])
    run = assert_alike(X, [0, 1], 5e-324, 1, gram=True)
    assert run.separated_at == 1 and (X @ run.separating_weights * [-1, 1] > 0.0).all()
