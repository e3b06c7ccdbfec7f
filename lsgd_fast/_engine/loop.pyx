"""The loop of descents over row passes: their traces, their counters and their ends.

Runs that share every pass are a `batch_t` that a team of threads shares for as long as it advances.
Per step each thread runs its share of the chunks of the row pass, and what others are late with;
then each finishes its share of the runs: it measures w_t, counts, asks whether to stop, and moves
to w_{t+1}.  Runs that have ended leave the pass.  The GIL is taken only to look for signals.

In Gram space (gram.pyx) the rows of the pass are those of the Gram matrix and w holds the
coefficients of the rows; what differs is how the step and the norms come out of a pass.
"""

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport parallel
from libc.math cimport INFINITY, NAN, fabs, isfinite, sqrt
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from lsgd_fast._core.pass_types cimport PANEL, column_offset, padded_rows, pass_t, totals_t
from lsgd_fast._core.layout cimport pass_work, row_length
from lsgd_fast._core.rowpass cimport reduce_log_scales, reduce_part, reduce_work, sum_tallies
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._core.dispatch cimport run_chunks, reduce_gradients
from lsgd_fast._core.scaling cimport enter_column, leave_column
from lsgd_fast._engine.norms cimport distance, hypotenuse, norm, root
from lsgd_fast._engine.rules cimport (BARZILAI_BORWEIN, CONSTANT, exponential, logarithm,
                                      make_move, move_t, plan_move, rule_constants_t, times_exp)
from lsgd_fast._core.team cimport (barrier_wait, split_work, is_raised, raise_flag, share_t,
                                   take_work, team_rank, team_size)
from lsgd_fast._engine.monitor cimport constants_t, is_increase, look, note_step

from lsgd_fast._constants import EPSILON as epsilon
from lsgd_fast._constants import (FIRST_WINDOW, GROWTH, INCREASE_TOLERANCE, LONGEST, SHORTEST,
                                  SUFFICIENT, UNDERFLOW_LOSS)

cdef constants_t constants = constants_t(INCREASE_TOLERANCE, UNDERFLOW_LOSS, FIRST_WINDOW)
cdef rule_constants_t rule_constants = rule_constants_t(INCREASE_TOLERANCE, SUFFICIENT, SHORTEST,
                                                        LONGEST, logarithm(GROWTH))
cdef double EPSILON = epsilon
cdef double POLL_SECONDS = 0.02      # how often to look for signals ...
cdef double POLL_ELEMENTS = 2e5      # ... and, in elements of X, how often to look at the clock
cdef double SPLIT_SUMS = 8192        # more work than this (reduce_work) is common by the whole team
cdef double POLL_SUMS = 1e6          # sums of partial_gradients between two looks at the clock


cdef double clock() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + 1e-9 * now.tv_nsec


# --- one step of one run --------------------------------------------------------------------------

# What is left to do with the gradient of a joint run, into which the partial_gradients were summed: its factors,
# and the slopes of the intercepts behind it.
cdef void finish_multi(batch_t* b, run_t* r) noexcept nogil:
    cdef const rows_t* rows = b.row_pass.rows
    cdef Py_ssize_t j
    cdef totals_t totals
    if not rows.fit_intercept and rows.scale == NULL:
        return
    for j in range(b.columns):
        sum_tallies(&b.row_pass, j, &totals)
        leave_column(rows, j, b.columns, totals.slope, r.gradient)
        if rows.fit_intercept:
            r.gradient[b.n_weights + j] = totals.slope


# The gradient of run i, and the direction of its step, from the sums of a pass.
cdef void find_direction(batch_t* b, Py_ssize_t i, const totals_t* totals) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, offset, stride, j
    cdef const double* sums
    if b.gram_scale != 0.0:
        find_gram_direction(b, i, totals)
        return
    if b.columns > 0:
        finish_multi(b, r)
    else:
        leave_column(p.rows, i, p.k, totals.slope, b.sums)
        column_offset(i, p.k, d, &offset, &stride)
        sums = b.sums + offset
        if sums != r.gradient:
            for j in range(d):
                r.gradient[j] = sums[j * stride]
        if p.rows.fit_intercept:
            r.gradient[d] = totals.slope
    if r.rule.in_log_domain:
        log_domain_gradient(b, r, totals)
        return
    if r.l2 > 0.0:
        for j in range(b.n_weights):
            r.gradient[j] += r.l2 * r.w[j]
    r.slope.norm = r.now[GRADIENT_NORM] = norm(r.gradient, b.n_parameters)


# The same in Gram space.
cdef void find_gram_direction(batch_t* b, Py_ssize_t i, const totals_t* totals) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, offset, stride, j
    cdef const double* row_gradients = p.row_gradients + i * padded_rows(d)
    cdef double scale = b.gram_scale
    cdef double length, other = 0.0
    column_offset(i, p.k, d, &offset, &stride)
    for j in range(d):
        r.direction[j] = row_gradients[j] / (p.rows.total_weight * scale) + r.l2 * r.w[j]
        r.gradient[j] = (b.sums + offset)[j * stride] / scale + r.l2 * r.monitored.image[j]
    length = sqrt(scale) * root(r.direction, r.gradient, d)
    if p.rows.fit_intercept:
        r.direction[d] = other = totals.slope
    r.slope.norm = r.now[GRADIENT_NORM] = hypotenuse(length, other)


# The gradient of a rule that has it over exp(scale), from that of the loss.  With a penalty nothing
# is to be kept from underflow, and the scale is at least 0.
cdef void log_domain_gradient(batch_t* b, run_t* r, const totals_t* totals) noexcept nogil:
    cdef Py_ssize_t j
    cdef double factor, penalty
    r.slope.scale, r.slope.mass, r.slope.risk = totals.scale, totals.mass, totals.risk
    if r.l2 > 0.0:
        r.slope.scale = max(totals.scale, 0.0)
        factor = exponential(totals.scale - r.slope.scale)
        penalty = r.l2 * exponential(-r.slope.scale)
        for j in range(b.n_weights):
            r.gradient[j] = factor * r.gradient[j] + penalty * r.w[j]
        for j in range(b.n_weights, b.n_parameters):
            r.gradient[j] *= factor
    r.slope.norm = norm(r.gradient, b.n_parameters)
    r.now[GRADIENT_NORM] = times_exp(r.slope.norm, r.slope.scale)


# From the sums of a pass: the row of the trace of run i, and the gradient where it was computed.
cdef void measure(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d
    cdef totals_t totals
    sum_tallies(p, i, &totals)
    r.now[STEP] = r.step
    r.now[LOSS] = totals.loss
    r.now[LOG_LOSS] = totals.log_loss
    r.now[ERROR_RATE] = totals.error_rate
    r.now[MIN_MARGIN] = totals.min_margin
    if b.gram_scale == 0.0:
        r.now[WEIGHT_NORM] = norm(r.w, b.n_weights)
    else:
        memcpy(r.monitored.image, p.scores + i * padded_rows(d), d * sizeof(double))
        r.now[WEIGHT_NORM] = sqrt(b.gram_scale) * root(r.w, r.monitored.image, d)
    r.now[GRADIENT_NORM] = r.now[DISTANCE] = NAN
    if r.origin != NULL:
        r.now[DISTANCE] = distance(r.w, r.w, 1.0, r.origin, r.origin, b.n_weights)
    r.now[STEPSIZE] = r.now[VALIDATION_LOSS] = r.now[VALIDATION_ERROR_RATE] = NAN
    r.known = MEASURED
    if p.gradient:
        find_direction(b, i, &totals)
        r.known = GRADIENT


# What the pass over the held-out rows says of run i.  Recorded steps count, once each.
cdef void validate(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef validation_t* v = &r.validation
    cdef totals_t totals
    sum_tallies(&b.validation, i, &totals)
    r.now[VALIDATION_LOSS] = totals.loss
    r.now[VALIDATION_ERROR_RATE] = totals.error_rate
    if r.step % r.record_every or r.step == v.last_step:
        return
    v.last_step = r.step
    v.waited += 1
    if totals.loss < v.best_loss:
        v.best_loss = totals.loss
        v.best_step = r.step
        v.waited = 0
        memcpy(r.best, r.w, b.n_parameters * sizeof(double))


# Whether all margins are positive, beyond what rounding may do to sums of as many scores.
cdef bint separates(const batch_t* b, const run_t* r) noexcept nogil:
    cdef Py_ssize_t d = b.row_pass.rows.X.d, j
    cdef const double* panels
    cdef double length = 0.0
    if not r.now[MIN_MARGIN] > 0.0:                                 # not for NaN
        return False
    if b.columns > 0:
        length = norm(r.w, b.n_parameters)
    elif b.gram_scale == 0.0:
        length = hypotenuse(r.now[WEIGHT_NORM], r.w[d])
    else:                       # the lengths of the terms that the weights are the sum of
        panels = <const double*> b.row_pass.rows.X.panels
        for j in range(d):
            length += fabs(r.w[j]) * sqrt(b.gram_scale * panels[(j // PANEL * d + j) * PANEL
                                                                + j % PANEL])
        length += fabs(r.w[d])
    return r.now[MIN_MARGIN] > (b.n_terms
                                      * (EPSILON * b.reach * length + EPSILON * b.offset + 5e-324))


# Count what w_t shows, and say whether it ends the run.  Asked twice of the same w_t it answers the
# same and counts once.
cdef int check_stopping(const batch_t* b, run_t* r) noexcept nogil:
    cdef counters_t* c = &r.counters
    cdef double loss = r.now[LOSS], log_loss = r.now[LOG_LOSS], objective = loss
    if r.l2 > 0.0:
        objective += 0.5 * r.l2 * r.now[WEIGHT_NORM] * r.now[WEIGHT_NORM]
    look(&r.monitor, &r.monitored, <double> r.step, objective, loss, log_loss, &constants)
    if is_increase(loss, log_loss, c.loss, c.log_loss, &constants):
        c.n_increases += 1
        c.last_increase = r.step
    c.loss = loss
    c.log_loss = log_loss
    if c.separated_at < 0 and separates(b, r):
        c.separated_at = r.step
        memcpy(r.separating, r.w, b.n_parameters * sizeof(double))
    if c.certified_at < 0 and r.certificate * loss <= 1.0:
        c.certified_at = r.step
    if not (isfinite(log_loss) and isfinite(r.now[WEIGHT_NORM])):
        return DIVERGED
    if loss <= r.limits.loss:
        return LOSS_REACHED
    if r.now[GRADIENT_NORM] <= r.limits.gradient_norm:
        return GRADIENT_REACHED
    if r.limits.separated and c.separated_at == r.step:
        return SEPARATED
    if c.last_increase == r.step and r.step >= r.limits.unstable_steps:
        return UNSTABLE
    if r.validation.waited >= r.limits.patience:
        return OUT_OF_PATIENCE
    if (r.limits.seconds < INFINITY and r.known == GRADIENT
            and r.seconds + (clock() - r.started) >= r.limits.seconds):
        return OUT_OF_TIME
    return GOING_ON


# From w_t to w_{t+1}, and the row of the trace that describes w_t.
cdef void take_step(run_t* r, Py_ssize_t n_parameters) noexcept nogil:
    cdef Py_ssize_t j
    cdef double* row = r.trace + r.n_rows * r.n_columns
    cdef double objective
    cdef move_t move
    if r.rule.kind != CONSTANT:
        r.slope.true_norm = r.now[GRADIENT_NORM]
        r.slope.log_loss = r.slope.log_objective = r.now[LOG_LOSS]
    if r.rule.kind == BARZILAI_BORWEIN and r.l2 > 0.0:
        objective = r.now[LOSS] + 0.5 * r.l2 * r.now[WEIGHT_NORM] * r.now[WEIGHT_NORM]
        if objective < INFINITY:
            r.slope.log_objective = logarithm(objective)
    plan_move(&r.rule, r.step, r.w, &r.slope, n_parameters, &rule_constants, &move)
    r.now[STEPSIZE] = r.rule.state.stepsize
    note_step(&r.monitor, &r.monitored, &move, r.slope.norm, r.now[WEIGHT_NORM])
    if r.step % r.record_every == 0:
        for j in range(r.n_columns):
            row[j] = r.now[r.columns[j]]
        r.n_rows += 1
    make_move(&r.rule, &move, r.w, r.direction, n_parameters)
    r.step += 1
    r.known = NOTHING


# With the gradient at hand: take the step if there is one to take, and see whether another pass is
# wanted.
cdef void move_on(const batch_t* b, run_t* r) noexcept nogil:
    r.running = False
    if r.reason == GOING_ON and r.step < b.target:
        take_step(r, b.n_parameters)
        r.running = r.step < b.target or b.measure_target


# Measure w_t of run i and leave it.
cdef void finish_step(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef run_t* r = b.runs[i]
    if r.closing:
        validate(b, i)
        r.closing = r.running = False
        return
    measure(b, i)
    if b.validating:
        validate(b, i)
    r.reason = check_stopping(b, r)
    if r.reason != GOING_ON:
        r.finished = clock()
        r.closing = b.validation.rows != NULL and not b.validating
    move_on(b, r)
    r.running = r.running or r.closing


# --- the batch ------------------------------------------------------------------------------------

# The pass reads a joint run's own weights, but where they are not those of x: then a copy.
cdef void place_multi(batch_t* b, const double* w) noexcept nogil:
    cdef Py_ssize_t column
    if b.row_pass.rows.scale == NULL:
        return
    memcpy(b.weights, w, b.n_weights * sizeof(double))
    memcpy(b.intercepts, w + b.n_weights, b.columns * sizeof(double))
    for column in range(b.columns):
        enter_column(b.row_pass.rows, column, b.columns, b.weights, b.intercepts)


# Put the weights of run i where the pass reads them.
cdef void place(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef Py_ssize_t d = b.row_pass.rows.X.d, offset, stride, j
    cdef const double* w = b.runs[i].w
    if b.columns > 0:
        place_multi(b, w)
        return
    b.intercepts[i] = w[d]
    if b.row_pass.weights != w:
        column_offset(i, b.row_pass.k, d, &offset, &stride)
        for j in range(d):
            b.weights[offset + j * stride] = w[j]
    enter_column(b.row_pass.rows, i, b.row_pass.k, b.weights, b.intercepts)
    if b.in_log_domain != NULL:
        b.in_log_domain[i] = b.runs[i].rule.in_log_domain


# Where the coming pass reads weights and sums gradients.  Those of a single run on sparse rows are
# not copied, where they are those of x: there d may not be small beside the entries.  When it is
# closing it keeps its gradient.
cdef void lay_out(batch_t* b) noexcept nogil:
    cdef const rows_t* rows = b.row_pass.rows
    cdef bint single = (b.n_runs == 1 and b.columns == 0 and rows.X.sparse != NULL
                        and rows.scale == NULL)
    b.sums = b.runs[0].gradient if single and not b.runs[0].closing else b.gradients
    b.row_pass.weights = b.validation.weights = b.runs[0].w if single else b.weights


# Runs that want no other pass leave; the others move up, and all are placed anew.
cdef void regroup(batch_t* b) noexcept nogil:
    cdef Py_ssize_t i, n_runs = 0
    for i in range(b.n_runs):
        if b.runs[i].running:
            b.runs[n_runs] = b.runs[i]
            n_runs += 1
    b.n_runs = n_runs
    b.row_pass.k = b.validation.k = max(b.columns, <Py_ssize_t> 1) * n_runs
    b.running = n_runs > 0
    b.validating = False
    lay_out(b)
    for i in range(n_runs):
        place(b, i)
        if b.validation.rows != NULL:
            b.validating = b.validating or is_validated(b, b.runs[i])


# Whether the coming pass is one of a recorded step, or may be the last one of the run.
cdef bint is_validated(const batch_t* b, const run_t* r) noexcept nogil:
    return r.closing or r.step % r.record_every == 0 or (b.measure_target and r.step == b.target)


# The pieces of the coming pass for each thread.
cdef void deal(batch_t* b, Py_ssize_t size) noexcept nogil:
    split_work(b.shares, size, b.row_pass.n_chunks)
    if b.validating:
        split_work(b.validation_shares, size, b.validation.n_chunks)


# --- the team -------------------------------------------------------------------------------------

cdef bint signal_raises(void* errors) noexcept with gil:
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        (<list> errors).append(error)
        return True
    return False


# Now and then look for signals; `work` elements of X were done since the last call.
cdef void poll(batch_t* b, double work, int* interrupted) noexcept nogil:
    cdef double now
    b.credit -= work
    if b.credit > 0.0:
        return
    b.credit = POLL_ELEMENTS
    now = clock()
    if now >= b.next_poll:
        b.next_poll = now + POLL_SECONDS
        if b.errors != NULL and signal_raises(b.errors):
            raise_flag(interrupted)


# A thread's part of a pass: its share of the chunks, then what is left of the others'.
cdef void run_part(batch_t* b, const pass_t* p, share_t* shares, Py_ssize_t rank,
                   Py_ssize_t size) noexcept nogil:
    cdef double* tile = p.tiles + rank * p.thread_memory
    cdef double work = p.k * pass_work(p.rows.X.n, <Py_ssize_t> row_length(&p.rows.X)) / p.n_chunks
    cdef Py_ssize_t chunk, i
    for i in range(size):
        chunk = take_work(&shares[(rank + i) % size], size)
        while chunk >= 0 and not is_raised(&b.interrupted):
            run_chunks(p, chunk, chunk + 1, tile)
            if rank == 0:
                poll(b, work, &b.interrupted)
            chunk = take_work(&shares[(rank + i) % size], size)


# A thread's part of the sums.  What it raises is looked at after them: some may still be about to
# look whether the pass was interrupted.
cdef void sum_part(batch_t* b, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef pass_t* p = &b.row_pass
    cdef double work = reduce_work(p) / size
    cdef Py_ssize_t pieces = 1 + <Py_ssize_t> (work / POLL_SUMS), i
    for i in range(rank * pieces, (rank + 1) * pieces):
        if is_raised(&b.sums_interrupted):
            return
        reduce_gradients(p, reduce_part(p, i, size * pieces), reduce_part(p, i + 1, size * pieces),
                  b.sums)
        if rank == 0:
            poll(b, work / pieces, &b.sums_interrupted)


# What each thread of a team does until the advance is over.
cdef void worker(batch_t* b, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, k, i, n_runs
    cdef bint common                            # whether all sum the partial_gradients and finish the runs
    if rank == 0:
        b.team_size = size
        deal(b, size)
    barrier_wait(&b.barrier, size)
    while True:
        k = p.k                                 # these change while some are behind, in `regroup`
        n_runs = b.n_runs
        common = size > 1 and (k > 1 or reduce_work(p) > SPLIT_SUMS)
        run_part(b, p, b.shares, rank, size)
        if b.validating:
            run_part(b, &b.validation, b.validation_shares, rank, size)
        barrier_wait(&b.barrier, size)
        if is_raised(&b.interrupted):                   # the pass may be incomplete
            return
        if p.gradient and p.log_sums != NULL and p.rows.X.sparse != NULL:
            reduce_log_scales(p, rank * p.n_chunks // size, (rank + 1) * p.n_chunks // size)
            barrier_wait(&b.barrier, size)
        if common:
            if p.gradient:
                sum_part(b, rank, size)
                barrier_wait(&b.barrier, size)
                if is_raised(&b.sums_interrupted):
                    return
            i = rank
            while i < n_runs:
                finish_step(b, i)
                i += size
            if n_runs > 1:
                barrier_wait(&b.barrier, size)
        elif rank == 0:
            if p.gradient and size == 1:
                sum_part(b, rank, size)
                if is_raised(&b.sums_interrupted):
                    return
            elif p.gradient:
                reduce_gradients(p, 0, k * d, b.sums)
            for i in range(n_runs):
                finish_step(b, i)
        if rank == 0:
            regroup(b)
            deal(b, size)
        barrier_wait(&b.barrier, size)
        if not b.running:
            return


cdef void advance(batch_t* b, int n_threads) noexcept nogil:
    cdef Py_ssize_t i
    b.next_poll = clock() + POLL_SECONDS
    b.credit = POLL_ELEMENTS
    b.interrupted = b.sums_interrupted = 0
    for i in range(b.n_runs):
        b.runs[i].running = True
        if b.runs[i].known == GRADIENT:     # left over from a pass that a callback looked at
            move_on(b, b.runs[i])
    regroup(b)
    if b.running:
        with parallel(num_threads=n_threads):
            worker(b, team_rank(), team_size())
