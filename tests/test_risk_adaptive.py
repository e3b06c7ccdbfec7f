"""`RiskAdaptive`: the formula of every loss, its ends, what is proved of it and what is not."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference, theory
from lsgd_fast.losses import Exponential, FlattenedExponential, FlattenedPolynomial, Logistic
from lsgd_fast.stepsizes import InverseLoss, RiskAdaptive
from support import awkward, hashes
from support.all_losses import LOSSES
from support.backends import every_backend

# test_separating_losses.py has the others
every_loss = pytest.mark.parametrize("loss", LOSSES[:-4], ids=repr)


def slope(loss, L):
    """Return ``|loss'|`` where the loss is L, by the formulas of the docstring."""
    a = getattr(loss, "a", 1.0)
    return {
        Logistic: -math.expm1(-L),
        Exponential: L,
        FlattenedExponential: a * min(L, 1.0),
        FlattenedPolynomial: a * min(L, 1.0) ** ((a + 1.0) / a),
    }[type(loss)]


# --- the rule -------------------------------------------------------------------------------------


@every_backend
@every_loss
@pytest.mark.parametrize("at", [-300.0, -5.0, -0.4, 0.0, 0.3, 2.0, 30.0])
def test_the_step_is_eta_over_the_slope(backend, loss, at):
    """Two rows of unequal weight, whose mean loss is that of neither."""
    X, y, weight = np.array([[1.0], [-0.5]]), [1, 0], np.array([3.0, 1.0])
    z = np.array([at, 0.5 * at])
    L = float(weight @ loss.value(z)) / 4.0
    gradient = float(weight @ (loss.derivative(z) * [1.0, 0.5])) / 4.0
    run = backend.gradient_descent(
        X, y, RiskAdaptive(0.7), 1, loss=loss, sample_weight=weight, start=[at]
    )
    assert run.trace.stepsize[0] == pytest.approx(0.7 / slope(loss, L), rel=1e-12)
    assert run.weights[0] - at == pytest.approx(-0.7 * gradient / slope(loss, L), rel=1e-11)


@every_backend
def test_both_ends_are_exact(backend):
    """At a loss of 1e300 the logistic step is eta times the gradient; at exp(-800) Tyurin's."""
    X, y = [[1.0, 0.5], [-1.0, 0.25]], [1, 0]
    for size in (1e3, 1e100, 1e300):
        run = backend.gradient_descent(X, y, RiskAdaptive(3.0), 1, start=[-size, 0.0])
        assert run.trace.loss[0] == pytest.approx(size) and run.trace.stepsize[0] == 3.0
        assert run.weights[1] == 3.0 * 0.5 * (0.5 - 0.25)
    run = backend.gradient_descent(X, y, RiskAdaptive(3.0), 1, start=[800.0, 0.0])
    assert run.trace.loss[0] == 0.0 and run.weights[1] == 3.0 * 0.5 * (0.5 - 0.25)
    far = FlattenedPolynomial(1e-8)  # whose slope is a power of 1e8 of the loss
    run = backend.gradient_descent(X, y, RiskAdaptive(3.0), 1, loss=far, start=[1e300, 0.0])
    assert run.weights[1] == pytest.approx(3.0 * 0.5 * (0.5 - 0.25), rel=1e-7)


@every_backend
@pytest.mark.parametrize("start", [0.0, -3000.0, 1e17])
def test_with_the_exponential_loss_it_is_the_inverse_loss(backend, start):
    X, y = lsgd.datasets.toy()
    rules = RiskAdaptive(0.7), InverseLoss(0.7)
    options = {"loss": "exponential", "start": [start, 1.0]}
    runs = [backend.gradient_descent(X, y, rule, 60, **options) for rule in rules]
    assert runs[0].weights.tobytes() == runs[1].weights.tobytes()
    assert runs[0].trace.to_dict().keys() == runs[1].trace.to_dict().keys()
    for name, column in runs[0].trace.to_dict().items():
        assert np.array_equal(column, runs[1].trace.to_dict()[name], equal_nan=True)


@every_backend
def test_softmax_has_the_logistic_form(backend):
    X, y = np.eye(3), [0, 1, 2]
    run = backend.gradient_descent(X, y, RiskAdaptive(2.0), 1, loss="softmax")
    assert run.trace.stepsize[0] == pytest.approx(2.0 / (1.0 - 1.0 / 3.0), rel=1e-14)


@every_loss
@pytest.mark.parametrize("case", list(awkward.problems())[::5], ids=lambda case: case.name)
def test_runs_are_those_of_the_reference(case, loss):
    options = {name: value for name, value in case.options.items() if name != "l2"}
    start = case.start if np.abs(case.start).max() < 100.0 else None
    for eta in (1e-3, 1.0, 50.0):
        run, ref = (
            side.gradient_descent(
                case.X, case.y, RiskAdaptive(eta), 3, loss=loss, start=start, **options
            )
            for side in (lsgd, reference)
        )
        size = max(1.0, np.abs(ref.weights).max())
        np.testing.assert_allclose(run.weights, ref.weights, rtol=1e-7, atol=1e-9 * size)
        np.testing.assert_allclose(run.trace.ln_loss, ref.trace.ln_loss, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("loss", [FlattenedExponential(2.0), FlattenedPolynomial(1.5)], ids=repr)
def test_bits_over_threads_with_the_flattened_losses(loss):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((4100, 3)) + 0.3, awkward.labels(4100, rng)
    found = {
        repr(sorted(hashes.content(run).items()))
        for n_threads in (1, 2, 5)
        for run in [
            lsgd.gradient_descent(X, y, RiskAdaptive(0.7), 25, loss=loss, n_threads=n_threads)
        ]
    }
    assert len(found) == 1


def test_a_loss_without_its_slope_is_refused(monkeypatch):
    X, y = lsgd.datasets.toy()
    monkeypatch.setattr(Exponential, "log_slope_at", None)
    for backend in (lsgd, reference):
        with pytest.raises(ValueError, match="^loss must be one with `log_slope_at`"):
            backend.gradient_descent(X, y, RiskAdaptive(1.0), 1, loss="exponential")
        backend.gradient_descent(X, y, InverseLoss(1.0), 1, loss="exponential")


# --- what is proved, and what is not --------------------------------------------------------------


def hard_set():
    """Return unit rows a (twice) and b with <a, b> = -0.9, and their margin."""
    angle = math.acos(-0.9)
    a, b = [1.0, 0.0], [math.cos(angle), math.sin(angle)]
    return np.array([a, a, [-b[0], -b[1]]]), [1, 1, 0], math.sqrt((1.0 - 0.9) / 2.0)


@every_backend
def test_the_bound_does_not_hold_for_the_last_iterate(backend):
    X, y, margin = hard_set()
    eta = 10.0
    runs = [
        backend.gradient_descent(X, y, RiskAdaptive(eta), t, loss="exponential") for t in range(40)
    ]
    trace = runs[-1].trace
    assert trace.ln_loss[2] == pytest.approx(4.86, abs=5e-3)
    assert theory.adaptive_ln_loss(2, margin, eta) == pytest.approx(4.5)
    # but for the best one and for the mean, of w_0 to w_{T-1}
    mean = np.zeros(2)
    for T in range(1, 40):
        mean += (runs[T - 1].weights - mean) / T
        z = X @ mean * [1.0, 1.0, -1.0]
        of_mean = float(np.logaddexp.reduce(-z)) - math.log(3.0)
        bound = theory.adaptive_ln_loss(T, margin, eta) + 1e-9
        assert trace.ln_loss[:T].min() <= bound and of_mean <= bound


def test_the_bound_of_the_paper_is_no_smaller():
    for margin in (0.01, 0.3, 1.0):
        t = np.ceil(1.0 / margin**2) * np.array([1.0, 2.0, 10.0, 1e3])
        T = t + 1.0
        printed = -(((margin**2 * T) ** 2 - 1.0) / (4.0 * margin**2 * T)) * 3.0
        assert (theory.adaptive_ln_loss(T, margin, 3.0) <= printed + 1e-12).all()
