# cython: language_level=3, boundscheck=False, freethreading_compatible=True
"""What an embedder of sparse rows writes: a CSR matrix and its CSC form, by kernel.pxd alone."""

import numpy as np

from libc.stdint cimport int8_t, int32_t, int64_t, uint16_t

from lsgd_fast cimport kernel

kernel.require_abi(kernel.ABI)

ctypedef fused index:
    uint16_t
    int32_t
    int64_t

ctypedef fused real:
    float
    double


def loss_gradient(shape, const int64_t[::1] indptr, const index[::1] indices, const real[::1] data,
                  const int64_t[::1] column_indptr, const index[::1] column_indices,
                  const real[::1] column_data, const int8_t[::1] labels, const double[:, ::1] w,
                  int n_threads):
    """Loss (k,) and gradient (d, k), and the loss without a gradient, for labels in bytes and
    weights of 1."""
    cdef Py_ssize_t n, d, k = w.shape[1]
    n, d = shape
    cdef double[::1] loss = np.empty(k)
    cdef double[::1] loss_alone = np.empty(k)
    cdef double[:, ::1] gradient = np.empty_like(w)
    cdef kernel.index_type_t index_type = (
        kernel.INDEX_UINT16 if index is uint16_t
        else kernel.INDEX_INT32 if index is int32_t else kernel.INDEX_INT64)
    cdef kernel.sparse_t X = kernel.csr_matrix(
        kernel.compressed(&indptr[0], &indices[0], index_type, &data[0]),
        kernel.compressed(&column_indptr[0], &column_indices[0], index_type, &column_data[0]))
    cdef kernel.rows_t rows = kernel.csr_rows(
        &X, kernel.FLOAT32 if real is float else kernel.FLOAT64, n, d, NULL, NULL, n, False)
    rows.labels, rows.row_weight = &labels[0], 1.0
    cdef double[::1] workspace = np.full(kernel.workspace_size(&rows, k, n_threads), np.nan)
    with nogil:
        kernel.loss_gradient(&rows, &w[0, 0], k, 0.0, &loss[0], &gradient[0, 0], &workspace[0],
                             n_threads)
        kernel.loss_gradient(&rows, &w[0, 0], k, 0.0, &loss_alone[0], NULL, &workspace[0],
                             n_threads)
    return np.asarray(loss), np.asarray(gradient), np.asarray(loss_alone)
