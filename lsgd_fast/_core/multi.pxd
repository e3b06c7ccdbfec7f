# The row pass of models of several columns: stripes of blocks, and chunks of these.

from libc.string cimport memset

from lsgd_fast._core.dense cimport backward_group, clear_log_sums, fill_panel, forward_group
from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.multi_loss cimport (add_scores, find_row_gradients, multi_loss_rows,
                                         row_gradients_address, scores_address, rescale)
from lsgd_fast._core.pass_types cimport (BLOCK, PANEL, MULTI_BLOCKS, group_width, loss_function_t, pass_t,
                                         log_sums_t, tally_t)
from lsgd_fast._core.types cimport FLOAT32, matrix_t, rows_t
from lsgd_fast._core.simd cimport inlined, prefetch, real, v2, v4, vec
from lsgd_fast._core.loss cimport clear_tallies, n_tallies, log_sums_of


# Ask memory for a group of packed columns, if there is one.
cdef inline inlined prefetch_columns(const double* packed, Py_ssize_t column, Py_ssize_t C,
                                     Py_ssize_t k, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j = column * d
    if column + C <= k:
        while j < (column + C) * d:
            prefetch(packed + j)
            j += 8


# A few blocks of rows, a *stripe*, are linked together, so that the weights are read and the partial is
# written once for all of them.  What the columns' scores have become is kept until then: a number
# for each row and column, or a bit.  Columns are taken as many at a time as keep their weights in
# the first-level cache while the blocks go by.  `kept` is room for p.blocks_at_once blocks of k columns, `z`
# for one of four.  Where a block raises the scale of the chunk, the partial and the blocks before it
# are rescaled.
cdef inline inlined multi_blocks_pass(const pass_t* p, const real* panels, const double* y,
                                 const double* weight, Py_ssize_t n_panels, bint is_first,
                                 double* partial, tally_t* tallies, log_sums_t* log_sums, double* kept,
                                 vec* z, loss_function_t general) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d, k = p.k
    cdef Py_ssize_t height = p.height, of_block = height // PANEL
    cdef Py_ssize_t n_blocks = (n_panels - 1) // of_block + 1
    cdef Py_ssize_t width = max(<Py_ssize_t> 4, 2048 // d // 4 * 4), C, q
    cdef Py_ssize_t first = 0, last, column, block
    cdef const real* at
    cdef double* room
    cdef vec* of_rows
    cdef double factor
    cdef double[MULTI_BLOCKS * BLOCK] sums
    memset(sums, 0, sizeof(sums))
    while first < k:
        last = min(first + width, k)
        for block in range(n_blocks):
            q = min(of_block, n_panels - block * of_block)
            at = panels + block * of_block * stride
            room = kept + block * k * BLOCK
            of_rows = <vec*> (sums + block * BLOCK)
            column = first
            while column < last:
                C = group_width(column, k)
                if block == 0:
                    prefetch_columns(p.weights, column + width, C, k, d)
                forward_group(at, stride, p.weights + column * d, d,
                              scores_address(p, column, room, z), q, C)
                add_scores(p, column, C, room, of_rows, z, q)
                column += C
        first = last
    for block in range(n_blocks):
        q = min(of_block, n_panels - block * of_block)
        multi_loss_rows(p, y + block * height, weight + block * height, kept + block * k * BLOCK,
                   <vec*> (sums + block * BLOCK), z, q, tallies, log_sums, &factor, general)
        if factor != 1.0 and p.gradient:
            rescale(kept, block * k * BLOCK, factor)
            if not is_first:
                rescale(partial, k * d, factor)
    first = 0
    while first < k and p.gradient:
        last = min(first + width, k)
        if is_first:
            memset(partial + first * d, 0, (last - first) * d * sizeof(double))
        for block in range(n_blocks):
            q = min(of_block, n_panels - block * of_block)
            at = panels + block * of_block * stride
            room = kept + block * k * BLOCK
            of_rows = <vec*> (sums + block * BLOCK)
            column = first
            while column < last:
                C = group_width(column, k)
                if block == 0:
                    prefetch_columns(partial, column + width, C, k, d)
                find_row_gradients(p, column, C, room, of_rows, z, q)
                backward_group(at, stride, row_gradients_address[vec](p, column, room, z), d,
                               partial + column * d, q, C)
                column += C
        first = last


# The same as `chunks` for a model of several columns.
cdef inline inlined multi_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* tile,
                                 vec* z, loss_function_t general) noexcept nogil:
    cdef const rows_t* rows = p.rows
    cdef const matrix_t* X = &rows.X
    cdef Py_ssize_t height = p.height, blocks = (X.n - 1) // height + 1
    cdef Py_ssize_t chunk, block, first_block, end, q, row, n_rows, n_panels
    cdef double* partial = NULL
    cdef tally_t* tallies
    cdef log_sums_t* log_sums = NULL
    cdef const double* y
    cdef const double* weight
    cdef double[MULTI_BLOCKS * BLOCK] last_y        # of a stripe that ends within a panel
    cdef double[MULTI_BLOCKS * BLOCK] last_weight
    cdef const double* panels
    cdef double* kept = tile if X.panels != NULL else tile + p.blocks_at_once * height * X.d
    for chunk in range(first, last):
        partial = p.partial_gradients + chunk * p.k * X.d
        tallies = p.tallies + chunk * n_tallies(p)
        clear_tallies(tallies, n_tallies(p))
        if p.log_sums != NULL:
            log_sums = log_sums_of(p, chunk, 0)
            clear_log_sums(log_sums, 1)
        first_block = block = chunk * blocks // p.n_chunks
        end = (chunk + 1) * blocks // p.n_chunks
        while block < end:
            row = block * height
            n_rows = min(min(p.blocks_at_once, end - block) * height, X.n - row)
            n_panels = (n_rows - 1) // PANEL + 1
            y = rows.y + row
            weight = rows.weight + row
            if n_rows < PANEL * n_panels:
                fill_panel(y, weight, n_rows, n_panels, last_y, last_weight)
                y = last_y
                weight = last_weight
            if X.panels == NULL:
                for q in range(n_panels):
                    if vec is v2:
                        decode_panel(X, NULL, row + PANEL * q, <v2*> (tile + q * PANEL * X.d))
                    else:
                        decode_panel(X, NULL, row + PANEL * q, <v4*> (tile + q * PANEL * X.d))
            if X.panels != NULL and X.element == FLOAT32:
                multi_blocks_pass[float, vec](p, <const float*> X.panels + row * X.d, y, weight,
                                         n_panels, block == first_block, partial, tallies, log_sums,
                                         kept, z, general)
            else:
                panels = <const double*> X.panels + row * X.d if X.panels != NULL else tile
                multi_blocks_pass[double, vec](p, panels, y, weight, n_panels, block == first_block,
                                          partial, tallies, log_sums, kept, z, general)
            block += p.blocks_at_once
