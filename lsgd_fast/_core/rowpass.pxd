# Whole passes over X, by a team of threads.

from lsgd_fast._core.pass_types cimport pass_t, totals_t
from lsgd_fast._core.types cimport rows_t


cdef int require_abi(int expected) except -1

# The whole of it for embedders: loss (k,), gradient and w (d [+ 1], k) in C order, intercept last.
# The loss gets l2 / 2 * |w|^2 and the gradient l2 * w added; the intercept is not penalised.
# `gradient` may be NULL.  Same bits for every n_threads; without OpenMP it runs on one thread.
cdef Py_ssize_t workspace_size(const rows_t* rows, Py_ssize_t k, int n_threads) noexcept nogil
cdef void loss_gradient(const rows_t* rows, const double* w, Py_ssize_t k, double l2, double* loss,
                        double* gradient, double* workspace, int n_threads) noexcept nogil

cdef void run_pass(const pass_t* p, int n_threads) noexcept nogil       # all chunks, by a team
# Where part `part` of `parts` starts if these are to take equally long, and how long all take.
cdef Py_ssize_t reduce_part(const pass_t* p, Py_ssize_t part, Py_ssize_t parts) noexcept nogil
cdef double reduce_work(const pass_t* p) noexcept nogil
cdef void reduce_gradients_by_team(const pass_t* p, double* gradient, int n_threads) noexcept nogil
# Between chunks and sums, where columns of a pass over sparse rows are log_sums: chunks first ..
# last - 1 to the one scale.
cdef void reduce_log_scales(const pass_t* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil
cdef void sum_tallies(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil

