# A single pass over X, which signals can interrupt.

from lsgd_fast._core.pass_types cimport pass_t
from lsgd_fast._engine.exchange cimport Exchange

# A whole pass by a team of threads, and the gradient unless it is NULL; with an exchange, the sums
# of all ranks. Raises what a signal handler raises.
cdef run_polled_pass(const pass_t* p, double* gradient, int n_threads, Exchange exchange=*)
