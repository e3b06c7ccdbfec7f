# Rows in place: forward and backward of one column of weights on rows of adjacent elements, without
# a tile. Every sum has the order of dense_tiles.pxd; only what lies side by side in a vector
# differs: forward turns rows into features in registers, backward has features in the lanes and
# needs no turning.
#
# Sums start from minus zero: adding x to it gives x, whichever zero x may be.
#
# Both ask memory for the next block, `ahead` bytes on unless that is 0: forward for the first four
# rows of each panel, backward for the last four, so that memory is busy all the time. In
# a pass without forward, backward asks for the first four as well, `lead` bytes on.

from lsgd_fast._core.load cimport transpose
from lsgd_fast._core.pass_types cimport PANEL
from lsgd_fast._core.simd cimport fold_lanes, inlined, load, prefetch_l2, real, v4, v8, value, vec


# Ask memory for four rows. Called every `step` features: for all lines of cache that start within
# them, or where a line is longer, for some of the rows at each call.
cdef inline inlined prefetch_four(const real** rows, Py_ssize_t j, Py_ssize_t step,
                                  Py_ssize_t ahead) noexcept nogil:
    cdef Py_ssize_t line = 64 // sizeof(real)      # features
    cdef Py_ssize_t i, k, first
    if ahead == 0:
        pass
    elif step >= line:
        for k in range(step // line):
            for i in range(4):
                prefetch_l2(<const char*> (rows[i] + j + k * line) + ahead)
    else:
        first = j % line * 4 // line
        for i in range((4 * step - 1) // line + 1):
            prefetch_l2(<const char*> (rows[first + i] + j) + ahead)


# Ask memory for what backward asks for, where it is left out: the last four rows of n_panels panels
# of the next block.
cdef inline inlined prefetch_left_out(const real** rows, Py_ssize_t d, Py_ssize_t n_panels,
                                      Py_ssize_t ahead) noexcept nogil:
    cdef Py_ssize_t line = 64 // sizeof(real), q, j
    for q in range(n_panels):
        j = 0
        while j < d:
            prefetch_four(rows + q * PANEL + 4, j, line, ahead)
            j += line


# Add the products of whole vectors of features with w, from j on, to the sums of the rows of P
# panels.
cdef inline inlined forward_features(const real** rows, const double* w, Py_ssize_t* j,
                                     Py_ssize_t d, vec* sums, Py_ssize_t P,
                                     Py_ssize_t ahead) noexcept nogil:
    cdef vec[8] x                                  # of one feature each
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t i, v
    while j[0] + width <= d:
        for i in range(P):
            prefetch_four(rows + i * PANEL, j[0], width, ahead)
        for v in range(P * (PANEL // width)):      # vectors of rows
            transpose(rows + v * width, j[0], x)
            for i in range(width):
                sums[v] = sums[v] + x[i] * w[j[0] + i]
        j[0] += width


# z[row] = x[row] . w for the rows of P panels.
cdef inline inlined forward_rows(const real** rows, const double* w, Py_ssize_t d, vec* z,
                                 Py_ssize_t P, Py_ssize_t ahead) noexcept nogil:
    cdef vec[16] sums
    cdef double[8] minus_zero
    cdef Py_ssize_t V = P * PANEL * sizeof(double) // sizeof(vec)
    cdef Py_ssize_t j = 0, i, v
    for i in range(8):
        minus_zero[i] = -0.0
    for v in range(V):
        sums[v] = (<vec*> minus_zero)[0]
    forward_features(rows, w, &j, d, sums, P, ahead)
    if vec is v8:
        forward_features(rows, w, &j, d, <v4*> sums, P, ahead)
    while j < d:
        for i in range(P * PANEL):
            (<double*> sums)[i] = (<double*> sums)[i] + value(rows[i][j]) * w[j]
        j += 1
    for v in range(V):
        z[v] = sums[v]


# Add x[row, j] * s[row] to the sums of the row's number modulo 8, for rows `first` to `first` + 3
# of each panel: as many sums as narrow vectors have registers for.
cdef inline inlined backward_half(const real** rows, const double* s, Py_ssize_t j, vec* sums,
                                  Py_ssize_t first, Py_ssize_t height, Py_ssize_t ahead,
                                  Py_ssize_t F) noexcept nogil:
    cdef vec x
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t p, i, f
    for p in range(height // PANEL):
        prefetch_four(rows + p * PANEL + first, j, F * width, ahead)
        for i in range(4):
            for f in range(F):
                load(rows[p * PANEL + first + i] + j + f * width, &x)
                sums[8 * f + first + i] = (sums[8 * f + first + i]
                                           + x * s[p * PANEL + first + i])


# g[j] += sum over the rows of x[row, j] * s[row], for F vectors of features from j on.
cdef inline inlined backward_vectors(const real** rows, const double* s, double* g, Py_ssize_t j,
                                     Py_ssize_t height, Py_ssize_t ahead, Py_ssize_t lead,
                                     vec minus_zero, Py_ssize_t F) noexcept nogil:
    cdef vec[16] sums                                 # of the rows of one number modulo 8 each
    cdef Py_ssize_t i, f
    cdef vec* out = <vec*> (g + j)
    for f in range(8 * F):
        sums[f] = minus_zero
    # one call for each half: a loop over both would keep the sums in memory
    backward_half(rows, s, j, sums, 0, height, lead, F)
    backward_half(rows, s, j, sums, 4, height, ahead, F)
    for f in range(F):                                # as fold_lanes
        i = 8 * f
        out[f] = out[f] + (((sums[i] + sums[i + 4]) + (sums[i + 2] + sums[i + 6]))
                           + ((sums[i + 1] + sums[i + 5]) + (sums[i + 3] + sums[i + 7])))


# g[j] += sum over `height` rows of x[row, j] * s[row], for whole vectors of features from j on.
cdef inline inlined backward_features_of(const real** rows, const vec* s, Py_ssize_t* j,
                                         Py_ssize_t d, double* g, Py_ssize_t height,
                                         Py_ssize_t ahead, Py_ssize_t lead) noexcept nogil:
    cdef double[8] minus_zero
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double), i
    cdef const double* of_rows = <const double*> s
    for i in range(8):
        minus_zero[i] = -0.0
    while j[0] + 2 * width <= d:
        backward_vectors(rows, of_rows, g, j[0], height, ahead, lead, (<vec*> minus_zero)[0], 2)
        j[0] += 2 * width
    while j[0] + width <= d:
        backward_vectors(rows, of_rows, g, j[0], height, ahead, lead, (<vec*> minus_zero)[0], 1)
        j[0] += width


# The same for all features; `s` points to vectors only to name their type.
cdef inline inlined backward_rows(const real** rows, const vec* s, Py_ssize_t d, double* g,
                                  Py_ssize_t height, Py_ssize_t ahead,
                                  Py_ssize_t lead) noexcept nogil:
    cdef double[PANEL] sums
    cdef Py_ssize_t j = 0, i
    backward_features_of(rows, s, &j, d, g, height, ahead, lead)
    if vec is v8:
        backward_features_of(rows, <const v4*> s, &j, d, g, height, ahead, lead)
    while j < d:
        for i in range(PANEL):
            sums[i] = -0.0
        for i in range(height):
            sums[i % PANEL] = sums[i % PANEL] + value(rows[i][j]) * (<const double*> s)[i]
        g[j] = g[j] + fold_lanes(sums)
        j += 1
