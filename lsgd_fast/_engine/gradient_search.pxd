# The line search of a run along its gradient.

from lsgd_fast._engine.run_state cimport RunState
from lsgd_fast._engine.state cimport batch_t


cdef class GradientSearch:
    """The stepsizes of the only run of a batch, by a line search along each gradient."""
    cdef RunState state
    cdef object line                # ScoreLine
    cdef object linear_map          # LinearMap
    cdef double[:, ::1] scores      # (k, padded) of the latest pass, without intercepts
    cdef double[::1] intercepts     # of the latest pass, while others are made
    cdef listen(self, batch_t* b)
    cdef pause(self, batch_t* b)
    cdef resume(self, batch_t* b)
    cdef choose_stepsize(self, const batch_t* b, direction)
    cdef penalty(self, const batch_t* b)
