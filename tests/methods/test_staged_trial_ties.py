"""What is equal in exact arithmetic: the trial does not choose by rounding."""

from dataclasses import replace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._constants import SLACK
from lsgd_fast._methods.staged_trial import _best
from support.backends import every_backend


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


def best_of(values):
    """Return the best of stages that held, given as {stage: (reached_at, ln_loss)}."""
    X, y = np.linspace(-1.0, 1.0, 20)[:, None], np.arange(20) % 2
    outcome = lsgd.staged_trial(X, y, n_steps=5, n_stages=1).confirmations[0]
    return _best({
        stage: replace(outcome, held=True, reached_at=reached_at, ln_loss=value)
        for stage, (reached_at, value) in values.items()
    })  # fmt: skip


@pytest.mark.parametrize("value", [1.0, 1.25, 1.5 + SLACK, 2.0, 1e-3, 0.0, -1e5])
def test_ranks_that_differ_by_rounding_are_equal_wherever_they_lie(value):
    """Rounding to a grid would tell values apart that lie on two sides of the edge of a cell."""
    above, below = np.nextafter(value, np.inf), np.nextafter(value, -np.inf)
    assert best_of({1: (None, above), 3: (None, below), 2: (None, value)}) == 1
    lower = value - 8.0 * SLACK * max(1.0, abs(value))
    assert best_of({1: (None, above), 3: (None, lower)}) == 3
    assert best_of({1: (10, lower), 3: (9, above)}) == 3


def test_the_best_of_infinite_ranks_and_of_none():
    assert best_of({2: (None, -np.inf), 1: (None, 0.0), 3: (None, -np.inf)}) == 2
    assert best_of({}) is None
