# Leaves and pairs: the order in which sums over blocks become sums over all rows.
#
# A leaf is LEAF rows wherever they lie; fewer rows than eight such leaves are split evenly
# (split_rows in layout.pyx). It sums its blocks in order. Leaves are added in pairs, pairs in
# pairs, and so on: number i of a level is the sum of numbers 2 i and 2 i + 1 of the one below, and
# a last one that has no other goes up as it is. So whoever has an aligned run of leaves needs
# nobody else to sum it.
#
# A chunk is such a run, whose sums a thread makes as a binary counter: it keeps the sum of the
# latest leaf, and one for each level that still waits for its other half. The first of these lies
# in the memory of the chunk, where the sum of the chunk remains, the others in that of the thread.

from libc.math cimport INFINITY
from libc.string cimport memset

from lsgd_fast._core.block cimport block_t
from lsgd_fast._core.loss cimport clear_tallies, merge_tails
from lsgd_fast._core.pass_types cimport (PANEL, SOFTMAX, column_offset, is_multi, log_sums_t,
                                         node_t, pass_t, sum_count, tally_t)
from lsgd_fast._core.simd cimport fold_lanes, inlined
from lsgd_fast._core.vecmath cimport exp_nonpositive


# Whether the last `size` items of `count`, and as many before them, are a whole pair; or the pair
# that the last of all items ends.
cdef inline bint ends_pair(Py_ssize_t count, Py_ssize_t size, Py_ssize_t total) noexcept nogil:
    return count & size == 0 or count == total


# The same of runs of items: whether two neighbours, which hold left .. right - 1 and
# right .. end - 1 of `total`, are aligned and hold equally many, or the right one has the last one.
cdef inline bint is_pair(Py_ssize_t left, Py_ssize_t right, Py_ssize_t end,
                         Py_ssize_t total) noexcept nogil:
    return left & (2 * (right - left) - 1) == 0 and (end - right == right - left or end == total)


# --- where the sums are ---------------------------------------------------------------------------

# The memory of a thread from sums_offset on: tallies and log sums of the latest leaf, then the
# levels but the first, each a node of each column and a partial gradient.

# How many sums wait when `leaf` begins: a bit of its number within the chunk for each.
cdef inline Py_ssize_t depth_of(const pass_t* p, Py_ssize_t leaf) noexcept nogil:
    cdef Py_ssize_t rest = leaf & (p.chunk_leaves - 1), depth = 0
    while rest > 0:
        depth += rest & 1
        rest >>= 1
    return depth


cdef inline tally_t* leaf_tallies(const pass_t* p, double* memory) noexcept nogil:
    return <tally_t*> (memory + p.sums_offset)


cdef inline log_sums_t* leaf_log_sums(const pass_t* p, double* memory) noexcept nogil:
    return <log_sums_t*> (leaf_tallies(p, memory) + sum_count(p.model, p.k))


cdef inline double* level_memory(const pass_t* p, Py_ssize_t level, double* memory) noexcept nogil:
    cdef Py_ssize_t count = sum_count(p.model, p.k), size = count * sizeof(node_t) // sizeof(double)
    if p.gradient:
        size += p.k * p.width
    return <double*> (leaf_log_sums(p, memory) + count) + (level - 1) * size


cdef inline node_t* level_nodes(const pass_t* p, Py_ssize_t chunk, Py_ssize_t level,
                                double* memory) noexcept nogil:
    if level == 0:
        return p.nodes + chunk * sum_count(p.model, p.k)
    return <node_t*> level_memory(p, level, memory)


cdef inline double* level_gradients(const pass_t* p, Py_ssize_t chunk, Py_ssize_t level,
                                    double* memory) noexcept nogil:
    if level == 0:
        return p.partial_gradients + chunk * p.k * p.width
    return <double*> (level_nodes(p, chunk, level, memory) + sum_count(p.model, p.k))


# --- pairs ----------------------------------------------------------------------------------------

# Return the larger of two log scales, and the factors from each of them to it.
cdef inline double common_scale(double left, double right, double* left_factor,
                                double* right_factor) noexcept nogil:
    cdef double scale = right if right > left else left
    exp_nonpositive(0.0 if left == scale else left - scale, left_factor)
    exp_nonpositive(0.0 if right == scale else right - scale, right_factor)
    return scale


# The node of a column whose log scale it has: the columns of softmax share that of the first.
cdef inline Py_ssize_t scale_column(const pass_t* p, Py_ssize_t column) noexcept nogil:
    return 0 if is_multi(p.model) else column


# Whether all columns have one log scale, or none.
cdef inline bint has_one_scale(const pass_t* p) noexcept nogil:
    return p.in_log_domain == NULL or p.model == SOFTMAX


# left += right. A node may have its log scale in another one.
cdef inline void merge_nodes(node_t* left, const node_t* right, double left_scale,
                             double right_scale) noexcept nogil:
    cdef double a, b
    left.log_scale = common_scale(left_scale, right_scale, &a, &b)
    left.loss += right.loss
    left.error += right.error
    if right.min_margin < left.min_margin:
        left.min_margin = right.min_margin
    left.slope = left.slope * a + right.slope * b
    left.mass = left.mass * a + right.mass * b
    left.risk = left.risk * a + right.risk * b
    merge_tails(&left.shift, &left.tail, right.shift, right.tail)


# out[0] = left[0] * a + right[0] * b, and so on, `count` of them `stride` apart.
cdef inline inlined merge_scaled(const double* left, const double* right, double a, double b,
                                 Py_ssize_t count, Py_ssize_t stride, double* out) noexcept nogil:
    cdef Py_ssize_t j
    if a == 1.0 and b == 1.0 and stride == 1:
        for j in range(count):
            out[j] = left[j] + right[j]
    else:
        for j in range(count):
            out[j * stride] = left[j * stride] * a + right[j * stride] * b


# Add level `level` of a chunk to the one before it.
cdef inline inlined merge_levels(const pass_t* p, Py_ssize_t chunk, Py_ssize_t level,
                                 double* memory) noexcept nogil:
    cdef node_t* left = level_nodes(p, chunk, level - 1, memory)
    cdef const node_t* right = level_nodes(p, chunk, level, memory)
    cdef double* left_gradients
    cdef const double* right_gradients
    cdef Py_ssize_t width = p.width, column, i, offset, stride
    cdef double a = 1.0, b = 1.0
    if p.gradient:
        left_gradients = level_gradients(p, chunk, level - 1, memory)
        right_gradients = level_gradients(p, chunk, level, memory)
        if has_one_scale(p):
            if p.in_log_domain != NULL:
                common_scale(left.log_scale, right.log_scale, &a, &b)
            merge_scaled(left_gradients, right_gradients, a, b, p.k * width, 1, left_gradients)
        else:
            for column in range(p.k):
                i = scale_column(p, column)
                common_scale(left[i].log_scale, right[i].log_scale, &a, &b)
                column_offset(column, p.k, width, &offset, &stride)
                merge_scaled(left_gradients + offset, right_gradients + offset, a, b, width, stride,
                             left_gradients + offset)
    column = sum_count(p.model, p.k)
    while column > 0:               # the first one last, whose scale the others may need
        column -= 1
        i = scale_column(p, column)
        merge_nodes(left + column, right + column, left[i].log_scale, right[i].log_scale)


# --- a leaf ---------------------------------------------------------------------------------------

# Set the sums of a leaf to those of no rows, and let the block add to them.
cdef inline inlined start_leaf(const pass_t* p, Py_ssize_t leaf, Py_ssize_t row, double* memory,
                               block_t* b) noexcept nogil:
    cdef Py_ssize_t count = sum_count(p.model, p.k), i
    b.leaf_row = row
    b.chunk = leaf // p.chunk_leaves
    b.level = depth_of(p, leaf)
    b.partial = NULL
    b.tallies = NULL
    b.log_sums = NULL
    if p.gradient:
        b.partial = level_gradients(p, b.chunk, b.level, memory)
    if count > 0:
        b.tallies = leaf_tallies(p, memory)
        clear_tallies(b.tallies, count)
    if p.in_log_domain != NULL:
        b.log_sums = leaf_log_sums(p, memory)
        memset(b.log_sums, 0, count * sizeof(log_sums_t))
        for i in range(count):
            b.log_sums[i].log_scale = -INFINITY


# The lanes of a column, folded.
cdef inline void fold_tally(const tally_t* tally, const log_sums_t* log_sums,
                            node_t* node) noexcept nogil:
    cdef double least = INFINITY
    cdef Py_ssize_t i
    node.loss = fold_lanes(tally.loss)
    node.error = fold_lanes(tally.error)
    node.slope = fold_lanes(tally.slope)
    for i in range(PANEL):
        least = tally.min_margin[i] if tally.min_margin[i] < least else least
    node.min_margin = least
    node.tail, node.shift = tally.tail, tally.shift
    node.mass = node.risk = 0.0
    node.log_scale = -INFINITY
    if log_sums != NULL:
        node.mass = fold_lanes(log_sums.mass)
        node.risk = fold_lanes(log_sums.risk)
        node.log_scale = log_sums.log_scale


# Fold the sums of a leaf, and add up all pairs of its chunk that end with it.
cdef inline inlined end_leaf(const pass_t* p, Py_ssize_t leaf, double* memory,
                             const block_t* b) noexcept nogil:
    cdef Py_ssize_t end = min(p.split.n_leaves, (b.chunk + 1) * p.chunk_leaves)
    cdef Py_ssize_t level = b.level, size = 1, i
    cdef node_t* nodes = level_nodes(p, b.chunk, level, memory)
    for i in range(sum_count(p.model, p.k)):
        fold_tally(b.tallies + i, b.log_sums + i if b.log_sums != NULL else NULL, nodes + i)
    while level > 0 and ends_pair(leaf + 1, size, end):
        merge_levels(p, b.chunk, level, memory)
        level -= 1
        size *= 2
