# cython: language_level=3, boundscheck=False, freethreading_compatible=True
"""What an embedder writes: the row pass on its own arrays, through kernel.pxd alone."""

import numpy as np

from lsgd_fast cimport kernel

kernel.require_abi(kernel.ABI)

ctypedef fused real:
    float
    double


def logistic_loss_gradient(const real[:, ::1] X, const double[::1] y, const double[::1] weight,
                           const double[:, ::1] w, double l2, bint fit_intercept, int n_threads,
                           const double[::1] offset=None):
    """Loss (k,) and gradient (d [+ 1], k) for labels -1.0 and +1.0."""
    cdef kernel.rows_t rows
    cdef Py_ssize_t k = w.shape[1], i
    cdef double[::1] loss = np.empty(k)
    cdef double[::1] loss_alone = np.empty(k)
    cdef double[:, ::1] gradient = np.empty_like(w)
    cdef double[::1] workspace
    rows.X.data = <const char*> &X[0, 0]
    rows.X.n = X.shape[0]
    rows.X.d = X.shape[1]
    rows.X.row_stride = X.strides[0]
    rows.X.column_stride = X.strides[1]
    rows.X.element = kernel.FLOAT32 if real is float else kernel.FLOAT64
    rows.X.swapped = False
    rows.X.aligned = True
    rows.X.panels = NULL
    rows.X.sparse = NULL
    rows.y = &y[0]
    rows.weight = &weight[0]
    rows.total_weight = 0.0
    for i in range(weight.shape[0]):
        rows.total_weight += weight[i]
    rows.offset = NULL
    if offset is not None:
        rows.offset = &offset[0]
    rows.fit_intercept = fit_intercept
    rows.center = rows.scale = NULL
    workspace = np.full(kernel.workspace_size(&rows, k, n_threads), np.nan)
    with nogil:
        kernel.loss_gradient(&rows, &w[0, 0], k, l2, &loss[0], &gradient[0, 0], &workspace[0],
                             n_threads)
        kernel.loss_gradient(&rows, &w[0, 0], k, l2, &loss_alone[0], NULL, &workspace[0], n_threads)
    assert np.asarray(loss).tobytes() == np.asarray(loss_alone).tobytes()
    return np.asarray(loss), np.asarray(gradient)


def require_abi(int expected):
    return kernel.require_abi(expected)


ABI = kernel.ABI
