# Ordered sums over the chunks of a pass: gradients and tallies.

from libc.math cimport INFINITY, NAN

from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive
from lsgd_fast._core.pass_types cimport (MAX_CHUNKS, PANEL, group_width, padded_rows, pass_t,
                                         log_sums_t, tally_t, totals_t)
from lsgd_fast._core.simd cimport fold_lanes, inlined
from lsgd_fast._core.loss cimport merge_tails, n_tallies, log_sums_of
from lsgd_fast._core.sparse_layout cimport first_block


# The largest scale of the chunks of a log_sums column, and the factors from theirs to it.
cdef inline double find_factors(const pass_t* p, Py_ssize_t column, double* factors) noexcept nogil:
    cdef double scale = -INFINITY, other
    cdef Py_ssize_t chunk
    for chunk in range(p.n_chunks):
        other = log_sums_of(p, chunk, column).log_scale
        scale = other if other > scale else scale
    for chunk in range(p.n_chunks):
        other = log_sums_of(p, chunk, column).log_scale
        exp_nonpositive(0.0 if other == scale else other - scale, &factors[chunk])
    return scale


# Of sparse rows: the row_gradients of chunks first .. last - 1, and their sums of long columns, to the
# scale that the gradient of each log_sums column gets.
cdef inline void level(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                       double row_work) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, padded = padded_rows(n), column, C, group
    cdef Py_ssize_t chunk, row, end, i
    cdef Py_ssize_t n_long = p.rows.X.sparse.n_long
    cdef double[MAX_CHUNKS] factors
    cdef double* kept
    for column in range(p.k):
        if not p.in_log_domain[column]:
            continue
        find_factors(p, column, factors)
        group = min(4 * (column // 4), column)
        group = group if group + 4 <= p.k else column
        C = group_width(group, p.k)
        for chunk in range(first, last):
            row = p.height * first_block(p, chunk, row_work)
            end = min(n, p.height * first_block(p, chunk + 1, row_work))
            kept = p.partial_gradients + group * padded + (column - group)
            for i in range(row, end):
                kept[i * C] *= factors[chunk]
            kept = p.partial_gradients + p.k * padded + chunk * p.k * n_long + group * n_long + (column - group)
            for i in range(n_long):
                kept[i * C] *= factors[chunk]


# As `partial_gradients`, where some columns are log_sums.
cdef inline inlined reduce_log_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                 double* gradient) noexcept nogil:
    cdef double[MAX_CHUNKS] factors
    cdef Py_ssize_t d = p.rows.X.d, size = p.k * d, column, group, stride, offset, skip, end, chunk
    cdef Py_ssize_t j
    cdef double total = p.rows.total_weight, factor
    cdef const double* partial
    cdef double* out
    for column in range(p.k):
        group = 4 * (column // 4)
        stride = 4 if group + 4 <= p.k else 1
        offset = group * d + column - group if stride == 4 else column * d
        if offset >= last or offset + (d - 1) * stride < first:
            continue
        if p.in_log_domain[column]:
            find_factors(p, column, factors)
        else:
            for chunk in range(p.n_chunks):
                factors[chunk] = 1.0
        skip = (first - offset + stride - 1) // stride if first > offset else 0
        end = min(d, (last - 1 - offset) // stride + 1)
        out = gradient + offset
        for j in range(skip, end):
            out[j * stride] = p.partial_gradients[offset + j * stride] * factors[0]
        for chunk in range(1, p.n_chunks):
            partial = p.partial_gradients + chunk * size + offset
            factor = factors[chunk]
            for j in range(skip, end):
                out[j * stride] += partial[j * stride] * factor
        for j in range(skip, end):
            out[j * stride] /= total


# gradient[first:last] of the loss, in the packed order of the partial_gradients.
cdef inline inlined partial_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                          double* gradient) noexcept nogil:
    cdef Py_ssize_t size = p.k * p.rows.X.d
    cdef double total = p.rows.total_weight
    cdef Py_ssize_t begin = first, end, chunk, j
    cdef const double* partial
    if p.log_sums != NULL:
        reduce_log_gradients(p, first, last, gradient)
        return
    while begin < last:                  # as much at a time as stays in the first-level cache
        end = min(begin + 1024, last)
        for j in range(begin, end):
            gradient[j] = p.partial_gradients[j]
        for chunk in range(1, p.n_chunks):
            partial = p.partial_gradients + chunk * size
            for j in range(begin, end):
                gradient[j] += partial[j]
        for j in range(begin, end):
            gradient[j] /= total
        begin = end


# The rest of what the chunks tallied for a log_sums column; the slope again, now in scale.
cdef inline void log_totals(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil:
    cdef double[MAX_CHUNKS] factors
    cdef double mass = 0.0, risk = 0.0, slope = 0.0, total = p.rows.total_weight
    cdef const log_sums_t* log_sums
    cdef Py_ssize_t chunk
    totals.scale = find_factors(p, column, factors)
    for chunk in range(p.n_chunks):
        log_sums = log_sums_of(p, chunk, column)
        mass += fold_lanes(log_sums.mass) * factors[chunk]
        risk += fold_lanes(log_sums.risk) * factors[chunk]
        slope += fold_lanes(p.tallies[chunk * p.k + column].slope) * factors[chunk]
    totals.mass = mass / total
    totals.risk = risk / total
    totals.slope = slope / total


# What the chunks tallied for one column.
cdef inline void tallied(const pass_t* p, Py_ssize_t column, double underflow_loss,
                         totals_t* totals) noexcept nogil:
    cdef double loss = 0.0, error = 0.0, slope = 0.0, least = INFINITY
    cdef double shift = INFINITY, tail = 0.0, log_total
    cdef double total = p.rows.total_weight
    cdef bint in_log_domain = p.in_log_domain != NULL and p.in_log_domain[column]
    cdef const tally_t* tally
    cdef Py_ssize_t chunk, i
    for chunk in range(p.n_chunks):
        tally = p.tallies + chunk * n_tallies(p) + column
        loss += fold_lanes(tally.loss)
        error += fold_lanes(tally.error)
        slope += fold_lanes(tally.slope)
        for i in range(PANEL):
            least = tally.min_margin[i] if tally.min_margin[i] < least else least
        merge_tails(&shift, &tail, tally.shift, tally.tail)
    # a NaN of one sign: which one the arithmetic makes is the compiler's choice
    totals.loss = loss / total if loss == loss else NAN
    totals.error_rate = error / total
    totals.slope = slope / total
    if in_log_domain:
        log_totals(p, column, totals)
    totals.min_margin = least if totals.loss == totals.loss else NAN
    if in_log_domain and not underflow_loss <= totals.loss < INFINITY:
        log_positive(totals.risk, &totals.log_loss)
        totals.log_loss = totals.scale + totals.log_loss if totals.risk > 0.0 else -INFINITY
        totals.log_loss = totals.log_loss if totals.loss == totals.loss else NAN
    elif totals.loss < underflow_loss and tail == 0.0:   # all margins are infinite
        totals.log_loss = -INFINITY
    elif totals.loss < underflow_loss:
        log_positive(tail, &totals.log_loss)
        log_positive(total, &log_total)
        totals.log_loss = (totals.log_loss - log_total) - shift
    elif totals.loss < INFINITY:
        log_positive(totals.loss, &totals.log_loss)
    else:                                              # inf or NaN
        totals.log_loss = totals.loss
