# A row pass, block by block and chunk by chunk.  For a block of rows, while it is hot: forward,
# link, backward.  See kernel.pyx for the design.

from libc.math cimport INFINITY
from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

from .decode cimport decode_panel, find_rows, has_plain_rows, prefetch_rows, short_rows
from .inplace cimport backward_rows, forward_rows
from .joint cimport (add_kinked_units, add_smooth_units, kinked_multipliers, network_link,
                     smooth_multipliers, softmax_link)
from .kernel cimport (BLOCK, FLOAT32, GIVEN, LOGISTIC, NETWORK, PANEL, PIECEWISE_LINEAR, STRIPE,
                      matrix_t, pass_t, rows_t, tally_t)
from .lanes cimport inlined, prefetch, real, v2, v4, v8, vec
from .link cimport logistic_link
from .tiles cimport backward, forward


# Columns of the group that starts at `column`.
cdef inline Py_ssize_t group_width(Py_ssize_t column, Py_ssize_t k) noexcept nogil:
    return 4 if column + 4 <= k else 1


# Rows in place are read as fast as memory gives them by vectors of four lanes at most.
cdef inline inlined forward_in_place(const real** rows, const double* w, Py_ssize_t d, vec* z,
                                     Py_ssize_t P, Py_ssize_t ahead) noexcept nogil:
    if vec is v2:
        forward_rows(rows, w, d, <v2*> z, P, ahead)
    else:
        forward_rows(rows, w, d, <v4*> z, P, ahead)


cdef inline inlined backward_in_place(const real** rows, const vec* z, Py_ssize_t d, double* g,
                                      Py_ssize_t height, Py_ssize_t ahead) noexcept nogil:
    if vec is v2:
        backward_rows(rows, <const v2*> z, d, g, height, ahead)
    else:
        backward_rows(rows, <const v4*> z, d, g, height, ahead)


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
                                  Py_ssize_t n_panels, double* slot, tally_t* tallies,
                                  vec* z) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d
    cdef Py_ssize_t height = PANEL * n_panels, padded = PANEL * ((p.rows.X.n - 1) // PANEL + 1)
    cdef Py_ssize_t size = height * sizeof(double)
    cdef Py_ssize_t column = 0, C, q, c
    # in place: bytes to the same row of the next block, unless that was prefetched as a whole
    cdef Py_ssize_t ahead = 0 if short_rows(&p.rows.X, height) else height * p.rows.X.row_stride
    cdef const double* w
    cdef double* g
    cdef double* of_rows            # the entries of this block and column among those of all rows
    while column < p.k:
        C = group_width(column, p.k)
        w = p.weights + column * d
        if p.link == GIVEN:
            pass
        elif rows != NULL:
            for q in range(0, n_panels - 1, 2):
                forward_in_place(rows + q * PANEL, w, d, z + q * (PANEL // width), 2, ahead)
            if n_panels & 1:
                q = n_panels - 1
                forward_in_place(rows + q * PANEL, w, d, z + q * (PANEL // width), 1, ahead)
        else:
            forward_group(panels, stride, w, d, z, n_panels, C)
        for c in range(C):
            of_rows = (<double*> z) + c * BLOCK
            if p.products != NULL:
                memcpy(p.products + (column + c) * padded + row, of_rows, size)
            if p.link == LOGISTIC:
                logistic_link(y, weight, p.intercepts[column + c], z + c * (BLOCK // width),
                              n_panels, tallies + column + c)
                if p.multipliers != NULL:
                    memcpy(p.multipliers + (column + c) * padded + row, of_rows, size)
            elif p.link == GIVEN:
                memcpy(of_rows, p.multipliers + (column + c) * padded + row, size)
        if p.gradient:
            g = slot + column * d
            if rows != NULL and n_panels == 1:
                backward_in_place(rows, z, d, g, PANEL, ahead)
            elif rows != NULL:
                backward_in_place(rows, z, d, g, height, ahead)
            else:
                backward_group(panels, stride, z, d, g, n_panels, C)
        column += C


# Tallies of nothing.
cdef inline void clear_tallies(tally_t* tallies, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i, q
    memset(tallies, 0, count * sizeof(tally_t))
    for i in range(count):
        tallies[i].shift = INFINITY
        for q in range(PANEL):
            tallies[i].min_margin[q] = INFINITY


# Chunks first .. last - 1 of a pass: slots and tallies.
cdef inline inlined chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* tile,
                           vec* z) noexcept nogil:
    cdef const rows_t* rows = p.rows
    cdef const matrix_t* X = &rows.X
    cdef Py_ssize_t height = p.height, blocks = (X.n - 1) // height + 1
    cdef Py_ssize_t chunk, block, i, q, row, n_rows, n_panels
    cdef double* slot = NULL
    cdef tally_t* tallies = NULL
    cdef const double* y
    cdef const double* weight
    cdef double[BLOCK] last_y        # of a block that ends within a panel
    cdef double[BLOCK] last_weight
    cdef const double* panels
    cdef const char* rows_at[BLOCK]
    # two columns and more pay for a tile, and short rows are mostly tails of features
    cdef bint in_place = X.panels == NULL and p.k == 1 and X.d >= 8 and has_plain_rows(X)
    for chunk in range(first, last):
        if p.gradient:
            slot = p.slots + chunk * p.k * X.d
            memset(slot, 0, p.k * X.d * sizeof(double))
        if p.link == LOGISTIC:
            tallies = p.tallies + chunk * p.k
            clear_tallies(tallies, p.k)
        for block in range(chunk * blocks // p.n_chunks, (chunk + 1) * blocks // p.n_chunks):
            row = block * height
            n_rows = min(height, X.n - row)
            n_panels = (n_rows - 1) // PANEL + 1
            y = rows.y + row
            weight = rows.weight + row
            if n_rows < PANEL * n_panels:       # the rows missing from a panel weigh nothing
                for i in range(PANEL * n_panels):
                    last_y[i] = y[i] if i < n_rows else 1.0
                    last_weight[i] = weight[i] if i < n_rows else 0.0
                y = last_y
                weight = last_weight
            if in_place:
                find_rows(X, row, PANEL * n_panels, rows_at)
            elif X.panels == NULL:
                for q in range(n_panels):
                    if vec is v2:
                        decode_panel(X, row + PANEL * q, <v2*> (tile + q * PANEL * X.d))
                    else:
                        decode_panel(X, row + PANEL * q, <v4*> (tile + q * PANEL * X.d))
            if X.panels == NULL:
                prefetch_rows(X, row + height, height)
            if in_place and X.element == FLOAT32:
                block_columns[float, vec](p, NULL, <const float**> rows_at, y, weight, row,
                                          n_panels, slot, tallies, z)
            elif in_place:
                block_columns[double, vec](p, NULL, <const double**> rows_at, y, weight, row,
                                           n_panels, slot, tallies, z)
            elif X.panels != NULL and X.element == FLOAT32:
                block_columns[float, vec](p, <const float*> X.panels + row * X.d, NULL, y, weight,
                                          row, n_panels, slot, tallies, z)
            else:
                panels = <const double*> X.panels + row * X.d if X.panels != NULL else tile
                block_columns[double, vec](p, panels, NULL, y, weight, row, n_panels, slot,
                                           tallies, z)


# --- models of several columns --------------------------------------------------------------------

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
# for one of four.
cdef inline inlined joint_stripe(const pass_t* p, const real* panels, const double* y,
                                 const double* weight, Py_ssize_t n_panels, bint is_first,
                                 double* slot, tally_t* tallies, double* kept,
                                 vec* z) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, stride = PANEL * d, k = p.k
    cdef Py_ssize_t height = p.height, of_block = height // PANEL
    cdef Py_ssize_t n_blocks = (n_panels - 1) // of_block + 1
    cdef Py_ssize_t width = max(<Py_ssize_t> 4, 2048 // d // 4 * 4), C, q
    cdef Py_ssize_t first = 0, last, column, block, place
    cdef bint kinked = p.link == NETWORK and p.activation == PIECEWISE_LINEAR
    cdef uint32_t* left = <uint32_t*> kept
    cdef vec* found
    cdef double[STRIPE * BLOCK] sums
    memset(sums, 0, sizeof(sums))
    while first < k:
        last = min(first + width, k)
        for block in range(n_blocks):
            q = min(of_block, n_panels - block * of_block)
            column = first
            while column < last:
                C = group_width(column, k)
                place = block * k + column
                found = z if kinked else <vec*> (kept + place * BLOCK)
                if block == 0:
                    prefetch_columns(p.weights, column + width, C, k, d)
                forward_group(panels + block * of_block * stride, stride, p.weights + column * d, d,
                              found, q, C)
                if kinked and q == 4:           # the usual number, known to the compiler
                    add_kinked_units(p.slope, column, C, z, <vec*> (sums + block * BLOCK), 4,
                                     left + place)
                elif kinked:
                    add_kinked_units(p.slope, column, C, z, <vec*> (sums + block * BLOCK), q,
                                     left + place)
                elif p.link == NETWORK:
                    add_smooth_units(column, C, <double*> found, sums + block * BLOCK, q)
                column += C
        first = last
    for block in range(n_blocks):
        q = min(of_block, n_panels - block * of_block)
        if p.link == NETWORK:
            network_link(p, y + block * height, weight + block * height,
                         <vec*> (sums + block * BLOCK), q, tallies)
        else:
            softmax_link(p, y + block * height, weight + block * height, kept + block * k * BLOCK,
                         z, q, tallies)
    first = 0
    while first < k and p.gradient:
        last = min(first + width, k)
        if is_first:
            memset(slot + first * d, 0, (last - first) * d * sizeof(double))
        for block in range(n_blocks):
            q = min(of_block, n_panels - block * of_block)
            column = first
            while column < last:
                C = group_width(column, k)
                place = block * k + column
                found = <vec*> (kept + place * BLOCK)
                if block == 0:
                    prefetch_columns(slot, column + width, C, k, d)
                if kinked and q == 4:
                    kinked_multipliers(p.slope, column, C, left + place,
                                       <const vec*> (sums + block * BLOCK), z, 4)
                    found = z
                elif kinked:
                    kinked_multipliers(p.slope, column, C, left + place,
                                       <const vec*> (sums + block * BLOCK), z, q)
                    found = z
                elif p.link == NETWORK:
                    smooth_multipliers(column, C, <const double*> found, sums + block * BLOCK,
                                       <double*> z, q)
                    found = z
                backward_group(panels + block * of_block * stride, stride, found, d,
                               slot + column * d, q, C)
                column += C
        first = last


# The same as `chunks` for a model of several columns.
cdef inline inlined joint_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double* tile,
                                 vec* z) noexcept nogil:
    cdef const rows_t* rows = p.rows
    cdef const matrix_t* X = &rows.X
    cdef Py_ssize_t height = p.height, blocks = (X.n - 1) // height + 1
    cdef Py_ssize_t chunk, block, first_block, end, i, q, row, n_rows, n_panels
    cdef double* slot = NULL
    cdef tally_t* tallies
    cdef const double* y
    cdef const double* weight
    cdef double[STRIPE * BLOCK] last_y        # of a stripe that ends within a panel
    cdef double[STRIPE * BLOCK] last_weight
    cdef const double* panels
    cdef double* kept = tile if X.panels != NULL else tile + p.stripe * height * X.d
    for chunk in range(first, last):
        slot = p.slots + chunk * p.k * X.d
        tallies = p.tallies + (chunk if p.link == NETWORK else chunk * p.k)
        clear_tallies(tallies, 1 if p.link == NETWORK else p.k)
        first_block = block = chunk * blocks // p.n_chunks
        end = (chunk + 1) * blocks // p.n_chunks
        while block < end:
            row = block * height
            n_rows = min(min(p.stripe, end - block) * height, X.n - row)
            n_panels = (n_rows - 1) // PANEL + 1
            y = rows.y + row
            weight = rows.weight + row
            if n_rows < PANEL * n_panels:       # the rows missing from a panel weigh nothing
                for i in range(PANEL * n_panels):
                    last_y[i] = y[i] if i < n_rows else 1.0
                    last_weight[i] = weight[i] if i < n_rows else 0.0
                y = last_y
                weight = last_weight
            if X.panels == NULL:
                for q in range(n_panels):
                    if vec is v2:
                        decode_panel(X, row + PANEL * q, <v2*> (tile + q * PANEL * X.d))
                    else:
                        decode_panel(X, row + PANEL * q, <v4*> (tile + q * PANEL * X.d))
            if X.panels != NULL and X.element == FLOAT32:
                joint_stripe[float, vec](p, <const float*> X.panels + row * X.d, y, weight,
                                         n_panels, block == first_block, slot, tallies, kept, z)
            else:
                panels = <const double*> X.panels + row * X.d if X.panels != NULL else tile
                joint_stripe[double, vec](p, panels, y, weight, n_panels, block == first_block,
                                          slot, tallies, kept, z)
            block += p.stripe
