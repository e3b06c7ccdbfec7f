"""The bytes of runs on several ranks are those of one process."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import distributed
from support.hashes import content
from support.ranks import Case, on_ranks, shares

N_CASES, N_SLOW_CASES = 40, 400


@pytest.mark.parametrize("seed", range(N_CASES))
def test_random_runs(seed, isa):
    case = Case(seed)
    assert case.together() == [case.alone()] * case.size


@pytest.mark.slow
@pytest.mark.parametrize("first", range(N_CASES, N_CASES + N_SLOW_CASES, 20))
def test_many_random_runs(first):
    for seed in range(first, first + 20):
        case = Case(seed)
        assert case.together() == [case.alone()] * case.size, seed


def planted(n, d, dtype=np.float64):
    rng = np.random.default_rng(n + d)
    X = rng.standard_normal((n, d)).astype(dtype)
    return X, (X[:, 0] + 0.1 * rng.standard_normal(n) > 0).astype(int)


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("n_columns", [1, 3])
def test_slices_of_long_gradients(size, n_columns):
    X, y = planted(4100, 16384 // n_columns + 5, np.float32)
    mine = shares(distributed.boundaries(*X.shape, size))
    stepsizes = [8.0, lsgd.stepsizes.NormalizedGradient(1.0), 2.0][:n_columns]

    def call(X, y):
        return [content(run) for run in lsgd.stepsize_sweep(X, y, stepsizes, 2, n_threads=2)]

    alone = call(X, y)
    assert (
        on_ranks(
            size, lambda comm: call(distributed.rows(X[mine[comm.rank]], comm), y[mine[comm.rank]])
        )
        == [alone] * size
    )


def test_runs_that_end_leave_shorter_gradients():
    X, y = planted(4100, 9000, np.float32)  # of two runs sliced, of one not
    mine = shares(distributed.boundaries(*X.shape, 2))

    def call(X, y):
        stop = [lsgd.Stop(loss=0.69), None]
        return [content(run) for run in lsgd.stepsize_sweep(X, y, [1e-3, 1.0], 4, stop=stop)]

    alone = call(X, y)
    assert (
        on_ranks(
            2, lambda comm: call(distributed.rows(X[mine[comm.rank]], comm), y[mine[comm.rank]])
        )
        == [alone] * 2
    )
