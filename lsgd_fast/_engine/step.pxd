# One step of one run: from the sums of a pass to the next weights.

from lsgd_fast._engine.state cimport batch_t, run_t

# Measure w_t of run i with the sums of the pass, and take the step from it unless the run ends.
cdef void finish_step(batch_t* b, Py_ssize_t i) noexcept nogil

# Take the step of a run whose gradient is at hand, unless it has ended, is at the target or has no
# time left; set whether it needs another pass.
cdef void move_on(const batch_t* b, run_t* r) noexcept nogil
