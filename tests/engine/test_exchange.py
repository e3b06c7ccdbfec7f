"""The bytes of runs on several ranks are those of one process."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import distributed
from lsgd_fast._engine.dataset import slab_bounds
from support.hashes import content
from support.ranks import Case, on_ranks, shares
from support.sparse_cases import CSR

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


@pytest.mark.parametrize(("size", "d"), [(12, 3000), (200, 170)])
def test_slices_where_ranks_have_no_rows_or_no_slice(size, d):
    X, y = planted(4100, d, np.float32)
    mine = shares(distributed.boundaries(*X.shape, size))

    def call(X, y):
        return content(lsgd.gradient_descent(X, y, 8.0, 2, n_threads=1))

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


# --- sparse rows of several slabs -----------------------------------------------------------------


def sparse_problem():
    """Return (rows of a slice of) a matrix of 1.2 million entries, and labels."""
    draw = np.random.default_rng(7)
    n, d = 9000, 700
    lengths = draw.integers(0, 360, n)
    columns = (d * draw.random(lengths.sum()) ** 2).astype(np.int64)  # some are long
    entries = np.unique(np.repeat(np.arange(n), lengths) * d + columns)
    rows, columns = entries // d, (entries % d).astype(np.int32)
    data = draw.standard_normal(len(entries))
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=n)))

    def part(mine):
        first, end = indptr[mine.start], indptr[mine.stop]
        shape = (mine.stop - mine.start, d)
        return CSR(data[first:end], columns[first:end], indptr[mine.start : mine.stop + 1] - first,
                   shape)  # fmt: skip

    return part, draw.integers(0, 3, n), n, d, len(entries)


SPARSE_CALLS = {
    "descent": lambda X, y: lsgd.gradient_descent(X, y > 0, 4.0, 3, fit_intercept=True),
    "log domain": lambda X, y: lsgd.gradient_descent(
        X, y > 0, lsgd.stepsizes.NormalizedGradient(1.0), 3, center=0.1, n_threads=2
    ),
    "softmax": lambda X, y: lsgd.gradient_descent(X, y, 4.0, 3, loss="softmax"),
    "minimize": lambda X, y: lsgd.minimize(X, y > 0, l2=1e-4, fit_intercept=True, max_passes=12),
}


@pytest.mark.parametrize("name", SPARSE_CALLS)
def test_slabs_of_sparse_rows(name):
    part, y, n, d, n_entries = sparse_problem()
    assert len(slab_bounds(n, d, n_entries)) == 5
    call = SPARSE_CALLS[name]
    alone = content(call(part(slice(0, n)), y))
    for cuts in ([0, 4000, n], [0, 0, 2300, 9000, n], distributed.boundaries(
        n, d, 3, n_entries=n_entries).tolist()):  # fmt: skip
        mine = shares(cuts)
        assert on_ranks(
            len(mine),
            lambda comm, mine=mine: content(
                call(distributed.rows(part(mine[comm.rank]), comm), y[mine[comm.rank]])
            ),
        ) == [alone] * len(mine)
