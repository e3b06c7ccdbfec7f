"""Single passes over X that signals can interrupt, for drivers that are written in Python."""

from libc.string cimport memset

from lsgd_fast._core.pass_types cimport pass_t
from lsgd_fast._engine.exchange cimport (Exchange, exchange_sums, exchange_t, is_sliced,
                                         sum_slices)
from lsgd_fast._engine.poll cimport meet, poll_t, run_team
from lsgd_fast._engine.shares cimport leaf_work, run_share, sum_share

# A pass and its sums.
cdef struct single_pass_t:
    const pass_t* row_pass
    double* gradient
    exchange_t* exchange            # or NULL
    poll_t poll


cdef void worker(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef single_pass_t* s = <single_pass_t*> state
    cdef const pass_t* p = s.row_pass
    run_share(p, leaf_work(p), &s.poll, rank, size)
    if s.gradient == NULL or meet(&s.poll, rank, size):
        return
    if s.exchange != NULL and exchange_sums(s.exchange, p, &s.poll, rank, size):
        return
    if is_sliced(s.exchange, p):
        sum_slices(s.exchange, p, s.gradient, &s.poll, rank, size)
    else:
        sum_share(p, s.gradient, &s.poll, rank, size)


cdef run_polled_pass(const pass_t* p, double* gradient, int n_threads, Exchange exchange=None):
    cdef single_pass_t single
    memset(&single, 0, sizeof(single_pass_t))
    single.row_pass, single.gradient = p, gradient
    if exchange is not None:
        single.exchange = &exchange.state
        single.exchange.position += 1.0
    n_threads = max(1, min(<Py_ssize_t> n_threads, p.n_chunks))
    run_team(worker, &single, &single.poll, n_threads)
    while exchange is not None and exchange.settle():
        run_team(worker, &single, &single.poll, n_threads)
