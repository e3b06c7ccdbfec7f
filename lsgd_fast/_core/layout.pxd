# How a pass is split, the memory it takes, and how X and columns of weights are packed.

from libc.stdint cimport int64_t

from lsgd_fast._core.pass_types cimport model_t, pass_t
from lsgd_fast._core.types cimport matrix_t, part_t, rows_t, split_t

cdef enum:
    LONG_COLUMNS = 64       # columns of sparse rows that the threads share, at most

cdef double loss_work       # LOSS_WORK of _constants.py

# The work of a pass, in elements of X: n * (d + LOSS_WORK).
cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil
cdef double row_length(const matrix_t* X) noexcept nogil    # d, or the mean entries of a sparse row

# How n dense rows are split into blocks of `height` rows and leaves, given the work of a pass: a
# leaf is LEAF rows where there are eight such leaves; fewer rows are one leaf where the work is
# small, else eight, or four, two or one where there are fewer blocks.
cdef split_t split_rows(double work, Py_ssize_t n, Py_ssize_t height) noexcept nogil
# The same for sparse rows: the number of leaves is a power of two.
cdef split_t split_sparse(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil
# A part of more rows: n dense rows; of n sparse rows units first_unit .. end_unit - 1, where there
# are n_units, a power of two.
cdef part_t dense_part(Py_ssize_t n, Py_ssize_t d, Py_ssize_t unit_leaves) noexcept nogil
cdef part_t sparse_part(Py_ssize_t n, Py_ssize_t n_entries, Py_ssize_t first_unit,
                        Py_ssize_t end_unit, Py_ssize_t n_units) noexcept nogil
# The slabs of sparse rows, see slabs.pxd: a power of two, and each is a whole number of leaves.
cdef Py_ssize_t slab_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t n_entries) noexcept nogil
# How the rows of a pass are split.
cdef split_t split_pass(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil
# The leaves of a pass, see leaves.pxd: more threads than that find no work.
cdef Py_ssize_t leaf_count(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil
# A longer column of sparse rows is a long one, see sparse_t.n_long.
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil

# Doubles that a pass of up to n_threads threads writes to; and `p` laid out in as many. The driver
# adds weights, intercepts, and `gradient`, and may add scores, row gradients, an order, a loss, the
# log domain and what a network needs.
cdef Py_ssize_t pass_size(model_t model, const rows_t* rows, Py_ssize_t k,
                          int n_threads) noexcept nogil
cdef void lay_out_pass(pass_t* p, model_t model, const rows_t* rows, Py_ssize_t k,
                       int n_threads, double* memory) noexcept nogil

# X (float64 or float32) to panels of its type; `tile` is memory for one panel of float64.
cdef void pack_panels(const matrix_t* X, void* panels, double* tile) noexcept nogil
# The `order` of sparse rows, else NULL.
cdef const int64_t* feature_order(const rows_t* rows) noexcept nogil
# (d, k) in C order to packed columns (see column_offset) and back; `order` is feature_order.
cdef void pack_columns(const double* w, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                       double* weights) noexcept nogil
cdef void unpack_columns(const double* weights, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                         double* w) noexcept nogil
