"""Signals during a call that runs without the GIL, and the team of threads that makes the call.

The first thread of the team takes the GIL from time to time and runs the handlers of signals. When
one raises an exception, the thread asks the team to stop: all threads drop the work that they are
at, leave where they meet next, and `run_team` raises the exception.
"""

from threading import get_ident, main_thread

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport parallel

from lsgd_fast._core.clock cimport clock
from lsgd_fast._core.team cimport ask_to_stop, team_rank, team_size

from lsgd_fast._core.team import may_run_parallel

cdef double POLL_SECONDS = 0.02      # between two looks for signals
cdef double POLL_ELEMENTS = 2e5      # elements of X between two looks at the clock


cdef void look_at_clock(poll_t* p) noexcept nogil:
    p.looked = clock()
    p.credit = POLL_ELEMENTS
    if p.looked >= p.next_poll:
        p.next_poll = p.looked + POLL_SECONDS
        if p.errors != NULL and signal_raises(p.errors):
            ask_to_stop(&p.barrier, True)


# Run the handlers of signals; if one raises, append the exception to the list `errors`.
cdef bint signal_raises(void* errors) noexcept with gil:
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        (<list> errors).append(error)
        return True
    return False


cdef run_team(worker_t worker, void* state, poll_t* p, int n_threads):
    cdef list errors = []
    p.looked = clock()
    p.next_poll = p.looked + POLL_SECONDS
    p.credit = POLL_ELEMENTS
    ask_to_stop(&p.barrier, False)
    # Python runs the handlers of signals in the main thread only
    p.errors = <void*> errors if get_ident() == main_thread().ident else NULL
    # a child of fork may not have the threads of its parent
    if n_threads > 1 and not may_run_parallel():
        n_threads = 1
    with nogil:
        if n_threads == 1:
            worker(state, 0, 1)
        else:
            with parallel(num_threads=n_threads):
                worker(state, team_rank(), team_size())
    p.errors = NULL
    if errors:
        raise errors[0]
