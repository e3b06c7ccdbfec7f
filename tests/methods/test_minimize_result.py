"""What a minimisation tells its caller: a callback between iterations, and the run at the end."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Run, reference
from support.backends import every_backend

RNG = np.random.default_rng(5)
X = RNG.standard_normal((90, 5))
NOISY = np.where(X[:, 0] + RNG.standard_normal(90) > 0.0, 1.0, -1.0)
CLEAN = np.where(X[:, 0] - 0.2 * X[:, 1] > 0.0, 1.0, -1.0)
CLASSES = (X[:, :3] + RNG.standard_normal((90, 3))).argmax(axis=1)


@every_backend
def test_callback(backend):
    seen = []

    def callback(state):
        found = reference.logistic_loss(X, NOISY, state.weights, l2=0.1)
        assert state.objective == pytest.approx(found, rel=1e-12)
        assert state.verdict == "undecided" and "iteration" in state.evidence
        seen.append((state.n_steps, state.n_passes))
        state.weights[:] = 0.0  # a copy
        return state.n_steps == 4

    run = backend.minimize(X, NOISY, l2=0.1, callback=callback, callback_every=2)
    assert seen == [(2, 5), (4, 9)]
    assert run.stop_reason == "callback" and run.n_steps == 4 and run.weights.any()

    def interrupt(state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backend.minimize(X, NOISY, l2=0.1, callback=interrupt)
    assert backend.minimize(X, NOISY, l2=0.1).stop_reason == "converged"


@every_backend
def test_the_trace(backend):
    run = backend.minimize(X, NOISY, l2=0.01)
    trace = run.trace
    assert trace.step.tolist() == list(range(run.n_steps + 1)) and np.isnan(trace.stepsize[-1])
    assert trace.loss[0] == pytest.approx(math.log(2.0), rel=1e-14)
    assert (np.diff(trace.objective) < 1e-15).all()
    assert trace.weight_norm[-1] == pytest.approx(np.linalg.norm(run.weights), rel=1e-14)
    assert trace.min_margin[-1] == pytest.approx((NOISY * (X @ run.weights)).min(), rel=1e-9)


def test_a_run_is_saved_and_loaded(tmp_path):
    run = lsgd.minimize(X, CLEAN, fit_intercept=True)
    run.save(tmp_path / "run.npz")
    back = Run.load(tmp_path / "run.npz")
    assert back.verdict == run.verdict and back.evidence == run.evidence
    assert back.trace.passes.tolist() == run.trace.passes.tolist()
    assert "separated" in repr(back)


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_shapes_of_weights(backend, fit_intercept):
    found = []
    options = {"fit_intercept": fit_intercept, "l2": 0.1}
    options["callback"] = lambda state: found.append((state.weights, state.intercept))
    for y, loss, shape in ((NOISY, "logistic", ()), (CLASSES, "softmax", (3,))):
        run = backend.minimize(X, y, loss=loss, **options)
        for weights, intercept in (found[-1], (run.weights, run.intercept)):
            assert np.shape(weights) == (5, *shape) and np.shape(intercept) == shape
            assert np.any(intercept) == fit_intercept
