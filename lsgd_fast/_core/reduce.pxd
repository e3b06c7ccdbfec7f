# Ordered sums over the chunks of a pass: partial gradients to the gradient, tallies to totals.

from libc.math cimport INFINITY, NAN

from lsgd_fast._core.loss cimport log_sums_of, merge_tails, n_tallies
from lsgd_fast._core.pass_types cimport (MAX_CHUNKS, PANEL, column_offset, log_sums_t, padded_rows,
                                         pass_t, tally_t, totals_t)
from lsgd_fast._core.simd cimport fold_lanes, inlined
from lsgd_fast._core.sparse_layout cimport first_block
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive

cdef enum:
    SLICE = 1024        # sums that stay in the first-level cache while the chunks are added


# --- gradients ------------------------------------------------------------------------------------

# The largest log scale of the chunks of a column in the log domain, and factors[chunk] from the
# scale of each chunk to that one.
cdef inline double common_log_scale(const pass_t* p, Py_ssize_t column,
                                    double* factors) noexcept nogil:
    cdef double scale = -INFINITY, other
    cdef Py_ssize_t chunk
    for chunk in range(p.n_chunks):
        other = log_sums_of(p, chunk, column).log_scale
        scale = other if other > scale else scale
    for chunk in range(p.n_chunks):
        other = log_sums_of(p, chunk, column).log_scale
        exp_nonpositive(0.0 if other == scale else other - scale, &factors[chunk])
    return scale


# Bring the row gradients of sparse rows in chunks first .. last - 1, and the sums of long columns
# of these chunks, to the common scale of each column in the log domain.
cdef inline void unify_log_scales(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                  double row_work) noexcept nogil:
    cdef Py_ssize_t n = p.rows.X.n, padded = padded_rows(n), n_long = p.rows.X.sparse.n_long
    cdef Py_ssize_t column, chunk, row, end, offset, stride, i
    cdef double[MAX_CHUNKS] factors
    cdef double* row_gradients
    cdef double* long_sums
    for column in range(p.k):
        if not p.in_log_domain[column]:
            continue
        common_log_scale(p, column, factors)
        for chunk in range(first, last):
            row = p.height * first_block(p, chunk, row_work)
            end = min(n, p.height * first_block(p, chunk + 1, row_work))
            column_offset(column, p.k, padded, &offset, &stride)
            row_gradients = p.partial_gradients + offset
            for i in range(row, end):
                row_gradients[i * stride] *= factors[chunk]
            column_offset(column, p.k, n_long, &offset, &stride)
            long_sums = p.partial_gradients + p.k * padded + chunk * p.k * n_long + offset
            for i in range(n_long):
                long_sums[i * stride] *= factors[chunk]


# As sum_partial_gradients, where some columns are in the log domain: column by column.
cdef inline inlined sum_log_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                      double* gradient) noexcept nogil:
    cdef double[MAX_CHUNKS] factors
    cdef Py_ssize_t d = p.rows.X.d, size = p.k * d, column, stride, offset, begin, end, chunk, j
    cdef double total = p.rows.total_weight, factor
    cdef const double* partial
    cdef double* out
    for column in range(p.k):
        column_offset(column, p.k, d, &offset, &stride)
        if offset >= last or offset + (d - 1) * stride < first:
            continue
        if p.in_log_domain[column]:
            common_log_scale(p, column, factors)
        else:
            for chunk in range(p.n_chunks):
                factors[chunk] = 1.0
        begin = (first - offset + stride - 1) // stride if first > offset else 0
        end = min(d, (last - 1 - offset) // stride + 1)
        out = gradient + offset
        for j in range(begin, end):
            out[j * stride] = p.partial_gradients[offset + j * stride] * factors[0]
        for chunk in range(1, p.n_chunks):
            partial = p.partial_gradients + chunk * size + offset
            factor = factors[chunk]
            for j in range(begin, end):
                out[j * stride] += partial[j * stride] * factor
        for j in range(begin, end):
            out[j * stride] /= total


# Entries first .. last - 1 of the gradient of the loss, packed as the partial gradients are.
cdef inline inlined sum_partial_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                          double* gradient) noexcept nogil:
    cdef Py_ssize_t size = p.k * p.rows.X.d
    cdef double total = p.rows.total_weight
    cdef Py_ssize_t begin = first, end, chunk, j
    cdef const double* partial
    if p.log_sums != NULL:
        sum_log_gradients(p, first, last, gradient)
        return
    while begin < last:
        end = min(begin + SLICE, last)
        for j in range(begin, end):
            gradient[j] = p.partial_gradients[j]
        for chunk in range(1, p.n_chunks):
            partial = p.partial_gradients + chunk * size
            for j in range(begin, end):
                gradient[j] += partial[j]
        for j in range(begin, end):
            gradient[j] /= total
        begin = end


# --- tallies --------------------------------------------------------------------------------------

# The totals that only a column in the log domain has, and its slope over exp(log_scale).
cdef inline void log_totals(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil:
    cdef double[MAX_CHUNKS] factors
    cdef double mass = 0.0, risk = 0.0, slope = 0.0, total = p.rows.total_weight
    cdef const log_sums_t* log_sums
    cdef Py_ssize_t chunk
    totals.log_scale = common_log_scale(p, column, factors)
    for chunk in range(p.n_chunks):
        log_sums = log_sums_of(p, chunk, column)
        mass += fold_lanes(log_sums.mass) * factors[chunk]
        risk += fold_lanes(log_sums.risk) * factors[chunk]
        slope += fold_lanes(p.tallies[chunk * p.k + column].slope) * factors[chunk]
    totals.mass = mass / total
    totals.risk = risk / total
    totals.slope = slope / total


# The totals of one column, from the tallies of all chunks.
cdef inline void total_tallies(const pass_t* p, Py_ssize_t column, double underflow_loss,
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
        totals.log_loss = totals.risk if totals.risk == INFINITY else totals.log_loss
        totals.log_loss = totals.log_scale + totals.log_loss if totals.risk > 0.0 else -INFINITY
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
