"""The functions of a pass for one instruction set: AVX-512, vectors of eight lanes."""

from lsgd_fast._core.block cimport block_t, column_sums_t, loss_function_t
from lsgd_fast._core.dense cimport dense_leaves, reads_in_place
from lsgd_fast._core.isa cimport reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.multi cimport multi_leaves
from lsgd_fast._core.pass_types cimport BLOCK, is_multi, is_separating, pass_t
from lsgd_fast._core.simd cimport avx512_target, v8
from lsgd_fast._core.small_batch cimport is_small_batch, small_batch_pass
from lsgd_fast._core.sparse cimport sparse_leaves


# Kinds of losses, rows and models are functions of their own: the compiler does better on smaller
# ones.
cdef avx512_target separating_loss_avx512(const pass_t* p, const block_t* b, Py_ssize_t column,
                                          double* scores, const column_sums_t* sums) noexcept nogil:
    general_loss_rows(p, b, column, scores, sums, True)


cdef avx512_target loss_avx512(const pass_t* p, const block_t* b, Py_ssize_t column, double* scores,
                               const column_sums_t* sums) noexcept nogil:
    if is_separating(&p.loss):
        separating_loss_avx512(p, b, column, scores, sums)
    else:
        general_loss_rows(p, b, column, scores, sums, False)


cdef avx512_target panels_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                 double* memory) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    dense_leaves(p, first, last, memory, z, <loss_function_t> loss_avx512, False)


cdef avx512_target in_place_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                   double* memory) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    dense_leaves(p, first, last, memory, z, <loss_function_t> loss_avx512, True)


cdef avx512_target small_batch_avx512(const pass_t* p, double* memory) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    small_batch_pass(p, memory, z)


cdef avx512_target multi_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                double* memory) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    multi_leaves(p, first, last, memory, z, <loss_function_t> loss_avx512)


cdef avx512_target sparse_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                 double* memory) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    sparse_leaves(p, first, last, memory, z, <loss_function_t> loss_avx512)


cdef avx512_target leaves_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                 double* memory) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_avx512(p, first, last, memory)
    elif is_multi(p.model):
        multi_avx512(p, first, last, memory)
    elif is_small_batch(p):
        small_batch_avx512(p, memory)
    elif reads_in_place(p):
        in_place_avx512(p, first, last, memory)
    else:
        panels_avx512(p, first, last, memory)


cdef avx512_target reduce_avx512(const pass_t* p, Py_ssize_t slab, Py_ssize_t first,
                                 Py_ssize_t last, double* gradient) noexcept nogil:
    reduce_body[v8](p, slab, first, last, gradient, <const v8*> NULL)


bodies.leaves = leaves_avx512
bodies.slab = reduce_avx512
