"""Slabs of sparse rows: their number, the order of sums, and that nothing else changes a bit."""

import functools
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, stepsizes
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs.problem import Problem
from support import sparse_cases as cases
from support.hashes import content
from support.sparse_cases import bits

N, D, N_SLABS = 2**15, 200, 4


@functools.cache
def problem(dtype="float64"):
    """Return X of four slabs, whose first column is long, and y."""
    rng = np.random.default_rng(4)
    column = np.sort((rng.integers(0, D - 1, (N, 1)) + 4 * np.arange(47)) % (D - 1), axis=1)
    kept = rng.random((N, 47)) < np.linspace(0.75, 1.0, D - 1)[column]
    column = np.insert(column[kept] + 1, np.insert(np.cumsum(kept.sum(axis=1)), 0, 0)[:-1], 0)
    indptr = np.insert(np.cumsum(1 + kept.sum(axis=1)), 0, 0)
    data = rng.standard_normal(len(column)).astype(dtype)
    y = (rng.random(N) < 0.5).astype(np.float64)
    return cases.CSR(data, column.astype(np.int32), indptr.astype(np.int64), (N, D)), y


def part(X, first, last):
    """Return rows first .. last - 1."""
    begin, end = X.indptr[first], X.indptr[last]
    indptr = X.indptr[first : last + 1] - begin
    return cases.CSR(X.data[begin:end], X.indices[begin:end], indptr, (last - first, D))


def test_the_problem_has_what_it_is_for():
    X, y = problem()
    found = rows.Rows(Problem.check(X, y))
    lengths = np.bincount(X.indices)
    assert (found.n_slabs, found.n_leaves) == (N_SLABS, 64)
    assert lengths.min() > 4 * 1024 and np.count_nonzero(lengths > len(X.data) // 64) == 1


@pytest.mark.parametrize(
    ("n", "d", "row_length", "expected"),
    [
        (11_293, 73_686, 130, 1),
        (5000, 20, 100, 1),
        (5300, 20, 100, 2),
        (20_000, 10_000, 100, 1),
        (26_000, 10_000, 100, 2),
        (65_535, 100_000, 100, 1),
        (65_536, 100_000, 100, 2),
        (200_000, 40_000, 100, 4),
        (697_641, 47_236, 73, 16),
        (10**7, 10**6, 100, 32),
        (10**9, 100, 50, 1024),
        (400, 9, 10**5, 8),
    ],
)
def test_the_shape_decides_the_number_of_slabs(n, d, row_length, expected):
    assert rows.sparse_slabs(n, d, n * row_length) == expected


def test_a_plan_counts_the_memory_of_slabs():
    X, y = problem()
    plan = lsgd.plan(X, y, n_steps=3, n_threads=2)
    tracemalloc.start()
    try:
        lsgd.gradient_descent(X, y, 1.0, 3, n_threads=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    entries = len(X.data) * (8 + 2 + 2)  # numbers of rows of a slab and of features
    assert plan.footprint.packed == entries + 8 * ((N_SLABS + 2) * D + 2) + 8 * (N + 1)
    assert 0.5 * plan.peak_bytes < peak <= plan.peak_bytes + 20_000


# --- the order of sums ----------------------------------------------------------------------------


def entry_sum(terms):
    """Return a sum of entries: four lanes, folded after every 1024 of them."""
    total = 0.0
    for piece in np.split(terms, range(1024, len(terms), 1024)):
        lanes = [np.add.accumulate(np.append(0.0, piece[q::4]))[-1] for q in range(4)]
        total += (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
    return total


def in_pairs(sums):
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
    return sums[0]


@functools.cache
def promised(dtype):
    """Return the sums of the features: short columns slab by slab, long ones leaf by leaf."""
    X, y = problem(dtype)
    checked = Problem.check(X, y)
    row = np.repeat(np.arange(N), np.diff(X.indptr))
    terms = X.data.astype(np.float64) * (checked.weight * (-0.5 * checked.y))[row]
    order = np.argsort(X.indices, kind="stable")
    row, terms = row[order], terms[order]
    ends = np.searchsorted(X.indices[order], np.arange(D + 1))
    sums = []
    for j, (first, end) in enumerate(pairwise(ends)):
        parts = 64 if j == 0 else N_SLABS
        bounds = first + np.searchsorted(row[first:end], np.arange(0, N + 1, N // parts))
        sums.append(in_pairs([entry_sum(terms[a:b]) for a, b in pairwise(bounds)]))
    return np.array(sums) / checked.total_weight


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("k", [1, 5])
def test_gradients_are_summed_in_the_order_that_is_promised(dtype, k, isa):
    X, y = problem(dtype)
    _, found = lsgd.logistic_loss_gradient(X, y, np.zeros((D, k)), n_threads=2)
    for column in range(k):
        assert bits(found[:, column]) == bits(promised(dtype))


@pytest.mark.parametrize("k", [None, 5])
def test_the_halves_of_the_rows_make_their_sums_alone(k):
    X, y = problem()
    rng = np.random.default_rng(0)
    w = rng.standard_normal(D if k is None else (D, k)) / 8
    halves = [
        lsgd.logistic_loss_gradient(part(X, i, i + N // 2), y[i : i + N // 2], w)
        for i in (0, N // 2)
    ]
    loss, gradient = lsgd.logistic_loss_gradient(X, y, w)
    assert bits(loss) == bits((halves[0][0] + halves[1][0]) / 2)
    assert bits(gradient) == bits((halves[0][1] + halves[1][1]) / 2)


# --- what changes no bit --------------------------------------------------------------------------

EXPONENTIAL = {"loss": "exponential", "start": np.full(D, 9.0)}
CALLS = {
    "gradient": lambda X, y, **on: bits(
        *lsgd.logistic_loss_gradient(X, y, np.full((D, 5), 0.3), **on)
    ),
    "run": lambda X, y, **on: content(
        lsgd.gradient_descent(X, y, 3.0, 3, center=0.1, scale=2.0, fit_intercept=True, **on)
    ),
    "rule": lambda X, y, **on: content(
        lsgd.gradient_descent(X, y, stepsizes.Tyurin(2.0), 3, **EXPONENTIAL, **on)
    ),
    "sweep": lambda X, y, **on: [
        content(run)
        for run in lsgd.stepsize_sweep(
            X,
            y,
            [stepsizes.RiskAdaptive(2.0), 0.1, stepsizes.Tyurin(2.0), 1.0, 9.0],
            2,
            **EXPONENTIAL,
            **on,
        )
    ],
    "softmax": lambda X, y, **on: content(
        lsgd.gradient_descent(
            X, np.arange(N) % 3, stepsizes.RiskAdaptive(2.0), 2, loss="softmax", **on
        )
    ),
    "network": lambda X, y, **on: content(
        lsgd.two_layer_gradient_descent(X, y, 2.0, 2, width=6, rng=0, **on)
    ),
    "minimize": lambda X, y, **on: content(lsgd.minimize(X, y, l2=0.1, **on)),
}


@functools.cache
def scaled():
    """Return the problem with slabs on log scales far apart."""
    X, y = problem()
    X = part(X, 0, N)
    X.data = X.data * np.repeat(20.0 ** -(np.arange(N) // (N // 8) % 3), np.diff(X.indptr))
    return X, y


@pytest.mark.parametrize("call", CALLS)
def test_threads_and_instruction_sets_change_no_bit(call):
    X, y = scaled()
    found = {repr(CALLS[call](X, y, n_threads=k)) for k in (1, 2, 9, 16, 128)}
    before = kernel.instruction_set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            found.add(repr(CALLS[call](X, y, n_threads=2)))
    finally:
        kernel.use_instruction_set(before)
    assert len(found) == 1


@pytest.mark.parametrize("rule", [stepsizes.Tyurin(2.0), stepsizes.RiskAdaptive(2.0)], ids=repr)
def test_log_scales_of_slabs_are_brought_together(rule):
    X, y = scaled()
    found = lsgd.gradient_descent(X, y, rule, 3, **EXPONENTIAL)
    expected = lsgd.reference.gradient_descent(X, y, rule, 3, **EXPONENTIAL)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9, atol=1e-9)


def test_columns_of_a_sweep_are_single_runs():
    X, y = problem()
    sweep = lsgd.stepsize_sweep(X, y, [0.5, 1.0, 2.0, 4.0, 8.0], 2, n_threads=2)
    for eta, run in zip(sweep.stepsizes, sweep, strict=True):
        assert content(run) == content(lsgd.gradient_descent(X, y, eta, 2))
