"""How a pass is split: chunks and blocks depend on the shape of X alone, and so does each sum."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs.problem import Problem
from support import awkward
from support import sparse_cases as cases

# One chunk for a small pass, eight or as many as there are blocks, one for 512 rows, 64 at most.
CHUNKS = {
    (100, 10): 1,
    (9, 2050): 2,
    (20, 1000): 3,
    (200, 100): 8,
    (300, 40): 8,
    (20_000, 20): 39,
    (100_000, 3): 64,
}


def problem(n, d, dtype="float64"):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, d)).astype(dtype), awkward.labels(n, rng)


def n_chunks(X, y):
    return rows.Rows(Problem.check(X, y)).n_chunks


@pytest.mark.parametrize("shape", CHUNKS, ids=str)
def test_the_shape_decides_the_number_of_chunks(shape):
    X, y = problem(*shape)
    for form in (X, X.astype("float32"), np.asfortranarray(X), X[::-1]):
        assert n_chunks(form, y) == CHUNKS[shape]


@pytest.mark.parametrize(("shape", "expected"), [((100, 5), 1), ((2000, 50), 8), ((8000, 50), 32)])
def test_the_entries_decide_the_number_of_chunks(shape, expected):
    X, y = problem(*shape)
    assert n_chunks(cases.csr(X), y) == expected


def sum_in_order(X, row_gradients, chunks, height):
    """Return the gradient: lanes of each block, blocks of each chunk, chunks."""
    n, partials = len(X), []
    n_blocks = -(-n // height)
    for chunk in range(chunks):
        partial = np.zeros(X.shape[1])
        for block in range(chunk * n_blocks // chunks, (chunk + 1) * n_blocks // chunks):
            lanes = np.zeros((4, X.shape[1]))
            for i in range(block * height, min(n, (block + 1) * height)):
                lanes[i % 4] += X[i] * row_gradients[i]
            partial += (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
        partials.append(partial)
    total = partials[0]
    for partial in partials[1:]:
        total = total + partial
    return total


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(
    ("shape", "height"),
    [((100, 10), 32), ((9, 2050), 8), ((200, 100), 8), ((300, 40), 32)],
    ids=str,
)
def test_gradients_are_summed_in_the_order_that_is_promised(shape, height, k, isa):
    X, y = problem(*shape)
    checked = Problem.check(X, y)
    _, found = lsgd.logistic_loss_gradient(X, y, np.zeros((shape[1], k)), n_threads=2)
    row_gradients = checked.weight * (-0.5 * checked.y)
    expected = sum_in_order(X, row_gradients, CHUNKS[shape], height) / checked.total_weight
    for column in range(k):
        assert found[:, column].tobytes() == expected.tobytes()
