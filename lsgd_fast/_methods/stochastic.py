"""Stochastic gradient descent, whichever implementation takes the steps: arguments, batches, and the end."""

import math
import time
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from lsgd_fast._checks import check_callback, check_count, check_n_steps, check_n_threads, check_rng
from lsgd_fast._inputs.problem import Problem, check_start, check_starts
from lsgd_fast._inputs.requests import as_list
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop
from lsgd_fast._methods.sampling import ORDERS, row_blocks
from lsgd_fast._results.run import Trace
from lsgd_fast._results.stochastic_run import Iterate, StochasticRun, StochasticSweep
from lsgd_fast.stepsizes import Constant, resolve

__all__ = ["run_stochastic", "sweep_stochastic"]

MEASURES = ("loss", "log_loss", "error_rate", "min_margin")  # of a batch, as the implementations give them
PART_MEASURES = 1 << 14  # batches, times runs, taken between two looks at the clock at most ...
PART_WORK = 1 << 24  # ... and elements of X
FIRST_ROOM = 1 << 20  # rows of a trace that room is made for at first, if there may be as many


@dataclass(frozen=True, eq=False)
class _Asked:
    """The checked arguments; arrays have an entry for each run."""

    problem: Problem
    stepsizes: list
    starts: np.ndarray  # (1 or k, n_parameters)
    n_steps: int
    batch_size: int
    order: str
    rng: np.random.Generator
    stop: Stop
    record_every: int
    callback: Any
    callback_every: int
    n_threads: int | None


def run_stochastic(sgd_runs, X, y, stepsize, n_steps, *, start, **options):
    """Return a `StochasticRun`; see `lsgd_fast.stochastic_gradient_descent`.

    `sgd_runs` is the class `SGDRuns` of one of the implementations; see stochastic.pyx.
    """
    stepsizes = [_check_stepsize(stepsize)]
    asked = _check(X, y, stepsizes, n_steps, lambda problem: check_start(start, problem), **options)
    return _run(sgd_runs, asked)[0]


def sweep_stochastic(sgd_runs, X, y, stepsizes, n_steps, *, start, **options):
    """Return a `StochasticSweep`; see `lsgd_fast.stochastic_sweep`."""
    stepsizes = as_list("stepsizes", stepsizes)
    found = [_check_stepsize(stepsize) for stepsize in stepsizes]
    k = len(found)
    asked = _check(X, y, found, n_steps, lambda problem: check_starts(start, problem, k), **options)
    return StochasticSweep(_run(sgd_runs, asked), stepsizes)


def _check_stepsize(stepsize):
    rule = resolve(stepsize)
    if not isinstance(rule, Constant):
        raise TypeError(f"stepsize must be a number or Constant in stochastic descent; got {rule}")
    return rule.eta


def _check(
    X, y, stepsizes, n_steps, start_of, *, batch_size, order, rng, loss, sample_weight, l2,
    fit_intercept, stop, record_every, callback, callback_every, n_threads,
):  # fmt: skip
    n_steps = check_n_steps(n_steps)
    batch_size = check_count("batch_size", batch_size, 1)
    if not isinstance(order, str) or order not in ORDERS:
        kind = ValueError if isinstance(order, str) else TypeError
        raise kind(f"order must be one of {', '.join(map(repr, ORDERS))}; got {order!r}")
    rng = check_rng(rng)
    stop = check_stop(stop, validation=())
    for field in fields(stop):
        if field.name != "seconds" and getattr(stop, field.name) != field.default:
            raise ValueError(f"stop.{field.name} needs passes over all rows; only seconds can end "
                             "stochastic descent (or a callback)")  # fmt: skip
    record_every = check_count("record_every", record_every, 1)
    callback, callback_every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    options = {"loss": loss, "sample_weight": sample_weight, "l2": l2}
    problem = Problem.check(X, y, **options, fit_intercept=fit_intercept)
    if problem.is_multi:
        raise ValueError("loss: stochastic descent is for one column of weights, not for softmax")
    starts = start_of(problem).reshape(-1, problem.n_parameters)
    if batch_size > problem.n:
        raise ValueError(f"batch_size must be at most the {problem.n} rows of X; got {batch_size}")
    if order == "once" and n_steps * batch_size > problem.n:
        raise ValueError(
            f"n_steps must be at most {problem.n // batch_size} with order='once', which looks at "
            f"each of {problem.n} rows once at most; got {n_steps}"
        )
    return _Asked(
        problem, stepsizes, starts, n_steps, batch_size, order, rng, stop, record_every, callback,
        callback_every, n_threads,
    )  # fmt: skip


def _run(make, asked):
    """Take all steps and return the runs."""
    began = time.perf_counter()
    k, size = len(asked.stepsizes), asked.batch_size
    sgd_runs = make(
        asked.problem, asked.starts, np.array(asked.stepsizes), size, asked.n_threads
    )  # fmt: skip
    log = _Log(asked, sgd_runs, began)
    work = size * (asked.problem.row_length + 32) * k
    part = max(1, min(PART_MEASURES // k, int(PART_WORK / work)))
    t = 0
    for rows in row_blocks(asked.order, asked.problem.n, asked.n_steps, size, asked.rng):
        while len(rows) and not log.is_over():
            n = min(part, len(rows) // size)
            if asked.callback is not None:
                n = min(n, asked.callback_every - t % asked.callback_every)
            log.note(t, sgd_runs.take(rows[: n * size]))
            rows = rows[n * size :]
            t += n
            if asked.callback is not None and t % asked.callback_every == 0:
                log.call_back(t)
            log.look_at_the_clock(t)
        if log.is_over():
            break
    return log.runs()


class _Log:
    """What has been measured, and why runs have ended."""

    def __init__(self, asked, sgd_runs, began):
        self.asked, self.sgd_runs, self.began = asked, sgd_runs, began
        k = len(asked.stepsizes)
        self.measured = [_Rows(1 - (-asked.n_steps // asked.record_every)) for _ in range(k)]
        self.latest = [dict.fromkeys(MEASURES, math.nan) for _ in range(k)]
        self.reasons, self.seconds = [None] * k, [None] * k

    def is_over(self):
        """Whether all runs have ended."""
        return None not in self.reasons

    def end(self, run, reason):
        """Note why a run takes no more steps, and when."""
        self.sgd_runs.end(run)
        self.reasons[run] = reason
        self.seconds[run] = time.perf_counter() - self.began

    def going_on(self):
        """Return the runs that have not ended."""
        return [run for run, reason in enumerate(self.reasons) if reason is None]

    def note(self, t, measures):
        """Keep what was measured from step t on, of the steps that were taken."""
        every = self.asked.record_every
        for run in self.going_on():
            taken = self.sgd_runs.n_steps(run) - t
            self.measured[run].add(measures[-t % every : taken : every, run])
            if taken:
                values = measures[taken - 1, run].tolist()
                self.latest[run] = dict(zip(MEASURES, values, strict=True))
            if self.sgd_runs.has_diverged(run):
                self.end(run, StopReason.diverged)

    def call_back(self, t):
        """Show each run to the callback, which may end it."""
        for run in self.going_on():
            answer = self.asked.callback(_state(self.asked, self.sgd_runs, run, self.latest[run]))
            if isinstance(answer, (bool, np.bool_)) and answer:
                self.end(run, StopReason.callback)

    def look_at_the_clock(self, t):
        """End the runs whose time or steps are over."""
        limit = self.asked.stop.seconds
        if t == self.asked.n_steps:
            reason = StopReason.n_steps
        elif limit is not None and time.perf_counter() - self.began >= limit:
            reason = StopReason.seconds
        else:
            return
        for run in self.going_on():
            self.end(run, reason)

    def runs(self):
        """Return the runs, their last and averaged weights measured on all rows."""
        for run in self.going_on():  # none takes a step where none is asked for
            self.end(run, StopReason.n_steps)
        weights = [self.sgd_runs.parameters(run) for run in range(len(self.reasons))]
        found = iter(self.sgd_runs.measure(np.concatenate(weights)))
        return [self._run(run, *pair, next(found), next(found)) for run, pair in enumerate(weights)]

    def _run(self, run, last, average, of_last, of_average):
        asked, n_steps = self.asked, self.sgd_runs.n_steps(run)
        last, average = self._iterate(last, of_last), self._iterate(average, of_average)
        reason = self.reasons[run]
        if not (math.isfinite(last.log_loss) and math.isfinite(last.weight_norm)):
            reason = StopReason.diverged
        sums = self.sgd_runs.sums(run)
        mean_loss, mean_error_rate = (total / n_steps if n_steps else math.nan for total in sums)
        return StochasticRun(
            last=last,
            average=average,
            trace=self._trace(run, last, n_steps),
            stop_reason=reason,
            n_steps=n_steps,
            batch_size=asked.batch_size,
            order=asked.order,
            mean_loss=mean_loss,
            mean_error_rate=mean_error_rate,
            n_threads=self.sgd_runs.n_threads,
            seconds=self.seconds[run],
            radius=asked.problem.radius,
        )

    def _iterate(self, parameters, measures):
        d = self.asked.problem.d
        intercept = float(parameters[d]) if self.asked.problem.fit_intercept else 0.0
        return Iterate(parameters[:d].copy(), intercept, *measures)

    def _trace(self, run, last, n_steps):
        rows = self.measured[run].close([getattr(last, name) for name in MEASURES])
        step = np.empty(rows.shape[1], np.int64)
        step[:-1] = np.arange(rows.shape[1] - 1) * self.asked.record_every
        step[-1] = n_steps
        stepsize = np.full(rows.shape[1], self.asked.stepsizes[run])
        stepsize[-1] = math.nan
        columns = dict(zip(MEASURES, rows, strict=True))
        return Trace(step=step, stepsize=stepsize, **columns)


class _Rows:
    """Rows of the trace of one run, in columns; room for more is made as they come."""

    def __init__(self, most):
        self.most, self.n = most, 0
        self.room = np.empty((len(MEASURES), min(most, FIRST_ROOM)))

    def add(self, rows):
        end = self.n + len(rows)
        if end > self.room.shape[1]:
            room = np.empty((len(MEASURES), min(self.most, max(end, 2 * self.room.shape[1]))))
            room[:, : self.n] = self.room[:, : self.n]
            self.room = room
        self.room[:, self.n : end] = rows.T
        self.n = end

    def close(self, last):
        """Return all rows, with the last one added."""
        self.add(np.array([last]))
        return self.room if self.n == self.room.shape[1] else self.room[:, : self.n].copy()


def _state(asked, sgd_runs, run, latest):
    """Return what a callback sees: the weights after a step, and the batch of that step."""
    d, parameters = asked.problem.d, sgd_runs.parameters(run)
    intercepts = parameters[:, d].tolist() if asked.problem.fit_intercept else (0.0, 0.0)
    return SimpleNamespace(
        n_steps=sgd_runs.n_steps(run),
        weights=parameters[0, :d],
        intercept=intercepts[0],
        average_weights=parameters[1, :d],
        average_intercept=intercepts[1],
        **latest,
    )
