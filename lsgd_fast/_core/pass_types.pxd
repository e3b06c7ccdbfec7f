# One row pass: what it reads, what it writes, and what it sums.

from lsgd_fast._core.types cimport rows_t


cdef enum:
    PANEL = 8       # rows of a panel: one feature of a panel of float64 is one cache line
    BLOCK = 32      # rows of a block at most
    MAX_CHUNKS = 64
    STRIPE = 4      # blocks of a joint model's pass that are linked together at most

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
    # of a scaled column, whose slope and gradient are over exp(scale):
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

# More sums of one chunk for one column that is scaled, see general_link.pxd.
cdef struct scaled_t:
    double mass[PANEL]          # of weight * |loss'(margin)| over exp(scale)
    double risk[PANEL]          # of weight * loss over exp(scale)
    double scale

# What a pass does between forward and backward.
cdef enum link_t:
    LOGISTIC                    # the losses of margins, logistic ones or others:
                                # losses are tallied, multipliers go on to backward
    PRODUCTS                    # nothing: the products are what is asked for
    GIVEN                       # no forward: the multipliers are given
    SOFTMAX                     # the columns are classes, labels their numbers: see joint.pxd
    NETWORK                     # the columns are the units of a two-layer network

# What a unit of a network does.
cdef enum activation_t:
    PIECEWISE_LINEAR            # max(z, slope * z), 0 <= slope < 1
    SOFTPLUS                    # log(1 + exp(z))

# One row pass: what it reads and where it writes.
cdef struct pass_t:
    const rows_t* rows
    link_t link
    loss_t loss                 # lay_out_pass: the logistic loss
    const int* is_scaled        # (k,) which columns have their gradient scaled; NULL: none; of
                                # softmax all or none
    Py_ssize_t k                # columns
    Py_ssize_t height           # rows of a block, by the shape of X alone
    Py_ssize_t n_chunks         # by the shape of X alone, see chunk_count; joint: and of k
    Py_ssize_t stripe           # joint: blocks that are linked together
    activation_t activation     # of a network
    double slope, scale         # of a network, which is scale * sum of +-activation
    const double* weights       # packed by pack_columns
    const double* intercepts    # (k,)
    bint gradient               # False: forward only
    double* slots               # (n_chunks, k * d): each chunk's sum of gradients; of sparse rows
                                # all multipliers, packed, then each chunk's sums of long columns
    tally_t* tallies            # (n_chunks, k); of a network (n_chunks,)
    scaled_t* scaled            # (n_chunks, k), of softmax (n_chunks,); NULL where none is scaled
    Py_ssize_t room             # doubles a thread: tiles, then the products of a joint model
    double* tiles               # that of the first thread, the others follow
    double* products            # (k, padded_rows) x . w of each row, or NULL
    const Py_ssize_t* order     # (n,) which row of X, y and weight is the i-th, of any number of rows
                                # of which n take part; or NULL: rows 0 .. n - 1, see thin.pxd.
                                # Sparse rows: multipliers and tallies only, no sum_slots
    double* multipliers         # (k, padded_rows) what the rows are multiplied with in the gradient
                                # before it is divided by total_weight, or NULL; read where GIVEN

# One caller of general_link.pxd per instruction set.
ctypedef void (*links_t)(const pass_t* p, Py_ssize_t column, const double* y, const double* weight,
                         double* z, Py_ssize_t height, tally_t* tally, scaled_t* scaled,
                         double* sums, Py_ssize_t stride, Py_ssize_t n_sums) noexcept nogil

# The bodies of a pass, of which each instruction set has its own: lanes2.pyx the baseline, with
# vectors of two lanes, lanes4.pyx AVX2, and lanes8.pyx AVX-512.  They are modules of their own because
# they take longest to compile, and can be compiled side by side.
cdef struct bodies_t:
    # chunks first .. last - 1; `row_work` see splits.pxd
    void (*chunks)(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double row_work,
                   double* tile) noexcept nogil
    # what sum_slots says
    void (*slots)(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                  double* gradient) noexcept nogil

cdef inline bint is_joint(link_t link) noexcept nogil:
    return link == SOFTMAX or link == NETWORK


cdef inline Py_ssize_t padded_rows(Py_ssize_t n) noexcept nogil:
    return PANEL * ((n - 1) // PANEL + 1)       # n, up to a whole panel


# Columns of weights are packed in groups of four and of one, each (d, columns).
cdef inline Py_ssize_t group_width(Py_ssize_t column, Py_ssize_t k) noexcept nogil:
    return 4 if column + 4 <= k else 1          # columns of the group that starts at `column`
