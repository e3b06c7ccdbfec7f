"""Stochastic gradient descent: row passes over batches of the rows, in an order that is given.

A batch is a pass (kernel.pyx) whose rows are picked by `pass_t.order`; what a batch of fewer rows
than a panel costs is up to thin.pxd, and what a step over sparse rows costs to lazy.pxd.  Which
rows make up a batch, what is recorded and when to end is decided by stochastic_driver.py; the loop
here takes the steps of a list of batches, without the GIL and without an allocation.
"""

import threading

import numpy as np

from cython.parallel cimport parallel
from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from lsgd_fast._core.load cimport prefetch_ordered
from lsgd_fast._engine.batch cimport native_loss
from lsgd_fast._core.pass_types cimport INDEPENDENT, column_offset, padded_rows, pass_t, totals_t
from lsgd_fast._core.layout cimport (lay_out_pass, pack_columns, pass_chunks,
                                     pass_size, pass_work, row_length)
from lsgd_fast._core.types cimport matrix_t, rows_t
from lsgd_fast._core.dispatch cimport run_chunks, reduce_gradients
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._engine.sgd_lazy cimport (catch_up, features_t, refresh_row, start_fading,
                                         subtract_row)
from lsgd_fast._engine.loop cimport clock, signal_raises
from lsgd_fast._engine.norms cimport norm
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._core.team cimport (barrier_t, barrier_wait, is_raised, raise_flag, team_rank,
                                   team_size)
from lsgd_fast._core.small_batch cimport is_small_batch

from lsgd_fast._core.team import may_run_parallel
from lsgd_fast._engine.dataset import aligned_empty
from lsgd_fast._core.threads import choose_threads

cdef double POLL_SECONDS = 0.02      # how often to look for signals ...
cdef double POLL_ELEMENTS = 2e5      # ... and, in elements of X, how often to look at the clock
cdef enum:
    N_MEASURES = 4                   # of a batch: loss, log_loss, error_rate, min_margin

# One run.
cdef struct sgd_run_t:
    features_t features              # its weights and their mean; of sparse rows packed, else (d,)
    double intercept, mean_intercept
    double eta
    double loss_sum, error_sum       # of the batches before each step
    Py_ssize_t step
    bint ended, diverged

# Runs that share every batch.
cdef struct batches_t:
    pass_t row_pass                  # of one batch
    double work                      # of it, in elements of X
    sgd_run_t* sgd_runs              # (k,)
    double l2
    double* weights                  # (k, d): their w, one after another, of sparse rows packed
    double* intercepts               # (k,)
    # of dense rows:
    double* packed                   # (k, d) the weights by groups of four, see pack_columns
    double* gradients                # (k, d) packed like the weights of the pass
    double* direction                # (d,) room for the gradient of one
    double* measures                 # (steps, k, N_MEASURES)
    Py_ssize_t n_batches             # to be taken
    Py_ssize_t done
    Py_ssize_t n_running
    double next_poll, credit
    void* errors                     # a list for what signal handlers raise; NULL: none are run
    int interrupted
    barrier_t barrier


# Now and then look for signals; `work` elements of X were done since the last call.
cdef inline void poll(batches_t* b, double work) noexcept nogil:
    cdef double now
    b.credit -= work
    if b.credit > 0.0:
        return
    b.credit = POLL_ELEMENTS
    now = clock()
    if now >= b.next_poll:
        b.next_poll = now + POLL_SECONDS
        if b.errors != NULL and signal_raises(b.errors):
            raise_flag(&b.interrupted)


# Put the weights of all runs where the pass reads them.
cdef void place(batches_t* b) noexcept nogil:
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, c, j, offset, stride
    cdef const double* w
    for c in range(p.k):
        b.intercepts[c] = b.sgd_runs[c].intercept
        if p.weights == b.packed:
            column_offset(c, p.k, d, &offset, &stride)
            w = b.sgd_runs[c].features.w
            for j in range(d):
                b.packed[offset + j * stride] = w[j]
        if p.rows.X.sparse != NULL and b.sgd_runs[c].features.fading.fades:
            refresh(b, &b.sgd_runs[c])


# The weights of a run that a batch of sparse rows asks for.
cdef void refresh(batches_t* b, const sgd_run_t* r) noexcept nogil:
    cdef const pass_t* p = &b.row_pass
    cdef Py_ssize_t i
    if r.ended:
        return
    for i in range(p.rows.X.n):
        refresh_row(&r.features, &p.rows.X, p.order[i], r.step)
        poll(b, b.work / (p.k * p.rows.X.n))
        if is_raised(&b.interrupted):
            return


# w -= eta * g, and w before that into the mean.
cdef inline void move(double* w, double* mean, const double* g, double eta, double share,
                      Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(d):
        mean[j] += (w[j] - mean[j]) * share
        w[j] -= eta * g[j]


# Step number r.step of run c, from the sums of a batch.
cdef void take_step(batches_t* b, Py_ssize_t c) noexcept nogil:
    cdef sgd_run_t* r = &b.sgd_runs[c]
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t d = p.rows.X.d, offset = c * d, stride = 1, j
    cdef double* g = b.gradients
    if p.weights == b.packed:
        column_offset(c, p.k, d, &offset, &stride)
    g += offset
    if stride > 1:
        for j in range(d):
            b.direction[j] = g[j * stride]
        g = b.direction
    if b.l2 > 0.0:
        for j in range(d):
            g[j] += b.l2 * r.features.w[j]
    move(r.features.w, r.features.mean, g, r.eta, 1.0 / r.step, d)


# The same from the row_gradients of a batch of sparse rows, row by row.
cdef void take_sparse_step(batches_t* b, Py_ssize_t c) noexcept nogil:
    cdef sgd_run_t* r = &b.sgd_runs[c]
    cdef const pass_t* p = &b.row_pass
    cdef Py_ssize_t offset, stride, i
    cdef double s
    column_offset(c, p.k, padded_rows(p.rows.X.n), &offset, &stride)
    for i in range(p.rows.X.n):
        s = p.partial_gradients[offset + i * stride] / p.rows.total_weight
        subtract_row(&r.features, &p.rows.X, p.order[i], s, r.step, r.eta)
        poll(b, b.work / (p.k * p.rows.X.n))
        if is_raised(&b.interrupted):
            return


# With the sums of a batch at hand: measure it, and take the step of each run that goes on.
cdef void finish_batch(batches_t* b) noexcept nogil:
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t c
    cdef sgd_run_t* r
    cdef totals_t totals
    cdef double* measures = b.measures + b.done * p.k * N_MEASURES
    for c in range(p.k):
        r = &b.sgd_runs[c]
        if r.ended:
            continue
        sum_tallies(p, c, &totals)
        if not totals.loss < INFINITY:
            r.ended = r.diverged = True
            b.n_running -= 1
            continue
        measures[N_MEASURES * c] = totals.loss
        measures[N_MEASURES * c + 1] = totals.log_loss
        measures[N_MEASURES * c + 2] = totals.error_rate
        measures[N_MEASURES * c + 3] = totals.min_margin
        r.loss_sum += totals.loss
        r.error_sum += totals.error_rate
        r.step += 1
        if p.rows.X.sparse != NULL:
            take_sparse_step(b, c)
        else:
            take_step(b, c)
        if p.rows.fit_intercept:
            move(&r.intercept, &r.mean_intercept, &totals.slope, r.eta, 1.0 / r.step, 1)
    b.done += 1
    p.order += p.rows.X.n


# A thread's share of the chunks of a pass.
cdef void run_part(batches_t* b, const pass_t* p, double* tile, double work, Py_ssize_t rank,
                   Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t chunk
    for chunk in range(rank * p.n_chunks // size, (rank + 1) * p.n_chunks // size):
        if is_raised(&b.interrupted):
            return
        run_chunks(p, chunk, chunk + 1, tile)
        if rank == 0:
            poll(b, work)


# What each thread of a team does until all batches are done.
cdef void worker(batches_t* b, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t n_sums = p.k * p.rows.X.d
    cdef double* tile = p.tiles + rank * p.thread_memory
    cdef double work = b.work / p.n_chunks
    cdef bint thin = is_small_batch(p)
    cdef bint has_partial_gradients = not thin and p.rows.X.sparse == NULL
    while b.done < b.n_batches and b.n_running > 0:
        if rank == 0:
            place(b)
            if thin and b.done + 2 < b.n_batches:
                prefetch_ordered(&p.rows.X, p.order + 2 * p.rows.X.n, 0, p.rows.X.n)
        if size > 1:
            barrier_wait(&b.barrier, size)
        run_part(b, p, tile, work, rank, size)
        if size > 1:
            barrier_wait(&b.barrier, size)
        if is_raised(&b.interrupted):               # the batch may be incomplete
            return
        if has_partial_gradients:
            reduce_gradients(p, rank * n_sums // size, (rank + 1) * n_sums // size, b.gradients)
        if size > 1:
            barrier_wait(&b.barrier, size)
        if rank == 0:
            finish_batch(b)
        if size > 1:
            barrier_wait(&b.barrier, size)


# Copies of weights and mean as they are after the last step: reading leaves all as it is, so that
# it does not matter for what follows when it is done.
cdef void read_features(const sgd_run_t* r, Py_ssize_t d, double* w, double* mean) noexcept nogil:
    cdef const features_t* f = &r.features
    cdef Py_ssize_t j
    for j in range(d):
        w[j] = f.w[j * f.stride]
        mean[j] = f.mean[j * f.stride]
        if f.current != NULL:
            catch_up(&f.fading, f.current[j * f.stride], r.step, w + j, mean + j)


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
    cdef object problem, asked          # asked: n_threads as it came
    cdef Py_ssize_t[::1] order          # until there is a list of batches
    cdef Rows rows
    cdef double[::1] memory, weights, means
    cdef int64_t[::1] current
    cdef unsigned char[::1] sgd_runs

    def __cinit__(self, problem, const double[:, ::1] starts, const double[::1] stepsizes,
                  Py_ssize_t batch_size, n_threads):
        cdef batches_t* b = &self.state
        cdef pass_t* p = &b.row_pass
        cdef Py_ssize_t d = problem.d, k = stepsizes.shape[0], c, room, size
        cdef bint sparse
        self.problem, self.asked = problem, n_threads
        # sparse rows are read where they lie, features as they are numbered there (lazy.pxd)
        self.rows = Rows(problem, pack=False, gradient=False)
        self.batch = self.rows.view     # split as the first rows of X would be
        self.batch.X.n = batch_size
        self.batch.total_weight = batch_size * (problem.total_weight / problem.n)
        sparse = self.batch.X.sparse != NULL
        self.n_threads = choose_threads(n_threads, batch_size, row_length(&self.batch.X),
                                        pass_chunks(INDEPENDENT, &self.batch.X, k), k)
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
        room = 0 if sparse else (2 * k + 1) * d
        size = pass_size(INDEPENDENT, &self.batch, k, self.n_threads)
        self.memory = aligned_empty(room + size + k)
        b.weights = &self.weights[0]
        b.packed = &self.memory[0]
        b.gradients = b.packed + k * d
        b.direction = b.gradients + k * d
        lay_out_pass(p, INDEPENDENT, &self.batch, k, b.packed + room)
        b.intercepts = b.packed + room + size
        p.loss = native_loss(problem.loss)
        p.gradient = True
        p.intercepts = b.intercepts
        self.order = np.zeros(batch_size, np.intp)
        p.order = &self.order[0]
        p.weights = b.packed if k >= 4 and not is_small_batch(p) and not sparse else b.weights
        if is_small_batch(p):
            b.gradients = p.partial_gradients

    cdef _start(self, Py_ssize_t c, Py_ssize_t k, const double[::1] start, double eta):
        """The first weights of run c, and where they lie."""
        cdef sgd_run_t* r = &self.state.sgd_runs[c]
        cdef features_t* f = &r.features
        cdef Py_ssize_t d = self.rows.view.X.d, offset = c * d, j
        f.stride = 1
        if self.rows.view.X.sparse != NULL:     # as the pass reads them
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

    def take(self, const Py_ssize_t[::1] rows):
        """Take a step for each batch of the rows that are listed, until all runs have ended.

        Parameters
        ----------
        rows : ndarray of intp
            Row numbers, of as many whole batches as steps are to be taken.

        Returns
        -------
        ndarray of shape (steps, k, 4)
            Of each batch, under the weights before its step: loss, log_loss, error_rate and
            min_margin; NaN for runs that have ended.
        """
        cdef batches_t* b = &self.state
        cdef double[:, :, ::1] measures
        cdef list errors = []
        cdef int n_threads = self.n_threads if may_run_parallel() else 1
        b.n_batches = rows.shape[0] // self.batch.X.n
        measures = np.full((b.n_batches, b.row_pass.k, N_MEASURES), np.nan)
        if b.n_batches == 0 or b.n_running == 0:
            return np.asarray(measures)
        b.measures = &measures[0, 0, 0]
        b.row_pass.order = &rows[0]
        b.done = 0
        self._watch(errors)
        with nogil:
            if n_threads == 1:
                worker(b, 0, 1)
            else:
                with parallel(num_threads=n_threads):
                    worker(b, team_rank(), team_size())
        if errors:
            raise errors[0]
        return np.asarray(measures)

    def end(self, Py_ssize_t run):
        """Let a run take no more steps."""
        if not self.state.sgd_runs[run].ended:
            self.state.sgd_runs[run].ended = True
            self.state.n_running -= 1

    def has_diverged(self, Py_ssize_t run):
        """Whether the loss of a batch was not finite, which ended the run."""
        return self.state.sgd_runs[run].diverged

    def n_steps(self, Py_ssize_t run):
        """Steps that a run has taken."""
        return self.state.sgd_runs[run].step

    def sums(self, Py_ssize_t run):
        """Sums of loss and error rate over the batches of these steps."""
        return self.state.sgd_runs[run].loss_sum, self.state.sgd_runs[run].error_sum

    def parameters(self, Py_ssize_t run):
        """The last weights and their mean before each step, (2, n_parameters), intercepts last."""
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
        """What all rows say of weights, by one forward pass.

        Parameters
        ----------
        parameters : ndarray of shape (m, n_parameters)
            The intercept last.

        Returns
        -------
        list of m tuples
            loss, log_loss, error_rate, min_margin and the norm of the weights, of each.
        """
        cdef batches_t* b = &self.state
        cdef pass_t p
        cdef const matrix_t* X = &self.rows.view.X
        cdef Py_ssize_t m = len(parameters), d = X.d, i
        cdef double[:, ::1] w = np.ascontiguousarray(parameters[:, :d])
        cdef double[:, ::1] columns = np.ascontiguousarray(parameters[:, :d].T)
        cdef double[::1] intercepts = np.zeros(m)
        cdef double[::1] memory
        cdef list errors = [], found = []
        cdef totals_t totals
        cdef int n_threads = choose_threads(self.asked, X.n, row_length(X),
                                            pass_chunks(INDEPENDENT, X, m), m)
        if self.problem.fit_intercept:
            intercepts = np.ascontiguousarray(parameters[:, d])
        memory = aligned_empty(m * d + pass_size(INDEPENDENT, &self.rows.view, m, n_threads))
        pack_columns(&columns[0, 0], d, m, NULL, &memory[0])
        lay_out_pass(&p, INDEPENDENT, &self.rows.view, m, &memory[m * d])
        p.loss = native_loss(self.problem.loss)
        p.gradient = False
        p.weights = &memory[0]
        p.intercepts = &intercepts[0]
        self._watch(errors)
        with nogil, parallel(num_threads=n_threads):
            run_part(b, &p, p.tiles + team_rank() * p.thread_memory,
                     m * pass_work(X.n, <Py_ssize_t> row_length(X)) / p.n_chunks, team_rank(),
                     team_size())
        if errors:
            raise errors[0]
        for i in range(m):
            sum_tallies(&p, i, &totals)
            found.append((totals.loss, totals.log_loss, totals.error_rate, totals.min_margin,
                          norm(&w[i, 0], d)))
        return found

    cdef _watch(self, list errors):
        """Look for signals from now on, where Python knows this thread to be told of them."""
        cdef batches_t* b = &self.state
        b.next_poll = clock() + POLL_SECONDS
        b.credit = POLL_ELEMENTS
        b.interrupted = 0
        in_main = threading.current_thread() is threading.main_thread()
        b.errors = <void*> errors if in_main else NULL
