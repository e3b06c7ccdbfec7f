"""Runs on several processes by MPI, with whichever MPI there is beside this Python."""

import time

import pytest

import lsgd_fast as lsgd
from support import mpi

WITHIN = 20.0  # seconds: a bound against hangs, on a machine that has other work

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(mpi.missing() is not None, reason=mpi.missing() or ""),
]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_random_runs_have_the_bytes_of_one_process(tmp_path, size):
    assert mpi.run_program(tmp_path, size, "cases", 100 * size, 24) == [[]] * size


def test_long_gradients_have_the_bytes_of_one_process(tmp_path):
    assert mpi.run_program(tmp_path, 3, "long_gradients") == [True] * 3


def test_a_signal_on_one_rank_stops_all_at_the_same_step(tmp_path):
    trials = mpi.run_program(tmp_path, 3, "signals", 6)
    for i, found in enumerate(zip(*trials, strict=True)):
        assert len({one["step"] for one in found}) == 1
        assert all(one["same"] for one in found)
        assert max(one["seconds"] for one in found) < WITHIN
        here = ["KeyboardInterrupt", "Preempted", "NoneType"][i % 3]
        others = ["InterruptedError", "RuntimeError", "NoneType"][i % 3]
        target = found[0]["target"]
        assert [one["error"] for one in found] == [
            here if rank == target else others for rank in range(3)
        ]


def test_an_error_in_a_callback_of_one_rank_is_raised_on_all(tmp_path):
    found = mpi.run_program(tmp_path, 3, "callback_error")
    errors = [(one["error"], one["message"]) for one in found]
    elsewhere = ("RuntimeError", "on rank 1: ZeroDivisionError: on purpose")
    assert errors == [elsewhere, ("ZeroDivisionError", "on purpose"), elsewhere]
    assert all(one["same"] and one["step"] == 30 for one in found)


def test_nan_on_the_last_rank_is_raised_on_all_with_its_row_of_all(tmp_path):
    for rank, one in enumerate(mpi.run_program(tmp_path, 4, "not_a_number")):
        assert f"row {one['row']}" in one["message"]
        assert one["message"].startswith("on rank 3: ") == (rank < 3)


def test_a_rank_that_sleeps_is_named(tmp_path):
    (tmp_path / "1.json").write_text("{}")
    found = mpi.run_program(tmp_path, 3, "sleeping_rank")
    for one in (found[0], found[2]):
        assert one["error"] == "TimeoutError" and "rank 1 has not come" in one["message"]
        assert one["step"] == 20 and one["seconds"] < WITHIN


def test_after_the_death_of_a_rank_others_go_on_from_the_checkpoint(tmp_path):
    with pytest.raises(AssertionError, match="missing"):
        mpi.run_program(tmp_path, 3, "descend", 100, 50)
    assert time.monotonic() - float((tmp_path / "killed").read_text()) < WITHIN
    X, y = mpi.problem(20_000)
    alone = lsgd.Descent.load(tmp_path / "checkpoint.npz", X, y)
    assert alone.n_steps == 40
    alone.step(60)
    expected = mpi.fingerprint(alone.result())
    assert mpi.run_program(tmp_path, 2, "descend", 100, -1) == [expected] * 2
    assert expected == mpi.fingerprint(lsgd.gradient_descent(X, y, 8.0, 100))
