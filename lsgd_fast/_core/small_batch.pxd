# A pass over a small batch: fewer rows than a panel, in an order, with the logistic loss.
#
# Filling up a panel would be wasted work and, for a single row, one long chain of additions. So
# each row is taken by itself, with its features side by side: forward sums them in eight lanes,
# feature number modulo 8.
#
# Columns of weights lie one after another, (k, d), however many there are, and so do those of the
# one partial gradient. It holds the gradient itself: row gradients are divided by the total weight
# first.

from lsgd_fast._core.block cimport copy_labels
from lsgd_fast._core.leaves cimport fold_tally, leaf_tallies
from lsgd_fast._core.load cimport decode_row, find_rows, has_plain_rows
from lsgd_fast._core.loss cimport (add_tail, clear_tallies, is_near_underflow, logistic_loss_row,
                                   margin_of_row)
from lsgd_fast._core.pass_types cimport INDEPENDENT, LOGISTIC_LOSS, PANEL, pass_t, tally_t
from lsgd_fast._core.simd cimport fold_lanes, inlined, load, real, vec
from lsgd_fast._core.types cimport FLOAT32, FLOAT64, matrix_t
from lsgd_fast._core.vecmath cimport exp_nonpositive, negative_abs


# Other losses, and sparse rows, take a panel for few rows, too.
cdef inline bint is_small_batch(const pass_t* p) noexcept nogil:
    return (p.order != NULL and p.gradient and p.rows.X.n < PANEL and p.model == INDEPENDENT
            and p.loss.kind == LOGISTIC_LOSS and p.rows.X.sparse == NULL)


# score = x . w; `z` only names the type of the vectors.
cdef inline inlined score_of_row(const real* x, const double* w, Py_ssize_t d, double* score,
                                 const vec* z) noexcept nogil:
    cdef vec[4] sums
    cdef vec a
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double)
    cdef Py_ssize_t V = PANEL // width, j = 0, i
    cdef double* lanes = <double*> sums
    for i in range(PANEL):
        lanes[i] = 0.0
    while j + PANEL <= d:
        for i in range(V):
            load(x + j + i * width, &a)
            sums[i] = sums[i] + a * (<const vec*> (w + j))[i]
        j += PANEL
    for i in range(d - j):
        lanes[i] += x[j + i] * w[j + i]
    score[0] = fold_lanes(lanes)


# g = s * x for the first row, g += s * x for the others.
cdef inline inlined add_row(const real* x, double s, bint first, Py_ssize_t d,
                            double* g) noexcept nogil:
    cdef Py_ssize_t j
    if first:
        for j in range(d):
            g[j] = s * x[j]
    else:
        for j in range(d):
            g[j] += s * x[j]


# The loss of row i, which has lane i of the tally to itself.
cdef inline inlined loss_of_row(Py_ssize_t i, double y, double weight, double score, tally_t* tally,
                                double* margin, double* row_gradient) noexcept nogil:
    cdef double e, sigmoid
    margin_of_row(y, weight, score, margin)
    exp_nonpositive(negative_abs(margin[0]), &e)
    logistic_loss_row(y, weight, margin[0], e, &tally.loss[i], &sigmoid, row_gradient)
    tally.slope[i] = row_gradient[0]
    tally.error[i] = weight if margin[0] <= 0.0 else 0.0
    if weight > 0.0 and margin[0] < tally.min_margin[i]:
        tally.min_margin[i] = margin[0]


cdef inline inlined small_batch_columns(const pass_t* p, const real** x, const double* y,
                                        const double* weight, tally_t* tallies,
                                        const vec* z) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, d = p.rows.X.d, column, i
    cdef double total = p.rows.total_weight, score, row_gradient, largest
    cdef double[PANEL] margin
    cdef tally_t* tally
    for column in range(p.k):
        tally = tallies + column
        largest = 0.0
        for i in range(n):
            score_of_row(x[i], p.weights + column * d, d, &score, z)
            if p.rows.offset != NULL:
                score += p.rows.offset[p.order[i]]
            loss_of_row(i, y[i], weight[i], score + p.intercepts[column], tally, margin + i,
                        &row_gradient)
            add_row(x[i], row_gradient / total, i == 0, d, p.partial_gradients + column * d)
            largest = max(largest, tally.loss[i])
        if is_near_underflow(largest):
            add_tail(weight, margin, n, tally)
        fold_tally(tally, NULL, p.nodes + column)


# The pass. Rows that are not adjacent elements that vectors can load are decoded to `memory`.
cdef inline inlined small_batch_pass(const pass_t* p, double* memory, const vec* z) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef const char* rows_at[PANEL]
    cdef double[PANEL] y
    cdef double[PANEL] weight
    cdef tally_t* tallies = leaf_tallies(p, memory)
    cdef Py_ssize_t i
    find_rows(X, p.order, 0, X.n, rows_at)
    copy_labels(p, 0, X.n, 1, y, weight)
    clear_tallies(tallies, p.k)
    if not (has_plain_rows(X) and (X.element == FLOAT64 or X.element == FLOAT32)):
        for i in range(X.n):
            decode_row(X, rows_at[i], memory + i * X.d)
            rows_at[i] = <const char*> (memory + i * X.d)
        small_batch_columns(p, <const double**> rows_at, y, weight, tallies, z)
    elif X.element == FLOAT32:
        small_batch_columns(p, <const float**> rows_at, y, weight, tallies, z)
    else:
        small_batch_columns(p, <const double**> rows_at, y, weight, tallies, z)
