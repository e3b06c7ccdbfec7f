# The exact mean of w_0, w_1, ..., in the order of the steps: a sum and its error.
#
# The sum of w_0 .. w_t is kept times the power of two `mean_unit(t)`, and so halved whenever t has
# one bit more. It never exceeds half of the largest weight, and overflows nowhere. A power of two
# rounds nothing but what leaves the normal numbers, by which a mean over T steps is wrong by less
# than 2^-1071 T. The sum and its error have twice the bits of a double (Knuth's two-sum, then
# Dekker's fast one): a step loses at most 2^-104 of the larger of the sums before and after it. The
# mean is rounded once, at the end.

from libc.math cimport fma, frexp, isfinite, ldexp


# 2^-(b + 1) for a step of b bits, at most 1 / (2 (step + 1)).
cdef inline double mean_unit(Py_ssize_t step) noexcept nogil:
    cdef int bits
    frexp(<double> step, &bits)
    return ldexp(0.5, -bits)


# Add w_t, t = step, to the sum of those before.
cdef inline void add_to_sum(double* sums, double* errors, const double* w, Py_ssize_t step,
                            Py_ssize_t size) noexcept nogil:
    cdef int bits
    cdef double unit = mean_unit(step), halved = 0.5 if frexp(<double> step, &bits) == 0.5 else 1.0
    cdef double term, before, total, part, error
    cdef Py_ssize_t j
    for j in range(size):
        term, before = unit * w[j], halved * sums[j]
        total = before + term
        part = total - before
        error = ((before - (total - part)) + (term - part)) + halved * errors[j]
        sums[j] = total + error
        errors[j] = error - (sums[j] - total)


# The mean of w_0 .. w_t, t = step, from their sum and its error; where w_t is not finite, w_t.
cdef inline void mean_of_sum(const double* sums, const double* errors, const double* w,
                             Py_ssize_t step, Py_ssize_t size, double* mean) noexcept nogil:
    cdef double count = (<double> step + 1.0) * mean_unit(step), rest
    cdef Py_ssize_t j
    for j in range(size):
        mean[j] = sums[j] / count
        rest = fma(-mean[j], count, sums[j]) + errors[j]
        mean[j] = mean[j] + rest / count if isfinite(w[j]) else w[j]
