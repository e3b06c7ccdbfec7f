"""Sparse matrices without SciPy: what CSR can look like, and problems of sparse rows."""

import numpy as np

from support.awkward import labels


class CSR:
    """What a sparse matrix is recognised by, and nothing else."""

    format = "csr"

    def __init__(self, data, indices, indptr, shape):
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape

    def __repr__(self):  # in the names of tests, which must not hold an address
        return f"CSR{self.shape}"


class Other:
    """A matrix in another format, which can be converted."""

    format = "dok"

    def __init__(self, csr):
        self.csr, self.shape = csr, csr.shape

    def tocsr(self):
        return self.csr


def csr(dense, dtype=None, places=np.int32):
    """Return a dense matrix in canonical CSR."""
    rows, columns = np.nonzero(dense)
    indptr = np.zeros(len(dense) + 1, places)
    np.cumsum(np.bincount(rows, minlength=len(dense)), out=indptr[1:])
    data = np.asarray(dense[rows, columns], dtype)
    return CSR(data, columns.astype(places), indptr, dense.shape)


def dense(X):
    """Return the dense float64 matrix that CSR arrays stand for, entry by entry."""
    out = np.zeros(X.shape)
    for i in range(X.shape[0]):
        for at in range(int(X.indptr[i]), int(X.indptr[i + 1])):
            out[i, int(X.indices[at])] += X.data[at]
    return out


def variants(X, rng):
    """Yield (name, CSR) for one canonical matrix in many forms that stand for the same values."""
    data, indices, indptr, shape = X.data, X.indices, X.indptr, X.shape
    yield "int64", CSR(data, indices.astype(np.int64), indptr.astype(np.int64), shape)
    yield "int32 indices, int64 indptr", CSR(data, indices, indptr.astype(np.int64), shape)
    yield "uint32", CSR(data, indices.astype(np.uint32), indptr.astype(np.uint64), shape)
    yield "spare room", CSR(np.append(data, [np.nan] * 3), np.append(indices, [-1, 2**31 - 1, 0]),
                            indptr, shape)  # fmt: skip
    yield "byte-swapped", CSR(*(_swapped(array) for array in (data, indices, indptr)), shape)
    yield "misaligned", CSR(*(_misaligned(array) for array in (data, indices, indptr)), shape)
    yield "strided", CSR(*(np.repeat(array, 2)[::2] for array in (data, indices, indptr)), shape)
    yield "read-only", CSR(*(_read_only(array) for array in (data, indices, indptr)), shape)
    yield "converted", Other(X)
    for name, change in (("unsorted", unsorted), ("duplicates", duplicates), ("zeros", zeros)):
        yield name, change(X, rng)
    yield "all of it", unsorted(zeros(duplicates(X, rng), rng), rng)


def unsorted(X, rng):
    """Return the same with the entries of each row in random order."""
    order = np.lexsort((rng.random(len(X.data)), _rows(X)))
    return CSR(X.data[order], X.indices[order], X.indptr, X.shape)


def duplicates(X, rng):
    """Return the same with some of the values in two halves, which are exact."""
    return _insert(X, np.flatnonzero(rng.random(len(X.data)) < 0.3), 0.5)


def zeros(X, rng):
    """Return the same with entries that are zero, or that cancel."""
    at = np.flatnonzero(rng.random(len(X.data)) < 0.3)
    halved = _insert(X, at, 0.0)
    # the zero stands behind the value it was made from: move half of them elsewhere
    moved = at[::2] + np.arange(len(at))[::2] + 1
    halved.indices[moved] = rng.integers(0, X.shape[1], len(moved))
    return halved


def _insert(X, at, share):
    """Return the same with `share` of the entries `at` moved into new ones behind them."""
    data = X.data.copy()
    moved = (data[at] * share).astype(data.dtype)
    data[at] -= moved
    counts = np.bincount(_rows(X)[at], minlength=X.shape[0])
    indptr = X.indptr.copy()
    indptr[1:] += np.cumsum(counts).astype(indptr.dtype)
    return CSR(np.insert(data, at + 1, moved), np.insert(X.indices, at + 1, X.indices[at]), indptr,
               X.shape)  # fmt: skip


def _rows(X):
    return np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))


def _swapped(array):
    return array.astype(array.dtype.newbyteorder("S"))


def _misaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    copy = memory.view(array.dtype)
    copy[...] = array
    return copy


def _read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


def matrix(n, d, density, rng, dtype=np.float64):
    """Return a dense matrix with few entries, some empty rows and columns, and skewed columns."""
    share = density * rng.exponential(1.0, (n, 1)) * rng.exponential(1.0, d)
    X = rng.standard_normal((n, d)) * (rng.random((n, d)) < share)
    X[rng.random(n) < 0.1] = 0.0
    X[:, rng.random(d) < 0.1] = 0.0
    return X.astype(dtype).astype(np.float64)


def problems():
    """Yield (name, dense X, y, options) of all kinds of sparse rows."""
    rng = np.random.default_rng(7)
    shapes = [
        (2, 1, 1.0), (7, 3, 0.5), (8, 40, 0.2), (33, 17, 0.3), (255, 64, 0.1), (256, 5, 0.5),
        (1001, 129, 0.05), (40, 3000, 0.03), (3, 5000, 0.7), (12_001, 3, 0.6), (9000, 70, 0.02),
    ]  # fmt: skip
    for i, (n, d, density) in enumerate(shapes):
        X = matrix(n, d, density, rng, np.float32 if i % 2 else np.float64)
        options = {"fit_intercept": i % 3 == 0, "l2": 0.0 if i % 2 else 0.01}
        if i % 4 == 3:
            options["sample_weight"] = rng.uniform(0.5, 2.0, n) * rng.integers(0, 2, n)
            options["sample_weight"][:2] = 1.0
        yield f"{n}x{d}", X, labels(n, rng), options
    X = matrix(9000, 30, 0.05, rng)
    X[:, 11] = rng.standard_normal(9000)  # half of all entries
    X[5] = rng.standard_normal(30)
    yield "one long column", X, labels(9000, rng), {"fit_intercept": True}
    X = np.zeros((600, 50))
    X[17, 3] = 1.0
    yield "one entry", X, labels(600, rng), {}
    yield "no entry", np.zeros((20, 4)), labels(20, rng), {"fit_intercept": True}


PROBLEMS = list(problems())
RNG = np.random.default_rng(5)


def bits(*values):
    return [np.asarray(value).tobytes() for value in values]


def bits_of_run(run):
    arrays = [run.weights, np.float64(run.intercept), *run.trace.to_dict().values()]
    return bits(*arrays, *(x for x in (run.separating_weights, run.best_weights) if x is not None))


def small(rng=None):
    """Return X (canonical), its dense form and y, large enough for several chunks."""
    rng = np.random.default_rng(3) if rng is None else rng
    X = matrix(1200, 60, 0.1, rng)
    return csr(X), X, labels(1200, rng)
