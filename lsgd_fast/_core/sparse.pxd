# Sparse rows: forward by rows, gradients by columns.
#
# Forward keeps the row gradients; the gradient is then summed feature by feature, over a copy of
# the entries in the order of columns. So the leaves have no partial gradients of d sums, and no
# two threads write to one feature. Columns so long that one thread would be busy with them while
# others wait are summed leaf by leaf, as the rows go by.
#
# That copy is made slab by slab: a slab is an aligned run of leaves whose row gradients stay in the
# cache. Each feature is summed over the rows of a slab, and slabs are added in pairs as leaves are,
# so that whoever has an aligned run of slabs needs nobody else to sum it.
#
# A sum of entries has four lanes (entry number modulo 4), folded as (0 + 2) + (1 + 3) after every
# PIECE entries; the folded sums are added in order. It is one body for rows and for columns, for
# one column of weights and for four.

from libc.stdint cimport int32_t, int64_t, uint16_t
from libc.string cimport memcpy, memset

from lsgd_fast._core.block cimport block_t, labels_t, loss_function_t, start_block
from lsgd_fast._core.dense cimport loss_columns
from lsgd_fast._core.leaves cimport end_leaf, start_leaf
from lsgd_fast._core.reduce cimport sum_long_columns
from lsgd_fast._core.slabs cimport end_slab, slab_depth, slab_leaves, slab_level, slab_row
from lsgd_fast._core.multi_loss cimport (add_scores, multi_loss_rows, rescale,
                                         row_gradients_address, row_gradients_of_group,
                                         scores_address)
from lsgd_fast._core.pass_types cimport (BLOCK, PANEL, ROW_GRADIENTS_GIVEN, first_row, group_width,
                                         is_multi, padded_rows, parts_t, pass_t, sum_count)
from lsgd_fast._core.simd cimport four4, inlined, load, narrow, prefetch, real, two2, v2, v4, vec
from lsgd_fast._core.sparse_absolute cimport absolute_slab, sum_absolute
from lsgd_fast._core.sparse_layout cimport copy_lent, index, index_at
from lsgd_fast._core.types cimport (FLOAT32, INDEX_INT32, INDEX_INT64, INDEX_UINT16, LENT_INT32,
                                    compressed_t, matrix_t)

cdef enum:
    PIECE = 1024        # entries that are summed at a time
    AHEAD = 1024        # entries between those that are added and those that are prefetched
    STRETCH = 8192      # entries of columns that all columns of weights go over before the next


# The elements of w at as many indices as a vector has lanes.
cdef inline inlined gather(const double* w, const index* indices, narrow* x) noexcept nogil:
    if narrow is v4:
        x[0] = four4(w[indices[0]], w[indices[1]], w[indices[2]], w[indices[3]])
    else:
        x[0] = two2(w[indices[0]], w[indices[1]])


# sums[c] = sum over `count` entries of value * w[index, c], for C columns.
cdef inline inlined add_entries(const real* values, const index* indices, Py_ssize_t count,
                                const narrow* w, double* sums, Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t L = 4 * sizeof(double) // sizeof(narrow)       # vectors of four columns
    cdef const double* of_one = <const double*> w
    cdef double[4] zeros, a
    cdef narrow[8] lanes
    cdef narrow of_entries, of_indices
    cdef double x
    cdef const narrow* at
    cdef Py_ssize_t first = 0, end, i, q, v
    for i in range(4):
        zeros[i] = 0.0
    for i in range(C):
        sums[i] = 0.0
    while first < count:
        end = min(first + PIECE, count)
        i = first
        if C == 1:
            for v in range(L):
                lanes[v] = (<narrow*> zeros)[0]
            while i + 4 <= end:
                prefetch(values + i + AHEAD)
                prefetch(indices + i + AHEAD)
                for v in range(L):
                    load(values + i + 2 * v, &of_entries)
                    gather(of_one, indices + i + 2 * v, &of_indices)
                    lanes[v] = lanes[v] + of_entries * of_indices
                i += 4
            for v in range(L):
                (<narrow*> a)[v] = lanes[v]
            for q in range(3):
                if i + q < end:
                    a[q] = a[q] + values[i + q] * of_one[indices[i + q]]
            sums[0] = sums[0] + ((a[0] + a[2]) + (a[1] + a[3]))
        else:
            for v in range(4 * L):
                lanes[v] = (<narrow*> zeros)[0]
            while i + 4 <= end:
                prefetch(values + i + AHEAD)
                prefetch(indices + i + AHEAD)
                for q in range(4):
                    x = values[i + q]
                    at = w + L * indices[i + q]
                    for v in range(L):
                        lanes[q * L + v] = lanes[q * L + v] + at[v] * x
                i += 4
            for q in range(3):
                if i + q < end:
                    x = values[i + q]
                    at = w + L * indices[i + q]
                    for v in range(L):
                        lanes[q * L + v] = lanes[q * L + v] + at[v] * x
            for v in range(L):
                (<narrow*> sums)[v] = (<narrow*> sums)[v] + ((lanes[v] + lanes[2 * L + v])
                                                             + (lanes[L + v] + lanes[3 * L + v]))
        first = end


# The same for lent indices: of a copy, piece by piece, because others could change an index between
# a check and its use.
cdef inline inlined add_lent_entries(const real* values, const index* indices, Py_ssize_t count,
                                     Py_ssize_t bound, const narrow* w, double* sums,
                                     Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t first = 0, size, c
    cdef index[PIECE] own
    cdef double[4] of_piece
    for c in range(C):
        sums[c] = 0.0
    while first < count:
        size = min(<Py_ssize_t> PIECE, count - first)
        copy_lent(indices + first, size, bound, own)
        add_entries(values + first, <const index*> own, size, w, of_piece, C)
        for c in range(C):
            sums[c] += of_piece[c]
        first += size


# The same for entries first .. end - 1 of any type. `bound` is that of lent indices; 0: none are.
cdef inline inlined sum_entries(const compressed_t* e, bint is_float, Py_ssize_t bound,
                                Py_ssize_t first, Py_ssize_t end, const narrow* w, double* sums,
                                Py_ssize_t C) noexcept nogil:
    if is_float:
        sum_values(<const float*> e.data, e, bound, first, end - first, w, sums, C)
    else:
        sum_values(<const double*> e.data, e, bound, first, end - first, w, sums, C)


cdef inline inlined sum_values(const real* values, const compressed_t* e, Py_ssize_t bound,
                               Py_ssize_t first, Py_ssize_t count, const narrow* w, double* sums,
                               Py_ssize_t C) noexcept nogil:
    values += first
    if e.index_type == INDEX_UINT16:
        add_entries(values, <const uint16_t*> e.indices + first, count, w, sums, C)
    elif e.index_type == INDEX_INT32:
        add_entries(values, <const int32_t*> e.indices + first, count, w, sums, C)
    elif e.index_type == INDEX_INT64:
        add_entries(values, <const int64_t*> e.indices + first, count, w, sums, C)
    elif bound > 0 and e.index_type == LENT_INT32:
        add_lent_entries(values, <const int32_t*> e.indices + first, count, bound, w, sums, C)
    elif bound > 0:
        add_lent_entries(values, <const int64_t*> e.indices + first, count, bound, w, sums, C)


# --- rows -----------------------------------------------------------------------------------------

# Forward and loss of a block: of all columns, one group after another. The row gradients are kept
# in p.kept.
cdef inline inlined sparse_block(const pass_t* p, const block_t* b, vec* z,
                                 loss_function_t general_loss) noexcept nogil:
    cdef Py_ssize_t padded = padded_rows(p.rows.X.n), before = b.row - b.leaf_row, column = 0, C
    cdef double* kept
    while column < p.k:
        C = group_width(column, p.k)
        if p.model != ROW_GRADIENTS_GIVEN:
            sparse_scores(p, b, column, C, <double*> z, z)
        kept = p.kept + column * padded + b.leaf_row * C if p.gradient else NULL
        loss_columns(p, b, column, C, kept, before, z, general_loss)
        if p.gradient:
            keep_row_gradients(kept + before * C, <const double*> z, b.n_rows, C)
        column += C


# The same for a model of several columns: of all columns at once, whose scores are in `scores`.
cdef inline inlined sparse_multi_block(const pass_t* p, const block_t* b, double* scores,
                                       vec* z, loss_function_t general_loss) noexcept nogil:
    cdef Py_ssize_t padded = padded_rows(p.rows.X.n), before = b.row - b.leaf_row, column = 0, C
    cdef double[BLOCK] sums
    cdef double factor
    cdef double* kept
    memset(sums, 0, sizeof(sums))
    while column < p.k:
        C = group_width(column, p.k)
        sparse_scores(p, b, column, C, <double*> scores_address(p, column, scores, z), z)
        add_scores(p, column, C, scores, <vec*> sums, z, b.n_panels)
        column += C
    multi_loss_rows(p, b, scores, <vec*> sums, z, &factor, general_loss)
    column = 0
    while column < p.k and p.gradient:
        C = group_width(column, p.k)
        kept = p.kept + column * padded + b.leaf_row * C
        if factor != 1.0:
            rescale(kept, before * C, factor)
        row_gradients_of_group(p, column, C, scores, <const vec*> sums, z, b.n_panels)
        keep_row_gradients(kept + before * C,
                           <const double*> row_gradients_address[vec](p, column, scores, z),
                           b.n_rows, C)
        column += C


# The scores of a block for a group of C columns, BLOCK doubles apart.
cdef inline inlined sparse_scores(const pass_t* p, const block_t* b, Py_ssize_t column,
                                  Py_ssize_t C, double* scores, const vec* z) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef const double* w = p.weights + column * X.d
    cdef double[4] sums
    cdef Py_ssize_t n_rows = b.n_rows, first = b.row, c, i, row
    for c in range(C):
        for i in range(n_rows, PANEL * b.n_panels):
            scores[c * BLOCK + i] = 0.0
    for i in range(n_rows):
        row = first + i if p.order == NULL else p.order[first + i]
        if C == 1:
            sum_row(X, row, w, sums, z, 1)
        else:
            sum_row(X, row, w, sums, z, 4)
        for c in range(C):
            scores[c * BLOCK + i] = sums[c]


# From columns BLOCK doubles apart to C side by side.
cdef inline inlined keep_row_gradients(double* kept, const double* s, Py_ssize_t n_rows,
                                     Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t c, i
    if C == 1:
        memcpy(kept, s, n_rows * sizeof(double))
    else:
        for i in range(n_rows):
            for c in range(4):
                kept[4 * i + c] = s[c * BLOCK + i]


# `z` names the vectors to take: AVX-512 needs no wider ones, four columns fill the half.
cdef inline inlined sum_row(const matrix_t* X, Py_ssize_t row, const double* w, double* sums,
                            const vec* z, Py_ssize_t C) noexcept nogil:
    cdef const compressed_t* e = &X.sparse.rows
    cdef Py_ssize_t first = e.indptr[row], end = e.indptr[row + 1]
    if vec is v2:
        sum_entries(e, X.element == FLOAT32, X.d, first, end, <const v2*> w, sums, C)
    else:
        sum_entries(e, X.element == FLOAT32, X.d, first, end, <const v4*> w, sums, C)


# The entries of a column from `row` on; columns are numbered slab by slab, and rows from the first
# one of the slab.
cdef inline Py_ssize_t entry_of(const compressed_t* e, Py_ssize_t column,
                                Py_ssize_t row) noexcept nogil:
    cdef Py_ssize_t low = e.indptr[column], high = e.indptr[column + 1], middle
    while low < high:
        middle = (low + high) // 2
        if index_at(e, middle) < row:
            low = middle + 1
        else:
            high = middle
    return low


# Sum the long columns over the rows of one leaf, whose row gradients are known.
cdef inline inlined long_columns(const pass_t* p, Py_ssize_t leaf, const block_t* b, Py_ssize_t end,
                                 const vec* z) noexcept nogil:
    cdef const compressed_t* e = &p.rows.X.sparse.columns
    cdef Py_ssize_t slab = leaf // slab_leaves(p), row = slab_row(p, slab), i, column, C
    cdef Py_ssize_t first, last
    cdef double* sums
    for i in range(p.width):
        first = entry_of(e, slab * p.rows.X.d + i, b.leaf_row - row)
        last = entry_of(e, slab * p.rows.X.d + i, end - row)
        column = 0
        while column < p.k:
            C = group_width(column, p.k)
            sums = b.partial + column * p.width + i * C
            if p.absolute:
                sum_absolute(p, i, row, first, last, column, sums)
            else:
                sum_column(p, row, first, last, column, sums, z)
            column += C


# sums[0:C] = entries first .. last - 1 of the order of columns, for the group at `column`; `row` is
# the first one of their slab.
cdef inline inlined sum_column(const pass_t* p, Py_ssize_t row, Py_ssize_t first, Py_ssize_t last,
                               Py_ssize_t column, double* sums, const vec* z) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef Py_ssize_t C = group_width(column, p.k)
    cdef const double* s = p.kept + column * padded_rows(X.n) + row * C
    cdef bint is_float = X.element == FLOAT32
    if vec is v2 and C == 1:
        sum_entries(&X.sparse.columns, is_float, 0, first, last, <const v2*> s, sums, 1)
    elif vec is v2:
        sum_entries(&X.sparse.columns, is_float, 0, first, last, <const v2*> s, sums, 4)
    elif C == 1:
        sum_entries(&X.sparse.columns, is_float, 0, first, last, <const v4*> s, sums, 1)
    else:
        sum_entries(&X.sparse.columns, is_float, 0, first, last, <const v4*> s, sums, 4)


# Leaves first .. last - 1 of a pass over sparse rows: row gradients and tallies.
cdef inline inlined sparse_leaves(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                  double* memory, vec* z,
                                  loss_function_t general_loss) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, height = p.split.height, count = sum_count(p.model, p.k)
    cdef Py_ssize_t leaf, row, end, i
    cdef block_t b
    cdef labels_t copies
    for leaf in range(first, last):
        row = first_row(&p.split, n, leaf)
        end = first_row(&p.split, n, leaf + 1)
        start_leaf(p, leaf, row, memory, &b)
        while row < end:
            start_block(p, row, min(height, end - row), &copies, &b, z)
            if is_multi(p.model):
                sparse_multi_block(p, &b, memory, z, general_loss)
            else:
                sparse_block(p, &b, z, general_loss)
            row += height
        if p.gradient:
            long_columns(p, leaf, &b, end, z)
            if b.log_sums != NULL:
                for i in range(count):
                    p.leaf_scales[leaf * count + i] = b.log_sums[i].log_scale
        end_leaf(p, leaf, memory, &b)


# --- columns --------------------------------------------------------------------------------------

# Add number `round` of the slabs, after those before it, to the gradient of the features of columns
# first .. last - 1, for all columns of weights; the last slab completes it.
cdef inline inlined sparse_sums(const pass_t* p, const parts_t* parts, Py_ssize_t round,
                                Py_ssize_t first, Py_ssize_t last, double* gradient,
                                const vec* z) noexcept nogil:
    cdef Py_ssize_t first_short = max(first, p.width)
    cdef Py_ssize_t n_slabs = parts.end_slab - parts.first_slab
    sum_slab(p, parts.first_slab + round, first_short, last, parts.total if n_slabs == 1 else 1.0,
             slab_level(p, slab_depth(round), gradient), z)
    if n_slabs > 1:
        end_slab(p, parts, round, first_short, last, gradient)
    if round == n_slabs - 1:
        sum_long_columns(p, parts, first, min(last, p.width), gradient)


# The sums of a slab over columns first .. last - 1, over `total`.
cdef inline inlined sum_slab(const pass_t* p, Py_ssize_t slab, Py_ssize_t first, Py_ssize_t last,
                             double total, double* sums, const vec* z) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef const compressed_t* e = &X.sparse.columns
    cdef const int64_t* indptr = e.indptr + slab * X.d
    cdef Py_ssize_t begin = first, end, column, C
    if p.absolute:
        absolute_slab(p, slab, first, last, total, sums)
        return
    while begin < last:
        end = last if p.k == 1 else begin + 1       # one column of weights needs no stretches
        while end < last and indptr[end + 1] - indptr[begin] <= STRETCH:
            end += 1
        column = 0
        while column < p.k:
            C = group_width(column, p.k)
            if X.element == FLOAT32:
                sum_short_columns(p, <const float*> e.data, slab, begin, end, column, C, total,
                                  sums + column * X.d, z)
            else:
                sum_short_columns(p, <const double*> e.data, slab, begin, end, column, C, total,
                                  sums + column * X.d, z)
            column += C
        begin = end


# The type is looked up here, once, because columns may be many and short.
cdef inline inlined sum_short_columns(const pass_t* p, const real* values, Py_ssize_t slab,
                                      Py_ssize_t first, Py_ssize_t last, Py_ssize_t column,
                                      Py_ssize_t C, double total, double* g,
                                      const vec* z) noexcept nogil:
    cdef const compressed_t* e = &p.rows.X.sparse.columns
    cdef const int64_t* indptr = e.indptr + slab * p.rows.X.d
    cdef const double* w = p.kept + column * padded_rows(p.rows.X.n) + slab_row(p, slab) * C
    if e.index_type == INDEX_UINT16:
        sum_columns(indptr, values, <const uint16_t*> e.indices, first, last, w, total, g, C, z)
    elif e.index_type == INDEX_INT32:
        sum_columns(indptr, values, <const int32_t*> e.indices, first, last, w, total, g, C, z)
    else:
        sum_columns(indptr, values, <const int64_t*> e.indices, first, last, w, total, g, C, z)


# g[C * j + c] = the sum of column j over `total`.
cdef inline inlined sum_columns(const int64_t* indptr, const real* values, const index* indices,
                                Py_ssize_t first, Py_ssize_t last, const double* w, double total,
                                double* g, Py_ssize_t C, const vec* z) noexcept nogil:
    cdef double[4] sums
    cdef Py_ssize_t j, c, at
    for j in range(first, last):
        at = indptr[j]
        if C == 1:      # most columns are short: pairs do as well as fours
            add_entries(values + at, indices + at, indptr[j + 1] - at, <const v2*> w, sums, 1)
        elif vec is v2:
            add_entries(values + at, indices + at, indptr[j + 1] - at, <const v2*> w, sums, 4)
        else:
            add_entries(values + at, indices + at, indptr[j + 1] - at, <const v4*> w, sums, 4)
        for c in range(C):
            g[C * j + c] = sums[c] / total
