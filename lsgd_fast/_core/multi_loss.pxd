# The losses of models of several columns: two-layer networks and softmax.
#
# The scores of all columns become one margin for each row, which the logistic loss, or another,
# takes as ever; its row gradient becomes one for each column again.
#
# Columns lie BLOCK doubles apart. Rows lie side by side in all loops, and a sum over columns is
# one chain per row in the order of the columns: the width of vectors does not matter.

from libc.math cimport INFINITY
from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

from lsgd_fast._core.block cimport add_offsets, block_t, column_sums_t, loss_function_t
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive, negative_abs, softplus_sigmoid
from lsgd_fast._core.pass_types cimport (BLOCK, LOGISTIC_LOSS, NETWORK, PANEL, PIECEWISE_LINEAR,
                                         SOFTPLUS, padded_rows, pass_t, tally_t)
from lsgd_fast._core.simd cimport choose, inlined, lane_marks, vec
from lsgd_fast._core.loss cimport (add_lanes, clear_tallies, logistic_loss_margins,
                                   logistic_loss_rows, merge_tails, tally_rows, tally_terms)


# --- two-layer network: output_factor * sum over units of sign * activation(score), + offset ------

# The fixed sign of a unit in the second layer.
cdef inline double unit_sign(Py_ssize_t unit) noexcept nogil:
    return 1.0 - 2.0 * (unit & 1)


# Add units to the sums of the rows of a block. Their scores z, BLOCK doubles apart, become the
# derivatives of their activations.
cdef inline inlined add_smooth_units(Py_ssize_t first, Py_ssize_t count, double* z, double* sums,
                                     Py_ssize_t n_panels) noexcept nogil:
    cdef double sign, e, value, derivative
    cdef Py_ssize_t c, i
    for c in range(count):
        sign = unit_sign(first + c)
        for i in range(PANEL * n_panels):
            exp_nonpositive(negative_abs(z[c * BLOCK + i]), &e)
            softplus_sigmoid(-z[c * BLOCK + i], e, &value, &derivative)
            sums[i] = sums[i] + sign * value
            z[c * BLOCK + i] = derivative


# The same where the activation has a kink at 0. Instead of derivatives a bit for each row is kept:
# whether its score is left of the kink or at it. NaN stays.
cdef inline inlined add_kinked_units(double slope, Py_ssize_t first, Py_ssize_t count, const vec* z,
                                     vec* sums, Py_ssize_t n_panels, uint32_t* left) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double), V = PANEL // width, c, v
    cdef vec x, to_the_left, value
    cdef uint32_t marks, found
    memset(&to_the_left, 0, sizeof(to_the_left))
    for c in range(count):
        found = 0
        for v in range(n_panels * V):
            x = z[c * (BLOCK // width) + v]
            lane_marks(x, &marks)
            found |= marks << (v * width)
            if slope != 0.0:            # 0 times minus infinity would be NaN
                to_the_left = x * slope
            choose(marks, to_the_left, x, &value)
            sums[v] = sums[v] + value * unit_sign(first + c)
        left[c] = found


# From the sums of the rows of a block to their row gradients, less the sign and the derivative.
cdef inline inlined network_loss_rows(const pass_t* p, const block_t* b, vec* sums,
                                      loss_function_t general_loss) noexcept nogil:
    cdef double* s = <double*> sums
    cdef Py_ssize_t n_panels = b.n_panels, i
    cdef column_sums_t none
    for i in range(PANEL * n_panels):
        s[i] = p.output_factor * s[i]
    add_offsets(p, b, s)
    if p.loss.kind == LOGISTIC_LOSS:
        logistic_loss_rows(b.y, b.weight, 0.0, sums, n_panels, b.tallies)
    else:
        none.count = 0
        general_loss(p, b, 0, s, &none)
    for i in range(PANEL * n_panels):
        s[i] = p.output_factor * s[i]


# The row gradients of a few units, from the derivatives z of their activations.
cdef inline inlined smooth_row_gradients(Py_ssize_t first, Py_ssize_t count, const double* z,
                                       const double* s, double* row_gradients,
                                       Py_ssize_t n_panels) noexcept nogil:
    cdef double sign
    cdef Py_ssize_t c, i
    for c in range(count):
        sign = unit_sign(first + c)
        for i in range(PANEL * n_panels):       # a row without weight takes no part
            row_gradients[c * BLOCK + i] = (sign * s[i]) * z[c * BLOCK + i] if s[i] != 0.0 else 0.0


# The same from the marks of `add_kinked_units`.
cdef inline inlined kinked_row_gradients(double slope, Py_ssize_t first, Py_ssize_t count,
                                       const uint32_t* left, const vec* s, vec* row_gradients,
                                       Py_ssize_t n_panels) noexcept nogil:
    cdef Py_ssize_t width = sizeof(vec) // sizeof(double), V = PANEL // width, c, v
    cdef vec right, to_the_left
    for c in range(count):
        for v in range(n_panels * V):
            right = s[v] * unit_sign(first + c)
            to_the_left = right * slope
            choose(left[c] >> (v * width), to_the_left, right,
                   row_gradients + c * (BLOCK // width) + v)


# --- softmax --------------------------------------------------------------------------------------

# With s_y the score of a row's own class and lse the logarithm of the sum of the exponentials of
# all others, the loss logsumexp(s) - s_y is the logistic loss of the *soft margin* s_y - lse. The
# margin that is tallied is s_y less the largest other score. Labels are the numbers of the
# classes.

# Of each row of a block:
cdef struct softmax_rows_t:
    double[BLOCK] own           # the score of its class
    double[BLOCK] largest       # the largest score of another class
    double[BLOCK] total         # the sum of exp(score - largest) over the other classes
    double[BLOCK] margin        # own - largest
    double[BLOCK] soft_margin   # margin - log(total)
    double[BLOCK] e             # exp(-|soft_margin|)


cdef inline inlined clear_softmax(softmax_rows_t* rows, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        rows.own[i] = rows.total[i] = 0.0
        rows.largest[i] = -INFINITY


# Take class c into account, given its scores.
cdef inline inlined add_class(softmax_rows_t* rows, const double* y, Py_ssize_t c,
                              const double* scores, Py_ssize_t n) noexcept nogil:
    cdef double other
    cdef Py_ssize_t i
    for i in range(n):
        rows.own[i] = scores[i] if y[i] == <double> c else rows.own[i]
        other = -INFINITY if y[i] == <double> c else scores[i]
        rows.largest[i] = rows.largest[i] if other <= rows.largest[i] else other    # NaN stays


# After all classes: turn the scores of class c into exp(score - largest), 0 for the row's own
# class.
cdef inline inlined add_exponentials(softmax_rows_t* rows, const double* y, Py_ssize_t c,
                                     double* scores, Py_ssize_t n) noexcept nogil:
    cdef double e
    cdef Py_ssize_t i
    for i in range(n):
        # equal ones may be infinite
        e = 0.0 if scores[i] == rows.largest[i] else scores[i] - rows.largest[i]
        exp_nonpositive(0.0 if y[i] == <double> c else e, &e)
        scores[i] = 0.0 if y[i] == <double> c else e
        rows.total[i] = rows.total[i] + scores[i]


# After all exponentials.
cdef inline inlined find_margins(softmax_rows_t* rows, const double* weight,
                                 Py_ssize_t n) noexcept nogil:
    cdef double e
    cdef Py_ssize_t i
    for i in range(n):
        log_positive(rows.total[i], &e)
        e = e + 0.0 * rows.total[i]                         # NaN stays
        rows.margin[i] = rows.own[i] - rows.largest[i] if weight[i] > 0.0 else 0.0
        rows.soft_margin[i] = rows.margin[i] - e if weight[i] > 0.0 else 0.0
    for i in range(n):
        exp_nonpositive(negative_abs(rows.soft_margin[i]), &rows.e[i])


# Multiply sums, or row gradients, with what a rise of the log scale makes of them.
cdef inline inlined rescale(double* sums, Py_ssize_t size, double factor) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        sums[i] *= factor


# As general_loss_rows in the log domain, for soft margins: weight * dloss/dmargin goes to `memory`.
# The columns share one scale.
cdef inline inlined log_softmax_rows(const pass_t* p, const block_t* b, const softmax_rows_t* rows,
                                     const double* ones, vec* memory, double* factor,
                                     loss_function_t general_loss) noexcept nogil:
    cdef double before = b.log_sums.log_scale, largest
    cdef double* s = <double*> memory
    cdef Py_ssize_t n_panels = b.n_panels, n = PANEL * n_panels, c, i
    cdef double[BLOCK] nothing
    cdef double[BLOCK] error
    cdef double[BLOCK] least
    cdef tally_t found              # of soft margins, which are not those that are tallied
    cdef block_t margins = b[0]     # the block as one of one column, whose scores are the margins
    cdef column_sums_t none
    margins.y = ones
    margins.tallies = &found
    none.count = 0
    clear_tallies(&found, 1)
    for i in range(n):
        s[i] = rows.soft_margin[i]
        tally_terms(b.weight[i], rows.margin[i], &error[i], &least[i])
        nothing[i] = 0.0
    general_loss(p, &margins, 0, s, &none)
    if -INFINITY < before < b.log_sums.log_scale:
        exp_nonpositive(before - b.log_sums.log_scale, factor)
        for c in range(p.k):
            rescale(b.tallies[c].slope, PANEL, factor[0])
    tally_rows(<const vec*> nothing, <const vec*> error, <const vec*> least, n_panels, b.tallies,
               &largest)
    for i in range(PANEL):
        b.tallies.loss[i] += found.loss[i]
    merge_tails(&b.tallies.shift, &b.tallies.tail, found.shift, found.tail)


# From the scores of all columns, in z, to row gradients. Losses and margins go to the first tally,
# the slopes by the intercepts to those of their columns. `factor` see multi_loss_rows.
cdef inline inlined softmax_loss_rows(const pass_t* p, const block_t* b, double* z, vec* memory,
                                      double* factor,
                                      loss_function_t general_loss) noexcept nogil:
    cdef softmax_rows_t rows
    cdef double[BLOCK] ones
    cdef const double* y = b.y
    cdef const double* weight = b.weight
    cdef double* s = <double*> memory           # weight * the derivative of the loss by the margin
    cdef double* v
    cdef double intercept, e
    cdef Py_ssize_t n_panels = b.n_panels, n = PANEL * n_panels, c, i
    clear_softmax(&rows, n)
    for i in range(n):
        ones[i] = 1.0
    for c in range(p.k):
        v = z + c * BLOCK
        if p.scores != NULL:
            memcpy(p.scores + c * padded_rows(p.rows.X.n) + b.row, v, n * sizeof(double))
        intercept = p.intercepts[c]
        for i in range(n):
            v[i] = v[i] + intercept
        add_class(&rows, y, c, v, n)
    for c in range(p.k):
        add_exponentials(&rows, y, c, z + c * BLOCK, n)
    find_margins(&rows, weight, n)
    if b.log_sums == NULL:
        logistic_loss_margins(ones, weight, rows.soft_margin, rows.e, rows.margin, n_panels, NULL,
                              memory, b.tallies)
    else:
        log_softmax_rows(p, b, &rows, ones, memory, factor, general_loss)
    for i in range(n):
        rows.total[i] = s[i] / rows.total[i]
    for c in range(p.k):
        v = z + c * BLOCK
        for i in range(n):
            e = s[i] if y[i] == <double> c else -(rows.total[i] * v[i])
            v[i] = e if weight[i] > 0.0 else 0.0
        add_lanes(<vec*> v, n_panels, b.tallies[c].slope)


# --- what a row pass calls of either --------------------------------------------------------------

# Columns are taken in groups, before and after the loss. A block has `scores` for all columns,
# BLOCK doubles each, `z` for one group, and `sums`, BLOCK doubles that start at zero.

# Where the scores of a group go. Of units with a kink no more than a bit of each is kept.
cdef inline vec* scores_address(const pass_t* p, Py_ssize_t column, double* scores,
                                vec* z) noexcept nogil:
    if p.model == NETWORK and p.activation == PIECEWISE_LINEAR:
        return z
    return <vec*> (scores + column * BLOCK)


# Add a group of C columns, whose scores are there, to the sums.
cdef inline inlined add_scores(const pass_t* p, Py_ssize_t column, Py_ssize_t C, double* scores,
                               vec* sums, vec* z, Py_ssize_t n_panels) noexcept nogil:
    cdef uint32_t* left = <uint32_t*> scores + column
    if p.model == NETWORK and p.activation == SOFTPLUS:
        add_smooth_units(column, C, scores + column * BLOCK, <double*> sums, n_panels)
    elif p.model == NETWORK and n_panels == 4:       # the usual number, known to the compiler
        add_kinked_units(p.slope, column, C, z, sums, 4, left)
    elif p.model == NETWORK:
        add_kinked_units(p.slope, column, C, z, sums, n_panels, left)


# From the scores of all columns to the losses, which are tallied, and to what
# row_gradients_of_group needs. The row gradients of the leaf so far, and all sums of them, are
# then to be multiplied with `factor`.
cdef inline inlined multi_loss_rows(const pass_t* p, const block_t* b, double* scores, vec* sums,
                                    vec* z, double* factor,
                                    loss_function_t general_loss) noexcept nogil:
    factor[0] = 1.0
    if p.model == NETWORK:
        network_loss_rows(p, b, sums, general_loss)
    else:
        softmax_loss_rows(p, b, scores, z, factor, general_loss)


# Where the row gradients of a group are, after row_gradients_of_group.
cdef inline const vec* row_gradients_address(const pass_t* p, Py_ssize_t column,
                                             const double* scores, const vec* z) noexcept nogil:
    return z if p.model == NETWORK else <const vec*> (scores + column * BLOCK)


cdef inline inlined row_gradients_of_group(const pass_t* p, Py_ssize_t column, Py_ssize_t C,
                                           const double* scores, const vec* sums, vec* z,
                                           Py_ssize_t n_panels) noexcept nogil:
    cdef const uint32_t* left = <const uint32_t*> scores + column
    if p.model == NETWORK and p.activation == SOFTPLUS:
        smooth_row_gradients(column, C, scores + column * BLOCK, <const double*> sums, <double*> z,
                             n_panels)
    elif p.model == NETWORK and n_panels == 4:
        kinked_row_gradients(p.slope, column, C, left, sums, z, 4)
    elif p.model == NETWORK:
        kinked_row_gradients(p.slope, column, C, left, sums, z, n_panels)
