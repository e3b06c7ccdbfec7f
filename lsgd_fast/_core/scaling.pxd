# Features that are centred and scaled, (x - center) * scale, while the rows x are read as they are.
#
# Weights w of the features are weights scale * w of x, with an intercept that is less by
# center . (scale * w). Where the row gradients sum to `slope`, the gradient by w is
# scale * (g - center * slope), with g the gradient by the weights of x.

from lsgd_fast._core.pass_types cimport column_offset
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._core.vecmath cimport negative_abs


# Turn the packed weights of a column, and its intercept, from those of the features to those of x.
cdef inline void enter_column(const rows_t* rows, Py_ssize_t column, Py_ssize_t k, double* weights,
                              double* intercepts) noexcept nogil:
    cdef Py_ssize_t offset, stride, j
    cdef double shift = 0.0
    cdef double* w
    if rows.scale == NULL:
        return
    column_offset(column, k, rows.X.d, &offset, &stride)
    for j in range(rows.X.d):
        w = weights + offset + j * stride
        w[0] *= rows.scale[j]
        if rows.center[j] != 0.0:                   # 0 times infinity would be no number
            shift += rows.center[j] * w[0]
    intercepts[column] -= shift


# Turn the packed gradient of a column from that by the weights of x to that by those of the
# features.
cdef inline void leave_column(const rows_t* rows, Py_ssize_t column, Py_ssize_t k, double slope,
                              double* gradient) noexcept nogil:
    cdef Py_ssize_t offset, stride, j
    cdef double* g
    if rows.scale == NULL:
        return
    column_offset(column, k, rows.X.d, &offset, &stride)
    for j in range(rows.X.d):
        g = gradient + offset + j * stride
        g[0] = rows.scale[j] * (g[0] - rows.center[j] * slope)


# The same after an absolute pass, see pass_t.
cdef inline void leave_absolute_column(const rows_t* rows, Py_ssize_t column, Py_ssize_t k,
                                       double slope, double* sizes) noexcept nogil:
    cdef Py_ssize_t offset, stride, j
    cdef double* g
    if rows.scale == NULL:
        return
    column_offset(column, k, rows.X.d, &offset, &stride)
    for j in range(rows.X.d):
        g = sizes + offset + j * stride
        if rows.X.sparse != NULL:
            g[0] -= negative_abs(rows.center[j]) * slope
        g[0] *= rows.scale[j]
