"""Sparse rows that change after they were checked: no index leads out of the weights."""

import json

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs import sparse
from lsgd_fast._inputs.problem import Problem
from support import sparse_cases as cases
from support.backends import every_backend
from support.fresh import run_python
from support.sparse_cases import bits, bits_of_run, small

WRONG = (60, 600, -1, 2**31 - 1, -(2**31))
WRONG_64 = (2**31, 2**63 - 1, -(2**63))
EVERY = [(np.int32, wrong) for wrong in WRONG] + [(np.int64, wrong) for wrong in WRONG + WRONG_64]
every_wrong_index = pytest.mark.parametrize(("places", "wrong"), EVERY)


def checked(places, dtype=np.float64):
    """Return rows of 60 features whose arrays are read in place, and their problem."""
    _, dense, y = small()
    X = cases.csr(dense, dtype, places)
    return X, Problem.check(X, y)


@every_wrong_index
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("gradient", [False, True])
def test_what_is_no_column_is_read_as_the_last(places, wrong, dtype, k, gradient, isa):
    """In place, and while the copies by rows and by columns are made."""
    X, problem = checked(places, dtype)
    w = np.random.default_rng(1).standard_normal((60, k))
    found = []
    for indices in (wrong, 59):
        X.indices[::3] = indices
        of_rows = rows.Rows(problem, pack=False, gradient=gradient)
        found.append(rows.evaluate(of_rows, w, 0.0, gradient, 2))
    assert bits(*found[0][: 1 + gradient]) == bits(*found[1][: 1 + gradient])


@every_wrong_index
def test_numpy_operations_read_it_so_too(places, wrong):
    X, problem = checked(places)
    w, s = np.arange(60.0), np.arange(1200.0)
    found = []
    for indices in (wrong, 59):
        X.indices[::3] = indices
        found.append(bits(problem.X.multiply(w), problem.X.combine(s), problem.X.toarray()))
    assert found[0] == found[1]


@pytest.mark.parametrize("places", [np.int32, np.int64])
def test_entries_are_found_whatever_becomes_of_indptr(places):
    X, problem = checked(places)
    expected = bits(problem.X.toarray())
    assert not np.shares_memory(problem.X.indptr, X.indptr)
    X.indptr[:] = np.iinfo(places).max
    assert bits(problem.X.toarray()) == expected


@every_backend
@pytest.mark.parametrize("places", [np.int32, np.int64])
def test_a_descent_goes_on_with_its_own_indices(backend, places):
    """Of the compiled package; the reference has no copies, and reads the last column."""
    _, dense, y = small()
    X = cases.csr(dense, None, places)
    undisturbed = backend.gradient_descent(X, y, 1.0, 8)

    def change(state):
        X.indices[:] = 600
        X.indptr[:] = -1

    run = backend.gradient_descent(X, y, 1.0, 8, callback=change, callback_every=4)
    assert run.n_steps == 8
    if backend is lsgd:
        assert bits_of_run(run) == bits_of_run(undisturbed)


@every_backend
@pytest.mark.parametrize("batch_size", [1, 20])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("wrong", WRONG)
def test_stochastic_steps_write_to_the_weights_alone(batch_size, l2, wrong, backend):
    found = []
    for indices in (wrong, 59):
        X, _, y = small()

        def change(state, X=X, indices=indices):
            X.indices[:] = indices

        run = backend.stochastic_gradient_descent(
            X, y, 1.0, 60, batch_size=batch_size, l2=l2, rng=0, callback=change, callback_every=20
        )
        found.append(bits(run.last.weights, run.average.weights, run.trace.loss))
    assert found[0] == found[1]


def test_pieces_of_long_rows_have_the_bits_of_whole_rows(isa):
    """Indices in place are copied 1024 at a time; those of gradients were copied before."""
    rng = np.random.default_rng(2)
    dense = rng.standard_normal((9, 5000)) * (rng.random((9, 5000)) < 0.5)
    dense[:, 1023:1026] = 1.0
    y, w = np.arange(9) % 2, rng.standard_normal((5000, 5))
    for places in (np.int32, np.int64):
        X = cases.csr(dense, None, places)
        value, _ = lsgd.logistic_loss_gradient(X, y, w)
        assert bits(lsgd.logistic_loss(X, y, w)) == bits(value)


FUZZ = """
import json, sys
from support import mutated_csr
found = mutated_csr.fuzz(int(sys.argv[1]))
json.dump([[*key, count] for key, count in found.items()], sys.stdout)
"""


def test_every_kind_of_call_on_rows_that_change_ends():
    done = run_python(FUZZ, "126")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ran = {kind for kind, how, _ in found if how == "ran"}
    assert len(ran) == 22, found
    assert {how.split(":")[0] for _, how, _ in found} <= {"ran", "refused"}


def test_what_blocks_yield_is_a_copy():
    X, problem = checked(np.int32)
    assert isinstance(problem.X, sparse.SparseRows)
    _, columns, _ = next(problem.X.blocks())
    assert not np.shares_memory(columns, X.indices)
