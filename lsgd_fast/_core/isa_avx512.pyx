"""The bodies of a pass in vectors of eight lanes: AVX-512."""

from lsgd_fast._core.block cimport block_t, column_sums_t, loss_function_t
from lsgd_fast._core.isa cimport chunks_body, reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.pass_types cimport BLOCK, pass_t
from lsgd_fast._core.simd cimport avx512_target, v8


cdef avx512_target loss_avx512(const pass_t* p, const block_t* b, Py_ssize_t column, double* scores,
                               const column_sums_t* sums) noexcept nogil:
    general_loss_rows(p, b, column, <v8*> scores, sums)


cdef avx512_target chunks_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                 double row_work, double* tile) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    chunks_body[v8](p, first, last, row_work, tile, z, <loss_function_t> loss_avx512)


cdef avx512_target reduce_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                double* gradient) noexcept nogil:
    reduce_body[v8](p, first, last, gradient, <const v8*> NULL)


bodies.chunks = chunks_avx512
bodies.partial_gradients = reduce_avx512
