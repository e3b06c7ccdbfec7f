"""How a pass is split: leaves and blocks depend on the shape of X alone, and so does each sum."""

from itertools import pairwise

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import stepsizes
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs.problem import Problem
from support import awkward
from support import sparse_cases as cases
from support.hashes import content

# One leaf for a small pass; a power of two up to eight; one for 512 rows of many.
LEAVES = {
    (100, 10): 1,
    (9, 2050): 2,
    (20, 1000): 2,
    (40, 500): 4,
    (200, 100): 8,
    (1000, 784): 8,
    (4095, 30): 8,
    (4096, 30): 8,
    (4097, 30): 9,
    (20_000, 20): 40,
    (100_000, 3): 196,
}


def problem(n, d, dtype="float64"):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, d)).astype(dtype), awkward.labels(n, rng)


def n_leaves(X, y):
    return rows.Rows(Problem.check(X, y)).n_leaves


@pytest.mark.parametrize("shape", LEAVES, ids=str)
def test_the_shape_decides_the_number_of_leaves(shape):
    X, y = problem(*shape)
    for form in (X, X.astype("float32"), np.asfortranarray(X), X[::-1]):
        assert n_leaves(form, y) == LEAVES[shape]


@pytest.mark.parametrize(("shape", "expected"), [((100, 5), 1), ((2000, 50), 8), ((8000, 50), 32)])
def test_the_entries_decide_the_number_of_leaves(shape, expected):
    X, y = problem(*shape)
    assert n_leaves(cases.csr(X), y) == expected


def leaf_starts(n, n_leaves, height):
    """Return the first row of each leaf, and n."""
    if n >= 4096:
        return [*range(0, n, 512), n]
    n_blocks = -(-n // height)
    return [min(n, height * (i * n_blocks // n_leaves)) for i in range(n_leaves + 1)]


def sum_in_order(X, row_gradients, n_leaves, height):
    """Return the gradient: lanes of each block, blocks of each leaf, leaves in pairs."""
    sums = []
    for first, end in pairwise(leaf_starts(len(X), n_leaves, height)):
        leaf = np.zeros(X.shape[1])
        for block in range(first, end, height):
            lanes = np.zeros((8, X.shape[1]))
            for i in range(block, min(end, block + height)):
                lanes[i % 8] += X[i] * row_gradients[i]
            a = lanes[:4] + lanes[4:]
            leaf += (a[0] + a[2]) + (a[1] + a[3])
        sums.append(leaf)
    while len(sums) > 1:
        pairs = [a + b for a, b in zip(sums[::2], sums[1::2], strict=False)]
        sums = pairs + sums[2 * len(pairs) :]
    return sums[0]


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(
    ("shape", "n_leaves", "height"),
    [
        ((100, 10), 1, 32),
        ((9, 2050), 2, 8),
        ((20, 1000), 2, 8),
        ((200, 100), 8, 8),
        ((1187, 60), 8, 32),
        ((4095, 9), 8, 32),
        ((4097, 9), 9, 32),
        ((9000, 9), 18, 32),
        ((4200, 2050), 9, 8),
    ],
    ids=str,
)
def test_gradients_are_summed_in_the_order_that_is_promised(shape, n_leaves, height, k, isa):
    X, y = problem(*shape)
    checked = Problem.check(X, y)
    _, found = lsgd.logistic_loss_gradient(X, y, np.zeros((shape[1], k)), n_threads=2)
    row_gradients = checked.weight * (-0.5 * checked.y)
    expected = sum_in_order(X, row_gradients, n_leaves, height) / checked.total_weight
    for column in range(k):
        assert found[:, column].tobytes() == expected.tobytes()


# --- chunks: runs of leaves that a thread takes, which no bit depends on --------------------------

N_MANY = 40_000  # 79 leaves: two to a chunk for few threads, one for many
CALLS = {
    "gradient": lambda X, y, **on: [
        a.tobytes() for a in lsgd.logistic_loss_gradient(X, y, np.full((3, 5), 0.3), **on)
    ],
    "underflow": lambda X, y, **on: lsgd.logistic_loss(X, y, np.full(3, 1e4), **on),
    "rule": lambda X, y, **on: content(
        lsgd.gradient_descent(X, y, stepsizes.Tyurin(2.0), 3, start=[300.0, -50.0, 9.0], **on)
    ),
    "softmax": lambda X, y, **on: content(
        lsgd.gradient_descent(
            X, np.arange(len(y)) % 3, stepsizes.RiskAdaptive(2.0), 3, loss="softmax", **on
        )
    ),
    "network": lambda X, y, **on: content(
        lsgd.two_layer_gradient_descent(X, y, 2.0, 2, width=6, rng=0, **on)
    ),
    "minimize": lambda X, y, **on: content(lsgd.minimize(X, y, l2=0.1, fit_intercept=True, **on)),
}


@pytest.mark.parametrize("call", CALLS)
def test_chunks_change_no_bit(call):
    X, y = problem(N_MANY, 3)
    X[: N_MANY // 2] *= 20.0  # leaves on other scales
    assert len({repr(CALLS[call](X, y, n_threads=k)) for k in (1, 2, 9, 16, 128)}) == 1


def test_rows_that_are_appended_move_no_leaf():
    """The sum of an aligned run of leaves is that of these rows alone."""
    X, y = problem(16_384, 4)
    w = np.zeros(4)
    halves = [
        lsgd.logistic_loss_gradient(X[part], y[part], w)[1]
        for part in (slice(8192), slice(8192, None))
    ]
    _, found = lsgd.logistic_loss_gradient(X, y, w)
    assert found.tobytes() == ((halves[0] + halves[1]) / 2).tobytes()
