"""The row pass: forward, loss and backward over X, which is read from memory once.

Design
------
1. Rows are taken in *panels* of PANEL = 8 rows, stored feature by feature, and panels in *blocks*
   that stay in the cache between forward and backward. X is either packed into panels once, or
   decoded into a tile of panels block by block (load.pxd). For one column, plain rows of float64,
   float32, float16, bfloat16, uint8 or int8 are read in place (dense_inplace.pxd), which costs less
   than a tile. All of them sum in the same order: the storage of X does not change a bit.
2. The order of every sum is fixed. Forward: a score is summed feature by feature, in one chain per
   row. Backward: within a block, eight lanes (row number modulo 8) sum their rows in order, the
   lanes are folded, and the block's sum is added to the partial gradient of its leaf. Leaves are
   added in pairs (leaves.pxd). Blocks and leaves depend on the shape of X alone. The result does
   not depend on what lies side by side in a vector, be it rows or (backward in place) features, on
   the width of vectors, or on the number of columns.
3. Columns of weights are packed in groups of four, then one by one, each group an array (d,
   columns). A group of one keeps 4 panels x 1 column in registers, a group of four 1 panel x 4
   columns (AVX-512: 4 panels).
4. Each body is written once and compiled for every instruction set, in a module of its own
   (isa_avx2.pyx and its siblings, which take longest to compile); dispatch.pyx chooses one at
   import. Multiply and add are never contracted (-ffp-contract=off), and no libm is called.
"""

from cython.parallel cimport parallel

from lsgd_fast._core.dispatch cimport reduce_gradients, run_leaves
from lsgd_fast._core.layout cimport (feature_order, lay_out_pass, pack_columns, pass_size,
                                     unpack_columns)
from lsgd_fast._core.pass_types cimport INDEPENDENT, pass_t, totals_t
from lsgd_fast._core.reduce cimport total_tallies
from lsgd_fast._core.scaling cimport enter_column, leave_column
from lsgd_fast._core.slabs cimport unify_log_scales
from lsgd_fast._core.sparse_layout cimport COLUMN_WORK, first_column
from lsgd_fast._core.team cimport team_rank, team_size
from lsgd_fast._core.types cimport ABI, rows_t, sparse_t

from lsgd_fast._constants import UNDERFLOW_LOSS

cdef double underflow_loss = UNDERFLOW_LOSS


cdef Py_ssize_t reduce_part(const pass_t* p, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    if p.rows.X.sparse != NULL:
        return p.k * first_column(&p.rows.X, part, parts)
    return part * p.k * p.rows.X.d // parts


cdef double reduce_work(const pass_t* p) noexcept nogil:
    cdef const sparse_t* sparse = p.rows.X.sparse
    if sparse != NULL:
        return <double> p.k * (sparse.starts[p.rows.X.d] + COLUMN_WORK * p.n_slabs * p.rows.X.d)
    return <double> p.n_chunks * p.k * p.rows.X.d


cdef void reduce_log_scales(const pass_t* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    if p.rows.X.sparse != NULL and p.in_log_domain != NULL:
        unify_log_scales(p, first, last)


cdef void sum_tallies(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil:
    total_tallies(p, column, underflow_loss, totals)


# --- for embedders: the whole pass ----------------------------------------------------------------

cdef int require_abi(int expected) except -1:
    if ABI != expected:
        raise ImportError(f"compiled against ABI {expected} of lsgd_fast.kernel, but the installed "
                          f"lsgd_fast has {ABI}; compile again")
    return 0


# All rows of a problem: whoever fills in the members by hand need not know of parts.
cdef rows_t whole(const rows_t* rows) noexcept nogil:
    cdef rows_t all_rows = rows[0]
    all_rows.X.part = NULL
    return all_rows


cdef Py_ssize_t workspace_size(const rows_t* rows, Py_ssize_t k, int n_threads) noexcept nogil:
    cdef rows_t all_rows = whole(rows)
    return 2 * k * rows.X.d + k + pass_size(INDEPENDENT, &all_rows, k, n_threads)


cdef void loss_gradient(const rows_t* rows, const double* w, Py_ssize_t k, double l2, double* loss,
                        double* gradient, double* workspace, int n_threads) noexcept nogil:
    cdef Py_ssize_t d = rows.X.d, j, c
    cdef double penalty
    cdef totals_t totals
    cdef pass_t p
    cdef double* weights = workspace
    cdef double* packed = weights + k * d
    cdef double* intercepts = packed + k * d
    cdef rows_t all_rows = whole(rows)
    lay_out_pass(&p, INDEPENDENT, &all_rows, k, n_threads, intercepts + k)
    p.gradient = gradient != NULL
    p.weights = weights
    p.intercepts = intercepts
    pack_columns(w, d, k, feature_order(rows), weights)
    for c in range(k):
        intercepts[c] = w[d * k + c] if rows.fit_intercept else 0.0
        enter_column(rows, c, k, weights, intercepts)
    run_pass(&p, n_threads)
    if gradient != NULL:
        reduce_gradients_by_team(&p, packed, n_threads)
    for c in range(k):
        sum_tallies(&p, c, &totals)
        loss[c] = totals.loss
        if gradient != NULL:
            leave_column(rows, c, k, totals.slope, packed)
            if rows.fit_intercept:
                gradient[d * k + c] = totals.slope
    if gradient != NULL:
        unpack_columns(packed, d, k, feature_order(rows), gradient)
    for c in range(k):
        if l2 > 0.0:
            penalty = 0.0
            for j in range(d):
                penalty += (l2 * w[j * k + c]) * w[j * k + c]
                if gradient != NULL:
                    gradient[j * k + c] += l2 * w[j * k + c]
            loss[c] += 0.5 * penalty


# A team pays for sparse rows only, where this is half of the work of a pass.
cdef void reduce_gradients_by_team(const pass_t* p, double* gradient, int n_threads) noexcept nogil:
    if p.rows.X.sparse == NULL or p.n_chunks == 1 or n_threads == 1:
        reduce_gradients(p, 0, p.k * p.rows.X.d, gradient)
        return
    with parallel(num_threads=max(1, min(<Py_ssize_t> n_threads, p.n_chunks))):
        reduce_gradients(p, reduce_part(p, team_rank(), team_size()),
                         reduce_part(p, team_rank() + 1, team_size()), gradient)


cdef void run_pass(const pass_t* p, int n_threads) noexcept nogil:
    with parallel(num_threads=max(1, min(<Py_ssize_t> n_threads, p.n_chunks))):
        run_leaves(p, team_rank() * p.n_chunks // team_size() * p.chunk_leaves,
                   min(p.split.n_leaves,
                       (team_rank() + 1) * p.n_chunks // team_size() * p.chunk_leaves),
                   p.tiles + team_rank() * p.thread_memory)
