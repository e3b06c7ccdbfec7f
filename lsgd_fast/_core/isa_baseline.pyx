"""The functions of a pass for one instruction set: the baseline, vectors of two lanes."""

from lsgd_fast._core.block cimport block_t, column_sums_t, loss_function_t
from lsgd_fast._core.dense cimport dense_leaves, reads_in_place
from lsgd_fast._core.isa cimport reduce_body
from lsgd_fast._core.loss_general cimport general_loss_rows
from lsgd_fast._core.multi cimport multi_leaves
from lsgd_fast._core.pass_types cimport BLOCK, is_multi, is_separating, pass_t
from lsgd_fast._core.simd cimport baseline_target, v2
from lsgd_fast._core.small_batch cimport is_small_batch, small_batch_pass
from lsgd_fast._core.sparse cimport sparse_leaves


# Kinds of losses, rows and models are functions of their own: the compiler does better on smaller
# ones.
cdef baseline_target separating_loss_baseline(const pass_t* p, const block_t* b, Py_ssize_t column,
                                              double* scores,
                                              const column_sums_t* sums) noexcept nogil:
    general_loss_rows(p, b, column, scores, sums, True)


cdef baseline_target loss_baseline(const pass_t* p, const block_t* b, Py_ssize_t column,
                                   double* scores, const column_sums_t* sums) noexcept nogil:
    if is_separating(&p.loss):
        separating_loss_baseline(p, b, column, scores, sums)
    else:
        general_loss_rows(p, b, column, scores, sums, False)


cdef baseline_target panels_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                     double* memory) noexcept nogil:
    cdef v2[2 * BLOCK] z
    dense_leaves(p, first, last, memory, z, <loss_function_t> loss_baseline, False)


cdef baseline_target in_place_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                       double* memory) noexcept nogil:
    cdef v2[2 * BLOCK] z
    dense_leaves(p, first, last, memory, z, <loss_function_t> loss_baseline, True)


cdef baseline_target small_batch_baseline(const pass_t* p, double* memory) noexcept nogil:
    cdef v2[2 * BLOCK] z
    small_batch_pass(p, memory, z)


cdef baseline_target multi_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                    double* memory) noexcept nogil:
    cdef v2[2 * BLOCK] z
    multi_leaves(p, first, last, memory, z, <loss_function_t> loss_baseline)


cdef baseline_target sparse_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                     double* memory) noexcept nogil:
    cdef v2[2 * BLOCK] z
    sparse_leaves(p, first, last, memory, z, <loss_function_t> loss_baseline)


cdef baseline_target leaves_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                     double* memory) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_baseline(p, first, last, memory)
    elif is_multi(p.model):
        multi_baseline(p, first, last, memory)
    elif is_small_batch(p):
        small_batch_baseline(p, memory)
    elif reads_in_place(p):
        in_place_baseline(p, first, last, memory)
    else:
        panels_baseline(p, first, last, memory)


cdef baseline_target reduce_baseline(const pass_t* p, Py_ssize_t slab, Py_ssize_t first,
                                     Py_ssize_t last, double* gradient) noexcept nogil:
    reduce_body[v2](p, slab, first, last, gradient, <const v2*> NULL)


bodies.leaves = leaves_baseline
bodies.slab = reduce_baseline
