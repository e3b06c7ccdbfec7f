# The numbers that entries of sparse rows have, and their copy in the order of columns with features by
# new numbers, as rows.pyx makes it.

from libc.stdint cimport int32_t, int64_t, uint16_t

from lsgd_fast._core.types cimport compressed_t

ctypedef fused place:   # the number of a row or of a feature
    uint16_t
    int32_t
    int64_t


# Add to counts[j] the entries of column j in rows first .. last - 1.
cdef inline void count_columns(const compressed_t* rows, Py_ssize_t first, Py_ssize_t last,
                               int64_t* counts) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.starts[first], rows.starts[last]):
        counts[place_of(rows, i)] += 1


# Copy the entries of rows first .. last - 1 to `columns`, entry by entry where `next_at` says.
cdef inline void fill_columns(const compressed_t* rows, bint is_float, Py_ssize_t first,
                              Py_ssize_t last, const compressed_t* columns,
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
cdef inline void number_places(const compressed_t* rows, Py_ssize_t first, Py_ssize_t last,
                               const int64_t* numbers, const compressed_t* numbered) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows.starts[first], rows.starts[last]):
        set_place(numbered, i, numbers[place_of(rows, i)])


cdef inline void set_place(const compressed_t* e, Py_ssize_t i, Py_ssize_t to) noexcept nogil:
    if e.width == 2:
        (<uint16_t*> e.places)[i] = <uint16_t> to
    elif e.width == 4:
        (<int32_t*> e.places)[i] = <int32_t> to
    else:
        (<int64_t*> e.places)[i] = to


cdef inline Py_ssize_t place_of(const compressed_t* e, Py_ssize_t i) noexcept nogil:
    if e.width == 4:
        return (<const int32_t*> e.places)[i]
    return (<const int64_t*> e.places)[i] if e.width == 8 else (<const uint16_t*> e.places)[i]


# --- where a pass is split ---

# Where a pass over sparse rows is split so that its parts take about equally long: the rows into
# chunks, by the shape of X alone, and the columns among threads.

from libc.stdint cimport int64_t

from lsgd_fast._core.types cimport matrix_t
from lsgd_fast._core.pass_types cimport pass_t

cdef enum:
    COLUMN_WORK = 10    # what a column costs besides its entries, in entries


# The first block of a chunk: chunks take about equally long if a row costs as much, besides its
# entries, as `row_work` entries (LOSS_WORK, from kernel.pyx).  Rows in an order are counted only.
cdef inline Py_ssize_t first_block(const pass_t* p, Py_ssize_t chunk,
                                   double row_work) noexcept nogil:
    cdef const int64_t* starts = p.rows.X.sparse.rows.starts
    cdef Py_ssize_t n = p.rows.X.n, low = 0, high = (n - 1) // p.height + 1, middle, row
    cdef double share = (starts[n] + row_work * n) / p.n_chunks * chunk
    if p.order != NULL:
        return chunk * high // p.n_chunks
    while low < high:
        middle = (low + high) // 2
        row = middle * p.height
        if starts[row] + row_work * row < share:
            low = middle + 1
        else:
            high = middle
    return low


# The first column whose sums belong to part `part` of `parts`: these take about equally long if a
# column costs as much, besides its entries, as COLUMN_WORK entries.
cdef inline Py_ssize_t first_column(const matrix_t* X, Py_ssize_t part,
                                     Py_ssize_t parts) noexcept nogil:
    cdef const int64_t* starts = X.sparse.columns.starts
    cdef Py_ssize_t low = 0, high = X.d, middle
    cdef double share = <double> (starts[X.d] + COLUMN_WORK * X.d) / parts * part
    if part == parts:
        return X.d
    while low < high:
        middle = (low + high) // 2
        if starts[middle] + COLUMN_WORK * middle < share:
            low = middle + 1
        else:
            high = middle
    return low
