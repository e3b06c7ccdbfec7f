# The two matrix products of the row pass on panels, a tile of them in registers.
#
# C and F are constants at every call, and so is P but for the last block of a chunk: after inlining
# the loops over them are unrolled and `sums` lives in registers.

from .lanes cimport fold1, fold4, inlined, load, real, vec
from .kernel cimport BLOCK, PANEL


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
cdef inline inlined backward_features(const real* panels, Py_ssize_t stride, const vec* s,
                                      double* g, Py_ssize_t j, Py_ssize_t P, Py_ssize_t C,
                                      Py_ssize_t F) noexcept nogil:
    cdef vec[16] sums
    cdef vec x
    cdef Py_ssize_t L = 4 * sizeof(double) // sizeof(vec)          # vectors of four lanes
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


cdef inline inlined backward(const real* panels, Py_ssize_t stride, const vec* s, Py_ssize_t d,
                             double* g, Py_ssize_t P, Py_ssize_t C) noexcept nogil:
    cdef Py_ssize_t F = 4 if C == 1 else (sizeof(vec) // 16)      # as many sums as registers allow
    cdef Py_ssize_t j = 0
    while j + F <= d:
        backward_features(panels, stride, s, g, j, P, C, F)
        j += F
    while j < d:
        backward_features(panels, stride, s, g, j, P, C, 1)
        j += 1
