"""The loop of stochastic gradient descent: the steps of a list of batches.

A batch is a pass whose rows are picked by `pass_t.order`. small_batch.pxd makes batches of fewer
rows than a panel cheap, sgd_lazy.pxd steps over sparse rows.
"""

from libc.math cimport INFINITY

from lsgd_fast._core.dispatch cimport reduce_gradients
from lsgd_fast._core.load cimport prefetch_ordered
from lsgd_fast._core.pass_types cimport column_offset, padded_rows, pass_t, totals_t
from lsgd_fast._core.rowpass cimport sum_tallies
from lsgd_fast._core.small_batch cimport is_small_batch
from lsgd_fast._engine.poll cimport is_stopping, meet, poll
from lsgd_fast._engine.shares cimport run_share
from lsgd_fast._engine.sgd_lazy cimport catch_up, features_t, refresh_row, subtract_row


# Copy the weights of all runs to where the pass reads them.
cdef void load_weights(batches_t* b) noexcept nogil:
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


# Bring those weights of a run up to date that a batch of sparse rows reads.
cdef void refresh(batches_t* b, const sgd_run_t* r) noexcept nogil:
    cdef const pass_t* p = &b.row_pass
    cdef Py_ssize_t i
    if r.ended:
        return
    for i in range(p.rows.X.n):
        refresh_row(&r.features, &p.rows.X, p.order[i], r.step)
        poll(&b.poll, b.work / (p.k * p.rows.X.n))
        if is_stopping(&b.poll):
            return


# w -= eta * g, and before that mean += share * (w - mean).
cdef inline void move(double* w, double* mean, const double* g, double eta, double share,
                      Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(d):
        mean[j] += (w[j] - mean[j]) * share
        w[j] -= eta * g[j]


# Step number r.step of run c, from the summed gradients of a batch.
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


# The same from the row gradients of a batch of sparse rows, row by row.
cdef void take_sparse_step(batches_t* b, Py_ssize_t c) noexcept nogil:
    cdef sgd_run_t* r = &b.sgd_runs[c]
    cdef const pass_t* p = &b.row_pass
    cdef Py_ssize_t offset, stride, i
    cdef double s
    column_offset(c, p.k, padded_rows(p.rows.X.n), &offset, &stride)
    for i in range(p.rows.X.n):
        s = p.kept[offset + i * stride] / p.rows.total_weight
        subtract_row(&r.features, &p.rows.X, p.order[i], s, r.step, r.eta)
        poll(&b.poll, b.work / (p.k * p.rows.X.n))
        if is_stopping(&b.poll):
            return


# Measure a batch by the sums of its pass, and take the step of each run that goes on.
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
        measures[N_MEASURES * c + LOSS] = totals.loss
        measures[N_MEASURES * c + LN_LOSS] = totals.ln_loss
        measures[N_MEASURES * c + ERROR_RATE] = totals.error_rate
        measures[N_MEASURES * c + MIN_MARGIN] = totals.min_margin
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


# Load the weights for the next batch, if there is another one to take.
cdef void begin_batch(batches_t* b) noexcept nogil:
    cdef pass_t* p = &b.row_pass
    b.running = (b.done < b.n_batches and b.n_running > 0
                 and (b.done == 0 or b.poll.looked < b.deadline))
    if not b.running:
        return
    load_weights(b)
    if is_small_batch(p) and b.done + 2 < b.n_batches:
        prefetch_ordered(&p.rows.X, p.order + 2 * p.rows.X.n, 0, p.rows.X.n)


cdef void take_batches(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef batches_t* b = <batches_t*> state
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t n_sums = p.k * p.rows.X.d
    cdef Py_ssize_t first = rank * n_sums // size, last = (rank + 1) * n_sums // size
    cdef double work = b.work / p.split.n_leaves
    cdef bint has_partial_gradients = not is_small_batch(p) and p.rows.X.sparse == NULL
    if rank == 0:
        begin_batch(b)
    while not meet(&b.poll, rank, size) and b.running:
        run_share(p, work, &b.poll, rank, size)
        if meet(&b.poll, rank, size):
            return
        if has_partial_gradients:
            reduce_gradients(p, first, last, b.gradients)
            if meet(&b.poll, rank, size):
                return
        if rank == 0:
            finish_batch(b)
            begin_batch(b)


cdef void read_features(const sgd_run_t* r, Py_ssize_t d, double* w, double* mean) noexcept nogil:
    cdef const features_t* f = &r.features
    cdef Py_ssize_t j
    for j in range(d):
        w[j] = f.w[j * f.stride]
        mean[j] = f.mean[j * f.stride]
        if f.current != NULL:
            catch_up(&f.fading, f.current[j * f.stride], r.step, w + j, mean + j)
