# Ordered sums over the chunks of a pass: gradients and tallies.

from libc.math cimport INFINITY, NAN

from .elementary cimport log_positive
from .kernel cimport NETWORK, PANEL, pass_t, tally_t, totals_t
from .lanes cimport fold_lanes, inlined
from .link cimport merge_tails


# gradient[first:last] of the loss, in the packed order of the slots.
cdef inline inlined slots(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                          double* gradient) noexcept nogil:
    cdef Py_ssize_t size = p.k * p.rows.X.d
    cdef double total = p.rows.total_weight
    cdef Py_ssize_t begin = first, end, chunk, j
    cdef const double* slot
    while begin < last:                  # as much at a time as stays in the first-level cache
        end = min(begin + 1024, last)
        for j in range(begin, end):
            gradient[j] = p.slots[j]
        for chunk in range(1, p.n_chunks):
            slot = p.slots + chunk * size
            for j in range(begin, end):
                gradient[j] += slot[j]
        for j in range(begin, end):
            gradient[j] /= total
        begin = end


# What the chunks tallied for one column.
cdef inline void tallied(const pass_t* p, Py_ssize_t column, double underflow_loss,
                         totals_t* totals) noexcept nogil:
    cdef double loss = 0.0, error = 0.0, slope = 0.0, least = INFINITY
    cdef double shift = INFINITY, tail = 0.0, log_total
    cdef double total = p.rows.total_weight
    cdef const tally_t* tally
    cdef Py_ssize_t chunk, i
    for chunk in range(p.n_chunks):
        tally = p.tallies + (chunk if p.link == NETWORK else chunk * p.k + column)
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
    totals.min_margin = least if totals.loss == totals.loss else NAN
    if totals.loss < underflow_loss and tail == 0.0:   # all margins are infinite
        totals.log_loss = -INFINITY
    elif totals.loss < underflow_loss:
        log_positive(tail, &totals.log_loss)
        log_positive(total, &log_total)
        totals.log_loss = (totals.log_loss - log_total) - shift
    elif totals.loss < INFINITY:
        log_positive(totals.loss, &totals.log_loss)
    else:                                              # inf or NaN
        totals.log_loss = totals.loss
