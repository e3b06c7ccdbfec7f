# The logistic loss: of one row, then of a block of rows; and the tallies that every loss adds to.
#
# A loss turns the scores x . w of a block of rows into their losses, which are tallied, and into
# row gradients: weight * y * dloss(margin)/dmargin, for the margin y * score.

from libc.math cimport INFINITY

from lsgd_fast._core.pass_types cimport BLOCK, PANEL, tally_t
from lsgd_fast._core.simd cimport bits, from_bits, inlined, minimum, vec
from lsgd_fast._core.vecmath cimport exp_nonpositive, negative_abs, softplus_sigmoid


# --- tallies --------------------------------------------------------------------------------------

# Set k tallies to those of no rows.
cdef inline void clear_tallies(tally_t* tallies, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t i, lane
    for i in range(k):
        for lane in range(PANEL):
            tallies[i].loss[lane] = tallies[i].error[lane] = tallies[i].slope[lane] = 0.0
            tallies[i].min_margin[lane] = INFINITY
        tallies[i].tail = 0.0
        tallies[i].shift = INFINITY


# lanes[i] += the sum of x over the rows of lane i, which is the row number modulo PANEL.
cdef inline inlined add_lanes(const vec* x, Py_ssize_t n_panels, double* lanes) noexcept nogil:
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec), i, v
    cdef vec sum
    for v in range(V):
        sum = (<vec*> lanes)[v]
        for i in range(n_panels):
            sum = sum + x[i * V + v]
        (<vec*> lanes)[v] = sum


# Add the rows of whole panels to a tally, all but their slope: weighted losses, and what
# tally_terms made of their margins. `largest` becomes the largest sum of the losses of a lane.
cdef inline inlined tally_rows(const vec* loss, const vec* error, const vec* least,
                               Py_ssize_t n_panels, tally_t* tally, double* largest) noexcept nogil:
    cdef vec[4] sums
    cdef Py_ssize_t V = PANEL * sizeof(double) // sizeof(vec), i, v
    for v in range(V):
        sums[v] = loss[v]
        for i in range(1, n_panels):
            sums[v] = sums[v] + loss[i * V + v]
        (<vec*> tally.loss)[v] = (<vec*> tally.loss)[v] + sums[v]
        for i in range(n_panels):
            (<vec*> tally.error)[v] = (<vec*> tally.error)[v] + error[i * V + v]
            minimum(least[i * V + v], <vec*> tally.min_margin + v)
    largest[0] = 0.0
    for i in range(PANEL):
        largest[0] = max(largest[0], (<double*> sums)[i])


# What a row's margin adds to the errors, and what it is for the smallest margin.
cdef inline inlined tally_terms(double weight, double margin, double* error,
                                double* least) noexcept nogil:
    error[0] = 0.0 if margin > 0.0 else weight          # also for NaN
    least[0] = margin if weight > 0.0 else INFINITY


# --- the tail: the sum of losses near underflow, in the log domain --------------------------------

# Whether a block's loss goes to the tail. A total below UNDERFLOW_LOSS has no larger ones.
cdef inline bint is_near_underflow(double loss) noexcept nogil:
    return loss < 1e-250


# exp(-shift) * tail += exp(-other_shift) * other_tail; the smaller shift stays.
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


# Add n logistic losses near underflow to the tail of a tally.
cdef inline void add_tail(const double* weight, const double* margin, Py_ssize_t n,
                          tally_t* tally) noexcept nogil:
    cdef double shift = INFINITY, tail = 0.0, e, loss, sigmoid
    cdef Py_ssize_t i
    for i in range(n):
        if weight[i] > 0.0 and margin[i] < shift:
            shift = margin[i]
    if shift == INFINITY:
        return
    if shift > 600.0:           # exp(-margin) is log(1 + exp(-margin)) to the last bit
        for i in range(n):
            if weight[i] > 0.0:
                exp_nonpositive(shift - margin[i], &e)
                tail += weight[i] * e
    else:                       # weights so small that their losses underflow: 2^600 times each
        shift = 415.88830833596718      # 600 ln 2
        for i in range(n):
            exp_nonpositive(negative_abs(margin[i]), &e)
            softplus_sigmoid(margin[i], e, &loss, &sigmoid)
            tail += (weight[i] * 4.149515568880993e+180) * loss
    merge_tails(&tally.shift, &tally.tail, shift, tail)


# --- the logistic loss ----------------------------------------------------------------------------

# The margin of a row. A row without weight takes no part, whatever its score. The sign of
# 0 - weight selects by a mask: a conditional reaches into the loads before it and into the
# exponential after it, and compilers cannot vectorise that for every instruction set.
cdef inline inlined margin_of_row(double y, double weight, double score,
                                  double* margin) noexcept nogil:
    margin[0] = from_bits(bits(y * score) & (0 - (bits(0.0 - weight) >> 63)))


# loss = weight * log(1 + exp(-margin)), sigmoid = 1 / (1 + exp(margin)) and the row gradient
# -weight * y * sigmoid of one row, from e = exp(-|margin|).
cdef inline inlined logistic_loss_row(double y, double weight, double margin, double e,
                                      double* loss, double* sigmoid,
                                      double* row_gradient) noexcept nogil:
    softplus_sigmoid(margin, e, loss, sigmoid)
    loss[0] = weight * loss[0]
    row_gradient[0] = -(weight * y) * sigmoid[0]


# The same for the rows of whole panels, whose losses are tallied along with `tallied` margins: the
# margins themselves, but for softmax. `sigmoid` may be NULL. The loop is a plain one, for the
# compiler to vectorise, and the loop for e another: a processor finds more to do at once in two
# short chains of operations than in a long one.
cdef inline inlined logistic_loss_margins(const double* y, const double* weight, double* margin,
                                          const double* e, const double* tallied,
                                          Py_ssize_t n_panels, double* sigmoid, vec* row_gradients,
                                          tally_t* tally) noexcept nogil:
    cdef double[BLOCK] loss
    cdef double[BLOCK] error
    cdef double[BLOCK] least
    cdef double* s = <double*> row_gradients
    cdef double q, largest
    cdef Py_ssize_t i
    for i in range(PANEL * n_panels):
        logistic_loss_row(y[i], weight[i], margin[i], e[i], &loss[i], &q, &s[i])
        tally_terms(weight[i], tallied[i], &error[i], &least[i])
        if sigmoid != NULL:
            sigmoid[i] = q
    tally_rows(<const vec*> loss, <const vec*> error, <const vec*> least, n_panels, tally, &largest)
    if is_near_underflow(largest):
        add_tail(weight, margin, PANEL * n_panels, tally)


# From scores, in z, to row gradients.
cdef inline inlined logistic_loss_rows(const double* y, const double* weight, double intercept,
                                       vec* z, Py_ssize_t n_panels, tally_t* tally) noexcept nogil:
    cdef double[BLOCK] margin
    cdef double[BLOCK] e
    cdef double* scores = <double*> z
    cdef Py_ssize_t i
    for i in range(PANEL * n_panels):
        margin_of_row(y[i], weight[i], scores[i] + intercept, &margin[i])
        exp_nonpositive(negative_abs(margin[i]), &e[i])
    logistic_loss_margins(y, weight, margin, e, margin, n_panels, NULL, z, tally)
    add_lanes(z, n_panels, tally.slope)
