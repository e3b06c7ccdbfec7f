# A row pass, block by block and chunk by chunk.  For a block of rows, while it is hot: forward,
# link, backward.  See kernel.pyx for the design.

from libc.math cimport INFINITY
from libc.stdint cimport int8_t, uint8_t
from libc.string cimport memcpy, memset

from lsgd_fast._core.load cimport (decode_panel, find_rows, has_plain_rows, prefetch_ordered,
                                   prefetch_rows, short_rows)
from lsgd_fast._core.dense_inplace cimport backward_rows, forward_rows
from lsgd_fast._core.types cimport (BFLOAT16, FLOAT16, FLOAT32, INT8, UINT8, element_t, matrix_t,
                                    rows_t)
from lsgd_fast._core.pass_types cimport (BLOCK, ROW_GRADIENTS_GIVEN, INDEPENDENT, LOGISTIC_LOSS, PANEL, group_width,
                                         loss_function_t, padded_rows, pass_t, log_sums_t, tally_t)
from lsgd_fast._core.simd cimport bfloat16, float16, inlined, real, v2, v4, v8, vec
from lsgd_fast._core.loss cimport clear_tallies, logistic_loss_rows
from lsgd_fast._core.small_batch cimport gather_labels, is_thin, thin_pass
from lsgd_fast._core.dense_tiles cimport backward, forward


# Rows of float64 and float32 in place are read as fast as memory gives them by vectors of four lanes
# at most; those of fewer bytes take all lanes.
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


# Between forward and backward: C columns of scores of a block, in z, become row_gradients.
# `general` is the link of other losses than the logistic, and of log_sums columns: where the scale of
# one rises, its `n_sums` sums of the chunk so far, C apart from `sums` on, are log_sums anew.
cdef inline inlined loss_columns(const pass_t* p, Py_ssize_t column, Py_ssize_t C, const double* y,
                                 const double* weight, Py_ssize_t row, Py_ssize_t n_panels,
                                 tally_t* tallies, log_sums_t* log_sums, double* sums,
                                 Py_ssize_t n_sums, vec* z, loss_function_t general) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t padded = padded_rows(p.rows.X.n)
    cdef Py_ssize_t size = PANEL * n_panels * sizeof(double), c
    cdef double* of_rows            # the entries of this block and column among those of all rows
    for c in range(C):
        of_rows = (<double*> z) + c * BLOCK
        if p.scores != NULL:
            memcpy(p.scores + (column + c) * padded + row, of_rows, size)
        if p.model == INDEPENDENT:
            if (p.loss.kind == LOGISTIC_LOSS
                    and (p.in_log_domain == NULL or not p.in_log_domain[column + c])):
                logistic_loss_rows(y, weight, p.intercepts[column + c], z + c * (BLOCK // width),
                              n_panels, tallies + column + c)
            else:
                general(p, column + c, y, weight, of_rows, PANEL * n_panels, tallies + column + c,
                        log_sums + column + c, sums + c if sums != NULL else NULL, C, n_sums)
            if p.row_gradients != NULL:
                memcpy(p.row_gradients + (column + c) * padded + row, of_rows, size)
        elif p.model == ROW_GRADIENTS_GIVEN:
            memcpy(of_rows, p.row_gradients + (column + c) * padded + row, size)


# What the chunk of k columns is log_sums by, before its first row.
cdef inline void clear_log_sums(log_sums_t* log_sums, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t i
    memset(log_sums, 0, k * sizeof(log_sums_t))
    for i in range(k):
        log_sums[i].scale = -INFINITY


# y and weight of a block that ends within a panel: the rows missing from it weigh nothing.
cdef inline void fill_panel(const double* y, const double* weight, Py_ssize_t n_rows,
                            Py_ssize_t n_panels, double* whole_y,
                            double* whole_weight) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(PANEL * n_panels):
        whole_y[i] = y[i] if i < n_rows else 1.0
        whole_weight[i] = weight[i] if i < n_rows else 0.0


# Products of a group of C columns with up to four panels.
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


# Gradient of a group of C columns from up to four panels.
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


# All columns on one block of panels, or the one column on `rows` in place; the other of the two is
# NULL.  `z` is room for four columns of margins.
cdef inline inlined block_columns(const pass_t* p, const real* panels, const real** rows,
                                  const double* y, const double* weight, Py_ssize_t row,
                                  Py_ssize_t n_panels, double* partial, tally_t* tallies,
                                  log_sums_t* log_sums, vec* z, loss_function_t general) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d
    cdef Py_ssize_t height = PANEL * n_panels
    cdef Py_ssize_t column = 0, C, q
    # in place: bytes to the same row of the next block, unless that was prefetched as a whole
    cdef Py_ssize_t ahead = height * p.rows.X.row_stride
    cdef Py_ssize_t lead
    cdef const double* w
    cdef double* g
    if p.order != NULL or short_rows(&p.rows.X, height):
        ahead = 0
    lead = ahead if p.model == ROW_GRADIENTS_GIVEN else 0
    while column < p.k:
        C = group_width(column, p.k)
        w = p.weights + column * d
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
        loss_columns(p, column, C, y, weight, row, n_panels, tallies, log_sums,
                     partial + column * d if p.gradient else NULL, d, z, general)
        if p.gradient:
            g = partial + column * d
            if rows != NULL and n_panels == 1:
                backward_in_place(rows, z, d, g, PANEL, ahead, lead)
            elif rows != NULL:
                backward_in_place(rows, z, d, g, height, ahead, lead)
            else:
                backward_group(panels, stride, z, d, g, n_panels, C)
        column += C


# The one column on rows in place, of whatever type.
cdef inline inlined block_in_place(const pass_t* p, const char** rows, const double* y,
                                   const double* weight, Py_ssize_t row, Py_ssize_t n_panels,
                                   double* partial, tally_t* tallies, log_sums_t* log_sums, vec* z,
                                   loss_function_t general) noexcept nogil:
    cdef element_t element = p.rows.X.element
    if element == FLOAT32:
        block_columns[float, vec](p, NULL, <const float**> rows, y, weight, row, n_panels, partial,
                                  tallies, log_sums, z, general)
    elif element == FLOAT16:
        block_columns[float16, vec](p, NULL, <const float16**> rows, y, weight, row, n_panels, partial,
                                    tallies, log_sums, z, general)
    elif element == BFLOAT16:
        block_columns[bfloat16, vec](p, NULL, <const bfloat16**> rows, y, weight, row, n_panels, partial,
                                     tallies, log_sums, z, general)
    elif element == UINT8:
        block_columns[uint8_t, vec](p, NULL, <const uint8_t**> rows, y, weight, row, n_panels, partial,
                                    tallies, log_sums, z, general)
    elif element == INT8:
        block_columns[int8_t, vec](p, NULL, <const int8_t**> rows, y, weight, row, n_panels, partial,
                                   tallies, log_sums, z, general)
    else:
        block_columns[double, vec](p, NULL, <const double**> rows, y, weight, row, n_panels, partial,
                                   tallies, log_sums, z, general)


# Chunks first .. last - 1 of a pass: partial_gradients and tallies.
cdef inline inlined chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* tile,
                           vec* z, loss_function_t general) noexcept nogil:
    cdef const rows_t* rows = p.rows
    cdef const matrix_t* X = &rows.X
    cdef Py_ssize_t height = p.height, blocks = (X.n - 1) // height + 1
    cdef Py_ssize_t chunk, block, q, row, n_rows, n_panels
    cdef double* partial = NULL
    cdef tally_t* tallies = NULL
    cdef log_sums_t* log_sums = NULL
    cdef const double* y
    cdef const double* weight
    cdef double[BLOCK] last_y        # of a block that ends within a panel, or is in an order
    cdef double[BLOCK] last_weight
    cdef const double* panels
    cdef const char* rows_at[BLOCK]
    # two columns and more pay for a tile, and short rows are mostly tails of features
    cdef bint in_place = X.panels == NULL and p.k == 1 and X.d >= 8 and has_plain_rows(X)
    if is_thin(p):
        thin_pass(p, tile, z)
        return
    for chunk in range(first, last):
        if p.gradient:
            partial = p.partial_gradients + chunk * p.k * X.d
            memset(partial, 0, p.k * X.d * sizeof(double))
        if p.model == INDEPENDENT:
            tallies = p.tallies + chunk * p.k
            clear_tallies(tallies, p.k)
        if p.log_sums != NULL:
            log_sums = p.log_sums + chunk * p.k
            clear_log_sums(log_sums, p.k)
        for block in range(chunk * blocks // p.n_chunks, (chunk + 1) * blocks // p.n_chunks):
            row = block * height
            n_rows = min(height, X.n - row)
            n_panels = (n_rows - 1) // PANEL + 1
            y = rows.y + row
            weight = rows.weight + row
            if p.order != NULL:
                gather_labels(rows, p.order + row, n_rows, n_panels, last_y, last_weight)
                y = last_y
                weight = last_weight
            elif n_rows < PANEL * n_panels:
                fill_panel(y, weight, n_rows, n_panels, last_y, last_weight)
                y = last_y
                weight = last_weight
            if in_place:
                find_rows(X, p.order, row, PANEL * n_panels, rows_at)
            elif X.panels == NULL:
                for q in range(n_panels):
                    if vec is v2:
                        decode_panel(X, p.order, row + PANEL * q, <v2*> (tile + q * PANEL * X.d))
                    else:
                        decode_panel(X, p.order, row + PANEL * q, <v4*> (tile + q * PANEL * X.d))
            if p.order != NULL:
                prefetch_ordered(X, p.order, row + height, height)
            elif X.panels == NULL:
                prefetch_rows(X, row + height, height)
            if in_place:
                block_in_place(p, rows_at, y, weight, row, n_panels, partial, tallies, log_sums, z,
                               general)
            elif X.panels != NULL and X.element == FLOAT32:
                block_columns[float, vec](p, <const float*> X.panels + row * X.d, NULL, y, weight,
                                          row, n_panels, partial, tallies, log_sums, z, general)
            else:
                panels = <const double*> X.panels + row * X.d if X.panels != NULL else tile
                block_columns[double, vec](p, panels, NULL, y, weight, row, n_panels, partial,
                                           tallies, log_sums, z, general)
