# Whole passes over X, by a team of threads.

from lsgd_fast._core.pass_types cimport pass_t, totals_t
from lsgd_fast._core.types cimport rows_t


# --- for embedders: the signatures that ABI counts ------------------------------------------------

cdef int require_abi(int expected) except -1

# Loss (k,) and gradient (d [+ 1], k) at w (d [+ 1], k), in C order, the intercept last:
#     loss = mean of log(1 + exp(-margin)) + l2 / 2 * |w|^2,    gradient = its derivative
# The intercept has no penalty. `gradient` may be NULL. The bits do not depend on n_threads.
cdef Py_ssize_t workspace_size(const rows_t* rows, Py_ssize_t k, int n_threads) noexcept nogil
cdef void loss_gradient(const rows_t* rows, const double* w, Py_ssize_t k, double l2, double* loss,
                        double* gradient, double* workspace, int n_threads) noexcept nogil


# --- for drivers: a pass in parts, in this order --------------------------------------------------

# Leaves first .. last - 1 to one scale, where columns of sparse rows are in the log domain.
cdef void reduce_log_scales(const pass_t* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil
# For `reduce_gradients`, which makes the gradient: the first element of part `part` of `parts`,
# which take about equally long, and the work of all of them.
cdef Py_ssize_t reduce_part(const pass_t* p, Py_ssize_t part, Py_ssize_t parts) noexcept nogil
cdef double reduce_work(const pass_t* p) noexcept nogil
# The rest of the results.
cdef void sum_tallies(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil
