# `Descent`, and the steps of several descents that share a batch.

from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.run_state cimport RunState


cdef class Descent:
    """Gradient descent that the caller steps, with checkpoints."""
    cdef Batch batch
    cdef RunState state
    cdef bint stepping
    cdef object problem, validation, stop, record, callback, lock
    cdef object arguments           # of a checkpoint
    cdef object pace                # of the callback, None if no rank has one
    cdef Py_ssize_t start, called_at
    cdef _begin(self, request)
    cdef _join(self, Batch batch, Py_ssize_t start, request)
    cdef _check_ready(self)
    cdef bint _is_measured(self) except -1
    cdef _enter(self)
    cdef double _seconds(self)
    cdef _latest(self, int column)
    cdef bint _start_steps(self, Py_ssize_t target)
    cdef bint _has_steps_to(self, Py_ssize_t target)
    cdef Py_ssize_t _next_pause(self)
    cdef bint _cycle_check_is_due(self)
    cdef _check_cycle(self)
    cdef _call_back(self)
    cdef bint _needs_last_pass(self, bint gradient)
    cdef bint _needs_average_pass(self)
    cdef _run(self)
    cdef _checkpoint(self)


# The rows of a `DescentRequest`, and its held-out rows or None.
cdef tuple rows_of(request)

# Take the steps to `target` of descents that share a batch, and their callback: from callback to
# callback, slice by slice.
cdef drive(list descents, Py_ssize_t target)
cdef take_steps(list descents, Py_ssize_t target)

# Measure the last weights: what of their measurement is not at hand.
cdef measure_last(list descents)
cdef take_last_passes(list descents)
