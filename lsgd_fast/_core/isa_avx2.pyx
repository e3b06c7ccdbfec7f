"""The functions of a pass for one instruction set: AVX2, vectors of four lanes."""

from lsgd_fast._core.block cimport block_t, column_sums_t, loss_function_t
from lsgd_fast._core.dense cimport dense_leaves, reads_in_place
from lsgd_fast._core.isa cimport reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.multi cimport multi_leaves
from lsgd_fast._core.pass_types cimport BLOCK, is_multi, is_separating, pass_t
from lsgd_fast._core.simd cimport avx2_target, v4
from lsgd_fast._core.small_batch cimport is_small_batch, small_batch_pass
from lsgd_fast._core.sparse cimport sparse_leaves


# Kinds of losses, rows and models are functions of their own: the compiler does better on smaller
# ones.
cdef avx2_target separating_loss_avx2(const pass_t* p, const block_t* b, Py_ssize_t column,
                                      double* scores, const column_sums_t* sums) noexcept nogil:
    general_loss_rows(p, b, column, scores, sums, True)


cdef avx2_target loss_avx2(const pass_t* p, const block_t* b, Py_ssize_t column, double* scores,
                           const column_sums_t* sums) noexcept nogil:
    if is_separating(&p.loss):
        separating_loss_avx2(p, b, column, scores, sums)
    else:
        general_loss_rows(p, b, column, scores, sums, False)


cdef avx2_target panels_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                             double* memory) noexcept nogil:
    cdef v4[BLOCK] z
    dense_leaves(p, first, last, memory, z, <loss_function_t> loss_avx2, False)


cdef avx2_target in_place_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                               double* memory) noexcept nogil:
    cdef v4[BLOCK] z
    dense_leaves(p, first, last, memory, z, <loss_function_t> loss_avx2, True)


cdef avx2_target small_batch_avx2(const pass_t* p, double* memory) noexcept nogil:
    cdef v4[BLOCK] z
    small_batch_pass(p, memory, z)


cdef avx2_target multi_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                            double* memory) noexcept nogil:
    cdef v4[BLOCK] z
    multi_leaves(p, first, last, memory, z, <loss_function_t> loss_avx2)


cdef avx2_target sparse_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                             double* memory) noexcept nogil:
    cdef v4[BLOCK] z
    sparse_leaves(p, first, last, memory, z, <loss_function_t> loss_avx2)


cdef avx2_target leaves_avx2(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                             double* memory) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_avx2(p, first, last, memory)
    elif is_multi(p.model):
        multi_avx2(p, first, last, memory)
    elif is_small_batch(p):
        small_batch_avx2(p, memory)
    elif reads_in_place(p):
        in_place_avx2(p, first, last, memory)
    else:
        panels_avx2(p, first, last, memory)


cdef avx2_target reduce_avx2(const pass_t* p, Py_ssize_t slab, Py_ssize_t first,
                             Py_ssize_t last, double* gradient) noexcept nogil:
    reduce_body[v4](p, slab, first, last, gradient, <const v4*> NULL)


bodies.leaves = leaves_avx2
bodies.slab = reduce_avx2
