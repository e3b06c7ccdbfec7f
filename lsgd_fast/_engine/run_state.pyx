"""One run of a batch: the state that the loop works on, and the arrays that it points into."""

import numpy as np

from libc.math cimport INFINITY, NAN, isnan
from libc.string cimport memset

from lsgd_fast._engine.average cimport Average
from lsgd_fast._engine.monitor cimport current_drift, monitor_t, monitored_t, start_monitor
from lsgd_fast._engine.rules cimport (ADGD, ANYTIME, ARMIJO, BARZILAI_BORWEIN, CONSTANT,
                                      DUAL_MOMENTUM, HEIGHTS, INVERSE_LOSS, NESTEROV,
                                      NORMALIZED_GRADIENT, POLYAK, RISK_ADAPTIVE, SCHEDULE, SILVER,
                                      TYURIN, rule_kind_t, rule_state_t, rule_t)
from lsgd_fast._engine.state cimport (CALLBACK, CYCLING, DISTANCE, DIVERGED, ERROR_RATE, GOING_ON,
                                      GRADIENT_NORM, GRADIENT_REACHED, LN_LOSS, LOSS,
                                      LOSS_REACHED, MEASURED, MIN_MARGIN, N_COLUMNS, NOTHING,
                                      OUT_OF_PATIENCE, OUT_OF_TIME, SEPARATED, STEP, STEPSIZE,
                                      UNSTABLE, VALIDATION_ERROR_RATE, VALIDATION_LOSS,
                                      WEIGHT_NORM, ZERO_LOSS, counters_t, is_zero, run_t,
                                      validation_t)

from lsgd_fast import stepsizes
from lsgd_fast._constants import EPSILON, GLL_WINDOW
from lsgd_fast._inputs.requests import COLUMNS
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.diagnostics import Diagnostics, largest_curvature, sharpness_bound

# The names of what the loop numbers.
COLUMN_NUMBERS = {
    "step": STEP, "loss": LOSS, "ln_loss": LN_LOSS, "error_rate": ERROR_RATE,
    "min_margin": MIN_MARGIN, "gradient_norm": GRADIENT_NORM, "weight_norm": WEIGHT_NORM,
    "stepsize": STEPSIZE, "validation_loss": VALIDATION_LOSS,
    "validation_error_rate": VALIDATION_ERROR_RATE, "distance": DISTANCE,
}
REASONS = {
    GOING_ON: StopReason.n_steps, DIVERGED: StopReason.diverged, LOSS_REACHED: StopReason.loss,
    GRADIENT_REACHED: StopReason.gradient_norm, SEPARATED: StopReason.separated,
    UNSTABLE: StopReason.unstable_steps, OUT_OF_TIME: StopReason.seconds,
    CALLBACK: StopReason.callback, OUT_OF_PATIENCE: StopReason.validation_patience,
    CYCLING: StopReason.cycling, ZERO_LOSS: StopReason.zero_loss,
}
REASON_NUMBERS = {reason: number for number, reason in REASONS.items()} | {None: GOING_ON}
RULE_KINDS = {
    stepsizes.Constant: CONSTANT, stepsizes.Schedule: SCHEDULE, stepsizes.Silver: SILVER,
    stepsizes.Anytime: ANYTIME, stepsizes.RiskAdaptive: RISK_ADAPTIVE,
    stepsizes.InverseLoss: INVERSE_LOSS, stepsizes.Tyurin: TYURIN,
    stepsizes.NormalizedGradient: NORMALIZED_GRADIENT, stepsizes.Polyak: POLYAK,
    stepsizes.AdGD: ADGD, stepsizes.BarzilaiBorwein: BARZILAI_BORWEIN,
    stepsizes.Nesterov: NESTEROV, stepsizes.DualMomentum: DUAL_MOMENTUM,
    stepsizes.Armijo: ARMIJO,
}
assert set(COLUMN_NUMBERS) == set(COLUMNS) and HEIGHTS == GLL_WINDOW

cdef Py_ssize_t NEVER = np.iinfo(np.intp).max       # a step that no run reaches


cdef class RunState:
    """One run of a batch: the state that the loop works on, and the arrays that it points into.

    Parameters
    ----------
    request : DescentRequest
    first : ndarray of shape (size + 1,)
        The first parameters, see `Batch.first_parameters`.
    gram_factor : float
        `GramSpace.scale`; 0 outside Gram space.
    """

    def __cinit__(self, request, const double[::1] first, double gram_factor):
        cdef run_t* r = &self.run
        cdef Py_ssize_t i
        problem, rule, options = request.problem, request.rule, request.options
        self.problem, self.rule = problem, rule
        self._lay_out(first, gram_factor)
        self._set_rule()
        self._set_conditions(request.stop)
        if options.average:
            self.average = Average(first.shape[0])
            r.sums, r.errors = &self.average.sums[0, 0], &self.average.sums[1, 0]
        start_monitor(&r.monitor)
        r.l2 = problem.l2
        r.certificate = INFINITY
        if r.l2 == 0.0 and isinstance(rule, stepsizes.Constant) and problem.is_plain:
            r.certificate = rule.eta * problem.radius * problem.radius
        r.counters = counters_t(NAN, 0, -1, -1, -1)
        r.validation = validation_t(INFINITY, -1, -1, 0)
        for i in range(N_COLUMNS):
            r.now[i] = NAN
        r.n_columns = len(options.record)
        for i, name in enumerate(options.record):
            r.columns[i] = COLUMN_NUMBERS[name]
        r.record_every = options.record_every
        self.trace = np.empty((0, r.n_columns))

    cdef _lay_out(self, const double[::1] first, double gram_factor):
        """Allocate the vectors of the run, of its monitor and of its rule."""
        cdef run_t* r = &self.run
        cdef monitored_t* v = &r.monitored
        cdef Py_ssize_t size = first.shape[0] - 1
        cdef bint gram = gram_factor != 0.0
        cdef bint is_network = self.problem.model.name == "network"
        self.n_kept = (N_GRAM_STATE_ROWS if gram
                       else (N_NETWORK_ROWS if is_network else N_ROWS) + self.rule.n_vectors)
        self.parameters = np.zeros((N_GRAM_ROWS if gram else self.n_kept, size + 1))
        self.parameters[W_ROW, :] = first
        r.w = v.w = v.image = &self.parameters[W_ROW, 0]
        r.gradient = r.direction = &self.parameters[GRADIENT_ROW, 0]
        r.separating = &self.parameters[SEPARATING_ROW, 0]
        r.best = &self.parameters[BEST_ROW, 0]
        v.first = v.image_first = &self.parameters[FIRST_ROW, 0]
        r.origin = NULL
        v.size = size
        if is_network:          # its drift would mean nothing: the monitor measures one entry, 0
            self.parameters[FIRST_ROW, :] = first
            r.origin = &self.parameters[FIRST_ROW, 0]
            self.unmonitored = np.zeros((4, 1))
            v.w = v.image = &self.unmonitored[0, 0]
            v.first = v.image_first = &self.unmonitored[1, 0]
            v.sum = v.image_sum = &self.unmonitored[2, 0]
            v.mean = v.image_mean = &self.unmonitored[3, 0]
            v.size = 0
        else:
            v.sum = v.image_sum = &self.parameters[SUM_ROW, 0]
            v.mean = v.image_mean = &self.parameters[MEAN_ROW, 0]
        if gram:
            v.image_first = &self.parameters[IMAGE_FIRST_ROW, 0]
            v.image_sum = &self.parameters[IMAGE_SUM_ROW, 0]
            v.image_mean = &self.parameters[IMAGE_MEAN_ROW, 0]
            v.image = &self.parameters[IMAGE_ROW, 0]
            r.direction = &self.parameters[DIRECTION_ROW, 0]
        v.unit = gram_factor ** 0.5 if gram else 1.0
        v.l2 = self.problem.l2
        v.rounding = self.problem.n + self.problem.d + self.problem.model.columns - 1
        v.epsilon = EPSILON

    cdef _set_conditions(self, stop):
        """Set the stop conditions; one that is not given has a value that no run reaches."""
        cdef run_t* r = &self.run
        r.limits.loss = -1.0 if stop.loss is None else stop.loss
        r.limits.gradient_norm = -1.0 if stop.gradient_norm is None else stop.gradient_norm
        r.limits.seconds = INFINITY if stop.seconds is None else stop.seconds
        r.limits.separated = stop.separated
        r.limits.unstable_steps = NEVER if stop.unstable_steps is None else stop.unstable_steps
        r.limits.patience = (NEVER if stop.validation_patience is None
                             else stop.validation_patience)

    cdef _set_rule(self):
        """Set up the stepsize rule; its vectors are the last rows of the parameters."""
        cdef rule_t* r = &self.run.rule
        rule, problem = self.rule, self.problem
        self.values = np.array(stepsizes.known_values(rule, problem) or [0.0])
        r.kind = <rule_kind_t> <int> RULE_KINDS[type(rule)]
        r.in_log_domain = rule.adaptive
        r.eta = stepsizes.eta_of(rule, problem)
        r.values = &self.values[0]
        r.n_values = self.values.shape[0]
        r.smoothness = stepsizes.smoothness_bound(problem)
        r.radius, r.l2 = problem.margin_slope, problem.l2
        r.state.stepsize = r.eta if isinstance(rule, stepsizes.Constant) else 0.0
        r.state.bound = INFINITY
        self.run.rule_gradient.vector = self.run.gradient
        if rule.n_vectors == 1:
            r.kept = &self.parameters[self.n_kept - 1, 0]
        elif rule.n_vectors == 2:
            r.weights = &self.parameters[self.n_kept - 2, 0]
            r.gradient = &self.parameters[self.n_kept - 1, 0]

    cdef bint needs_gradient(self):
        """Whether a condition needs the gradient at the last weights, too."""
        return self.run.limits.gradient_norm >= 0.0

    cdef reserve(self, Py_ssize_t target):
        """Allocate memory for the rows of the trace up to step `target`."""
        cdef run_t* r = &self.run
        cdef Py_ssize_t n_rows = r.n_rows + (target - r.step) // r.record_every + 1
        if n_rows > self.trace.shape[0] and target > r.step:
            trace = np.empty((max(n_rows, 2 * self.trace.shape[0]), r.n_columns))
            trace[:r.n_rows] = np.asarray(self.trace)[:r.n_rows]
            self.trace = trace
        r.trace = &self.trace[0, 0] if self.trace.shape[0] else NULL

    cdef double[::1] monitor_view(self):
        """The state of the monitor as an array that shares its memory."""
        cdef Py_ssize_t size = sizeof(monitor_t) // sizeof(double)
        return <double[:size]> <double*> &self.run.monitor

    cdef double[::1] rule_view(self):
        """The state of the rule as an array that shares its memory."""
        cdef Py_ssize_t size = sizeof(rule_state_t) // sizeof(double)
        return <double[:size]> <double*> &self.run.rule.state

    cdef stop_reason(self):
        """Why the run has ended; None while it goes on."""
        return REASONS[self.run.reason] if self.run.reason != GOING_ON else None

    cdef trace_rows(self):
        """The rows of the trace, the latest measurement last."""
        cdef run_t* r = &self.run
        rows = np.empty((r.n_rows + 1, r.n_columns))
        rows[:r.n_rows] = self.trace[:r.n_rows]
        now = np.array(<double[:N_COLUMNS]> r.now)
        if r.reason == GOING_ON and not self.needs_gradient():
            now[GRADIENT_NORM] = NAN        # also where it was computed for a callback
        rows[r.n_rows] = now[list(<int[:r.n_columns]> r.columns)]
        return rows

    cdef diagnostics(self):
        """The diagnostics of the monitor, see reference/_monitor.py."""
        cdef run_t* r = &self.run
        cdef counters_t* c = &r.counters
        cdef monitor_t* m = &r.monitor
        penalised = r.l2 > 0.0
        both = m.window.start > m.last.start
        problem, loss = self.problem, self.problem.loss
        curvature = largest_curvature(loss, r.now[LOSS])
        is_linear = problem.model.name != "network"     # drift and curvature mean nothing for one
        drift = m.drift if penalised else current_drift(m, &r.monitored)
        largest = stepsizes.largest(self.rule, problem)
        return Diagnostics(
            n_steps=r.step,
            penalised=penalised,
            diverged=r.reason == DIVERGED,
            separated_at=known_step(c.separated_at),
            certified_at=known_step(c.certified_at),
            is_small=is_linear and sharpness_bound(largest, loss.curvature, problem) <= 2.0,
            sharpness=(sharpness_bound(r.rule.state.stepsize, curvature, problem) if is_linear
                       else INFINITY),
            is_at_rest=m.gradient_norm == 0.0,
            n_increases=int(m.n_increases),
            last_increase=int(m.last_increase),
            largest_increase=m.largest_increase,
            window=int(m.last.start),
            window_increases=int(m.window.n_increases + both * m.last.n_increases),
            low=min(m.last.low, m.window.low),
            high=max(m.last.high, m.window.high),
            fall=m.last.objective - m.objective,
            promise=m.window.promise + both * m.last.promise,
            earlier_promise=m.earlier_promise,
            drift=drift if is_linear else INFINITY,
            curvature=loss.curvature,
            is_covered=isinstance(self.rule, stepsizes.Constant) and problem.is_covered,
            model=problem.model.name,
            is_zero=not penalised and is_zero(r),
        )

    # --- checkpoints ------------------------------------------------------------------------------

    cdef counters(self):
        """The counters of a `Checkpoint` by name."""
        cdef run_t* r = &self.run
        return {
            "n_increases": r.counters.n_increases,
            "last_increase": r.counters.last_increase,
            "separated_at": r.counters.separated_at,
            "certified_at": r.counters.certified_at,
            "best_step": r.validation.best_step,
            "last_step": r.validation.last_step,
            "waited": r.validation.waited,
        }

    cdef arrays(self):
        """The arrays of a `Checkpoint` by name, copies."""
        cdef run_t* r = &self.run
        average = {} if self.average is None else {"average": np.array(self.average.sums)}
        return average | {
            "monitor": np.array(self.monitor_view()),
            "rule": np.array(self.rule_view()),
            "parameters": np.array(self.parameters[:self.n_kept]),
            "trace": np.array(self.trace[:r.n_rows]),
            "now": np.array([r.now[<int> COLUMN_NUMBERS[name]] for name in COLUMNS]),
        }

    cdef restore(self, path, checkpoint):
        """Become the run of a checkpoint; ValueError naming `path` if it does not fit."""
        cdef run_t* r = &self.run
        cdef counters_t* c = &r.counters
        shape = (self.n_kept, self.parameters.shape[1])
        checkpoint.check_fit(path, shape, STATE_NAMES, REASON_NUMBERS)
        r.step = checkpoint.step
        r.seconds = checkpoint.seconds
        r.known = MEASURED if checkpoint.measured else NOTHING
        r.reason = REASON_NUMBERS[checkpoint.reason]
        counters = checkpoint.counters
        c.n_increases, c.last_increase = counters["n_increases"], counters["last_increase"]
        c.separated_at, c.certified_at = counters["separated_at"], counters["certified_at"]
        r.validation = validation_t(checkpoint.best_loss, counters["best_step"],
                                    counters["last_step"], counters["waited"])
        for view, name in ((self.monitor_view(), "monitor"), (self.rule_view(), "rule")):
            state = checkpoint.state(name)
            np.asarray(view)[:] = [state[member] for member in STATE_NAMES[name]]
        np.asarray(self.parameters)[:self.n_kept] = checkpoint.arrays["parameters"]
        if self.average is not None:
            np.asarray(self.average.sums)[:] = checkpoint.arrays["average"]
        self.trace = checkpoint.arrays["trace"]
        r.n_rows = self.trace.shape[0]
        for name, value in zip(COLUMNS, checkpoint.arrays["now"]):
            r.now[<int> COLUMN_NUMBERS[name]] = value
        c.loss = r.now[LOSS]
        r.closing = (r.reason != GOING_ON and checkpoint.validation_digest is not None
                     and isnan(r.now[VALIDATION_LOSS]))     # its last pass was interrupted


cdef known_step(Py_ssize_t step):
    """A step of the counters, None where it is -1."""
    return step if step >= 0 else None


cdef list member_names(state):
    """The names of the members of a struct that is given as a dict; "a.b" for nested ones."""
    names = []
    for name, value in state.items():
        if isinstance(value, list):
            value = dict(enumerate(value))
        names += ([f"{name}.{member}" for member in member_names(value)]
                  if isinstance(value, dict) else [str(name)])
    return names


cdef state_names():
    """The members of the states that are saved as arrays of doubles."""
    cdef monitor_t monitor
    cdef rule_state_t rule
    start_monitor(&monitor)
    memset(&rule, 0, sizeof(rule_state_t))
    names = {"monitor": tuple(member_names(monitor)), "rule": tuple(member_names(rule))}
    assert len(names["monitor"]) == sizeof(monitor_t) // sizeof(double)
    assert len(names["rule"]) == sizeof(rule_state_t) // sizeof(double)
    return names


STATE_NAMES = state_names()


def vectors_of_run(bint gram):
    """Return how many vectors a run with a constant stepsize allocates."""
    return N_GRAM_ROWS if gram else N_ROWS
