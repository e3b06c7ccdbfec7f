# The row pass of models of several columns: stripes of blocks, and chunks of these.

from libc.string cimport memset

from lsgd_fast._core.dense cimport backward_group, clear_scaled, fill_panel, forward_group
from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.multi_loss cimport (add_products, find_multipliers, joint_link,
                                         multipliers_place, products_place, rescale)
from lsgd_fast._core.pass_types cimport (BLOCK, PANEL, STRIPE, group_width, links_t, pass_t,
                                         scaled_t, tally_t)
from lsgd_fast._core.types cimport FLOAT32, matrix_t, rows_t
from lsgd_fast._core.simd cimport inlined, prefetch, real, v2, v4, vec
from lsgd_fast._core.loss cimport clear_tallies, n_tallies, scaled_of


# Ask memory for a group of packed columns, if there is one.
cdef inline inlined prefetch_columns(const double* packed, Py_ssize_t column, Py_ssize_t C,
                                     Py_ssize_t k, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j = column * d
    if column + C <= k:
        while j < (column + C) * d:
            prefetch(packed + j)
            j += 8


# A few blocks of rows, a *stripe*, are linked together, so that the weights are read and the slot is
# written once for all of them.  What the columns' products have become is kept until then: a number
# for each row and column, or a bit.  Columns are taken as many at a time as keep their weights in
# the first-level cache while the blocks go by.  `kept` is room for p.stripe blocks of k columns, `z`
# for one of four.  Where a block raises the scale of the chunk, the slot and the blocks before it
# are rescaled.
cdef inline inlined joint_stripe(const pass_t* p, const real* panels, const double* y,
                                 const double* weight, Py_ssize_t n_panels, bint is_first,
                                 double* slot, tally_t* tallies, scaled_t* scaled, double* kept,
                                 vec* z, links_t general) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d, k = p.k
    cdef Py_ssize_t height = p.height, of_block = height // PANEL
    cdef Py_ssize_t n_blocks = (n_panels - 1) // of_block + 1
    cdef Py_ssize_t width = max(<Py_ssize_t> 4, 2048 // d // 4 * 4), C, q
    cdef Py_ssize_t first = 0, last, column, block
    cdef const real* at
    cdef double* room
    cdef vec* of_rows
    cdef double factor
    cdef double[STRIPE * BLOCK] sums
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
                              products_place(p, column, room, z), q, C)
                add_products(p, column, C, room, of_rows, z, q)
                column += C
        first = last
    for block in range(n_blocks):
        q = min(of_block, n_panels - block * of_block)
        joint_link(p, y + block * height, weight + block * height, kept + block * k * BLOCK,
                   <vec*> (sums + block * BLOCK), z, q, tallies, scaled, &factor, general)
        if factor != 1.0 and p.gradient:
            rescale(kept, block * k * BLOCK, factor)
            if not is_first:
                rescale(slot, k * d, factor)
    first = 0
    while first < k and p.gradient:
        last = min(first + width, k)
        if is_first:
            memset(slot + first * d, 0, (last - first) * d * sizeof(double))
        for block in range(n_blocks):
            q = min(of_block, n_panels - block * of_block)
            at = panels + block * of_block * stride
            room = kept + block * k * BLOCK
            of_rows = <vec*> (sums + block * BLOCK)
            column = first
            while column < last:
                C = group_width(column, k)
                if block == 0:
                    prefetch_columns(slot, column + width, C, k, d)
                find_multipliers(p, column, C, room, of_rows, z, q)
                backward_group(at, stride, multipliers_place[vec](p, column, room, z), d,
                               slot + column * d, q, C)
                column += C
        first = last


# The same as `chunks` for a model of several columns.
cdef inline inlined joint_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* tile,
                                 vec* z, links_t general) noexcept nogil:
    cdef const rows_t* rows = p.rows
    cdef const matrix_t* X = &rows.X
    cdef Py_ssize_t height = p.height, blocks = (X.n - 1) // height + 1
    cdef Py_ssize_t chunk, block, first_block, end, q, row, n_rows, n_panels
    cdef double* slot = NULL
    cdef tally_t* tallies
    cdef scaled_t* scaled = NULL
    cdef const double* y
    cdef const double* weight
    cdef double[STRIPE * BLOCK] last_y        # of a stripe that ends within a panel
    cdef double[STRIPE * BLOCK] last_weight
    cdef const double* panels
    cdef double* kept = tile if X.panels != NULL else tile + p.stripe * height * X.d
    for chunk in range(first, last):
        slot = p.slots + chunk * p.k * X.d
        tallies = p.tallies + chunk * n_tallies(p)
        clear_tallies(tallies, n_tallies(p))
        if p.scaled != NULL:
            scaled = scaled_of(p, chunk, 0)
            clear_scaled(scaled, 1)
        first_block = block = chunk * blocks // p.n_chunks
        end = (chunk + 1) * blocks // p.n_chunks
        while block < end:
            row = block * height
            n_rows = min(min(p.stripe, end - block) * height, X.n - row)
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
                joint_stripe[float, vec](p, <const float*> X.panels + row * X.d, y, weight,
                                         n_panels, block == first_block, slot, tallies, scaled,
                                         kept, z, general)
            else:
                panels = <const double*> X.panels + row * X.d if X.panels != NULL else tile
                joint_stripe[double, vec](p, panels, y, weight, n_panels, block == first_block,
                                          slot, tallies, scaled, kept, z, general)
            block += p.stripe
