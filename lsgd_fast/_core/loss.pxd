# Links: what a model does between forward and backward.  From the scores x . w of a block of rows
# to their losses, which are tallied, and to the row_gradients of the rows in the gradient.

from libc.math cimport INFINITY
from libc.string cimport memset

from lsgd_fast._core.vecmath cimport exp_nonpositive, negative_abs, softplus_sigmoid
from lsgd_fast._core.pass_types cimport BLOCK, NETWORK, PANEL, SOFTMAX, pass_t, log_sums_t, tally_t
from lsgd_fast._core.simd cimport inlined, minimum, vec


# Tallies of a chunk: one for each column, but a network has one output.
cdef inline Py_ssize_t n_tallies(const pass_t* p) noexcept nogil:
    return 1 if p.model == NETWORK else p.k


# What a column of a chunk is log_sums by: classes share one scale.
cdef inline log_sums_t* log_sums_of(const pass_t* p, Py_ssize_t chunk,
                                Py_ssize_t column) noexcept nogil:
    return p.log_sums + (chunk if p.model == SOFTMAX else chunk * p.k + column)


# Tallies of no rows.
cdef inline void clear_tallies(tally_t* tallies, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t i, lane
    memset(tallies, 0, k * sizeof(tally_t))
    for i in range(k):
        tallies[i].shift = INFINITY
        for lane in range(PANEL):
            tallies[i].min_margin[lane] = INFINITY


# exp(-shift) * tail += exp(-other_shift) * other_tail, log_sums by the smaller shift.
cdef inline void merge_tails(double* shift, double* tail, double other_shift,
                             double other_tail) noexcept nogil:
    cdef double e
    if other_tail == 0.0:
        return
    if other_shift < shift[0]:
        exp_nonpositive(other_shift - shift[0], &e)
        tail[0] = tail[0] * e + other_tail
        shift[0] = other_shift
    else:
        exp_nonpositive(shift[0] - other_shift, &e)
        tail[0] += other_tail * e


# Add a block whose losses are nearly nothing to tail and shift, so that log_loss stays right where
# the loss underflows.  Only blocks below 1e-250 need it: a total below UNDERFLOW_LOSS has no other
# ones.
cdef inline void add_tail(const double* weight, const double* margin, Py_ssize_t n,
                          tally_t* tally) noexcept nogil:
    cdef double shift = INFINITY, tail = 0.0, e, loss, sigmoid
    cdef Py_ssize_t i
    for i in range(n):
        if weight[i] > 0.0 and margin[i] < shift:
            shift = margin[i]
    if shift == INFINITY:
        return
    if shift > 600.0:           # exp(-z) is log(1 + exp(-z)) to the last bit
        for i in range(n):
            if weight[i] > 0.0:
                exp_nonpositive(shift - margin[i], &e)
                tail += weight[i] * e
    else:                       # weights so small that the losses count for nothing: 2^600 of each
        shift = 415.88830833596718      # 600 ln 2
        for i in range(n):
            exp_nonpositive(negative_abs(margin[i]), &e)
            softplus_sigmoid(margin[i], e, &loss, &sigmoid)
            tail += (weight[i] * 4.149515568880993e+180) * loss
    merge_tails(&tally.shift, &tally.tail, shift, tail)


# z[row] comes in as x . w and goes out as s[row] = weight * y * dloss(margin)/dmargin.  The first
# loops are plain ones over rows, for the compiler to vectorise; there are two because a processor
# finds more to do at once in two short chains of operations than in a long one.  The sums are in
# lanes, row number modulo PANEL.
cdef inline inlined logistic_loss_rows(const double* y, const double* weight, double intercept, vec* z,
                                  Py_ssize_t n_panels, tally_t* tally) noexcept nogil:
    cdef double[BLOCK] margin
    cdef double[BLOCK] e
    cdef double[BLOCK] loss
    cdef double[BLOCK] error
    cdef double[BLOCK] least
    cdef vec[4] block_loss
    cdef double* s = <double*> z
    cdef double sigmoid, largest = 0.0
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec), i, v
    for i in range(PANEL * n_panels):
        # a row without weight takes no part, whatever its product
        margin[i] = y[i] * (s[i] + intercept) if weight[i] > 0.0 else 0.0
        exp_nonpositive(negative_abs(margin[i]), &e[i])
    for i in range(PANEL * n_panels):
        softplus_sigmoid(margin[i], e[i], &loss[i], &sigmoid)
        loss[i] = weight[i] * loss[i]
        s[i] = -(weight[i] * y[i]) * sigmoid
        error[i] = weight[i] if margin[i] <= 0.0 else 0.0
        least[i] = margin[i] if weight[i] > 0.0 else INFINITY
    for v in range(V):
        block_loss[v] = (<vec*> loss)[v]
        for i in range(1, n_panels):
            block_loss[v] = block_loss[v] + (<vec*> loss)[i * V + v]
        (<vec*> tally.loss)[v] = (<vec*> tally.loss)[v] + block_loss[v]
        for i in range(n_panels):
            (<vec*> tally.slope)[v] = (<vec*> tally.slope)[v] + z[i * V + v]
            (<vec*> tally.error)[v] = (<vec*> tally.error)[v] + (<vec*> error)[i * V + v]
            minimum((<vec*> least)[i * V + v], <vec*> tally.min_margin + v)
    for i in range(PANEL):
        largest = max(largest, (<double*> block_loss)[i])
    if largest < 1e-250:
        add_tail(weight, margin, PANEL * n_panels, tally)
