# The rows of a problem as the row pass reads them: what embedders describe (kernel.pxd).

from libc.stdint cimport int64_t


cdef enum:
    ABI = 1         # grows whenever a struct or a signature that kernel.pxd re-exports changes

# How one element of X is stored.
cdef enum element_t:
    FLOAT64, FLOAT32, FLOAT16, LONG_DOUBLE
    INT8, INT16, INT32, INT64
    UINT8, UINT16, UINT32, UINT64, BOOL
    BFLOAT16                # the upper half of a float32

# How the indices of a sparse matrix are stored.
cdef enum index_type_t:
    INDEX_UINT16, INDEX_INT32, INDEX_INT64

# A sparse matrix by rows (CSR: an index is a column) or by columns (CSC: an index is a row, and the
# indices of a column increase).
cdef struct compressed_t:
    const int64_t* indptr       # (rows + 1,) or (columns + 1,): where each starts in the other two
    const void* indices         # of `index_type`
    const void* data            # FLOAT64 or FLOAT32, as matrix_t.element has it
    index_type_t index_type

# Sparse rows; the columns are needed where gradients are asked for.  Columns may be numbered in an
# order of their own, best from the longest to the shortest: what is read often then lies together,
# and a processor foresees where each column ends.
cdef struct sparse_t:
    compressed_t rows
    compressed_t columns           # the same entries, column by column
    const int64_t* order        # (d,) which feature each column is; NULL: they are the features
    Py_ssize_t n_long           # the first columns, longer than long_length: threads share these

# X as it lies in memory; strides are in bytes and may have any sign or be zero.
cdef struct matrix_t:
    const char* data            # element (0, 0)
    Py_ssize_t n, d
    Py_ssize_t row_stride, column_stride
    element_t element
    bint swapped                # in the byte order that is not this machine's
    bint aligned                # every element starts at a multiple of its size
    const void* panels          # a copy by pack_panels, of the same element type, or NULL
    const sparse_t* sparse      # NULL but for sparse rows, of which the above says n, d and element

# The rows of a problem; a row pass only reads it.
cdef struct rows_t:
    matrix_t X
    const double* y             # (n,) -1.0 or +1.0
    const double* weight        # (n,) >= 0
    double total_weight         # their sum; means stay in range if it is near 1
    bint fit_intercept          # margins are y * (x . w + b), b the last entry of a column
    const double* center        # (d,), and (d,) > 0: weights are those of (x - center) * scale;
    const double* scale         # both NULL: of x itself (factors.pxd)

