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
from lsgd_fast.constants import UNDERFLOW_LOSS
from lsgd_fast.monitor import Monitor, is_increase, norm, separates
from lsgd_fast.problem import Problem
from lsgd_fast.run import Run, StopReason, Trace, check_stop
from lsgd_fast.trial import run_trial
from lsgd_fast.verdicts import Verdict, verdict

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
        return found[0].objective, found[0].gradient
    return np.array([m.objective for m in found]), np.stack([m.gradient for m in found], axis=1)


def gradient_descent(
    X, y, stepsize, n_steps, *, start=None, loss="logistic", sample_weight=None, l2=0.0,
    fit_intercept=False, stop=None, record_every=1, callback=None, callback_every=None,
    n_threads=None,
):  # fmt: skip
    """Run gradient descent and return a `Run`; see `lsgd_fast.gradient_descent`."""
    n_steps = checks.check_n_steps(n_steps)
    eta = stepsizes.resolve(stepsize).eta
    stop = check_stop(stop)
    record_every = checks.check_count("record_every", record_every, 1)
    callback, callback_every = checks.check_callback(callback, callback_every)
    checks.check_n_threads(n_threads)
    options = {"loss": loss, "sample_weight": sample_weight, "l2": l2}
    problem = Problem.check(X, y, **options, fit_intercept=fit_intercept)
    w = checks.check_start(start, problem)

    began = time.perf_counter()
    rows, trace = _Rows(problem), []
    counters, monitor = _Counters(problem, eta), Monitor(problem, eta)
    for t in range(n_steps + 1):
        now = rows.measure(w)
        counters.update(t, w, now)
        monitor.look(t, now)
        last = t == n_steps
        reason = _stop_reason(stop, t, now, counters, monitor, began, last)
        if reason is None and callback is not None and t > 0 and t % callback_every == 0:
            answer = callback(_state(t, w, now, problem))
            if isinstance(answer, (bool, np.bool_)) and answer:
                reason = StopReason.callback
        if reason is None and last:
            reason = StopReason.n_steps
        if reason is not None or t % record_every == 0:
            measured = now.row(forward_only=last and reason is not StopReason.callback)
            trace.append((t, *measured, math.nan if reason else eta, now.objective))
        if reason is not None:
            break
        monitor.step(w, norm(now.gradient))
        with np.errstate(all="ignore"):
            w = w - eta * now.gradient

    columns = list(zip(*trace, strict=True))
    return Run(
        weights=w[: problem.d],
        intercept=float(w[-1]) if problem.fit_intercept else 0.0,
        trace=Trace(*columns[:8], objective=columns[8] if problem.l2 > 0.0 else None),
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
        signs=counters.signs(t, monitor, reason),
    )


def stepsize_sweep(X, y, stepsizes, n_steps, **options):
    """Run gradient descent with each stepsize and return a list of `Run`."""
    return [gradient_descent(X, y, stepsize, n_steps, **options) for stepsize in stepsizes]


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
    objective: float
    gradient: np.ndarray

    def row(self, forward_only):
        gradient_norm = math.nan if forward_only else norm(self.gradient)
        return *self[:4], gradient_norm, self.weight_norm


class _Rows:
    """The rows of positive weight; the others take no part."""

    @np.errstate(all="ignore")
    def __init__(self, problem):
        used = problem.weight > 0.0
        self.X = np.asarray(problem.X, dtype=np.float64)[used]
        self.y, self.weight = problem.y[used], problem.weight[used]
        self.problem = problem

    @np.errstate(all="ignore")
    def measure(self, w):
        p, r, total = self.problem, self.weight, self.problem.total_weight
        z = self.y * (self.X @ w[: p.d] + (w[-1] if p.fit_intercept else 0.0))
        loss = float(r @ p.loss.value(z)) / total
        s = r * p.loss.derivative(z) * self.y
        gradient = self.X.T @ s / total + p.l2 * w[: p.d]
        if p.fit_intercept:
            gradient = np.append(gradient, s.sum() / total)
        size = norm(w[: p.d])
        return _Measurement(
            loss=loss,
            log_loss=math.log(loss) if loss >= UNDERFLOW_LOSS else self._log_loss(z),
            error_rate=float(r[z <= 0.0].sum()) / total,
            min_margin=float(z.min()),
            weight_norm=size,
            objective=loss + 0.5 * p.l2 * size * size,
            gradient=gradient,
        )

    def _log_loss(self, z):
        terms = np.log(self.weight) + self.problem.loss.log_value(z)
        largest = terms.max()
        log_sum = largest + np.log(np.exp(terms - largest).sum())
        return float(log_sum - np.log(self.problem.total_weight))


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


def _stop_reason(stop, t, now, counters, monitor, began, last):
    """Return the first condition that holds; the last pass knows no gradient, and is late."""
    if not (math.isfinite(now.log_loss) and math.isfinite(now.weight_norm)):
        return StopReason.diverged
    if stop.loss is not None and now.loss <= stop.loss:
        return StopReason.loss
    if stop.gradient_norm is not None and not last and norm(now.gradient) <= stop.gradient_norm:
        return StopReason.gradient_norm
    if stop.separated and counters.separated_at == t:
        return StopReason.separated
    if stop.unstable_steps is not None and counters.last_increase == t >= stop.unstable_steps:
        return StopReason.unstable_steps
    if stop.cycling and monitor.is_due(t):
        if verdict(counters.signs(t, monitor)) is Verdict.cycling:
            return StopReason.cycling
    if stop.seconds is not None and not last and time.perf_counter() - began >= stop.seconds:
        return StopReason.seconds
    return None


def _state(t, w, now, problem):
    names = ("loss", "log_loss", "error_rate", "min_margin")
    values = {name: getattr(now, name) for name in names}
    intercept = float(w[-1]) if problem.fit_intercept else 0.0
    weights = w[: problem.d].copy()
    return SimpleNamespace(n_steps=t, weights=weights, intercept=intercept, **values)
