"""The rows of a `Problem` as the row pass reads them, and single passes for public functions."""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cpython.buffer cimport PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer

from libc.stdint cimport int8_t, int64_t

from lsgd_fast._core.sparse_layout cimport (copy_indices, count_columns, fill_columns,
                                            number_indices)
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive, negative_abs, softplus_sigmoid
from lsgd_fast._core.types cimport (
    BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, INDEX_INT32, INDEX_INT64, INDEX_UINT16, INT8, INT16,
    INT32, INT64, LENT_INT32, LENT_INT64, LONG_DOUBLE, UINT8, UINT16, UINT32, UINT64, compressed_t,
    csr_rows, dense_rows, matrix_t, rows_t, sparse_t, split_t)
from lsgd_fast._core.pass_types cimport INDEPENDENT, PANEL, SOFTMAX, first_row
from lsgd_fast._core.layout cimport (LONG_COLUMNS, dense_part, leaf_count, long_length,
                                     pack_panels, pass_size, slab_count, sparse_part, split_sparse)
from lsgd_fast._core.rowpass cimport loss_gradient, workspace_size

from lsgd_fast._inputs.sparse import is_sparse

# Keys are kind and size of a dtype, and the name of ml_dtypes.bfloat16.
ELEMENTS = {"bfloat16": BFLOAT16, "f8": FLOAT64, "f4": FLOAT32, "f2": FLOAT16, "b1": BOOL,
            "i1": INT8, "i2": INT16, "i4": INT32, "i8": INT64,
            "u1": UINT8, "u2": UINT16, "u4": UINT32, "u8": UINT64}
INDEX_TYPES = {"u2": INDEX_UINT16, "i4": INDEX_INT32, "i8": INDEX_INT64}
LENT_TYPES = {"i4": LENT_INT32, "i8": LENT_INT64}
PACKED_BYTES = 64 * 2**20       # the largest panels that X is packed into
ENTRIES_AT_A_TIME = 1 << 22     # that are copied between two checks for signals


cdef class Rows:
    """The rows of a `Problem` for the row pass.

    Parameters
    ----------
    problem : Problem
    pack : bool, default True
        Copy X into panels where that pays: C-ordered float64 or float32 up to 64 MiB. It does not
        pay for a single pass.
    gradient : bool, default True
        Whether gradients are computed. Sparse rows need a copy by columns for that, and permute
        their features, see `order`.
    like : Rows, optional
        Rows that share their weights with these: features are permuted as theirs are, for which
        dense rows are copied.

    Attributes
    ----------
    order : ndarray of shape (d,) or None
        The feature of each weight of a pass; None where the weights are in the order of X.
    """

    def __cinit__(self, problem, bint pack=True, bint gradient=True, Rows like=None):
        X = problem.X
        cdef bint sparse = is_sparse(X)
        self.order = None if like is None else like.order
        if self.order is not None and not sparse:
            X = np.take(X, self.order, axis=1)      # in C order
        element = element_of(X.dtype)
        if element == BFLOAT16:
            X = X.view(np.uint16)   # bfloat16 has no buffer
        cdef matrix_t* view = &self.view.X
        view.n, view.d = X.shape
        view.element = element
        view.swapped = not problem.X.dtype.isnative
        view.part = NULL
        if problem.is_part:
            self.set_part(problem.distributed)
        if not sparse:
            view.data = <const char*> address_of(X)
            view.row_stride, view.column_stride = X.strides
            view.aligned = X.flags.aligned
        y, weight = problem.y, problem.weight
        self.view.y = NULL
        if y.dtype == np.int8:
            self.view.labels = <const int8_t*> address_of(y)
        else:
            self.view.y = <const double*> address_of(y)
        self.view.weight = NULL
        if problem.is_weighted:
            self.view.weight = <const double*> address_of(weight)
        self.view.row_weight = weight[0]
        self.view.total_weight = problem.total_weight
        self.view.offset = NULL
        if problem.offset is not None:
            self.view.offset = <const double*> address_of(problem.offset)
        self.view.fit_intercept = problem.fit_intercept
        self.view.center = self.view.scale = NULL
        self.owners = [X, y, weight, problem.offset, problem.exports]
        if sparse:
            self.point_to_sparse(X, gradient, like)
        cdef const double[::1] center, scale
        if problem.scale is not None:
            center, scale = self.permute(problem.center), self.permute(problem.scale)
            self.view.center, self.view.scale = &center[0], &scale[0]
            self.owners += [center, scale]
        if pack and not sparse:
            self.pack(X)

    cdef set_part(self, distributed):
        """Let these be the rows of one rank of several."""
        cdef matrix_t* view = &self.view.X
        self.distributed = distributed
        if distributed.n_local == 0:
            return
        if not is_sparse(distributed.local):
            self.part = dense_part(view.n, view.d, distributed.unit_leaves)
        else:
            first, end = distributed.own_units
            self.part = sparse_part(distributed.shape[0], distributed.n_entries, first, end,
                                    distributed.n_units)
        view.part = &self.part

    cdef pack(self, X):
        """Copy X into panels, if that pays."""
        cdef double[::1] tile
        cdef void* address
        size, tile_size = memory_of_packing(*X.shape, X.dtype, is_plain(X))
        if size == 0:
            return
        panels = aligned_empty(size // X.itemsize, X.dtype)
        tile = aligned_empty(max(1, tile_size // sizeof(double)))
        address = <void*> address_of(panels)
        pack_panels(&self.view.X, address, &tile[0])
        self.view.X.panels = address
        self.owners.append(panels)

    cdef permute(self, w):
        """Return w (d,) in the order in which a pass has the features."""
        return w if self.order is None else w[self.order]

    @property
    def n_slabs(self):
        """The number of slabs of sparse rows; 1 where there are none, or no gradients."""
        return 1 if self.view.X.sparse == NULL else self.sparse.n_slabs

    @property
    def n_leaves(self):
        """The number of leaves of the rows: more threads than that find no work."""
        return leaf_count(INDEPENDENT, &self.view.X, 1)

    cdef point_to_sparse(self, X, bint gradient, like):
        """Point to sparse X, and to a copy of its entries by columns if there are gradients."""
        cdef sparse_t* s = &self.sparse
        point_to(&s.rows, X.indptr, X.indices, X.data, LENT_TYPES)
        self.view.X.sparse = s
        self.owners += [X.indptr, X.indices, X.data]
        s.n_slabs = 1
        slices = row_slices(X, 0, len(X))
        # gradients need numbers that stay (see copy_indices); for several passes a copy is read
        # faster
        if gradient or like is not None:
            self.copy_indices(X, slices)
        if gradient:
            self.copy_columns(X)
        if self.order is not None:
            s.order = <const int64_t*> address_of(self.order)
            self.permute_features(slices)

    cdef copy_indices(self, X, slices):  # no-cython-lint: shadows nothing
        """Point to a copy of the indices of rows; from here on no others are read."""
        cdef Py_ssize_t first, last
        cdef compressed_t own
        indices = np.empty(X.size, index_dtype(X.shape[1]))
        point_to(&own, X.indptr, indices, X.data)
        for first, last in slices:
            PyErr_CheckSignals()
            with nogil:
                copy_indices(&self.sparse.rows, self.view.X.d, first, last, &own)
        self.sparse.rows = own
        self.owners.append(indices)

    cdef copy_columns(self, X):
        """Copy the entries to columns slab by slab, sorted from the longest to the shortest."""
        cdef sparse_t* s = &self.sparse
        cdef Py_ssize_t n, d, slab, row, first, last
        cdef int64_t[::1] next_offset
        cdef int64_t[:, ::1] lengths
        cdef bint is_float = X.dtype == np.float32
        n, d = X.shape
        slabs = slab_bounds(n, d, X.size)
        if self.view.X.part != NULL:
            slabs = self.distributed.unit_bounds()
        s.n_slabs = len(slabs) - 1
        indptr = np.zeros(s.n_slabs * d + 1, np.int64)
        indices = np.empty(X.size, index_dtype(np.diff(slabs).max()))
        data = np.empty(X.size, X.dtype)
        point_to(&s.columns, indptr, indices, data)
        lengths = np.zeros((s.n_slabs, d), np.int64)
        for slab in range(s.n_slabs):
            for first, last in row_slices(X, slabs[slab], slabs[slab + 1]):
                PyErr_CheckSignals()
                with nogil:
                    count_columns(&s.rows, first, last, &lengths[slab, 0])
        of_all, n_entries = np.asarray(lengths).sum(axis=0), X.size
        if self.distributed is not None:
            ranks, n_entries = self.distributed.ranks, self.distributed.n_entries
            of_all = sum(ranks.gather(of_all))
        self.order = np.argsort(-of_all, kind="stable").astype(np.int64, copy=False)
        np.take(lengths, self.order, axis=1, out=indptr[1:].reshape(-1, d))
        np.cumsum(indptr[1:], out=indptr[1:])
        next_offset = np.empty(d, np.int64)
        for slab in range(s.n_slabs):
            row = slabs[slab]
            np.asarray(next_offset)[self.order] = indptr[slab * d:(slab + 1) * d]
            for first, last in row_slices(X, row, slabs[slab + 1]):
                PyErr_CheckSignals()
                with nogil:
                    fill_columns(&s.rows, is_float, first, last, row, &s.columns, &next_offset[0])
        starts = indptr
        if s.n_slabs > 1:
            starts = np.zeros(d + 1, np.int64)
            np.cumsum(np.asarray(lengths).sum(axis=0)[self.order], out=starts[1:])
        s.starts = <const int64_t*> address_of(starts)
        s.n_long = np.count_nonzero(of_all > long_length(n_entries))
        self.owners += [indptr, indices, data, starts]

    cdef permute_features(self, slices):
        """Permute the features in the indices of rows by `order`."""
        cdef sparse_t* s = &self.sparse
        cdef Py_ssize_t first, last
        cdef int64_t[::1] numbers = np.empty(len(self.order), np.int64)
        np.asarray(numbers)[self.order] = np.arange(len(self.order))
        for first, last in slices:
            PyErr_CheckSignals()
            with nogil:
                number_indices(&s.rows, first, last, &numbers[0])


def slab_bounds(Py_ssize_t n, Py_ssize_t d, Py_ssize_t n_entries):
    """Return the first row of each slab of sparse rows, and n."""
    cdef split_t split = split_sparse(n, n_entries)
    cdef Py_ssize_t n_slabs = slab_count(n, d, n_entries), slab
    return [first_row(&split, n, slab * split.n_leaves // n_slabs) for slab in range(n_slabs + 1)]


cdef row_slices(X, first, last):
    """Rows first .. last - 1 of sparse X in slices of about ENTRIES_AT_A_TIME entries."""
    bounds = np.arange(X.indptr[first], X.indptr[last], ENTRIES_AT_A_TIME)
    bounds = [first, *np.searchsorted(X.indptr, bounds[1:]).tolist(), last]
    return list(zip(bounds, bounds[1:]))


cdef point_to(compressed_t* matrix, indptr, indices, data, types=INDEX_TYPES):
    matrix.indptr = <const int64_t*> address_of(indptr)
    matrix.indices = <const void*> address_of(indices)
    matrix.data = <const void*> address_of(data)
    matrix.index_type = types[indices.dtype.str[1:]]


cdef index_dtype(n):
    """The smallest dtype of the indices of n rows or columns, see index_type_t."""
    return np.dtype(np.uint16 if n <= 2**16 else np.int32 if n < 2**31 else np.int64)


def element_of(dtype):
    """Return the element_t of a dtype."""
    by_size = ELEMENTS.get(f"{dtype.kind}{dtype.itemsize}", LONG_DOUBLE)
    return ELEMENTS.get(dtype.name, by_size)


def is_plain(X):
    """Whether an array is aligned and in C order."""
    return X.flags.c_contiguous and X.flags.aligned


def memory_of_packing(n, d, dtype, plain=True):
    """Return the bytes of the panels of X of shape (n, d), and of the tile that packing takes.

    Both are 0 where X is read in place.
    """
    size = ((n - 1) // PANEL + 1) * PANEL * d * dtype.itemsize
    pays = plain and dtype.isnative and f"{dtype.kind}{dtype.itemsize}" in ("f8", "f4")
    if not pays or size > PACKED_BYTES:
        return 0, 0
    return size, PANEL * d * sizeof(double) if dtype.itemsize == 4 else 0


def memory_of_pass(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k, int n_threads, bint packed,
                   bint softmax=False):
    """Return the bytes that passes over X of shape (n, d) write to, for k columns of weights.

    They are those of k runs, or of the classes of one run with softmax.
    """
    cdef rows_t view = dense_rows(NULL, FLOAT64, n, d, 0, 0, NULL, NULL, 0.0, False)
    view.X.panels = <const void*> &view if packed else NULL     # compared with NULL, not read
    return pass_size(SOFTMAX if softmax else INDEPENDENT, &view, k, n_threads) * sizeof(double)


def memory_of_columns(n, d, n_entries, dtype):
    """Return the bytes of the copy of sparse rows by columns, and of those that making it takes."""
    bounds = slab_bounds(n, d, n_entries)
    n_slabs = len(bounds) - 1
    entry = dtype.itemsize + index_dtype(np.diff(bounds).max()).itemsize + index_dtype(d).itemsize
    starts = 8 * (n_slabs * d + 1) + (8 * (d + 1) if n_slabs > 1 else 0)
    return n_entries * entry + starts + 8 * d, 8 * (n_slabs + 7) * (d + 1)


def memory_of_sparse_pass(X, Py_ssize_t k, int n_threads, bint softmax=False):
    """Return the most bytes that passes over sparse rows write to, see `memory_of_pass`."""
    cdef sparse_t sparse
    cdef rows_t view = csr_rows(&sparse, FLOAT64, X.shape[0], X.shape[1], NULL, NULL, 0.0, False)
    cdef const int64_t[::1] indptr = X.indptr
    sparse.rows.indptr = &indptr[0]
    sparse.n_long = min(LONG_COLUMNS, X.size // long_length(X.size))
    sparse.n_slabs = slab_count(X.shape[0], X.shape[1], X.size)
    return pass_size(SOFTMAX if softmax else INDEPENDENT, &view, k, n_threads) * sizeof(double)


def row_leaves(Py_ssize_t n, Py_ssize_t d, n_entries=None, Py_ssize_t k=1, bint softmax=False):
    """Return the leaves of X of shape (n, d); those of sparse rows depend on their entries.

    They are those of k runs, or of the classes of one run with softmax, see `memory_of_pass`.
    """
    cdef rows_t view = dense_rows(NULL, FLOAT64, n, d, 0, 0, NULL, NULL, 0.0, False)
    if n_entries is not None:
        return split_sparse(n, n_entries).n_leaves
    return leaf_count(SOFTMAX if softmax else INDEPENDENT, &view.X, k)


def sparse_slabs(Py_ssize_t n, Py_ssize_t d, Py_ssize_t n_entries):
    """Return the slabs of sparse rows of shape (n, d)."""
    return slab_count(n, d, n_entries)


# Not from __array_interface__, whose getter crashes where memory runs out.
cdef size_t address_of(array) except? 0:
    cdef Py_buffer buffer
    PyObject_GetBuffer(array, &buffer, PyBUF_STRIDES)
    address = <size_t> buffer.buf
    PyBuffer_Release(&buffer)
    return address


def aligned_empty(Py_ssize_t size, dtype=np.float64):
    """Return an uninitialised array that starts at a cache line."""
    dtype = np.dtype(dtype)
    raw = np.empty(size * dtype.itemsize + 64, np.uint8)
    address = address_of(raw)
    start = (64 - address % 64) % 64
    return raw[start:start + size * dtype.itemsize].view(dtype)


def evaluate(Rows rows, const double[:, ::1] w, double l2, bint gradient, int n_threads):
    """Return the objective (k,) and its gradient or None, at the columns of w (d [+ 1], k)."""
    cdef Py_ssize_t k = w.shape[1]
    cdef double[::1] loss = np.empty(k)
    cdef double[::1] work = aligned_empty(workspace_size(&rows.view, k, n_threads))
    cdef double[:, ::1] slope = np.empty_like(w)
    with nogil:
        loss_gradient(&rows.view, &w[0, 0], k, l2, &loss[0], &slope[0, 0] if gradient else NULL,
                      &work[0], n_threads)
    return np.asarray(loss), np.asarray(slope) if gradient else None


def curvatures(const double[::1] z):
    """Return the second derivative of the logistic loss at each score, 0 where it is no number."""
    cdef double[::1] out = np.empty(z.shape[0])
    cdef Py_ssize_t i
    cdef double e
    with nogil:
        for i in range(z.shape[0]):
            exp_nonpositive(negative_abs(z[i]), &e)
            out[i] = e / ((1.0 + e) * (1.0 + e)) if z[i] == z[i] else 0.0
    return np.asarray(out)


def elementary(const double[::1] x):
    """Return exp(-|x|), softplus(-x), sigmoid(-x) and log(|x|) of each element, for tests."""
    cdef double[:, ::1] out = np.empty((4, x.shape[0]))
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        exp_nonpositive(negative_abs(x[i]), &out[0, i])
        softplus_sigmoid(x[i], out[0, i], &out[1, i], &out[2, i])
        log_positive(-negative_abs(x[i]), &out[3, i])
    return np.asarray(out)
