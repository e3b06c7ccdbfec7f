"""Gram space: descent by the inner products of the rows, for X with more features than rows.

Gradient descent moves in the span of the rows x_i and of the first weights. Let A be the rows of X
with the first weights below them, and w = factor * A^T a. Then X w = (factor * A A^T) a, so the row
pass over the Gram matrix ``factor * A A^T`` gives the same scores from the coefficients a as the
pass over X from w, and its gradient is the image of that of w:

    gradient          factor * A^T b    with  b = row_gradients / factor + l2 * a
    its norm          sqrt(factor * b . (factor * A A^T) b)
    |w|               sqrt(factor * a . (factor * A A^T) a)

The first weights take part as rows of weight zero, which have no loss. `factor` is an even power of
two near 1 / max |x_i|, and the first weights are multiplied by a power of two that makes them about
as large as the rows, so that no square leaves float64; neither rounds anything.

The matrix is made by the row pass as well: its columns are the scores X @ x_i.
"""

import math

import numpy as np

from lsgd_fast._core.block cimport label_of, weight_of
from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.types cimport FLOAT64, dense_rows, rows_t
from lsgd_fast._core.pass_types cimport (PANEL, ROW_GRADIENTS_GIVEN, SCORES_ONLY, column_offset,
                                         padded_rows, pass_t)
from lsgd_fast._core.layout cimport lay_out_pass, pass_size
from lsgd_fast._core.simd cimport v2
from lsgd_fast._engine.dataset cimport Rows, address_of
from lsgd_fast._engine.polled_pass cimport run_polled_pass

from lsgd_fast._engine.dataset import aligned_empty

cdef Py_ssize_t COLUMNS = 64                    # columns of the matrix of one pass over X, or
cdef Py_ssize_t COLUMN_BYTES = 16 * 2**20       # fewer, down to a panel, if they take more


cdef class GramSpace:
    """Gram space of the rows of a problem and of the first weights.

    Parameters
    ----------
    rows : Rows
    starts : ndarray of shape (k, d)
        First weights that are not zero, without intercepts.
    radius : float
        The largest norm of a row of positive weight.
    n_threads : int
    """

    def __cinit__(self, Rows rows, double[:, ::1] starts, double radius, int n_threads):
        cdef Py_ssize_t n = rows.view.X.n, i
        cdef double[::1] panels, y, weight, offset
        exponent = max(-1000, min(1000, math.frexp(radius)[1] // 2 * 2))
        start_exponents = np.minimum(np.frexp(np.abs(starts).max(axis=1, initial=0.0))[1], 1023)
        self.rows = rows
        self.factor = math.ldexp(1.0, -exponent)
        self.starts = np.ldexp(starts, exponent - start_exponents[:, None])
        self.start_coefficients = np.ldexp(1.0, start_exponents)
        self.n_threads = n_threads
        self.size = n + starts.shape[0]
        y, weight = np.ones(self.size), np.zeros(self.size)
        for i in range(n):
            y[i] = label_of(&rows.view, i)
            weight[i] = weight_of(&rows.view, i)
        panels = aligned_empty(padded_rows(self.size) * self.size)
        panels[:] = 0.0
        self.owners = [panels, y, weight]
        self.view = rows.view
        self.view.X.data = NULL
        self.view.X.n = self.view.X.d = self.size
        self.view.X.element = FLOAT64
        self.view.X.panels = &panels[0]
        self.view.y = &y[0]
        self.view.weight = &weight[0]
        if rows.view.offset != NULL:
            offset = np.zeros(self.size)
            for i in range(n):
                offset[i] = rows.view.offset[i]
            self.view.offset = &offset[0]
            self.owners.append(offset)
        self.start_rows = rows.view
        self.start_rows.y = self.view.y + n
        self.start_rows.weight = self.view.weight + n
        self.start_rows.X.n = self.starts.shape[0]
        self.start_rows.X.data = <const char*> address_of(self.starts.base)
        self.start_rows.X.element = FLOAT64
        self.start_rows.X.row_stride, self.start_rows.X.column_stride = 8 * rows.view.X.d, 8
        self.start_rows.X.swapped, self.start_rows.X.aligned = False, True
        self._multiply(panels, NULL)
        without = self._rows_without_weight()
        by_panel = np.asarray(panels).reshape(-1, self.size, PANEL)
        by_panel[without // PANEL, :, without % PANEL] = 0.0

    cdef rows_t image(self, Rows others):
        """Return other rows in this space: their inner products with its rows."""
        cdef rows_t view = others.view
        panels = aligned_empty(padded_rows(view.X.n) * self.size)
        panels[:] = 0.0
        self.owners += [others, panels]
        self._multiply(panels, &view)
        view.X.data = NULL
        view.X.sparse = NULL
        view.X.d = self.size
        view.X.element = FLOAT64
        view.X.panels = <void*> address_of(panels)
        return view

    cdef _multiply(self, double[::1] panels, const rows_t* others):
        """Fill panels with the inner products of this space's rows and `others`; NULL: its own."""
        cdef const rows_t* X = &self.rows.view
        cdef const rows_t* starts = &self.start_rows
        cdef Py_ssize_t n = X.X.n, d = X.X.d, width = columns_at_once(d), first
        cdef double[::1] columns
        columns = aligned_empty(width * d)
        for first in range(0, n, width):
            pack_rows(X, first, self.factor, columns)
            if others != NULL:
                multiply(others, 0, 0, columns, first, panels, self.size, False, self.n_threads)
                continue
            multiply(X, first, 0, columns, first, panels, self.size, True, self.n_threads)
            if starts.X.n:
                multiply(starts, 0, n, columns, first, panels, self.size, True, self.n_threads)
        for first in range(0, starts.X.n, width):
            pack_rows(starts, first, self.factor, columns)
            if others != NULL:
                multiply(others, 0, 0, columns, n + first, panels, self.size, False,
                         self.n_threads)
            else:
                multiply(starts, first, n, columns, n + first, panels, self.size, True,
                         self.n_threads)
        # Products with rows without weight may overflow, and must not reach other rows.
        by_panel = np.asarray(panels).reshape(-1, self.size, PANEL)
        by_panel[:, self._rows_without_weight()] = 0.0

    cdef _rows_without_weight(self):
        cdef Py_ssize_t i
        n = self.rows.view.X.n
        return np.array([i for i in range(n) if self.view.weight[i] == 0.0], dtype=np.intp)

    cdef first_coefficients(self, Py_ssize_t start):
        """Return the coefficients of the first weights of number `start`."""
        coefficients = np.zeros(self.size)
        coefficients[self.rows.view.X.n + start] = self.start_coefficients[start]
        return coefficients

    cdef weights(self, const double[::1] coefficients):
        """Return the weights (d,) of coefficients, by one backward pass over X."""
        cdef rows_t rows = self.rows.view
        cdef Py_ssize_t n = rows.X.n, d = rows.X.d, i
        cdef pass_t p
        cdef double[::1] memory = aligned_empty(pass_size(ROW_GRADIENTS_GIVEN, &rows, 1,
                                                          self.n_threads))
        cdef double[::1] row_gradients = np.zeros(padded_rows(n))
        cdef double[::1] sums = np.empty(d)
        # so that no product overflows or underflows but where the weights do
        cdef double before = self.factor if np.abs(coefficients).max() > 1.0 > self.factor else 1.0
        rows.total_weight = 1.0                 # a sum, not a mean
        lay_out_pass(&p, ROW_GRADIENTS_GIVEN, &rows, 1, self.n_threads, &memory[0])
        for i in range(n):
            row_gradients[i] = before * coefficients[i]
        p.gradient = True
        p.row_gradients = &row_gradients[0]
        run_polled_pass(&p, &sums[0], self.n_threads)
        weights = np.asarray(sums)
        with np.errstate(all="ignore"):         # in a run that diverges
            for start, coefficient in zip(self.starts, coefficients[n:]):
                weights += coefficient * (before * np.asarray(start))
            return (self.factor / before) * weights


# Columns of the Gram matrix that one pass makes.
cdef Py_ssize_t columns_at_once(Py_ssize_t d):
    return PANEL * max(1, min(COLUMNS // PANEL, COLUMN_BYTES // (8 * PANEL * d)))


def memory_of_gram(Py_ssize_t n, Py_ssize_t d, int n_threads):
    """Return the bytes of the Gram matrix of X of shape (n, d), of making it, of `weights`."""
    cdef rows_t view = dense_rows(NULL, FLOAT64, n, d, 0, 0, NULL, NULL, 0.0, False)
    cdef Py_ssize_t k = columns_at_once(d)
    making = pass_size(SCORES_ONLY, &view, k, n_threads) + k * padded_rows(n)
    making = k * d + max(PANEL * d, making)
    rebuilding = pass_size(ROW_GRADIENTS_GIVEN, &view, 1, n_threads) + padded_rows(n) + 2 * d
    return 8 * padded_rows(n) * n, 8 * making, 8 * rebuilding


# Rows from `first` on, scaled, as packed columns of a pass; the last row is repeated as needed.
cdef pack_rows(const rows_t* rows, Py_ssize_t first, double factor, double[::1] columns):
    cdef Py_ssize_t d = rows.X.d, k = columns.shape[0] // d, i, j, c, offset, stride
    cdef double[::1] tile = aligned_empty(PANEL * d)
    for i in range(0, k, PANEL):
        decode_panel(&rows.X, NULL, min(first + i, rows.X.n - 1), <v2*> &tile[0])
        for c in range(PANEL):
            column_offset(i + c, k, d, &offset, &stride)
            for j in range(d):
                columns[offset + j * stride] = factor * tile[PANEL * j + c]


# Write rows @ columns to the matrix in `panels`, without the first `skip` rows: entry (0, 0) of the
# product is entry (base, column) of the matrix. `mirror`: also write the transpose.
cdef multiply(const rows_t* rows, Py_ssize_t skip, Py_ssize_t base, double[::1] columns,
              Py_ssize_t column, double[::1] panels, Py_ssize_t size, bint mirror, int n_threads):
    cdef rows_t below = rows[0]
    cdef pass_t p
    cdef Py_ssize_t k = columns.shape[0] // rows.X.d, i, c
    cdef double[::1] memory
    cdef double[:, ::1] scores
    below.X.n -= skip
    below.X.data += skip * below.X.row_stride
    if below.y != NULL:
        below.y += skip
    else:
        below.labels += skip
    if below.weight != NULL:
        below.weight += skip
    scores = np.empty((k, padded_rows(below.X.n)))
    memory = aligned_empty(pass_size(SCORES_ONLY, &below, k, n_threads))
    lay_out_pass(&p, SCORES_ONLY, &below, k, n_threads, &memory[0])
    p.gradient = False
    p.weights = &columns[0]
    p.scores = &scores[0, 0]
    run_polled_pass(&p, NULL, n_threads)
    with nogil:
        for c in range(min(k, size - column)):
            for i in range(below.X.n):
                panels[panel_offset(base + skip + i, column + c, size)] = scores[c, i]
                if mirror:
                    panels[panel_offset(column + c, base + skip + i, size)] = scores[c, i]


# The offset in panels of an entry of a matrix of `size` columns.
cdef inline Py_ssize_t panel_offset(Py_ssize_t row, Py_ssize_t column,
                                    Py_ssize_t size) noexcept nogil:
    return (row // PANEL * size + column) * PANEL + row % PANEL
