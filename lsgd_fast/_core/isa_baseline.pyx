"""The bodies of a pass in vectors of two lanes: what every processor has."""

from lsgd_fast._core.block cimport block_t, column_sums_t
from lsgd_fast._core.isa cimport chunks_body, reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.pass_types cimport BLOCK, pass_t
from lsgd_fast._core.simd cimport v2


cdef void loss_baseline(const pass_t* p, const block_t* b, Py_ssize_t column, double* scores,
                        const column_sums_t* sums) noexcept nogil:
    general_loss_rows(p, b, column, <v2*> scores, sums)


cdef void chunks_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                          double row_work, double* tile) noexcept nogil:
    cdef v2[2 * BLOCK] z
    chunks_body[v2](p, first, last, row_work, tile, z, loss_baseline)


cdef void reduce_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                         double* gradient) noexcept nogil:
    reduce_body[v2](p, first, last, gradient, <const v2*> NULL)


bodies.chunks = chunks_baseline
bodies.partial_gradients = reduce_baseline
