/* Vectors of two and of four float64 lanes, by the vector extension of GCC and Clang.
 *
 * Only what the language of Cython cannot say stands here: vector types, lane shuffles, the float32
 * to float64 conversion, bit patterns, and the attributes that compile one function body for one
 * more instruction set.  The arithmetic itself is written in Cython, see kernel.pyx.
 */
#ifndef LSGD_LANES_H
#define LSGD_LANES_H

#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__) && !defined(__clang__)
#error "lsgd_fast needs the vector extension of GCC or Clang"
#endif

#pragma GCC diagnostic ignored "-Wpsabi" /* v4 never crosses a call that is not inlined */

/* aligned to one element and allowed to alias: these types are used to look at arrays of doubles */
typedef double lsgd_v2 __attribute__((vector_size(16), aligned(8), may_alias));
typedef double lsgd_v4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef float lsgd_f2 __attribute__((vector_size(8), aligned(4), may_alias));
typedef float lsgd_f4 __attribute__((vector_size(16), aligned(4), may_alias));

typedef int64_t lsgd_i2 __attribute__((vector_size(16)));
typedef int64_t lsgd_i4 __attribute__((vector_size(32)));

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
/* every second lane of a and of b, interleaved */
#define lsgd_even4(a, b) LSGD_SHUFFLE(a, b, lsgd_i4, 0, 4, 2, 6)
#define lsgd_odd4(a, b) LSGD_SHUFFLE(a, b, lsgd_i4, 1, 5, 3, 7)

/* *y = min(x, *y) in each lane; a NaN in x is passed over */
#define LSGD_MINIMUM(itype, x, y) \
    do { \
        __typeof__(*(y)) x_ = (x), y_ = *(y); \
        itype less_ = (itype)(x_ < y_); \
        *(y) = (__typeof__(*(y)))(((itype)x_ & less_) | ((itype)y_ & ~less_)); \
    } while (0)
#define lsgd_minimum2(x, y) LSGD_MINIMUM(lsgd_i2, x, y)
#define lsgd_minimum4(x, y) LSGD_MINIMUM(lsgd_i4, x, y)

#define lsgd_prefetch(p) __builtin_prefetch(p, 0, 3)

#define lsgd_widen2(p) __builtin_convertvector(*(const lsgd_f2 *)(p), lsgd_v2)
/* GCC 12 converts four floats in two halves; its builtin is the one instruction, and is known from
 * the first declaration on that has the target */
#if defined(__x86_64__) && !defined(__clang__)
void lsgd_knows_avx2(void) __attribute__((target("avx2")));
#define lsgd_widen4(p) ((lsgd_v4)__builtin_ia32_cvtps2pd256(*(const lsgd_f4 *)(p)))
#else
#define lsgd_widen4(p) __builtin_convertvector(*(const lsgd_f4 *)(p), lsgd_v4)
#endif

static inline uint64_t lsgd_bits(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
static inline double lsgd_double(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

#if defined(__clang__)
#define LSGD_COMPILER __VERSION__
#else
#define LSGD_COMPILER "gcc " __VERSION__
#endif

/* Return types of functions: the body that is compiled into each caller, and the AVX2 caller.
 * Both are void because Cython also declares a variable of the return type. */
#define LSGD_INLINE __attribute__((always_inline)) void
#if defined(__x86_64__)
#define LSGD_AVX2 __attribute__((target("avx2"))) void
static inline int lsgd_cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}
#else
#define LSGD_AVX2 void
static inline int lsgd_cpu_has_avx2(void) { return 0; }
#endif

#endif
