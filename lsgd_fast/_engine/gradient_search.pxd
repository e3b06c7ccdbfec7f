# The line search of a run along its gradient.

from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.run_state cimport RunState


cdef class GradientSearch:
    """The stepsizes of the only run of a batch, by a line search along each gradient."""
    cdef Batch batch
    cdef RunState state
    cdef object line                # ScoreLine
    cdef object linear_map          # LinearMap
    cdef double[:, ::1] scores      # (k, padded) of the latest pass, without intercepts
    cdef choose_stepsize(self)
    cdef intercepts(self)
    cdef penalty(self)
