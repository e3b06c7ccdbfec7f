"""One step of one run: from the sums of a pass to the next weights.

A pass leaves its sums in the `batch_t`. For each run `measure` reads them, `check_stopping`
updates the counters and decides whether the run ends, and `take_step` moves to w_{t+1}.

In Gram space (gram.pyx) the rows of the pass are those of the Gram matrix and w holds coefficients
of the rows; only `find_gram_direction` and the norms differ.
"""

from libc.math cimport INFINITY, NAN, fabs, isfinite, isnan, sqrt
from libc.string cimport memcpy

from lsgd_fast._core.clock cimport clock
from lsgd_fast._core.pass_types cimport PANEL, column_offset, padded_rows, pass_t, totals_t
from lsgd_fast._core.reduce cimport total_tallies
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._core.scaling cimport leave_column
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.mean cimport add_to_sum
from lsgd_fast._engine.monitor cimport constants_t, is_increase, observe, observe_step
from lsgd_fast._engine.norms cimport distance, hypotenuse, largest, norm, root
from lsgd_fast._engine.rules cimport (BARZILAI_BORWEIN, CONSTANT, exponential, gradient_t,
                                      logarithm, make_move, move_t, plan_move, rule_constants_t,
                                      times_exp)
from lsgd_fast._engine.state cimport (DISTANCE, DIVERGED, ERROR_RATE, GOING_ON, GRADIENT,
                                      GRADIENT_NORM, GRADIENT_REACHED, LN_LOSS, LOSS,
                                      LOSS_REACHED, MEASURED, MIN_MARGIN, NOTHING,
                                      OUT_OF_PATIENCE, OUT_OF_TIME, SEPARATED, STEP, STEPSIZE,
                                      UNSTABLE, VALIDATION_ERROR_RATE, VALIDATION_LOSS,
                                      WEIGHT_NORM, ZERO_LOSS, counters_t, is_recorded, is_zero,
                                      objective_of, validation_t)

from lsgd_fast._constants import (EPSILON, FIRST_WINDOW, FLAT_GROWTH, INCREASE_TOLERANCE,
                                  MAX_SHORTENING, MIN_SHORTENING, SMALLEST_FLOAT,
                                  SUFFICIENT_DECREASE, UNDERFLOW_LOSS)

cdef extern from *:
    ctypedef void rare "__attribute__((cold, noinline)) void"   # apart from the code of each step
    ctypedef void apart "__attribute__((noinline)) void"        # the same, but fast where it runs

cdef constants_t constants = constants_t(INCREASE_TOLERANCE, UNDERFLOW_LOSS, FIRST_WINDOW)
cdef rule_constants_t rule_constants = rule_constants_t(
    INCREASE_TOLERANCE, SUFFICIENT_DECREASE, MIN_SHORTENING, MAX_SHORTENING,
    logarithm(FLAT_GROWTH))
cdef double epsilon = EPSILON
cdef double smallest_float = SMALLEST_FLOAT


# Complete the summed gradient of a run of several columns: scale the features, and append the
# gradient of the intercepts.
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


# The gradient of run i and the direction of its step, from the sums of a pass.
cdef void find_direction(batch_t* b, Py_ssize_t i, const totals_t* totals) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, offset, stride, j
    cdef const double* sums
    if b.gram_factor != 0.0:
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
    r.rule_gradient.norm = r.now[GRADIENT_NORM] = norm(r.gradient, b.n_parameters)


# The same in Gram space: the direction holds coefficients of the rows, the gradient its image.
cdef void find_gram_direction(batch_t* b, Py_ssize_t i, const totals_t* totals) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, offset, stride, j
    cdef const double* row_gradients = p.row_gradients + i * padded_rows(d)
    cdef double factor = b.gram_factor
    cdef double length, slope = 0.0
    column_offset(i, p.k, d, &offset, &stride)
    for j in range(d):
        r.direction[j] = row_gradients[j] / (p.rows.total_weight * factor) + r.l2 * r.w[j]
        r.gradient[j] = (b.sums + offset)[j * stride] / factor + r.l2 * r.monitored.image[j]
    length = sqrt(factor) * root(r.direction, r.gradient, d)
    if p.rows.fit_intercept:
        r.direction[d] = slope = totals.slope
    r.rule_gradient.norm = r.now[GRADIENT_NORM] = hypotenuse(length, slope)


# The gradient of the objective over exp(log_scale) for a rule in the log domain, from that of the
# loss. With a penalty the gradient does not underflow, and log_scale is at least 0.
cdef void log_domain_gradient(batch_t* b, run_t* r, const totals_t* totals) noexcept nogil:
    cdef gradient_t* g = &r.rule_gradient
    cdef Py_ssize_t j
    cdef double factor, penalty
    g.log_scale, g.mass, g.risk = totals.log_scale, totals.mass, totals.risk
    if r.l2 > 0.0:
        g.log_scale = max(totals.log_scale, 0.0)
        factor = exponential(totals.log_scale - g.log_scale)
        penalty = r.l2 * exponential(-g.log_scale)
        for j in range(b.n_weights):
            r.gradient[j] = factor * r.gradient[j] + penalty * r.w[j]
        for j in range(b.n_weights, b.n_parameters):
            r.gradient[j] *= factor
    g.norm = norm(r.gradient, b.n_parameters)
    r.now[GRADIENT_NORM] = times_exp(g.norm, g.log_scale)


# Whether all is a number in the measurement of w_t, and nothing has overflowed.
cdef bint is_finite(const batch_t* b, const run_t* r) noexcept nogil:
    return (isfinite(r.now[LN_LOSS]) and isfinite(r.now[WEIGHT_NORM])
            and not (r.known == GRADIENT and isnan(r.now[GRADIENT_NORM]))
            and r.origin == NULL and not has_overflowed(b, r))


# Whether w_t has left float64.
cdef bint has_overflowed(const batch_t* b, const run_t* r) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(b.n_weights, b.n_parameters):
        if not isfinite(r.w[j]):
            return True
    return not isfinite(r.now[WEIGHT_NORM]) and not largest(r.w, b.n_weights) < INFINITY


# Replace what is not a number in the measurement of w_t, see docs/monitor.md: terms have
# overflowed to both sides, or w_t itself has.
cdef rare settle(const batch_t* b, run_t* r) noexcept nogil:
    # in the log domain a log scale of infinity leaves no terms
    cdef bint without_weights = has_overflowed(b, r)
    cdef bint overflowed = (not r.now[LN_LOSS] < INFINITY              # also where it is NaN
                            or (r.now[LN_LOSS] == -INFINITY and r.now[LOSS] > 0.0)
                            or without_weights)
    if without_weights:
        r.now[ERROR_RATE] = 1.0
    if overflowed:
        r.now[LOSS] = r.now[LN_LOSS] = INFINITY
        r.now[MIN_MARGIN] = -INFINITY
    if r.known == GRADIENT and (overflowed or isnan(r.now[GRADIENT_NORM])):
        r.now[GRADIENT_NORM] = INFINITY
    if isnan(r.now[WEIGHT_NORM]):
        r.now[WEIGHT_NORM] = INFINITY
    if r.origin != NULL and isnan(r.now[DISTANCE]):
        r.now[DISTANCE] = INFINITY


# The measurement of w_t of run i from the sums of a pass, and the gradient if it was computed.
cdef void measure(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d
    cdef totals_t totals
    total_tallies(p, i, constants.underflow, &totals)       # sum_tallies, inlined
    r.now[STEP] = r.step
    r.now[LOSS] = totals.loss
    r.now[LN_LOSS] = totals.ln_loss
    r.now[ERROR_RATE] = totals.error_rate
    r.now[MIN_MARGIN] = totals.min_margin
    if b.gram_factor == 0.0:
        r.now[WEIGHT_NORM] = norm(r.w, b.n_weights)
    else:
        memcpy(r.monitored.image, p.scores + i * padded_rows(d), d * sizeof(double))
        r.now[WEIGHT_NORM] = sqrt(b.gram_factor) * root(r.w, r.monitored.image, d)
    r.now[GRADIENT_NORM] = r.now[DISTANCE] = NAN
    if r.origin != NULL:
        r.now[DISTANCE] = distance(r.w, r.w, 1.0, r.origin, r.origin, b.n_weights)
    r.now[STEPSIZE] = r.now[VALIDATION_LOSS] = r.now[VALIDATION_ERROR_RATE] = NAN
    r.known = MEASURED
    if p.gradient:
        find_direction(b, i, &totals)
        r.known = GRADIENT
    if not is_finite(b, r):
        settle(b, r)


# The held-out loss of run i, from the pass over the held-out rows. Only recorded steps can be the
# best one, and each counts once.
cdef void validate(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef run_t* r = b.runs[i]
    cdef validation_t* v = &r.validation
    cdef totals_t totals
    cdef bint without_weights = has_overflowed(b, r)
    cdef double loss
    sum_tallies(&b.validation, i, &totals)
    loss = INFINITY if isnan(totals.loss) or without_weights else totals.loss
    r.now[VALIDATION_LOSS] = loss
    r.now[VALIDATION_ERROR_RATE] = 1.0 if without_weights else totals.error_rate
    if not is_recorded(r) or r.step == v.last_step:
        return
    v.last_step = r.step
    v.waited += 1
    if loss < v.best_loss:
        v.best_loss = loss
        v.best_step = r.step
        v.waited = 0
        memcpy(r.best, r.w, b.n_parameters * sizeof(double))


# Whether all margins are positive by more than the rounding error of their sums, without offsets.
cdef bint separates(const batch_t* b, const run_t* r) noexcept nogil:
    cdef Py_ssize_t d = b.row_pass.rows.X.d, j
    cdef const double* panels
    cdef double length = 0.0, rounding
    if not r.now[MIN_MARGIN] > 0.0:                                 # not for NaN
        return False
    if b.columns > 0:
        length = norm(r.w, b.n_parameters)
    elif b.gram_factor == 0.0:
        length = hypotenuse(r.now[WEIGHT_NORM], r.w[d])
    else:                       # the lengths of the terms of which the weights are the sum
        panels = <const double*> b.row_pass.rows.X.panels
        for j in range(d):
            length += fabs(r.w[j]) * sqrt(b.gram_factor * panels[(j // PANEL * d + j) * PANEL
                                                                 + j % PANEL])
        length += fabs(r.w[d])
    rounding = epsilon * b.reach * length + epsilon * (b.at_zero + b.offset) + smallest_float
    return r.now[MIN_MARGIN] > b.n_terms * rounding + b.offset


# Update the counters and the monitor with the measurement of w_t, and return why it ends the run.
# A second call for the same w_t returns the same and counts nothing twice.
cdef int check_stopping(const batch_t* b, run_t* r) noexcept nogil:
    cdef counters_t* c = &r.counters
    cdef double loss = r.now[LOSS], ln_loss = r.now[LN_LOSS]
    if is_increase(loss, ln_loss, c.loss, r.monitor.ln_loss, &constants):
        c.n_increases += 1
        c.last_increase = r.step
    c.loss = loss
    observe(&r.monitor, &r.monitored, <double> r.step, objective_of(r), loss, ln_loss, &constants)
    if c.separated_at < 0 and separates(b, r):
        c.separated_at = r.step
        memcpy(r.separating, r.w, b.n_parameters * sizeof(double))
    if c.certified_at < 0 and r.certificate * loss <= 1.0:
        c.certified_at = r.step
    if not (isfinite(ln_loss) and isfinite(r.now[WEIGHT_NORM])):
        if not (is_zero(r) and isfinite(r.now[WEIGHT_NORM])):
            return DIVERGED
        if r.l2 == 0.0:                     # no step leads away from here
            return ZERO_LOSS
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
    return GOING_ON


# The time, the same on all ranks.
cdef inline double now(const batch_t* b) noexcept nogil:
    return clock() if b.exchange == NULL else b.exchange.clock


cdef bint is_out_of_time(const batch_t* b, const run_t* r) noexcept nogil:
    return (r.limits.seconds < INFINITY
            and r.seconds + (now(b) - r.started) >= r.limits.seconds)


# Keep w_t for the mean of all weights.
cdef apart keep_for_mean(run_t* r, Py_ssize_t n_parameters) noexcept nogil:
    add_to_sum(r.sums, r.errors, r.w, r.step, n_parameters)


# Move from w_t to w_{t+1}, and write the row of the trace for w_t.
cdef void take_step(run_t* r, Py_ssize_t n_parameters) noexcept nogil:
    cdef Py_ssize_t j
    cdef double* row = r.trace + r.n_rows * r.n_columns
    cdef gradient_t* g = &r.rule_gradient
    cdef double objective
    cdef move_t move
    if r.rule.kind != CONSTANT:
        g.true_norm = r.now[GRADIENT_NORM]
        g.ln_loss = g.ln_objective = r.now[LN_LOSS]
    if r.rule.kind == BARZILAI_BORWEIN and r.l2 > 0.0:
        objective = objective_of(r)
        if objective < INFINITY:
            g.ln_objective = logarithm(objective)
    plan_move(&r.rule, r.step, r.w, g, n_parameters, &rule_constants, &move)
    r.now[STEPSIZE] = r.rule.state.stepsize
    observe_step(&r.monitor, &r.monitored, &move, g.norm, r.now[WEIGHT_NORM])
    if is_recorded(r):
        for j in range(r.n_columns):
            row[j] = r.now[r.columns[j]]
        r.n_rows += 1
    if r.sums != NULL:
        keep_for_mean(r, n_parameters)
    make_move(&r.rule, &move, r.w, r.direction, n_parameters)
    r.step += 1
    r.known = NOTHING


cdef void move_on(const batch_t* b, run_t* r) noexcept nogil:
    r.running = False
    if r.reason == GOING_ON and r.step == b.target:
        return
    if r.reason == GOING_ON and is_out_of_time(b, r):
        r.reason = OUT_OF_TIME
    if r.reason != GOING_ON:
        r.finished = now(b)
        return
    take_step(r, b.n_parameters)
    r.running = r.step < b.target or b.measure_target


cdef void finish_step(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef run_t* r = b.runs[i]
    if r.closing:
        if r.is_average:
            measure(b, i)
        else:
            validate(b, i)
        r.closing = r.running = False
        return
    measure(b, i)
    if b.validating:
        validate(b, i)
    r.reason = check_stopping(b, r)
    move_on(b, r)
    if r.reason != GOING_ON:
        r.running = r.closing = b.validation.rows != NULL and not b.validating
