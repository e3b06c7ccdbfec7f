"""Single passes over X that signals can interrupt, for drivers that are written in Python."""

from libc.string cimport memset

from lsgd_fast._core.pass_types cimport pass_t
from lsgd_fast._engine.poll cimport meet, poll_t, run_team

# A pass and its sums.
cdef struct single_pass_t:
    const pass_t* row_pass
    double* gradient
    poll_t poll


cdef void worker(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef single_pass_t* s = <single_pass_t*> state
    run_share(s.row_pass, leaf_work(s.row_pass), &s.poll, rank, size)
    if s.gradient != NULL and not meet(&s.poll, rank, size):
        sum_share(s.row_pass, s.gradient, &s.poll, rank, size)


cdef run_polled_pass(const pass_t* p, double* gradient, int n_threads):
    cdef single_pass_t single
    memset(&single, 0, sizeof(single_pass_t))
    single.row_pass, single.gradient = p, gradient
    run_team(worker, &single, &single.poll, max(1, min(<Py_ssize_t> n_threads, p.n_chunks)))
