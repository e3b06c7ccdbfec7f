"""How a pass is split, the memory it takes, and how X and columns of weights are packed."""

from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.simd cimport v2
from lsgd_fast._core.pass_types cimport (BLOCK, ROW_GRADIENTS_GIVEN, LOGISTIC_LOSS, MAX_CHUNKS, NETWORK, PANEL, SCORES_ONLY,
                                         MULTI_BLOCKS, is_multi, model_t, loss_t, pass_t, column_offset,
                                         padded_rows, tally_t)
from lsgd_fast._core.types cimport FLOAT64, matrix_t, rows_t

from lsgd_fast._constants import LOSS_WORK

cdef double loss_work = LOSS_WORK


# --- how a pass is split --------------------------------------------------------------------------

# The work of a pass, in elements of X and their like.
cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return <double> n * (<double> d + loss_work)


# Whether a pass would not pay for a second thread by far (threads.py starts one later).
cdef inline bint is_small(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return pass_work(n, d) < 12000.0


# A block is BLOCK rows high where that leaves it in the second-level cache and leaves blocks for
# eight chunks.
cdef inline Py_ssize_t block_rows(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return BLOCK if d <= 2048 and (n >= 8 * BLOCK or is_small(n, d)) else PANEL


# One chunk for a small pass; else eight if there are blocks enough, and more for many rows, as long
# as summing the partial_gradients stays small beside the pass.
cdef Py_ssize_t chunk_count(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    if is_small(n, d):
        return 1
    return min((n - 1) // block_rows(n, d) + 1,
               max(<Py_ssize_t> 8, min(<Py_ssize_t> MAX_CHUNKS, n // 512)))


# The same for sparse rows, which have no partial_gradients to be summed.
cdef Py_ssize_t sparse_chunk_count(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil:
    cdef double work = n_entries + loss_work * n
    if work < 12000.0:
        return 1
    return min((n - 1) // sparse_height(n) + 1,
               max(<Py_ssize_t> 8, min(<Py_ssize_t> MAX_CHUNKS, <Py_ssize_t> (work / 20000.0))))


cdef inline Py_ssize_t sparse_height(Py_ssize_t n) noexcept nogil:
    return BLOCK if n >= 8 * BLOCK else PANEL


cdef double row_length(const matrix_t* X) noexcept nogil:
    return X.d if X.sparse == NULL else <double> X.sparse.rows.indptr[X.n] / X.n


# At most 64 columns are longer than that.
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil:
    return max(<Py_ssize_t> 4096, n_entries // MAX_CHUNKS)


# The same for models of several columns, where partial_gradients may be large: at least 32 rows to a chunk, and
# partial_gradients of 64 MiB together, or of eight times the weights.
cdef Py_ssize_t multi_chunk_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t most = min(<Py_ssize_t> MAX_CHUNKS, n // 512, (<Py_ssize_t> 1 << 23) // (d * k))
    if k * pass_work(n, d) < 12000.0:
        return 1
    return min((n - 1) // BLOCK + 1, max(<Py_ssize_t> 8, most))


cdef Py_ssize_t multi_height(Py_ssize_t d) noexcept nogil:
    return BLOCK if d <= 2048 else PANEL


# Blocks that are linked together: few read the weights and write the partial_gradients often, many need room
# for all their scores.
cdef Py_ssize_t multi_blocks(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t blocks = (n - 1) // multi_height(d) + 1
    cdef Py_ssize_t of_chunk = (blocks - 1) // multi_chunk_count(n, d, k) + 1
    return min(<Py_ssize_t> MULTI_BLOCKS, of_chunk) if d <= 2048 else 1


# Doubles that a thread needs in a pass.
cdef Py_ssize_t thread_memory(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t blocks_at_once, tiles
    if not is_multi(model):
        return 0 if X.panels != NULL or X.sparse != NULL else block_rows(X.n, X.d) * X.d
    if X.sparse != NULL:
        return BLOCK * k
    blocks_at_once = multi_blocks(X.n, X.d, k)
    tiles = 0 if X.panels != NULL else blocks_at_once * multi_height(X.d) * X.d
    return tiles + blocks_at_once * BLOCK * k


cdef Py_ssize_t pass_chunks(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    if X.sparse != NULL:
        return sparse_chunk_count(X.n, X.sparse.rows.indptr[X.n])
    return multi_chunk_count(X.n, X.d, k) if is_multi(model) else chunk_count(X.n, X.d)


cdef Py_ssize_t pass_height(model_t model, const matrix_t* X) noexcept nogil:
    if X.sparse != NULL:
        return sparse_height(X.n)
    return multi_height(X.d) if is_multi(model) else block_rows(X.n, X.d)


cdef Py_ssize_t tally_count(model_t model, Py_ssize_t k) noexcept nogil:
    if model == SCORES_ONLY or model == ROW_GRADIENTS_GIVEN:
        return 0
    return 1 if model == NETWORK else k


# --- packing: X to panels once, columns of w to groups and back -----------------------------------

cdef void pack_panels(const matrix_t* X, void* panels, double* tile) noexcept nogil:
    cdef Py_ssize_t size = PANEL * X.d, panel, i
    for panel in range((X.n - 1) // PANEL + 1):
        if X.element == FLOAT64:
            decode_panel(X, NULL, PANEL * panel, <v2*> (<double*> panels + panel * size))
        else:
            decode_panel(X, NULL, PANEL * panel, <v2*> tile)
            for i in range(size):
                (<float*> panels)[panel * size + i] = <float> tile[i]


cdef const int64_t* feature_order(const rows_t* rows) noexcept nogil:
    if rows.X.sparse == NULL:
        return NULL
    return rows.X.sparse.order


cdef void pack_columns(const double* w, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                       double* weights) noexcept nogil:
    cdef Py_ssize_t column, offset, stride, j
    for column in range(k):
        column_offset(column, k, d, &offset, &stride)
        for j in range(d):
            weights[offset + j * stride] = w[(j if order == NULL else order[j]) * k + column]


cdef void unpack_columns(const double* weights, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                         double* w) noexcept nogil:
    cdef Py_ssize_t column, offset, stride, j
    for column in range(k):
        column_offset(column, k, d, &offset, &stride)
        for j in range(d):
            w[(j if order == NULL else order[j]) * k + column] = weights[offset + j * stride]


cdef Py_ssize_t partial_gradients_size(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t n_chunks = pass_chunks(model, X, k)
    if X.sparse != NULL:
        return k * (padded_rows(X.n) + n_chunks * X.sparse.n_long)
    return n_chunks * k * X.d


cdef Py_ssize_t pass_size(model_t model, const rows_t* rows, Py_ssize_t k,
                          int n_threads) noexcept nogil:
    cdef Py_ssize_t n_chunks = pass_chunks(model, &rows.X, k)
    cdef Py_ssize_t size = max(n_threads, 1) * thread_memory(model, &rows.X, k)
    if model != SCORES_ONLY:
        size += partial_gradients_size(model, &rows.X, k)
    return size + n_chunks * tally_count(model, k) * (sizeof(tally_t) // sizeof(double))


cdef void lay_out_pass(pass_t* p, model_t model, const rows_t* rows, Py_ssize_t k,
                       double* memory) noexcept nogil:
    p.model = model
    p.loss = loss_t(LOGISTIC_LOSS, 1.0, 0.0)
    p.in_log_domain = NULL
    p.log_sums = NULL
    p.rows = rows
    p.k = k
    p.height = pass_height(model, &rows.X)
    p.n_chunks = pass_chunks(model, &rows.X, k)
    p.blocks_at_once = multi_blocks(rows.X.n, rows.X.d, k)
    p.thread_memory = thread_memory(model, &rows.X, k)
    p.partial_gradients = NULL
    p.tallies = NULL
    p.scores = NULL
    p.row_gradients = NULL
    p.order = NULL
    if model != SCORES_ONLY:
        p.partial_gradients = memory
        memory += partial_gradients_size(model, &rows.X, k)
    if tally_count(model, k) > 0:
        p.tallies = <tally_t*> memory
        memory = <double*> (p.tallies + p.n_chunks * tally_count(model, k))
    p.tiles = memory
