"""A sweep: its table, its best run, its file, and what it refuses."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, Sweep
from support import hashes
from support.backends import every_backend
from support.sweeps import problem


@every_backend
def test_table_best_and_slices(backend):
    X, y = problem(80, 6)
    sweep = backend.stepsize_sweep(X, y, np.array([0.01, 1.0, 100.0]), 200)
    losses = [run.trace.loss[-1] for run in sweep]
    assert sweep.best() is sweep[int(np.argmin(losses))] and sweep.stepsizes == (0.01, 1.0, 100.0)
    assert sweep.best(by="ln_loss") is sweep.best(by="loss")
    first = min((r for r in sweep if r.separated_at is not None), key=lambda r: r.separated_at)
    assert sweep.best(by="separated_at") is first
    margins = [run.trace.min_margin[-1] / run.trace.weight_norm[-1] for run in sweep]
    assert sweep.best(by="margin") is sweep[int(np.argmax(margins))]
    assert sweep.best(by="stable_at").stable_at == 0
    columns = sweep.table().to_dict()
    assert columns["stepsize"] == [0.01, 1.0, 100.0] and columns["loss"] == losses
    assert {len(column) for column in columns.values()} == {3}
    assert columns["stable_at"] == [run.stable_at for run in sweep]
    assert columns["stop_reason"] == ["n_steps"] * 3
    text = str(sweep.table())
    assert "n_steps" not in text
    assert len({len(line) for line in text.splitlines()}) == 1 and "100" in text
    assert sweep._repr_html_().count("<th ") == len(columns)
    assert sweep._repr_html_().count("<tr>") == 4 and repr(sweep).startswith("Sweep of 3 runs")
    part = sweep[1:]
    assert isinstance(part, Sweep) and part[0] is sweep[1] and part.stepsizes == (1.0, 100.0)
    assert sweep[-1] is list(sweep)[2] and sweep.index(sweep[2]) == 2


@every_backend
def test_the_last_increase_so_far_is_shown(backend):
    """Where it is the last step, `stable_at` is None, and without any it is 0: neither is read."""
    sweep = backend.stepsize_sweep([[1.0]] * 4, [0, 1, 1, 1], [1.0, 10.5, 12.0], 41)
    assert [run.stable_at for run in sweep] == [0, 33, None]
    head, *rows = str(sweep.table()).splitlines()[1:5]
    end = head.index("increase") + len("increase")
    assert [row[:end].split()[-1] for row in rows] == ["-", "33", "41"]
    assert ">last increase</th>" in sweep._repr_html_()


def test_saved_and_loaded(tmp_path):
    X, y = problem(40, 5, noise=0.3)
    sweep = lsgd.stepsize_sweep(X, y, [0.5, 8.0], 30, validation=(X, y), l2=[0.0, 0.1])
    sweep.save(tmp_path / "sweep.npz")
    loaded = Sweep.load(tmp_path / "sweep.npz")
    assert loaded.stepsizes == sweep.stepsizes
    assert [hashes.content(run) for run in loaded] == [hashes.content(run) for run in sweep]
    sweep[0].save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"holds a run, not a sweep"):
        Sweep.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"holds a sweep, not a run"):
        lsgd.Run.load(tmp_path / "sweep.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stepsizes": 3.0}, "stepsizes must be a sequence"),
        ({"stepsizes": []}, "stepsizes must have at least one entry"),
        ({"stepsizes": "0.5"}, "stepsizes must be a sequence"),
        ({"stepsizes": [1.0, -1.0]}, "stepsize must be finite and positive"),
        ({"stepsizes": [1.0, None]}, "stepsize must be a number or a rule"),
        ({"l2": [0.1]}, "l2 must have 2 entries"),
        ({"l2": [0.1, -1.0]}, "l2 must be finite and not negative"),
        ({"stop": [Stop()]}, "stop must have 2 entries"),
        ({"stop": ["loss", None]}, r"stop must be a lsgd_fast\.Stop"),
        ({"start": np.ones((3, 3))}, "start must have a column for each stepsize"),
        ({"start": np.ones((4, 2))}, "start must have 3 rows"),
        ({"n_steps": -1}, "n_steps must be at least 0"),
    ],
    ids=str,
)
@every_backend
def test_bad_arguments_are_refused(backend, change, message):
    X, y = problem(10, 3)
    arguments = {"stepsizes": [1.0, 2.0], "n_steps": 3} | change
    with pytest.raises((TypeError, ValueError), match=message):
        backend.stepsize_sweep(X, y, **arguments)


def test_no_run_qualifies():
    X, y = np.ones((4, 1)), [1, 1, 1, 0]
    sweep = lsgd.stepsize_sweep(X, y, [1.0, 2.0], 5)
    with pytest.raises(ValueError, match="no run of the sweep qualifies as best by 'separated_at'"):
        sweep.best(by="separated_at")
    with pytest.raises(ValueError, match="by must be one of 'loss', 'ln_loss'"):
        sweep.best(by="accuracy")
    with pytest.raises(TypeError, match="by must be one of 'loss', 'ln_loss'.*; got array"):
        sweep.best(by=np.ones(2))
    with pytest.raises(ValueError, match="needs the column 'min_margin'"):
        lsgd.stepsize_sweep(X, y, [1.0], 5, record=()).best(by="margin")


def test_a_run_that_diverged_is_not_the_best():
    X, y = np.array([[10.0], [-10.0]]), [1, 0]
    sweep = lsgd.stepsize_sweep(X, y, [1.0, 1e308], 3)
    assert sweep[1].stop_reason == "diverged"
    assert sweep.best() is sweep.best(by="margin") is sweep[0]


@pytest.mark.parametrize(
    "change", [{"start": [[1.0, 2.0], [3.0]]}, {"l2": [[1.0], [1.0, 2.0]]}], ids=["start", "l2"]
)
def test_ragged_arguments_are_named(change):
    X, y = problem(10, 3)
    with pytest.raises((TypeError, ValueError), match=next(iter(change))):
        lsgd.stepsize_sweep(X, y, [1.0, 2.0], 3, **change)
