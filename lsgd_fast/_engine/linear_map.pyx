"""The rows of a problem as a linear map: scores X w, and weighted means of the rows, X^T g."""

from lsgd_fast._core.scaling cimport enter_column, leave_absolute_column, leave_column
from lsgd_fast._core.pass_types cimport ROW_GRADIENTS_GIVEN, SCORES_ONLY, pass_t, totals_t
from lsgd_fast._core.layout cimport (feature_order, lay_out_pass, pack_columns, pass_size,
                                     unpack_columns)
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.exchange cimport Exchange
from lsgd_fast._engine.polled_pass cimport run_polled_pass

from lsgd_fast._engine.dataset import aligned_empty


cdef class LinearMap:
    """Products with the rows of a problem and with their transpose; each reads X once.

    The memory of both is allocated once.

    Parameters
    ----------
    rows : Rows
        The rows, with their weights, and `center` and `scale` if there are such.
    k : int
        Number of columns of weights.
    n_threads : int
        Number of threads.
    exchange : Exchange or None
        With the other ranks, where the rows are those of one of several.
    """

    cdef Rows rows
    cdef Exchange exchange
    cdef rows_t unpacked            # the rows, without panels: their passes have tiles
    cdef pass_t forward_pass, backward_pass, absolute_pass
    cdef double[::1] memory
    cdef double* columns            # (k, d) packed: weights of the forward pass, gradients back
    cdef double* intercepts         # (k,)
    cdef int n_threads

    def __cinit__(self, Rows rows, Py_ssize_t k, int n_threads, Exchange exchange=None):
        cdef Py_ssize_t d = rows.view.X.d, size
        self.rows, self.n_threads, self.exchange = rows, n_threads, exchange
        self.unpacked = rows.view
        self.unpacked.X.panels = NULL
        size = k * (d + 1) + pass_size(ROW_GRADIENTS_GIVEN, &self.unpacked, k, n_threads)
        self.memory = aligned_empty(size)
        self.columns = &self.memory[0]
        self.intercepts = self.columns + k * d
        # They never run at the same time, so that they share their memory: the forward pass writes
        # to tiles alone, the others to partial gradients as well. The absolute pass has tiles even
        # where there are panels, and so needs most.
        lay_out_pass(&self.forward_pass, SCORES_ONLY, &rows.view, k, n_threads,
                     self.intercepts + k)
        lay_out_pass(&self.backward_pass, ROW_GRADIENTS_GIVEN, &rows.view, k, n_threads,
                     self.intercepts + k)
        lay_out_pass(&self.absolute_pass, ROW_GRADIENTS_GIVEN, &self.unpacked, k, n_threads,
                     self.intercepts + k)
        self.forward_pass.gradient = False
        self.forward_pass.weights = self.columns
        self.backward_pass.gradient = True
        self.absolute_pass.gradient = self.absolute_pass.absolute = True
        self.absolute_pass.rows = &rows.view
        if exchange is not None:
            exchange.lay_out(&self.backward_pass)
            self.absolute_pass.gathered = self.backward_pass.gathered

    def matvec(self, const double[::1] w, double[:, ::1] scores):
        """Write ``scores[c, i] = x_i . w_c + b_c`` for each column c and row i.

        Parameters
        ----------
        w : ndarray of shape (d * k,), or ((d + 1) * k,) with intercepts
            Weights of shape (d, k) or (d + 1, k), in C order.
        scores : ndarray of shape (k, n rounded up to a multiple of 8)
            Output.
        """
        cdef pass_t* p = &self.forward_pass
        cdef Py_ssize_t d = p.rows.X.d, c, i
        p.scores = &scores[0, 0]
        with nogil:
            pack_columns(&w[0], d, p.k, feature_order(p.rows), self.columns)
            for c in range(p.k):
                self.intercepts[c] = w[d * p.k + c] if p.rows.fit_intercept else 0.0
                enter_column(p.rows, c, p.k, self.columns, self.intercepts)
        run_polled_pass(p, NULL, self.n_threads)
        if p.rows.fit_intercept or p.rows.scale != NULL:
            with nogil:
                for c in range(p.k):
                    for i in range(scores.shape[1]):
                        scores[c, i] += self.intercepts[c]

    def rmatvec(self, double[:, ::1] row_gradients, double[::1] gradient):
        """Write ``sum_i row_gradients[c, i] * x_i / total_weight`` for each column c.

        The entry of an intercept is that of a feature that is 1 in all rows.

        Parameters
        ----------
        row_gradients : ndarray of shape (k, n rounded up to a multiple of 8)
            Weight of each row times the derivative of its loss by its score; 0 past the last row.
        gradient : ndarray of shape (d * k,), or ((d + 1) * k,) with intercepts
            Output, of shape (d, k) or (d + 1, k) in C order.
        """
        self.combine(&self.backward_pass, row_gradients, gradient)

    def sizes(self, double[:, ::1] row_sizes, double[::1] sizes):
        """Write ``sum_i row_sizes[c, i] * |x_i| / total_weight`` for each column c.

        The arguments are those of `rmatvec`, but row sizes are not negative.
        """
        self.combine(&self.absolute_pass, row_sizes, sizes)

    cdef combine(self, pass_t* p, double[:, ::1] row_gradients, double[::1] gradient):
        cdef Py_ssize_t d = p.rows.X.d, c
        cdef totals_t totals
        p.row_gradients = &row_gradients[0, 0]
        run_polled_pass(p, self.columns, self.n_threads, self.exchange)
        with nogil:
            if p.rows.fit_intercept or p.rows.scale != NULL:
                for c in range(p.k):
                    sum_tallies(p, c, &totals)
                    if p.absolute:
                        leave_absolute_column(p.rows, c, p.k, totals.slope, self.columns)
                    else:
                        leave_column(p.rows, c, p.k, totals.slope, self.columns)
                    if p.rows.fit_intercept:
                        gradient[d * p.k + c] = totals.slope
            unpack_columns(self.columns, d, p.k, feature_order(p.rows), &gradient[0])
