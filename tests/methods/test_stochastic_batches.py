"""Stochastic descent: which rows make up each batch."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._methods import stochastic
from support.backends import every_backend
from support.batches import content, problem

sgd = lsgd.stochastic_gradient_descent


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 5, 16])
def test_shuffle_is_one_permutation_after_another(batch_size):
    n_steps = 50
    blocks = list(
        stochastic.row_blocks("shuffle", 16, n_steps, batch_size, np.random.default_rng(0))
    )
    assert all(len(block) % batch_size == 0 and len(block) < 16 + batch_size for block in blocks)
    rows = np.concatenate(blocks)
    assert len(rows) == n_steps * batch_size
    epochs = [rows[i : i + 16] for i in range(0, len(rows) - 15, 16)]
    assert all(sorted(epoch) == list(range(16)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_replacement_is_uniform_and_memory_stays_small():
    n = 5
    blocks = list(stochastic.row_blocks("replacement", n, 100_000, 2, np.random.default_rng(0)))
    assert max(map(len, blocks)) == stochastic.ROWS_AT_A_TIME
    rows = np.concatenate(blocks)
    counts = np.bincount(rows, minlength=n)
    assert len(rows) == 200_000 and np.abs(counts - 40_000).max() < 5 * np.sqrt(200_000 * 0.16)
    repeats = (rows[1:] == rows[:-1]).mean()
    assert abs(repeats - 1 / n) < 0.01


@every_backend
def test_once_sees_each_row_once(backend):
    X, y = np.diag(np.arange(1.0, 9.0)), np.array([1.0, -1.0] * 4)
    run = backend.stochastic_gradient_descent(X, y, 1.0, 8, order="once", rng=0)
    assert run.mean_loss == pytest.approx(np.log(2.0)) and run.n_mistakes == pytest.approx(8.0)
    np.testing.assert_array_equal(run.weights, y * np.arange(1.0, 9.0) / 2.0)
    with pytest.raises(ValueError, match="n_steps must be at most 8 with order='once'"):
        backend.stochastic_gradient_descent(X, y, 1.0, 9, order="once", rng=0)
    with pytest.raises(ValueError, match="n_steps must be at most 2 with order='once'"):
        backend.stochastic_gradient_descent(X, y, 1.0, 3, order="once", batch_size=3)


def test_seeds_and_generators():
    X, y = problem(20, 3)
    runs = [sgd(X, y, 1.0, 30, rng=rng) for rng in (1, np.random.default_rng(1), 2)]
    assert content(runs[0]) == content(runs[1]) != content(runs[2])
    rng = np.random.default_rng(1)
    assert content(sgd(X, y, 1.0, 30, rng=rng)) != content(sgd(X, y, 1.0, 30, rng=rng))
