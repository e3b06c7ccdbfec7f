"""The copy by columns: its order of sums, and long columns."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._inputs.problem import Problem
from support import awkward
from support import sparse_cases as cases
from support.sparse_cases import PROBLEMS, bits, bits_of_run


@pytest.mark.parametrize("n", [300, 2**16, 2**16 + 1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [1, 5])
def test_sums_of_columns_are_in_the_order_that_is_promised(n, dtype, k, isa):
    """Columns of 0 to 40 entries, three of each number; row numbers of 16 bits and of more."""
    rng = np.random.default_rng(9)
    counts = rng.permutation(np.repeat(np.arange(41), 3))
    chosen = [np.append(rng.choice(n - 1, m - 1, replace=False), n - 1) for m in counts if m]
    order = np.argsort(np.concatenate(chosen), kind="stable")
    row = np.concatenate(chosen)[order]
    column = np.repeat(np.arange(len(counts)), counts)[order]
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    data = rng.standard_normal(len(row)).astype(dtype)
    indptr = np.searchsorted(row, np.arange(n + 1)).astype(np.int32)
    X = cases.CSR(data, column.astype(np.int32), indptr, (n, len(counts)))
    y = awkward.labels(n, rng)
    problem = Problem.check(X, y)
    w = np.zeros((len(counts), k))
    _, found = lsgd.logistic_loss_gradient(X, y, w, n_threads=2)
    for j in range(len(counts)):
        lanes, total = np.zeros(4), problem.total_weight
        for q, i in enumerate(np.flatnonzero(column == j)):
            at = row[i]
            lanes[q % 4] += np.float64(data[i]) * (problem.weight[at] * (-0.5 * problem.y[at]))
        expected = 0.0 + ((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]))
        assert bits(found[j]) == bits(np.full(k, expected / total))


def test_a_sweep_on_one_long_column():
    _, X, y, _ = next(problem for problem in PROBLEMS if problem[0] == "one long column")
    sweep = lsgd.stepsize_sweep(cases.csr(X), y, [0.1, 1.0, 3.0, 9.0, 27.0, 81.0], 8, n_threads=3)
    for eta, run in zip(sweep.stepsizes, sweep, strict=True):
        assert bits_of_run(run) == bits_of_run(lsgd.gradient_descent(cases.csr(X), y, eta, 8))
