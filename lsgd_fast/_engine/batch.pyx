"""Runs that share every pass over X: the rows, the memory of a pass, the first weights."""

import math
import threading

import numpy as np

from lsgd_fast._core.clock cimport clock
from lsgd_fast._core.layout cimport (feature_order, lay_out_pass, leaf_count, pack_columns,
                                     pass_size, row_length, unpack_columns)
from lsgd_fast._core.pass_types cimport (EXPONENTIAL_LOSS, FLATTENED_EXPONENTIAL_LOSS,
                                         FLATTENED_POLYNOMIAL_LOSS, INDEPENDENT, LOGISTIC_LOSS,
                                         NETWORK, PIECEWISE_LINEAR, RENYI_2_LOSS, SEMI_CIRCLE_LOSS,
                                         SOFTMAX, SOFTPLUS, TSALLIS_LOSS, loss_kind_t, loss_t,
                                         model_t, padded_rows, pass_t)
from lsgd_fast._core.team cimport share_t
from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.gradient_search cimport GradientSearch
from lsgd_fast._engine.gram cimport GramSpace
from lsgd_fast._engine.loop cimport advance
from lsgd_fast._engine.run_state cimport GRADIENT_ROW, RunState
from lsgd_fast._engine.state cimport GOING_ON, batch_t, run_t

from lsgd_fast import losses
from lsgd_fast._core.threads import choose_threads
from lsgd_fast._engine.dataset import aligned_empty, row_leaves
from lsgd_fast._engine.exchange import exchange_of
from lsgd_fast._engine.run_state import vectors_of_run
from lsgd_fast._inputs.models import TwoLayer

LOSS_KINDS = {
    losses.Logistic: LOGISTIC_LOSS, losses.Exponential: EXPONENTIAL_LOSS,
    losses.FlattenedExponential: FLATTENED_EXPONENTIAL_LOSS,
    losses.FlattenedPolynomial: FLATTENED_POLYNOMIAL_LOSS,
    losses.Tsallis: TSALLIS_LOSS, losses.Renyi2: RENYI_2_LOSS,
    losses.SemiCircle: SEMI_CIRCLE_LOSS,
    losses.Softmax: LOGISTIC_LOSS,      # of the margin between one class and the others
}

cdef enum:
    PASS_VECTORS = 2            # of a run: weights and gradient as the pass packs them, ...
    GRAM_PASS_VECTORS = 2       # ... in Gram space the scores and the row gradients as well


cdef loss_t native_loss(loss):
    a = getattr(loss, "a", getattr(loss, "q", 1.0))
    return loss_t(<loss_kind_t> <int> LOSS_KINDS[type(loss)], a, math.log(a))


def vectors_of_batch(bint gram, bint multi=False):
    """Return how many vectors a run with a constant stepsize and its pass take.

    With several columns of weights the pass reads and writes those of the run.
    """
    if multi:
        return vectors_of_run(gram)
    return vectors_of_run(gram) + PASS_VECTORS + (GRAM_PASS_VECTORS if gram else 0)


cdef pack_multi(const double[::1] w, double[::1] parameters, Py_ssize_t k, Rows rows):
    pack_columns(&w[0], rows.view.X.d, k, feature_order(&rows.view), &parameters[0])


cdef class Batch:
    """Runs that share every pass over X: the rows, the memory of a pass, the first weights.

    Parameters
    ----------
    problem : Problem
    starts : ndarray of shape (k, n_parameters)
        First weights of runs, see `new_run`.
    n_runs : int
        Largest number of runs.
    gram : bool
        Whether to run in Gram space.
    log_domain : bool
        Whether some runs have adaptive rules, whose gradients are in the log domain.
    rows : Rows
        The rows of the problem, which several batches may share.
    held_out : Rows or None
        Held-out rows, whose loss is measured.
    n_threads : int or None
    """

    def __cinit__(self, problem, const double[:, ::1] starts, Py_ssize_t n_runs, bint gram,
                  bint log_domain, Rows rows, Rows held_out, n_threads):
        cdef batch_t* b = &self.state
        cdef pass_t* p = &b.row_pass
        cdef const rows_t* view
        cdef Py_ssize_t n = len(problem.X), d = problem.d, padded
        self.lock = threading.RLock()
        self.rows = rows
        self.starts = np.asarray(starts)
        view = &self.rows.view
        if gram:
            threads = choose_threads(n_threads, n, d, row_leaves(n, d))
            moved = np.asarray(starts)[:, :d]
            self.gram = GramSpace(self.rows, moved[moved.any(axis=1)], problem.radius, threads)
            view = &self.gram.view
            n = d = self.gram.size
        self.size = d
        b.reach = problem.reach
        b.n_terms = problem.model.n_terms(problem.d + problem.fit_intercept)
        b.n_terms += d if gram else 0
        b.at_zero, b.offset = problem.model.at_zero, problem.largest_offset
        if problem.is_multi:
            self._lay_out_multi(problem, log_domain, n_threads)
            if held_out is not None:
                self._add_validation(held_out, problem.model.columns)
            self._add_shares(problem)
            return
        self.n_threads = choose_threads(
            n_threads, n, row_length(&view.X), leaf_count(INDEPENDENT, &view.X, 1), n_runs)
        padded = padded_rows(n) if gram else 0
        self.memory = aligned_empty(
            n_runs * (PASS_VECTORS * d + 1 + GRAM_PASS_VECTORS * padded)
            + pass_size(INDEPENDENT, view, n_runs, self.n_threads))
        self.runs = np.empty(n_runs, np.uintp)
        b.runs = <run_t**> &self.runs[0]
        b.n_weights = d
        b.n_parameters = d + problem.fit_intercept
        b.weights = &self.memory[0]
        b.gradients = b.weights + n_runs * d
        b.intercepts = b.gradients + n_runs * d
        lay_out_pass(p, INDEPENDENT, view, n_runs, self.n_threads,
                     b.intercepts + n_runs * (1 + GRAM_PASS_VECTORS * padded))
        p.weights = b.weights
        p.intercepts = b.intercepts
        p.loss = native_loss(problem.loss)
        if log_domain:
            self._use_log_domain(n_runs)
            b.in_log_domain = &self.in_log_domain[0]
        if gram:
            b.gram_factor = self.gram.factor
            p.scores = b.intercepts + n_runs
            p.row_gradients = p.scores + n_runs * padded
        if held_out is not None:
            self._add_validation(held_out, n_runs)
        self._add_shares(problem)

    cdef _lay_out_multi(self, problem, bint log_domain, n_threads):
        """Allocate for one run of several columns; a pass reads its weights unless X is scaled."""
        cdef batch_t* b = &self.state
        cdef pass_t* p = &b.row_pass
        cdef rows_t* view = &self.rows.view
        cdef Py_ssize_t n = len(problem.X), d = problem.d, k = problem.model.columns
        cdef Py_ssize_t copied = 0 if problem.scale is None else k * (d + 1)
        cdef model_t model = NETWORK if isinstance(problem.model, TwoLayer) else SOFTMAX
        b.columns = k
        b.n_weights = k * d
        b.n_parameters = k * (d + problem.fit_intercept)
        self.size = k * d - 1 if model == NETWORK else k * (d + 1) - 1
        self.n_threads = choose_threads(
            n_threads, n, row_length(&view.X), leaf_count(model, &view.X, k), k)
        self.memory = aligned_empty(copied + pass_size(model, view, k, self.n_threads))
        self.runs = np.empty(1, np.uintp)
        b.runs = <run_t**> &self.runs[0]
        lay_out_pass(p, model, view, k, self.n_threads, &self.memory[copied])
        if copied > 0:                          # the weights of x are not the run's own
            self._read_from(&self.memory[0])
        p.loss = native_loss(problem.loss)
        if log_domain:
            self._use_log_domain(k)
        if model == NETWORK:
            p.activation = SOFTPLUS if problem.model.slope is None else PIECEWISE_LINEAR
            p.slope = problem.model.slope or 0.0
            p.output_factor = problem.model.output_factor

    cdef _add_shares(self, problem):
        """Allocate for the shares of the threads, a line of the cache each, and of the ranks."""
        cdef batch_t* b = &self.state
        self.exchange = exchange_of(problem)
        if self.exchange is not None:
            self.exchange.lay_out(&b.row_pass)
            b.exchange = &self.exchange.state
        self.shares_memory = aligned_empty(2 * self.n_threads * sizeof(share_t), np.uint8)
        b.shares = <share_t*> &self.shares_memory[0]
        b.validation_shares = b.shares + self.n_threads

    cdef _read_from(self, double* parameters):
        """Let passes read the weights of several columns here, followed by their intercepts."""
        cdef batch_t* b = &self.state
        b.weights, b.intercepts = parameters, parameters + b.n_weights
        b.row_pass.weights = b.validation.weights = b.weights
        b.row_pass.intercepts = b.validation.intercepts = b.intercepts

    cdef _use_log_domain(self, Py_ssize_t k):
        """Let all of k columns be in the log domain."""
        self.in_log_domain = np.ones(k, np.intc)
        self.state.row_pass.in_log_domain = &self.in_log_domain[0]

    cdef _add_validation(self, Rows held_out, Py_ssize_t k):
        """Set up the forward pass over held-out rows."""
        cdef pass_t* p = &self.state.row_pass
        cdef pass_t* v = &self.state.validation
        self.held_out = held_out.view if self.gram is None else self.gram.image(held_out)
        self.held_out.fit_intercept = self.rows.view.fit_intercept
        self.validation_memory = aligned_empty(
            pass_size(p.model, &self.held_out, k, self.n_threads))
        self.held_out_rows = held_out
        lay_out_pass(v, p.model, &self.held_out, k, self.n_threads, &self.validation_memory[0])
        v.activation, v.slope, v.output_factor = p.activation, p.slope, p.output_factor
        v.gradient = False
        v.loss = self.state.row_pass.loss
        v.weights = self.state.weights
        v.intercepts = self.state.intercepts

    cdef RunState new_run(self, Py_ssize_t start, request):
        """A run of a `DescentRequest` from the first weights number `start`; see `RunState`."""
        cdef batch_t* b = &self.state
        cdef RunState state = RunState(request, self.first_parameters(start), b.gram_factor)
        state.run.rule.loss = b.row_pass.loss
        if b.columns > 0:
            b.gradients = state.run.gradient
            self.reads_own = request.problem.scale is None
            if self.reads_own:
                self._read_from(state.run.w)
        if request.rule.searches:
            self.search = GradientSearch(self.rows, state, self.n_threads)
            self.search.listen(b)
        return state

    cdef first_parameters(self, Py_ssize_t start):
        """Parameters (size + 1,) of the first weights number `start`, the intercept last."""
        parameters = np.zeros(self.size + 1)
        first = self.starts[start]
        d = self.rows.view.X.d
        if self.state.columns > 0:
            parameters[:len(first)] = first         # (d [+ 1], k): the intercepts stay there
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
        """The intercept, 0.0 where none is fitted; (k,) with softmax."""
        if self.state.row_pass.model == SOFTMAX:
            return np.array(parameters[self.state.n_weights:])
        return 0.0 if self.state.row_pass.model == NETWORK else parameters[self.size]

    cdef weights(self, const double[::1] parameters):
        """The weights (d,) that parameters (size + 1,) stand for; (d, k) of several columns."""
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

    cdef check_idle(self):
        """RuntimeError during `advance`: a signal handler that runs there cannot start a pass."""
        if self.advancing or self.exchange is not None and self.exchange.ranks.is_handling:
            raise RuntimeError("this Descent is in the middle of a step: a signal handler may save "
                               "it, but step() and result() must wait until the handler is done")

    cdef double now(self):
        """The time, the same on all ranks: that of the latest step where there are several."""
        return clock() if self.exchange is None else self.exchange.state.clock

    cdef start_steps(self, Py_ssize_t target, place):
        """Let the ranks agree on the target, under the name of `place`, and on the time."""
        if self.exchange is not None:
            what = f"the run, by its number, and {place}"
            self.exchange.ranks.require_same(what, (int(self.exchange.state.number), target))
            self.exchange.state.clock = self.exchange.ranks.first(clock(), "the clock")

    cdef end_steps(self):
        """Let the ranks handle their last signals together."""
        if self.exchange is not None and any(self.exchange.ranks.gather(
                len(self.exchange.ranks.noted), "the last step")):
            self.exchange.ranks.run_handlers()

    cdef advance(self, list states, Py_ssize_t target, bint measure_target, bint gradient):
        """Advance runs that have taken equally many steps, see `advance` in loop.pxd."""
        if self.search is not None and (self.ends_by_search(states[0], target)
                                        or not measure_target):
            return
        self.make_passes(states, target, measure_target, gradient)

    cdef bint ends_by_search(self, RunState state, Py_ssize_t target) except -1:
        """Take the steps of a rule that searches; return whether the run ends before `target`."""
        cdef run_t* r = &state.run
        if r.reason != GOING_ON:
            return False
        while r.step < target:
            self.make_passes([state], r.step, True, True)
            if r.reason == GOING_ON:
                gradient = state.parameters[GRADIENT_ROW]
                direction = np.append(self.weights(gradient), self.intercepts(gradient))
                self.search.choose_stepsize(&self.state, direction[:self.state.n_parameters])
                self.make_passes([state], r.step + 1, False, True)
            if r.reason != GOING_ON:
                return True
        return False

    cdef make_passes(self, list states, Py_ssize_t target, bint measure_target,  # no-cython-lint
                     bint gradient):
        """Advance runs whose rules need no search, or by a step whose stepsize is known."""
        cdef batch_t* b = &self.state
        cdef RunState state
        cdef Py_ssize_t i
        for i, state in enumerate(states):
            state.reserve(target)
            b.runs[i] = &state.run
        b.target = target
        b.measure_target = measure_target
        self._advance(len(states), gradient)

    cdef measure_averages(self, list states):
        """Measure the means of the weights of runs, by one forward pass."""
        cdef batch_t* b = &self.state
        cdef RunState state
        cdef Py_ssize_t i
        for i, state in enumerate(states):
            b.runs[i] = state.average.begin(&state.run, b.n_parameters)
        if self.search is not None:
            self.search.pause(b)    # it may go on, with the scores of the weights
        if self.reads_own:
            self._read_from(b.runs[0].w)
        try:
            self._advance(len(states), False)
        finally:
            if self.reads_own:
                self._read_from((<RunState> states[0]).run.w)
            if self.search is not None:
                self.search.resume(b)

    cdef _advance(self, Py_ssize_t n_runs, bint gradient):      # no-cython-lint
        """Make passes until none of `batch_t.runs` needs another one."""
        cdef batch_t* b = &self.state
        b.n_runs = n_runs
        b.row_pass.gradient = gradient
        self.advancing = True
        try:
            advance(b, self.n_threads)
            while self.exchange is not None and self.exchange.settle():
                advance(b, self.n_threads)
        finally:
            self.advancing = False
            b.n_runs = 0
