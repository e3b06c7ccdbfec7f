"""What runs that share every pass over X share, and what each has of its own."""

import math
import threading

import numpy as np

from libc.math cimport INFINITY, NAN

from lsgd_fast._engine.gram cimport GramSpace
from lsgd_fast._core.pass_types cimport (INDEPENDENT, NETWORK, PIECEWISE_LINEAR, SOFTMAX, SOFTPLUS,
                                         model_t, loss_kind_t, loss_t, padded_rows, pass_t,
                                         log_sums_t)
from lsgd_fast._core.layout cimport (chunk_count, feature_order, lay_out_pass, pack_columns,
                                     pass_chunks, pass_size, row_length, unpack_columns)
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.loop cimport N_COLUMNS, advance, batch_t, counters_t, run_t, validation_t
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.rules cimport rule_kind_t, rule_state_t, rule_t
from lsgd_fast._engine.monitor cimport start_monitor, monitored_t

from lsgd_fast._constants import EPSILON
from lsgd_fast._core.team import may_run_parallel
from lsgd_fast.losses import LOSSES, Logistic, Softmax
from lsgd_fast._inputs.models import TwoLayer
from lsgd_fast._engine.dataset import aligned_empty
from lsgd_fast._inputs.requests import COLUMNS
from lsgd_fast.stepsizes import RULES, Constant, eta_of, known_values, smoothness_bound
from lsgd_fast._core.threads import choose_threads


cdef class RunState:
    """One run as the loop sees it, and the arrays it points into.

    Parameters
    ----------
    batch : Batch
    problem : Problem
    start : int
        Which of the batch's first weights it starts from.
    rule : stepsizes.Rule
    stop : Stop
    record : sequence of str
        Columns of the trace to keep.
    record_every : int
    """

    def __cinit__(self, Batch batch, problem, Py_ssize_t start, rule, stop, record,
                  Py_ssize_t record_every):
        cdef run_t* r = &self.run
        cdef monitored_t* v = &r.monitored
        cdef bint in_gram_space = batch.gram is not None
        cdef bint is_network = isinstance(problem.model, TwoLayer)
        cdef double[::1] first = batch.first_parameters(start)
        self.n_kept = 10 if in_gram_space else (5 if is_network else 7) + rule.n_vectors
        self.parameters = np.zeros((12 if in_gram_space else self.n_kept, batch.size + 1))
        self.parameters[0, :] = first
        r.w = v.w = v.image = &self.parameters[0, 0]
        r.gradient = r.direction = &self.parameters[1, 0]
        r.separating = &self.parameters[2, 0]
        r.best = &self.parameters[3, 0]
        v.first = v.image_first = &self.parameters[4, 0]
        r.origin = NULL
        v.size = batch.size
        if problem.is_multi:
            batch.state.gradients = r.gradient
            if problem.scale is None:
                batch.read_from(r.w)
        if is_network:              # whose drift would say nothing: one entry, 0, is monitored
            self.parameters[4, :] = first
            r.origin = &self.parameters[4, 0]
            self.unmonitored = np.zeros((4, 1))
            v.w = v.image = &self.unmonitored[0, 0]
            v.first = v.image_first = &self.unmonitored[1, 0]
            v.sum = v.image_sum = &self.unmonitored[2, 0]
            v.mean = v.image_mean = &self.unmonitored[3, 0]
            v.size = 0
        else:
            v.sum = v.image_sum = &self.parameters[5, 0]
            v.mean = v.image_mean = &self.parameters[6, 0]
        if in_gram_space:
            v.image_first = &self.parameters[7, 0]
            v.image_sum = &self.parameters[8, 0]
            v.image_mean = &self.parameters[9, 0]
            v.image = &self.parameters[10, 0]
            r.direction = &self.parameters[11, 0]
        self._take(rule, problem)
        v.unit = batch.state.gram_scale ** 0.5 if in_gram_space else 1.0
        v.l2 = problem.l2
        v.rounding = problem.n + problem.d + problem.model.columns - 1
        v.epsilon = EPSILON
        start_monitor(&r.monitor)
        r.l2 = problem.l2
        r.certificate = INFINITY
        if r.l2 == 0.0 and isinstance(rule, Constant) and problem.is_plain:
            r.certificate = rule.eta * problem.radius * problem.radius
        r.limits.loss = -1.0 if stop.loss is None else stop.loss
        r.limits.gradient_norm = -1.0 if stop.gradient_norm is None else stop.gradient_norm
        r.limits.seconds = INFINITY if stop.seconds is None else stop.seconds
        r.limits.separated = stop.separated
        r.limits.unstable_steps = (np.iinfo(np.intp).max if stop.unstable_steps is None
                                   else stop.unstable_steps)
        r.limits.patience = (np.iinfo(np.intp).max if stop.validation_patience is None
                             else stop.validation_patience)
        r.validation = validation_t(INFINITY, -1, -1, 0)
        r.n_columns = len(record)
        for i, name in enumerate(record):
            r.columns[i] = COLUMNS.index(name)
        r.counters = counters_t(NAN, NAN, 0, -1, -1, -1)
        r.record_every = record_every
        self.trace = np.empty((0, r.n_columns))
        for column in range(N_COLUMNS):
            r.now[column] = NAN

    cdef _take(self, rule, problem):
        """Set up the stepsize rule."""
        cdef rule_t* r = &self.run.rule
        self.values = np.array(known_values(rule, problem) or [0.0])
        r.kind = <rule_kind_t> <int> list(RULES).index(rule.name)
        r.in_log_domain = rule.adaptive
        r.eta = eta_of(rule, problem)
        r.values = &self.values[0]
        r.n_values = self.values.shape[0]
        r.smoothness = smoothness_bound(problem)
        r.radius, r.l2 = problem.margin_slope, problem.l2
        r.state.stepsize = r.eta if isinstance(rule, Constant) else 0.0
        r.state.bound = INFINITY
        self.run.slope.at = self.run.gradient
        if rule.n_vectors == 1:
            r.kept = &self.parameters[self.n_kept - 1, 0]
        elif rule.n_vectors == 2:
            r.weights = &self.parameters[self.n_kept - 2, 0]
            r.gradient = &self.parameters[self.n_kept - 1, 0]

    cdef double[::1] rule_state(self):
        """What the rule remembers, all doubles, as an array that shares its memory."""
        cdef Py_ssize_t size = sizeof(rule_state_t) // sizeof(double)
        return <double[:size]> <double*> &self.run.rule.state

    cdef make_room(self, Py_ssize_t target):
        """Room in the trace for the steps up to `target`."""
        cdef run_t* r = &self.run
        cdef Py_ssize_t room = r.n_rows + (target - r.step) // r.record_every + 1
        if room > self.trace.shape[0] and target > r.step:
            trace = np.empty((max(room, 2 * self.trace.shape[0]), r.n_columns))
            trace[:r.n_rows] = np.asarray(self.trace)[:r.n_rows]
            self.trace = trace
        r.trace = &self.trace[0, 0] if self.trace.shape[0] else NULL


cdef loss_t native_loss(loss):
    a = getattr(loss, "a", 1.0)
    name = Logistic.name if isinstance(loss, Softmax) else loss.name    # of one class and the rest
    return loss_t(<loss_kind_t> <int> list(LOSSES).index(name), a, math.log(a))


cdef pack_multi(const double[::1] w, double[::1] parameters, Py_ssize_t k, Rows rows):
    pack_columns(&w[0], rows.view.X.d, k, feature_order(&rows.view), &parameters[0])


cdef class Batch:
    """The rows, the memory of a pass and the team of runs that share every pass.

    Parameters
    ----------
    problem : Problem
    starts : ndarray of shape (k, n_parameters)
        First weights; runs choose among them.
    n_runs : int
        Runs at most.
    gram : bool
        Whether to run in Gram space.
    scaled : bool
        Whether some runs have rules that are adaptive, whose gradients are in the log domain.
    rows : Rows
        Of the problem; several batches may have the same.
    held_out : Rows or None
        Held-out rows, of which only the loss is looked at.
    n_threads : int or None
    """

    def __cinit__(self, problem, const double[:, ::1] starts, Py_ssize_t n_runs, bint gram,
                  bint scaled, Rows rows, Rows held_out, n_threads):
        cdef batch_t* b = &self.state
        cdef pass_t* p = &b.row_pass
        cdef const rows_t* view
        cdef Py_ssize_t n = problem.n, d = problem.d, padded, size, parts
        self.lock = threading.RLock()
        self.rows = rows
        self.starts = np.asarray(starts)
        view = &self.rows.view
        if gram:
            threads = choose_threads(n_threads, n, d, chunk_count(n, d))
            moved = np.asarray(starts)[:, :d]
            self.gram = GramSpace(self.rows, moved[moved.any(axis=1)], problem.radius, threads)
            view = &self.gram.view
            n = d = self.gram.size
        self.size = d
        b.reach = problem.reach
        b.n_terms = problem.model.n_terms(problem.d + problem.fit_intercept)
        b.n_terms += d if gram else 0
        b.offset = problem.model.offset
        if problem.is_multi:
            self._make_multi(problem, scaled, n_threads)
            if held_out is not None:
                self._look_at(held_out, problem.model.columns)
            return
        self.n_threads = choose_threads(
            n_threads, n, row_length(&view.X), pass_chunks(INDEPENDENT, &view.X, 1), n_runs)
        padded = padded_rows(n) if gram else 0
        self.memory = aligned_empty(n_runs * (2 * d + 1 + 2 * padded)
                                    + pass_size(INDEPENDENT, view, n_runs, self.n_threads))
        self.runs = np.empty(n_runs, np.uintp)
        b.runs = <run_t**> &self.runs[0]
        b.n_weights = d
        b.n_parameters = d + problem.fit_intercept
        b.weights = &self.memory[0]
        b.gradients = b.weights + n_runs * d
        b.intercepts = b.gradients + n_runs * d
        lay_out_pass(p, INDEPENDENT, view, n_runs, b.intercepts + n_runs * (1 + 2 * padded))
        p.weights = b.weights
        p.intercepts = b.intercepts
        p.loss = native_loss(problem.loss)
        if scaled:
            self._make_log_sums(n_runs)
            b.in_log_domain = &self.in_log_domain[0]
        if gram:
            b.gram_scale = self.gram.scale
            p.scores = b.intercepts + n_runs
            p.row_gradients = p.scores + n_runs * padded
        if held_out is not None:
            self._look_at(held_out, n_runs)

    cdef _make_multi(self, problem, bint scaled, n_threads):
        """Room for one run of several columns; without factors the pass reads its weights."""
        cdef batch_t* b = &self.state
        cdef pass_t* p = &b.row_pass
        cdef rows_t* view = &self.rows.view
        cdef Py_ssize_t n = problem.n, d = problem.d, k = problem.model.columns
        cdef Py_ssize_t copied = 0 if problem.scale is None else k * (d + 1)
        cdef model_t model = NETWORK if isinstance(problem.model, TwoLayer) else SOFTMAX
        b.columns = k
        b.n_weights = k * d
        b.n_parameters = k * (d + problem.fit_intercept)
        self.size = k * d - 1 if model == NETWORK else k * (d + 1) - 1
        self.n_threads = choose_threads(
            n_threads, n, row_length(&view.X), pass_chunks(model, &view.X, k), k)
        self.memory = aligned_empty(copied + pass_size(model, view, k, self.n_threads))
        self.runs = np.empty(1, np.uintp)
        b.runs = <run_t**> &self.runs[0]
        lay_out_pass(p, model, view, k, &self.memory[copied])
        if copied > 0:                          # the run's own weights are not those of x
            self.read_from(&self.memory[0])
        p.loss = native_loss(problem.loss)
        if scaled:
            self._make_log_sums(k)
        if model == NETWORK:
            p.activation = SOFTPLUS if problem.model.slope is None else PIECEWISE_LINEAR
            p.slope = problem.model.slope or 0.0
            p.scale = problem.model.scale

    cdef read_from(self, double* parameters):
        """Have the passes of a joint run read these weights, with their intercepts behind them."""
        cdef batch_t* b = &self.state
        b.weights, b.intercepts = parameters, parameters + b.n_weights
        b.row_pass.weights = b.validation.weights = b.weights
        b.row_pass.intercepts = b.validation.intercepts = b.intercepts

    cdef _make_log_sums(self, Py_ssize_t k):
        """Room for what a pass of k columns sums in the log domain."""
        cdef pass_t* p = &self.state.row_pass
        self.log_sums_memory = aligned_empty(p.n_chunks * k * (sizeof(log_sums_t) // sizeof(double)))
        self.in_log_domain = np.ones(k, np.intc)
        p.log_sums = <log_sums_t*> &self.log_sums_memory[0]
        p.in_log_domain = &self.in_log_domain[0]

    cdef _look_at(self, Rows held_out, Py_ssize_t k):
        cdef pass_t* p = &self.state.row_pass
        cdef pass_t* v = &self.state.validation
        self.held_out = held_out.view if self.gram is None else self.gram.image(held_out)
        self.held_out.fit_intercept = self.rows.view.fit_intercept
        self.validation_memory = aligned_empty(
            pass_size(p.model, &self.held_out, k, self.n_threads))
        self.held_out_rows = held_out
        lay_out_pass(v, p.model, &self.held_out, k, &self.validation_memory[0])
        v.activation, v.slope, v.scale = p.activation, p.slope, p.scale
        v.gradient = False
        v.loss = self.state.row_pass.loss
        v.weights = self.state.weights
        v.intercepts = self.state.intercepts

    cdef first_parameters(self, Py_ssize_t start):
        """Parameters (size + 1,) of the first weights number `start`, the intercept last."""
        parameters = np.zeros(self.size + 1)
        first = self.starts[start]
        d = self.rows.view.X.d
        if self.state.columns > 0:
            parameters[:len(first)] = first         # (d [+ 1], k): the intercepts are in place
            first_weights = np.array(parameters[:self.state.n_weights])
            pack_multi(first_weights, parameters, self.state.columns, self.rows)
            return parameters
        parameters[self.size] = first[d] if len(first) > d else 0.0
        if self.gram is None:
            parameters[:d] = self.rows.permute(first[:d])
        elif first[:d].any():
            row = np.count_nonzero(self.starts[:start, :d].any(axis=1))
            parameters[:self.size] = self.gram.first_coefficients(row)
        return parameters

    cdef intercepts(self, const double[::1] parameters):
        """The intercept, 0.0 where none is fitted; of softmax (k,)."""
        if self.state.row_pass.model == SOFTMAX:
            return np.array(parameters[self.state.n_weights:])
        return 0.0 if self.state.row_pass.model == NETWORK else parameters[self.size]

    cdef weights(self, const double[::1] parameters):
        """The weights (d,) that parameters (size + 1,) stand for; of a joint run (d, k)."""
        cdef Py_ssize_t d = self.rows.view.X.d, k = self.state.columns
        cdef double[:, ::1] w
        if k > 0:
            w = np.empty((d, k))
            unpack_columns(&parameters[0], d, k, feature_order(&self.rows.view), &w[0, 0])
            return np.asarray(w)
        if self.gram is not None:
            return self.gram.weights(parameters[:self.size])
        weights = np.array(parameters[:self.size])
        if self.rows.order is not None:
            weights[self.rows.order] = parameters[:self.size]
        return weights

    cdef advance(self, list states, Py_ssize_t target, bint measure_target, bint gradient):
        """Advance runs that have taken equally many steps, see `advance` in loop.pxd."""
        cdef batch_t* b = &self.state
        cdef RunState state
        cdef list errors = []
        cdef Py_ssize_t i
        cdef int n_threads
        for i, state in enumerate(states):
            state.make_room(target)
            b.runs[i] = &state.run
        b.n_runs = len(states)
        b.row_pass.gradient = gradient
        b.target = target
        b.measure_target = measure_target
        in_main = threading.current_thread() is threading.main_thread()
        b.errors = <void*> errors if in_main else NULL
        # a child of fork may not have the threads that its parent had
        n_threads = self.n_threads if may_run_parallel() else 1
        with nogil:
            advance(b, n_threads)
        b.n_runs = 0
        if errors:
            raise errors[0]
