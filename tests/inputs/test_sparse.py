"""Sparse matrices are taken in every form, copied where they must be, or refused by name."""

import json
import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._inputs import sparse
from lsgd_fast._inputs.problem import Problem
from support import sparse_cases as cases
from support.backends import every_backend
from support.fresh import run_python
from support.sparse_cases import RNG, bits, small

# --- what is refused, and what is left alone ------------------------------------------------------


def broken():
    X, _, _ = small()
    n, d = X.shape

    def put(array, at, value):
        array = array.copy()
        array[at] = value
        return array

    yield "indices must be from", cases.CSR(X.data, put(X.indices, 5, d), X.indptr, X.shape)
    yield "indices must be from", cases.CSR(X.data, put(X.indices, -1, -1), X.indptr, X.shape)
    yield "indices must be from", cases.CSR(X.data, X.indices, X.indptr, (n, d // 2))
    yield "indptr must have", cases.CSR(X.data, X.indices, X.indptr[:-1], X.shape)
    yield "indptr must have", cases.CSR(X.data, X.indices, X.indptr, (n + 1, d))
    yield "indptr must start", cases.CSR(X.data, X.indices, put(X.indptr, 0, 1), X.shape)
    yield "indptr must start", cases.CSR(X.data, X.indices, put(X.indptr, 3, 10**6), X.shape)
    yield "indptr must start", cases.CSR(X.data, X.indices, put(X.indptr, -1, -5), X.shape)
    yield "indptr must end at", cases.CSR(X.data, X.indices, put(X.indptr, -1, 10**6), X.shape)
    yield "indptr must end at", cases.CSR(X.data[:-1], X.indices, X.indptr, X.shape)
    yield "indptr must end at", cases.CSR(X.data, X.indices[:-1], X.indptr, X.shape)
    for bad in (np.nan, np.inf, -np.inf):
        yield "must be finite", cases.CSR(put(X.data, 50, bad), X.indices, X.indptr, X.shape)
    big = np.full_like(X.data, 1e308)
    twice = cases.CSR(big, np.zeros_like(X.indices), X.indptr, X.shape)
    yield "must be finite", twice  # their sum overflows
    yield "data must be 1-d", cases.CSR(X.data[:, None], X.indices, X.indptr, X.shape)
    yield "indices must be 1-d", cases.CSR(X.data, X.indices[None], X.indptr, X.shape)
    yield "must be 2-d", cases.CSR(X.data, X.indices, X.indptr, (n,))
    yield "at least one row", cases.CSR(X.data[:0], X.indices[:0], X.indptr[:1], (0, d))
    yield "at least one row", cases.CSR(X.data[:0], X.indices[:0], 0 * X.indptr, (n, 0))
    yield "too many features", cases.CSR(X.data, X.indices, X.indptr, (n, 2**50))
    yield "shape must be below", cases.CSR(X.data, X.indices, X.indptr, (n, 2**64))
    yield r"tocsr\(\) must return", cases.Other(X.data.reshape(1, -1))
    yield "cannot be converted", type("Broken", (), {"tocsr": lambda self: 1 / 0})()


@every_backend
@pytest.mark.parametrize(("text", "X"), list(broken()))
def test_what_is_no_csr_is_refused_by_name(backend, text, X):
    y = small()[2]
    with pytest.raises(ValueError, match=rf"^X\b.*{text}"):
        backend.gradient_descent(X, y, 1.0, 2)
    with pytest.raises(ValueError, match=rf"^validation: X\b.*{text}"):
        backend.gradient_descent(*small()[1:], 1.0, 2, validation=(X, y))


@every_backend
def test_other_refusals(backend):
    X, _, y = small()
    for part, bad in [("data", "c16"), ("data", "O"), ("indices", "f8"), ("indptr", "U3")]:
        form = cases.CSR(X.data, X.indices, X.indptr, X.shape)
        setattr(form, part, getattr(X, part).astype(bad))
        with pytest.raises(TypeError, match=rf"^X\.{part} must hold"):
            backend.logistic_loss(form, y, np.zeros(60))
    del form.indptr
    with pytest.raises(TypeError, match="^X.indptr must be an array"):
        backend.logistic_loss(form, y, np.zeros(60))
    with pytest.raises(TypeError, match="^X.shape must be a tuple of two integers"):
        backend.logistic_loss(cases.CSR(X.data, X.indices, X.indptr, "shape"), y, np.zeros(60))
    with pytest.raises(ValueError, match="^y must hold both classes"):
        backend.gradient_descent(X, np.ones(len(y)), 1.0, 2)
    with pytest.raises(ValueError, match="^gram=True is not supported for sparse X"):
        backend.gradient_descent(X, y, 1.0, 2, gram=True)
    with pytest.raises(
        TypeError, match=r"^y must be dense; got a sparse matrix: pass y\.toarray\(\)"
    ):
        backend.gradient_descent(X, cases.Other(X), 1.0, 2)
    with pytest.raises(ValueError, match="^validation: X must have 60 features"):
        backend.gradient_descent(X, y, 1.0, 2, validation=(cases.csr(np.eye(1200, 59)), y))


def test_inputs_are_not_modified():
    X, _, y = small()
    for name, form in [("canonical", X), *cases.variants(X, RNG)]:
        arrays = [
            getattr(getattr(form, "csr", form), part) for part in ("data", "indices", "indptr")
        ]
        before = bits(*arrays, y)
        lsgd.gradient_descent(form, y, 1.0, 3)
        lsgd.staged_trial(form, y, n_stages=2, n_steps=5)
        assert bits(*arrays, y) == before, name


def test_canonical_arrays_are_not_copied():
    X, _, _ = small()
    checked = sparse.check_sparse(X)
    assert np.shares_memory(checked.data, X.data)
    assert np.shares_memory(checked.indices, X.indices)
    wide = cases.CSR(X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64), X.shape)
    assert np.shares_memory(sparse.check_sparse(wide).indices, wide.indices)
    for form in (X, wide):
        assert sparse.check_sparse(form).copied == 8 * (X.shape[0] + 1)  # always of indptr
    assert sparse.check_sparse(cases.unsorted(X, RNG)).copied >= X.data.nbytes


def test_the_forms_stand_for_the_same_values():
    X, D, _ = small()
    for name, form in cases.variants(X, RNG):
        form = getattr(form, "csr", form)
        assert (cases.dense(form) == D).all(), name
        assert (sparse.check_sparse(form).toarray() == D).all(), name


@every_backend
def test_sums_of_duplicates_are_not_rounded_to_float32(backend):
    """They are added in float64, whatever the dtype, even beyond float32."""
    values = np.array([1.0, 1e-9, 3e38, 3e38], np.float32)
    indices, indptr, y, w = np.array([0, 0, 1, 1]), np.array([0, 2, 4]), [1, 0], [1.0, 1e-38]

    def of(data):
        X = cases.CSR(data, indices, indptr, (2, 2))
        return bits(*backend.logistic_loss_gradient(X, y, w))

    assert of(values) == of(values.astype(float))


def test_duplicates_stay_float32_where_their_sums_are():
    X = cases.CSR(np.float32([1.0, 0.5, 3.0]), np.array([0, 0, 1]), np.array([0, 2, 3]), (2, 2))
    assert sparse.check_sparse(X).dtype == np.float32


def test_rows_are_chosen_as_from_arrays():
    X, D, _ = small()
    checked = sparse.check_sparse(X)
    for chosen in (slice(None), slice(3, 900, 7), np.array([5, 5, 1199, 0]), D[:, 0] > 0.0):
        assert (checked[chosen].toarray() == D[chosen]).all()


FUZZ = """
import faulthandler, json, sys
faulthandler.enable()
from support import damaged_csr
json.dump(damaged_csr.fuzz(int(sys.argv[1])), sys.stdout)
"""


def test_2000_damaged_matrices():
    done = run_python(FUZZ, "2000")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["refused"] > 500 and found["ran"] > 200, found


NO_SCIPY = """
import sys
sys.modules["scipy"] = None     # importing it would fail
import numpy as np, lsgd_fast
from support import sparse_cases
X = sparse_cases.csr(np.eye(9, 4))
y = np.arange(9) % 2
lsgd_fast.gradient_descent(X, y, 1.0, 3, validation=(X, y))
lsgd_fast.staged_trial(X, y, n_stages=2, n_steps=3)
lsgd_fast.reference.gradient_descent(X, y, 1.0, 3)
assert not [name for name in sys.modules if name.startswith("scipy.")]
"""


def test_scipy_is_not_needed():
    done = run_python(NO_SCIPY)
    assert done.returncode == 0, done.stderr


def test_every_format_of_scipy():
    scipy = pytest.importorskip("scipy.sparse")
    X, D, y = small()
    w = RNG.standard_normal(60)
    expected = lsgd.logistic_loss_gradient(X, y, w)
    for kind in (scipy.csr_array, scipy.csr_matrix):
        own = kind((X.data, X.indices, X.indptr), shape=X.shape)
        assert np.shares_memory(sparse.check_sparse(own).data, own.data)
        for form in ("csr", "csc", "coo", "bsr", "lil", "dok"):
            found = lsgd.logistic_loss_gradient(own.asformat(form), y, w)
            assert bits(*found) == bits(*expected), form
    with pytest.raises(ValueError, match="^X must be 2-d"):
        lsgd.logistic_loss(scipy.coo_array(np.arange(5.0)), y[:5], w)


@pytest.mark.parametrize("n_threads", [1, 8])
def test_checks_take_at_most_the_memory_that_is_said(n_threads):
    n, per_row = 20_000, 100
    indices = np.tile(np.arange(per_row, dtype=np.int32), n)
    indptr = per_row * np.arange(n + 1, dtype=np.int64)
    X = cases.CSR(np.ones(n * per_row), indices, indptr, (n, per_row))
    tracemalloc.start()
    try:
        problem = Problem.check(X, np.arange(n) % 2, n_threads=n_threads)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= sparse.memory_of_sparse_check(problem.X, n_threads) + n
