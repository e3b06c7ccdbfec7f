# The structs that describe the rows of a problem, and functions that fill them in whole: embedders
# compile their layout in.

from libc.stdint cimport int8_t, int64_t


# The number that require_abi compares. It grows with every change to a struct of this file or to
# the signature of a function that kernel.pxd re-exports: a module compiled before such a change
# would read members from wrong offsets, or pass other arguments.
cdef enum:
    ABI = 3

# How one element of X is stored.
cdef enum element_t:
    FLOAT64, FLOAT32, FLOAT16, LONG_DOUBLE
    INT8, INT16, INT32, INT64
    UINT8, UINT16, UINT32, UINT64, BOOL
    BFLOAT16                # the upper half of a float32

# How the indices of a sparse matrix are stored. They are read without a check, and so must not
# change; but those of rows may be lent, in arrays that others may change at any time: one that is
# not a column is then read as the last column.
cdef enum index_type_t:
    INDEX_UINT16, INDEX_INT32, INDEX_INT64
    LENT_INT32, LENT_INT64

# A sparse matrix by rows (CSR: an index is a column) or by columns (CSC: an index is a row, and the
# indices of each column increase).
cdef struct compressed_t:
    const int64_t* indptr       # (rows + 1,) or (columns + 1,): offsets into `indices` and `data`
    const void* indices         # of type `index_type`
    const void* data            # FLOAT64 or FLOAT32, see matrix_t.element
    index_type_t index_type

# Sparse rows. Only gradients read what follows the rows. The columns of both may be permuted:
# sorted from the longest to the shortest, features that are read often lie together, and the end of
# each column is easier to predict.
cdef struct sparse_t:
    compressed_t rows
    compressed_t columns        # the same entries, of one slab of rows after another: column j of
                                # slab s is number s * d + j, and an index is a row of the slab
    Py_ssize_t n_slabs          # aligned runs of leaves, see slab_count
    const int64_t* starts       # (d + 1,): how many entries columns 0 .. j - 1 have in all slabs
    const int64_t* order        # (d,) the feature of each column; NULL: column j is feature j
    Py_ssize_t n_long           # so many first columns are shared among threads, see long_length

# How rows are split: into blocks of `height` rows, the last of which may have fewer, and these into
# leaves. Every `leaves` leaves share `blocks` blocks evenly: one leaf has its own, or all of them
# share all blocks. See first_row in pass_types.pxd.
cdef struct split_t:
    Py_ssize_t height, n_leaves
    Py_ssize_t blocks, leaves
    Py_ssize_t first_leaf       # of a part of more rows, which are split together; else 0

# How a part of more rows is split, which other processes have.
cdef struct part_t:
    split_t split
    Py_ssize_t unit_leaves      # a part has a whole number of units of so many leaves, 2^i

# X as it lies in memory; strides are in bytes, of any sign or zero.
cdef struct matrix_t:
    const char* data            # element (0, 0)
    Py_ssize_t n, d
    Py_ssize_t row_stride, column_stride
    element_t element
    bint swapped                # not in the byte order of this machine
    bint aligned                # the address of each element is a multiple of its size
    const void* panels          # a copy of X by pack_panels, of the same element type, or NULL
    const sparse_t* sparse      # NULL for dense rows; else X has only n, d and element besides
    const part_t* part          # NULL: X has all rows

# The rows of a problem; a pass only reads them.
cdef struct rows_t:
    matrix_t X
    const double* y             # (n,) -1.0 or +1.0; NULL: see `labels`
    const int8_t* labels        # (n,) the same in bytes, where `y` is NULL
    const double* weight        # (n,) not negative; NULL: see `row_weight`
    double row_weight           # the weight of each row, where `weight` is NULL
    double total_weight         # their sum; means stay in range if it is near 1
    const double* offset        # (n,) added to the scores of each row; NULL: nothing is
    bint fit_intercept          # margins are y * (x . w + b [+ offset]); b is the last entry of the
                                # weights
    const double* center        # (d,) and (d,): x is replaced by (x - center) * scale, scale > 0;
    const double* scale         # both NULL: x itself


# --- initialisers: no member stays unset, and each may be changed afterwards ----------------------

# Dense rows: aligned, in the byte order of this machine, read in place, neither centred nor scaled,
# with labels and weights of 8 bytes and no offsets. Strides are in bytes.
cdef inline rows_t dense_rows(const void* X, element_t element, Py_ssize_t n, Py_ssize_t d,
                              Py_ssize_t row_stride, Py_ssize_t column_stride,
                              const double* y, const double* weight, double total_weight,
                              bint fit_intercept) noexcept nogil:
    return rows_t(
        X=matrix_t(data=<const char*> X, n=n, d=d, row_stride=row_stride,
                   column_stride=column_stride, element=element, swapped=False, aligned=True,
                   panels=NULL, sparse=NULL, part=NULL),
        y=y, labels=NULL, weight=weight, row_weight=0.0, total_weight=total_weight,
        offset=NULL, fit_intercept=fit_intercept, center=NULL, scale=NULL)


# Sparse rows, neither centred nor scaled, without offsets. `X` is pointed to, not copied.
cdef inline rows_t csr_rows(const sparse_t* X, element_t element, Py_ssize_t n, Py_ssize_t d,
                            const double* y, const double* weight, double total_weight,
                            bint fit_intercept) noexcept nogil:
    cdef rows_t rows = dense_rows(NULL, element, n, d, 0, 0, y, weight, total_weight,
                                  fit_intercept)
    rows.X.sparse = X
    return rows


# The matrix of sparse rows, in one slab; `columns` is its CSC form.
cdef inline sparse_t csr_matrix(compressed_t rows, compressed_t columns) noexcept nogil:
    return sparse_t(rows=rows, columns=columns, n_slabs=1, starts=columns.indptr, order=NULL,
                    n_long=0)


# Either of the two.
cdef inline compressed_t compressed(const int64_t* indptr, const void* indices,
                                    index_type_t index_type, const void* data) noexcept nogil:
    return compressed_t(indptr=indptr, indices=indices, data=data, index_type=index_type)
