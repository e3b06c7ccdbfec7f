"""Gradient descent in plain NumPy: one run, a sweep, Nesterov's method, a two-layer network."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from lsgd_fast import stepsizes
from lsgd_fast._checks import check_n_steps
from lsgd_fast._inputs.callbacks import closing, due_steps
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import (
    COLUMNS,
    DescentOptions,
    SweepOptions,
    TwoLayerOptions,
    check_descent,
)
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop, ends_run
from lsgd_fast._methods.numerics import is_increase, norm, separates
from lsgd_fast._results.iterate import Iterate
from lsgd_fast._results.predictions import Model
from lsgd_fast._results.run import Run
from lsgd_fast._results.sweep import Sweep
from lsgd_fast._results.trace import Trace
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._typing import (
    Activation,
    Callback,
    ColumnName,
    Count,
    FloatArray,
    Gram,
    LossLike,
    MarginLoss,
    Matrix,
    Real,
    RunState,
    Scale,
    Seed,
    Stepsize,
    Validation,
    Vector,
    Weights,
)
from lsgd_fast.losses import is_zero
from lsgd_fast.reference._mean import RunningMean
from lsgd_fast.reference._monitor import Monitor
from lsgd_fast.reference._passes import (
    GramRows,
    HeldOut,
    Measurement,
    NetworkRows,
    Rows,
    SoftmaxRows,
)
from lsgd_fast.reference._rules import StepRule
from lsgd_fast.stepsizes import check_nesterov

__all__ = [
    "gradient_descent",
    "nesterov_descent",
    "run_descent",
    "run_sweep",
    "stepsize_sweep",
    "two_layer_gradient_descent",
]


def gradient_descent(
    X: Matrix, y: Vector, stepsize: Stepsize, n_steps: Count, *, start: Weights | None = None,
    loss: LossLike = "logistic", sample_weight: Vector | None = None, offset: Vector | None = None,
    l2: Real = 0.0, fit_intercept: bool = False, center: Scale | None = None,
    scale: Scale | None = None, stop: Stop | None = None,
    record: Iterable[ColumnName] | None = None, record_every: Count = 1,
    validation: Validation | None = None, callback: Callback[RunState] | None = None,
    callback_every: Count | None = None, average: bool = False, gram: Gram = "auto",
    n_threads: Count | None = None,
) -> Run:  # fmt: skip
    """Run gradient descent and return a `Run`; see `lsgd_fast.gradient_descent`."""
    n_steps = check_n_steps(n_steps)
    rule = stepsizes.resolve(stepsize)
    stop = check_stop(stop, validation)
    options = DescentOptions(
        record=record, record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, average=average, gram=gram, n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale, n_threads=1,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return run_descent(check_descent(problem, rule, options, start=start, stop=stop), n_steps)


def run_descent(request: Any, n_steps: int) -> Run:
    """Return the `Run` of a `DescentRequest` after `n_steps` steps."""
    problem, rule, stop, options = request.problem, request.rule, request.stop, request.options
    record_every = options.record_every
    began = time.perf_counter()
    start = request.start
    rows = GramRows(problem, start) if request.gram else _rows(problem, rule.adaptive)
    held_out, trace, w = HeldOut(_rows(request.validation)), [], rows.first(start)
    counters, monitor = _Counters(problem, rule), Monitor(problem, rule)
    mean = RunningMean() if options.average else None
    step_rule, is_due = StepRule(rule, problem), due_steps(options.callback, options.callback_every)
    for t in range(n_steps + 1):
        now = rows.measure(w).settled(w)
        if mean is not None:
            mean.add(w)
        counters.update(t, rows.weights(w), now)
        monitor.observe(t, now)
        recorded = t % record_every == 0
        if recorded:
            held_out.count(t, rows.weights(w))
        reason = _stop_reason(stop, t, now, counters, monitor, held_out)
        if reason is None and is_due(t, t == n_steps):
            diagnostics = counters.diagnostics(t, monitor)
            state = _state(t, rows.weights(w), now, request, diagnostics, step_rule.bound)
            if ends_run(options.callback(state)):
                reason = StopReason.callback
        if reason is None and t == n_steps:
            reason = StopReason.n_steps
        if reason is None and _is_out_of_time(stop, began):
            reason = StopReason.seconds
        move = None if reason is not None else step_rule.plan(t, w, now)
        if reason is not None or recorded:
            measured = now.row(reason is StopReason.n_steps and stop.gradient_norm is None)
            loss_and_error = held_out.measure(rows.weights(w))
            stepsize = math.nan if move is None else move.stepsize
            trace.append((t, *measured, stepsize, *loss_and_error, now.distance))
        if reason is not None:
            break
        monitor.observe_step(rows.weights(w), now.norm, move)
        w = move.weights

    w = rows.weights(w)
    held_out.consider(t, w)
    columns = [COLUMNS.index(name) for name in options.record]
    weights, intercept = _parts(problem, w)
    best = held_out.best_weights
    return Run(
        weights=weights,
        intercept=intercept,
        trace=Trace.from_rows(np.array(trace, dtype=float)[:, columns], options.record, problem.l2),
        stop_reason=reason,
        n_steps=t,
        n_threads=1,
        seconds=time.perf_counter() - began,
        radius=problem.radius,
        **counters.of_run(t),
        best_at=held_out.best_at,
        best_weights=None if best is None else problem.shaped(best),
        diagnostics=counters.diagnostics(t, monitor, reason),
        model=Model.of(problem),
        largest_offset=problem.largest_offset,
        average=None if mean is None else _iterate(problem, rows, mean.value()),
    )


def _iterate(problem, rows, w):
    """Return parameters with what a pass measures there."""
    now = rows.measure(w).settled(w)
    weights, intercept = _parts(problem, rows.weights(w))
    return Iterate(weights, intercept, *now[:5])


def _rows(problem, log_domain=False):
    """Return the rows of a problem, for its model, or None."""
    if problem is None:
        return None
    if problem.is_multi:
        kind = {"softmax": SoftmaxRows, "network": NetworkRows}[problem.model.name]
        return kind(problem, log_domain)
    return Rows(problem, log_domain)


def _parts(problem, w):
    """Return weights and intercept of parameters."""
    w = problem.shaped(w)
    if problem.model.name == "softmax":
        return w[: problem.d], w[problem.d] if problem.fit_intercept else np.zeros(w.shape[1])
    return w[: problem.d], float(w[-1]) if problem.fit_intercept else 0.0


def stepsize_sweep(
    X: Matrix, y: Vector, stepsizes: Iterable[Stepsize], n_steps: Count, *,
    start: Weights | Sequence[Weights] | None = None, loss: LossLike = "logistic",
    sample_weight: Vector | None = None, offset: Vector | None = None,
    l2: Real | Sequence[Real] | FloatArray = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None,
    stop: Stop | Sequence[Stop | None] | None = None, record: Iterable[ColumnName] | None = None,
    record_every: Count = 1, validation: Validation | None = None,
    callback: Callback[RunState] | None = None, callback_every: Count | None = None,
    average: bool = False, gram: Gram = "auto", n_threads: Count | None = None,
) -> Sweep:  # fmt: skip
    """Run gradient descent once for each stepsize; see `lsgd_fast.stepsize_sweep`."""
    options = DescentOptions(
        record=record, record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, average=average, gram=gram, n_threads=n_threads,
    )  # fmt: skip
    options = SweepOptions(stepsizes, n_steps, options, l2=l2, stop=stop)
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, fit_intercept=fit_intercept, center=center,
        scale=scale, n_threads=1,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return run_sweep(options.for_problem(problem, start))


def run_sweep(request: Any) -> Sweep:
    """Return the `Sweep` of a `SweepRequest`, one run after another."""
    runs = [run_descent(descent, request.n_steps) for descent in request.descents]
    return Sweep(runs, request.stepsizes)


def nesterov_descent(
    X: Matrix, y: Vector, stepsize: Real | None = None, n_steps: Count = 1000, *,
    start: Weights | None = None, loss: LossLike = "logistic", sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None, stop: Stop | None = None,
    record: Iterable[ColumnName] | None = None, record_every: Count = 1,
    validation: Validation | None = None, callback: Callback[RunState] | None = None,
    callback_every: Count | None = None, average: bool = False, n_threads: Count | None = None,
) -> Run:  # fmt: skip
    """Run Nesterov's method and return a `Run`; see `lsgd_fast.nesterov_descent`."""
    return gradient_descent(
        X, y, check_nesterov(stepsize), n_steps, start=start, loss=loss,
        sample_weight=sample_weight, offset=offset, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale, stop=stop, record=record, record_every=record_every,
        validation=validation, callback=callback, callback_every=callback_every,
        average=average, n_threads=n_threads,
    )  # fmt: skip


def two_layer_gradient_descent(
    X: Matrix, y: Vector, stepsize: Stepsize, n_steps: Count, *, width: Count,
    activation: Activation = "relu", rng: Seed | None = None, start: Weights | None = None,
    loss: MarginLoss = "logistic", sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, stop: Stop | None = None,
    record: Iterable[ColumnName] | None = None, record_every: Count = 1,
    validation: Validation | None = None, callback: Callback[RunState] | None = None,
    callback_every: Count | None = None, average: bool = False, n_threads: Count | None = None,
) -> Run:  # fmt: skip
    """Train the first layer and return a `Run`; see `lsgd_fast.two_layer_gradient_descent`."""
    n_steps, rule = check_n_steps(n_steps), stepsizes.resolve(stepsize)
    stop = check_stop(stop, validation)
    network = TwoLayerOptions(width, activation, rng=rng, start=start, stop=stop)
    options = DescentOptions(
        record=record, record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, average=average, gram=False, n_threads=n_threads,
        of_network=True,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, n_threads=1
    ).with_offset(offset)
    with closing(callback):
        return run_descent(network.for_problem(problem, rule, options), n_steps)


@dataclass
class _Counters:
    """The counters of a run, updated at every step, recorded or not."""

    problem: Problem
    rule: stepsizes.Rule
    n_increases: int = 0
    last_increase: int = 0
    separated_at: int | None = None
    separating_weights: np.ndarray | None = None
    certified_at: int | None = None
    previous: Measurement | None = None

    def update(self, t, w, now):
        problem, radius = self.problem, self.problem.radius
        before = self.previous
        if t > 0 and is_increase(now.loss, now.ln_loss, before.loss, before.ln_loss):
            self.n_increases += 1
            self.last_increase = t
        if self.separated_at is None and self._separates(now.min_margin, norm(w)):
            self.separated_at = t
            if problem.model.name != "network":  # whose margins do not separate the data
                self.separating_weights = problem.shaped(w.copy())
        claimed = isinstance(self.rule, stepsizes.Constant) and problem.l2 == 0.0
        if claimed and problem.is_plain and self.certified_at is None:
            if self.rule.eta * radius * radius * now.loss <= 1.0:
                self.certified_at = t
        self.previous = now

    def _separates(self, min_margin, size):
        problem = self.problem
        n_terms = problem.model.n_terms(problem.d + problem.fit_intercept)
        constants = problem.model.at_zero, problem.largest_offset
        return separates(min_margin, size, problem.reach, n_terms, *constants)

    def of_run(self, t):
        """Return by name what a run of t steps says."""
        names = ("separated_at", "separating_weights", "certified_at", "n_increases")
        stable_at = self.last_increase if self.last_increase < t else None
        return {name: getattr(self, name) for name in names} | {"stable_at": stable_at}

    def diagnostics(self, t, monitor, reason=None):
        diverged = reason is StopReason.diverged
        return monitor.diagnostics(t, self.separated_at, self.certified_at, diverged)


def _stop_reason(stop, t, now, counters, monitor, held_out):
    """Return the first condition that holds of those that a measurement decides, or None."""
    problem = counters.problem
    at_zero = is_zero(problem.loss, now)
    if not (math.isfinite(now.ln_loss) or at_zero) or not math.isfinite(now.weight_norm):
        return StopReason.diverged
    if at_zero and problem.l2 == 0.0:
        return StopReason.zero_loss
    if stop.loss is not None and now.loss <= stop.loss:
        return StopReason.loss
    if stop.gradient_norm is not None and now.gradient_norm <= stop.gradient_norm:
        return StopReason.gradient_norm
    if stop.separated and counters.separated_at == t:
        return StopReason.separated
    if stop.unstable_steps is not None and counters.last_increase == t >= stop.unstable_steps:
        return StopReason.unstable_steps
    if stop.validation_patience is not None and held_out.waited >= stop.validation_patience:
        return StopReason.validation_patience
    if stop.cycling and monitor.is_due(t):
        if counters.diagnostics(t, monitor).verdict is Verdict.cycling:
            return StopReason.cycling
    return None


def _is_out_of_time(stop, began):
    return stop.seconds is not None and time.perf_counter() - began >= stop.seconds


def _state(t, w, now, request, diagnostics, margin_bound):
    names = ("loss", "ln_loss", "error_rate", "min_margin")
    values = {name: getattr(now, name) for name in names}
    values |= {"verdict": diagnostics.verdict, "evidence": diagnostics.evidence}
    values |= {"margin_bound": margin_bound, "stepsize": stepsizes.number_or_rule(request.rule)}
    weights, intercept = _parts(request.problem, w.copy())
    return SimpleNamespace(n_steps=t, weights=weights, intercept=intercept, **values)
