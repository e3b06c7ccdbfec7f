/* Vectors of two, four and eight float64 lanes, by the vector extension of GCC and Clang.
 *
 * Only what the language of Cython cannot say stands here: vector types, lane shuffles, conversions
 * to float64, bit patterns, and the attributes that compile one function body for one
 * more instruction set. The arithmetic itself is written in Cython, in dense_tiles.pxd and others.
 */
#ifndef LSGD_SIMD_H
#define LSGD_SIMD_H

#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__) && !defined(__clang__)
#error "lsgd_fast needs the vector extension of GCC or Clang"
#endif

#pragma GCC diagnostic ignored "-Wpsabi" /* no v4 or v8 crosses a call that is not inlined */

/* aligned to one element and allowed to alias: these types are used to look at arrays of doubles */
typedef double lsgd_v2 __attribute__((vector_size(16), aligned(8), may_alias));
typedef double lsgd_v4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double lsgd_v8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef float lsgd_f2 __attribute__((vector_size(8), aligned(4), may_alias));
typedef float lsgd_f4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float lsgd_f8 __attribute__((vector_size(32), aligned(4), may_alias));

typedef int64_t lsgd_i2 __attribute__((vector_size(16)));
typedef int64_t lsgd_i4 __attribute__((vector_size(32)));
typedef int64_t lsgd_i8 __attribute__((vector_size(64)));

#if defined(__clang__)
#define LSGD_SHUFFLE(a, b, mask_type, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define LSGD_SHUFFLE(a, b, mask_type, ...) __builtin_shuffle(a, b, (mask_type){__VA_ARGS__})
#endif

/* halves: the low (high) half of a, then that of b */
#define lsgd_low2(a, b) LSGD_SHUFFLE(a, b, lsgd_i2, 0, 2)
#define lsgd_high2(a, b) LSGD_SHUFFLE(a, b, lsgd_i2, 1, 3)
#define lsgd_low4(a, b) LSGD_SHUFFLE(a, b, lsgd_i4, 0, 1, 4, 5)
#define lsgd_high4(a, b) LSGD_SHUFFLE(a, b, lsgd_i4, 2, 3, 6, 7)
#define lsgd_low8(a, b) LSGD_SHUFFLE(a, b, lsgd_i8, 0, 1, 2, 3, 8, 9, 10, 11)
#define lsgd_high8(a, b) LSGD_SHUFFLE(a, b, lsgd_i8, 4, 5, 6, 7, 12, 13, 14, 15)
/* every second pair of lanes of a, then those of b */
#define lsgd_even_pairs8(a, b) LSGD_SHUFFLE(a, b, lsgd_i8, 0, 1, 4, 5, 8, 9, 12, 13)
#define lsgd_odd_pairs8(a, b) LSGD_SHUFFLE(a, b, lsgd_i8, 2, 3, 6, 7, 10, 11, 14, 15)
/* every second lane of a and of b, interleaved */
#define lsgd_even4(a, b) LSGD_SHUFFLE(a, b, lsgd_i4, 0, 4, 2, 6)
#define lsgd_odd4(a, b) LSGD_SHUFFLE(a, b, lsgd_i4, 1, 5, 3, 7)
#define lsgd_even8(a, b) LSGD_SHUFFLE(a, b, lsgd_i8, 0, 8, 2, 10, 4, 12, 6, 14)
#define lsgd_odd8(a, b) LSGD_SHUFFLE(a, b, lsgd_i8, 1, 9, 3, 11, 5, 13, 7, 15)

/* *y = min(x, *y) in each lane; a NaN in x is passed over */
#define LSGD_MINIMUM(itype, x, y) \
    do { \
        __typeof__(*(y)) x_ = (x), y_ = *(y); \
        itype less_ = (itype)(x_ < y_); \
        *(y) = (__typeof__(*(y)))(((itype)x_ & less_) | ((itype)y_ & ~less_)); \
    } while (0)
#define lsgd_minimum2(x, y) LSGD_MINIMUM(lsgd_i2, x, y)
#define lsgd_minimum4(x, y) LSGD_MINIMUM(lsgd_i4, x, y)
#define lsgd_minimum8(x, y) LSGD_MINIMUM(lsgd_i8, x, y)

/* a number whose bit i is set where lane i is at most 0 */
#define LSGD_MARKS(x) \
    ({ uint32_t marks_ = 0; \
       for (int i_ = 0; i_ < (int)(sizeof(x) / sizeof(double)); i_++) \
           marks_ |= (uint32_t)((x)[i_] <= 0.0) << i_; \
       marks_; })
#if defined(__x86_64__) && !defined(__clang__)
#define lsgd_marks2(x) ((uint32_t)__builtin_ia32_movmskpd((lsgd_v2)((x) <= 0.0)))
#define lsgd_marks4(x) ((uint32_t)__builtin_ia32_movmskpd256((lsgd_v4)((x) <= 0.0)))
#define lsgd_marks8(x) \
    ((uint32_t)(uint8_t)__builtin_ia32_cmppd512_mask((x), (lsgd_v8){0.0}, 18 /* <= */, -1, 4))
#else
#define lsgd_marks2(x) LSGD_MARKS(x)
#define lsgd_marks4(x) LSGD_MARKS(x)
#define lsgd_marks8(x) LSGD_MARKS(x)
#endif
/* lane i of a where bit i of marks is set, else that of b */
#define LSGD_MARKED(vtype, itype, marks, a, b, ...) \
    ({ itype lanes_ = {__VA_ARGS__}; \
       itype set_ = (((itype){0} + (int64_t)(marks)) & lanes_) != 0; \
       (vtype)(((itype)(a) & set_) | ((itype)(b) & ~set_)); })
#define lsgd_marked2(marks, a, b) LSGD_MARKED(lsgd_v2, lsgd_i2, marks, a, b, 1, 2)
#define lsgd_marked4(marks, a, b) LSGD_MARKED(lsgd_v4, lsgd_i4, marks, a, b, 1, 2, 4, 8)
#define lsgd_marked8(marks, a, b) \
    LSGD_MARKED(lsgd_v8, lsgd_i8, marks, a, b, 1, 2, 4, 8, 16, 32, 64, 128)

#define lsgd_prefetch(p) __builtin_prefetch(p, 0, 3)
/* to the second level of cache, for what the first cannot hold besides the present block */
#define lsgd_prefetch_l2(p) __builtin_prefetch(p, 0, 2)

#define lsgd_widen2(p) __builtin_convertvector(*(const lsgd_f2 *)(p), lsgd_v2)
/* GCC 12 converts four or eight floats in two halves; its builtins are the one instruction, and are
 * known from the first declaration on that has the target */
#if defined(__x86_64__) && !defined(__clang__)
void lsgd_knows_avx2(void) __attribute__((target("avx2")));
void lsgd_knows_avx512(void) __attribute__((target("avx512f")));
#define lsgd_widen4(p) ((lsgd_v4)__builtin_ia32_cvtps2pd256(*(const lsgd_f4 *)(p)))
#define lsgd_widen8(p) \
    ((lsgd_v8)__builtin_ia32_cvtps2pd512_mask(*(const lsgd_f8 *)(p), (lsgd_v8){0.0}, -1, 4))
#else
#define lsgd_widen4(p) __builtin_convertvector(*(const lsgd_f4 *)(p), lsgd_v4)
#define lsgd_widen8(p) __builtin_convertvector(*(const lsgd_f8 *)(p), lsgd_v8)
#endif

/* float16, bfloat16, uint8 and int8, exactly. Without an instruction for it the bits x of a float16
 * become those of a float32, subnormals by a difference; infinity and NaN do not occur. */
typedef uint16_t lsgd_float16;
typedef uint16_t lsgd_bfloat16;
typedef uint16_t lsgd_h2 __attribute__((vector_size(4), aligned(2), may_alias));
typedef uint16_t lsgd_h4 __attribute__((vector_size(8), aligned(2), may_alias));
typedef uint16_t lsgd_h8 __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint8_t lsgd_u2 __attribute__((vector_size(2), aligned(1), may_alias));
typedef uint8_t lsgd_u4 __attribute__((vector_size(4), aligned(1), may_alias));
typedef uint8_t lsgd_u8 __attribute__((vector_size(8), aligned(1), may_alias));
typedef int8_t lsgd_s2 __attribute__((vector_size(2), aligned(1), may_alias));
typedef int8_t lsgd_s4 __attribute__((vector_size(4), aligned(1), may_alias));
typedef int8_t lsgd_s8 __attribute__((vector_size(8), aligned(1), may_alias));
typedef int32_t lsgd_w2 __attribute__((vector_size(8)));
typedef int32_t lsgd_w4 __attribute__((vector_size(16)));
typedef int32_t lsgd_w8 __attribute__((vector_size(32)));
#define LSGD_CONVERT(from, p, to) __builtin_convertvector(*(const from *)(p), to)
#define LSGD_HALF(words, floats, x) \
    ({ words x_ = (x), shifted_ = (x_ & 0x7fff) << 13, small_ = shifted_ < (1 << 23); \
       words tiny_ = (words)((floats)(shifted_ + (113 << 23)) - 0x1p-14f); \
       (floats)((tiny_ & small_) | ((shifted_ + (112 << 23)) & ~small_) | ((x_ & 0x8000) << 16)); })
#define lsgd_half2(p) __builtin_convertvector( \
    LSGD_HALF(lsgd_w2, lsgd_f2, LSGD_CONVERT(lsgd_h2, p, lsgd_w2)), lsgd_v2)
#define lsgd_brain2(p) \
    __builtin_convertvector((lsgd_f2)(LSGD_CONVERT(lsgd_h2, p, lsgd_w2) << 16), lsgd_v2)
#define lsgd_unsigned2(p) __builtin_convertvector(LSGD_CONVERT(lsgd_u2, p, lsgd_w2), lsgd_v2)
#define lsgd_signed2(p) __builtin_convertvector(LSGD_CONVERT(lsgd_s2, p, lsgd_w2), lsgd_v2)
#if defined(__x86_64__) && !defined(__clang__)
typedef short lsgd_hi8 __attribute__((vector_size(16)));
typedef char lsgd_qi16 __attribute__((vector_size(16)));
typedef long long lsgd_di2 __attribute__((vector_size(16)));
void lsgd_knows_f16c(void) __attribute__((target("f16c")));
/* four or eight bytes as the low ones of a vector */
#define LSGD_LOW4(p) \
    ({ int x_; memcpy(&x_, (p), sizeof x_); (lsgd_qi16)(lsgd_w4){x_, 0, 0, 0}; })
#define LSGD_LOW8(p) \
    ({ long long x_; memcpy(&x_, (p), sizeof x_); (lsgd_qi16)(lsgd_di2){x_, 0}; })
#define LSGD_FLOATS4(x) ((lsgd_v4)__builtin_ia32_cvtps2pd256(x))
#define LSGD_FLOATS8(x) ((lsgd_v8)__builtin_ia32_cvtps2pd512_mask(x, (lsgd_v8){0.0}, -1, 4))
#define LSGD_WORDS8(x) ((lsgd_v8)__builtin_ia32_cvtdq2pd512_mask(x, (lsgd_v8){0.0}, -1))
#define lsgd_half4(p) LSGD_FLOATS4(__builtin_ia32_vcvtph2ps((lsgd_hi8)LSGD_LOW8(p)))
#define lsgd_half8(p) LSGD_FLOATS8(__builtin_ia32_vcvtph2ps256((lsgd_hi8) * (const lsgd_h8 *)(p)))
#define lsgd_brain4(p) \
    LSGD_FLOATS4((lsgd_f4)(__builtin_ia32_pmovzxwd128((lsgd_hi8)LSGD_LOW8(p)) << 16))
#define lsgd_brain8(p) \
    LSGD_FLOATS8((lsgd_f8)(__builtin_ia32_pmovzxwd256((lsgd_hi8) * (const lsgd_h8 *)(p)) << 16))
#define lsgd_unsigned4(p) \
    ((lsgd_v4)__builtin_ia32_cvtdq2pd256(__builtin_ia32_pmovzxbd128(LSGD_LOW4(p))))
#define lsgd_unsigned8(p) LSGD_WORDS8(__builtin_ia32_pmovzxbd256(LSGD_LOW8(p)))
#define lsgd_signed4(p) \
    ((lsgd_v4)__builtin_ia32_cvtdq2pd256(__builtin_ia32_pmovsxbd128(LSGD_LOW4(p))))
#define lsgd_signed8(p) LSGD_WORDS8(__builtin_ia32_pmovsxbd256(LSGD_LOW8(p)))
#else
#define lsgd_half4(p) __builtin_convertvector( \
    LSGD_HALF(lsgd_w4, lsgd_f4, LSGD_CONVERT(lsgd_h4, p, lsgd_w4)), lsgd_v4)
#define lsgd_half8(p) __builtin_convertvector( \
    LSGD_HALF(lsgd_w8, lsgd_f8, LSGD_CONVERT(lsgd_h8, p, lsgd_w8)), lsgd_v8)
#define lsgd_brain4(p) \
    __builtin_convertvector((lsgd_f4)(LSGD_CONVERT(lsgd_h4, p, lsgd_w4) << 16), lsgd_v4)
#define lsgd_brain8(p) \
    __builtin_convertvector((lsgd_f8)(LSGD_CONVERT(lsgd_h8, p, lsgd_w8) << 16), lsgd_v8)
#define lsgd_unsigned4(p) __builtin_convertvector(LSGD_CONVERT(lsgd_u4, p, lsgd_w4), lsgd_v4)
#define lsgd_unsigned8(p) __builtin_convertvector(LSGD_CONVERT(lsgd_u8, p, lsgd_w8), lsgd_v8)
#define lsgd_signed4(p) __builtin_convertvector(LSGD_CONVERT(lsgd_s4, p, lsgd_w4), lsgd_v4)
#define lsgd_signed8(p) __builtin_convertvector(LSGD_CONVERT(lsgd_s8, p, lsgd_w8), lsgd_v8)
#endif
static inline double lsgd_brain_value(lsgd_bfloat16 x)
{
    uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* a vector of these lanes */
#define lsgd_two2(a, b) ((lsgd_v2){a, b})
#define lsgd_four4(a, b, c, d) ((lsgd_v4){a, b, c, d})

static inline uint64_t lsgd_bits(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
static inline double lsgd_double(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

#if defined(__clang__)
#define LSGD_COMPILER __VERSION__
#else
#define LSGD_COMPILER "gcc " __VERSION__
#endif

/* Return types of functions: the body that is compiled into each caller, and the callers.
 * All are void because Cython also declares a variable of the return type. */
#define LSGD_INLINE __attribute__((always_inline)) void
/* functions for one instruction set each */
#define LSGD_BASELINE __attribute__((noinline)) void
#if defined(__x86_64__)
#include <cpuid.h>
#define LSGD_AVX2 __attribute__((noinline, target("avx2,f16c"))) void
#if defined(__clang__) /* takes the full width by itself */
#define LSGD_AVX512 \
    __attribute__((noinline, target("f16c,avx512f,avx512dq,avx512vl,avx512bw"))) void
#else
#define LSGD_AVX512 \
    __attribute__((noinline, \
                   target("f16c,avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512"))) void
#endif
static inline int lsgd_cpu_has_f16c(void) /* not known to every compiler by this name */
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
static inline int lsgd_cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && lsgd_cpu_has_f16c();
}
static inline int lsgd_cpu_has_avx512(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
        && lsgd_cpu_has_f16c();
}
#else
#define LSGD_AVX2 LSGD_BASELINE
#define LSGD_AVX512 LSGD_BASELINE
static inline int lsgd_cpu_has_avx2(void) { return 0; }
static inline int lsgd_cpu_has_avx512(void) { return 0; }
#endif

#endif
