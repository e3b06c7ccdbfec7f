# Norms that neither overflow nor underflow on the way. Sums have eight lanes; entries are divided
# by the largest one only where a sum of squares would leave float64.
#
# In Gram space (gram.pyx) the norm of weights is sqrt(factor * a . Ga) with coefficients a and
# their image Ga; outside it the image is the vector itself.

from libc.math cimport fabs, isfinite, sqrt

from lsgd_fast._core.simd cimport fold_lanes


# The largest absolute value, NaN if there is one.
cdef inline double largest(const double* x, Py_ssize_t size) noexcept nogil:
    cdef double found = 0.0, y
    cdef Py_ssize_t j
    for j in range(size):
        y = fabs(x[j])
        found = y if y > found or y != y else found
    return found


# Whether no term of a sum of squares has overflowed, and none that matters has underflowed.
cdef inline bint is_accurate(double total) noexcept nogil:
    return 1e-280 < total < 1e300


# sqrt(x . y), where x . y is negative by rounding at most.
cdef inline double root(const double* x, const double* y, Py_ssize_t size) noexcept nogil:
    cdef double[8] lanes
    cdef double total, largest_x, largest_y
    cdef Py_ssize_t i, j
    for i in range(8):
        lanes[i] = 0.0
    for j in range(size // 8):
        for i in range(8):
            lanes[i] += x[8 * j + i] * y[8 * j + i]
    total = fold_lanes(lanes) if size >= 8 else 0.0
    for j in range(size - size % 8, size):
        total += x[j] * y[j]
    if is_accurate(total):
        return sqrt(total)
    largest_x, largest_y = largest(x, size), largest(y, size)
    if largest_x == 0.0 or not isfinite(largest_x):
        return largest_x
    if largest_y == 0.0 or not isfinite(largest_y):
        return largest_y
    total = 0.0
    for j in range(size):
        total += (x[j] / largest_x) * (y[j] / largest_y)
    return sqrt(largest_x) * sqrt(largest_y) * sqrt(max(total, 0.0))


# |x|
cdef inline double norm(const double* x, Py_ssize_t size) noexcept nogil:
    return root(x, x, size)


# sqrt(x^2 + y^2)
cdef inline double hypotenuse(double x, double y) noexcept nogil:
    cdef double[2] pair
    cdef double total = x * x + y * y
    if is_accurate(total):
        return sqrt(total)
    pair[0], pair[1] = x, y
    return norm(pair, 2)


# sqrt((c x - y) . (c image_x - image_y))
cdef inline double distance(const double* x, const double* image_x, double c, const double* y,
                            const double* image_y, Py_ssize_t size) noexcept nogil:
    cdef double[8] lanes
    cdef Py_ssize_t i, j
    for i in range(8):
        lanes[i] = 0.0
    for j in range(size // 8):
        for i in range(8):
            lanes[i] += ((c * x[8 * j + i] - y[8 * j + i])
                         * (c * image_x[8 * j + i] - image_y[8 * j + i]))
    return distance_of_lanes(lanes, x, image_x, c, y, image_y, size)


# The same from the sums over all whole groups of eight entries.
cdef inline double distance_of_lanes(const double* lanes, const double* x, const double* image_x,
                                     double c, const double* y, const double* image_y,
                                     Py_ssize_t size) noexcept nogil:
    cdef double total = fold_lanes(lanes) if size >= 8 else 0.0, unit = 0.0, image_unit = 0.0
    cdef Py_ssize_t j
    for j in range(size - size % 8, size):
        total += (c * x[j] - y[j]) * (c * image_x[j] - image_y[j])
    if is_accurate(total):
        return sqrt(total)
    for j in range(size):
        unit = max(unit, fabs(c * x[j] - y[j]))
        image_unit = max(image_unit, fabs(c * image_x[j] - image_y[j]))
    if unit == 0.0 or image_unit == 0.0 or total != total:
        return total
    if not (isfinite(unit) and isfinite(image_unit)):
        return unit * image_unit
    total = 0.0
    for j in range(size):
        total += ((c * x[j] - y[j]) / unit) * ((c * image_x[j] - image_y[j]) / image_unit)
    return sqrt(unit) * sqrt(image_unit) * sqrt(max(total, 0.0))


# distance(x, x, 1, y, y), and sum += x, tile by tile while the first-level cache holds it.
cdef inline double distance_and_sum(const double* x, const double* y, double* sum,
                                    Py_ssize_t size) noexcept nogil:
    cdef double[8] lanes
    cdef Py_ssize_t first = 0, last, i, j
    for i in range(8):
        lanes[i] = 0.0
    while first < size:
        last = min(first + 1024, size)
        for j in range(first // 8, last // 8):
            for i in range(8):
                lanes[i] += (x[8 * j + i] - y[8 * j + i]) * (x[8 * j + i] - y[8 * j + i])
        for j in range(first, last):
            sum[j] += x[j]
        first = last
    return distance_of_lanes(lanes, x, x, 1.0, y, y, size)
