"""What is equal in exact arithmetic: the trial does not choose by rounding."""

import numpy as np
import pytest

from lsgd_fast._constants import EPSILON, SLACK
from lsgd_fast._methods.trial_course import _first_best
from support.backends import every_backend
from support.trials import DIGITS


@every_backend
@pytest.mark.parametrize("seed", [1, 8, 9, 31])
def test_of_runs_that_converge_to_the_same_the_shortest_step_is_best(backend, seed):
    """The order of the rows decides the last bits of their objectives."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((10, 2)), np.arange(10) % 2
    options = {"l2": 1.0, "n_steps": 500, "factor": 1.2, "n_stages": 5}
    for order in (np.arange(10), rng.permutation(10), rng.permutation(10)):
        trial = backend.staged_trial(X[order], y[order], **options)
        assert trial.recommended == trial.conservative


@every_backend
def test_a_share_of_the_rows_that_is_whole(backend):
    """0.07 * 200 is a little more than 14."""
    X, y = np.linspace(-1.0, 1.0, 200)[:, None], np.arange(200) % 2
    trial = backend.staged_trial(X, y, sample=0.07, n_steps=5, n_stages=2)
    assert trial.n_rows_sampled == 14


@pytest.mark.parametrize("value", [1.0, 1.25, 1.5 + SLACK, 2.0, 1e-3, 0.0, -1e5])
def test_ranks_that_differ_by_rounding_are_equal_wherever_they_lie(value):
    """Rounding to a grid would tell values apart that lie on two sides of the edge of a cell."""
    above, below = np.nextafter(value, np.inf), np.nextafter(value, -np.inf)
    assert _first_best({1: (0, above), 3: (0, below), 2: (0, value)}) == 1
    lower = value - 8.0 * SLACK * max(1.0, abs(value))
    assert _first_best({1: (0, above), 3: (0, lower)}) == 3
    assert _first_best({1: (0, 10, lower), 3: (0, 9, above)}) == 3


def test_the_best_of_infinite_ranks_and_of_none():
    assert _first_best({2: (0, -np.inf), 1: (0, 0.0), 3: (0, -np.inf)}) == 2
    assert _first_best({}) is None


@every_backend
def test_losses_that_say_less_than_rounding_are_equal(backend):
    """Of stepsizes that all fit the digits to the last bit, the smallest is enough."""
    trial = backend.staged_trial(*DIGITS, n_steps=200)
    below = [o.stepsize for o in trial.confirmations if o.loss <= EPSILON]
    assert len(below) > 1 and trial.recommended == min(below)
    assert "Losses up to 2.2e-16 count as equal" in trial.report()
