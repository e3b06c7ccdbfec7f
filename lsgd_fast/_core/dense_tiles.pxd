# The two matrix products of the row pass on panels, a tile of them in registers.
#
# C and F are constants at every call, and so is P but for the last block of a chunk: after inlining
# the loops over them are unrolled and `sums` lives in registers.

from lsgd_fast._core.simd cimport (fold1, fold4, fold8, high8, inlined, load, load_twice, low8,
                                   narrow, real, v4, v8, vec)
from lsgd_fast._core.pass_types cimport BLOCK, PANEL

cdef enum:
    CACHED = 128    # features of four float64 panels that the first-level cache keeps: 32 KiB


# z[c, row] = sum_j panel[row, j] * w[j, c]; panels lie `stride` elements, columns of z BLOCK apart.
cdef inline inlined forward(const real* panels, Py_ssize_t stride, const double* w, Py_ssize_t d,
                            vec* z, Py_ssize_t P, Py_ssize_t C) noexcept nogil:
    cdef vec[16] sums
    cdef vec x
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec)      # vectors of a panel's feature
    cdef Py_ssize_t width = PANEL // V
    cdef Py_ssize_t j, p, c, v
    for p in range(P):
        for c in range(C):
            for v in range(V):
                load(panels + p * stride + v * width, &x)
                sums[(p * C + c) * V + v] = x * w[c]
    for j in range(1, d):
        for p in range(P):
            for v in range(V):
                load(panels + p * stride + PANEL * j + v * width, &x)
                for c in range(C):
                    sums[(p * C + c) * V + v] = sums[(p * C + c) * V + v] + x * w[j * C + c]
    for p in range(P):
        for c in range(C):
            for v in range(V):
                z[c * (BLOCK // width) + p * V + v] = sums[(p * C + c) * V + v]


# g[j, c] += sum over the rows of P panels of panel[row, j] * s[c, row], for F features from j on.
# Four lanes sum in registers; F * C is 1 or a multiple of 4 so that they fold four at a time.
cdef inline inlined backward_features(const real* panels, Py_ssize_t stride, const narrow* s,
                                      double* g, Py_ssize_t j, Py_ssize_t P, Py_ssize_t C,
                                      Py_ssize_t F) noexcept nogil:
    cdef narrow[16] sums
    cdef narrow x
    cdef Py_ssize_t L = 4 * sizeof(double) // sizeof(narrow)       # vectors of four lanes
    cdef Py_ssize_t width = 4 // L
    cdef Py_ssize_t columns = BLOCK // width
    cdef Py_ssize_t f, c, v, h
    for f in range(F):
        for v in range(L):
            load(panels + PANEL * (j + f) + v * width, &x)
            for c in range(C):
                sums[(f * C + c) * L + v] = x * s[c * columns + v]
    for h in range(1, 2 * P):                      # half panels
        for f in range(F):
            for v in range(L):
                load(panels + (h >> 1) * stride + PANEL * (j + f) + 4 * (h & 1) + v * width, &x)
                for c in range(C):
                    sums[(f * C + c) * L + v] = (sums[(f * C + c) * L + v]
                                                 + x * s[c * columns + h * L + v])
    if F * C == 1:
        fold1(sums, g + j)
    else:
        for f in range(F * C // 4):
            fold4(sums + 4 * f * L, g + j * C + 4 * f)


# The same for one column and eight features from j on: whole panels are multiplied, then the halves
# of two features' products are put side by side.
cdef inline inlined backward_eight(const real* panels, Py_ssize_t stride, const v8* s, double* g,
                                   Py_ssize_t j, Py_ssize_t P) noexcept nogil:
    cdef v8[4] sums
    cdef v8 x, y
    cdef Py_ssize_t p, i, f
    for i in range(4):
        f = 4 * (i & 1) + (i >> 1)                 # features f and f + 2, as fold8 wants them
        load(panels + PANEL * (j + f), &x)
        load(panels + PANEL * (j + f + 2), &y)
        x = x * s[0]
        y = y * s[0]
        sums[i] = low8(x, y) + high8(x, y)
    for p in range(1, P):
        for i in range(4):
            f = 4 * (i & 1) + (i >> 1)
            load(panels + p * stride + PANEL * (j + f), &x)
            load(panels + p * stride + PANEL * (j + f + 2), &y)
            x = x * s[p]
            y = y * s[p]
            sums[i] = (sums[i] + low8(x, y)) + high8(x, y)
    fold8(sums, g + j)


# The same for four columns and four features from j on: half a panel's feature, twice, is
# multiplied with the s of two columns side by side: c and c + 2 for half panel h in
# s[2 * P * c + h].
cdef inline inlined backward_four(const real* panels, Py_ssize_t stride, const v8* s, double* g,
                                  Py_ssize_t j, Py_ssize_t P) noexcept nogil:
    cdef v8[8] sums
    cdef v8 x
    cdef Py_ssize_t h, f, c, i
    for f in range(4):
        load_twice(panels + PANEL * (j + f), &x)
        for c in range(2):
            sums[4 * (f >> 1) + 2 * c + (f & 1)] = x * s[2 * P * c]
    for h in range(1, 2 * P):
        for f in range(4):
            load_twice(panels + (h >> 1) * stride + PANEL * (j + f) + 4 * (h & 1), &x)
            for c in range(2):
                i = 4 * (f >> 1) + 2 * c + (f & 1)
                sums[i] = sums[i] + x * s[2 * P * c + h]
    fold8(sums, g + 4 * j)
    fold8(sums + 4, g + 4 * j + 8)


cdef inline inlined backward(const real* panels, Py_ssize_t stride, const vec* s, Py_ssize_t d,
                             double* g, Py_ssize_t P, Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t j = 0, first, last, p, c
    cdef v8[16] pairs
    if vec is v8:
        if C == 1:
            while j + 8 <= d:
                backward_eight(panels, stride, s, g, j, P)
                j += 8
        else:
            for p in range(P):
                for c in range(2):
                    pairs[2 * P * c + 2 * p] = low8(s[4 * c + p], s[4 * (c + 2) + p])
                    pairs[2 * P * c + 2 * p + 1] = high8(s[4 * c + p], s[4 * (c + 2) + p])
            while j + 4 <= d:
                backward_four(panels, stride, pairs, g, j, P)
                j += 4
        backward_rest[real, v4](panels, stride, <const v4*> s, d, g, j, P, C)
    else:       # the last features first, which forward has just read, while they are cached
        last = d
        first = CACHED * (sizeof(double) // sizeof(real))
        first = (d - first) // 8 * 8 if d > first else 0
        while last > 0:
            backward_rest[real, vec](panels, stride, s, last, g, first, P, C)
            last = first
            first = 0


# Features j .. d - 1.
cdef inline inlined backward_rest(const real* panels, Py_ssize_t stride, const narrow* s,
                                  Py_ssize_t d, double* g, Py_ssize_t j, Py_ssize_t P,
                                  Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t F = 4 if C == 1 else (sizeof(narrow) // 16)   # as many sums as registers allow
    while j + F <= d:
        backward_features(panels, stride, s, g, j, P, C, F)
        j += F
    while j < d:
        backward_features(panels, stride, s, g, j, P, C, 1)
        j += 1
