# Stochastic steps over sparse rows, at a cost proportional to the entries of the rows.
#
# To a feature that its rows lack, a step does two things: the penalty multiplies its weight w by
# q = 1 - eta * l2, and w enters the mean of the weights. Both are done later, for all steps since
# the last at once, when a row next has the feature. Over 2^i steps, w becomes q^(2^i) * w and its
# mean is w * mean(1, q, ..., q^(2^i - 1)), where
#     q^(2^(i + 1)) = (q^(2^i))^2
#     mean(1, q, ..., q^(2^(i + 1) - 1)) = mean(1, q, ..., q^(2^i - 1)) * (1 + q^(2^i)) / 2
# For q > 0 no sum cancels, and q <= 0 is no special case.

from libc.math cimport INFINITY, NAN, fabs
from libc.stdint cimport int64_t

from lsgd_fast._core.sparse_layout cimport column_at
from lsgd_fast._core.types cimport FLOAT32, compressed_t, matrix_t
from lsgd_fast._core.simd cimport real

cdef enum:
    MAX_POWERS = 62             # steps are counted in 63 bits

# The effect of steps without data on a weight.
cdef struct fading_t:
    double power[MAX_POWERS + 1]    # q^(2^i) for i up to `top` ...
    double mean[MAX_POWERS + 1]     # ... and the mean of the powers below it
    int top                         # the last power; a few of it make any weight 0 or inf
    bint fades                      # False: q = 1

# The features of a run; entry j of each array is at offset j * stride.
cdef struct features_t:
    double* w
    double* mean                # of the weights before each step
    int64_t* current            # the step that these two are at; NULL: all are at the last step
    Py_ssize_t stride
    fading_t fading


cdef inline void start_fading(fading_t* f, double q) noexcept nogil:
    cdef double next_power
    f.fades = q != 1.0
    f.power[0] = q
    f.mean[0] = 1.0
    f.top = 0
    while f.top < MAX_POWERS:
        next_power = f.power[f.top] * f.power[f.top]
        if not 1e-150 < next_power < 1e150:     # the table stays in range where weights are
            return
        f.mean[f.top + 1] = f.mean[f.top] * (0.5 * (1.0 + f.power[f.top]))
        f.top += 1
        f.power[f.top] = next_power


# Multiply a weight by q `steps` times; return its mean before each of them.
cdef inline double fade(const fading_t* f, Py_ssize_t steps, double* weight) noexcept nogil:
    cdef double w = weight[0], sum = 0.0, share
    cdef Py_ssize_t left = steps, i = 0
    if not f.fades or w == 0.0:
        return w
    share = 1.0 / steps
    while left > 0 and i < f.top:
        if left & 1:
            sum += w * (f.mean[i] * ((<Py_ssize_t> 1 << i) * share))
            w *= f.power[i]
        left >>= 1
        i += 1
    while left > 0 and w != 0.0:
        if not fabs(w) < INFINITY:          # the steps would reach inf - inf
            weight[0] = NAN
            return NAN
        sum += w * (f.mean[i] * ((<Py_ssize_t> 1 << i) * share))
        w *= f.power[i]
        left -= 1
    weight[0] = w
    return sum


# Bring a weight and its mean from step `since` to `step`.
cdef inline void catch_up(const fading_t* f, Py_ssize_t since, Py_ssize_t step, double* w,
                          double* mean) noexcept nogil:
    cdef Py_ssize_t gap = step - since
    if gap > 0:
        mean[0] += (fade(f, gap, w) - mean[0]) * (<double> gap / step)


# Bring the features of a row to `step`.
cdef inline void refresh_row(const features_t* f, const matrix_t* X, Py_ssize_t row,
                             Py_ssize_t step) noexcept nogil:
    cdef const compressed_t* rows = &X.sparse.rows
    cdef Py_ssize_t i, offset
    for i in range(rows.indptr[row], rows.indptr[row + 1]):
        offset = f.stride * column_at(rows, X.d, i)
        catch_up(&f.fading, f.current[offset], step, f.w + offset, f.mean + offset)
        f.current[offset] = step


# Bring the features of a row x to `step`, then w -= eta * s * x.
cdef inline void subtract_row(const features_t* f, const matrix_t* X, Py_ssize_t row, double s,
                              Py_ssize_t step, double eta) noexcept nogil:
    if X.element == FLOAT32:
        subtract_entries(f, <const float*> X.sparse.rows.data, X, row, s, step, eta)
    else:
        subtract_entries(f, <const double*> X.sparse.rows.data, X, row, s, step, eta)


cdef inline void subtract_entries(const features_t* f, const real* values, const matrix_t* X,
                                  Py_ssize_t row, double s, Py_ssize_t step,
                                  double eta) noexcept nogil:
    cdef compressed_t rows = X.sparse.rows      # copies, that need not be read anew after a store
    cdef double* w = f.w
    cdef double* mean = f.mean
    cdef int64_t* current = f.current
    cdef Py_ssize_t d = X.d, stride = f.stride, i, offset
    for i in range(rows.indptr[row], rows.indptr[row + 1]):
        offset = stride * column_at(&rows, d, i)
        catch_up(&f.fading, current[offset], step, w + offset, mean + offset)
        current[offset] = step
        w[offset] -= eta * (s * values[i])
