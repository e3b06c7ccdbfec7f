# The numbers that entries of sparse rows have, and their copy in the order of columns with features by
# new numbers, as rows.pyx makes it.

from libc.stdint cimport int32_t, int64_t, uint16_t

from .kernel cimport entries_t

ctypedef fused place:   # the number of a row or of a feature
    uint16_t
    int32_t
    int64_t


# Add to counts[j] the entries of column j in rows first .. last - 1.
cdef inline void count_columns(const entries_t* rows, Py_ssize_t first, Py_ssize_t last,
                               int64_t* counts) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.starts[first], rows.starts[last]):
        counts[place_of(rows, i)] += 1


# Copy the entries of rows first .. last - 1 to `columns`, entry by entry where `next_at` says.
cdef inline void fill_columns(const entries_t* rows, bint is_float, Py_ssize_t first,
                              Py_ssize_t last, const entries_t* columns,
                              int64_t* next_at) noexcept nogil:
    cdef Py_ssize_t row, i, j, at
    for row in range(first, last):
        for i in range(rows.starts[row], rows.starts[row + 1]):
            j = place_of(rows, i)
            at = next_at[j]
            next_at[j] = at + 1
            if is_float:
                (<float*> columns.values)[at] = (<const float*> rows.values)[i]
            else:
                (<double*> columns.values)[at] = (<const double*> rows.values)[i]
            set_place(columns, at, row)


# The places of rows first .. last - 1 by new numbers of the features, to those of `numbered`.
cdef inline void number_places(const entries_t* rows, Py_ssize_t first, Py_ssize_t last,
                               const int64_t* numbers, const entries_t* numbered) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.starts[first], rows.starts[last]):
        set_place(numbered, i, numbers[place_of(rows, i)])


cdef inline void set_place(const entries_t* e, Py_ssize_t i, Py_ssize_t to) noexcept nogil:
    if e.width == 2:
        (<uint16_t*> e.places)[i] = <uint16_t> to
    elif e.width == 4:
        (<int32_t*> e.places)[i] = <int32_t> to
    else:
        (<int64_t*> e.places)[i] = to


cdef inline Py_ssize_t place_of(const entries_t* e, Py_ssize_t i) noexcept nogil:
    if e.width == 4:
        return (<const int32_t*> e.places)[i]
    return (<const int64_t*> e.places)[i] if e.width == 8 else (<const uint16_t*> e.places)[i]
