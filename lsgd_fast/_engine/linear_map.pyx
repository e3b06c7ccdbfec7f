"""Single reads of X: scores of the rows with weights, and sums of the rows by row_gradients."""

from lsgd_fast._core.scaling cimport enter_column, leave_column
from lsgd_fast._core.pass_types cimport ROW_GRADIENTS_GIVEN, PANEL, SCORES_ONLY, pass_t
from lsgd_fast._core.layout cimport (feature_order, lay_out_pass, pack_columns, pass_size,
                                     unpack_columns)
from lsgd_fast._core.rowpass cimport run_pass, reduce_gradients_by_team
from lsgd_fast._core.simd cimport fold_lanes
from lsgd_fast._engine.dataset cimport Rows

from lsgd_fast._engine.dataset import aligned_empty


cdef class Passes:
    """Forward and backward over the rows of a problem, each a read of X of its own.

    The memory of both is allocated once.

    Parameters
    ----------
    rows : Rows
    k : int
        Columns of weights.
    n_threads : int
    """

    cdef Rows rows
    cdef pass_t forward_pass, backward_pass
    cdef double[::1] memory
    cdef double* columns            # (k, d) packed: weights on the way there, gradients back
    cdef double* intercepts         # (k,)
    cdef int n_threads

    def __cinit__(self, Rows rows, Py_ssize_t k, int n_threads):
        cdef Py_ssize_t d = rows.view.X.d
        self.rows, self.n_threads = rows, n_threads
        self.memory = aligned_empty(k * (d + 1) + pass_size(ROW_GRADIENTS_GIVEN, &rows.view, k, n_threads))
        self.columns = &self.memory[0]
        self.intercepts = self.columns + k * d
        # The one writes to partial_gradients and tiles, the other to tiles.
        lay_out_pass(&self.forward_pass, SCORES_ONLY, &rows.view, k, self.intercepts + k)
        lay_out_pass(&self.backward_pass, ROW_GRADIENTS_GIVEN, &rows.view, k, self.intercepts + k)
        self.forward_pass.gradient = False
        self.forward_pass.weights = self.columns
        self.backward_pass.gradient = True

    def forward(self, const double[::1] w, double[:, ::1] scores):
        """Write ``x . w_c + b_c`` of each row and column.

        Parameters
        ----------
        w : ndarray of shape (k * d,), or (k * (d + 1),) with intercepts
            As (d [+ 1], k) in C order.
        scores : ndarray of shape (k, n up to a multiple of 8)
        """
        cdef pass_t* p = &self.forward_pass
        cdef Py_ssize_t d = p.rows.X.d, c, i
        p.scores = &scores[0, 0]
        with nogil:
            pack_columns(&w[0], d, p.k, feature_order(p.rows), self.columns)
            for c in range(p.k):
                self.intercepts[c] = w[d * p.k + c] if p.rows.fit_intercept else 0.0
                enter_column(p.rows, c, p.k, self.columns, self.intercepts)
            run_pass(p, self.n_threads)
            if p.rows.fit_intercept or p.rows.scale != NULL:
                for c in range(p.k):
                    for i in range(scores.shape[1]):
                        scores[c, i] += self.intercepts[c]

    def backward(self, double[:, ::1] row_gradients, double[::1] gradient):
        """Write the mean of the rows, each times its row_gradients; of the intercept, the mean of these.

        Parameters
        ----------
        row_gradients : ndarray of shape (k, n up to a multiple of 8)
        gradient : ndarray of shape (k * d,), or (k * (d + 1),) with intercepts
            As (d [+ 1], k) in C order.
        """
        cdef pass_t* p = &self.backward_pass
        cdef Py_ssize_t d = p.rows.X.d, n_panels = row_gradients.shape[1] // PANEL, c
        cdef double slope
        p.row_gradients = &row_gradients[0, 0]
        with nogil:
            run_pass(p, self.n_threads)
            reduce_gradients_by_team(p, self.columns, self.n_threads)
            if p.rows.fit_intercept or p.rows.scale != NULL:
                for c in range(p.k):
                    slope = lane_sum(&row_gradients[c, 0], n_panels) / p.rows.total_weight
                    leave_column(p.rows, c, p.k, slope, self.columns)
                    if p.rows.fit_intercept:
                        gradient[d * p.k + c] = slope
            unpack_columns(self.columns, d, p.k, feature_order(p.rows), &gradient[0])


# The sum of numbers by lanes, so that its bits do not depend on the width of vectors.
cdef double lane_sum(const double* x, Py_ssize_t n_panels) noexcept nogil:
    cdef double[PANEL] lanes
    cdef Py_ssize_t i, j
    for j in range(PANEL):
        lanes[j] = 0.0
    for i in range(n_panels):
        for j in range(PANEL):
            lanes[j] += x[PANEL * i + j]
    return fold_lanes(lanes)
