"""nesterov_descent: by hand, its restarts, what it gains, and what it shares with descents."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop, kernel, losses, reference
from lsgd_fast.stepsizes import Nesterov, RiskAdaptive
from support import awkward, hashes
from support.backends import every_backend

RNG = np.random.default_rng(2)
X = RNG.standard_normal((120, 6)) * [1.0, 3.0, 0.3, 0.1, 1.0, 0.03]
NOISY = awkward.labels(120, RNG)
R = np.linalg.norm(X, axis=1).max()


def by_hand(loss, A, y, eta, n_steps, l2=0.0):
    """Return the points w_0, w_1, ... and the steps at which the momentum starts anew."""
    w = x = np.zeros(A.shape[1])
    a, points, restarts = 1.0, [w], []
    for t in range(n_steps):
        gradient = A.T @ (y * loss.derivative(y * (A @ w))) / len(A) + l2 * w
        end = w - eta * gradient
        if gradient @ (end - x) > 0.0:
            w, a = end, 1.0
            restarts.append(t)
        else:
            grown = (1.0 + math.sqrt(1.0 + 4.0 * a * a)) / 2.0
            w, a = end + (a - 1.0) / grown * (end - x), grown
        x = end
        points.append(w)
    return points, restarts


@every_backend
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("loss", [losses.Logistic(), losses.FlattenedExponential(0.5)], ids=str)
def test_steps_by_hand(backend, loss, l2):
    eta = 1.0 / (loss.curvature * R * R + l2)
    points, restarts = by_hand(loss, X, NOISY, eta, 600, l2)
    assert len(restarts) >= (2 if l2 else 1)  # the momentum starts anew
    for t in (0, 1, 2, 3, restarts[0], restarts[0] + 1, restarts[0] + 2, restarts[-1] + 5, 600):
        run = backend.nesterov_descent(X, NOISY, None, t, loss=loss, l2=l2)
        np.testing.assert_allclose(run.weights, points[t], rtol=1e-9, atol=1e-12)
    assert run.trace.stepsize[:-1] == pytest.approx(eta, rel=1e-13)
    plain = backend.gradient_descent(X, NOISY, eta, 2, loss=loss, l2=l2)
    first = backend.nesterov_descent(X, NOISY, eta, 1, loss=loss, l2=l2)
    assert first.trace.loss[1] == plain.trace.loss[1]  # the first step is one of the gradient


@every_backend
def test_it_is_faster_than_gradient_descent(backend):
    """A condition of some 1e4, of which momentum takes about the root."""
    l2, options = 1e-3, {"fit_intercept": True, "l2": 1e-3}
    goal = options | {"stop": Stop(gradient_norm=1e-8), "record_every": 10**6}
    fast = backend.nesterov_descent(X, NOISY, n_steps=20_000, **goal)
    eta = 1.0 / (0.25 * fast.radius**2 + l2)
    slow = backend.gradient_descent(X, NOISY, eta, 20_000, **goal)
    assert fast.stop_reason == "gradient_norm" and fast.n_steps < 2000
    assert slow.stop_reason == "n_steps" or slow.n_steps > 5 * fast.n_steps
    assert backend.nesterov_descent(X, NOISY, n_steps=2, **options).trace.objective is not None


@every_backend
def test_on_separable_data(backend):
    A, y = lsgd.datasets.digits_0_vs_8()
    fast = backend.nesterov_descent(A, y, n_steps=300)
    slow = backend.gradient_descent(A, y, float(fast.trace.stepsize[0]), 300)
    assert fast.separated_at is not None
    assert fast.trace.ln_loss[-1] < 2.0 * slow.trace.ln_loss[-1] < 0.0


@every_backend
def test_it_is_called_stable_only_once_it_has_settled(backend):
    short = backend.nesterov_descent(X, NOISY, n_steps=100, l2=0.01)
    assert short.verdict == "undecided"
    long = backend.nesterov_descent(X, NOISY, n_steps=3000, l2=0.01)
    assert long.verdict == "stable" and "not proved" in long.evidence
    assert long.certified_at is None and not long.diagnostics.is_small
    wild = backend.nesterov_descent(X, NOISY, 100.0, 3000)
    assert wild.verdict in ("unstable", "undecided") and wild.certified_at is None


@every_backend
def test_defaults(backend):
    run = backend.nesterov_descent(X, NOISY)
    assert run.n_steps == 1000
    assert run.trace.stepsize[0] == pytest.approx(4.0 / R**2, rel=1e-13)
    rule = backend.gradient_descent(X, NOISY, Nesterov(), 1000, gram=False)
    assert rule.weights.tobytes() == run.weights.tobytes()
    given = backend.nesterov_descent(X, NOISY, 0.5, 7)
    assert given.n_steps == 7 and set(given.trace.stepsize[:-1]) == {0.5}


@pytest.mark.parametrize("case", list(awkward.problems(5)), ids=lambda case: case.name)
def test_fast_against_reference(case):
    start = case.start if np.abs(case.start).max() < 100.0 else None
    fast, slow = (
        module.nesterov_descent(case.X, case.y, None, 40, start=start, **case.options)
        for module in (lsgd, reference)
    )
    assert fast.n_steps == slow.n_steps and fast.stop_reason == slow.stop_reason
    size = max(1.0, np.abs(slow.weights).max())
    np.testing.assert_allclose(fast.weights, slow.weights, rtol=1e-7, atol=1e-9 * size)
    np.testing.assert_allclose(fast.trace.loss, slow.trace.loss, rtol=1e-7, atol=1e-12)


def mark(run):
    return repr(sorted(hashes.content(run).items()))


def test_the_same_bits_for_every_team_and_instruction_set():
    rng = np.random.default_rng(3)
    A, y = rng.standard_normal((5000, 6)).astype(np.float32), awkward.labels(5000, rng)
    found, used = set(), kernel.instruction_set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 2, 5):
                run = lsgd.nesterov_descent(A, y, n_steps=60, fit_intercept=True, l2=1e-4,
                                            n_threads=n_threads)  # fmt: skip
                found.add(mark(run))
    finally:
        kernel.use_instruction_set(used)
    assert len(found) == 1


def test_step_by_step_with_a_checkpoint(tmp_path):
    whole = mark(lsgd.nesterov_descent(X, NOISY, n_steps=90, l2=1e-3))
    for at in (1, 40):
        d = Descent(X, NOISY, Nesterov(), l2=1e-3)
        d.step(at)
        d.save(tmp_path / "c.npz")
        d = Descent.load(tmp_path / "c.npz", X, NOISY)
        d.step(90 - at)
        assert mark(d.result()) == whole


def test_a_sweep_has_the_bits_of_single_runs():
    sweep = lsgd.stepsize_sweep(X, NOISY, [Nesterov(0.1), 0.1, Nesterov()], 50)
    assert mark(sweep[0]) == mark(lsgd.nesterov_descent(X, NOISY, 0.1, 50))
    assert mark(sweep[2]) == mark(lsgd.nesterov_descent(X, NOISY, n_steps=50))


@every_backend
def test_far_more_features_than_rows(backend):
    """Not in Gram space, which would know of no momentum."""
    rng = np.random.default_rng(4)
    A, y = rng.standard_normal((20, 1200)), awkward.labels(20, rng)
    run = backend.nesterov_descent(A, y, n_steps=30)
    points, _ = by_hand(losses.Logistic(), A, y, float(run.trace.stepsize[0]), 30)
    np.testing.assert_allclose(run.weights, points[30], rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="^gram"):
        backend.gradient_descent(A, y, Nesterov(), 1, gram=True)


def test_several_classes():
    classes = np.arange(120) % 3
    options = {"loss": "softmax", "fit_intercept": True, "l2": 1e-2}
    fast, slow = (m.nesterov_descent(X, classes, n_steps=80, **options) for m in (lsgd, reference))
    assert fast.weights.shape == (6, 3) and fast.intercept.shape == (3,)
    np.testing.assert_allclose(fast.weights, slow.weights, rtol=1e-8, atol=1e-11)
    plain = lsgd.gradient_descent(X, classes, float(fast.trace.stepsize[0]), 80, **options)
    assert fast.trace.objective[-1] < plain.trace.objective[-1]


@every_backend
@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_units(backend, factor):
    run = backend.nesterov_descent(factor * X, NOISY, n_steps=40)
    expected = backend.nesterov_descent(X, NOISY, n_steps=40)
    np.testing.assert_allclose(run.trace.loss, expected.trace.loss, rtol=1e-9)


@every_backend
@pytest.mark.parametrize(
    ("error", "name", "options"),
    [
        (ValueError, "stepsize", {"stepsize": 0.0}),
        (ValueError, "stepsize", {"stepsize": math.inf}),
        (TypeError, "stepsize", {"stepsize": "1"}),
        (TypeError, "stepsize", {"stepsize": RiskAdaptive(1.0)}),
        (ValueError, "stepsize", {"loss": "exponential"}),
        (ValueError, "stepsize", {"X": np.zeros((120, 6))}),
        (ValueError, "n_steps", {"n_steps": -1}),
        (ValueError, "l2", {"l2": -1.0}),
        (ValueError, "start", {"start": [1.0]}),
        (ValueError, "record_every", {"record_every": 0}),
    ],
    ids=str,
)
def test_bad_arguments_are_named(backend, error, name, options):
    options = {"X": X, "y": NOISY} | options
    with pytest.raises(error, match=rf"^{name}\b"):
        backend.nesterov_descent(**options)


def test_bad_parameters_of_the_rule():
    with pytest.raises(ValueError, match="^eta must"):
        Nesterov(0.0)
    with pytest.raises(TypeError, match="^eta must"):
        Nesterov("1")
