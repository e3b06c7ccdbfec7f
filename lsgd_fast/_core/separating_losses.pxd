# The Fenchel-Young losses of _separating_losses.py, which derives the formulas: of one margin the
# loss, log|loss'|, and loss / |loss'|. Beyond a separation margin m the first two are 0 and
# -infinity, and the ratio, which means nothing there, is 1.

from libc.math cimport INFINITY, fabs, sqrt

from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.vecmath cimport atanh_tail, log_positive


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
    cdef double within = m if z > m else (-m if z < -m else z)
    cdef double h = m - within, t, u, product, root, a, b, square
    if q == 2.0:
        terms_at(z, m, h * h / 8.0, h / 4.0, value, log_slope, ratio)
        return
    t = h / 3.0
    u = 1.0 - t
    product = t * (2.0 - t)
    root = sqrt(1.0 + product)
    a = product / (root + fabs(u)) if u > 0.0 else (root - u) / 2.0
    b = a + u
    square = a * a
    terms_at(z, m, square * a * (1.0 + a * (2.0 + b) / ((1.0 + b) * (1.0 + b))), square, value,
             log_slope, ratio)


cdef inline inlined renyi_terms(double z, double* value, double* log_slope,
                                double* ratio) noexcept nogil:
    cdef double within = 2.0 if z > 2.0 else (-2.0 if z < -2.0 else z)
    cdef double h = 2.0 - within, k = h / 2.0
    cdef double r = sqrt(h * (2.0 + within)) / 2.0, s = r / (2.0 + r), w = s * s, tail
    atanh_tail(w, &tail)
    terms_at(z, 2.0, r * r * r / (2.0 * (2.0 + r)) + s * w * tail + k * k / 2.0,
             (k + r) / (2.0 * (1.0 + r)), value, log_slope, ratio)


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
