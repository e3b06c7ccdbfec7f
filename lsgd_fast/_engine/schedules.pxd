# The stepsizes of Silver and Anytime at any t.

from libc.math cimport sqrt


# The exponent of 2 in i > 0.
cdef inline Py_ssize_t exponent_of_two(Py_ssize_t i) noexcept nogil:
    cdef Py_ssize_t exponent = 0
    while i & 1 == 0:
        i >>= 1
        exponent += 1
    return exponent


# The stepsize of Anytime at t, where `silver` has those of Silver by the exponent of two in t + 1,
# and `unit` is 1 / smoothness. `total` is the sum of the steps of all blocks that have begun, over
# `unit`, and 0 before any step; to be called once for each t, in turn.
#
# Phase j = 1, 2, ... has floor(2 rho^j) blocks with rho = 1 + sqrt(2): a step between blocks and
# 2^j - 1 silver steps, whose sum is rho^j - 1. As c = rho^j + (-1/rho)^j is a whole number (2, 2,
# 6, 14, ...: twice the latest and the one before), there are 2c blocks for odd j, 2c - 1 for even.
cdef inline double anytime_step(Py_ssize_t t, const double* silver, double unit,
                                double* total) noexcept nogil:
    cdef Py_ssize_t j = 1, c = 2, earlier = 2, latest, n_blocks
    cdef double power = 1.0 + sqrt(2.0), a, between
    while True:
        n_blocks = 2 * c - (1 - (j & 1))
        if t >> j < n_blocks:
            break
        t -= n_blocks << j
        latest = c
        c = 2 * c + earlier
        earlier = latest
        power *= 1.0 + sqrt(2.0)
        j += 1
    t &= (1 << j) - 1
    if t > 0:
        return silver[exponent_of_two(t)]
    a = total[0] + 1.0
    between = a + power
    between = 1.0 + 2.0 * a * power / (between + sqrt(between * between + 4.0 * a * power))
    total[0] = total[0] + between + (power - 1.0)
    return between * unit
