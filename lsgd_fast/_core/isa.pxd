# What is compiled for each instruction set: a pass over chunks of rows of any kind, and the gradient.

from lsgd_fast._core.block cimport loss_function_t
from lsgd_fast._core.dense cimport dense_chunks
from lsgd_fast._core.multi cimport multi_chunks
from lsgd_fast._core.pass_types cimport is_multi, pass_t
from lsgd_fast._core.reduce cimport sum_partial_gradients
from lsgd_fast._core.simd cimport inlined, vec
from lsgd_fast._core.sparse cimport sparse_chunks, sparse_sums


# `z` has memory for the scores of a block and four columns, `tile` for p.thread_memory doubles;
# `row_work` see first_block.
cdef inline inlined chunks_body(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double row_work,
                                double* tile, vec* z, loss_function_t general_loss) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_chunks(p, first, last, row_work, tile, z, general_loss)
    elif is_multi(p.model):
        multi_chunks(p, first, last, tile, z, general_loss)
    else:
        dense_chunks(p, first, last, tile, z, general_loss)


# Entries first .. last - 1 of the packed gradient; `z` only names the type of the vectors.
cdef inline inlined reduce_body(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                double* gradient, const vec* z) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_sums(p, first // p.k, last // p.k, gradient, z)
    else:
        sum_partial_gradients(p, first, last, gradient)
