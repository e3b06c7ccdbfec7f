"""What is equal in exact arithmetic: the trial does not choose by rounding."""

import numpy as np
import pytest

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
