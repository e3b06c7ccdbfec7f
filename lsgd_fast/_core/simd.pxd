# Vectors of float64 lanes, declared to Cython; simd.h defines them in C.
#
# Cython is told that v2, v4 and v8 are numbers, so their +, - and * reach the C compiler untouched,
# and there they are vectors. They must be different numbers in Cython's eyes, or a fused type could
# not tell them apart: `float` and `long double` are stand-ins, the lanes are float64 in all.

from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "simd.h" nogil:
    ctypedef float v2 "lsgd_v2"
    ctypedef double v4 "lsgd_v4"
    ctypedef long double v8 "lsgd_v8"
    # numbers of 16 bits, of two names for the same reason
    ctypedef unsigned short float16 "lsgd_float16"
    ctypedef short bfloat16 "lsgd_bfloat16"

    v2 low2 "lsgd_low2"(v2, v2)
    v2 high2 "lsgd_high2"(v2, v2)
    v4 low4 "lsgd_low4"(v4, v4)
    v4 high4 "lsgd_high4"(v4, v4)
    v4 even4 "lsgd_even4"(v4, v4)
    v4 odd4 "lsgd_odd4"(v4, v4)
    v8 low8 "lsgd_low8"(v8, v8)
    v8 high8 "lsgd_high8"(v8, v8)
    v8 even8 "lsgd_even8"(v8, v8)
    v8 odd8 "lsgd_odd8"(v8, v8)
    v8 even_pairs8 "lsgd_even_pairs8"(v8, v8)
    v8 odd_pairs8 "lsgd_odd_pairs8"(v8, v8)
    void minimum2 "lsgd_minimum2"(v2, v2*)
    void minimum4 "lsgd_minimum4"(v4, v4*)
    void minimum8 "lsgd_minimum8"(v8, v8*)
    uint32_t marks2 "lsgd_marks2"(v2)
    uint32_t marks4 "lsgd_marks4"(v4)
    uint32_t marks8 "lsgd_marks8"(v8)
    v2 marked2 "lsgd_marked2"(uint32_t, v2, v2)
    v4 marked4 "lsgd_marked4"(uint32_t, v4, v4)
    v8 marked8 "lsgd_marked8"(uint32_t, v8, v8)
    void prefetch "lsgd_prefetch"(const void*)      # one cache line, to the first level of cache
    void prefetch_l2 "lsgd_prefetch_l2"(const void*)    # to the second
    v2 widen2 "lsgd_widen2"(const float*)
    v4 widen4 "lsgd_widen4"(const float*)
    v8 widen8 "lsgd_widen8"(const float*)
    v2 two2 "lsgd_two2"(double, double)
    v4 four4 "lsgd_four4"(double, double, double, double)
    v2 half2 "lsgd_half2"(const float16*)
    v4 half4 "lsgd_half4"(const float16*)
    v8 half8 "lsgd_half8"(const float16*)
    v2 brain2 "lsgd_brain2"(const bfloat16*)
    v4 brain4 "lsgd_brain4"(const bfloat16*)
    v8 brain8 "lsgd_brain8"(const bfloat16*)
    v2 unsigned2 "lsgd_unsigned2"(const uint8_t*)
    v4 unsigned4 "lsgd_unsigned4"(const uint8_t*)
    v8 unsigned8 "lsgd_unsigned8"(const uint8_t*)
    v2 signed2 "lsgd_signed2"(const int8_t*)
    v4 signed4 "lsgd_signed4"(const int8_t*)
    v8 signed8 "lsgd_signed8"(const int8_t*)
    double brain_value "lsgd_brain_value"(bfloat16)

    uint64_t bits "lsgd_bits"(double)
    double from_bits "lsgd_double"(uint64_t)

    ctypedef void inlined "LSGD_INLINE"
    ctypedef void baseline_target "LSGD_BASELINE"
    ctypedef void avx2_target "LSGD_AVX2"
    ctypedef void avx512_target "LSGD_AVX512"
    bint cpu_has_avx2 "lsgd_cpu_has_avx2"()
    bint cpu_has_avx512 "lsgd_cpu_has_avx512"()
    const char* compiler_name "LSGD_COMPILER"


ctypedef fused vec:
    v2
    v4
    v8

ctypedef fused narrow:         # a vector that holds no more than half a panel's feature
    v2
    v4

ctypedef fused real:           # elements of X that vectors load
    float
    double
    float16
    bfloat16
    uint8_t
    int8_t


cdef inline inlined load(const real* p, vec* x) noexcept nogil:
    if real is double:
        x[0] = (<const vec*> p)[0]
    elif real is float:
        x[0] = widen8(p) if vec is v8 else widen4(p) if vec is v4 else widen2(p)
    elif real is float16:
        x[0] = half8(p) if vec is v8 else half4(p) if vec is v4 else half2(p)
    elif real is bfloat16:
        x[0] = brain8(p) if vec is v8 else brain4(p) if vec is v4 else brain2(p)
    elif real is uint8_t:
        x[0] = unsigned8(p) if vec is v8 else unsigned4(p) if vec is v4 else unsigned2(p)
    else:
        x[0] = signed8(p) if vec is v8 else signed4(p) if vec is v4 else signed2(p)


# IEEE binary16, exactly.
cdef inline double half_value(uint16_t h) noexcept nogil:
    cdef uint64_t sign = <uint64_t> (h & 0x8000) << 48
    cdef uint64_t exponent = (h >> 10) & 0x1F
    cdef uint64_t mantissa = h & 0x3FF
    if exponent == 0:                              # zero and subnormals: mantissa * 2^-24
        return (<double> mantissa) * (-5.9604644775390625e-08 if sign else 5.9604644775390625e-08)
    return from_bits(sign | ((exponent + 1008) << 52) | (mantissa << 42))


# One element.
cdef inline double value(real x) noexcept nogil:
    if real is float16:
        return half_value(x)
    elif real is bfloat16:
        return brain_value(x)
    else:
        return x


# Bit i is set where lane i is at most 0.
cdef inline inlined lane_marks(vec x, uint32_t* marks) noexcept nogil:
    if vec is v8:
        marks[0] = marks8(x)
    elif vec is v4:
        marks[0] = marks4(x)
    else:
        marks[0] = marks2(x)


# Lane i of x where bit i of `marks` is set, else that of y.
cdef inline inlined choose(uint32_t marks, vec x, vec y, vec* result) noexcept nogil:
    if vec is v8:
        result[0] = marked8(marks, x, y)
    elif vec is v4:
        result[0] = marked4(marks, x, y)
    else:
        result[0] = marked2(marks, x, y)


# y = min(x, y) in each lane.
cdef inline inlined minimum(vec x, vec* y) noexcept nogil:
    if vec is v8:
        minimum8(x, y)
    elif vec is v4:
        minimum4(x, y)
    else:
        minimum2(x, y)


# The sum of eight lanes.
cdef inline double fold_lanes(const double* x) noexcept nogil:
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))


# Sums of eight lanes, as fold_lanes, of as many accumulators as a vector has lanes, added to
# g[0:width]. An accumulator is one vector, or two or four side by side: `a` has eight vectors.
cdef inline inlined fold(const vec* a, double* g) noexcept nogil:
    cdef vec[4] t
    if vec is v8:
        t[0] = low8(a[0], a[2]) + high8(a[0], a[2])
        t[1] = low8(a[4], a[6]) + high8(a[4], a[6])
        t[2] = low8(a[1], a[3]) + high8(a[1], a[3])
        t[3] = low8(a[5], a[7]) + high8(a[5], a[7])
        t[0] = even_pairs8(t[0], t[1]) + odd_pairs8(t[0], t[1])
        t[1] = even_pairs8(t[2], t[3]) + odd_pairs8(t[2], t[3])
        (<vec*> g)[0] = (<vec*> g)[0] + (even8(t[0], t[1]) + odd8(t[0], t[1]))
    elif vec is v4:
        t[0] = a[0] + a[1]
        t[1] = a[2] + a[3]
        t[2] = a[4] + a[5]
        t[3] = a[6] + a[7]
        t[0] = low4(t[0], t[2]) + high4(t[0], t[2])
        t[1] = low4(t[1], t[3]) + high4(t[1], t[3])
        (<vec*> g)[0] = (<vec*> g)[0] + (even4(t[0], t[1]) + odd4(t[0], t[1]))
    else:
        t[0] = (a[0] + a[2]) + (a[1] + a[3])
        t[1] = (a[4] + a[6]) + (a[5] + a[7])
        (<vec*> g)[0] = (<vec*> g)[0] + (low2(t[0], t[1]) + high2(t[0], t[1]))


# The same for one accumulator.
cdef inline inlined fold1(const vec* a, double* g) noexcept nogil:
    cdef double[8] x
    cdef Py_ssize_t i
    for i in range(<Py_ssize_t> (64 // sizeof(vec))):
        (<vec*> x)[i] = a[i]
    g[0] = g[0] + fold_lanes(x)
