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

from libc.stdint cimport int64_t


cdef enum:
    ABI = 10        # grows whenever a struct or a signature of this file changes
    PANEL = 8       # rows of a panel: one feature of a panel of float64 is one cache line
    BLOCK = 32      # rows of a block at most
    MAX_CHUNKS = 64
    STRIPE = 4      # blocks of a joint model's pass that are linked together at most

# How one element of X is stored.
cdef enum element_t:
    FLOAT64, FLOAT32, FLOAT16, LONG_DOUBLE
    INT8, INT16, INT32, INT64
    UINT8, UINT16, UINT32, UINT64, BOOL
    BFLOAT16                # the upper half of a float32

# Entries of a sparse matrix, sorted by rows (of whose entries a place is the column) or by columns
# (of whose entries it is the row, growing within a column).
cdef struct entries_t:
    const int64_t* starts       # of each row or column, and the end of the last
    const void* places          # int32, int64 or uint16
    const void* values          # FLOAT64 or FLOAT32
    int width                   # bytes of a place: 4, 8 or 2

# Sparse rows; the columns are needed where gradients are asked for.  Columns may be numbered in an
# order of their own, best from the longest to the shortest: what is read often then lies together,
# and a processor foresees where each column ends.
cdef struct sparse_t:
    entries_t rows
    entries_t columns           # the same entries, column by column
    const int64_t* order        # (d,) which feature each column is; NULL: they are the features
    Py_ssize_t n_long           # the first columns, longer than long_length: threads share these

# X as it lies in memory; strides are in bytes and may have any sign or be zero.
cdef struct matrix_t:
    const char* data            # element (0, 0)
    Py_ssize_t n, d
    Py_ssize_t row_stride, column_stride
    element_t element
    bint swapped                # in the byte order that is not this machine's
    bint aligned                # every element starts at a multiple of its size
    const void* panels          # a copy by pack_panels, of the same element type, or NULL
    const sparse_t* sparse      # NULL but for sparse rows, of which the above says n, d and element

# The rows of a problem; a row pass only reads it.
cdef struct rows_t:
    matrix_t X
    const double* y             # (n,) -1.0 or +1.0
    const double* weight        # (n,) >= 0
    double total_weight         # their sum; means stay in range if it is near 1
    bint fit_intercept          # margins are y * (x . w + b), b the last entry of a column
    const double* center        # (d,), and (d,) > 0: weights are those of (x - center) * scale;
    const double* scale         # both NULL: of x itself (factors.pxd)

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


cdef int require_abi(int expected) except -1

# The whole of it for embedders: loss (k,), gradient and w (d [+ 1], k) in C order, intercept last.
# The loss gets l2 / 2 * |w|^2 and the gradient l2 * w added; the intercept is not penalised.
# `gradient` may be NULL.  Same bits for every n_threads; without OpenMP it runs on one thread.
cdef Py_ssize_t workspace_size(const rows_t* rows, Py_ssize_t k, int n_threads) noexcept nogil
cdef void loss_gradient(const rows_t* rows, const double* w, Py_ssize_t k, double l2, double* loss,
                        double* gradient, double* workspace, int n_threads) noexcept nogil

# Its parts, for drivers with threads of their own.
cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil
cdef Py_ssize_t chunk_count(Py_ssize_t n, Py_ssize_t d) noexcept nogil
# Of a pass: the same, or of sparse rows, or of a model of several columns.
cdef Py_ssize_t pass_chunks(link_t link, const matrix_t* X, Py_ssize_t k) noexcept nogil
cdef Py_ssize_t sparse_chunk_count(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil
cdef double row_length(const matrix_t* X) noexcept nogil        # d, or entries of a row on average
cdef Py_ssize_t joint_chunk_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil
cdef inline bint is_joint(link_t link) noexcept nogil:
    return link == SOFTMAX or link == NETWORK
# Doubles that a pass writes to, and the pointers of `p` into as many; weights, intercepts, products,
# multipliers and what a network needs are up to the driver.
cdef Py_ssize_t pass_size(link_t link, const rows_t* rows, Py_ssize_t k,
                          int n_threads) noexcept nogil
cdef void lay_out_pass(pass_t* p, link_t link, const rows_t* rows, Py_ssize_t k,
                       double* memory) noexcept nogil
cdef inline Py_ssize_t padded_rows(Py_ssize_t n) noexcept nogil:
    return PANEL * ((n - 1) // PANEL + 1)       # n, up to a whole panel
# X (float64 or float32) to panels of its type; `tile` is room for one panel in float64.
cdef void pack_panels(const matrix_t* X, void* panels, double* tile) noexcept nogil
# Columns of weights are packed in groups of four and of one, each (d, columns).  Where in them a
# column starts and how far its entries are apart, and (d, k) in C order to groups and back; `order`
# is that of a sparse_t, or NULL, as `feature_order` has it.
cdef inline Py_ssize_t group_width(Py_ssize_t column, Py_ssize_t k) noexcept nogil:
    return 4 if column + 4 <= k else 1          # columns of the group that starts at `column`
cdef void column_place(Py_ssize_t column, Py_ssize_t k, Py_ssize_t d, Py_ssize_t* offset,
                       Py_ssize_t* stride) noexcept nogil
cdef const int64_t* feature_order(const rows_t* rows) noexcept nogil
cdef void pack_columns(const double* w, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                       double* weights) noexcept nogil
cdef void unpack_columns(const double* weights, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                         double* w) noexcept nogil
cdef void run_pass(const pass_t* p, int n_threads) noexcept nogil       # all chunks, by a team
cdef void run_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                     double* tile) noexcept nogil
# gradient[first:last], packed like the weights; of sparse rows first and last are as slots_part has
# them, and other sums, as many.
cdef void sum_slots(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                    double* gradient) noexcept nogil
# Where part `part` of `parts` starts if these are to take equally long, and how long all take.
cdef Py_ssize_t slots_part(const pass_t* p, Py_ssize_t part, Py_ssize_t parts) noexcept nogil
cdef double slots_work(const pass_t* p) noexcept nogil
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil        # of columns, see sparse_t
cdef void sum_slots_by_team(const pass_t* p, double* gradient, int n_threads) noexcept nogil
# Between chunks and sums, where columns of a pass over sparse rows are scaled: chunks first ..
# last - 1 to the one scale.
cdef void level_slots(const pass_t* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil
cdef void sum_tallies(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil

