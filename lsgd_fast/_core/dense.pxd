# A pass over dense rows: for each block, while it is hot, forward, loss and backward.
#
# rowpass.pyx describes the design.

from libc.stdint cimport int8_t, uint8_t
from libc.string cimport memcpy, memset

from lsgd_fast._core.block cimport (add_offsets, block_t, column_sums_t, decode_block, labels_t,
                                    loss_function_t, start_block)
from lsgd_fast._core.dense_inplace cimport backward_rows, forward_rows, prefetch_left_out
from lsgd_fast._core.dense_tiles cimport backward, forward
from lsgd_fast._core.leaves cimport end_leaf, start_leaf
from lsgd_fast._core.load cimport (find_rows, has_plain_rows, prefetch_ordered, prefetch_rows,
                                   short_rows)
from lsgd_fast._core.loss cimport add_lanes, logistic_loss_rows
from lsgd_fast._core.pass_types cimport (BLOCK, INDEPENDENT, LOGISTIC_LOSS, PANEL,
                                         ROW_GRADIENTS_GIVEN, first_row, group_width,
                                         has_separation_margin, padded_rows, pass_t)
from lsgd_fast._core.simd cimport bfloat16, float16, inlined, real, v2, v4, v8, vec
from lsgd_fast._core.types cimport BFLOAT16, FLOAT16, FLOAT32, INT8, UINT8, element_t, matrix_t


# Rows of float64 and float32 in place are read as fast as memory gives them by vectors of four
# lanes at most; those of fewer bytes take all lanes.
cdef inline inlined forward_in_place(const real** rows, const double* w, Py_ssize_t d, vec* z,
                                     Py_ssize_t P, Py_ssize_t ahead) noexcept nogil:
    if vec is v8 and (real is double or real is float):
        forward_rows(rows, w, d, <v4*> z, P, ahead)
    else:
        forward_rows(rows, w, d, z, P, ahead)


cdef inline inlined backward_in_place(const real** rows, const vec* z, Py_ssize_t d, double* g,
                                      Py_ssize_t height, Py_ssize_t ahead,
                                      Py_ssize_t lead) noexcept nogil:
    if vec is v8 and (real is double or real is float):
        backward_rows(rows, <const v4*> z, d, g, height, ahead, lead)
    else:
        backward_rows(rows, z, d, g, height, ahead, lead)


# Between forward and backward: turn C columns of scores of a block, in z, into row gradients.
# `partial` is what the leaf has summed of these columns so far, `count` entries each, C apart.
cdef inline inlined loss_columns(const pass_t* p, const block_t* b, Py_ssize_t column, Py_ssize_t C,
                                 double* partial, Py_ssize_t count, vec* z,
                                 loss_function_t general_loss) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double), n_panels = b.n_panels
    cdef Py_ssize_t size = PANEL * n_panels * sizeof(double), c
    # the block's first row in arrays of all rows, column by column
    cdef Py_ssize_t padded = padded_rows(p.rows.X.n), offset = column * padded + b.row
    cdef column_sums_t sums
    cdef double* scores
    for c in range(C):
        scores = (<double*> z) + c * BLOCK
        if p.scores != NULL:
            memcpy(p.scores + offset + c * padded, scores, size)
        if p.model == INDEPENDENT:
            add_offsets(p, b, scores)
            if (p.loss.kind == LOGISTIC_LOSS
                    and (p.in_log_domain == NULL or not p.in_log_domain[column + c])):
                logistic_loss_rows(b.y, b.weight, p.intercepts[column + c],
                                   z + c * (BLOCK // width), n_panels, b.tallies + column + c)
            else:
                sums.first = partial + c if partial != NULL else NULL
                sums.stride = C
                sums.count = count if partial != NULL else 0
                general_loss(p, b, column + c, scores, &sums)
            if p.row_gradients != NULL:
                memcpy(p.row_gradients + offset + c * padded, scores, size)
        elif p.model == ROW_GRADIENTS_GIVEN:
            memcpy(scores, p.row_gradients + offset + c * padded, size)
            add_lanes(<const vec*> scores, n_panels, b.tallies[column + c].slope)


# The panels first .. end - 1 of a block outside of which all row gradients of C columns are zero.
# Those of a loss with a separation margin are, for good, of all rows that are far enough: leaving
# them out leaves out terms of +-0, and partial gradients, which start from 0, are never -0.
cdef inline void active_panels(const double* s, Py_ssize_t n_panels, Py_ssize_t C,
                               Py_ssize_t* first, Py_ssize_t* end) noexcept nogil:
    cdef Py_ssize_t q, c, i
    cdef bint active
    first[0] = end[0] = 0
    for q in range(n_panels):
        active = False
        for c in range(C):
            for i in range(PANEL):
                active |= s[c * BLOCK + q * PANEL + i] != 0.0       # also for NaN
        if active and end[0] == 0:
            first[0] = q
        if active:
            end[0] = q + 1


# The scores of up to four panels, for a group of C columns.
cdef inline inlined forward_group(const real* panels, Py_ssize_t stride, const double* w,
                                  Py_ssize_t d, vec* z, Py_ssize_t n_panels,
                                  Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec), q
    if vec is v8 and C == 4 and n_panels == 4:
        forward(panels, stride, w, d, z, 4, 4)
    elif C == 4:
        for q in range(n_panels):
            forward(panels + q * stride, stride, w, d, z + q * V, 1, 4)
    elif vec is not v2 and n_panels == 4:
        forward(panels, stride, w, d, z, 4, 1)
    elif n_panels == 4:             # half the width: half the panels fit the registers
        forward(panels, stride, w, d, z, 2, 1)
        forward(panels + 2 * stride, stride, w, d, z + 2 * V, 2, 1)
    else:
        for q in range(n_panels):
            forward(panels + q * stride, stride, w, d, z + q * V, 1, 1)


# The same for their gradient.
cdef inline inlined backward_group(const real* panels, Py_ssize_t stride, const vec* z,
                                   Py_ssize_t d, double* g, Py_ssize_t n_panels,
                                   Py_ssize_t C) noexcept nogil:
    if C == 4 and n_panels == 4:
        backward(panels, stride, z, d, g, 4, 4)
    elif C == 4:
        backward(panels, stride, z, d, g, n_panels, 4)
    elif n_panels == 4:
        backward(panels, stride, z, d, g, 4, 1)
    elif n_panels == 1:
        backward(panels, stride, z, d, g, 1, 1)
    else:
        backward(panels, stride, z, d, g, n_panels, 1)


# Forward, loss and backward of a block: of all columns on panels, or of one column on `rows` in
# place; the other of the two is NULL. `z` has memory for four columns of scores.
cdef inline inlined block_columns(const pass_t* p, const block_t* b, const real* panels,
                                  const real** rows, vec* z,
                                  loss_function_t general_loss) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d, n_panels = b.n_panels
    cdef Py_ssize_t height = PANEL * n_panels
    cdef Py_ssize_t column = 0, C, q, end
    # in place: bytes to the same row of the next block, unless that was prefetched as a whole
    cdef Py_ssize_t ahead = height * p.rows.X.row_stride
    cdef Py_ssize_t lead
    cdef const double* w
    cdef const vec* s
    cdef double* g
    if p.order != NULL or short_rows(&p.rows.X, height):
        ahead = 0
    lead = ahead if p.model == ROW_GRADIENTS_GIVEN else 0
    while column < p.k:
        C = group_width(column, p.k)
        w = p.weights + column * d
        g = b.partial + column * d if p.gradient else NULL
        if p.model == ROW_GRADIENTS_GIVEN:
            pass
        elif rows != NULL:
            for q in range(0, n_panels - 1, 2):
                forward_in_place(rows + q * PANEL, w, d, z + q * (PANEL // width), 2, ahead)
            if n_panels & 1:
                q = n_panels - 1
                forward_in_place(rows + q * PANEL, w, d, z + q * (PANEL // width), 1, ahead)
        else:
            forward_group(panels, stride, w, d, z, n_panels, C)
        loss_columns(p, b, column, C, g, d, z, general_loss)
        q, end = 0, n_panels
        if has_separation_margin(&p.loss):
            active_panels(<const double*> z, n_panels, C, &q, &end)
            if rows != NULL and p.gradient:
                prefetch_left_out(rows, d, q, ahead)
                prefetch_left_out(rows + end * PANEL, d, n_panels - end, ahead)
        s = z + q * (PANEL // width)
        if p.gradient and q < end:
            if rows != NULL and end - q == 1:
                backward_in_place(rows + q * PANEL, s, d, g, PANEL, ahead, lead)
            elif rows != NULL:
                backward_in_place(rows + q * PANEL, s, d, g, PANEL * (end - q), ahead, lead)
            else:
                backward_group(panels + q * stride, stride, s, d, g, end - q, C)
        column += C


# The same for one column on rows in place, whose elements are of any type that vectors load.
cdef inline inlined block_in_place(const pass_t* p, const block_t* b, const char** rows,
                                   vec* z, loss_function_t general_loss) noexcept nogil:
    cdef element_t element = p.rows.X.element
    if element == FLOAT32:
        block_columns[float, vec](p, b, NULL, <const float**> rows, z, general_loss)
    elif element == FLOAT16:
        block_columns[float16, vec](p, b, NULL, <const float16**> rows, z, general_loss)
    elif element == BFLOAT16:
        block_columns[bfloat16, vec](p, b, NULL, <const bfloat16**> rows, z, general_loss)
    elif element == UINT8:
        block_columns[uint8_t, vec](p, b, NULL, <const uint8_t**> rows, z, general_loss)
    elif element == INT8:
        block_columns[int8_t, vec](p, b, NULL, <const int8_t**> rows, z, general_loss)
    else:
        block_columns[double, vec](p, b, NULL, <const double**> rows, z, general_loss)


# Whether rows are read where they lie, without a tile: two columns and more pay for one, and short
# rows are mostly tails of features.
cdef inline bint reads_in_place(const pass_t* p) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    return (X.panels == NULL and p.k == 1 and X.d >= 8 and has_plain_rows(X)
            and not p.absolute)


# Leaves first .. last - 1 of a pass: their partial gradients and tallies. A thread decodes rows to
# its `memory` where they are neither packed nor read in place. `in_place` is a constant.
cdef inline inlined dense_leaves(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* memory,
                                 vec* z, loss_function_t general_loss,
                                 bint in_place) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef Py_ssize_t height = p.split.height, leaf, row, end
    cdef bint in_tile = not in_place and (X.panels == NULL or p.absolute)
    cdef block_t b
    cdef labels_t copies
    cdef const double* panels
    cdef const char* rows_at[BLOCK]
    for leaf in range(first, last):
        row = first_row(&p.split, X.n, leaf)
        end = first_row(&p.split, X.n, leaf + 1)
        start_leaf(p, leaf, row, memory, &b)
        if p.gradient:
            memset(b.partial, 0, p.k * X.d * sizeof(double))
        while row < end:
            start_block(p, row, min(height, end - row), &copies, &b, z)
            if in_place:
                find_rows(X, p.order, row, PANEL * b.n_panels, rows_at)
            elif in_tile:
                decode_block(p, &b, memory, z)
            if p.order != NULL:
                prefetch_ordered(X, p.order, row + height, height)
            else:
                prefetch_rows(X, row + height, height)
            if in_place:
                block_in_place(p, &b, rows_at, z, general_loss)
            elif X.element == FLOAT32 and not in_tile:
                block_columns[float, vec](p, &b, <const float*> X.panels + row * X.d, NULL, z,
                                          general_loss)
            else:
                panels = memory if in_tile else <const double*> X.panels + row * X.d
                block_columns[double, vec](p, &b, panels, NULL, z, general_loss)
            row += height
        end_leaf(p, leaf, memory, &b)
