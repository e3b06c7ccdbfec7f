"""The row pass and its C-level API.

A *row pass* reads X once and returns, for each of k columns of weights, the loss, the error rate,
the smallest margin and the gradient.  Everything here works on plain pointers, without the GIL, and
never raises.  From Cython:

    from lsgd_fast cimport kernel
    kernel.require_abi(kernel.ABI)        # ImportError where another version is installed

    cdef kernel.rows_t rows               # describe X, y and the weights of the rows once
    cdef double[::1] work = np.empty(kernel.workspace_size(&rows, 1, 1))
    kernel.loss_gradient(&rows, &w[0], 1, 0.0, &loss, &gradient[0], &work[0], 1)

Thread safety: the functions keep no state; two threads may share `rows` but not a workspace.
"""

from lsgd_fast._core.rowpass cimport loss_gradient, require_abi, workspace_size
from lsgd_fast._core.types cimport (
    element_t, FLOAT64, FLOAT32, FLOAT16, LONG_DOUBLE, INT8, INT16, INT32, INT64, UINT8, UINT16,
    UINT32, UINT64, BOOL, BFLOAT16, index_type_t, INDEX_UINT16, INDEX_INT32, INDEX_INT64,
    compressed_t, sparse_t, matrix_t, rows_t, ABI)
