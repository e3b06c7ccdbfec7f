# The Fenchel-Young losses of _separating_losses.py, which derives the formulas: of one margin the
# loss, log|loss'|, and loss / |loss'|. Beyond a separation margin m the first two are 0 and
# -infinity, and the ratio, which means nothing there, is 1.

from libc.math cimport INFINITY, fabs, sqrt

from lsgd_fast._core.pass_types cimport TSALLIS_LOSS, loss_t
from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.vecmath cimport (atanh_tail, exp_nonpositive, log_positive, negative_abs,
                                      softplus_sigmoid)

cdef enum:
    N_ITERATIONS = 8        # of Newton's method; five are enough


# Loss and slope at the distance h from the separation margin m, and rest = 2 m - h from -m.
cdef inline inlined tsallis_at(double q, double h, double* loss, double* slope) noexcept nogil:
    cdef double t = h / 3.0, u = 1.0 - t, product = t * (2.0 - t), root = sqrt(1.0 + product)
    cdef double a = product / (root + fabs(u)) if u > 0.0 else (root - u) / 2.0
    cdef double b = a + u, square = a * a
    slope[0] = h / 4.0 if q == 2.0 else square
    loss[0] = (h * h / 8.0 if q == 2.0 else
               square * a * (1.0 + a * (2.0 + b) / ((1.0 + b) * (1.0 + b))))


cdef inline inlined renyi_at(double h, double rest, double* loss, double* slope) noexcept nogil:
    cdef double k = h / 2.0, r = sqrt(h * rest) / 2.0, s = r / (2.0 + r), w = s * s, tail
    atanh_tail(w, &tail)
    loss[0] = r * r * r / (2.0 * (2.0 + r)) + s * w * tail + k * k / 2.0
    slope[0] = (k + r) / (2.0 * (1.0 + r))


# The results from loss and slope at z, taken as m or -m beyond these. NaN passes through.
cdef inline inlined terms_at(double z, double m, double loss, double slope, double* value,
                             double* log_slope, double* ratio) noexcept nogil:
    cdef double e
    value[0] = -z if z < -m else loss
    log_positive(1.0 if z >= m else slope, &e)
    log_slope[0] = -INFINITY if z >= m else (e if z < m else z)
    ratio[0] = 1.0 if z >= m else (-z if z < -m else loss / slope)


cdef inline inlined tsallis_terms(double q, double z, double* value, double* log_slope,
                                  double* ratio) noexcept nogil:
    cdef double m = 2.0 if q == 2.0 else 3.0
    cdef double within = m if z > m else (-m if z < -m else z), loss, slope
    tsallis_at(q, m - within, &loss, &slope)
    terms_at(z, m, loss, slope, value, log_slope, ratio)


cdef inline inlined renyi_terms(double z, double* value, double* log_slope,
                                double* ratio) noexcept nogil:
    cdef double within = 2.0 if z > 2.0 else (-2.0 if z < -2.0 else z), loss, slope
    renyi_at(2.0 - within, 2.0 + within, &loss, &slope)
    terms_at(z, 2.0, loss, slope, value, log_slope, ratio)


cdef inline inlined semi_circle_terms(double z, double* value, double* log_slope,
                                      double* ratio) noexcept nogil:
    cdef bint large = fabs(z) > 1e9         # sqrt(z^2 + 4) equals |z| to the last bit
    cdef double near = 0.0 if large else z, length, half, of_value, of_length
    length = fabs(z) if large else sqrt(near * near + 4.0)
    half = 0.5 * length + 0.5 * fabs(z)
    value[0] = 1.0 / half if z > 0.0 else half
    ratio[0] = length
    log_positive(half, &of_value)
    log_positive(length, &of_length)
    of_value = -of_value if z > 0.0 else of_value
    log_slope[0] = of_value - of_length
    if not fabs(z) < INFINITY:              # whose logarithms are none
        log_slope[0] = -INFINITY if z > 0.0 else (0.0 if z < 0.0 else z)


# --- the slope by the loss ------------------------------------------------------------------------

cdef inline double semi_circle_slope_at(double log_value) noexcept nogil:
    cdef double e, softplus, sigmoid
    exp_nonpositive(negative_abs(2.0 * log_value), &e)
    softplus_sigmoid(2.0 * log_value, e, &softplus, &sigmoid)
    return -softplus


# With a separation margin m; near it the loss is exp(log_factor) * h^power.
cdef inline double separating_slope_at(const loss_t* loss, double log_value) noexcept nogil:
    cdef bint tsallis = loss.kind == TSALLIS_LOSS
    cdef double m = 3.0 if tsallis and loss.a == 1.5 else 2.0
    cdef double power = (3.0 if loss.a == 1.5 else 2.0) if tsallis else 1.5
    cdef double log_factor, log_h, h, value, slope, e
    cdef Py_ssize_t i
    log_positive((1.0 / 27.0 if loss.a == 1.5 else 0.125) if tsallis else 1.0 / 3.0, &log_factor)
    log_positive(m, &e)
    if log_value >= e:
        return 0.0
    log_h = (log_value - log_factor) / power
    if not log_value >= -120.0:             # the leading term is right to the last bit; also NaN
        log_positive(power, &e)
        return (log_factor + e) + (power - 1.0) * log_h
    exp_nonpositive(negative_abs(log_h), &e)
    h = min(1.0 / e if log_h > 0.0 else e, 2.0 * m)
    for i in range(N_ITERATIONS + 1):
        if tsallis:
            tsallis_at(loss.a, h, &value, &slope)
        else:
            renyi_at(h, 2.0 * m - h, &value, &slope)
        if i < N_ITERATIONS:
            log_positive(value, &e)
            log_h = (log_value - e) * value / (h * slope)       # the change of ln h
            exp_nonpositive(negative_abs(log_h), &e)
            h = min(h / e if log_h > 0.0 else h * e, 2.0 * m)
    log_positive(slope, &e)
    return min(e, 0.0)
