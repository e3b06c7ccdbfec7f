# A pass over dense rows for models of several columns, whose loss takes all columns at once.
#
# A few blocks of rows go through the loss together, so that the weights are read, and the partial
# gradients written, once for all of them. What the scores have become is kept until then: a number
# for each row and column, or a bit. Columns are taken as many at a time as keep their weights in
# the first-level cache while the blocks go by.

from libc.string cimport memset

from lsgd_fast._core.block cimport (block_t, decode_block, labels_t, loss_function_t, start_block)
from lsgd_fast._core.dense cimport backward_group, forward_group
from lsgd_fast._core.leaves cimport end_leaf, start_leaf
from lsgd_fast._core.multi_loss cimport (add_scores, multi_loss_rows, rescale,
                                         row_gradients_address, row_gradients_of_group,
                                         scores_address)
from lsgd_fast._core.pass_types cimport (BLOCK, MULTI_BLOCKS, PANEL, first_row, group_width,
                                         pass_t)
from lsgd_fast._core.simd cimport inlined, prefetch, real, vec
from lsgd_fast._core.types cimport FLOAT32, matrix_t

cdef enum:
    CACHED_WEIGHTS = 2048       # doubles that stay in the first-level cache


# How many columns are taken at a time.
cdef inline Py_ssize_t columns_at_once(Py_ssize_t d) noexcept nogil:
    return max(<Py_ssize_t> 4, CACHED_WEIGHTS // d // 4 * 4)


# Ask memory for a group of packed columns, if there is one.
cdef inline inlined prefetch_columns(const double* packed, Py_ssize_t column, Py_ssize_t C,
                                     Py_ssize_t k, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j = column * d
    if column + C <= k:
        while j < (column + C) * d:
            prefetch(packed + j)
            j += 8


# In what follows `b` are a few blocks of p.split.height rows, of which the last may have fewer.
# `scores` has memory for k columns of each block, `sums` for one, `z` for four columns of one
# block.

# From the weights to the scores of all blocks, and their sums.
cdef inline inlined multi_forward(const pass_t* p, const block_t* b, const real* panels,
                                  double* scores, double* sums, vec* z) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d, k = p.k, n_panels = b.n_panels
    cdef Py_ssize_t of_block = p.split.height // PANEL, width = columns_at_once(d)
    cdef Py_ssize_t first = 0, last, column, block, C, q
    cdef double* own            # scores of one block
    while first < k:
        last = min(first + width, k)
        for block in range((n_panels - 1) // of_block + 1):
            q = min(of_block, n_panels - block * of_block)
            own = scores + block * k * BLOCK
            column = first
            while column < last:
                C = group_width(column, k)
                if block == 0:
                    prefetch_columns(p.weights, column + width, C, k, d)
                forward_group(panels + block * of_block * stride, stride, p.weights + column * d, d,
                              scores_address(p, column, own, z), q, C)
                add_scores(p, column, C, own, <vec*> (sums + block * BLOCK), z, q)
                column += C
        first = last


# Where a block raises the scale of the leaf, rescale the partial gradients and the blocks before
# it.
cdef inline inlined multi_losses(const pass_t* p, const block_t* b, double* scores, double* sums,
                                 vec* z, loss_function_t general_loss) noexcept nogil:
    cdef Py_ssize_t k = p.k, of_block = p.split.height // PANEL, block
    cdef double factor
    cdef block_t one = b[0]
    for block in range((b.n_panels - 1) // of_block + 1):
        one.y = b.y + block * p.split.height
        one.weight = b.weight + block * p.split.height
        one.row = b.row + block * p.split.height
        one.n_rows = min(p.split.height, b.n_rows - block * p.split.height)
        one.n_panels = min(of_block, b.n_panels - block * of_block)
        multi_loss_rows(p, &one, scores + block * k * BLOCK, <vec*> (sums + block * BLOCK), z,
                        &factor, general_loss)
        if factor != 1.0 and p.gradient:
            rescale(scores, block * k * BLOCK, factor)
            if b.row != b.leaf_row:
                rescale(b.partial, k * p.rows.X.d, factor)


# From the row gradients of all blocks to the partial gradients.
cdef inline inlined multi_backward(const pass_t* p, const block_t* b, const real* panels,
                                   const double* scores, const double* sums,
                                   vec* z) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d, k = p.k, n_panels = b.n_panels
    cdef Py_ssize_t of_block = p.split.height // PANEL, width = columns_at_once(d)
    cdef Py_ssize_t first = 0, last, column, block, C, q
    cdef double* partial = b.partial
    cdef const double* own
    while first < k:
        last = min(first + width, k)
        if b.row == b.leaf_row:
            memset(partial + first * d, 0, (last - first) * d * sizeof(double))
        for block in range((n_panels - 1) // of_block + 1):
            q = min(of_block, n_panels - block * of_block)
            own = scores + block * k * BLOCK
            column = first
            while column < last:
                C = group_width(column, k)
                if block == 0:
                    prefetch_columns(partial, column + width, C, k, d)
                row_gradients_of_group(p, column, C, own, <const vec*> (sums + block * BLOCK), z, q)
                backward_group(panels + block * of_block * stride, stride,
                               row_gradients_address[vec](p, column, own, z), d,
                               partial + column * d, q, C)
                column += C
        first = last


cdef inline inlined multi_blocks(const pass_t* p, const block_t* b, const real* panels,
                                 double* scores, vec* z,
                                 loss_function_t general_loss) noexcept nogil:
    cdef double[MULTI_BLOCKS * BLOCK] sums
    memset(sums, 0, sizeof(sums))
    multi_forward(p, b, panels, scores, sums, z)
    multi_losses(p, b, scores, sums, z, general_loss)
    if p.gradient:
        multi_backward(p, b, panels, scores, sums, z)


# As dense_leaves, for a model of several columns.
cdef inline inlined multi_leaves(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* memory,
                                 vec* z, loss_function_t general_loss) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef Py_ssize_t height = p.blocks_at_once * p.split.height, leaf, row, end
    cdef block_t b
    cdef labels_t copies
    cdef const double* panels
    cdef double* scores = memory if X.panels != NULL else memory + height * X.d
    for leaf in range(first, last):
        row = first_row(&p.split, X.n, leaf)
        end = first_row(&p.split, X.n, leaf + 1)
        start_leaf(p, leaf, row, memory, &b)
        while row < end:
            start_block(p, row, min(height, end - row), &copies, &b, z)
            if X.panels == NULL:
                decode_block(p, &b, memory, z)
            if X.panels != NULL and X.element == FLOAT32:
                multi_blocks[float, vec](p, &b, <const float*> X.panels + row * X.d, scores, z,
                                         general_loss)
            else:
                panels = <const double*> X.panels + row * X.d if X.panels != NULL else memory
                multi_blocks[double, vec](p, &b, panels, scores, z, general_loss)
            row += height
        end_leaf(p, leaf, memory, &b)
