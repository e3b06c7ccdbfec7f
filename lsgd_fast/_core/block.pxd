# A block of rows on its way through a pass, and how every driver starts one.

from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.pass_types cimport (BLOCK, MULTI_BLOCKS, PANEL, log_sums_t, padded_rows,
                                         pass_t, tally_t)
from lsgd_fast._core.simd cimport inlined, load, minimum, narrow, real, v2, v4, vec
from lsgd_fast._core.types cimport FLOAT32, matrix_t, rows_t


# What a leaf has summed of one column's row gradients so far: first[0], first[stride], ...
cdef struct column_sums_t:
    double* first
    Py_ssize_t stride
    Py_ssize_t count

cdef struct block_t

# general_loss_rows (loss_general.pxd), compiled for one instruction set. It goes from function to
# function as an argument: through a pointer in memory the compiler could not see that it keeps no
# pointer to the scores, and would read them anew after every store.
ctypedef void (*loss_function_t)(const pass_t* p, const block_t* b, Py_ssize_t column,
                                 double* scores, const column_sums_t* sums) noexcept nogil

# Some rows of a leaf: a block, or the few blocks that a model of several columns takes at once.
cdef struct block_t:
    # what the leaf sums, of all columns
    Py_ssize_t leaf_row             # the first row of the leaf
    Py_ssize_t chunk, level         # where its sums go
    double* partial                 # its partial gradients, or NULL
    tally_t* tallies                # NULL where there is no loss
    log_sums_t* log_sums            # NULL where no column is in the log domain
    # the rows
    Py_ssize_t row                  # the first one
    Py_ssize_t n_rows
    Py_ssize_t n_panels             # panels, the last of which may miss some rows
    const double* y                 # of whole panels: missing rows have weight 0
    const double* weight

# Memory for y and weight where they are not read in place.
cdef struct labels_t:
    double[MULTI_BLOCKS * BLOCK] y
    double[MULTI_BLOCKS * BLOCK] weight


# y and weight of a row.
cdef inline double label_of(const rows_t* rows, Py_ssize_t row) noexcept nogil:
    return rows.y[row] if rows.y != NULL else rows.labels[row]


cdef inline double weight_of(const rows_t* rows, Py_ssize_t row) noexcept nogil:
    return rows.weight[row] if rows.weight != NULL else rows.row_weight


# Add the offsets of the rows of a block to one column of their scores, which come first.
cdef inline inlined add_offsets(const pass_t* p, const block_t* b, double* scores) noexcept nogil:
    cdef const double* offset = p.rows.offset
    cdef Py_ssize_t i
    if offset == NULL:
        return
    for i in range(b.n_rows):
        scores[i] += offset[b.row + i if p.order == NULL else p.order[b.row + i]]


# y and weight of n_rows rows from `row` on, in the given order if there is one, up to whole panels.
cdef inline inlined copy_labels(const pass_t* p, Py_ssize_t row, Py_ssize_t n_rows,
                                Py_ssize_t n_panels, double* y, double* weight) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n_rows):
        y[i] = label_of(p.rows, row + i if p.order == NULL else p.order[row + i])
        weight[i] = weight_of(p.rows, row + i if p.order == NULL else p.order[row + i])
    for i in range(n_rows, PANEL * n_panels):
        y[i] = 1.0
        weight[i] = 0.0


# Set last_y and last_weight, where a last block that misses some rows of its last panel reads them
# in every pass.
cdef inline inlined keep_last_labels(pass_t* p) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, size = min(padded_rows(n), <Py_ssize_t> MULTI_BLOCKS * BLOCK)
    cdef Py_ssize_t row = padded_rows(n) - size, offset = MULTI_BLOCKS * BLOCK - size
    copy_labels(p, row, n - row, size // PANEL, p.last_y + offset, p.last_weight + offset)


# Go on to n_rows rows of the leaf from `row` on; no block is larger than the first one of its leaf.
# `copies` is for what is not read where it lies, `z` only names the type of the vectors.
cdef inline inlined start_block(const pass_t* p, Py_ssize_t row, Py_ssize_t n_rows,
                                labels_t* copies, block_t* b, const vec* z) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double), i = 0
    b.row = row
    b.n_rows = n_rows
    b.n_panels = (n_rows - 1) // PANEL + 1
    b.y = copies.y
    b.weight = copies.weight
    if p.order != NULL:
        copy_labels(p, row, n_rows, b.n_panels, copies.y, copies.weight)
        return
    if n_rows < PANEL * b.n_panels:
        b.y = p.last_y + (MULTI_BLOCKS * BLOCK - PANEL * b.n_panels)
        b.weight = p.last_weight + (MULTI_BLOCKS * BLOCK - PANEL * b.n_panels)
        return
    if p.rows.y != NULL:
        b.y = p.rows.y + row
    else:
        while i < PANEL * b.n_panels:
            load(p.rows.labels + row + i, <vec*> (copies.y + i))
            i += width
    if p.rows.weight != NULL:
        b.weight = p.rows.weight + row
    elif row == b.leaf_row:             # further blocks of the leaf find them there
        for i in range(PANEL * b.n_panels):
            copies.weight[i] = p.rows.row_weight


# tile = |panels - center|; `panels` may be the tile itself.
cdef inline inlined take_absolute(const rows_t* rows, const real* panels, Py_ssize_t n_panels,
                                  narrow* tile) noexcept nogil:
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(narrow), width = PANEL // V, q, j, h
    cdef narrow x, negative
    cdef double center
    for q in range(n_panels):   # no-cython-lint
        for j in range(rows.X.d):
            center = rows.center[j] if rows.center != NULL else 0.0
            for h in range(V):
                load(panels + h * width, &x)
                x = x - center
                negative = -x
                minimum(x, &negative)
                tile[h] = -negative
            panels += PANEL
            tile += V


# The rows of a block to a tile of panels, for a pass without panels or an absolute one; `z` only
# names the type of the vectors.
cdef inline inlined decode_block(const pass_t* p, const block_t* b, double* tile,
                                 const vec* z) noexcept nogil:
    if vec is v2:
        decode_to_tile(p, b, <v2*> tile)
    else:
        decode_to_tile(p, b, <v4*> tile)


cdef inline inlined decode_to_tile(const pass_t* p, const block_t* b, narrow* tile) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(narrow), q
    if X.panels == NULL:
        for q in range(b.n_panels):
            decode_panel(X, p.order, b.row + PANEL * q, tile + q * V * X.d)
        if p.absolute:
            take_absolute(p.rows, <const double*> tile, b.n_panels, tile)
    elif X.element == FLOAT32:
        take_absolute(p.rows, <const float*> X.panels + b.row * X.d, b.n_panels, tile)
    else:
        take_absolute(p.rows, <const double*> X.panels + b.row * X.d, b.n_panels, tile)
