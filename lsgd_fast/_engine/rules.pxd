# Stepsize rules in the compiled loop, which stepsizes.py describes.
#
# The gradients of an adaptive rule are divided by exp(log_scale) (loss_general.pxd computes them in
# the log domain), and so are its factors: none of eta / L, 1 / |gradient| or L / |gradient|^2 is
# formed, only its product with exp(log_scale). AdGD and BarzilaiBorwein keep the logarithm of a
# step's factor, relative to the gradient of that step, so that log scales are only ever subtracted
# from one another.
#
# A method with an update of its own (NESTEROV, DUAL_MOMENTUM) is another kind: `plan_move` computes
# its factors and `make_move` changes w. Vectors that a rule keeps are rows of RunState.parameters
# (`n_vectors` in stepsizes.py), scalars are members of rule_state_t.

from libc.math cimport INFINITY, fabs, isfinite, sqrt
from libc.string cimport memcpy, memset

from lsgd_fast._core.loss_slope cimport log_slope_at
from lsgd_fast._core.pass_types cimport loss_t
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive
from lsgd_fast._engine.norms cimport distance, norm
from lsgd_fast._engine.schedules cimport anytime_step, exponent_of_two


# run_state.pyx has the classes of stepsizes.py.
cdef enum rule_kind_t:
    CONSTANT, SCHEDULE, SILVER, RISK_ADAPTIVE, TYURIN, NORMALIZED_GRADIENT, POLYAK, ADGD
    BARZILAI_BORWEIN, NESTEROV, DUAL_MOMENTUM, INVERSE_LOSS, ANYTIME, ARMIJO

cdef enum:
    HEIGHTS = 10                        # GLL_WINDOW of _constants.py
    LARGE_EXPONENT = 700                # exp of more may overflow, and exceeds any other term

# The state of a rule between two steps, apart from its vectors; doubles only, see rule_view in
# run_state.pyx.
cdef struct rule_state_t:
    double stepsize                     # of the latest step; inf where that overflows. ARMIJO: of
                                        # the next one, once gradient_search.pyx has found it
    double count                        # steps, or of BARZILAI_BORWEIN accepted weights
    double log_factor                   # of the latest step, less -log_scale
    double growth                       # ADGD: log of the latest stepsize over the one before
    double log_scale, norm              # of the gradient that is kept
    double inertia                      # NESTEROV: a_t, see stepsizes.py; 0 before any step
    double bound                        # DUAL_MOMENTUM: an upper bound of the margin of the data
    double total                        # ANYTIME: see schedules.pxd
    double[HEIGHTS] heights             # BARZILAI_BORWEIN: log objectives of accepted weights

cdef struct rule_t:
    rule_kind_t kind
    bint in_log_domain                  # whether its gradients are
    double eta
    const double* values                # SCHEDULE, SILVER, ANYTIME: known_values of stepsizes.py
    Py_ssize_t n_values
    double smoothness                   # upper bound of the objective's curvature, or inf
    loss_t loss                         # of the run; RISK_ADAPTIVE needs it
    double radius, l2                   # radius: the largest norm of the gradient of a margin
    rule_state_t state
    double* weights                     # ADGD, BARZILAI_BORWEIN: (d + 1,) the weights that the
                                        # latest factor belongs to ...
    double* gradient                    # ... and the gradient there
    double* kept                        # NESTEROV: (d + 1,) the end of its latest gradient step;
                                        # DUAL_MOMENTUM: the momentum

# The gradient at w_t over exp(log_scale); log_scale is 0 for rules that are not adaptive.
cdef struct gradient_t:
    const double* vector                # (d + 1,)
    double norm, log_scale
    double mass, risk                   # means of |loss'| and of the loss, over exp(log_scale)
    double true_norm                    # norm * exp(log_scale)
    double ln_loss, ln_objective

# A step: w -= factor * gradient, or the same from the weights and the gradient that the rule keeps.
cdef struct move_t:
    double factor
    double momentum                     # NESTEROV: the factor of x_{t+1} - x_t, see stepsizes.py
    double length                       # of the step; infinite where it is not down the gradient
    double promise                      # decrease of the objective to first order
    bint goes_back                      # whether it starts from the weights that the rule keeps

cdef struct rule_constants_t:
    double tolerance, sufficient, shortest, longest, log_growth


# log(x) for 0 <= x <= infinity
cdef inline double logarithm(double x) noexcept nogil:
    cdef double result
    if not 0.0 < x < INFINITY:
        return -INFINITY if x == 0.0 else x
    log_positive(x, &result)
    return result


# exp(x)
cdef inline double exponential(double x) noexcept nogil:
    cdef double result
    if x <= 0.0:
        exp_nonpositive(x, &result)
        return result
    exp_nonpositive(-0.5 * x, &result)
    return (1.0 / result) / result


# x * exp(s), also where exp(s) alone would overflow or underflow
cdef inline double times_exp(double x, double s) noexcept nogil:
    cdef double half
    if x == 0.0 or s == 0.0:
        return x
    exp_nonpositive(-0.5 * fabs(s), &half)
    return (x * half) * half if s < 0.0 else (x / half) / half


# Log of the first factor of ADGD and BARZILAI_BORWEIN: 1 over an upper bound of the curvature.
cdef inline double first_log_factor(const rule_t* rule, const gradient_t* g) noexcept nogil:
    cdef double curvature
    if rule.smoothness < INFINITY:
        curvature = logarithm(rule.smoothness)
    else:
        curvature = g.ln_loss + 2.0 * logarithm(rule.radius)
        if rule.l2 > 0.0 and curvature < LARGE_EXPONENT:
            curvature = logarithm(exponential(curvature) + rule.l2)
    return g.log_scale - curvature if isfinite(curvature) else g.log_scale


# log(|s| / |y|) as a log factor, s and y the changes of weights and gradient from the kept weights
# to w; infinite where s or y is zero. Also |s| and |y|.
cdef inline double log_secant(const rule_t* rule, const double* w, const gradient_t* g,
                              Py_ssize_t size, double* s, double* y) noexcept nogil:
    cdef double change = g.log_scale - rule.state.log_scale
    s[0] = distance(w, w, 1.0, rule.weights, rule.weights, size)
    if change >= 0.0:                   # y over the larger of the two scales
        y[0] = distance(rule.gradient, rule.gradient, exponential(-change), g.vector, g.vector,
                        size)
    else:
        y[0] = distance(g.vector, g.vector, exponential(change), rule.gradient, rule.gradient, size)
    if not (s[0] > 0.0 and y[0] > 0.0):
        return INFINITY
    return logarithm(s[0]) - logarithm(y[0]) + min(0.0, change)


# The cosine of the angle between s and y, with their lengths.
cdef inline double secant_cosine(const rule_t* rule, const double* w, const gradient_t* g,
                                 Py_ssize_t size, double s, double y) noexcept nogil:
    cdef double change = g.log_scale - rule.state.log_scale, total = 0.0
    cdef double now = exponential(min(0.0, change)), before = exponential(min(0.0, -change))
    cdef Py_ssize_t j
    for j in range(size):
        total += (((w[j] - rule.weights[j]) / s)
                  * ((now * g.vector[j] - before * rule.gradient[j]) / y))
    return total


# Keep w and its gradient for the next factor.
cdef inline void keep(rule_t* rule, const double* w, const gradient_t* g,
                      Py_ssize_t size) noexcept nogil:
    memcpy(rule.weights, w, size * sizeof(double))
    memcpy(rule.gradient, g.vector, size * sizeof(double))
    rule.state.log_scale = g.log_scale
    rule.state.norm = g.norm
    rule.state.count += 1.0


# The factor of AdGD.
cdef inline double adgd_factor(rule_t* rule, const double* w, const gradient_t* g,
                               Py_ssize_t size) noexcept nogil:
    cdef rule_state_t* state = &rule.state
    cdef double change = g.log_scale - state.log_scale, found, grown, s, y
    if state.count == 0.0:
        found = first_log_factor(rule, g)
    else:
        grown = INFINITY
        if state.count > 1.0 and state.growth > LARGE_EXPONENT:
            grown = state.log_factor + change + 0.5 * state.growth
        elif state.count > 1.0:
            grown = state.log_factor + change + 0.5 * logarithm(1.0 + exponential(state.growth))
        # 0.69...: log 2
        found = min(grown, log_secant(rule, w, g, size, &s, &y) - 0.6931471805599453)
        if found == INFINITY:
            found = state.log_factor + change
        state.growth = (found - state.log_factor) - change
    keep(rule, w, g, size)
    state.log_factor = found
    return exponential(found)


# Whether the objective at a trial step is too high; then by which factor to shorten the step.
cdef inline bint fails(const rule_t* rule, const gradient_t* g, const rule_constants_t* constants,
                       double* shorter) noexcept nogil:
    cdef const rule_state_t* state = &rule.state
    cdef Py_ssize_t count = <Py_ssize_t> state.count, i
    cdef double highest = -INFINITY, latest, log_promise, promise, allowed
    if count == 0:
        return False
    latest = state.heights[(count - 1) % HEIGHTS]
    for i in range(min(count, <Py_ssize_t> HEIGHTS)):
        highest = max(highest, state.heights[i])
    log_promise = state.log_factor + 2.0 * logarithm(state.norm) + state.log_scale
    allowed = 1.0 + constants.tolerance * max(1.0, fabs(highest))
    if (exponential(g.ln_objective - highest)
            <= allowed - constants.sufficient * exponential(log_promise - highest)):
        return False
    promise = exponential(log_promise - latest)
    shorter[0] = promise / (2.0 * (exponential(g.ln_objective - latest) - 1.0 + promise))
    if not shorter[0] >= constants.shortest:                    # also for NaN
        shorter[0] = constants.shortest
    shorter[0] = min(shorter[0], constants.longest)
    return True


# The factor of Barzilai and Borwein from w, or from the kept weights if the trial step failed.
cdef inline double bb_factor(rule_t* rule, const double* w, const gradient_t* g, Py_ssize_t size,
                             const rule_constants_t* constants, bint* goes_back) noexcept nogil:
    cdef rule_state_t* state = &rule.state
    cdef double found, shorter = 0.0, s, y, cosine
    goes_back[0] = fails(rule, g, constants, &shorter)
    if goes_back[0]:
        state.log_factor += logarithm(shorter)
        return exponential(state.log_factor)
    if state.count == 0.0:
        found = first_log_factor(rule, g)
    else:
        found = log_secant(rule, w, g, size, &s, &y)
        if found < INFINITY:
            cosine = secant_cosine(rule, w, g, size, s, y)
            found = found - logarithm(cosine) if cosine > 0.0 else INFINITY
        if not found < INFINITY:
            found = state.log_factor + (g.log_scale - state.log_scale) + constants.log_growth
    state.heights[<Py_ssize_t> state.count % HEIGHTS] = g.ln_objective
    keep(rule, w, g, size)
    state.log_factor = found
    return exponential(found)


# eta over the slope where one row has the loss of all: from that loss and the ratio of both, or
# from the slope alone, whichever has the smaller exponent and so the smaller error.
cdef inline double risk_adaptive_factor(const rule_t* rule, const gradient_t* g) noexcept nogil:
    cdef double log_slope = log_slope_at(&rule.loss, g.ln_loss)
    cdef double log_ratio = g.ln_loss - log_slope, log_relative = log_slope - g.log_scale
    if fabs(log_ratio) <= fabs(log_relative):
        return rule.eta / (g.risk / exponential(log_ratio))
    return rule.eta / exponential(log_relative)


# Nesterov's momentum at w; none where x_{t+1} - x_t points uphill.
cdef inline double nesterov_momentum(rule_t* rule, const double* w, const gradient_t* g,
                                     Py_ssize_t size) noexcept nogil:
    cdef double uphill = 0.0, before = rule.state.inertia
    cdef Py_ssize_t j
    if before == 0.0:
        memcpy(rule.kept, w, size * sizeof(double))
        before = 1.0
    for j in range(size):
        uphill += g.vector[j] * ((w[j] - rule.kept[j]) - rule.eta * g.vector[j])
    if uphill > 0.0:
        rule.state.inertia = 1.0
        return 0.0
    rule.state.inertia = 0.5 * (1.0 + sqrt(1.0 + 4.0 * before * before))
    return (before - 1.0) / rule.state.inertia


# The step of the dual method: w += (momentum + mean) / R^2, where mean = -gradient / mass is a mean
# of the rows y_i x_i.  2 * momentum / t is such a mean as well; the norm of each bounds the margin.
cdef inline void plan_dual(rule_t* rule, Py_ssize_t t, const gradient_t* g, Py_ssize_t size,
                           move_t* move) noexcept nogil:
    cdef double share = t / (t + 1.0), unit = rule.radius if rule.radius > 0.0 else 1.0
    cdef Py_ssize_t j
    move.factor = 1.0 / g.mass
    move.length = INFINITY
    move.promise = (move.factor * g.norm / unit) * (g.true_norm / unit)
    rule.state.stepsize = times_exp(move.factor, -g.log_scale) / unit / unit
    if t == 0:
        memset(rule.kept, 0, size * sizeof(double))
        rule.state.bound = INFINITY
    for j in range(size):
        rule.kept[j] = share * (rule.kept[j] - move.factor * g.vector[j])
    rule.state.bound = min(rule.state.bound, move.factor * g.norm)
    if t > 0:
        rule.state.bound = min(rule.state.bound, 2.0 * norm(rule.kept, size) / t)


# Plan the step from w_t, and update the state of the rule.
cdef inline void plan_move(rule_t* rule, Py_ssize_t t, const double* w, const gradient_t* g,
                           Py_ssize_t size, const rule_constants_t* constants,
                           move_t* move) noexcept nogil:
    if rule.kind != CONSTANT:
        plan_other_move(rule, t, w, g, size, constants, move)
        return
    move.goes_back = False
    move.factor = rule.eta
    move.length = rule.eta * g.norm
    move.promise = move.length * g.norm


# The same for all rules but CONSTANT.
cdef inline void plan_other_move(rule_t* rule, Py_ssize_t t, const double* w, const gradient_t* g,
                                 Py_ssize_t size, const rule_constants_t* constants,
                                 move_t* move) noexcept nogil:
    cdef double log_scale = g.log_scale
    move.goes_back = False
    if rule.kind == SCHEDULE:
        move.factor = rule.values[min(t, rule.n_values - 1)]
    elif rule.kind == SILVER:
        move.factor = rule.values[exponent_of_two(t + 1)]
    elif rule.kind == ANYTIME:
        move.factor = anytime_step(t, rule.values, rule.eta, &rule.state.total)
    elif rule.kind == RISK_ADAPTIVE:
        move.factor = risk_adaptive_factor(rule, g)
    elif rule.kind == INVERSE_LOSS:
        move.factor = rule.eta / g.risk
    elif rule.kind == TYURIN:
        move.factor = rule.eta / g.mass
    elif rule.kind == ADGD:
        move.factor = adgd_factor(rule, w, g, size)
    elif rule.kind == BARZILAI_BORWEIN:
        move.factor = bb_factor(rule, w, g, size, constants, &move.goes_back)
        log_scale = rule.state.log_scale
    elif rule.kind == NESTEROV:
        move.factor = rule.eta
        move.momentum = nesterov_momentum(rule, w, g, size)
    elif rule.kind == DUAL_MOMENTUM:
        plan_dual(rule, t, g, size, move)
        return
    elif rule.kind == ARMIJO:
        move.factor = times_exp(rule.state.stepsize, log_scale)
    elif g.norm == 0.0:
        move.factor = 0.0
    elif rule.kind == NORMALIZED_GRADIENT:
        move.factor = rule.eta / g.norm
    else:
        move.factor = (g.risk / g.norm) / g.norm
    if rule.kind != ARMIJO:
        rule.state.stepsize = times_exp(move.factor, -log_scale)
    move.length = move.factor * g.norm
    move.promise = 0.0 if move.goes_back else move.length * g.true_norm
    if move.goes_back or rule.kind == NESTEROV:
        move.length = INFINITY


# Take the step: w becomes w_{t+1}.
cdef inline void make_move(const rule_t* rule, const move_t* move, double* w,
                           const double* direction, Py_ssize_t size) noexcept nogil:
    cdef double end, unit = rule.radius if rule.radius > 0.0 else 1.0
    cdef Py_ssize_t j
    if move.goes_back:
        for j in range(size):
            w[j] = rule.weights[j] - move.factor * rule.gradient[j]
    elif rule.kind == NESTEROV:
        for j in range(size):
            end = w[j] - move.factor * direction[j]
            w[j] = end + move.momentum * (end - rule.kept[j])
            rule.kept[j] = end
    elif rule.kind == DUAL_MOMENTUM:
        for j in range(size):
            w[j] += (rule.kept[j] - move.factor * direction[j]) / unit / unit
    else:
        for j in range(size):
            w[j] -= move.factor * direction[j]
