# The structs of one pass: what it reads, what it writes, and what it sums.

from lsgd_fast._core.types cimport rows_t, split_t


cdef enum:
    PANEL = 8           # rows of a panel: one feature of a panel of float64 is one cache line
    BLOCK = 32          # rows of a block at most
    LEAF = 512          # rows of a leaf of many dense rows
    MULTI_BLOCKS = 4    # blocks that a model of several columns takes at once, at most

# The losses of losses.py, and their parameter.
cdef enum loss_kind_t:
    LOGISTIC_LOSS, EXPONENTIAL_LOSS, FLATTENED_EXPONENTIAL_LOSS, FLATTENED_POLYNOMIAL_LOSS
    TSALLIS_LOSS, RENYI_2_LOSS, SEMI_CIRCLE_LOSS

cdef struct loss_t:
    loss_kind_t kind
    double a, log_a             # parameter of the loss, if it has one, and its logarithm

# The results of a pass for one column, apart from the gradient.
cdef struct totals_t:
    double loss                 # weighted mean of the losses of the rows
    double ln_loss             # its logarithm, also right where the loss underflows
    double error_rate           # weighted fraction of margins <= 0
    double min_margin           # over rows of positive weight
    double slope                # derivative of the loss by the intercept
    # of a column in the log domain, whose slope and gradient are divided by exp(log_scale):
    double mass                 # weighted mean of |loss'(margin)| / exp(log_scale)
    double risk                 # weighted mean of the losses / exp(log_scale)
    double log_scale

# Sums of one leaf for one column, in lanes: lane i sums the rows whose number is i modulo PANEL.
cdef struct tally_t:
    double loss[PANEL]
    double error[PANEL]
    double min_margin[PANEL]
    double slope[PANEL]
    double tail                 # exp(-shift) * tail: the sum of the losses of blocks near underflow
    double shift

# More sums of one leaf for one column in the log domain, see loss_general.pxd.
cdef struct log_sums_t:
    double mass[PANEL]          # of weight * |loss'(margin)| / exp(log_scale)
    double risk[PANEL]          # of weight * loss / exp(log_scale)
    double log_scale

# The same sums of one leaf, or of several, without lanes.
cdef struct node_t:
    double loss, error, min_margin, slope
    double tail, shift
    double mass, risk, log_scale    # 0, 0 and -infinity where the column is not in the log domain

# Sums that are added in pairs (leaves.pxd): those of the chunks of a pass, or of runs of units of
# leaves, which several ranks have made.
cdef struct parts_t:
    Py_ssize_t count
    const Py_ssize_t* starts    # (count + 1,) the first unit of each, which has a power of two of
                                # them, but for the last one, or none at all; NULL: one each
    const double* nodes         # those of part i are node_stride * i further on
    const double* gradients     # that of part i is gradient_stride * i further on
    Py_ssize_t node_stride, gradient_stride
    Py_ssize_t first            # the first entry of the gradients, which may be a slice of them
    Py_ssize_t first_slab       # of sparse rows gradients are the sums of slabs first_slab ..
    Py_ssize_t end_slab         # end_slab - 1, and `gradients` those of long columns; else 0 and 0
    double total                # what gradients are divided by in the end

# What a pass computes between forward and backward.
cdef enum model_t:
    INDEPENDENT                 # each column has losses and row gradients of its own
    SCORES_ONLY                 # nothing: the scores are the result
    ROW_GRADIENTS_GIVEN         # nothing, and no forward: the caller has the row gradients, whose
                                # sums are all that there is besides gradients
    SOFTMAX                     # columns are classes, labels are their numbers: see multi_loss.pxd
    NETWORK                     # columns are the units of a two-layer network

# The activation of a unit of a network.
cdef enum activation_t:
    PIECEWISE_LINEAR            # max(z, slope * z), 0 <= slope < 1
    SOFTPLUS                    # log(1 + exp(z))

# One pass over X. lay_out_pass sets all members but those that it leaves to the driver.
cdef struct pass_t:
    const rows_t* rows
    model_t model
    loss_t loss                 # the logistic loss, if the driver sets no other
    Py_ssize_t k                # columns
    const int* in_log_domain    # (k,) which columns are in the log domain; NULL: none. Softmax has
                                # all or none of them there
    bint gradient               # False: forward only
    bint absolute               # backward only, with tiles: |x - center| in place of x. Where rows
                                # are sparse: what it exceeds |center| by
    activation_t activation     # of a network, which is output_factor * sum of +-activation;
    double slope, output_factor  # slope of PIECEWISE_LINEAR

    split_t split               # depends on the shape of X and the model alone (layout.pyx)
    Py_ssize_t n_slabs          # of sparse rows, see slabs.pxd; 1 of dense rows
    Py_ssize_t width            # features whose sums each leaf keeps: all, or the long columns of
                                # sparse rows
    Py_ssize_t blocks_at_once   # of a model of several columns

    # what a thread takes at a time, which no bit depends on
    Py_ssize_t chunk_leaves     # leaves of a chunk, a power of two
    Py_ssize_t n_chunks
    const Py_ssize_t* order     # (n,) the i-th row is row order[i] of X, y and weight, which may
                                # have more than n; NULL: row i. See small_batch.pxd. Sparse
                                # rows in an order have row gradients and tallies, but no
                                # reduce_gradients

    # what it reads besides
    double last_y[MULTI_BLOCKS * BLOCK]         # y and weight of the last rows of all, up to
    double last_weight[MULTI_BLOCKS * BLOCK]    # a whole panel; the last one lies at the end
    const double* weights       # packed by pack_columns
    const double* intercepts    # (k,)

    # what it writes
    double* partial_gradients   # (n_chunks, k * width) the sums of each chunk
    double* kept                # row gradients of sparse rows, packed columns of padded_rows
    double* slab_sums           # (log2(n_slabs), k * d) sums of slabs that wait for others
    double* leaf_scales         # (n_leaves, k) log scales of sparse rows in the log domain
    node_t* nodes               # (n_chunks, k); of a network (n_chunks,)
    const parts_t* gathered     # what the gradient and the totals are the sums of; NULL: the chunks
    double* tiles               # thread_memory doubles of each thread: tiles, then the scores of a
    Py_ssize_t thread_memory    # model of several columns, then the sums of leaves.pxd
    Py_ssize_t sums_offset      # where these begin
    double* scores              # (k, padded_rows) x . w of each row, or NULL
    double* row_gradients       # (k, padded_rows) d total_weight * loss / d score, or NULL; read,
                                # not written, by ROW_GRADIENTS_GIVEN

# The functions that are compiled once for each instruction set, in the modules isa_baseline,
# isa_avx2 and isa_avx512.
cdef struct bodies_t:
    # forward and backward of leaves first .. last - 1
    void (*leaves)(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                   double* memory) noexcept nogil
    # reduce_slab of dispatch.pxd
    void (*slab)(const pass_t* p, Py_ssize_t slab, Py_ssize_t first, Py_ssize_t last,
                 double* gradient) noexcept nogil


# The first row of a leaf of n rows, or n. A part of more rows begins at a leaf.
cdef inline Py_ssize_t first_row(const split_t* split, Py_ssize_t n,
                                 Py_ssize_t leaf) noexcept nogil:
    return min(n, split.height * ((split.first_leaf + leaf) * split.blocks // split.leaves
                                  - split.first_leaf * split.blocks // split.leaves))


# How many columns a pass has sums of besides gradients: a network has one output.
cdef inline Py_ssize_t sum_count(model_t model, Py_ssize_t k) noexcept nogil:
    if model == SCORES_ONLY:
        return 0
    return 1 if model == NETWORK else k


# Whether the loss of a row depends on the scores of all columns.
cdef inline bint is_multi(model_t model) noexcept nogil:
    return model == SOFTMAX or model == NETWORK


# Whether a loss is one of separating_losses.pxd.
cdef inline bint is_separating(const loss_t* loss) noexcept nogil:
    return loss.kind >= TSALLIS_LOSS


# Whether a loss is exactly 0 from some margin on.
cdef inline bint has_separation_margin(const loss_t* loss) noexcept nogil:
    return loss.kind == TSALLIS_LOSS or loss.kind == RENYI_2_LOSS


# n, rounded up to whole panels.
cdef inline Py_ssize_t padded_rows(Py_ssize_t n) noexcept nogil:
    return PANEL * ((n - 1) // PANEL + 1)


# k columns of any length are packed in groups of GROUP columns, then one by one; a group is an
# array (length, width of the group).
cdef enum:
    GROUP = 4


# The width of the group that starts at `column`.
cdef inline Py_ssize_t group_width(Py_ssize_t column, Py_ssize_t k) noexcept nogil:
    return GROUP if column + GROUP <= k else 1


# Where a column lies: its entry j is at offset + j * stride.
cdef inline void column_offset(Py_ssize_t column, Py_ssize_t k, Py_ssize_t length,
                               Py_ssize_t* offset, Py_ssize_t* stride) noexcept nogil:
    cdef Py_ssize_t first = column // GROUP * GROUP     # of its group
    stride[0] = group_width(first, k)
    if stride[0] == 1:
        first = column
    offset[0] = first * length + (column - first)
