# The gradient of a pass, for rows of any kind.

from lsgd_fast._core.pass_types cimport parts_t, pass_t
from lsgd_fast._core.reduce cimport parts_of, sum_partial_gradients
from lsgd_fast._core.simd cimport inlined, vec
from lsgd_fast._core.sparse cimport sparse_sums


# Of the slab number `round` of those that are summed, entries first .. last - 1 of the packed
# gradient; `z` only names the type of the vectors.
cdef inline inlined reduce_body(const pass_t* p, Py_ssize_t round, Py_ssize_t first,
                                Py_ssize_t last, double* gradient, const vec* z) noexcept nogil:
    cdef parts_t parts = parts_of(p)
    if parts.end_slab > parts.first_slab:
        sparse_sums(p, &parts, round, first // p.k, last // p.k, gradient, z)
    else:
        sum_partial_gradients(p, first, last, gradient)
