# Signals during a call that runs without the GIL, and the team of threads that makes the call.

# What decides when to look for signals; the first thread of a team owns it.
cdef struct poll_t:
    double credit           # elements of X until the next look at the clock
    double next_poll        # when to look for signals again, by `clock`
    void* errors            # list of what signal handlers raise; NULL: this thread runs none
    int interrupted         # a flag, see team.h: a handler has raised, and the work is incomplete

# What each thread of a team runs: `rank` of `size` threads.
ctypedef void (*worker_t)(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil

# Seconds, from a clock that never goes back.
cdef double clock() noexcept nogil

# Look at the clock and, if it is time, for signals; raise `flag` if a handler raises.
cdef void look_at_clock(poll_t* p, int* flag) noexcept nogil

# Run `worker` on a team of at most `n_threads` threads; then raise what a signal handler raised.
cdef run_team(worker_t worker, void* state, poll_t* p, int n_threads)


# Account for `work` elements of X, and look for signals from time to time.
cdef inline void poll(poll_t* p, double work, int* flag) noexcept nogil:
    p.credit -= work
    if p.credit <= 0.0:
        look_at_clock(p, flag)
