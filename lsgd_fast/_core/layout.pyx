"""How a pass is split, the memory it takes, and how X and columns of weights are packed."""

from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.simd cimport v2
from lsgd_fast._core.pass_types cimport (
    BLOCK, LOGISTIC_LOSS, MAX_CHUNKS, MULTI_BLOCKS, NETWORK, PANEL, ROW_GRADIENTS_GIVEN,
    SCORES_ONLY, column_offset, is_multi, loss_t, model_t, padded_rows, pass_t, tally_t)
from lsgd_fast._core.types cimport FLOAT64, matrix_t, rows_t

from lsgd_fast._constants import LOSS_WORK

loss_work = LOSS_WORK

cdef enum:
    SMALL_WORK = 12000      # a pass of less work is one chunk (threads.py starts threads later)
    MIN_CHUNKS = 8          # of a larger pass, if there are as many blocks
    CHUNK_ROWS = 512        # rows of a chunk where there are more than MIN_CHUNKS
    SPARSE_CHUNK_WORK = 20000       # the same for sparse rows, in entries
    MULTI_VALUES = 1 << 23  # partial gradients of a model of several columns: 64 MiB
    CACHE_FEATURES = 2048   # so many features of BLOCK rows stay in the second-level cache
    LONG_COLUMN = 4096      # entries of a column that one thread sums in any case


# --- how a pass is split --------------------------------------------------------------------------

cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return <double> n * (<double> d + loss_work)


cdef double row_length(const matrix_t* X) noexcept nogil:
    return X.d if X.sparse == NULL else <double> X.sparse.rows.indptr[X.n] / X.n


# BLOCK rows, unless that leaves fewer blocks than MIN_CHUNKS or does not stay in the cache.
cdef Py_ssize_t block_height(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    cdef bint is_small = pass_work(n, d) < SMALL_WORK
    return BLOCK if d <= CACHE_FEATURES and (n >= MIN_CHUNKS * BLOCK or is_small) else PANEL


cdef Py_ssize_t sparse_height(Py_ssize_t n) noexcept nogil:
    return BLOCK if n >= MIN_CHUNKS * BLOCK else PANEL


cdef Py_ssize_t multi_height(Py_ssize_t d) noexcept nogil:
    return BLOCK if d <= CACHE_FEATURES else PANEL


cdef Py_ssize_t pass_height(model_t model, const matrix_t* X) noexcept nogil:
    if X.sparse != NULL:
        return sparse_height(X.n)
    return multi_height(X.d) if is_multi(model) else block_height(X.n, X.d)


# One chunk for a small pass; else MIN_CHUNKS, and more for many rows as long as the sum of the
# partial gradients costs little beside the pass; never more chunks than blocks.
cdef Py_ssize_t chunks_of(double work, Py_ssize_t n, Py_ssize_t height,
                          Py_ssize_t wanted) noexcept nogil:
    if work < SMALL_WORK:
        return 1
    return min((n - 1) // height + 1,
               max(<Py_ssize_t> MIN_CHUNKS, min(<Py_ssize_t> MAX_CHUNKS, wanted)))


cdef Py_ssize_t chunk_count(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return chunks_of(pass_work(n, d), n, block_height(n, d), n // CHUNK_ROWS)


cdef Py_ssize_t sparse_chunk_count(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil:
    cdef double work = n_entries + loss_work * n
    return chunks_of(work, n, sparse_height(n), <Py_ssize_t> (work / SPARSE_CHUNK_WORK))


# Partial gradients may be large here: MULTI_VALUES of them, or MIN_CHUNKS times the weights.
cdef Py_ssize_t multi_chunk_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    return chunks_of(k * pass_work(n, d), n, BLOCK,
                     min(n // CHUNK_ROWS, <Py_ssize_t> MULTI_VALUES // (d * k)))


cdef Py_ssize_t pass_chunks(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    if X.sparse != NULL:
        return sparse_chunk_count(X.n, X.sparse.rows.indptr[X.n])
    return multi_chunk_count(X.n, X.d, k) if is_multi(model) else chunk_count(X.n, X.d)


# Blocks of a model of several columns at once: more of them read the weights and write the partial
# gradients less often, but need memory for all their scores.
cdef Py_ssize_t multi_blocks(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t blocks = (n - 1) // multi_height(d) + 1
    cdef Py_ssize_t of_chunk = (blocks - 1) // multi_chunk_count(n, d, k) + 1
    return min(<Py_ssize_t> MULTI_BLOCKS, of_chunk) if d <= CACHE_FEATURES else 1


# At most MAX_CHUNKS columns are longer than that.
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil:
    return max(<Py_ssize_t> LONG_COLUMN, n_entries // MAX_CHUNKS)


# --- the memory of a pass -------------------------------------------------------------------------

# Doubles of one thread.
cdef Py_ssize_t thread_memory(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t blocks_at_once, tiles
    if not is_multi(model):
        return 0 if X.panels != NULL or X.sparse != NULL else block_height(X.n, X.d) * X.d
    if X.sparse != NULL:
        return BLOCK * k
    blocks_at_once = multi_blocks(X.n, X.d, k)
    tiles = 0 if X.panels != NULL else blocks_at_once * multi_height(X.d) * X.d
    return tiles + blocks_at_once * BLOCK * k


# Tallies of one chunk.
cdef Py_ssize_t tally_count(model_t model, Py_ssize_t k) noexcept nogil:
    if model == SCORES_ONLY or model == ROW_GRADIENTS_GIVEN:
        return 0
    return 1 if model == NETWORK else k


cdef Py_ssize_t partial_gradients_size(model_t model, const matrix_t* X,
                                       Py_ssize_t k) noexcept nogil:
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


# --- packing --------------------------------------------------------------------------------------

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
