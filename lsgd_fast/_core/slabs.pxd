# Slabs: aligned runs of leaves of sparse rows, whose sums become gradients in pairs.
#
# Each feature is summed over the rows of a slab, and slabs are added as leaves are (leaves.pxd). So
# whoever has an aligned run of slabs needs nobody else to sum it. There are 2^i, also of a run,
# which are summed one after another by all threads, each for features of its own: as a binary
# counter, whose first level is the gradient, and all others are in p.slab_sums.

from libc.math cimport INFINITY

from lsgd_fast._core.leaves cimport common_scale, ends_pair, merge_scaled, scale_column
from lsgd_fast._core.pass_types cimport (column_offset, first_row, group_width, padded_rows,
                                         parts_t, pass_t, sum_count)
from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.vecmath cimport exp_nonpositive


# Leaves of a slab.
cdef inline Py_ssize_t slab_leaves(const pass_t* p) noexcept nogil:
    return p.split.n_leaves // p.n_slabs


# The first row of a slab.
cdef inline Py_ssize_t slab_row(const pass_t* p, Py_ssize_t slab) noexcept nogil:
    return first_row(&p.split, p.rows.X.n, slab * slab_leaves(p))


# --- log scales -----------------------------------------------------------------------------------

# The largest log scale of slabs first .. last - 1.
cdef inline double slab_scale(const pass_t* p, Py_ssize_t column, Py_ssize_t first,
                              Py_ssize_t last) noexcept nogil:
    cdef Py_ssize_t count = sum_count(p.model, p.k), leaf
    cdef const double* scales = p.leaf_scales + scale_column(p, column)
    cdef double largest = -INFINITY
    for leaf in range(first * slab_leaves(p), last * slab_leaves(p)):
        largest = scales[leaf * count] if scales[leaf * count] > largest else largest
    return largest


# Bring the row gradients of leaves first .. last - 1 to the largest log scale of their slab, for
# each column in the log domain.
cdef inline void unify_log_scales(const pass_t* p, Py_ssize_t first,
                                  Py_ssize_t last) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, count = sum_count(p.model, p.k)
    cdef Py_ssize_t column, leaf, slab, offset, stride, i
    cdef double scale = -INFINITY, other, factor
    for column in range(p.k):
        if not p.in_log_domain[column]:
            continue
        column_offset(column, p.k, padded_rows(n), &offset, &stride)
        for leaf in range(first, last):
            slab = leaf // slab_leaves(p)
            if leaf == first or leaf % slab_leaves(p) == 0:
                scale = slab_scale(p, column, slab, slab + 1)
            other = p.leaf_scales[leaf * count + scale_column(p, column)]
            exp_nonpositive(0.0 if other == scale else other - scale, &factor)
            for i in range(first_row(&p.split, n, leaf), first_row(&p.split, n, leaf + 1)):
                p.kept[offset + i * stride] *= factor


# --- pairs ----------------------------------------------------------------------------------------

# How many sums wait when a slab begins: a bit of its number for each.
cdef inline Py_ssize_t slab_depth(Py_ssize_t slab) noexcept nogil:
    cdef Py_ssize_t depth = 0
    while slab > 0:
        depth += slab & 1
        slab >>= 1
    return depth


# Where these sums are, packed like the gradient.
cdef inline double* slab_level(const pass_t* p, Py_ssize_t level, double* gradient) noexcept nogil:
    return gradient if level == 0 else p.slab_sums + (level - 1) * p.k * p.rows.X.d


# Add `level`, the last `size` slabs before slab `end`, to the level before it, as many slabs before
# these: of the features first .. last - 1.
cdef inline inlined merge_slabs(const pass_t* p, Py_ssize_t end, Py_ssize_t size, Py_ssize_t level,
                                Py_ssize_t first, Py_ssize_t last,
                                double* gradient) noexcept nogil:
    cdef Py_ssize_t column = 0, C, c, at
    cdef double* left = slab_level(p, level - 1, gradient)
    cdef const double* right = slab_level(p, level, gradient)
    cdef double a = 1.0, b = 1.0
    while column < p.k:
        C = group_width(column, p.k)
        at = column * p.rows.X.d + first * C
        if p.in_log_domain == NULL:
            merge_scaled(left + at, right + at, a, b, (last - first) * C, 1, left + at)
        else:
            for c in range(C):
                common_scale(slab_scale(p, column + c, end - 2 * size, end - size),
                             slab_scale(p, column + c, end - size, end), &a, &b)
                merge_scaled(left + at + c, right + at + c, a, b, last - first, C, left + at + c)
        column += C


# Add up all pairs of slabs that end with number `round` of them, whose own sums are at its depth,
# and divide the sums of all by the total.
cdef inline inlined end_slab(const pass_t* p, const parts_t* parts, Py_ssize_t round,
                             Py_ssize_t first, Py_ssize_t last, double* gradient) noexcept nogil:
    cdef Py_ssize_t n_slabs = parts.end_slab - parts.first_slab
    cdef Py_ssize_t level = slab_depth(round), size = 1, column = 0, C, j
    cdef double* sums
    while level > 0 and ends_pair(round + 1, size, n_slabs):
        merge_slabs(p, parts.first_slab + round + 1, size, level, first, last, gradient)
        level -= 1
        size *= 2
    while round == n_slabs - 1 and parts.total != 1.0 and column < p.k:
        C = group_width(column, p.k)
        sums = gradient + column * p.rows.X.d
        for j in range(first * C, last * C):
            sums[j] /= parts.total
        column += C
