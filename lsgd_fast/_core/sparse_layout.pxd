# Sparse rows: access to their indices, their copy by columns, and how it is split.

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint16_t, uint32_t, uint64_t

from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.types cimport (INDEX_INT32, INDEX_UINT16, LENT_INT32, compressed_t,
                                    matrix_t)

cdef enum:
    COLUMN_WORK = 10    # a column of a slab costs as much as its entries and this many more

ctypedef fused index:   # of a row or a column, in each index_type_t
    uint16_t
    int32_t
    int64_t


# --- indices --------------------------------------------------------------------------------------

# The index of entry i, read once: others may change lent indices. Only this function, the next one
# and the inner loops of sparse.pxd, which are compiled for each type, know the types of indices.
cdef inline Py_ssize_t index_at(const compressed_t* matrix, Py_ssize_t i) noexcept nogil:
    if matrix.index_type == INDEX_UINT16:
        return (<const volatile uint16_t*> matrix.indices)[i]
    if matrix.index_type == INDEX_INT32 or matrix.index_type == LENT_INT32:
        return (<const volatile int32_t*> matrix.indices)[i]
    return (<const volatile int64_t*> matrix.indices)[i]


cdef inline void set_index(const compressed_t* matrix, Py_ssize_t i,
                           Py_ssize_t value) noexcept nogil:
    if matrix.index_type == INDEX_UINT16:
        (<uint16_t*> matrix.indices)[i] = <uint16_t> value
    elif matrix.index_type == INDEX_INT32:
        (<int32_t*> matrix.indices)[i] = <int32_t> value
    else:
        (<int64_t*> matrix.indices)[i] = value


# The column of entry i of rows of d features, from 0 to d - 1 even if its index is lent.
cdef inline Py_ssize_t column_at(const compressed_t* rows, Py_ssize_t d,
                                 Py_ssize_t i) noexcept nogil:
    return <Py_ssize_t> min(<size_t> index_at(rows, i), <size_t> (d - 1))


# Copy `count` lent indices, brought to 0 .. bound - 1. Nobody else changes the copy.
cdef inline inlined copy_lent(const index* lent, Py_ssize_t count, Py_ssize_t bound,
                              index* own) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint32_t last = <uint32_t> min(bound - 1, <Py_ssize_t> INT32_MAX)
    for i in range(count):
        if index is int32_t:
            own[i] = <int32_t> min(<uint32_t> lent[i], last)
        else:
            own[i] = <index> min(<uint64_t> lent[i], <uint64_t> (bound - 1))


# --- the copy by columns, a few rows at a time ----------------------------------------------------

# own.indices = the columns of the entries of rows first .. last - 1. The counts and offsets below
# are made of this copy: lent indices could change between them.
cdef inline void copy_indices(const compressed_t* rows, Py_ssize_t d, Py_ssize_t first,
                              Py_ssize_t last, const compressed_t* own) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.indptr[first], rows.indptr[last]):
        set_index(own, i, column_at(rows, d, i))


# counts[j] += the number of entries of column j in rows first .. last - 1.
cdef inline void count_columns(const compressed_t* rows, Py_ssize_t first, Py_ssize_t last,
                               int64_t* counts) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.indptr[first], rows.indptr[last]):
        counts[index_at(rows, i)] += 1


# Copy the entries of rows first .. last - 1 to `columns`, where rows are numbered from `slab_row`
# on. The next entry of column j goes to next_offset[j], which this increases.
cdef inline void fill_columns(const compressed_t* rows, bint is_float, Py_ssize_t first,
                              Py_ssize_t last, Py_ssize_t slab_row, const compressed_t* columns,
                              int64_t* next_offset) noexcept nogil:
    cdef Py_ssize_t row, i, j, offset
    for row in range(first, last):
        for i in range(rows.indptr[row], rows.indptr[row + 1]):
            j = index_at(rows, i)
            offset = next_offset[j]
            next_offset[j] = offset + 1
            if is_float:
                (<float*> columns.data)[offset] = (<const float*> rows.data)[i]
            else:
                (<double*> columns.data)[offset] = (<const double*> rows.data)[i]
            set_index(columns, offset, row - slab_row)


# indices = numbers[indices] for the entries of rows first .. last - 1.
cdef inline void number_indices(const compressed_t* rows, Py_ssize_t first, Py_ssize_t last,
                                const int64_t* numbers) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.indptr[first], rows.indptr[last]):
        set_index(rows, i, numbers[index_at(rows, i)])


# --- how columns are split among threads ----------------------------------------------------------

# The first column that thread or part `part` of `parts` sums in a gradient.
cdef inline Py_ssize_t first_column(const matrix_t* X, Py_ssize_t part,
                                    Py_ssize_t parts) noexcept nogil:
    cdef const int64_t* starts = X.sparse.starts
    cdef Py_ssize_t column_work = COLUMN_WORK * X.sparse.n_slabs, low = 0, high = X.d, middle
    cdef double share = <double> (starts[X.d] + column_work * X.d) / parts * part
    if part == parts:
        return X.d
    while low < high:
        middle = (low + high) // 2
        if starts[middle] + column_work * middle < share:
            low = middle + 1
        else:
            high = middle
    return low
