"""The bodies of a pass in vectors of four lanes: AVX2."""

from lsgd_fast._core.isa cimport chunks_body, reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.pass_types cimport BLOCK, loss_function_t, pass_t, log_sums_t, tally_t
from lsgd_fast._core.simd cimport avx2_target, v4


cdef avx2_target loss_avx2(const pass_t* p, Py_ssize_t column, const double* y,
                            const double* weight, double* z, Py_ssize_t height, tally_t* tally,
                            log_sums_t* log_sums, double* sums, Py_ssize_t stride,
                            Py_ssize_t n_sums) noexcept nogil:
    general_loss_rows(p, column, y, weight, z, height, tally, log_sums, sums, stride, n_sums)


cdef avx2_target chunks_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                             double row_work, double* tile) noexcept nogil:
    cdef v4[BLOCK] z
    chunks_body[v4](p, first, last, row_work, tile, z, <loss_function_t> loss_avx2)


cdef avx2_target slots_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                            double* gradient) noexcept nogil:
    reduce_body[v4](p, first, last, gradient, <const v4*> NULL)


bodies.chunks = chunks_avx2
bodies.partial_gradients = slots_avx2
