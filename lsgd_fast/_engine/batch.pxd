# What runs that share every pass over X share, and what each has of its own.

from lsgd_fast._engine.gram cimport GramSpace
from lsgd_fast._core.pass_types cimport loss_t
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.loop cimport batch_t, run_t
from lsgd_fast._engine.dataset cimport Rows


# A loss of losses.py as the row pass takes it.
cdef loss_t native_loss(loss)


cdef class RunState:
    """One run as the loop sees it, and the arrays it points into."""
    cdef run_t run
    cdef double[:, ::1] parameters   # rows of d + 1, the intercept last, see __cinit__
    cdef readonly Py_ssize_t n_kept  # of them make up the state between steps
    cdef double[:, ::1] trace
    cdef double[::1] values          # what rule.values points to
    cdef _take(self, rule, problem)
    cdef double[::1] rule_state(self)
    cdef double[:, ::1] unmonitored    # what the monitor of a network looks at
    cdef make_room(self, Py_ssize_t target)


cdef class Batch:
    """The rows, the memory of a pass and the team of runs that share every pass."""
    cdef batch_t state
    cdef readonly int n_threads
    cdef readonly Py_ssize_t size    # parameters of a run less one: d, but see loop.pxd
    cdef readonly object lock        # re-entrant: a callback may ask for a result
    cdef Rows rows
    cdef object starts               # (k, n_parameters) first weights, intercepts last
    cdef GramSpace gram              # None outside Gram space
    cdef rows_t held_out
    cdef object held_out_rows
    cdef double[::1] memory, validation_memory
    cdef double[::1] log_sums_memory
    cdef int[::1] in_log_domain
    cdef size_t[::1] runs
    cdef first_parameters(self, Py_ssize_t start)
    cdef _make_multi(self, problem, bint scaled, n_threads)
    cdef _make_log_sums(self, Py_ssize_t k)
    cdef intercepts(self, const double[::1] parameters)
    cdef weights(self, const double[::1] parameters)
    cdef read_from(self, double* parameters)
    cdef _look_at(self, Rows held_out, Py_ssize_t k)
    cdef advance(self, list states, Py_ssize_t target, bint measure_target, bint gradient)
