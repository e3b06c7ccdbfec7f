"""The loop of a descent over row passes: its trace, its counters and its ends.

A descent is a `state_t` that a team of threads shares for a whole run.  Per step each thread runs
its share of the chunks of the row pass; then one of them finishes the step: it measures w_t,
counts, asks whether to stop, and moves to w_{t+1}.  The GIL is taken only to look for signals.
"""

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport parallel
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from .kernel cimport pass_t, pass_work, run_chunks, sum_slots, sum_tallies, tile_size, totals_t
from .lanes cimport fold_lanes
from .team cimport barrier_wait, is_raised, raise_flag, team_rank, team_size

from .constants import INCREASE_TOLERANCE, UNDERFLOW_LOSS

cdef double increase_tolerance = INCREASE_TOLERANCE
cdef double underflow_loss = UNDERFLOW_LOSS
cdef double POLL_SECONDS = 0.02      # how often to look for signals ...
cdef double POLL_ELEMENTS = 2e5      # ... and, in elements of X, how often to look at the clock
cdef Py_ssize_t SPLIT_SUMS = 8192    # more slots than this are summed by the whole team


cdef double clock() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + 1e-9 * now.tv_nsec


# Euclidean norm, in eight lanes; scaled by the largest entry only where the squares leave float64.
cdef double norm(const double* x, Py_ssize_t size) noexcept nogil:
    cdef double[8] lanes
    cdef double largest = 0.0, total, y
    cdef Py_ssize_t i, j
    for i in range(8):
        lanes[i] = 0.0
    for j in range(size // 8):
        for i in range(8):
            lanes[i] += x[8 * j + i] * x[8 * j + i]
    total = fold_lanes(lanes)
    for j in range(size - size % 8, size):
        total += x[j] * x[j]
    if 1e-280 < total < 1e300:
        return sqrt(total)
    for j in range(size):
        y = fabs(x[j])
        largest = y if y > largest or y != y else largest
    if largest == 0.0 or not isfinite(largest):
        return largest
    total = 0.0
    for j in range(size):
        y = x[j] / largest
        total += y * y
    return largest * sqrt(total)


# --- one step -------------------------------------------------------------------------------------

# From the sums of a pass: the row of the trace, and the gradient where it was computed.
cdef void measure(state_t* s) noexcept nogil:
    cdef Py_ssize_t d = s.row_pass.rows.X.d, j
    cdef totals_t totals
    sum_tallies(&s.row_pass, 0, &totals)
    s.now[STEP] = s.step
    s.now[LOSS] = totals.loss
    s.now[LOG_LOSS] = totals.log_loss
    s.now[ERROR_RATE] = totals.error_rate
    s.now[MIN_MARGIN] = totals.min_margin
    s.now[WEIGHT_NORM] = norm(s.w, d)
    s.now[GRADIENT_NORM] = NAN
    s.now[STEPSIZE] = NAN
    s.known = MEASURED
    if s.row_pass.gradient:
        if s.l2 > 0.0:
            for j in range(d):
                s.gradient[j] += s.l2 * s.w[j]
        if s.row_pass.rows.fit_intercept:
            s.gradient[d] = totals.slope
        s.now[GRADIENT_NORM] = norm(s.gradient, s.n_parameters)
        s.known = GRADIENT


# Whether the loss rose by more than rounding; where it underflows its logarithm is asked.
cdef bint is_increase(double loss, double log_loss, double before,
                      double log_before) noexcept nogil:
    if loss >= underflow_loss and before >= underflow_loss:
        return loss > before * (1.0 + increase_tolerance)
    return log_loss > log_before + increase_tolerance * max(1.0, fabs(log_before))


# Count what w_t shows, and say whether it ends the run.  Asked twice of the same w_t it answers the
# same and counts once.
cdef int judge(state_t* s) noexcept nogil:
    cdef counters_t* c = &s.counters
    cdef double loss = s.now[LOSS], log_loss = s.now[LOG_LOSS]
    if is_increase(loss, log_loss, c.loss, c.log_loss):
        c.n_increases += 1
        c.last_increase = s.step
    c.loss = loss
    c.log_loss = log_loss
    if c.separated_at < 0 and s.now[MIN_MARGIN] > 0.0:              # not for NaN
        c.separated_at = s.step
        memcpy(s.separating, s.w, s.n_parameters * sizeof(double))
    if c.certified_at < 0 and s.certificate * loss <= 1.0:
        c.certified_at = s.step
    if not (isfinite(log_loss) and isfinite(s.now[WEIGHT_NORM])):
        return DIVERGED
    if loss <= s.limits.loss:
        return LOSS_REACHED
    if s.now[GRADIENT_NORM] <= s.limits.gradient_norm:
        return GRADIENT_REACHED
    if s.limits.separated and s.now[MIN_MARGIN] > 0.0:
        return SEPARATED
    if c.last_increase == s.step and s.step >= s.limits.unstable_steps:
        return UNSTABLE
    if (s.limits.seconds < INFINITY and s.known == GRADIENT
            and s.seconds + (clock() - s.started) >= s.limits.seconds):
        return OUT_OF_TIME
    return GOING_ON


# w_{t+1} = w_t - eta * gradient, and the row of the trace that describes w_t.
cdef void take_step(state_t* s) noexcept nogil:
    cdef Py_ssize_t j
    s.now[STEPSIZE] = s.eta
    if s.step % s.record_every == 0:
        memcpy(s.trace + s.n_rows * N_COLUMNS, s.now, sizeof(s.now))
        s.n_rows += 1
    for j in range(s.n_parameters):
        s.w[j] -= s.eta * s.gradient[j]
    s.step += 1
    s.known = NOTHING


# With the gradient at hand: take the step if there is one to take.  `running` says whether another
# pass is wanted.
cdef void move_on(state_t* s) noexcept nogil:
    s.running = False
    if s.reason == GOING_ON and s.step < s.target:
        take_step(s)
        s.running = s.step < s.target or s.measure_target


# --- the team -------------------------------------------------------------------------------------

cdef bint signal_raises(void* errors) noexcept with gil:
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        (<list> errors).append(error)
        return True
    return False


# Now and then look for signals; `work` elements of X were done since the last call.
cdef void poll(state_t* s, double work) noexcept nogil:
    cdef double now
    s.credit -= work
    if s.credit > 0.0:
        return
    s.credit = POLL_ELEMENTS
    now = clock()
    if now >= s.next_poll:
        s.next_poll = now + POLL_SECONDS
        if s.errors != NULL and signal_raises(s.errors):
            raise_flag(&s.interrupted)


# What each thread of a team does until the advance is over.
cdef void member(state_t* s, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef pass_t* p = &s.row_pass
    cdef Py_ssize_t d = p.rows.X.d, chunk
    cdef Py_ssize_t first = rank * p.n_chunks // size, last = (rank + 1) * p.n_chunks // size
    cdef double* tile = p.tiles + rank * tile_size(&p.rows.X)
    cdef double work = pass_work(p.rows.X.n, d) / p.n_chunks
    cdef bint split = size > 1 and p.n_chunks * d > SPLIT_SUMS
    if rank == 0:
        s.team_size = size
    while True:
        for chunk in range(first, last):
            run_chunks(p, chunk, chunk + 1, tile)
            if rank == 0:
                poll(s, work)
            if is_raised(&s.interrupted):
                break
        barrier_wait(&s.barrier, size)
        if p.gradient and split:
            sum_slots(p, rank * d // size, (rank + 1) * d // size, s.gradient)
            barrier_wait(&s.barrier, size)
        elif p.gradient and rank == 0:
            sum_slots(p, 0, d, s.gradient)
        if rank == 0:
            if not is_raised(&s.interrupted):       # else the pass may be incomplete
                measure(s)
                s.reason = judge(s)
                move_on(s)
            else:
                s.running = False
        barrier_wait(&s.barrier, size)
        if not s.running:
            return


cdef void advance(state_t* s, int n_threads) noexcept nogil:
    s.next_poll = clock() + POLL_SECONDS
    s.credit = POLL_ELEMENTS
    s.interrupted = 0
    if s.known == GRADIENT:             # left over from a pass that a callback looked at
        move_on(s)
        if not s.running:
            return
    with parallel(num_threads=n_threads):
        member(s, team_rank(), team_size())
