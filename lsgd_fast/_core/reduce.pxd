# Sums over the chunks of a pass, in pairs (leaves.pxd): partial gradients to the gradient, nodes to
# totals.

from libc.math cimport INFINITY, NAN

from lsgd_fast._core.leaves cimport (common_scale, ends_pair, has_one_scale, merge_nodes,
                                     merge_scaled, scale_column)
from lsgd_fast._core.pass_types cimport (column_offset, first_row, node_t, padded_rows, pass_t,
                                         sum_count, totals_t)
from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive

cdef enum:
    LEVELS = 24         # of pairs, more than there are threads for
    SLICE = 128         # sums of each level, which stay in the first-level cache; on the stack


# The node of a chunk.
cdef inline const node_t* node_of(const pass_t* p, Py_ssize_t chunk,
                                  Py_ssize_t column) noexcept nogil:
    return p.nodes + chunk * sum_count(p.model, p.k) + column


# --- gradients ------------------------------------------------------------------------------------

# Bring the row gradients of sparse rows in leaves first .. last - 1, and the sums of long columns
# of these leaves, to the largest log scale of all leaves, for each column in the log domain.
cdef inline void unify_log_scales(const pass_t* p, Py_ssize_t first,
                                  Py_ssize_t last) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, padded = padded_rows(n), n_long = p.rows.X.sparse.n_long
    cdef Py_ssize_t column, leaf, row, end, offset, stride, i
    cdef double scale, other, factor
    cdef double* row_gradients
    cdef double* long_sums
    for column in range(p.k):
        if not p.in_log_domain[column]:
            continue
        scale = -INFINITY
        for leaf in range(p.split.n_leaves):
            other = node_of(p, leaf, scale_column(p, column)).log_scale
            scale = other if other > scale else scale
        for leaf in range(first, last):
            other = node_of(p, leaf, scale_column(p, column)).log_scale
            exp_nonpositive(0.0 if other == scale else other - scale, &factor)
            row = first_row(&p.split, n, leaf)
            end = first_row(&p.split, n, leaf + 1)
            column_offset(column, p.k, padded, &offset, &stride)
            row_gradients = p.partial_gradients + offset
            for i in range(row, end):
                row_gradients[i * stride] *= factor
            column_offset(column, p.k, n_long, &offset, &stride)
            long_sums = p.partial_gradients + p.k * padded + leaf * p.k * n_long + offset
            for i in range(n_long):
                long_sums[i * stride] *= factor


# sums[0], sums[stride], ... = the sums over all chunks of `count` partial gradients from `first`
# on, at most SLICE / stride, over the total weight. Their log scales are those of `column`; -1
# outside the log domain.
cdef inline inlined sum_slice(const pass_t* p, Py_ssize_t column, Py_ssize_t first,
                              Py_ssize_t count, Py_ssize_t stride, double* sums) noexcept nogil:
    cdef const double* levels[LEVELS]               # the sums that wait for their other half:
    cdef double[LEVELS] scales
    cdef double[LEVELS * SLICE] memory              # of one chunk where they are, of more in here
    cdef Py_ssize_t of_chunk = p.k * p.rows.X.d, level = -1, chunk, size, j
    cdef double total = p.rows.total_weight, a = 1.0, b = 1.0
    for chunk in range(p.n_chunks):
        level += 1
        levels[level] = p.partial_gradients + chunk * of_chunk + first
        if column >= 0:
            scales[level] = node_of(p, chunk, column).log_scale
        size = 1
        while level > 0 and ends_pair(chunk + 1, size, p.n_chunks):
            level -= 1
            size *= 2
            if column >= 0:
                scales[level] = common_scale(scales[level], scales[level + 1], &a, &b)
            merge_scaled(levels[level], levels[level + 1], a, b, count, stride,
                         memory + level * SLICE)
            levels[level] = memory + level * SLICE
    for j in range(count):
        sums[j * stride] = levels[0][j * stride] / total


# Entries first .. last - 1 of the gradient of the loss, packed as the partial gradients are.
cdef inline inlined sum_partial_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                          double* gradient) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, column, offset, stride, begin, end, count, j
    cdef const double* sums = p.partial_gradients
    cdef double total = p.rows.total_weight
    if p.n_chunks == 1:
        for j in range(first, last):
            gradient[j] = sums[j] / total
        return
    if has_one_scale(p):
        column = -1 if p.in_log_domain == NULL else 0
        while first < last:
            count = min(<Py_ssize_t> SLICE, last - first)
            sum_slice(p, column, first, count, 1, gradient + first)
            first += count
        return
    for column in range(p.k):
        column_offset(column, p.k, d, &offset, &stride)
        begin = offset + (max(<Py_ssize_t> 0, first - offset) + stride - 1) // stride * stride
        end = min(last, offset + d * stride)
        while begin < end:
            count = min(<Py_ssize_t> SLICE // stride, (end - begin - 1) // stride + 1)
            sum_slice(p, scale_column(p, column), begin, count, stride, gradient + begin)
            begin += count * stride


# --- totals ---------------------------------------------------------------------------------------

# The node of a column, summed over several chunks.
cdef inline void sum_nodes(const pass_t* p, Py_ssize_t column, node_t* sum) noexcept nogil:
    cdef node_t[LEVELS] levels
    cdef double[LEVELS] scales
    cdef Py_ssize_t level = -1, chunk, size
    for chunk in range(p.n_chunks):
        level += 1
        levels[level] = node_of(p, chunk, column)[0]
        scales[level] = node_of(p, chunk, scale_column(p, column)).log_scale
        size = 1
        while level > 0 and ends_pair(chunk + 1, size, p.n_chunks):
            level -= 1
            size *= 2
            merge_nodes(&levels[level], &levels[level + 1], scales[level], scales[level + 1])
            scales[level] = levels[level].log_scale
    sum[0] = levels[0]


# The totals of one column.
cdef inline inlined total_tallies(const pass_t* p, Py_ssize_t column, double underflow_loss,
                                  totals_t* totals) noexcept nogil:
    cdef double total = p.rows.total_weight, log_total
    cdef bint in_log_domain = p.in_log_domain != NULL and p.in_log_domain[column]
    cdef const node_t* sum = node_of(p, 0, column)
    cdef node_t of_several
    if p.n_chunks > 1:
        sum_nodes(p, column, &of_several)
        sum = &of_several
    # a NaN of one sign: which one the arithmetic makes is the compiler's choice
    totals.loss = sum.loss / total if sum.loss == sum.loss else NAN
    totals.error_rate = sum.error / total
    totals.slope = sum.slope / total
    totals.mass = sum.mass / total if in_log_domain else 0.0
    totals.risk = sum.risk / total if in_log_domain else 0.0
    totals.log_scale = sum.log_scale
    totals.min_margin = sum.min_margin if totals.loss == totals.loss else NAN
    if in_log_domain and not underflow_loss <= totals.loss < INFINITY:
        log_positive(totals.risk, &totals.log_loss)
        totals.log_loss = totals.risk if totals.risk == INFINITY else totals.log_loss
        totals.log_loss = totals.log_scale + totals.log_loss if totals.risk > 0.0 else -INFINITY
        totals.log_loss = totals.log_loss if totals.loss == totals.loss else NAN
    elif totals.loss < underflow_loss and sum.tail == 0.0:   # all margins are infinite
        totals.log_loss = -INFINITY
    elif totals.loss < underflow_loss:
        log_positive(sum.tail, &totals.log_loss)
        log_positive(total, &log_total)
        totals.log_loss = (totals.log_loss - log_total) - sum.shift
    elif totals.loss < INFINITY:
        log_positive(totals.loss, &totals.log_loss)
    else:                                              # inf or NaN
        totals.log_loss = totals.loss
