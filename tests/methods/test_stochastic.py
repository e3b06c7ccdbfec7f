"""Stochastic descent: what is recorded, how runs end, arguments, Ctrl-C."""

import os
import signal
import statistics
import threading
import time

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop
from lsgd_fast._methods import stochastic as stochastic_driver
from lsgd_fast.stepsizes import Polyak
from support import sparse_cases
from support.backends import every_backend
from support.batches import content, problem

sgd = lsgd.stochastic_gradient_descent


# --- what is recorded, and how runs end -----------------------------------------------------------


@every_backend
def test_record_every(backend):
    X, y = problem(30, 3, noise=1.0)
    full, some = (
        backend.stochastic_gradient_descent(X, y, 20.0, 100, rng=0, record_every=every)
        for every in (1, 7)
    )
    assert some.trace.step.tolist() == [*range(0, 100, 7), 100]
    assert some.trace.loss[:-1].tolist() == full.trace.loss[:-1:7].tolist()
    assert (some.mean_loss, some.n_mistakes) == (full.mean_loss, full.n_mistakes)
    assert full.mean_loss == pytest.approx(full.trace.loss[:-1].mean(), rel=1e-12)
    assert full.trace.stepsize[:-1].tolist() == [20.0] * 100 and np.isnan(full.trace.stepsize[-1])


@every_backend
def test_no_steps(backend):
    X, y = problem(10, 2)
    run = backend.stochastic_gradient_descent(X, y, 1.0, 0, start=[1.0, 2.0])
    assert run.weights.tolist() == run.average_weights.tolist() == [1.0, 2.0]
    assert np.isnan(run.mean_loss) and run.n_mistakes == 0.0 and len(run.trace) == 1
    assert run.stop_reason == "n_steps" and run.last.loss == run.trace.loss[0]


@every_backend
def test_callback(backend):
    X, y = problem(40, 3)
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss, state.weights.copy(), state.average_weights.copy()))
        return state.n_steps == 12

    run = backend.stochastic_gradient_descent(
        X, y, 2.0, 50, rng=0, batch_size=3, callback=callback, callback_every=4
    )
    assert [state[0] for state in seen] == [4, 8, 12] and run.n_steps == 12
    assert run.stop_reason == "callback"
    assert [state[1] for state in seen] == run.trace.loss[3:12:4].tolist()
    assert seen[-1][2].tolist() == run.weights.tolist()
    assert seen[-1][3].tolist() == run.average_weights.tolist()
    whole = backend.stochastic_gradient_descent(X, y, 2.0, 12, rng=0, batch_size=3)
    assert whole.weights.tolist() == run.weights.tolist()


@every_backend
def test_a_callback_ends_one_run_of_a_sweep(backend):
    X, y = problem(40, 3)
    start = np.array([[0.0, 9.0], [0.0, 9.0], [0.0, 9.0]])
    sweep = backend.stochastic_sweep(
        X, y, [1.0, 1.0], 20, rng=0, start=start, callback_every=5,
        callback=lambda state: state.weights.max() > 4.0 and state.n_steps >= 10,
    )  # fmt: skip
    assert [(run.n_steps, str(run.stop_reason)) for run in sweep] == [(20, "n_steps"),
                                                                     (10, "callback")]  # fmt: skip


@every_backend
def test_the_trace_grows(backend, monkeypatch):
    X, y = problem(30, 3, noise=1.0)
    options = {"rng": 0, "record_every": 3}
    expected = backend.stochastic_gradient_descent(X, y, 2.0, 500, **options)
    monkeypatch.setattr(stochastic_driver, "FIRST_CAPACITY", 4)
    monkeypatch.setattr(stochastic_driver, "PART_MEASURES", 7)
    assert content(backend.stochastic_gradient_descent(X, y, 2.0, 500, **options)) == content(
        expected
    )


@every_backend
def test_other_rules_are_refused(backend):
    X, y = problem(10, 3)
    with pytest.raises(TypeError, match=r"stepsize must be a number or Constant .* Polyak\(\)"):
        backend.stochastic_gradient_descent(X, y, Polyak(), 3)


@every_backend
def test_seconds(backend):
    X, y = problem(40, 3)
    run = backend.stochastic_gradient_descent(X, y, 1.0, 2**40, rng=0, stop=Stop(seconds=0.05),
                                              record_every=10**6, callback=lambda state: None,
                                              callback_every=1000)  # fmt: skip
    assert run.stop_reason == "seconds" and 0 < run.n_steps < 2**40
    assert run.seconds >= 0.05


@every_backend
def test_divergence_is_said(backend):
    X, y = problem(10, 2, noise=5.0)
    run = backend.stochastic_gradient_descent(X * 1e10, y, 1e300, 100, rng=0)
    assert run.stop_reason == "diverged" and run.n_steps < 100
    assert run.trace.step[-1] == run.n_steps and np.isfinite(run.trace.loss[:-1]).all()


def test_a_progress_bar_runs_along(capsys):
    X, y = problem(30, 3)
    bar = lsgd.progress_bar(100)
    sgd(X, y, 1.0, 100, rng=0, callback=bar, callback_every=25)
    assert "loss" in capsys.readouterr().err or not hasattr(bar, "bar")


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"stepsize": 0.0}, ValueError, "stepsize must be finite and positive"),
        ({"stepsize": "large"}, TypeError, "stepsize must be a number or a rule"),
        ({"n_steps": -1}, ValueError, "n_steps must be at least 0"),
        ({"n_steps": 2.0}, TypeError, "n_steps must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": 11}, ValueError, "batch_size must be at most the 10 rows"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an integer"),
        ({"order": "random"}, ValueError, "order must be one of 'shuffle', 'replacement', 'once'"),
        ({"order": None}, TypeError, "order must be one of"),
        ({"rng": "seed"}, TypeError, "rng must be None, an integer"),
        ({"rng": -1}, ValueError, "rng must not be a negative integer"),
        ({"start": np.ones(4)}, ValueError, "start must have 3 rows"),
        ({"loss": "hinge"}, ValueError, "loss 'hinge' is unknown"),
        ({"sample_weight": np.zeros(10)}, ValueError, "sample_weight must not be"),
        ({"l2": -1.0}, ValueError, "l2 must be finite and not negative"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept must be True or False"),
        ({"stop": 3}, TypeError, r"stop must be a lsgd_fast\.Stop"),
        ({"stop": Stop(loss=0.1)}, ValueError, r"stop\.loss needs passes over all rows"),
        ({"stop": Stop(separated=True)}, ValueError, r"stop\.separated needs passes"),
        ({"stop": Stop(validation_patience=3)}, ValueError, r"stop\.validation_patience needs"),
        ({"record_every": 0}, ValueError, "record_every must be at least 1"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"callback_every": 0}, ValueError, "callback_every must be at least 1"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        ({"X": np.ones((10, 3)) * np.nan}, ValueError, "X must be finite"),
        ({"X": sparse_cases.csr(np.ones((10, 3)) * np.nan)}, ValueError, "X must be finite"),
        ({"loss": "softmax", "y": np.arange(10) % 3}, ValueError, "loss must not be softmax"),
        ({"y": np.ones(10)}, ValueError, "y must hold both classes"),
    ],
    ids=str,
)
@every_backend
def test_bad_arguments_are_refused(backend, change, error, message):
    X, y = problem(10, 3)
    arguments = {"X": X, "y": y, "stepsize": 1.0, "n_steps": 3} | change
    with pytest.raises(error, match=message):
        backend.stochastic_gradient_descent(**arguments)
    if "stepsize" not in change and "start" not in change:
        del arguments["stepsize"]
        with pytest.raises(error, match=message):
            backend.stochastic_sweep(stepsizes=[1.0], **arguments)


@every_backend
def test_bad_stepsizes_are_refused(backend):
    X, y = problem(10, 3)
    for stepsizes, message in (([], "at least one"), (1.0, "be a sequence"), ([-1.0], "finite")):
        with pytest.raises((TypeError, ValueError), match=f"stepsizes? must.*{message}"):
            backend.stochastic_sweep(X, y, stepsizes, 3)
    with pytest.raises(ValueError, match="start must have a column for each stepsize"):
        backend.stochastic_sweep(X, y, [1.0, 2.0], 3, start=np.ones((3, 3)))


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d", "batch_size"), [(5000, 3, 1), (20_000, 50, 20_000)])
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("form", [np.asarray, sparse_cases.csr], ids=["dense", "sparse"])
def test_ctrl_c(n, d, batch_size, n_threads, form):
    X, y = problem(n, d, noise=1.0)
    X = form(X)
    late = []
    for i in range(10):
        sent = []

        def send(delay=0.02 + 0.003 * i, sent=sent):
            time.sleep(delay)
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=send)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            sgd(X, y, 1.0, 2**50, batch_size=batch_size, rng=0, record_every=2**40,
                l2=1e-3, n_threads=n_threads, stop=Stop(seconds=60.0))  # fmt: skip
        late.append(time.perf_counter() - sent[0])
        thread.join()
    assert statistics.median(late) < 0.2 and max(late) < 1.0, late
