# exp, log and the logistic loss for float64: branch-free, so that a loop over rows vectorises, and
# free of libm, so that every machine returns the same bits. Only +, -, *, / and bit patterns are
# used.
#
# The polynomials are minimax fits, evaluated as even and odd part side by side (half the latency of
# Horner's rule). tests/core/test_vecmath.py holds them, against mpmath, to errors of 1.5 ULP
# (exp), 4 ULP (softplus, sigmoid) and 2 ULP (log).

from libc.stdint cimport uint64_t

from lsgd_fast._core.simd cimport bits, from_bits, inlined


# exp(a) for a <= 0; 0 for -inf, subnormal where the result is, NaN for NaN.
#
# a = k ln 2 + r with |r| <= ln(2) / 2. Adding 1.5 * 2^52 rounds to an integer; 2046 on top of it
# leaves k + 2046, twice the exponent bias and k, in the low bits of the sum. The scale 2^k goes in
# as two factors, each a normal number, so that subnormal results are rounded once and rightly.
# Where exp underflows the result is chosen at the end: of an `a` chosen at the start, GCC would
# compute each outcome apart, and choose among the results as well.
cdef inline inlined exp_nonpositive(double a, double* result) noexcept nogil:
    cdef double shifted, k, r, r2, even, odd
    cdef uint64_t exponent, half
    shifted = a * 1.4426950408889634 + 6755399441057790.0
    k = shifted - 6755399441057790.0
    r = (a - k * 0.69314718055989033) - k * 5.4979230187083712e-14  # ln 2; the first 42 bits: exact
    r2 = r * r
    even = 0.50000000000000111 + r2 * (0.041666666666525777 + r2 * (0.0013888888944871135
         + r2 * (2.4801491729729074e-05 + r2 * 2.7630763709356725e-07)))
    odd = 0.16666666666666438 + r2 * (0.0083333333334737018 + r2 * (0.00019841269560718462
        + r2 * (2.7557529994029266e-06 + r2 * 2.5020394699891719e-08)))
    exponent = bits(shifted)
    half = exponent >> 1
    r = (((1.0 + (r + r2 * (even + r * odd))) * from_bits(half << 52))
         * from_bits((exponent - half) << 52))
    result[0] = 0.0 if a < -746.0 else r               # 0 from -745.14 on; NaN stays


# (2 atanh(s) - 2 s) / s^3 as a polynomial in w = s^2, for |s| <= 1/3.
cdef inline inlined atanh_tail(double w, double* result) noexcept nogil:
    cdef double w2 = w * w
    result[0] = ((0.66666666666666308 + w2 * (0.28571428548011885 + w2 * (0.18181744222650176
                  + w2 * (0.13301044084207295 + w2 * 0.083421349571915784))))
                 + w * (0.40000000000155905 + w2 * (0.22222223960600423 + w2 * (0.15386554076690154
                        + w2 * (0.1210557587620146 + w2 * 0.17015147360925381)))))


# softplus(-z) = log(1 + exp(-z)), the logistic loss, and sigmoid(-z) = 1 / (1 + exp(z)), minus its
# derivative, from z and e = exp(-|z|), with one division for both.
#
# With s = e / (2 + e): sigmoid = (z < 0 ? 1 : e) / (1 + e), and log1p(e) = 2 atanh(s)
# = e - s (e - s^2 P), for tiny e exactly e. The sign selects by masks: a conditional becomes a
# branch in some compilers.
cdef inline inlined softplus_sigmoid(double z, double e, double* softplus,
                                     double* sigmoid) noexcept nogil:
    cdef double q, inverse, s, w, tail
    cdef uint64_t negative = 0 - (bits(z) >> 63)       # all ones where the sign bit of z is set
    q = 1.0 / ((1.0 + e) * (2.0 + e))
    inverse = (2.0 + e) * q                            # 1 / (1 + e); a step halves its error
    inverse = inverse + inverse * ((1.0 - inverse) - e * inverse)
    sigmoid[0] = from_bits((bits(e) & ~negative) | (bits(1.0) & negative)) * inverse
    s = e * ((1.0 + e) * q)
    w = s * s
    atanh_tail(w, &tail)
    softplus[0] = from_bits(bits(-z) & negative) + (e - s * (e - w * tail))


# -|z|
cdef inline double negative_abs(double z) noexcept nogil:
    return from_bits(bits(z) | <uint64_t> 0x8000000000000000)


# log(x) for positive x. x = 2^k m with m in [sqrt(1/2), sqrt(2)), and log m = 2 atanh(s) with
# s = (m - 1) / (m + 1).
cdef inline inlined log_positive(double x, double* result) noexcept nogil:
    cdef bint subnormal = x < 2.2250738585072014e-308
    # moving the origin of the mantissa to sqrt(1/2) makes the exponent field step there
    cdef uint64_t origin = 0x3FE6A09E667F3BCD
    cdef uint64_t shifted = bits(x * 18014398509481984.0 if subnormal else x) - origin      # 2^54
    cdef double k = <double> (<long long> shifted >> 52) - (54.0 if subnormal else 0.0)
    cdef double f = from_bits((shifted & <uint64_t> 0xFFFFFFFFFFFFF) + origin) - 1.0
    cdef double s = f / (2.0 + f)
    cdef double w = s * s
    cdef double tail
    atanh_tail(w, &tail)
    result[0] = k * 0.69314718055989033 + (f - (s * (f - w * tail) - k * 5.4979230187083712e-14))
