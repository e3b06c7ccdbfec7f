# From any storage to a tile: a panel of PANEL rows in float64, feature by feature. This is all
# that a storage format has to supply; the row pass computes on tiles, on panels packed by the same
# code and, for one column, on plain rows in place.

from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t)
from libc.string cimport memcpy

from lsgd_fast._core.types cimport (BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, INT8, INT16, INT32,
                                    INT64, LONG_DOUBLE, UINT8, UINT16, UINT32, UINT64, element_t,
                                    matrix_t)
from lsgd_fast._core.pass_types cimport PANEL
from lsgd_fast._core.simd cimport (bfloat16, brain_value, even4, even8, even_pairs8, float16,
                                   half_value, high2, high4, inlined, load, low2, low4, narrow,
                                   odd4, odd8, odd_pairs8, prefetch, prefetch_l2, real, v4, v8,
                                   value, vec)

cdef enum:
    CACHED_PANELS = 16777216        # bytes that the caches of a core may hold


# Features j, j + 1, ... of as many rows as a vector has lanes, each feature a vector: a square
# transposition in registers.
cdef inline inlined transpose(const real** rows, Py_ssize_t j, vec* features) noexcept nogil:
    cdef vec[8] a
    cdef vec[8] b
    cdef Py_ssize_t i, h
    for i in range(<Py_ssize_t> (sizeof(vec) // sizeof(double))):
        load(rows[i] + j, &a[i])
    if vec is v8:
        for i in range(4):                         # rows 2 i and 2 i + 1 side by side ...
            b[i] = even8(a[2 * i], a[2 * i + 1])
            b[4 + i] = odd8(a[2 * i], a[2 * i + 1])
        for h in range(2):                         # ... then four rows of features h + 0 | 4 and
            for i in range(2):                     # h + 2 | 6, then eight
                a[4 * h + i] = even_pairs8(b[4 * h + 2 * i], b[4 * h + 2 * i + 1])
                a[4 * h + 2 + i] = odd_pairs8(b[4 * h + 2 * i], b[4 * h + 2 * i + 1])
            for i in range(2):
                features[h + 2 * i] = even_pairs8(a[4 * h + 2 * i], a[4 * h + 2 * i + 1])
                features[h + 2 * i + 4] = odd_pairs8(a[4 * h + 2 * i], a[4 * h + 2 * i + 1])
    elif vec is v4:
        features[0] = even4(low4(a[0], a[2]), low4(a[1], a[3]))
        features[1] = odd4(low4(a[0], a[2]), low4(a[1], a[3]))
        features[2] = even4(high4(a[0], a[2]), high4(a[1], a[3]))
        features[3] = odd4(high4(a[0], a[2]), high4(a[1], a[3]))
    else:
        features[0] = low2(a[0], a[1])
        features[1] = high2(a[0], a[1])


# Rows of adjacent elements.
cdef inline inlined decode_contiguous(const real** rows, Py_ssize_t d, narrow* tile) noexcept nogil:
    cdef narrow[4] features
    cdef Py_ssize_t j = 0, i, h
    cdef Py_ssize_t width = sizeof(narrow) // sizeof(double)
    cdef Py_ssize_t V = PANEL // width             # vectors to a feature
    while j + width <= d:
        for h in range(V):
            transpose(rows + h * width, j, features)
            for i in range(width):
                tile[V * (j + i) + h] = features[i]
        j += width
    while j < d:
        for i in range(PANEL):
            (<double*> tile)[PANEL * j + i] = value(rows[i][j])
        j += 1


# Rows of native, aligned elements `stride` bytes apart: F order and the like.
cdef inline inlined decode_strided(const real** rows, Py_ssize_t stride, Py_ssize_t d,
                                   double* tile) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(d):
        for i in range(PANEL):
            tile[PANEL * j + i] = value((<const real*> ((<const char*> rows[i]) + j * stride))[0])


# One element of any type, alignment and byte order.
cdef inline double element_value(const char* p, element_t element, Py_ssize_t size,
                                 bint swapped) noexcept nogil:
    cdef long double storage                       # aligned for every type
    cdef char* raw = <char*> &storage
    cdef Py_ssize_t i
    if swapped:
        for i in range(size):
            raw[i] = p[size - 1 - i]
    else:
        memcpy(raw, p, size)
    if element == FLOAT64:
        return (<double*> raw)[0]
    elif element == FLOAT32:
        return (<float*> raw)[0]
    elif element == FLOAT16:
        return half_value((<uint16_t*> raw)[0])
    elif element == BFLOAT16:
        return brain_value((<bfloat16*> raw)[0])
    elif element == LONG_DOUBLE:
        return <double> (<long double*> raw)[0]
    elif element == INT8:
        return (<int8_t*> raw)[0]
    elif element == INT16:
        return (<int16_t*> raw)[0]
    elif element == INT32:
        return (<int32_t*> raw)[0]
    elif element == INT64:
        return <double> (<int64_t*> raw)[0]
    elif element == UINT8:
        return (<uint8_t*> raw)[0]
    elif element == BOOL:                          # True is any byte but 0
        return raw[0] != 0
    elif element == UINT16:
        return (<uint16_t*> raw)[0]
    elif element == UINT32:
        return (<uint32_t*> raw)[0]
    return <double> (<uint64_t*> raw)[0]


cdef inline Py_ssize_t element_size(element_t element) noexcept nogil:
    if element == LONG_DOUBLE:
        return sizeof(long double)
    elif element == FLOAT64 or element == INT64 or element == UINT64:
        return 8
    elif element == FLOAT32 or element == INT32 or element == UINT32:
        return 4
    elif element == FLOAT16 or element == BFLOAT16 or element == INT16 or element == UINT16:
        return 2
    return 1


# Where `count` rows from `first` on start, in the given order if there is one. Past the last row it
# repeats that row: the caller gives such rows no weight.
cdef inline inlined find_rows(const matrix_t* X, const Py_ssize_t* order, Py_ssize_t first,
                              Py_ssize_t count, const char** rows) noexcept nogil:
    cdef Py_ssize_t i, row
    for i in range(count):
        row = first + i if first + i < X.n else X.n - 1
        rows[i] = X.data + (row if order == NULL else order[row]) * X.row_stride


# Whether rows are adjacent elements that vectors can load.
cdef inline bint has_plain_rows(const matrix_t* X) noexcept nogil:
    return (X.aligned and not X.swapped
            and (X.element == FLOAT64 or X.element == FLOAT32 or X.element == FLOAT16
                 or X.element == BFLOAT16 or X.element == UINT8 or X.element == INT8)
            and X.column_stride == element_size(X.element))


# A panel of rows of native, aligned elements.
cdef inline inlined decode_native(const real** rows, Py_ssize_t stride, Py_ssize_t d,
                                  narrow* tile) noexcept nogil:
    if stride == sizeof(real):
        decode_contiguous(rows, d, tile)
    else:
        decode_strided(rows, stride, d, <double*> tile)


# The panel of rows first .. first + PANEL - 1 of X, in the given order if there is one.
cdef inline inlined decode_panel(const matrix_t* X, const Py_ssize_t* order, Py_ssize_t first,
                                 narrow* tile) noexcept nogil:
    cdef const char* rows[PANEL]
    cdef Py_ssize_t i, j, size, stride = X.column_stride
    cdef bint plain = X.aligned and not X.swapped
    find_rows(X, order, first, PANEL, rows)
    if plain and X.element == FLOAT64:
        decode_native[double, narrow](<const double**> rows, stride, X.d, tile)
    elif plain and X.element == FLOAT32:
        decode_native[float, narrow](<const float**> rows, stride, X.d, tile)
    elif plain and X.element == FLOAT16:
        decode_native[float16, narrow](<const float16**> rows, stride, X.d, tile)
    elif plain and X.element == BFLOAT16:
        decode_native[bfloat16, narrow](<const bfloat16**> rows, stride, X.d, tile)
    elif plain and X.element == UINT8:
        decode_native[uint8_t, narrow](<const uint8_t**> rows, stride, X.d, tile)
    elif plain and X.element == INT8:
        decode_native[int8_t, narrow](<const int8_t**> rows, stride, X.d, tile)
    else:
        size = element_size(X.element)
        for j in range(X.d):
            for i in range(PANEL):
                (<double*> tile)[PANEL * j + i] = element_value(
                    rows[i] + j * stride, X.element, size, X.swapped)


# One row, its features side by side.
cdef inline void decode_row(const matrix_t* X, const char* row, double* values) noexcept nogil:
    cdef Py_ssize_t size = element_size(X.element), j
    for j in range(X.d):
        values[j] = element_value(row + j * X.column_stride, X.element, size, X.swapped)


# The bytes of `height` rows, if they lie together, packed or not, and are few; else 0. Panels that
# the caches hold are left to the processor: asking for them costs 4 % there.
cdef inline Py_ssize_t short_rows(const matrix_t* X, Py_ssize_t height) noexcept nogil:
    cdef Py_ssize_t size = X.row_stride
    if X.panels != NULL:
        size = X.d * element_size(X.element)
        if X.n * size <= CACHED_PANELS:
            return 0
    return height * size if 0 < height * size <= 16384 else 0


# Prefetch `height` short rows from `first` on, if there are so many: the loss of the rows before
# them takes long enough to hide that. For a tile, prefetching longer rows measured slower;
# in place they are prefetched while the rows before them are read (dense_inplace.pxd).
cdef inline inlined prefetch_rows(const matrix_t* X, Py_ssize_t first,
                                  Py_ssize_t height) noexcept nogil:
    cdef Py_ssize_t size = short_rows(X, height), i = 0
    cdef const char* rows
    if size > 0 and first + height <= X.n:
        rows = (X.data if X.panels == NULL else <const char*> X.panels) + first * (size // height)
        while i < size:
            prefetch_l2(rows + i)
            i += 64


# The same for rows in an order: the first kilobyte of each, from where the processor goes on.
cdef inline inlined prefetch_ordered(const matrix_t* X, const Py_ssize_t* order, Py_ssize_t first,
                                     Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t size = min(<Py_ssize_t> 1024, X.d * X.column_stride), i, j
    cdef const char* row
    for i in range(first, min(first + count, X.n)):
        row = X.data + order[i] * X.row_stride
        j = 0
        while j < size:
            prefetch(row + j)
            j += 64
