"""The monitor of a descent: what it counts, and that watching changes nothing."""

import itertools
import math

import numpy as np
import pytest

from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.run import Run
from lsgd_fast._results.verdict import Verdict
from support.backends import every_backend
from support.verdicts import PAIR, THREE_TO_ONE, inseparable

# --- how it counts --------------------------------------------------------------------------------


@every_backend
def test_signs_agree_with_the_trace(backend):
    rows, y = inseparable(7)
    for eta, n in itertools.product((1e-3, 1e-2, 1.0), (3, 40, 64, 100, 200, 513)):
        run = backend.gradient_descent(rows, y, eta, n)
        loss, diagnostics = run.trace.loss, run.diagnostics
        ups = np.flatnonzero(loss[1:] > loss[:-1] * (1 + 64 * 2.0**-52)) + 1
        assert diagnostics.n_increases == run.n_increases == len(ups)
        assert diagnostics.last_increase == max(ups, default=0)
        assert diagnostics.largest_increase == max(loss[ups] / loss[ups - 1], default=1.0)
        start = 0 if n < 32 else 2 ** (n.bit_length() - 2)
        assert (diagnostics.window, diagnostics.n_steps) == (start, n)
        assert diagnostics.window_increases == (ups >= start).sum()
        assert (diagnostics.low, diagnostics.high) == (loss[start:].min(), loss[start:].max())
        assert diagnostics.fall == loss[start] - loss[-1]
        promise = eta * run.trace.gradient_norm[:-1] ** 2
        assert diagnostics.promise == pytest.approx(promise[start:].sum(), rel=1e-12)
        if n >= 64:
            earlier = promise[start // 2 : start].mean()
            assert diagnostics.earlier_promise == pytest.approx(earlier, rel=1e-12)


@every_backend
def test_drift_is_what_it_says(backend):
    """The least share of their path that lies between two weights, or two means of windows."""
    rows, y = inseparable(9)
    rows = rows / np.linalg.norm(rows, axis=1).max()
    eta, n, weights = 500.0, 300, [np.zeros(rows.shape[1])]
    watch = {"callback": lambda state: weights.append(state.weights)}
    run = backend.gradient_descent(rows, y, eta, n, **watch)
    w = np.array(weights)[:n]
    path = eta * np.append(0.0, np.cumsum(run.trace.gradient_norm[: n - 1]))
    edges, least = [0, 16, 32, 64, 128, 256, n], math.inf
    for a, b in itertools.pairwise(edges):
        apart = np.linalg.norm(w[a + 1 : b] - w[a], axis=1)
        least = min(least, (apart / (path[a + 1 : b] - path[a])).min())
    for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
        apart = np.linalg.norm(w[b:c].mean(axis=0) - w[a:b].mean(axis=0))
        least = min(least, apart / (path[b:c].mean() - path[a:b].mean()))
    assert run.diagnostics.drift == pytest.approx(least, rel=1e-9)
    assert 1e-9 < run.diagnostics.drift < 1e-2


@every_backend
def test_recording_and_callbacks_change_no_sign(backend):
    options = {**THREE_TO_ONE, "stepsize": 12.0, "n_steps": 300}
    diagnostics = backend.gradient_descent(**options).diagnostics
    assert backend.gradient_descent(**options, record_every=77).diagnostics == diagnostics
    watch = {"callback": lambda state: None, "callback_every": 5}
    assert backend.gradient_descent(**options, **watch).diagnostics == diagnostics


# --- what a run and a stop make of it -------------------------------------------------------------


@every_backend
def test_a_file_keeps_the_verdict(backend, tmp_path):
    path = tmp_path / "run.npz"
    run = backend.gradient_descent(**PAIR, stepsize=12.0, n_steps=200, start=[1.0])
    run.save(path)
    loaded = Run.load(path)
    assert loaded.diagnostics == run.diagnostics and loaded.verdict is Verdict.cycling
    assert loaded.evidence == run.evidence
    assert "verdict     cycling" in repr(loaded)
    meta, arrays = load_archive(path, "run")
    good = meta["diagnostics"]
    for bad in (good | {"n_steps": 1.0}, good | {"is_small": 1}, good | {"drift": "0"}, {}, [], 1,
                good | {"more": 1}, good | {"certified_at": True}):  # fmt: skip
        save_archive(path, "run", meta | {"diagnostics": bad}, arrays)
        with pytest.raises(ValueError, match="is not a valid lsgd_fast run file"):
            Run.load(path)


@every_backend
def test_an_objective_that_overflows_is_not_at_rest(backend):
    X, y = [[1.0], [1.0], [-1.0]], [1, 1, 0]  # eta l2 > 2: the weights double and change sign
    run = backend.gradient_descent(X, y, 3.0, 1000, l2=1.0)
    assert run.trace.objective[-1] == math.inf > run.trace.loss[-1]
    assert run.verdict is not Verdict.stable
