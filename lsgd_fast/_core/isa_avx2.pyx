"""The bodies of a pass in vectors of four lanes: AVX2."""

from lsgd_fast._core.block cimport block_t, column_sums_t, loss_function_t
from lsgd_fast._core.isa cimport chunks_body, reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.pass_types cimport BLOCK, pass_t
from lsgd_fast._core.simd cimport avx2_target, v4


cdef avx2_target loss_avx2(const pass_t* p, const block_t* b, Py_ssize_t column, double* scores,
                           const column_sums_t* sums) noexcept nogil:
    general_loss_rows(p, b, column, <v4*> scores, sums)


cdef avx2_target chunks_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                             double row_work, double* tile) noexcept nogil:
    cdef v4[BLOCK] z
    chunks_body[v4](p, first, last, row_work, tile, z, <loss_function_t> loss_avx2)


cdef avx2_target reduce_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                            double* gradient) noexcept nogil:
    reduce_body[v4](p, first, last, gradient, <const v4*> NULL)


bodies.chunks = chunks_avx2
bodies.partial_gradients = reduce_avx2
