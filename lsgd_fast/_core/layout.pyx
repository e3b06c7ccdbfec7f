"""How a pass is split, the memory it takes, and how X and columns of weights are packed."""

from lsgd_fast._core.block cimport keep_last_labels
from lsgd_fast._core.load cimport decode_panel
from lsgd_fast._core.simd cimport v2
from lsgd_fast._core.pass_types cimport (
    BLOCK, LEAF, LOGISTIC_LOSS, MULTI_BLOCKS, PANEL, SCORES_ONLY, column_offset, is_multi,
    log_sums_t, loss_t, model_t, node_t, padded_rows, pass_t, sum_count, tally_t)
from lsgd_fast._core.types cimport FLOAT64, matrix_t, part_t, rows_t, split_t

from lsgd_fast._constants import LOSS_WORK

loss_work = LOSS_WORK

cdef enum:
    LINE = 8                # doubles of a line of the cache
    SMALL_WORK = 12000      # a pass of less work is one leaf (threads.py starts threads later)
    FEW_LEAVES = 8          # of a larger pass, if there are as many blocks, up to LEAF rows in each
    SPARSE_LEAVES = 64      # of sparse rows, of SPARSE_LEAF_WORK at least, in entries; ...
    SPARSE_LEAF_WORK = 20000
    LARGE_LEAF_WORK = 1 << 16       # ... or more of them, if each has so much
    SLABS = 1024            # of sparse rows, at most
    SLAB_ENTRIES = 1 << 18  # of a slab at least, and ...
    SLAB_COLUMN = 128       # ... so many for each feature, ...
    TALL_SLAB_COLUMN = 16   # ... or so many if it has TALL_SLAB rows: those of row gradients that
    TALL_SLAB = 1 << 15     # do not stay in the cache are read much more slowly
    CHUNKS = 64             # of a pass at most, or CHUNKS_PER_THREAD where there are more threads
    CHUNKS_PER_THREAD = 8
    CHUNK_VALUES = 1 << 23  # partial gradients of all chunks, 64 MiB, or four for each thread
    CACHE_FEATURES = 2048   # so many features of BLOCK rows stay in the second-level cache
    LONG_COLUMN = 4096      # entries of a column that one thread sums in any case


# --- how a pass is split --------------------------------------------------------------------------

cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return <double> n * (<double> d + loss_work)


cdef double row_length(const matrix_t* X) noexcept nogil:
    return X.d if X.sparse == NULL else <double> X.sparse.rows.indptr[X.n] / X.n


# BLOCK rows, unless that leaves fewer blocks than FEW_LEAVES or does not stay in the cache.
cdef Py_ssize_t block_height(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    cdef bint is_small = pass_work(n, d) < SMALL_WORK
    return BLOCK if d <= CACHE_FEATURES and (n >= FEW_LEAVES * BLOCK or is_small) else PANEL


cdef Py_ssize_t sparse_height(Py_ssize_t n) noexcept nogil:
    return BLOCK if n >= FEW_LEAVES * BLOCK else PANEL


cdef Py_ssize_t multi_height(Py_ssize_t d) noexcept nogil:
    return BLOCK if d <= CACHE_FEATURES else PANEL


# The largest power of two that is not above x, which is at least 1.
cdef Py_ssize_t power_below(Py_ssize_t x) noexcept nogil:
    cdef Py_ssize_t power = 1
    while power <= x // 2:
        power *= 2
    return power


# Leaves of LEAF rows: of many rows, and of those that one rank has of many.
cdef split_t split_many(Py_ssize_t n, Py_ssize_t height) noexcept nogil:
    return split_t(height, (n - 1) // LEAF + 1, LEAF // height, 1, 0)


cdef part_t dense_part(Py_ssize_t n, Py_ssize_t d, Py_ssize_t unit_leaves) noexcept nogil:
    return part_t(split_many(n, multi_height(d)), unit_leaves)


cdef part_t sparse_part(Py_ssize_t n, Py_ssize_t n_entries, Py_ssize_t first_unit,
                        Py_ssize_t end_unit, Py_ssize_t n_units) noexcept nogil:
    cdef split_t split = split_sparse(n, n_entries)
    cdef Py_ssize_t unit_leaves = split.n_leaves // n_units
    split.n_leaves = (end_unit - first_unit) * unit_leaves
    split.first_leaf = first_unit * unit_leaves
    return part_t(split, unit_leaves)


cdef split_t split_rows(double work, Py_ssize_t n, Py_ssize_t height) noexcept nogil:
    cdef Py_ssize_t blocks = (n - 1) // height + 1, leaves = 1
    if n >= FEW_LEAVES * LEAF:
        return split_many(n, height)
    if work >= SMALL_WORK:
        leaves = power_below(min(<Py_ssize_t> FEW_LEAVES, blocks))
    return split_t(height, leaves, blocks, leaves, 0)


cdef split_t split_sparse(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil:
    cdef Py_ssize_t height = sparse_height(n), blocks = (n - 1) // height + 1, leaves = 1
    cdef double work = n_entries + loss_work * n
    cdef Py_ssize_t wanted = <Py_ssize_t> min(<double> SPARSE_LEAVES, work / SPARSE_LEAF_WORK)
    if work >= SMALL_WORK:
        wanted = max(wanted, <Py_ssize_t> (work / LARGE_LEAF_WORK))
        leaves = power_below(min(max(<Py_ssize_t> FEW_LEAVES, wanted), blocks))
    return split_t(height, leaves, blocks, leaves, 0)


# Whether slabs of n rows, on average, save as much as they cost, which is a few entries for each
# feature.
cdef bint slabs_pay(Py_ssize_t n, Py_ssize_t d, Py_ssize_t n_entries) noexcept nogil:
    cdef Py_ssize_t least = TALL_SLAB_COLUMN if n >= TALL_SLAB else SLAB_COLUMN
    return n_entries >= SLAB_ENTRIES and n_entries // d >= least


cdef Py_ssize_t slab_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t n_entries) noexcept nogil:
    cdef Py_ssize_t most = min(<Py_ssize_t> SLABS, split_sparse(n, n_entries).n_leaves), slabs = 2
    while slabs <= most and slabs_pay(n // slabs, d, n_entries // slabs):
        slabs *= 2
    return slabs // 2


cdef split_t split_pass(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    if X.part != NULL:
        return X.part.split
    if X.sparse != NULL:
        return split_sparse(X.n, X.sparse.rows.indptr[X.n])
    if is_multi(model):
        return split_rows(k * pass_work(X.n, X.d), X.n, multi_height(X.d))
    return split_rows(pass_work(X.n, X.d), X.n, block_height(X.n, X.d))


cdef Py_ssize_t leaf_count(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    return split_pass(model, X, k).n_leaves


# Features whose sums each leaf keeps.
cdef Py_ssize_t kept_width(const matrix_t* X) noexcept nogil:
    return X.d if X.sparse == NULL else X.sparse.n_long


# Leaves of a chunk: so many that threads have several chunks each, and their partial gradients take
# little memory. A unit of a part of more rows has whole chunks.
cdef Py_ssize_t chunk_size(model_t model, const matrix_t* X, Py_ssize_t k,
                           int n_threads) noexcept nogil:
    cdef Py_ssize_t n_leaves = leaf_count(model, X, k), size = 1
    cdef Py_ssize_t most = max(<Py_ssize_t> CHUNKS, <Py_ssize_t> CHUNKS_PER_THREAD * n_threads)
    most = min(most, <Py_ssize_t> CHUNK_VALUES // max(<Py_ssize_t> 1, kept_width(X) * k))
    most = max(most, <Py_ssize_t> 4 * max(n_threads, 1))
    while (n_leaves - 1) // size + 1 > most and (X.part == NULL or size < X.part.unit_leaves):
        size *= 2
    return size


cdef Py_ssize_t chunk_count(model_t model, const matrix_t* X, Py_ssize_t k,
                            int n_threads) noexcept nogil:
    return (leaf_count(model, X, k) - 1) // chunk_size(model, X, k, n_threads) + 1


# Blocks of a model of several columns at once: more of them read the weights and write the partial
# gradients less often, but need memory for all their scores.
cdef Py_ssize_t multi_blocks(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    cdef split_t split = split_rows(k * pass_work(n, d), n, multi_height(d))
    cdef Py_ssize_t of_leaf = (split.blocks - 1) // split.leaves + 1
    return min(<Py_ssize_t> MULTI_BLOCKS, of_leaf) if d <= CACHE_FEATURES else 1


# At most LONG_COLUMNS columns are longer than that.
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil:
    return max(<Py_ssize_t> LONG_COLUMN, n_entries // LONG_COLUMNS)


# --- the memory of a pass -------------------------------------------------------------------------

# Doubles of one thread for tiles, and for the scores of a model of several columns.
cdef Py_ssize_t tile_memory(model_t model, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t blocks_at_once, tiles
    if not is_multi(model):
        return 0 if X.panels != NULL or X.sparse != NULL else block_height(X.n, X.d) * X.d
    if X.sparse != NULL:
        return BLOCK * k
    blocks_at_once = multi_blocks(X.n, X.d, k)
    tiles = 0 if X.panels != NULL else blocks_at_once * multi_height(X.d) * X.d
    return tiles + blocks_at_once * BLOCK * k


# The same for sums, see leaves.pxd, in whole lines of the cache.
cdef Py_ssize_t sums_memory(model_t model, const matrix_t* X, Py_ssize_t k,
                            int n_threads) noexcept nogil:
    cdef Py_ssize_t count = sum_count(model, k), size = chunk_size(model, X, k, n_threads)
    cdef Py_ssize_t of_level = count * sizeof(node_t), of_all
    of_all = count * (sizeof(tally_t) + sizeof(log_sums_t))
    if model != SCORES_ONLY:
        of_level += k * kept_width(X) * sizeof(double)
    while size > 1:
        of_all += of_level
        size //= 2
    return (of_all - 1) // 64 * 8 + 8


# Doubles of the sums of slabs that wait for others.
cdef Py_ssize_t slab_sums_size(const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t slabs = X.sparse.n_slabs, levels = 0
    while slabs > 1:
        slabs //= 2
        levels += 1
    return levels * k * X.d


# All that gradients are made of.
cdef Py_ssize_t gradients_size(model_t model, const matrix_t* X, Py_ssize_t k,
                               Py_ssize_t n_chunks) noexcept nogil:
    cdef Py_ssize_t size = n_chunks * k * kept_width(X)
    if model == SCORES_ONLY:
        return 0
    if X.sparse != NULL:
        size += k * padded_rows(X.n) + slab_sums_size(X, k)
        size += leaf_count(model, X, k) * sum_count(model, k)
    return size


cdef Py_ssize_t pass_size(model_t model, const rows_t* rows, Py_ssize_t k,
                          int n_threads) noexcept nogil:
    cdef const matrix_t* X = &rows.X
    cdef Py_ssize_t n_chunks = chunk_count(model, X, k, n_threads)
    cdef Py_ssize_t of_thread = tile_memory(model, X, k) + sums_memory(model, X, k, n_threads)
    return (gradients_size(model, X, k, n_chunks) + max(n_threads, 1) * of_thread
            + n_chunks * sum_count(model, k) * (sizeof(node_t) // sizeof(double)) + LINE)


cdef void lay_out_pass(pass_t* p, model_t model, const rows_t* rows, Py_ssize_t k,
                       int n_threads, double* memory) noexcept nogil:
    cdef const matrix_t* X = &rows.X
    cdef size_t end
    p.model = model
    p.loss = loss_t(LOGISTIC_LOSS, 1.0, 0.0)
    p.in_log_domain = NULL
    p.absolute = False
    p.rows = rows
    p.k = k
    p.split = split_pass(model, X, k)
    p.chunk_leaves = chunk_size(model, X, k, n_threads)
    p.n_chunks = chunk_count(model, X, k, n_threads)
    p.width = kept_width(X)
    p.n_slabs = 1 if X.sparse == NULL else X.sparse.n_slabs
    p.blocks_at_once = multi_blocks(X.n, X.d, k)
    p.sums_offset = tile_memory(model, X, k)
    p.thread_memory = p.sums_offset + sums_memory(model, X, k, n_threads)
    p.scores = NULL
    p.row_gradients = NULL
    p.order = NULL
    p.partial_gradients = memory
    p.kept = memory + p.n_chunks * k * p.width
    p.slab_sums = p.kept + k * padded_rows(X.n)
    p.leaf_scales = p.slab_sums + (0 if X.sparse == NULL else slab_sums_size(X, k))
    p.nodes = <node_t*> (memory + gradients_size(model, X, k, p.n_chunks))
    p.gathered = NULL
    # threads share no line of the cache
    end = <size_t> (p.nodes + p.n_chunks * sum_count(model, k))
    p.tiles = <double*> ((end + LINE * sizeof(double) - 1) // (LINE * sizeof(double))
                         * (LINE * sizeof(double)))
    keep_last_labels(p)


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
