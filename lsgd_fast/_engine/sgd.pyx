"""Stochastic gradient descent: runs that share every batch of rows, in an order that is given.

`_methods/stochastic.py` decides which rows make up a batch, what is recorded and when a run ends;
the loop (sgd_loop.pyx) takes the steps of a list of batches without the GIL.
"""

import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from lsgd_fast._core.clock cimport clock
from lsgd_fast._core.layout cimport (lay_out_pass, leaf_count, pack_columns, pass_size, pass_work,
                                     row_length)
from lsgd_fast._core.pass_types cimport INDEPENDENT, column_offset, pass_t, totals_t
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._core.small_batch cimport is_small_batch
from lsgd_fast._core.types cimport matrix_t, rows_t
from lsgd_fast._engine.batch cimport native_loss
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.norms cimport norm
from lsgd_fast._engine.poll cimport run_team
from lsgd_fast._engine.polled_pass cimport run_polled_pass
from lsgd_fast._engine.sgd_lazy cimport features_t, start_fading
from lsgd_fast._engine.sgd_loop cimport (ERROR_RATE, LN_LOSS, LOSS, MIN_MARGIN, N_MEASURES,
                                         batches_t, read_features, sgd_run_t, take_batches)

from lsgd_fast._core.threads import choose_threads
from lsgd_fast._engine.dataset import aligned_empty

# What `SGDRuns.take` measures of a batch, and where.
MEASURES = {"loss": LOSS, "ln_loss": LN_LOSS, "error_rate": ERROR_RATE, "min_margin": MIN_MARGIN}
assert list(MEASURES.values()) == list(range(N_MEASURES))


cdef class SGDRuns:
    """Runs of stochastic gradient descent that share every batch.

    Parameters
    ----------
    problem : Problem
    starts : ndarray of shape (1 or k, n_parameters)
        First weights, of all runs or of each, the intercept last.
    stepsizes : ndarray of shape (k,)
    batch_size : int
    n_threads : int or None
    """

    cdef batches_t state
    cdef rows_t batch                   # as many rows as a batch has
    cdef readonly int n_threads
    cdef object problem
    cdef object n_threads_given         # the argument, None for a number by the work
    cdef Py_ssize_t[::1] order          # rows of a batch until the first list of batches
    cdef Rows rows
    cdef double[::1] memory, weights, means
    cdef int64_t[::1] current
    cdef unsigned char[::1] sgd_runs

    def __cinit__(self, problem, const double[:, ::1] starts, const double[::1] stepsizes,
                  Py_ssize_t batch_size, n_threads):
        cdef batches_t* b = &self.state
        cdef pass_t* p = &b.row_pass
        cdef Py_ssize_t d = problem.d, k = stepsizes.shape[0], c, packed, size
        cdef bint sparse
        self.problem, self.n_threads_given = problem, n_threads
        # sparse rows are read in place, with the features in their own order (sgd_lazy.pxd)
        self.rows = Rows(problem, pack=False, gradient=False)
        self.batch = self.rows.view     # split into leaves like the first rows of X
        self.batch.X.n = batch_size
        self.batch.total_weight = batch_size * (problem.total_weight / problem.n)
        sparse = self.batch.X.sparse != NULL
        self.n_threads = choose_threads(n_threads, batch_size, row_length(&self.batch.X),
                                        leaf_count(INDEPENDENT, &self.batch.X, k), k)
        self.weights = aligned_empty(k * d)
        self.means = np.zeros(k * d)
        self.current = np.zeros(k * d if sparse else 0, np.int64)
        self.sgd_runs = np.zeros(k * sizeof(sgd_run_t), np.uint8)
        b.sgd_runs = <sgd_run_t*> &self.sgd_runs[0]
        b.l2 = problem.l2
        b.n_running = k
        b.work = k * pass_work(batch_size, <Py_ssize_t> row_length(&self.rows.view.X))
        for c in range(k):
            self._start(c, k, starts[c if starts.shape[0] > 1 else 0], stepsizes[c])
        packed = 0 if sparse else (2 * k + 1) * d       # with gradients and direction
        size = pass_size(INDEPENDENT, &self.batch, k, self.n_threads)
        self.memory = aligned_empty(packed + size + k)
        b.weights = &self.weights[0]
        b.packed = &self.memory[0]
        b.gradients = b.packed + k * d
        b.direction = b.gradients + k * d
        lay_out_pass(p, INDEPENDENT, &self.batch, k, self.n_threads, b.packed + packed)
        b.intercepts = b.packed + packed + size
        p.loss = native_loss(problem.loss)
        p.gradient = True
        p.intercepts = b.intercepts
        self.order = np.zeros(batch_size, np.intp)
        p.order = &self.order[0]
        p.weights = b.packed if k >= 4 and not is_small_batch(p) and not sparse else b.weights
        if is_small_batch(p):
            b.gradients = p.partial_gradients

    cdef _start(self, Py_ssize_t c, Py_ssize_t k, const double[::1] start, double eta):
        """Set the first weights of run c, and the addresses of its arrays."""
        cdef sgd_run_t* r = &self.state.sgd_runs[c]
        cdef features_t* f = &r.features
        cdef Py_ssize_t d = self.rows.view.X.d, offset = c * d, j
        f.stride = 1
        if self.rows.view.X.sparse != NULL:     # packed as the pass reads them
            column_offset(c, k, d, &offset, &f.stride)
            f.current = &self.current[offset]
        f.w = &self.weights[offset]
        f.mean = &self.means[offset]
        start_fading(&f.fading, 1.0 - eta * self.state.l2)
        for j in range(d):
            f.w[j * f.stride] = start[j]
        r.eta = eta
        if self.rows.view.fit_intercept:
            r.intercept = start[d]

    def take(self, const Py_ssize_t[::1] rows, double seconds=INFINITY):
        """Take a step for each batch, until all runs have ended or the time is over.

        Parameters
        ----------
        rows : ndarray of intp
            Row numbers of whole batches, one for each step to take.
        seconds : float, optional
            How long to take steps; at least one is taken.

        Returns
        -------
        ndarray of shape (steps taken, k, 4)
            `MEASURES` of each batch with the weights before its step; NaN for runs that have ended.
        """
        cdef batches_t* b = &self.state
        cdef double[:, :, ::1] measures
        b.n_batches = rows.shape[0] // self.batch.X.n
        measures = np.full((b.n_batches, b.row_pass.k, N_MEASURES), np.nan)
        if b.n_batches == 0 or b.n_running == 0:
            return np.asarray(measures)
        b.measures = &measures[0, 0, 0]
        b.row_pass.order = &rows[0]
        b.done = 0
        b.deadline = clock() + seconds
        run_team(take_batches, b, &b.poll, self.n_threads)
        return np.asarray(measures[:b.done])

    def end(self, Py_ssize_t run):
        """End a run: it takes no more steps."""
        if not self.state.sgd_runs[run].ended:
            self.state.sgd_runs[run].ended = True
            self.state.n_running -= 1

    def has_diverged(self, Py_ssize_t run):
        """Whether the run has ended because the loss of a batch was not finite."""
        return self.state.sgd_runs[run].diverged

    def n_steps(self, Py_ssize_t run):
        """Number of steps that a run has taken."""
        return self.state.sgd_runs[run].step

    def sums(self, Py_ssize_t run):
        """Sums of loss and error rate over the batches of all steps, before each step."""
        return self.state.sgd_runs[run].loss_sum, self.state.sgd_runs[run].error_sum

    def parameters(self, Py_ssize_t run):
        """The latest weights, and the mean of those before each step: (2, n_parameters)."""
        cdef const sgd_run_t* r = &self.state.sgd_runs[run]
        cdef Py_ssize_t d = self.rows.view.X.d
        cdef double[:, ::1] found = np.empty((2, self.problem.n_parameters))
        with nogil:
            read_features(r, d, &found[0, 0], &found[1, 0])
        if self.rows.view.fit_intercept:
            found[0, d], found[1, d] = r.intercept, r.mean_intercept
        if r.step == 0:
            found[1] = found[0]
        return np.asarray(found)

    def measure(self, parameters):
        """Measure weights on all rows, by one forward pass.

        Parameters
        ----------
        parameters : ndarray of shape (m, n_parameters)
            The intercept last.

        Returns
        -------
        list of m tuples
            loss, ln_loss, error_rate, min_margin and the norm of the weights.
        """
        cdef pass_t p
        cdef const matrix_t* X = &self.rows.view.X
        cdef Py_ssize_t m = len(parameters), d = X.d, i
        cdef double[:, ::1] w = np.ascontiguousarray(parameters[:, :d])
        cdef double[:, ::1] columns = np.ascontiguousarray(parameters[:, :d].T)
        cdef double[::1] intercepts = np.zeros(m)
        cdef double[::1] memory
        cdef list found = []
        cdef totals_t totals
        cdef int n_threads = choose_threads(self.n_threads_given, X.n, row_length(X),
                                            leaf_count(INDEPENDENT, X, m), m)
        if self.problem.fit_intercept:
            intercepts = np.ascontiguousarray(parameters[:, d])
        memory = aligned_empty(m * d + pass_size(INDEPENDENT, &self.rows.view, m, n_threads))
        pack_columns(&columns[0, 0], d, m, NULL, &memory[0])
        lay_out_pass(&p, INDEPENDENT, &self.rows.view, m, n_threads, &memory[m * d])
        p.loss = native_loss(self.problem.loss)
        p.gradient = False
        p.weights = &memory[0]
        p.intercepts = &intercepts[0]
        run_polled_pass(&p, NULL, n_threads)
        for i in range(m):
            sum_tallies(&p, i, &totals)
            found.append((totals.loss, totals.ln_loss, totals.error_rate, totals.min_margin,
                          norm(&w[i, 0], d)))
        return found
