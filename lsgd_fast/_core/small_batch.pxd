# Thin passes: batches of fewer rows than a panel, in an order.  To fill up a panel would be wasted
# work and, for a single row, one long chain of additions.  So each row is taken by itself, with its
# features side by side: forward sums them in eight lanes, feature number modulo 8.
#
# Columns of weights lie one after another, (k, d), however many there are, and so do those of the
# one partial.  It holds the gradient itself: row_gradients are divided by the total weight first.

from libc.math cimport INFINITY

from lsgd_fast._core.block cimport copy_labels
from lsgd_fast._core.load cimport decode_row, find_rows, has_plain_rows
from lsgd_fast._core.vecmath cimport exp_nonpositive, negative_abs, softplus_sigmoid
from lsgd_fast._core.types cimport FLOAT32, FLOAT64, matrix_t
from lsgd_fast._core.pass_types cimport INDEPENDENT, LOGISTIC_LOSS, PANEL, pass_t, tally_t
from lsgd_fast._core.simd cimport fold_lanes, inlined, load, real, vec
from lsgd_fast._core.loss cimport add_tail, clear_tallies


# Whether a pass is thin.  Other losses, and sparse rows, take a panel for few rows, too.
cdef inline bint is_small_batch(const pass_t* p) noexcept nogil:
    return (p.order != NULL and p.gradient and p.rows.X.n < PANEL and p.model == INDEPENDENT
            and p.loss.kind == LOGISTIC_LOSS and p.rows.X.sparse == NULL)


# x . w; `z` names the type of the vectors.
cdef inline inlined row_score(const real* x, const double* w, Py_ssize_t d, double* product,
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
    product[0] = fold_lanes(lanes)


# g = s * x, or g += s * x for a row that is not the first.
cdef inline inlined add_row(const real* x, double s, bint first, Py_ssize_t d,
                            double* g) noexcept nogil:
    cdef Py_ssize_t j
    if first:
        for j in range(d):
            g[j] = s * x[j]
    else:
        for j in range(d):
            g[j] += s * x[j]


# The link of row i, which has lane i of the tally to itself: the sums of logistic_loss_rows for one row.
# A panel's worth of lanes would cost more than a row.
cdef inline inlined loss_of_row(Py_ssize_t i, double y, double weight, double product, tally_t* tally,
                             double* margin, double* multiplier) noexcept nogil:
    cdef double z = y * product if weight > 0.0 else 0.0, e, loss, sigmoid
    exp_nonpositive(negative_abs(z), &e)
    softplus_sigmoid(z, e, &loss, &sigmoid)
    margin[0] = z
    multiplier[0] = -(weight * y) * sigmoid
    tally.loss[i] = weight * loss
    tally.slope[i] = multiplier[0]
    tally.error[i] = weight if z <= 0.0 else 0.0
    if weight > 0.0 and z < INFINITY:
        tally.min_margin[i] = z


cdef inline inlined small_batch_columns(const pass_t* p, const real** x, const double* y,
                                 const double* weight, const vec* z) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, d = p.rows.X.d, column, i
    cdef double total = p.rows.total_weight, product, multiplier, largest
    cdef double[PANEL] margin
    cdef tally_t* tally
    for column in range(p.k):
        tally = p.tallies + column
        largest = 0.0
        for i in range(n):
            row_score(x[i], p.weights + column * d, d, &product, z)
            loss_of_row(i, y[i], weight[i], product + p.intercepts[column], tally, margin + i,
                     &multiplier)
            add_row(x[i], multiplier / total, i == 0, d, p.partial_gradients + column * d)
            largest = max(largest, tally.loss[i])
        if largest < 1e-250:
            add_tail(weight, margin, n, tally)


# The pass; `tile` is used where rows are not adjacent elements that vectors can load.
cdef inline inlined small_batch_pass(const pass_t* p, double* tile, const vec* z) noexcept nogil:
    cdef const matrix_t* X = &p.rows.X
    cdef const char* rows_at[PANEL]
    cdef double[PANEL] y
    cdef double[PANEL] weight
    cdef Py_ssize_t i
    find_rows(X, p.order, 0, X.n, rows_at)
    copy_labels(p, 0, X.n, 1, y, weight)
    clear_tallies(p.tallies, p.k)
    if not (has_plain_rows(X) and (X.element == FLOAT64 or X.element == FLOAT32)):
        for i in range(X.n):
            decode_row(X, rows_at[i], tile + i * X.d)
            rows_at[i] = <const char*> (tile + i * X.d)
        small_batch_columns(p, <const double**> rows_at, y, weight, z)
    elif X.element == FLOAT32:
        small_batch_columns(p, <const float**> rows_at, y, weight, z)
    else:
        small_batch_columns(p, <const double**> rows_at, y, weight, z)
