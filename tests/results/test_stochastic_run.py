"""Stochastic runs: printed, saved, and in a table."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import StochasticRun, StochasticSweep
from support.backends import every_backend
from support.batches import content, problem

sgd = lsgd.stochastic_gradient_descent


def test_it_prints_saves_and_loads(tmp_path):
    X, y = problem(30, 4)
    run = sgd(X, y, 3.0, 40, batch_size=2, rng=0, fit_intercept=True)
    text = repr(run)
    assert "of 2 rows (shuffle): mean loss" in text and f"mean loss {run.mean_loss:.6g}" in text
    assert f"loss {run.last.loss:.6g}" in text and f"loss {run.average.loss:.6g}" in text
    run.save(tmp_path / "run.npz")
    loaded = StochasticRun.load(tmp_path / "run.npz")
    assert content(loaded) == content(run) and loaded.seconds == run.seconds
    with pytest.raises(ValueError, match="read-only"):
        loaded.weights[0] = 1.0
    with pytest.raises(ValueError, match="holds a stochastic run, not a run"):
        lsgd.Run.load(tmp_path / "run.npz")
    sweep = lsgd.stochastic_sweep(X, y, [0.1, 3.0, 1e308], 40, rng=0)
    sweep.save(tmp_path / "sweep.npz")
    loaded = StochasticSweep.load(tmp_path / "sweep.npz")
    assert [*map(content, loaded)] == [*map(content, sweep)] and loaded.stepsizes == sweep.stepsizes
    assert isinstance(loaded[1:], StochasticSweep) and len(loaded[1:]) == 2
    lsgd.gradient_descent(X, y, 3.0, 4).save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="holds a run, not a stochastic run"):
        StochasticRun.load(tmp_path / "other.npz")


@every_backend
def test_table_and_best(backend):
    X, y = problem(60, 5)
    sweep = backend.stochastic_sweep(X, y, [0.01, 2.0, 500.0], 300, rng=0)
    columns = sweep.table().to_dict()
    assert columns["stepsize"] == [0.01, 2.0, 500.0]
    assert columns["mean_loss"] == [run.mean_loss for run in sweep]
    assert sweep.best() is sweep[int(np.argmin(columns["mean_loss"]))]
    assert sweep.best("mean_error_rate") is sweep[int(np.argmin(columns["mean_error_rate"]))]
    for which in ("last", "average"):
        assert sweep.best(which) is min(sweep, key=lambda run: getattr(run, which).ln_loss)
    assert repr(sweep).startswith("StochasticSweep of 3 runs")
    with pytest.raises(ValueError, match="by must be one of 'mean_loss'"):
        sweep.best("loss")
    with pytest.raises(ValueError, match="no run of the sweep qualifies as best"):
        backend.stochastic_sweep(X, y, [1.0], 0).best()
