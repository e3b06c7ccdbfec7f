# Runs that share every pass over X: the rows, the memory of a pass, the first weights.

from lsgd_fast._core.pass_types cimport loss_t
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.exchange cimport Exchange
from lsgd_fast._engine.gradient_search cimport GradientSearch
from lsgd_fast._engine.gram cimport GramSpace
from lsgd_fast._engine.run_state cimport RunState
from lsgd_fast._engine.state cimport batch_t


# A loss of losses.py as the row pass takes it.
cdef loss_t native_loss(loss)


cdef class Batch:
    """Runs that share every pass over X: the rows, the memory of a pass, the first weights."""
    cdef batch_t state
    cdef bint advancing
    cdef readonly int n_threads
    cdef readonly Py_ssize_t size    # of the parameters of a run, less one: d, but see state.pxd
    cdef readonly object lock        # re-entrant: a callback may call result()
    cdef Rows rows
    cdef Exchange exchange           # None where this process has all rows
    cdef object starts               # (k, n_parameters) first weights, intercepts last
    cdef GramSpace gram              # None outside Gram space
    cdef GradientSearch search       # of the only run, whose rule searches; or None
    cdef rows_t held_out
    cdef object held_out_rows
    cdef double[::1] memory, validation_memory
    cdef unsigned char[::1] shares_memory
    cdef int[::1] in_log_domain
    cdef size_t[::1] runs
    cdef RunState new_run(self, Py_ssize_t start, problem, rule, stop, record,
                          Py_ssize_t record_every)
    cdef first_parameters(self, Py_ssize_t start)
    cdef intercepts(self, const double[::1] parameters)
    cdef weights(self, const double[::1] parameters)
    cdef check_idle(self)
    cdef double now(self)
    cdef start_steps(self, Py_ssize_t target, place)
    cdef end_steps(self)
    cdef advance(self, list states, Py_ssize_t target, bint measure_target, bint gradient)
    cdef make_passes(self, list states, Py_ssize_t target, bint measure_target, bint gradient)
    cdef bint ends_by_search(self, RunState state, Py_ssize_t target) except -1
    cdef _lay_out_multi(self, problem, bint log_domain, n_threads)
    cdef _add_shares(self, problem)
    cdef _use_log_domain(self, Py_ssize_t k)
    cdef _add_validation(self, Rows held_out, Py_ssize_t k)
    cdef _read_from(self, double* parameters)
