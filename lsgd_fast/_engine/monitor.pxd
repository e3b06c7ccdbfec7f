# The monitor of a run in the compiled loop: the same as reference/_monitor.py, which explains it.

from libc.math cimport INFINITY, NAN, fabs
from libc.string cimport memcpy, memset

from lsgd_fast._core.vecmath cimport exp_nonpositive
from lsgd_fast._engine.norms cimport distance, distance_and_sum, hypotenuse
from lsgd_fast._engine.rules cimport move_t


# One window of steps.
cdef struct window_t:
    double start, objective, low, high, promise, n_increases

# The state of a monitor, apart from its vectors; doubles only, see monitor_view in run_state.pyx.
cdef struct monitor_t:
    double objective, ln_loss          # of the latest measurement, NaN before any
    double gradient_norm                # at the latest step, over exp(log_scale), see rules.pxd
    double n_increases, last_increase, largest_increase
    double end                          # of the window
    double earlier_promise, behind, drift
    window_t last, window
    double count, path, before, after, least, first_norm, mean_norm

# The vectors of a monitor, each with its image (see norms.pxd), and what their norms need.
cdef struct monitored_t:
    double* w
    double* image
    double* first
    double* image_first
    double* sum
    double* image_sum
    double* mean
    double* image_mean
    Py_ssize_t size                     # the intercept comes next
    double unit                         # lengths are unit * root(x, image)
    double l2
    double rounding                     # n + d of the data
    double epsilon                      # the distance from 1 to the next double

# From _constants.py.
cdef struct constants_t:
    double tolerance, underflow, first_window


cdef inline void start_monitor(monitor_t* m) noexcept nogil:
    memset(m, 0, sizeof(monitor_t))
    m.objective = m.ln_loss = m.gradient_norm = NAN
    m.largest_increase = 1.0
    m.drift = m.least = INFINITY


# Whether a loss is above the one before by more than rounding; where it leaves float64 the
# logarithms are compared.
cdef inline bint is_increase(double loss, double ln_loss, double before, double ln_before,
                             const constants_t* constants) noexcept nogil:
    if constants.underflow <= loss < INFINITY and constants.underflow <= before < INFINITY:
        return loss > before * (1.0 + constants.tolerance)
    if ln_before == -INFINITY:              # a loss of 0
        return ln_loss > ln_before
    return ln_loss > ln_before + constants.tolerance * max(1.0, fabs(ln_before))


# |c x - y|, intercepts included.
cdef inline double distance_apart(const monitored_t* v, const double* x, const double* image_x,
                                  double c, const double* y, const double* image_y) noexcept nogil:
    cdef double length = v.unit * distance(x, image_x, c, y, image_y, v.size)
    return hypotenuse(length, c * x[v.size] - y[v.size])


# The length of a difference to weights of norm `length` as a share of the path between, with what
# rounding may add to it.
cdef inline double share(const monitor_t* m, const monitored_t* v, double difference, double length,
                         double path) noexcept nogil:
    cdef double lost
    if not 0.0 < path < INFINITY:
        return INFINITY
    lost = v.epsilon * (2.0 * m.end + v.rounding)
    return (difference + lost * length) / path + lost


# The least drift so far, with that of the current window up to its latest step.
cdef inline double current_drift(const monitor_t* m, const monitored_t* v) noexcept nogil:
    cdef double drift = m.least, path, difference
    if v.l2 == 0.0:
        drift = min(drift, m.drift)
    if m.window.start == 0.0 or m.count == 0.0:
        return drift
    path = m.behind + m.before / m.count
    difference = distance_apart(v, v.sum, v.image_sum, 1.0 / m.count, v.mean, v.image_mean)
    return min(drift, share(m, v, difference, m.mean_norm, path))


cdef inline void open_window(window_t* window, double start, double objective) noexcept nogil:
    window.start = start
    window.objective = window.low = window.high = objective
    window.promise = window.n_increases = 0.0


# Close the window at w_t and open the next one, which is compared with the mean of the former.
cdef inline void begin_window(monitor_t* m, monitored_t* v, double t,
                              double objective) noexcept nogil:
    cdef Py_ssize_t j
    cdef double c = 1.0 / m.count
    m.drift = current_drift(m, v)
    for j in range(v.size + 1):
        v.mean[j] = c * v.sum[j]
        v.sum[j] = 0.0
    if v.image_mean != v.mean:
        for j in range(v.size):
            v.image_mean[j] = c * v.image_sum[j]
            v.image_sum[j] = 0.0
    # the norm of the mean is its distance from the sum, which is zero now
    m.mean_norm = distance_apart(v, v.sum, v.image_sum, 1.0, v.mean, v.image_mean)
    m.behind = m.after / m.count
    m.count = m.path = m.before = m.after = 0.0
    m.least = INFINITY
    m.earlier_promise = m.last.promise / max(1.0, m.window.start - m.last.start)
    m.last = m.window
    open_window(&m.window, t, objective)
    m.end = 2.0 * t


# Update with the measurement of w_t. A second call for the same w_t changes nothing.
cdef inline void observe(monitor_t* m, monitored_t* v, double t, double objective, double loss,
                         double ln_loss, const constants_t* constants) noexcept nogil:
    cdef double inverse
    cdef bint increase
    if t == 0.0:
        open_window(&m.window, 0.0, objective)
        m.last = m.window
        m.end = constants.first_window
    elif t == m.end:
        begin_window(m, v, t, objective)
    if v.l2 > 0.0:
        increase = objective > m.objective * (1.0 + constants.tolerance)
    else:
        increase = is_increase(loss, ln_loss, m.objective, m.ln_loss, constants)
    if increase:
        m.n_increases += 1.0
        m.window.n_increases += 1.0
        m.last_increase = t
        if m.objective >= constants.underflow and (objective < INFINITY or v.l2 > 0.0):
            m.largest_increase = max(m.largest_increase, objective / m.objective)
        else:
            exp_nonpositive(m.ln_loss - ln_loss, &inverse)
            m.largest_increase = max(m.largest_increase,
                                     1.0 / inverse if inverse > 0.0 else INFINITY)
    if objective < m.window.low:
        m.window.low = objective
    if objective > m.window.high:
        m.window.high = objective
    m.objective = objective
    m.ln_loss = ln_loss


# Update with the step from w_t, before w changes. A step that is not down the gradient has an
# infinite length, and then no drift is computed.
cdef inline void observe_step(monitor_t* m, monitored_t* v, const move_t* move,
                              double gradient_norm, double weight_norm) noexcept nogil:
    cdef double length = move.length
    cdef bint imaged = v.image != v.w
    cdef bint compared = m.count > 0.0 and 0.0 < m.path < INFINITY
    cdef double moved = 0.0
    cdef Py_ssize_t j
    if m.count == 0.0:
        memcpy(v.first, v.w, (v.size + 1) * sizeof(double))
        if imaged:
            memcpy(v.image_first, v.image, v.size * sizeof(double))
        m.first_norm = hypotenuse(weight_norm, v.w[v.size])
    if compared and not imaged:
        moved = v.unit * distance_and_sum(v.w, v.first, v.sum, v.size)
        moved = hypotenuse(moved, v.w[v.size] - v.first[v.size])
        v.sum[v.size] += v.w[v.size]
    else:
        if compared:
            moved = distance_apart(v, v.w, v.image, 1.0, v.first, v.image_first)
        for j in range(v.size + 1):
            v.sum[j] += v.w[j]
        if imaged:
            for j in range(v.size):
                v.image_sum[j] += v.image[j]
    if compared:
        m.least = min(m.least, share(m, v, moved, m.first_norm, m.path))
    m.count += 1.0
    m.before += m.path
    m.after += m.count * length
    m.path += length
    m.window.promise += move.promise
    m.gradient_norm = gradient_norm
