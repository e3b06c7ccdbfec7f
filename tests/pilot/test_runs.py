"""The steps at which a run on all rows is measured, and its points."""

from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._pilot.folder import Folder
from lsgd_fast._pilot.held_out import HeldOut
from lsgd_fast._pilot.runs import measured_steps, run_to_end
from support.pilots import separable


def options(n_steps):
    return SimpleNamespace(n_steps=n_steps, n_threads=1, callback=None, calls_every=lambda _: 7)


@pytest.mark.parametrize("n_steps", [1, 2, 9, 10, 11, 100, 12_345, 10**7])
def test_steps_are_ten_a_decade_and_the_last(n_steps):
    steps = measured_steps(n_steps)
    assert steps[0] == 0 and steps[-1] == n_steps and steps == sorted(set(steps))
    assert len(steps) <= 10 * np.log10(n_steps) + 3
    inner = np.array(steps[9:-1], dtype=float)
    if len(inner) > 1:
        assert (inner[1:] / inner[:-1]).max() < 1.4


def test_a_run_is_the_plain_descent_and_its_points_are_on_it():
    X, y = separable(80, 4)
    test = np.arange(0, 80, 5)
    problem = Problem.check(X, y)
    held_out = HeldOut(problem, test, 1)
    with Folder.locked(None, {}) as folder:
        run, curve = run_to_end(
            "some", problem.without_rows(test), 3.0, lsgd.Stop(), options(200), held_out, folder,
            lambda _: None,
        )  # fmt: skip
    weight = np.ones(80)
    weight[test] = 0.0
    plain = lsgd.gradient_descent(X, y, 3.0, 200, sample_weight=weight)
    assert np.array_equal(run.weights, plain.weights)
    assert [point.step for point in curve] == measured_steps(200)
    steps = [point.step for point in curve]
    assert np.array_equal([point.loss for point in curve], plain.trace.loss[steps])
    assert curve[-1].held_out_error == held_out.measure(run.weights, 0.0).error
    assert curve[0].margin is None and curve[-1].margin is not None


def test_a_run_that_ends_early_is_measured_there():
    problem = Problem.check([[1.0], [1.0], [1.0], [1.0]], [1, 0, 1, 0])
    held_out = HeldOut(problem, np.array([2, 3]), 1)
    with Folder.locked(None, {}) as folder:
        run, curve = run_to_end(
            "some", problem.without_rows([2, 3]), 12.0, lsgd.Stop(cycling=True, loss=1.0),
            options(500), held_out, folder, lambda _: None,
        )  # fmt: skip
    assert run.n_steps == 0 and curve[-1].step == 0
