"""The NumPy twin: the public numeric functions of lsgd_fast, short enough to check by reading.

Same names, arguments and errors as the compiled package; no threads, no tricks. `n_threads` is
checked and otherwise ignored.
"""

import math
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from lsgd_fast import problem as checks
from lsgd_fast import stepsizes
from lsgd_fast.arguments import check_shared
from lsgd_fast.constants import UNDERFLOW_LOSS
from lsgd_fast.monitor import Monitor, is_increase, norm, separates
from lsgd_fast.problem import Problem
from lsgd_fast.run import COLUMNS, Run, StopReason, Trace, check_stop
from lsgd_fast.sweep import Sweep, check_sweep
from lsgd_fast.trial import run_trial
from lsgd_fast.verdicts import Verdict, evidence, verdict

__all__ = [
    "gradient_descent",
    "logistic_loss",
    "logistic_loss_gradient",
    "staged_trial",
    "stepsize_sweep",
]


def logistic_loss(X, y, w, *, sample_weight=None, l2=0.0, fit_intercept=False, n_threads=None):
    """Return the objective at `w`; see `lsgd_fast.logistic_loss`."""
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    return logistic_loss_gradient(X, y, w, **options, n_threads=n_threads)[0]


def logistic_loss_gradient(
    X, y, w, *, sample_weight=None, l2=0.0, fit_intercept=False, n_threads=None
):
    """Return the objective and its gradient at `w`; see `lsgd_fast.logistic_loss_gradient`."""
    checks.check_n_threads(n_threads)
    problem = Problem.check(X, y, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept)
    w = checks.check_weights(w, problem)
    rows = _Rows(problem)
    found = [rows.measure(np.ascontiguousarray(column)) for column in np.atleast_2d(w.T)]
    if w.ndim == 1:
        return found[0].objective, found[0].direction
    return np.array([m.objective for m in found]), np.stack([m.direction for m in found], axis=1)


def gradient_descent(
    X, y, stepsize, n_steps, *, start=None, loss="logistic", sample_weight=None, l2=0.0,
    fit_intercept=False, stop=None, record=None, record_every=1, validation=None, callback=None,
    callback_every=None, gram="auto", n_threads=None,
):  # fmt: skip
    """Run gradient descent and return a `Run`; see `lsgd_fast.gradient_descent`."""
    n_steps = checks.check_n_steps(n_steps)
    eta = stepsizes.resolve(stepsize).eta
    stop = check_stop(stop, validation)
    shared = check_shared(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        record=record, record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, gram=gram, n_threads=n_threads,
    )  # fmt: skip
    problem, record, record_every = shared.problem, shared.record, shared.record_every
    callback, callback_every = shared.callback, shared.callback_every
    start = checks.check_start(start, problem)

    began = time.perf_counter()
    rows = _GramRows(problem, start) if shared.gram else _Rows(problem)
    held_out, trace, w = _HeldOut(shared.validation), [], rows.first(start)
    counters, monitor = _Counters(problem, eta), Monitor(problem, eta)
    for t in range(n_steps + 1):
        now = rows.measure(w)
        counters.update(t, rows.weights(w), now)
        monitor.look(t, now)
        if t % record_every == 0:
            held_out.count(t, rows.weights(w))
        last = t == n_steps
        reason = _stop_reason(stop, t, now, counters, monitor, held_out, began, last)
        if reason is None and callback is not None and t > 0 and t % callback_every == 0:
            signs = counters.signs(t, monitor)
            answer = callback(_state(t, rows.weights(w), now, problem, signs))
            if isinstance(answer, (bool, np.bool_)) and answer:
                reason = StopReason.callback
        if reason is None and last:
            reason = StopReason.n_steps
        if reason is not None or t % record_every == 0:
            looked = reason in (StopReason.callback, StopReason.cycling)
            measured = now.row(forward_only=last and not looked)
            loss_and_error = held_out.measure(rows.weights(w))
            trace.append((t, *measured, math.nan if reason else eta, *loss_and_error))
        if reason is not None:
            break
        monitor.step(rows.weights(w), now.gradient_norm)
        with np.errstate(all="ignore"):
            w = w - eta * now.direction

    w = rows.weights(w)
    held_out.consider(t, w)
    columns = [COLUMNS.index(name) for name in record]
    return Run(
        weights=w[: problem.d],
        intercept=float(w[-1]) if problem.fit_intercept else 0.0,
        trace=Trace.from_rows(np.array(trace, dtype=float)[:, columns], record, problem.l2),
        stop_reason=reason,
        n_steps=t,
        n_threads=1,
        seconds=time.perf_counter() - began,
        radius=problem.radius,
        separated_at=counters.separated_at,
        separating_weights=counters.separating_weights,
        certified_at=counters.certified_at,
        stable_at=counters.last_increase if counters.last_increase < t else None,
        n_increases=counters.n_increases,
        best_at=held_out.best_at,
        best_weights=held_out.best_weights,
        signs=counters.signs(t, monitor, reason),
    )


def stepsize_sweep(
    X, y, stepsizes, n_steps, *, start=None, loss="logistic", sample_weight=None, l2=0.0,
    fit_intercept=False, stop=None, record=None, record_every=1, validation=None, callback=None,
    callback_every=None, gram="auto", n_threads=None,
):  # fmt: skip
    """Run gradient descent once for each stepsize; see `lsgd_fast.stepsize_sweep`."""
    shared = {"loss": loss, "sample_weight": sample_weight, "fit_intercept": fit_intercept}
    shared |= {"record": record, "record_every": record_every, "validation": validation}
    shared |= {"callback": callback, "callback_every": callback_every, "gram": gram}
    shared |= {"n_threads": n_threads}
    asked = check_sweep(X, y, stepsizes, n_steps, start=start, l2=l2, stop=stop, **shared)
    runs = [
        gradient_descent(
            X,
            y,
            rule,
            n_steps,
            l2=problem.l2,
            stop=stop,
            start=asked.starts[min(i, len(asked.starts) - 1)],
            **shared,
        )  # fmt: skip
        for i, (problem, rule, stop) in enumerate(
            zip(asked.problems, asked.rules, asked.stops, strict=True)
        )
    ]
    return Sweep(runs, asked.stepsizes)


def staged_trial(
    X, y, *, start_stepsize=None, factor=4, n_stages=8, n_steps=1000, sample=0.1, n_repeats=3,
    stop=None, rng=0, sample_weight=None, l2=0.0, fit_intercept=False, n_threads=None,
):  # fmt: skip
    """Look for a stepsize on samples and return a `Trial`; see `lsgd_fast.staged_trial`."""
    return run_trial(
        stepsize_sweep, X, y, start_stepsize=start_stepsize, factor=factor, n_stages=n_stages,
        n_steps=n_steps, sample=sample, n_repeats=n_repeats, stop=stop, rng=rng,
        sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept, n_threads=n_threads,
    )  # fmt: skip


class _Measurement(NamedTuple):
    """What one pass over the data says about w."""

    loss: float
    log_loss: float
    error_rate: float
    min_margin: float
    weight_norm: float
    gradient_norm: float
    objective: float
    direction: np.ndarray  # a step is -eta times it

    def row(self, forward_only):
        gradient_norm = math.nan if forward_only else self.gradient_norm
        return *self[:4], gradient_norm, self.weight_norm


class _Rows:
    """The rows of positive weight; the others take no part. Parameters are weights."""

    @np.errstate(all="ignore")
    def __init__(self, problem):
        used = problem.weight > 0.0
        self.X = np.asarray(problem.X, dtype=np.float64)[used]
        self.y, self.weight = problem.y[used], problem.weight[used]
        self.problem = problem

    def first(self, start):
        return start

    def weights(self, w):
        return w

    def products(self, w):
        return self.X @ w

    @np.errstate(all="ignore")
    def slope(self, multipliers, w, products):
        """Return the direction of the step from w, without an intercept, its norm and that of w."""
        direction = self.X.T @ multipliers + self.problem.l2 * w
        return direction, norm(direction), norm(w)

    @np.errstate(all="ignore")
    def measure(self, w):
        p, r, total = self.problem, self.weight, self.problem.total_weight
        w, b = (w[:-1], w[-1]) if p.fit_intercept else (w, 0.0)
        products = self.products(w)
        z = self.y * (products + b)
        loss = float(r @ p.loss.value(z)) / total
        s = r * p.loss.derivative(z) * self.y / total
        direction, gradient_norm, size = self.slope(s, w, products)
        if p.fit_intercept:
            direction = np.append(direction, s.sum())
            gradient_norm = norm(np.array([gradient_norm, s.sum()]))
        return _Measurement(
            loss=loss,
            log_loss=math.log(loss) if loss >= UNDERFLOW_LOSS else self._log_loss(z),
            error_rate=float(r[z <= 0.0].sum()) / total,
            min_margin=float(z.min()),
            weight_norm=size,
            gradient_norm=gradient_norm,
            objective=loss + 0.5 * p.l2 * size * size,
            direction=direction,
        )

    def _log_loss(self, z):
        terms = np.log(self.weight) + self.problem.loss.log_value(z)
        largest = terms.max()
        log_sum = largest + np.log(np.exp(terms - largest).sum())
        return float(log_sum - np.log(self.problem.total_weight))


class _GramRows(_Rows):
    """The same rows in Gram space, see gram.pyx: parameters are coefficients of rows and start."""

    @np.errstate(all="ignore")
    def __init__(self, problem, start):
        super().__init__(problem)
        start = start[: problem.d]
        exponents = np.frexp([np.abs(self.X).max(), np.abs(start).max()])[1]
        self.scale, self.start_scale = np.ldexp(1.0, exponents)  # so that no square overflows
        self.A = np.vstack([np.ldexp(self.X, -exponents[0]), np.ldexp(start, -exponents[1])])
        self.K = self.A @ self.A.T

    def first(self, start):
        coefficients = np.zeros(len(self.A))
        coefficients[-1] = self.start_scale
        return np.append(coefficients, start[self.problem.d :])

    @np.errstate(all="ignore")
    def weights(self, a):
        n = len(self.A)
        return np.append(self.A.T @ a[:n], a[n:])

    @np.errstate(all="ignore")
    def products(self, a):
        return self.scale * (self.K @ a)[:-1]

    @np.errstate(all="ignore")
    def slope(self, multipliers, a, products):
        direction = self.scale * np.append(multipliers, 0.0) + self.problem.l2 * a
        return direction, self._norm(direction), self._norm(a)

    def _norm(self, a):
        """Return the norm of the weights that coefficients stand for."""
        largest = float(np.abs(a).max())
        if largest == 0.0 or not math.isfinite(largest):
            return largest
        return largest * math.sqrt(max(0.0, (a / largest) @ self.K @ (a / largest)))


class _HeldOut:
    """The held-out data, if there are any, and the best weights on them."""

    def __init__(self, problem):
        self.rows = None if problem is None else _Rows(problem)
        self.best, self.best_at, self.best_weights, self.waited = math.inf, None, None, 0

    def measure(self, w):
        if self.rows is None:
            return math.nan, math.nan
        found = self.rows.measure(w)
        return found.loss, found.error_rate

    def count(self, t, w):
        """Count a recorded step."""
        self.waited += self.rows is not None
        if self.consider(t, w):
            self.waited = 0

    def consider(self, t, w):
        """Keep w if it is the best so far, and say so."""
        loss = self.measure(w)[0]
        better = loss < self.best
        if better:
            self.best, self.best_at, self.best_weights = loss, t, w.copy()
        return better


@dataclass
class _Counters:
    """What is counted at every step, recorded or not."""

    problem: Problem
    eta: float
    n_increases: int = 0
    last_increase: int = 0
    separated_at: int | None = None
    separating_weights: np.ndarray | None = None
    certified_at: int | None = None
    previous: _Measurement | None = None

    def update(self, t, w, now):
        radius = self.problem.radius
        if t > 0 and _increased(self.previous, now):
            self.n_increases += 1
            self.last_increase = t
        if self.separated_at is None and separates(now.min_margin, norm(w), radius, len(w)):
            self.separated_at, self.separating_weights = t, w.copy()
        certificate = self.eta * radius * radius * now.loss
        if self.certified_at is None and self.problem.l2 == 0.0 and certificate <= 1.0:
            self.certified_at = t
        self.previous = now

    def signs(self, t, monitor, reason=None):
        diverged = reason is StopReason.diverged
        return monitor.signs(t, self.separated_at, self.certified_at, diverged)


def _increased(before, now):
    return is_increase(now.loss, now.log_loss, before.loss, before.log_loss)


def _stop_reason(stop, t, now, counters, monitor, held_out, began, last):
    """Return the first condition that holds; the last pass knows no gradient, and is late."""
    if not (math.isfinite(now.log_loss) and math.isfinite(now.weight_norm)):
        return StopReason.diverged
    if stop.loss is not None and now.loss <= stop.loss:
        return StopReason.loss
    if stop.gradient_norm is not None and not last and now.gradient_norm <= stop.gradient_norm:
        return StopReason.gradient_norm
    if stop.separated and counters.separated_at == t:
        return StopReason.separated
    if stop.unstable_steps is not None and counters.last_increase == t >= stop.unstable_steps:
        return StopReason.unstable_steps
    if stop.validation_patience is not None and held_out.waited >= stop.validation_patience:
        return StopReason.validation_patience
    if stop.seconds is not None and not last and time.perf_counter() - began >= stop.seconds:
        return StopReason.seconds
    if stop.cycling and monitor.is_due(t):
        if verdict(counters.signs(t, monitor)) is Verdict.cycling:
            return StopReason.cycling
    return None


def _state(t, w, now, problem, signs):
    names = ("loss", "log_loss", "error_rate", "min_margin")
    values = {name: getattr(now, name) for name in names}
    values |= {"verdict": verdict(signs), "evidence": evidence(signs)}
    intercept = float(w[-1]) if problem.fit_intercept else 0.0
    weights = w[: problem.d].copy()
    return SimpleNamespace(n_steps=t, weights=weights, intercept=intercept, **values)
