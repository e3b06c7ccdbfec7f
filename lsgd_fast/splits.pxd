# Where a pass over sparse rows is split so that its parts take about equally long: the rows into
# chunks, by the shape of X alone, and the columns among threads.

from libc.stdint cimport int64_t

from .kernel cimport matrix_t, pass_t

cdef enum:
    COLUMN_WORK = 10    # what a column costs besides its entries, in entries


# The first block of a chunk: chunks take about equally long if a row costs as much, besides its
# entries, as `row_work` entries (LINK_WORK, from kernel.pyx).  Rows in an order are counted only.
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
