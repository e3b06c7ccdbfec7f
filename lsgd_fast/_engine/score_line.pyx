"""The losses along a line of scores, which a line search evaluates without reading X.

Given the scores X w and their change X p, one sweep over n numbers per column computes the loss at
w + t p, its first two derivatives by t, and the row gradients.

One column is the logistic loss with labels -1 and +1. Several columns are the softmax loss, which
is the logistic loss of the *soft margin* ``s_y - log(sum over c != y of exp(s_c))``. In that form
the probability of the other classes keeps its digits when it is small, and the tail of the loss is
summed as that of any logistic loss.

Rows are swept in blocks of BLOCK rows, and blocks in chunks, whose number depends on n and k alone.
Sums run in lanes by row number modulo PANEL, then in the order of the chunks, so that any number of
threads gives the same bits.
"""

import numpy as np

from cython.parallel cimport parallel
from libc.math cimport INFINITY
from libc.string cimport memset

from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive, negative_abs, softplus_sigmoid
from lsgd_fast._core.pass_types cimport (BLOCK, MAX_CHUNKS, PANEL, padded_rows, pass_t, tally_t,
                                         totals_t)
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._core.simd cimport avx2_target, avx512_target, fold_lanes, inlined
from lsgd_fast._core.loss cimport add_tail
from lsgd_fast._core.team cimport team_rank, team_size

from lsgd_fast._core.dispatch import instruction_set
from lsgd_fast._methods.line_search import LineValues

cdef Py_ssize_t CHUNK_VALUES = 4096         # scores of a chunk at least; two threads need as many

# Where the losses are evaluated and what comes of it; arrays are (k, padded), classes in rows.
cdef struct line_t:
    Py_ssize_t padded, k, n_chunks
    const double* weight
    const double* label                     # -1 or +1; of several columns, the number of the class
    const double* scores
    const double* change
    double* row_gradients                     # weight times the derivative of the loss by the score
    double t

# Sums of one chunk, in lanes.
cdef struct sums_t:
    tally_t tally
    double[PANEL] pull                      # weight * |derivative of the loss by the margin|
    double[PANEL] slope
    double[PANEL] curvature


cdef inline inlined add_lanes(const double* x, Py_ssize_t height, double* lanes) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(height // PANEL):
        for j in range(PANEL):
            lanes[j] += x[PANEL * i + j]


# From the margins of a block, of which `soft` are the logistic ones, to tallies and the derivative
# q = sigmoid(-soft).
cdef inline inlined tally_block(const double* weight, double* soft, const double* hard,
                                Py_ssize_t height, double* q, sums_t* sums) noexcept nogil:
    cdef tally_t* tally = &sums.tally
    cdef double[BLOCK] e
    cdef double[BLOCK] loss
    cdef double[BLOCK] error
    cdef double[BLOCK] pull
    cdef double[BLOCK] least
    cdef double[PANEL] lanes
    cdef double largest = 0.0
    cdef Py_ssize_t i, j
    for i in range(height):
        exp_nonpositive(negative_abs(soft[i]), &e[i])
    for i in range(height):
        softplus_sigmoid(soft[i], e[i], &loss[i], &q[i])
        loss[i] = weight[i] * loss[i]
        pull[i] = weight[i] * q[i]
        error[i] = weight[i] if hard[i] <= 0.0 else 0.0
        least[i] = hard[i] if weight[i] > 0.0 else INFINITY
    for j in range(PANEL):
        lanes[j] = 0.0
    add_lanes(loss, height, lanes)
    add_lanes(error, height, tally.error)
    add_lanes(pull, height, sums.pull)
    for i in range(height // PANEL):
        for j in range(PANEL):
            if least[PANEL * i + j] < tally.min_margin[j]:
                tally.min_margin[j] = least[PANEL * i + j]
    for j in range(PANEL):
        tally.loss[j] += lanes[j]
        largest = max(largest, lanes[j])
    if largest < 1e-250:
        add_tail(weight, soft, height, tally)


# Rows without weight take no part, whatever their scores.
cdef inline inlined one_column(const line_t* a, Py_ssize_t first, Py_ssize_t height,
                               sums_t* sums) noexcept nogil:
    cdef const double* weight = a.weight + first
    cdef const double* label = a.label + first
    cdef const double* scores = a.scores + first
    cdef const double* change = a.change + first
    cdef double* row_gradients = a.row_gradients + first
    cdef double[BLOCK] margin
    cdef double[BLOCK] v
    cdef double[BLOCK] q
    cdef double[BLOCK] slope
    cdef double[BLOCK] curvature
    cdef Py_ssize_t i
    for i in range(height):
        margin[i] = label[i] * (scores[i] + a.t * change[i]) if weight[i] > 0.0 else 0.0
        v[i] = label[i] * change[i] if weight[i] > 0.0 else 0.0
    tally_block(weight, margin, margin, height, q, sums)
    for i in range(height):
        row_gradients[i] = -(weight[i] * label[i]) * q[i]
        slope[i] = -(weight[i] * q[i]) * v[i]
        curvature[i] = -slope[i] * ((1.0 - q[i]) * v[i])
    add_lanes(slope, height, sums.slope)
    add_lanes(curvature, height, sums.curvature)


cdef inline inlined several_columns(const line_t* a, Py_ssize_t first, Py_ssize_t height,
                                    sums_t* sums) noexcept nogil:
    cdef const double* weight = a.weight + first
    cdef const double* label = a.label + first
    cdef const double* s
    cdef const double* u
    cdef double* m
    cdef double[BLOCK] own          # score of the label, and its change
    cdef double[BLOCK] v
    cdef double[BLOCK] top          # the largest score of another class
    cdef double[BLOCK] total        # of exp(score - top) over other classes, and with it as weight
    cdef double[BLOCK] mean         # the mean of the change beside that of the label,
    cdef double[BLOCK] square       # and of its square
    cdef double[BLOCK] q
    cdef double x, e
    cdef Py_ssize_t c, i
    for i in range(height):
        own[i] = v[i] = total[i] = mean[i] = square[i] = 0.0
        top[i] = -INFINITY
    for c in range(a.k):
        s = a.scores + c * a.padded + first
        u = a.change + c * a.padded + first
        m = a.row_gradients + c * a.padded + first
        for i in range(height):
            m[i] = s[i] + a.t * u[i] if weight[i] > 0.0 else 0.0
            own[i] = m[i] if label[i] == c else own[i]
            v[i] = u[i] if label[i] == c else v[i]
            x = m[i] if label[i] != c else -INFINITY
            top[i] = top[i] if x <= top[i] else x           # a NaN comes through
    for c in range(a.k):
        u = a.change + c * a.padded + first
        m = a.row_gradients + c * a.padded + first
        for i in range(height):
            exp_nonpositive(m[i] - top[i] if label[i] != c else -INFINITY, &e)
            x = u[i] - v[i] if weight[i] > 0.0 else 0.0
            m[i] = e
            total[i] += e
            mean[i] += e * x
            square[i] += (e * x) * x
    for i in range(height):
        top[i] = own[i] - top[i]                            # the margin
        log_positive(total[i], &x)
        own[i] = top[i] - x                                 # the soft one
    tally_block(weight, own, top, height, q, sums)
    for i in range(height):
        x = q[i] / total[i]
        mean[i] *= x
        square[i] = weight[i] * (square[i] * x - mean[i] * mean[i])
        mean[i] *= weight[i]
        total[i] = weight[i] * x
    add_lanes(mean, height, sums.slope)
    add_lanes(square, height, sums.curvature)
    for c in range(a.k):
        m = a.row_gradients + c * a.padded + first
        for i in range(height):
            m[i] = total[i] * m[i] if label[i] != c else -(weight[i] * q[i])


cdef inline inlined sweep(const line_t* a, Py_ssize_t chunk, sums_t* sums) noexcept nogil:
    cdef Py_ssize_t blocks = (a.padded - 1) // BLOCK + 1, block, first, j
    memset(sums, 0, sizeof(sums_t))
    sums.tally.shift = INFINITY
    for j in range(PANEL):
        sums.tally.min_margin[j] = INFINITY
    for block in range(chunk * blocks // a.n_chunks, (chunk + 1) * blocks // a.n_chunks):
        first = block * BLOCK
        if a.k == 1:
            one_column(a, first, min(BLOCK, a.padded - first), sums)
        else:
            several_columns(a, first, min(BLOCK, a.padded - first), sums)


cdef void sweep_baseline(const line_t* a, Py_ssize_t chunk, sums_t* sums) noexcept nogil:
    sweep(a, chunk, sums)


cdef avx2_target sweep_avx2(const line_t* a, Py_ssize_t chunk, sums_t* sums) noexcept nogil:
    sweep(a, chunk, sums)


cdef avx512_target sweep_avx512(const line_t* a, Py_ssize_t chunk, sums_t* sums) noexcept nogil:
    sweep(a, chunk, sums)


ctypedef void (*sweep_t)(const line_t*, Py_ssize_t, sums_t*) noexcept nogil


cdef class ScoreLine:
    """Scores of all rows, their change, and the losses along the line ``scores + t * change``.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Weight of each row, not negative.
    labels : ndarray of shape (n,)
        -1.0 and +1.0 for one column, class numbers for several; float64.
    total_weight : float
        Sum of `weight`.
    k : int
        Number of columns.
    n_threads : int
        Number of threads; more than there are chunks are not used.

    Attributes
    ----------
    scores, change : ndarray of shape (k, n rounded up to a multiple of 8)
        Scores of the rows for the current weights, and their change along the search direction.
    row_gradients : ndarray of shape (k, n rounded up to a multiple of 8)
        Weight times the derivative of the loss by the score, from the last `evaluate`.
    """

    cdef line_t line
    cdef rows_t rows                        # only total_weight, which sum_tallies divides by
    cdef pass_t sums_of
    cdef double[::1] weight, labels, memory
    cdef readonly object scores, change, row_gradients
    cdef int n_threads
    cdef sweep_t sweep

    def __cinit__(self, const double[::1] weight, const double[::1] labels, double total_weight,
                  Py_ssize_t k, int n_threads):
        cdef line_t* a = &self.line
        cdef Py_ssize_t n = weight.shape[0], size
        cdef double[:, ::1] array
        a.padded = padded_rows(n)
        a.k = k
        a.n_chunks = max(1, min(MAX_CHUNKS, min((a.padded - 1) // BLOCK + 1,
                                                a.padded * k // CHUNK_VALUES)))
        self.n_threads = min(n_threads, a.n_chunks)
        self.weight, self.labels = np.zeros((2, a.padded))
        self.weight[:n] = weight
        self.labels[:n] = labels
        size = sizeof(sums_t) // sizeof(double) + sizeof(tally_t) // sizeof(double)
        self.memory = np.zeros(a.n_chunks * size)
        self.scores, self.change, self.row_gradients = np.zeros((3, k, a.padded))
        a.weight, a.label = &self.weight[0], &self.labels[0]
        array = self.scores
        a.scores = &array[0, 0]
        array = self.change
        a.change = &array[0, 0]
        array = self.row_gradients
        a.row_gradients = &array[0, 0]
        self.rows.total_weight = total_weight
        self.sums_of.rows = &self.rows
        self.sums_of.k = 1
        self.sums_of.n_chunks = a.n_chunks
        self.sums_of.tallies = <tally_t*> (<sums_t*> &self.memory[0] + a.n_chunks)
        self.sweep = sweep_baseline
        if instruction_set() == "avx512":
            self.sweep = <sweep_t> sweep_avx512
        elif instruction_set() == "avx2":
            self.sweep = <sweep_t> sweep_avx2

    def evaluate(self, double t):
        """Compute the losses at ``scores + t * change``, and the row gradients there.

        Parameters
        ----------
        t : float
            The step length.

        Returns
        -------
        LineValues
        """
        cdef sums_t* sums = <sums_t*> &self.memory[0]
        cdef totals_t totals
        cdef double slope = 0.0, curvature = 0.0, derivative = 0.0, total = self.rows.total_weight
        cdef Py_ssize_t chunk
        self.line.t = t
        with nogil:
            if self.n_threads == 1:
                sweep_chunks(self.sweep, &self.line, sums, 0, 1)
            else:
                with parallel(num_threads=self.n_threads):
                    sweep_chunks(self.sweep, &self.line, sums, team_rank(), team_size())
            for chunk in range(self.line.n_chunks):
                self.sums_of.tallies[chunk] = sums[chunk].tally
                slope += fold_lanes(sums[chunk].slope)
                curvature += fold_lanes(sums[chunk].curvature)
                derivative += fold_lanes(sums[chunk].pull)
            sum_tallies(&self.sums_of, 0, &totals)
        return LineValues(totals.loss, slope / total, curvature / total, derivative / total,
                          totals.log_loss, totals.error_rate, totals.min_margin)

    def step(self, double t):
        """Add t times the change to the scores.

        Parameters
        ----------
        t : float
            The step length.
        """
        cdef double* scores = <double*> self.line.scores
        cdef Py_ssize_t i
        with nogil:
            for i in range(self.line.k * self.line.padded):
                scores[i] += t * self.line.change[i]


# The chunks of one of `n_workers` workers.
cdef void sweep_chunks(sweep_t sweep, const line_t* line, sums_t* sums, Py_ssize_t worker,
                       Py_ssize_t n_workers) noexcept nogil:
    cdef Py_ssize_t chunk, end = (worker + 1) * line.n_chunks // n_workers
    for chunk in range(worker * line.n_chunks // n_workers, end):
        sweep(line, chunk, sums + chunk)
