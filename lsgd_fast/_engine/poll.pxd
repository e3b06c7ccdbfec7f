# Signals during a call that runs without the GIL, and the team of threads that makes the call.

from lsgd_fast._core.team cimport barrier_t, barrier_wait, has_yielded, is_asked_to_stop

# Where a team meets, and what decides when its first thread looks for signals.
cdef struct poll_t:
    barrier_t barrier
    double credit           # elements of X until the next look at the clock
    double looked           # the latest look, by `clock`
    double next_poll        # when to look for signals again
    void* errors            # list of what signal handlers raise; NULL: this thread runs none

# What each thread of a team runs: `rank` of `size` threads. Work between two meetings may be
# dropped once `is_stopping` holds; where `meet` says that the team stops, it is incomplete.
ctypedef void (*worker_t)(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil

# Look at the clock and, if it is time, for signals; if a handler raises, ask the team to stop.
cdef void look_at_clock(poll_t* p) noexcept nogil

# Run `worker` on a team of at most `n_threads` threads; then raise what a signal handler raised.
cdef run_team(worker_t worker, void* state, poll_t* p, int n_threads)

cdef enum:
    MEETING_WORK = 1000     # elements of X: a meeting takes about as long


# Account for `work` elements of X, and look at the clock from time to time. For the first thread.
cdef inline void poll(poll_t* p, double work) noexcept nogil:
    p.credit -= work
    if p.credit <= 0.0:
        look_at_clock(p)


# Whether the team is going to stop: what is left of the work until the next meeting is dropped.
cdef inline bint is_stopping(const poll_t* p) noexcept nogil:
    return is_asked_to_stop(&p.barrier)


# Wait for the whole team; return whether it stops, the same for all threads. On a busy machine,
# where threads yield, the time of a step has little to do with its work, and the first thread may
# get none: it looks at the clock.
cdef inline bint meet(poll_t* p, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    if rank == 0 and size > 1:
        poll(p, p.credit if has_yielded(&p.barrier) else MEETING_WORK)
    return barrier_wait(&p.barrier, size)
