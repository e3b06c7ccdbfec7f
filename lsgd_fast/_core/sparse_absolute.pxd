# Absolute passes over sparse rows, see pass_t: sums over columns of |x - center| in place of x.
#
# Zeros take part as |center| each, which leave_absolute_column adds; the sums here are of what an
# entry exceeds that by. These passes are rare, so one plain loop does for all types.

from libc.stdint cimport int64_t

from lsgd_fast._core.pass_types cimport group_width, padded_rows, pass_t
from lsgd_fast._core.slabs cimport slab_row
from lsgd_fast._core.sparse_layout cimport index_at
from lsgd_fast._core.types cimport FLOAT32, compressed_t
from lsgd_fast._core.vecmath cimport negative_abs


# sums[0:C] = the sums of a feature over entries first .. last - 1 of the order of columns, for the
# group at `column`; `row` is the first one of their slab.
cdef inline void sum_absolute(const pass_t* p, Py_ssize_t feature, Py_ssize_t row,
                              Py_ssize_t first, Py_ssize_t last, Py_ssize_t column,
                              double* sums) noexcept nogil:
    cdef const compressed_t* e = &p.rows.X.sparse.columns
    cdef Py_ssize_t C = group_width(column, p.k), i, c
    cdef const double* s = p.kept + column * padded_rows(p.rows.X.n) + row * C
    cdef double center = p.rows.center[feature] if p.rows.center != NULL else 0.0, x
    for c in range(C):
        sums[c] = 0.0
    for i in range(first, last):
        if p.rows.X.element == FLOAT32:
            x = (<const float*> e.data)[i]
        else:
            x = (<const double*> e.data)[i]
        x = negative_abs(center) - negative_abs(x - center)
        for c in range(C):
            sums[c] += x * s[C * index_at(e, i) + c]


# The same of all columns of weights and features first .. last - 1, over `total`, for a slab.
cdef inline void absolute_slab(const pass_t* p, Py_ssize_t slab, Py_ssize_t first,
                               Py_ssize_t last, double total, double* sums) noexcept nogil:
    cdef const int64_t* indptr = p.rows.X.sparse.columns.indptr + slab * p.rows.X.d
    cdef Py_ssize_t column = 0, C, i, c
    cdef double* g
    while column < p.k:
        C = group_width(column, p.k)
        for i in range(first, last):
            g = sums + column * p.rows.X.d + C * i
            sum_absolute(p, i, slab_row(p, slab), indptr[i], indptr[i + 1], column, g)
            for c in range(C):
                g[c] /= total
        column += C
