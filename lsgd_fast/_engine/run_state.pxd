# One run of a batch: the state that the loop works on, and the arrays that it points into.

from lsgd_fast._engine.average cimport Average
from lsgd_fast._engine.state cimport run_t

# Rows of RunState.parameters. A network has those up to FIRST_ROW, and in Gram space there are the
# images of the monitor's vectors and two rows more that no checkpoint needs. Vectors of the rule
# come last, and never in Gram space.
cdef enum:
    W_ROW, GRADIENT_ROW, SEPARATING_ROW, BEST_ROW, FIRST_ROW, SUM_ROW, MEAN_ROW, N_ROWS
    N_NETWORK_ROWS = FIRST_ROW + 1
    IMAGE_FIRST_ROW = N_ROWS
    IMAGE_SUM_ROW, IMAGE_MEAN_ROW, N_GRAM_STATE_ROWS
    IMAGE_ROW = N_GRAM_STATE_ROWS
    DIRECTION_ROW, N_GRAM_ROWS


cdef class RunState:
    """One run of a batch: the state that the loop works on, and the arrays that it points into."""
    cdef run_t run
    cdef readonly object problem, rule
    cdef double[:, ::1] parameters   # (rows, size + 1), see the enum above
    cdef Py_ssize_t n_kept           # rows that make up the state between two steps
    cdef double[:, ::1] trace        # what run.trace points to
    cdef double[::1] values          # what rule.values points to
    cdef Average average             # None unless the run keeps the mean of its weights
    cdef double[:, ::1] unmonitored  # what the monitor of a network measures instead of weights
    cdef _lay_out(self, const double[::1] first, double gram_factor)
    cdef _set_conditions(self, stop)
    cdef _set_rule(self)
    cdef bint needs_gradient(self)
    cdef reserve(self, Py_ssize_t target)
    cdef double[::1] monitor_view(self)
    cdef double[::1] rule_view(self)
    cdef stop_reason(self)
    cdef trace_rows(self)
    cdef diagnostics(self)
    cdef counters(self)
    cdef arrays(self)
    cdef restore(self, path, checkpoint)
