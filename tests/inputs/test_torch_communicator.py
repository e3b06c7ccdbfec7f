"""Runs on several processes that a process group of torch joins, by gloo."""

import importlib.util
import re

import pytest

import lsgd_fast as lsgd
from support.hashes import content
from support.ranks import Case
from support.torch_ranks import (
    KILLED_AT,
    LIMIT,
    STEPSIZE,
    fingerprint,
    problem,
    run_ranks,
    wide_problem,
)  # fmt: skip

SLACK = 20.0  # seconds: a bound against hangs, on a machine that has other work

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]


def test_random_runs_have_the_bytes_of_one_process(tmp_path):
    first, count = 1000, 24
    found = run_ranks(tmp_path, 3, "random_runs", first, count)
    for one, size in [(one["all"], 3) for one in found] + [(one["others"], 2) for one in found[1:]]:
        seeds = range(first, first + count)
        assert one == [fingerprint(Case(seed, size).alone()) for seed in seeds]
    assert "a number for a group that this process is not in" in found[0]["others"]


def test_a_long_gradient_has_the_bytes_of_one_process(tmp_path):
    X, y = wide_problem()
    alone = fingerprint(content(lsgd.gradient_descent(X, y, STEPSIZE, 3, loss="softmax")))
    assert run_ranks(tmp_path, 3, "long_gradient") == [alone] * 3


def test_a_group_without_gloo_is_refused(tmp_path):
    (message,) = run_ranks(tmp_path, 1, "refused")
    assert "backend='gloo'" in message and "cuda:nccl" in message


def test_the_others_save_when_a_rank_has_died(tmp_path):
    found = run_ranks(tmp_path, 3, "descend", "die")
    assert found[1] is None
    X, y = problem()
    alone = lsgd.gradient_descent(X, y, STEPSIZE, 120)
    for rank in (0, 2):
        one = found[rank]
        assert one["error"] == "RuntimeError" and one["step"] == KILLED_AT
        assert "1" in re.search(r"ranks \[(.*)\] have not come", one["message"])[1].split(", ")
        assert one["seconds"] < SLACK
        descent = lsgd.Descent.load(tmp_path / f"{rank}.npz", X, y)
        descent.step(120 - KILLED_AT)
        assert content(descent.result()) == content(alone)


def test_a_rank_that_sleeps_is_named(tmp_path):
    found = run_ranks(tmp_path, 3, "descend", "sleep")
    for one in (found[0], found[2]):
        assert one["error"] == "TimeoutError" and one["step"] == KILLED_AT
        assert one["message"] == f"rank 1 has not come to an exchange after {LIMIT:.0f} s"
        assert LIMIT <= one["seconds"] < LIMIT + SLACK


def test_an_error_on_one_rank_is_raised_on_all(tmp_path):
    found = run_ranks(tmp_path, 3, "descend", "fail")
    errors = [(one["error"], one["message"]) for one in found]
    elsewhere = ("RuntimeError", "on rank 1: ZeroDivisionError: on purpose")
    assert errors == [elsewhere, ("ZeroDivisionError", "on purpose"), elsewhere]
    assert {one["step"] for one in found} == {KILLED_AT}
