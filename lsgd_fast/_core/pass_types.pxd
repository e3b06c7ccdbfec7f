# One row pass: what it reads, what it writes, and what it sums.

from lsgd_fast._core.types cimport rows_t


cdef enum:
    PANEL = 8       # rows of a panel: one feature of a panel of float64 is one cache line
    BLOCK = 32      # rows of a block at most
    MAX_CHUNKS = 64
    MULTI_BLOCKS = 4      # blocks of a joint model's pass that are linked together at most

# A loss of losses.py and its parameter.
cdef enum loss_kind_t:
    LOGISTIC_LOSS, EXPONENTIAL_LOSS, FLATTENED_EXPONENTIAL_LOSS, FLATTENED_POLYNOMIAL_LOSS

cdef struct loss_t:
    loss_kind_t kind
    double a, log_a             # parameter of the flattened losses, and its logarithm

# What a pass found out about one column, apart from the gradient.
cdef struct totals_t:
    double loss                 # weighted mean of the losses of the rows
    double log_loss             # its logarithm, right where the loss itself is 0
    double error_rate           # weighted fraction of margins <= 0
    double min_margin           # over rows of positive weight
    double slope                # derivative of the loss by the intercept
    # of a log_sums column, whose slope and gradient are over exp(scale):
    double mass                 # weighted mean of |loss'(margin)| ...
    double risk                 # ... and of the losses, over exp(scale) as well
    double scale

# Sums of one chunk for one column, in lanes: lane i sums the rows whose number is i modulo PANEL.
cdef struct tally_t:
    double loss[PANEL]
    double error[PANEL]
    double min_margin[PANEL]
    double slope[PANEL]
    double tail                 # exp(-shift) * tail: the sum of the losses of blocks near underflow
    double shift

# More sums of one chunk for one column that is log_sums, see general_loss_rows.pxd.
cdef struct log_sums_t:
    double mass[PANEL]          # of weight * |loss'(margin)| over exp(log_scale)
    double risk[PANEL]          # of weight * loss over exp(log_scale)
    double log_scale

# What a pass does between forward and backward.
cdef enum model_t:
    INDEPENDENT                    # the losses of margins, logistic ones or others:
                                # losses are tallied, row_gradients go on to backward
    SCORES_ONLY                    # nothing: the scores are what is asked for
    ROW_GRADIENTS_GIVEN                       # no forward: the row_gradients are given
    SOFTMAX                     # the columns are classes, labels their numbers: see joint.pxd
    NETWORK                     # the columns are the units of a two-layer network

# What a unit of a network does.
cdef enum activation_t:
    PIECEWISE_LINEAR            # max(z, slope * z), 0 <= slope < 1
    SOFTPLUS                    # log(1 + exp(z))

# One row pass: what it reads and where it writes.
cdef struct pass_t:
    const rows_t* rows
    model_t model
    loss_t loss                 # lay_out_pass: the logistic loss
    const int* in_log_domain        # (k,) which columns have their gradient log_sums; NULL: none; of
                                # softmax all or none
    Py_ssize_t k                # columns
    Py_ssize_t height           # rows of a block, by the shape of X alone
    Py_ssize_t n_chunks         # by the shape of X alone, see chunk_count; joint: and of k
    Py_ssize_t blocks_at_once           # joint: blocks that are linked together
    activation_t activation     # of a network
    double slope, scale         # of a network, which is scale * sum of +-activation
    const double* weights       # packed by pack_columns
    const double* intercepts    # (k,)
    bint gradient               # False: forward only
    double* partial_gradients               # (n_chunks, k * d): each chunk's sum of gradients; of sparse rows
                                # all row_gradients, packed, then each chunk's sums of long columns
    tally_t* tallies            # (n_chunks, k); of a network (n_chunks,)
    log_sums_t* log_sums            # (n_chunks, k), of softmax (n_chunks,); NULL where none is log_sums
    Py_ssize_t thread_memory    # doubles of a thread: tiles, then the scores of a joint model
    double* tiles               # that of the first thread, the others follow
    double* scores            # (k, padded_rows) x . w of each row, or NULL
    const Py_ssize_t* order     # (n,) which row of X, y and weight is the i-th, of any number of rows
                                # of which n take part; or NULL: rows 0 .. n - 1, see thin.pxd.
                                # Sparse rows: row_gradients and tallies only, no reduce_gradients
    double* row_gradients         # (k, padded_rows) what the rows are multiplied with in the gradient
                                # before it is divided by total_weight, or NULL; read where ROW_GRADIENTS_GIVEN

# The bodies of a pass, of which each instruction set has its own: lanes2.pyx the baseline, with
# vectors of two lanes, lanes4.pyx AVX2, and lanes8.pyx AVX-512.  They are modules of their own because
# they take longest to compile, and can be compiled side by side.
cdef struct bodies_t:
    # chunks first .. last - 1; `row_work` see splits.pxd
    void (*chunks)(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double row_work,
                   double* tile) noexcept nogil
    # what reduce_gradients says
    void (*partial_gradients)(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                  double* gradient) noexcept nogil

cdef inline bint is_multi(model_t model) noexcept nogil:
    return model == SOFTMAX or model == NETWORK


cdef inline Py_ssize_t padded_rows(Py_ssize_t n) noexcept nogil:
    return PANEL * ((n - 1) // PANEL + 1)       # n, up to a whole panel


# k columns of any length are packed in groups of GROUP columns, then one by one; a group is an array
# (length, width of the group).
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
