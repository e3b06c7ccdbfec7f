"""The loop of descents over row passes: one pass for all runs of a batch, then a step of each.

Runs that share every pass are a `batch_t`, which a team of threads works on for as long as it
advances. In each step a thread runs its share of the chunks of the row pass and helps those that
are late; then it finishes the step of its share of the runs (step.pyx). Runs that have ended leave
the pass. The GIL is taken only to look for signals.
"""

from libc.string cimport memcpy

from lsgd_fast._core.dispatch cimport reduce_gradients
from lsgd_fast._core.pass_types cimport column_offset, pass_t
from lsgd_fast._core.rowpass cimport reduce_log_scales, reduce_work
from lsgd_fast._core.scaling cimport enter_column
from lsgd_fast._core.team cimport offer_work, share_t, split_work, take_work
from lsgd_fast._engine.poll cimport is_stopping, meet, run_team
from lsgd_fast._engine.shares cimport leaf_work, run_chunks, sum_share
from lsgd_fast._engine.state cimport GRADIENT, batch_t, is_recorded, run_t
from lsgd_fast._engine.exchange cimport exchange_sums, is_sliced, sum_slices
from lsgd_fast._engine.step cimport finish_step, move_on

cdef double SPLIT_SUMS = 8192        # from this reduce_work on the whole team sums gradients


# --- which runs a pass has, and where it reads and writes ----------------------------------------

# Copy the weights of a run of several columns to where the pass reads them. It reads the run's own
# unless features are scaled.
cdef void load_multi_weights(batch_t* b, const double* w) noexcept nogil:
    cdef Py_ssize_t column
    if b.row_pass.rows.scale == NULL:
        return
    memcpy(b.weights, w, b.n_weights * sizeof(double))
    memcpy(b.intercepts, w + b.n_weights, b.columns * sizeof(double))
    for column in range(b.columns):
        enter_column(b.row_pass.rows, column, b.columns, b.weights, b.intercepts)


# Copy the weights of run i to where the pass reads them.
cdef void load_weights(batch_t* b, Py_ssize_t i) noexcept nogil:
    cdef Py_ssize_t d = b.row_pass.rows.X.d, offset, stride, j
    cdef const double* w = b.runs[i].w
    if b.columns > 0:
        load_multi_weights(b, w)
        return
    b.intercepts[i] = w[d]
    if b.row_pass.weights != w:
        column_offset(i, b.row_pass.k, d, &offset, &stride)
        for j in range(d):
            b.weights[offset + j * stride] = w[j]
    enter_column(b.row_pass.rows, i, b.row_pass.k, b.weights, b.intercepts)
    if b.in_log_domain != NULL:
        b.in_log_domain[i] = b.runs[i].rule.in_log_domain


# Choose where the next pass reads weights and sums gradients. A single run of one column has no
# copies of them unless its features are scaled. While it is closing its gradient is not
# overwritten.
cdef void choose_buffers(batch_t* b) noexcept nogil:
    cdef bint single = b.n_runs == 1 and b.columns == 0 and b.row_pass.rows.scale == NULL
    b.sums = b.runs[0].gradient if single and not b.runs[0].closing else b.gradients
    b.row_pass.weights = b.validation.weights = b.runs[0].w if single else b.weights


# Remove the runs that need no other pass, and load the weights of the others.
cdef void regroup(batch_t* b) noexcept nogil:
    cdef Py_ssize_t i, n_runs = 0
    for i in range(b.n_runs):
        if b.runs[i].running:
            b.runs[n_runs] = b.runs[i]
            n_runs += 1
    b.n_runs = n_runs
    b.row_pass.k = b.validation.k = max(b.columns, <Py_ssize_t> 1) * n_runs
    b.running = n_runs > 0
    b.validating = False
    choose_buffers(b)
    if b.exchange != NULL and n_runs > 0:
        b.exchange.position = b.runs[0].step
    for i in range(n_runs):
        load_weights(b, i)
        if b.validation.rows != NULL:
            b.validating = b.validating or is_validated(b, b.runs[i])


# Whether the next step is recorded, or may be the last one of the run.
cdef bint is_validated(const batch_t* b, const run_t* r) noexcept nogil:
    if r.is_average:
        return False
    return r.closing or is_recorded(r) or (b.measure_target and r.step == b.target)


# Give the threads the chunks of the next pass to take.
cdef void offer_chunks(batch_t* b, Py_ssize_t size) noexcept nogil:
    offer_work(b.shares, size)
    if b.validating:
        offer_work(b.validation_shares, size)


# --- the team -------------------------------------------------------------------------------------

# A thread's part of a pass: its share of the chunks, then those that others have not taken yet.
# Each leaf is `work`.
cdef void run_part(batch_t* b, const pass_t* p, share_t* shares, double work, Py_ssize_t rank,
                   Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t owner = rank, chunk, _
    for _ in range(size):
        chunk = take_work(&shares[owner], size)
        while chunk >= 0 and not is_stopping(&b.poll):
            run_chunks(p, chunk, chunk + 1, work, &b.poll, rank)
            chunk = take_work(&shares[owner], size)
        owner = owner + 1 if owner + 1 < size else 0


# What each thread of a team does until no run needs another pass, or the team stops: no run is then
# in the middle of a step.
cdef void worker(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef batch_t* b = <batch_t*> state
    cdef pass_t* p = &b.row_pass
    cdef Py_ssize_t k, i, n_runs
    cdef double column_work = leaf_work(p) / p.k
    cdef bint long_sums = reduce_work(p) / p.k > SPLIT_SUMS
    cdef bint common                # whether the whole team sums gradients and finishes the runs
    if rank == 0:
        b.team_size = size
        split_work(b.shares, size, p.n_chunks)
        split_work(b.validation_shares, size, b.validation.n_chunks)
        offer_chunks(b, size)
    while not meet(&b.poll, rank, size) and b.running:
        k = p.k                     # `regroup` changes these while some threads are behind
        n_runs = b.n_runs
        common = k > 1 or long_sums
        run_part(b, p, b.shares, k * column_work, rank, size)
        if b.validating:
            run_part(b, &b.validation, b.validation_shares, leaf_work(&b.validation), rank, size)
        if meet(&b.poll, rank, size):
            return
        if p.gradient and p.in_log_domain != NULL and p.rows.X.sparse != NULL:
            reduce_log_scales(p, rank * p.split.n_leaves // size,
                              (rank + 1) * p.split.n_leaves // size)
            if meet(&b.poll, rank, size):
                return
        if b.exchange != NULL and exchange_sums(b.exchange, p, &b.poll, rank, size):
            return
        if p.gradient and is_sliced(b.exchange, p):
            if sum_slices(b.exchange, p, b.sums, &b.poll, rank, size):
                return
        elif p.gradient and common:
            sum_share(p, b.sums, &b.poll, rank, size)
            if meet(&b.poll, rank, size):
                return
        elif p.gradient and rank == 0:
            reduce_gradients(p, 0, k * p.rows.X.d, b.sums)
        i = rank
        while i < n_runs and (common or rank == 0):
            finish_step(b, i)
            i += size if common else 1
        if common and n_runs > 1 and meet(&b.poll, rank, size):
            return
        if rank == 0:
            regroup(b)
            offer_chunks(b, size)


# Set the runs going; return whether they need a pass at all.
cdef bint start(batch_t* b) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(b.n_runs):
        b.runs[i].running = True
        if b.runs[i].closing:               # a pass that was interrupted
            continue
        if b.runs[i].known == GRADIENT:     # from a pass at the end of which a callback was called
            move_on(b, b.runs[i])
    regroup(b)
    return b.running


cdef advance(batch_t* b, int n_threads):
    cdef bint running
    with nogil:
        running = start(b)
    if running:
        run_team(worker, b, &b.poll, n_threads)
