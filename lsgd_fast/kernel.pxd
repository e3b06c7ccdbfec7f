"""The C API: loss and gradient of the logistic loss in one pass over X, on plain pointers.

    from lsgd_fast cimport kernel
    kernel.require_abi(kernel.ABI)          # at import

describe X     element_t, index_type_t, matrix_t, compressed_t, sparse_t, rows_t
initialise     dense_rows; csr_rows, csr_matrix, compressed
compute        workspace_size, loss_gradient
compatibility  ABI, require_abi

The README has a complete function; docs/backend.md lists what an embedder can rely on.

Nothing is checked: what the pointers lead to, and the indices of sparse rows above all, must be in
range and stay so during a call. LENT_INT32 and LENT_INT64 are for rows whose indices may change.

Thread safety: the functions need no GIL, raise nothing, allocate nothing and keep no state.
Several threads may share the rows, but each needs a workspace, a loss and a gradient of its own.
On free-threaded CPython a module turns the GIL on, for the whole process, unless it says

    # cython: freethreading_compatible=True
"""

# What describes X, and the initialisers: see types.pxd for each member.
from lsgd_fast._core.types cimport (
    FLOAT64, FLOAT32, FLOAT16, LONG_DOUBLE, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32,
    UINT64, BOOL, BFLOAT16, INDEX_UINT16, INDEX_INT32, INDEX_INT64, LENT_INT32, LENT_INT64,
    element_t, index_type_t, matrix_t, compressed_t, sparse_t, rows_t, dense_rows, csr_rows,
    csr_matrix, compressed)

# Loss (k,) and gradient (d [+ 1], k) of k columns of weights.
from lsgd_fast._core.rowpass cimport loss_gradient, workspace_size

# require_abi(kernel.ABI) raises ImportError where the installed package has another number than the
# one that was compiled in. ABI counts the changes to what this file re-exports, and nothing else.
from lsgd_fast._core.rowpass cimport require_abi
from lsgd_fast._core.types cimport ABI
