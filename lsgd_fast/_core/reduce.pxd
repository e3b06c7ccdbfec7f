# Sums over the chunks of a pass, or over parts that ranks have made of it, in pairs (leaves.pxd):
# partial gradients to the gradient, nodes to totals.

from libc.math cimport INFINITY, NAN

from lsgd_fast._core.leaves cimport (common_scale, has_one_scale, is_pair, merge_nodes,
                                     merge_scaled, scale_column)
from lsgd_fast._core.pass_types cimport (column_offset, node_t, parts_t, pass_t, sum_count,
                                         totals_t)
from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.vecmath cimport log_positive

cdef enum:
    LEVELS = 24         # of pairs of chunks, more than there are threads for
    NODE_LEVELS = 48    # ... and of the leaves of any number of rows
    SLICE = 128         # sums of each level, which stay in the first-level cache; on the stack


# The chunks of a pass.
cdef inline parts_t own_parts(const pass_t* p) noexcept nogil:
    return parts_t(p.n_chunks, NULL, <const double*> p.nodes, p.partial_gradients,
                   sum_count(p.model, p.k) * (sizeof(node_t) // sizeof(double)),
                   p.k * p.width, 0, 0, p.n_slabs if p.rows.X.sparse != NULL else 0,
                   p.rows.total_weight)


# What the results of a pass are the sums of.
cdef inline parts_t parts_of(const pass_t* p) noexcept nogil:
    return own_parts(p) if p.gathered == NULL else p.gathered[0]


# How often reduce_slab is called for a gradient: once for each slab of sparse rows.
cdef inline Py_ssize_t slab_rounds(const pass_t* p) noexcept nogil:
    cdef parts_t parts = parts_of(p)
    return max(<Py_ssize_t> 1, parts.end_slab - parts.first_slab)


# Some of the parts.
cdef inline parts_t slice_of(const parts_t* parts, Py_ssize_t first,
                             Py_ssize_t last) noexcept nogil:
    cdef parts_t some = parts[0]
    some.count = last - first
    some.nodes += first * parts.node_stride
    some.gradients += first * parts.gradient_stride
    if parts.starts != NULL:
        some.starts += first
    return some


# Where part `part` begins, in units.
cdef inline Py_ssize_t start_of(const parts_t* parts, Py_ssize_t part) noexcept nogil:
    return part if parts.starts == NULL else parts.starts[part]


# The node of a column of a part.
cdef inline const node_t* node_of(const parts_t* parts, Py_ssize_t part,
                                  Py_ssize_t column) noexcept nogil:
    return <const node_t*> (parts.nodes + part * parts.node_stride) + column


# --- gradients ------------------------------------------------------------------------------------

# sums[0], sums[stride], ... = the sums over all parts of `count` entries of their gradients from
# `first` on, at most SLICE / stride. Their log scales are those of `column`; -1 outside the log
# domain.
cdef inline inlined sum_slice(const parts_t* parts, Py_ssize_t column, Py_ssize_t first,
                              Py_ssize_t count, Py_ssize_t stride, double* sums) noexcept nogil:
    cdef const double* levels[LEVELS]               # the sums that wait for their other half:
    cdef Py_ssize_t[LEVELS] starts
    cdef double[LEVELS] scales
    cdef double[LEVELS * SLICE] memory              # of one part where they are, of more in here
    cdef Py_ssize_t origin = start_of(parts, 0), n_units = start_of(parts, parts.count) - origin
    cdef Py_ssize_t level = -1, part, end, j
    cdef double a = 1.0, b = 1.0
    for part in range(parts.count):
        end = start_of(parts, part + 1) - origin
        if end == start_of(parts, part) - origin:
            continue
        level += 1
        starts[level] = start_of(parts, part) - origin
        levels[level] = parts.gradients + part * parts.gradient_stride + (first - parts.first)
        if column >= 0:
            scales[level] = node_of(parts, part, column).log_scale
        while level > 0 and is_pair(starts[level - 1], starts[level], end, n_units):
            level -= 1
            if column >= 0:
                scales[level] = common_scale(scales[level], scales[level + 1], &a, &b)
            merge_scaled(levels[level], levels[level + 1], a, b, count, stride,
                         memory + level * SLICE)
            levels[level] = memory + level * SLICE
    for j in range(count):
        sums[j * stride] = levels[0][j * stride] / parts.total


# Entries first .. last - 1 of the gradient of the loss, packed as the partial gradients are.
cdef inline inlined sum_partial_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                          double* gradient) noexcept nogil:
    cdef Py_ssize_t d = p.rows.X.d, column, offset, stride, begin, end, count, j
    cdef const double* sums = p.partial_gradients
    cdef parts_t parts
    if p.gathered == NULL and p.n_chunks == 1:
        for j in range(first, last):
            gradient[j] = sums[j] / p.rows.total_weight
        return
    parts = parts_of(p)
    if has_one_scale(p):
        column = -1 if p.in_log_domain == NULL else 0
        while first < last:
            count = min(<Py_ssize_t> SLICE, last - first)
            sum_slice(&parts, column, first, count, 1, gradient + first)
            first += count
        return
    for column in range(p.k):
        column_offset(column, p.k, d, &offset, &stride)
        begin = offset + (max(<Py_ssize_t> 0, first - offset) + stride - 1) // stride * stride
        end = min(last, offset + d * stride)
        while begin < end:
            count = min(<Py_ssize_t> SLICE // stride, (end - begin - 1) // stride + 1)
            sum_slice(&parts, scale_column(p, column), begin, count, stride, gradient + begin)
            begin += count * stride


# The gradient of the features of long columns first .. last - 1 of sparse rows.
cdef inline inlined sum_long_columns(const pass_t* p, const parts_t* parts, Py_ssize_t first,
                                     Py_ssize_t last, double* gradient) noexcept nogil:
    cdef Py_ssize_t column, offset, of_gradient, stride, j, count
    for column in range(p.k):
        column_offset(column, p.k, p.width, &offset, &stride)
        column_offset(column, p.k, p.rows.X.d, &of_gradient, &stride)
        j = first
        while j < last:
            count = min(<Py_ssize_t> SLICE // stride, last - j)
            sum_slice(parts, -1 if p.in_log_domain == NULL else scale_column(p, column),
                      offset + j * stride, count, stride, gradient + of_gradient + j * stride)
            j += count


# --- totals ---------------------------------------------------------------------------------------

# The node of a column, summed over all parts.
cdef inline void sum_nodes(const pass_t* p, const parts_t* parts, Py_ssize_t column,
                           node_t* sum) noexcept nogil:
    cdef node_t[NODE_LEVELS] levels
    cdef Py_ssize_t[NODE_LEVELS] starts
    cdef double[NODE_LEVELS] scales
    cdef Py_ssize_t origin = start_of(parts, 0), n_units = start_of(parts, parts.count) - origin
    cdef Py_ssize_t level = -1, part, end
    for part in range(parts.count):
        end = start_of(parts, part + 1) - origin
        if end == start_of(parts, part) - origin:
            continue
        level += 1
        starts[level] = start_of(parts, part) - origin
        levels[level] = node_of(parts, part, column)[0]
        scales[level] = node_of(parts, part, scale_column(p, column)).log_scale
        while level > 0 and is_pair(starts[level - 1], starts[level], end, n_units):
            level -= 1
            merge_nodes(&levels[level], &levels[level + 1], scales[level], scales[level + 1])
            scales[level] = levels[level].log_scale
    sum[0] = levels[0]


# The totals of one column.
cdef inline inlined total_tallies(const pass_t* p, Py_ssize_t column, double underflow_loss,
                                  totals_t* totals) noexcept nogil:
    cdef double total = p.rows.total_weight, log_total
    cdef bint in_log_domain = p.in_log_domain != NULL and p.in_log_domain[column]
    cdef const node_t* sum = p.nodes + column
    cdef node_t of_several
    cdef parts_t parts
    if p.gathered != NULL or p.n_chunks > 1:
        parts = parts_of(p)
        sum_nodes(p, &parts, column, &of_several)
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
        log_positive(totals.risk, &totals.ln_loss)
        totals.ln_loss = totals.risk if totals.risk == INFINITY else totals.ln_loss
        totals.ln_loss = totals.log_scale + totals.ln_loss if totals.risk > 0.0 else -INFINITY
        totals.ln_loss = totals.ln_loss if totals.loss == totals.loss else NAN
    elif totals.loss < underflow_loss and sum.tail == 0.0:   # all margins are infinite
        totals.ln_loss = -INFINITY
    elif totals.loss < underflow_loss:
        log_positive(sum.tail, &totals.ln_loss)
        log_positive(total, &log_total)
        totals.ln_loss = (totals.ln_loss - log_total) - sum.shift
    elif totals.loss < INFINITY:
        log_positive(totals.loss, &totals.ln_loss)
    else:                                              # inf or NaN
        totals.ln_loss = totals.loss
