# The gradient of a pass, for rows of any kind.

from lsgd_fast._core.pass_types cimport pass_t
from lsgd_fast._core.reduce cimport sum_partial_gradients
from lsgd_fast._core.simd cimport inlined, vec
from lsgd_fast._core.sparse cimport sparse_sums


# Entries first .. last - 1 of the packed gradient; `z` only names the type of the vectors.
cdef inline inlined reduce_body(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                double* gradient, const vec* z) noexcept nogil:
    if p.rows.X.sparse != NULL and p.gathered == NULL:
        sparse_sums(p, first // p.k, last // p.k, gradient, z)
    else:
        sum_partial_gradients(p, first, last, gradient)
