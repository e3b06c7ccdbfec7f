"""The bodies of a pass in vectors of two lanes: what every processor has."""

from lsgd_fast._core.isa cimport chunks_body, reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.pass_types cimport BLOCK, pass_t, log_sums_t, tally_t
from lsgd_fast._core.simd cimport v2


cdef void loss_baseline(const pass_t* p, Py_ssize_t column, const double* y,
                         const double* weight, double* z, Py_ssize_t height, tally_t* tally,
                         log_sums_t* log_sums, double* sums, Py_ssize_t stride,
                         Py_ssize_t n_sums) noexcept nogil:
    general_loss_rows(p, column, y, weight, z, height, tally, log_sums, sums, stride, n_sums)


cdef void chunks_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                          double row_work, double* tile) noexcept nogil:
    cdef v2[2 * BLOCK] z
    chunks_body[v2](p, first, last, row_work, tile, z, loss_baseline)


cdef void slots_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                         double* gradient) noexcept nogil:
    reduce_body[v2](p, first, last, gradient, <const v2*> NULL)


bodies.chunks = chunks_baseline
bodies.partial_gradients = slots_baseline
