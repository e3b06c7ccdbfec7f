# The two matrix products of the row pass on panels, a tile of them in registers.
#
# C and F are constants at every call, and so is P but for the last block of a leaf: after inlining
# the loops over them are unrolled and `sums` lives in registers.

from lsgd_fast._core.simd cimport fold, fold1, inlined, load, narrow, real, v2, v4, v8, vec
from lsgd_fast._core.pass_types cimport BLOCK, PANEL

cdef enum:
    CACHED = 128    # features of four float64 panels that the first-level cache keeps: 32 KiB


# z[c, row] = sum_j panel[row, j] * w[j, c]; panels lie `stride` elements, columns of z BLOCK apart.
# A weight multiplies all vectors of a panel's feature in a row, so that it needs a register only
# then: with more weights in registers, a sum would lose its own.
cdef inline inlined forward(const real* panels, Py_ssize_t stride, const double* w, Py_ssize_t d,
                            vec* z, Py_ssize_t P, Py_ssize_t C) noexcept nogil:
    cdef vec[16] sums
    cdef vec[4] x
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec)      # vectors of a panel's feature
    cdef Py_ssize_t width = PANEL // V
    cdef Py_ssize_t j, p, c, v
    for p in range(P):
        for v in range(V):
            load(panels + p * stride + v * width, x + v)
        for c in range(C):
            for v in range(V):
                sums[(p * C + c) * V + v] = x[v] * w[c]
    for j in range(1, d):
        for p in range(P):
            for v in range(V):
                load(panels + p * stride + PANEL * j + v * width, x + v)
            for c in range(C):
                for v in range(V):
                    sums[(p * C + c) * V + v] = sums[(p * C + c) * V + v] + x[v] * w[j * C + c]
    for p in range(P):
        for c in range(C):
            for v in range(V):
                z[c * (BLOCK // width) + p * V + v] = sums[(p * C + c) * V + v]


# g[j, c] += sum over the rows of P panels of panel[row, j] * s[c, row], for F features from j on
# and `count` of C columns from `first` on. Eight lanes sum in registers. F * count is 1 or a
# multiple of the lanes of a vector, so that `fold` takes as many sums at once.
cdef inline inlined backward_features(const real* panels, Py_ssize_t stride, const vec* s,
                                      double* g, Py_ssize_t j, Py_ssize_t P, Py_ssize_t C,
                                      Py_ssize_t F, Py_ssize_t first,
                                      Py_ssize_t count) noexcept nogil:
    cdef vec[16] sums
    cdef vec x
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec)      # vectors of a panel's feature
    cdef Py_ssize_t width = PANEL // V
    cdef Py_ssize_t column = BLOCK // width                        # vectors of a column of s
    cdef Py_ssize_t p, f, c, v, i
    for f in range(F):
        for v in range(V):
            load(panels + PANEL * (j + f) + v * width, &x)
            for c in range(count):
                sums[(f * count + c) * V + v] = x * s[(first + c) * column + v]
    for p in range(1, P):
        for f in range(F):
            for v in range(V):
                load(panels + p * stride + PANEL * (j + f) + v * width, &x)
                for c in range(count):
                    i = (f * count + c) * V + v
                    sums[i] = sums[i] + x * s[(first + c) * column + p * V + v]
    if F * count == 1:
        fold1(sums, g + j)
    else:
        for i in range(F * count // width):
            fold(sums + 8 * i, g + j * C + first + i * width)


cdef inline inlined backward(const real* panels, Py_ssize_t stride, const vec* s, Py_ssize_t d,
                             double* g, Py_ssize_t P, Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t j = 0, first, last
    if vec is v8:
        while j + 8 // C <= d:
            backward_features(panels, stride, s, g, j, P, C, 8 // C, 0, C)
            j += 8 // C
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
    cdef Py_ssize_t width = sizeof(narrow) // sizeof(double)
    if C == 1:
        while j + width <= d:
            backward_features(panels, stride, s, g, j, P, 1, width, 0, 1)
            j += width
        while j < d:
            backward_features(panels, stride, s, g, j, P, 1, 1, 0, 1)
            j += 1
        return
    while j < d:
        backward_features(panels, stride, s, g, j, P, 4, 1, 0, width)
        if narrow is v2:
            backward_features(panels, stride, s, g, j, P, 4, 1, 2, width)
        j += 1
