"""Descents of the compiled code and of the reference end alike, by the same numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, datasets, reference
from lsgd_fast.reference import gradient_descent

# --- the reference --------------------------------------------------------------------------------


def shared_problems():
    """Yield (X, y, options, n_steps); few steps where the descent is chaotic, which rounding is."""
    yield *datasets.toy(), {}, 100
    digits, label = datasets.digits_0_vs_8()
    yield digits, label, {}, 60
    yield digits[::7], label[::7], {"fit_intercept": True, "l2": 1e-3}, 40
    rng = np.random.default_rng(5)
    for n, d, noise, options, n_steps in (
        (12, 3, 0, {}, 100),
        (30, 4, 0, {"fit_intercept": True}, 100),
        (60, 5, 1, {"l2": 1e-3}, 25),
        (25, 40, 1, {}, 100),
        (40, 8, 1, {"sample_weight": rng.uniform(0.0, 3.0, 40)}, 25),
        (100, 2, 0, {"fit_intercept": True}, 60),
        (20, 3, 1, {"l2": 0.1, "fit_intercept": True}, 25),
        (5, 2, 0, {}, 100),
        (64, 16, 0, {"sample_weight": rng.uniform(0.0, 3.0, 64), "fit_intercept": True}, 100),
    ):
        rows = rng.standard_normal((n, d))
        y = np.where(rows @ rng.standard_normal(d) + noise * rng.standard_normal(n) > 0, 1.0, 0.0)
        y[:2] = 0.0, 1.0
        yield rows, y, options, n_steps


STOPS = (
    None, Stop(separated=True), Stop(loss=0.05), Stop(gradient_norm=0.02), Stop(unstable_steps=3),
    Stop(loss=1e-3, gradient_norm=1e-3, separated=True, unstable_steps=10),
)  # fmt: skip
COUNTED = ("n_steps", "stop_reason", "separated_at", "certified_at", "stable_at", "n_increases")


@pytest.mark.parametrize("eta", [1e-2, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("stop", STOPS)
def test_counters_and_ends_are_those_of_the_reference(eta, stop):
    for rows, y, options, n_steps in shared_problems():
        fast, ref = (
            module.gradient_descent(rows, y, eta, n_steps, stop=stop, **options)
            for module in (lsgd, reference)
        )
        for name in COUNTED:
            assert getattr(fast, name) == getattr(ref, name), (name, rows.shape)
        np.testing.assert_array_equal(fast.trace.step, ref.trace.step)


def test_ln_loss_where_rows_of_hardly_any_weight_decide():
    rows, y = np.array([[1000.0], [-3.0], [-1000.0], [-1200.0]]), [1, 1, 0, 0]
    for tiny in (1e-290, 1e-300, 1e-307, 1e-310, 1e-315, 5e-324):
        weight = [1.0, tiny, 1.0, 1.0]
        fast, ref = (
            module.gradient_descent(rows, y, 1e-9, 0, start=[1.0], sample_weight=weight).trace
            for module in (lsgd, reference)
        )
        np.testing.assert_allclose(fast.ln_loss, ref.ln_loss, rtol=1e-12, err_msg=str(tiny))


@pytest.mark.parametrize("half", [3, 8, 32, 256])
def test_ln_loss_where_some_margins_are_infinite(half):
    rows, y = np.repeat([[1e200], [8e-118]], half, axis=0), np.ones(2 * half)
    rows[1], y[1] = -rows[1], -1.0
    fast, ref = (
        module.gradient_descent(rows, y, 1e-300, 1, start=[1e120], l2=1e-300).trace
        for module in (lsgd, reference)
    )
    assert fast.min_margin.tolist() == ref.min_margin.tolist() == [800.0] * 2
    np.testing.assert_allclose(fast.ln_loss, ref.ln_loss, rtol=1e-12)


def test_a_step_is_what_it_says():
    X, y, w = [[1.0, 0.0], [0.0, 2.0]], [1, 0], np.zeros(3)
    run = gradient_descent(X, y, 4.0, 1, start=w, fit_intercept=True, sample_weight=[3, 1])
    # At zero every derivative is -1/2: the gradient is -(3 y1 (x1, 1) + y2 (x2, 1)) / 8.
    assert run.weights.tolist() == [1.5, -1.0] and run.intercept == 1.0
    assert run.trace.loss[0] == math.log(2.0) and run.trace.error_rate[0] == 1.0
    assert run.radius == float(math.sqrt(Fraction(5)))


@pytest.mark.parametrize("label", [1.0, -1.0])
def test_weights_that_overflow_are_never_the_best(label):
    """Although held-out margins of +inf would have a loss of 0."""
    data, held_out = ([[1.0], [-1.0], [0.5]], [1, -1, -1]), ([[1e-308], [2e-308]], [label, label])
    fast, ref = (
        module.gradient_descent(*data, 1.0, 2000, l2=1e3, start=[1.0], validation=held_out)
        for module in (lsgd, reference)
    )
    assert fast.trace.validation_loss[-1] == ref.trace.validation_loss[-1] == math.inf
    assert fast.best_at == ref.best_at < fast.n_steps == ref.n_steps
