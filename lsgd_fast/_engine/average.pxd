# The averaged weights of a run, and what a pass over the rows measures at them.

from lsgd_fast._engine.state cimport run_t


cdef class Average:
    """The mean of the weights w_0 .. w_t of a run, and what a pass measures at it."""
    cdef double[:, ::1] sums         # (2, size + 1) the sum of w_0 .. w_{t-1} and its error
    cdef double[:, ::1] vectors      # (2, size + 1) the mean, and its image in Gram space
    cdef run_t run                   # the run with the mean in place of its weights
    cdef double[::1] mean(self)
    cdef bint is_measured(self, const run_t* r)
    cdef run_t* begin(self, const run_t* r, Py_ssize_t n_parameters)
