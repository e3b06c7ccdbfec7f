"""Sweeps: each column is the single run, bit for bit, and runs leave when they end."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, stepsizes
from support import awkward, hashes
from support.backends import every_backend
from support.sweeps import ETAS, STOPS, problem

RNG = np.random.default_rng(11)


def same_bits(sweep, X, y, etas, n_steps, **options):
    l2, stop, start = (options.pop(name, None) for name in ("l2", "stop", "start"))
    for k, (run, eta) in enumerate(zip(sweep, etas, strict=True)):
        one = dict(options)
        if l2 is not None:
            one["l2"] = l2[k] if isinstance(l2, list) else l2
        if stop is not None:
            one["stop"] = stop[k] if isinstance(stop, list) else stop
        if start is not None:
            one["start"] = start[:, k] if start.ndim == 2 else start
        single = lsgd.gradient_descent(X, y, eta, n_steps, **one)
        assert hashes.content(run) == hashes.content(single), (k, eta)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((500, 7), "f8"), ((90, 33), "f4"), ((300, 20), "u1"), ((40, 900), "f8"), ((9, 3), "f8")],
    ids=str,
)
def test_sixteen_stepsizes_with_mixed_stops(shape, dtype, n_threads):
    X, y = problem(*shape, noise=0.5)
    X = np.abs(10.0 * X).astype(dtype)
    options = {
        "validation": (X[::3], y[::3]), "stop": [STOPS[k % 8] for k in range(16)],
        "fit_intercept": True, "n_threads": n_threads, "record_every": 3,
        "l2": [0.0, 1e-3] * 8, "start": RNG.standard_normal((shape[1] + 1, 16)) / 30.0,
    }  # fmt: skip
    etas = [eta / 100.0 / shape[1] for eta in ETAS]
    sweep = lsgd.stepsize_sweep(X, y, etas, 150, **options)
    assert len({run.n_steps for run in sweep}) >= 3
    same_bits(sweep, X, y, etas, 150, **options)


@pytest.mark.parametrize("isa", kernel.instruction_sets())
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7, 8, 9])
def test_any_number_of_runs(k, isa):
    before = kernel.instruction_set()
    try:
        kernel.use_instruction_set(isa)
        X, y = problem(200, 11)
        sweep = lsgd.stepsize_sweep(X, y, ETAS[-k:], 60, l2=1e-4, start=np.ones(11))
        same_bits(sweep, X, y, ETAS[-k:], 60, l2=1e-4, start=np.ones(11))
    finally:
        kernel.use_instruction_set(before)


def test_layouts_and_columns_kept(tmp_path):
    base, y = problem(60, 12, dtype=np.float32)
    options = {"record": ("loss", "stepsize"), "record_every": 7}
    for _, X in awkward.layouts(base, "float32", tmp_path):
        sweep = lsgd.stepsize_sweep(X, y, [1.0, stepsizes.Constant(50.0)], 40, **options)
        same_bits(sweep, X, y, [1.0, 50.0], 40, **options)


@every_backend
def test_callbacks_see_each_run_and_end_it(backend):
    X, y = problem(50, 4, noise=1.0)
    losses = [backend.gradient_descent(X, y, eta, 20).trace.loss for eta in (0.1, 50.0, 1.0)]
    limit = (losses[1][10] + max(losses[0][1:].max(), losses[2][1:].max())) / 2.0
    assert losses[1][10] > limit
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss))
        return state.loss > limit

    options = {"callback": callback, "callback_every": 5}
    sweep = backend.stepsize_sweep(X, y, [0.1, 50.0, 1.0], 20, **options)
    assert [run.stop_reason for run in sweep] == ["n_steps", "callback", "n_steps"]
    together, seen = sorted(seen), []
    options["callback"] = callback
    for eta in (0.1, 50.0, 1.0):
        backend.gradient_descent(X, y, eta, 20, **options)
    assert together == sorted(seen)
