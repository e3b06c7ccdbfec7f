# How a pass is split, the memory it takes, and how columns of weights are packed.

from libc.stdint cimport int64_t

from lsgd_fast._core.pass_types cimport model_t, pass_t
from lsgd_fast._core.types cimport matrix_t, rows_t


cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil
cdef Py_ssize_t chunk_count(Py_ssize_t n, Py_ssize_t d) noexcept nogil
# Of a pass: the same, or of sparse rows, or of a model of several columns.
cdef Py_ssize_t pass_chunks(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil
cdef Py_ssize_t sparse_chunk_count(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil
cdef double row_length(const matrix_t* X) noexcept nogil        # d, or entries of a row on average
cdef Py_ssize_t multi_chunk_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil
# Doubles that a pass writes to, and the pointers of `p` into as many; weights, intercepts, scores,
# row_gradients and what a network needs are up to the driver.
cdef Py_ssize_t pass_size(model_t model, const rows_t* rows, Py_ssize_t k,
                          int n_threads) noexcept nogil
cdef void lay_out_pass(pass_t* p, model_t model, const rows_t* rows, Py_ssize_t k,
                       double* memory) noexcept nogil
# X (float64 or float32) to panels of its type; `tile` is room for one panel in float64.
cdef void pack_panels(const matrix_t* X, void* panels, double* tile) noexcept nogil
# (d, k) in C order to packed columns (see column_offset) and back; `order` is that of a sparse_t, or
# NULL, as `feature_order` has it.
cdef const int64_t* feature_order(const rows_t* rows) noexcept nogil
cdef void pack_columns(const double* w, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                       double* weights) noexcept nogil
cdef void unpack_columns(const double* weights, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                         double* w) noexcept nogil
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil        # of columns, see sparse_t
