"""The losses along a line of scores, which a line search evaluates without reading X.

Given the scores X w and their change X p, one sweep over n numbers per column computes the loss at
w + t p, its first two derivatives by t, and the row gradients.

One column is the logistic loss with labels -1 and +1. Several columns are the softmax loss, which
is the logistic loss of the *soft margin* ``s_y - log(sum over c != y of exp(s_c))``. In that form
the probability of the other classes keeps its digits when it is small, and the tail of the loss is
summed as that of any logistic loss.

Rows are swept in blocks of BLOCK rows, and sums have the order of a pass over X: lanes by row
number modulo PANEL, then leaves in pairs (leaves.pxd). Any number of threads gives the same bits.
"""

import numpy as np

from libc.string cimport memset

from lsgd_fast._core.layout cimport loss_work, split_pass, split_rows
from lsgd_fast._core.leaves cimport fold_tally
from lsgd_fast._core.pass_types cimport (BLOCK, INDEPENDENT, PANEL, first_row, node_t, padded_rows,
                                         pass_t, tally_t, totals_t)
from lsgd_fast._core.types cimport rows_t, split_t
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._core.simd cimport avx2_target, avx512_target, fold_lanes, inlined, v2, v4, v8, vec
from lsgd_fast._core.loss cimport add_lanes, clear_tallies, logistic_loss_margins, margin_of_row
from lsgd_fast._core.multi_loss cimport (add_class, add_exponentials, clear_softmax, find_margins,
                                         softmax_rows_t)
from lsgd_fast._core.vecmath cimport exp_nonpositive, negative_abs
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.exchange cimport Exchange, exchange_sums, exchange_t
from lsgd_fast._engine.poll cimport is_stopping, meet, poll, poll_t, run_team

from lsgd_fast._core.dispatch import instruction_set
from lsgd_fast._methods.line_search import LineValues

cdef Py_ssize_t THREAD_VALUES = 4096        # scores of a thread at least

# Where the losses are evaluated, and the row gradients there; arrays are (k, padded), a row for
# each class.
cdef struct line_t:
    Py_ssize_t padded, k
    split_t split
    const double* weight
    const double* label                     # -1 or +1; of several columns, the number of the class
    const double* offset                    # NULL: without offsets
    const double* scores                    # without offsets
    const double* change
    double* row_gradients                   # weight times the derivative of the loss by the score
    double t

# Sums of one leaf, in lanes.
cdef struct lanes_t:
    tally_t tally
    double[PANEL] derivative                # weight * |derivative of the loss by the margin|
    double[PANEL] slope
    double[PANEL] curvature

# The nodes of a leaf, see leaves.pxd: the usual one, and one of the sums of a line search, under
# other names: `loss` is that of weight * |derivative of the loss by the margin|, `error` the slope,
# `slope` the curvature.
cdef enum:
    USUAL, OF_LINE, LINE_NODES


# Rows without weight take no part, whatever their scores.
cdef inline inlined one_column(const line_t* a, Py_ssize_t first, Py_ssize_t n_panels,
                               lanes_t* sums, const vec* z) noexcept nogil:
    cdef const double* weight = a.weight + first
    cdef const double* label = a.label + first
    cdef const double* scores = a.scores + first
    cdef const double* change = a.change + first
    cdef double[BLOCK] score
    cdef double[BLOCK] margin
    cdef double[BLOCK] e
    cdef double[BLOCK] q            # sigmoid(-margin), minus the derivative of the loss
    cdef double[BLOCK] slope
    cdef double[BLOCK] curvature
    cdef double v
    cdef Py_ssize_t i
    for i in range(PANEL * n_panels):
        score[i] = scores[i] + a.t * change[i]
    if a.offset != NULL:
        for i in range(PANEL * n_panels):
            score[i] += a.offset[first + i]
    for i in range(PANEL * n_panels):
        margin_of_row(label[i], weight[i], score[i], &margin[i])
        exp_nonpositive(negative_abs(margin[i]), &e[i])
    logistic_loss_margins(label, weight, margin, e, margin, n_panels, q,
                          <vec*> (a.row_gradients + first), &sums.tally)
    for i in range(PANEL * n_panels):
        v = label[i] * change[i] if weight[i] > 0.0 else 0.0
        slope[i] = -(weight[i] * q[i]) * v
        curvature[i] = -slope[i] * ((1.0 - q[i]) * v)
        q[i] = weight[i] * q[i]
    add_lanes(<const vec*> q, n_panels, sums.derivative)
    add_lanes(<const vec*> slope, n_panels, sums.slope)
    add_lanes(<const vec*> curvature, n_panels, sums.curvature)


cdef inline inlined several_columns(const line_t* a, Py_ssize_t first, Py_ssize_t n_panels,
                                    lanes_t* sums, const vec* z) noexcept nogil:
    cdef const double* weight = a.weight + first
    cdef const double* label = a.label + first
    cdef const double* s
    cdef const double* u
    cdef double* m
    cdef softmax_rows_t rows
    cdef double[BLOCK] v            # the change of the score of the label
    cdef double[BLOCK] mean         # of the change beside v, with the other classes' exponentials
    cdef double[BLOCK] square       # as weights, and of its square
    cdef double[BLOCK] ones
    cdef double[BLOCK] q            # sigmoid(-soft margin), minus the derivative of the loss
    cdef double[BLOCK] own          # row gradient of the label's column
    cdef double x
    cdef Py_ssize_t n = PANEL * n_panels, c, i
    clear_softmax(&rows, n)
    for i in range(n):
        v[i] = mean[i] = square[i] = 0.0
        ones[i] = 1.0
    for c in range(a.k):
        s = a.scores + c * a.padded + first
        u = a.change + c * a.padded + first
        m = a.row_gradients + c * a.padded + first
        for i in range(n):
            m[i] = s[i] + a.t * u[i] if weight[i] > 0.0 else 0.0
            v[i] = u[i] if label[i] == <double> c else v[i]
        add_class(&rows, label, c, m, n)
    for c in range(a.k):
        u = a.change + c * a.padded + first
        m = a.row_gradients + c * a.padded + first
        add_exponentials(&rows, label, c, m, n)
        for i in range(n):
            x = u[i] - v[i] if weight[i] > 0.0 else 0.0
            mean[i] += m[i] * x
            square[i] += (m[i] * x) * x
    find_margins(&rows, weight, n)
    logistic_loss_margins(ones, weight, rows.soft_margin, rows.e, rows.margin, n_panels, q,
                          <vec*> own, &sums.tally)
    for i in range(n):
        x = q[i] / rows.total[i]
        mean[i] *= x
        square[i] = weight[i] * (square[i] * x - mean[i] * mean[i])
        mean[i] *= weight[i]
        rows.total[i] = weight[i] * x       # what an exponential is multiplied with
        q[i] = weight[i] * q[i]
    add_lanes(<const vec*> q, n_panels, sums.derivative)
    add_lanes(<const vec*> mean, n_panels, sums.slope)
    add_lanes(<const vec*> square, n_panels, sums.curvature)
    for c in range(a.k):
        m = a.row_gradients + c * a.padded + first
        for i in range(n):
            m[i] = rows.total[i] * m[i] if label[i] != <double> c else own[i]


# `z` only names the type of the vectors.
cdef inline inlined sweep(const line_t* a, Py_ssize_t leaf, node_t* nodes,
                          const vec* z) noexcept nogil:
    cdef Py_ssize_t first = first_row(&a.split, a.padded, leaf), n_panels
    cdef Py_ssize_t end = first_row(&a.split, a.padded, leaf + 1)
    cdef lanes_t lanes
    memset(&lanes, 0, sizeof(lanes))
    clear_tallies(&lanes.tally, 1)
    while first < end:
        n_panels = min(<Py_ssize_t> BLOCK, end - first) // PANEL
        if a.k == 1:
            one_column(a, first, n_panels, &lanes, z)
        else:
            several_columns(a, first, n_panels, &lanes, z)
        first += BLOCK
    fold_tally(&lanes.tally, NULL, &nodes[USUAL])
    nodes[OF_LINE] = nodes[USUAL]
    nodes[OF_LINE].loss = fold_lanes(lanes.derivative)
    nodes[OF_LINE].error = fold_lanes(lanes.slope)
    nodes[OF_LINE].slope = fold_lanes(lanes.curvature)


cdef void sweep_baseline(const line_t* a, Py_ssize_t leaf, node_t* nodes) noexcept nogil:
    sweep(a, leaf, nodes, <const v2*> NULL)


cdef avx2_target sweep_avx2(const line_t* a, Py_ssize_t leaf, node_t* nodes) noexcept nogil:
    sweep(a, leaf, nodes, <const v4*> NULL)


cdef avx512_target sweep_avx512(const line_t* a, Py_ssize_t leaf, node_t* nodes) noexcept nogil:
    sweep(a, leaf, nodes, <const v8*> NULL)


ctypedef void (*sweep_t)(const line_t*, Py_ssize_t, node_t*) noexcept nogil

# A line, and what a team sweeps it with.
cdef struct searched_t:
    line_t line
    sweep_t sweep
    pass_t sums                             # a pass whose chunks are the leaves: their nodes
    exchange_t* exchange                    # or NULL
    poll_t poll


cdef class ScoreLine:
    """Scores of all rows, their change, and the losses along the line ``scores + t * change``.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Weight of each row, not negative.
    labels : ndarray of shape (n,)
        -1 and +1 for one column, class numbers for several.
    total_weight : float
        Sum of `weight`.
    k : int
        Number of columns.
    n_threads : int
        Number of threads; more than there are leaves are not used.
    rows : Rows, optional
        Their leaves are those of the sums, too; by default the leaves are those of dense rows.
    exchange : Exchange, optional
        With the other ranks, where the rows are those of one of several.
    offset : ndarray of shape (n,), optional
        Added to the scores of one column where the losses are evaluated.

    Attributes
    ----------
    scores, change : ndarray of shape (k, n rounded up to a multiple of 8)
        Scores of the rows for the current weights, without offsets, and their change along the
        search direction.
    row_gradients : ndarray of shape (k, n rounded up to a multiple of 8)
        Weight times the derivative of the loss by the score, from the last `evaluate`.
    """

    cdef rows_t rows                        # only total_weight, which sum_tallies divides by
    cdef Exchange exchange
    cdef double[::1] weight, labels, offset, memory
    cdef readonly object scores, change, row_gradients
    cdef int n_threads
    cdef searched_t searched

    def __cinit__(self, weight, labels, double total_weight, Py_ssize_t k, int n_threads,
                  Rows rows=None, Exchange exchange=None, offset=None):
        cdef line_t* a = &self.searched.line
        cdef pass_t* p = &self.searched.sums
        cdef Py_ssize_t n = len(weight), most
        cdef double[:, ::1] array
        a.padded = padded_rows(n)
        a.k = k
        a.split = split_rows(loss_work * a.padded * k, a.padded, BLOCK)
        if rows is not None:
            a.split = split_pass(INDEPENDENT, &rows.view.X, k)
            self.rows.X.part = rows.view.X.part
        most = min(a.split.n_leaves, a.padded * k // THREAD_VALUES)
        self.n_threads = max(1, min(n_threads, most))
        copies = np.zeros((2 if offset is None else 3, a.padded))
        copies[0, :n], copies[1, :n] = weight, labels
        self.weight, self.labels = copies[:2]
        if offset is not None:
            copies[2, :n] = offset
            self.offset = copies[2]
            a.offset = &self.offset[0]
        self.memory = np.zeros(a.split.n_leaves * LINE_NODES * (sizeof(node_t) // sizeof(double)))
        self.scores, self.change, self.row_gradients = np.zeros((3, k, a.padded))
        a.weight, a.label = &self.weight[0], &self.labels[0]
        array = self.scores
        a.scores = &array[0, 0]
        array = self.change
        a.change = &array[0, 0]
        array = self.row_gradients
        a.row_gradients = &array[0, 0]
        self.rows.total_weight = total_weight
        p.rows, p.model, p.k = &self.rows, INDEPENDENT, LINE_NODES
        p.chunk_leaves, p.n_chunks = 1, a.split.n_leaves
        p.nodes = <node_t*> &self.memory[0]
        self.exchange = exchange
        if exchange is not None:
            exchange.lay_out(p)
            self.searched.exchange = &exchange.state
        self.searched.sweep = sweep_baseline
        if instruction_set() == "avx512":
            self.searched.sweep = <sweep_t> sweep_avx512
        elif instruction_set() == "avx2":
            self.searched.sweep = <sweep_t> sweep_avx2

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
        cdef totals_t totals, of_line
        self.searched.line.t = t
        if self.exchange is not None:
            self.exchange.state.position += 1.0
        run_team(sweep_share, &self.searched, &self.searched.poll, self.n_threads)
        while self.exchange is not None and self.exchange.settle():
            run_team(sweep_share, &self.searched, &self.searched.poll, self.n_threads)
        with nogil:
            sum_tallies(&self.searched.sums, USUAL, &totals)
            sum_tallies(&self.searched.sums, OF_LINE, &of_line)
        return LineValues(totals.loss, of_line.error_rate, of_line.slope, of_line.loss,
                          totals.ln_loss, totals.error_rate, totals.min_margin)

    def step(self, double t):
        """Add t times the change to the scores.

        Parameters
        ----------
        t : float
            The step length.
        """
        cdef const line_t* a = &self.searched.line
        cdef double* scores = <double*> a.scores
        cdef Py_ssize_t i
        with nogil:
            for i in range(a.k * a.padded):
                scores[i] += t * a.change[i]


# A thread's share of the leaves, and the sums of all ranks.
cdef void sweep_share(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef searched_t* s = <searched_t*> state
    cdef const line_t* a = &s.line
    cdef Py_ssize_t leaf
    for leaf in range(rank * a.split.n_leaves // size, (rank + 1) * a.split.n_leaves // size):
        if is_stopping(&s.poll):
            break
        s.sweep(a, leaf, s.sums.nodes + leaf * LINE_NODES)
        if rank == 0:
            poll(&s.poll, loss_work * a.k * a.padded / a.split.n_leaves)
    if s.exchange != NULL and not meet(&s.poll, rank, size):
        exchange_sums(s.exchange, &s.sums, &s.poll, rank, size)
