"""Traces and tables are dicts of their columns, as users of frames hold them."""

import copy
import json
import pickle

import numpy as np
import pytest

import lsgd_fast as lsgd

X, Y = lsgd.datasets.toy()
RUN = lsgd.gradient_descent(X, Y, 2.0, 12, record_every=4)
SWEEP = lsgd.stepsize_sweep(X, Y, [0.5, 2.0], 9)
STOCHASTIC = lsgd.stochastic_sweep(X, Y, [0.5, 2.0], 9, rng=0)


def training_trace(n):
    monitor = lsgd.TrainingMonitor()
    for i in range(n):
        monitor.update(loss=1.0 / (1 + i), stepsize=0.5)
    return monitor.trace


def every_kind():
    tables = [SWEEP.table(), STOCHASTIC.table()]
    return [RUN.trace, SWEEP[0].trace, STOCHASTIC[0].trace, training_trace(9), *tables]


def same(found, expected):
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name]), np.asarray(column))


@pytest.mark.parametrize("columns", every_kind(), ids=lambda one: type(one).__name__)
def test_columns_are_a_dict_that_cannot_be_changed(columns):
    plain = dict(columns)
    name = next(iter(plain))
    assert type(plain) is dict and isinstance(columns, dict)
    assert list(columns) == list(columns.keys()) == list(plain) == [n for n, _ in columns.items()]
    assert name in columns and "no such" not in columns and columns.get("no such") is None
    assert all(a is b for a, b in zip(columns.values(), columns.to_dict().values(), strict=True))
    assert len(columns) == len(plain[name]) and bool(columns)  # rows, as of a frame
    with pytest.raises(KeyError, match="there is no column 3; the columns are"):
        columns[3]
    changes = [
        lambda: columns.update(a=1), lambda: columns.pop(name), lambda: columns.clear(),
        lambda: columns.setdefault("a", 1), lambda: columns.popitem(),
        lambda: columns.__setitem__(name, 1), lambda: columns.__delitem__(name),
        lambda: columns.__ior__({}),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(TypeError, match="read-only: change a copy"):
            change()
    assert dict(columns).keys() == plain.keys() and type(columns.copy()) is dict
    assert type(columns | {"more": 1}) is dict
    assert columns == columns and columns != copy.copy(columns) and len({columns, columns}) == 1


@pytest.mark.parametrize("columns", every_kind(), ids=lambda one: type(one).__name__)
def test_copies_and_pickles_have_the_columns(columns):
    copies = [copy.copy(columns), copy.deepcopy(columns)]
    copies += [pickle.loads(pickle.dumps(columns, protocol)) for protocol in (2, 5)]
    for again in copies:
        assert type(again) is type(columns) and repr(again) == repr(columns)
        same(again, columns)
        for column in again.values():
            assert not isinstance(column, np.ndarray) or not column.flags.writeable
        if isinstance(again, (lsgd.Trace, lsgd.TrainingTrace)):
            assert all(getattr(again, name) is column for name, column in again.items())


def test_a_trace_has_the_columns_that_were_recorded():
    assert {"step", "loss", "stepsize"} <= RUN.trace.keys() and len(RUN.trace) == 4
    assert RUN.trace.objective is None and "objective" not in RUN.trace
    assert RUN.trace["loss"] is RUN.trace.loss
    run = lsgd.gradient_descent(X, Y, 2.0, 3, l2=0.1)
    assert run.trace["objective"] is run.trace.objective
    assert json.loads(json.dumps(SWEEP.table()))["stepsize"] == [0.5, 2.0]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("columns", every_kind(), ids=lambda one: type(one).__name__)
def test_frames_take_columns_as_they_are(library, columns):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame(columns)
    assert frame.shape == (len(columns), len(dict(columns)))
    assert list(frame.columns) == list(columns)
    for name, column in columns.items():
        found = list(frame[name])
        expected = [float("nan") if value is None else value for value in column]
        found = [float("nan") if value is None else value for value in found]
        assert str(found) == str(expected) or np.array_equal(found, expected, equal_nan=True)
    if isinstance(columns, lsgd.Trace):
        assert "int64" in str(frame["step"].dtype).lower()
        writable = frame["loss"].to_numpy().copy()  # the trace's own stays as it is
        writable[0] = -1.0
        assert columns.loss[0] > 0.0


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_trace_without_rows_is_a_frame_without_rows(library):
    frames = pytest.importorskip(library)
    trace = training_trace(0)
    assert len(trace) == 0 and list(trace) == ["step", "loss"]
    assert frames.DataFrame(trace).shape == (0, 2)


def test_arrow_takes_columns_as_they_are():
    arrow = pytest.importorskip("pyarrow")
    found = arrow.table(RUN.trace)
    assert found.column_names == list(RUN.trace) and found.num_rows == len(RUN.trace)
    assert arrow.table(SWEEP.table()).num_rows == 2


def test_a_sweep_is_a_sequence_of_its_runs():
    assert len(SWEEP) == 2 and [run.n_steps for run in SWEEP] == [9, 9] and SWEEP[0] in SWEEP
