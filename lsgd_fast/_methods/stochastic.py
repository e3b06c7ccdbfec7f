"""Stochastic gradient descent with either implementation: its options, batches, traces and end."""

import math
import time
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from lsgd_fast._checks import (
    as_list,
    check_callback,
    check_choice,
    check_count,
    check_n_steps,
    check_n_threads,
    check_rng,
    set_fields,
    shown,
)
from lsgd_fast._inputs.callbacks import pace_of
from lsgd_fast._inputs.problem import Problem, check_start, check_starts
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop, ends_run
from lsgd_fast._methods.numerics import infinities
from lsgd_fast._results.predictions import Model
from lsgd_fast._results.stochastic_run import Iterate, StochasticRun, StochasticSweep
from lsgd_fast._results.trace import Trace
from lsgd_fast.losses import is_zero
from lsgd_fast.stepsizes import Constant, as_passed, resolve

__all__ = ["StochasticOptions", "row_blocks", "run_stochastic", "sweep_stochastic"]

ORDERS = ("shuffle", "replacement", "once")
ROWS_AT_A_TIME = 1 << 16  # rows that are drawn at a time with replacement

MEASURES = ("loss", "ln_loss", "error_rate", "min_margin")  # of a batch, in this order
PART_MEASURES = 1 << 14  # most batches times runs that are taken at a time
FIRST_CAPACITY = 1 << 20  # rows of a trace that are allocated at first, unless there are fewer


@dataclass(frozen=True, eq=False)
class StochasticOptions:
    """The arguments of `lsgd_fast.stochastic_sweep` of these names, checked."""

    stepsizes: list
    n_steps: int
    _: KW_ONLY
    batch_size: int
    order: str
    rng: Any
    stop: Stop | None
    record_every: int
    callback: Any
    callback_every: int | None
    n_threads: int | None
    etas: list = field(init=False)  # the constant stepsizes as floats

    def __post_init__(self):
        stepsizes = [as_passed(stepsize) for stepsize in as_list("stepsizes", self.stepsizes)]
        etas = [_check_stepsize(stepsize) for stepsize in stepsizes]
        n_steps = check_n_steps(self.n_steps)
        batch_size = check_count("batch_size", self.batch_size, 1)
        order = check_choice("order", self.order, ORDERS)
        rng, stop = check_rng(self.rng), check_stop(self.stop, validation=())
        for condition in fields(stop):
            name = condition.name
            if name != "seconds" and getattr(stop, name) != condition.default:
                raise ValueError(
                    f"stop.{name} needs passes over all rows: stochastic descent can only be ended "
                    "by stop.seconds or the callback"
                )
        record_every = check_count("record_every", self.record_every, 1)
        callback, callback_every = check_callback(self.callback, self.callback_every)
        set_fields(
            self, stepsizes=stepsizes, etas=etas, n_steps=n_steps, batch_size=batch_size,
            order=order, rng=rng, stop=stop, record_every=record_every, callback=callback,
            callback_every=callback_every, n_threads=check_n_threads(self.n_threads),
        )  # fmt: skip

    def check_problem(self, problem):
        """Raise ValueError where the options do not fit a problem."""
        if problem.is_multi:
            raise ValueError("loss must not be softmax in stochastic descent, which has one column")
        n, size = problem.n, self.batch_size
        if size > n:
            raise ValueError(f"batch_size must be at most the {n} rows of X; got {size}")
        if self.order == "once" and self.n_steps * size > n:
            raise ValueError(
                f"n_steps must be at most {n // size} with order='once', which takes each of the "
                f"{n} rows at most once; got {self.n_steps}"
            )


@dataclass(frozen=True, eq=False)
class StochasticRequest:
    """A problem, first weights and options that fit them."""

    problem: Problem
    starts: np.ndarray  # (1 or k, n_parameters)
    options: StochasticOptions


def run_stochastic(sgd_runs_type, problem, options, start=None):
    """Return the only `StochasticRun` of these options.

    Parameters
    ----------
    sgd_runs_type : type
        The class `SGDRuns` of either implementation.
    problem : Problem
    options : StochasticOptions
        With one stepsize.
    start : array-like of shape (n_parameters,), optional
        First weights, zeros by default.
    """
    options.check_problem(problem)
    starts = check_start(start, problem).reshape(1, -1)
    return _run(sgd_runs_type, StochasticRequest(problem, starts, options))[0]


def sweep_stochastic(sgd_runs_type, problem, options, start=None):
    """Return a `StochasticSweep`; parameters as for `run_stochastic`, with several stepsizes."""
    options.check_problem(problem)
    starts = check_starts(start, problem, len(options.etas))
    runs = _run(sgd_runs_type, StochasticRequest(problem, starts, options))
    return StochasticSweep(runs, options.stepsizes)


def _check_stepsize(stepsize):
    rule = resolve(stepsize)
    if not isinstance(rule, Constant):
        raise TypeError(
            f"stepsize must be a number or Constant in stochastic descent; got {shown(rule)}"
        )
    return rule.eta


def row_blocks(order, n, n_steps, batch_size, rng):
    """Yield the row numbers of all batches, several whole batches at a time.

    Memory does not grow with the number of steps, and a shorter run takes the first batches of a
    longer one.

    Parameters
    ----------
    order : {"shuffle", "replacement", "once"}
        "shuffle": one permutation after another, cut into batches, so that a batch may hold the
        end of one and the start of the next. "replacement": independent uniform draws. "once": a
        single permutation.
    n : int
        Number of rows of X.
    n_steps, batch_size : int
        Number of batches, and of rows in each; with "once" their product is at most n.
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of intp
    """
    left = n_steps * batch_size
    rest = np.empty(0, np.intp)
    while left > 0:
        if order == "replacement":
            drawn = max(1, ROWS_AT_A_TIME // batch_size) * batch_size
            rows = rng.integers(0, n, min(left, drawn), dtype=np.intp)
        else:
            rows = np.concatenate([rest, rng.permutation(n).astype(np.intp, copy=False)])
        size = min(left, len(rows) - len(rows) % batch_size)
        rest = rows[size:]
        left -= size
        yield rows[:size]


def _run(sgd_runs_type, request):
    """Take all steps and return the runs."""
    problem, options = request.problem, request.options
    began = time.perf_counter()
    etas, size = np.array(options.etas), options.batch_size
    sgd_runs = sgd_runs_type(problem, request.starts, etas, size, options.n_threads)
    recorder = _Recorder(request, sgd_runs, began)
    pace = pace_of(options.callback, options.callback_every)
    part = max(1, PART_MEASURES // len(etas))
    t = 0
    for rows in row_blocks(options.order, problem.n, options.n_steps, size, options.rng):
        while len(rows) and not recorder.is_over():
            n = min(part, len(rows) // size)
            if pace is not None:
                n = min(n, pace.next_look(t) - t)
            measures = sgd_runs.take(rows[: n * size], recorder.seconds_left())
            recorder.record(t, measures)
            rows = rows[len(measures) * size :]
            t += len(measures)
            if pace is not None and pace.is_due(t, t == options.n_steps):
                recorder.call_back()
            recorder.check_limits(t)
        if recorder.is_over():
            break
    return recorder.runs()


class _Recorder:
    """The traces of all runs, and the reasons why they have ended."""

    def __init__(self, request, sgd_runs, began):
        self.problem, self.options = request.problem, request.options
        self.sgd_runs, self.began = sgd_runs, began
        k, n_rows = len(self.options.etas), -(-self.options.n_steps // self.options.record_every)
        self.measured = [_TraceBuffer(n_rows + 1) for _ in range(k)]
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

    def active(self):
        """Return the runs that have not ended."""
        return [run for run, reason in enumerate(self.reasons) if reason is None]

    def record(self, t, measures):
        """Keep the measures of the steps taken from step t on."""
        every = self.options.record_every
        for run in self.active():
            taken = self.sgd_runs.n_steps(run) - t
            self.measured[run].add(measures[-t % every : taken : every, run])
            if taken:
                values = measures[taken - 1, run].tolist()
                self.latest[run] = dict(zip(MEASURES, values, strict=True))
            if self.sgd_runs.has_diverged(run):
                self.end(run, StopReason.diverged)

    def call_back(self):
        """Call the callback for each run, which may end the run."""
        for run in self.active():
            if ends_run(self.options.callback(self._state(run))):
                self.end(run, StopReason.callback)

    def _state(self, run):
        """Return the state for a callback: the weights, and the measures of the latest batch."""
        d, (last, average) = self.problem.d, self.sgd_runs.parameters(run)
        fit_intercept = self.problem.fit_intercept
        return SimpleNamespace(
            n_steps=self.sgd_runs.n_steps(run),
            stepsize=self.options.etas[run],
            weights=last[:d],
            intercept=float(last[d]) if fit_intercept else 0.0,
            average_weights=average[:d],
            average_intercept=float(average[d]) if fit_intercept else 0.0,
            **self.latest[run],
        )

    def seconds_left(self):
        """Return the time until the limit."""
        limit = self.options.stop.seconds
        return math.inf if limit is None else limit - (time.perf_counter() - self.began)

    def check_limits(self, t):
        """End all runs if the number of steps or the time is reached."""
        if t == self.options.n_steps:
            reason = StopReason.n_steps
        elif self.seconds_left() <= 0.0:
            reason = StopReason.seconds
        else:
            return
        for run in self.active():
            self.end(run, reason)

    def runs(self):
        """Return the runs, their last and averaged weights measured on all rows."""
        for run in self.active():  # with n_steps=0 no step has ended them
            self.end(run, StopReason.n_steps)
        weights = [self.sgd_runs.parameters(run) for run in range(len(self.reasons))]
        measured = iter(self.sgd_runs.measure(np.concatenate(weights)))
        return [
            self._run(run, *pair, next(measured), next(measured))
            for run, pair in enumerate(weights)
        ]

    def _run(self, run, last, average, last_measures, average_measures):
        n_steps = self.sgd_runs.n_steps(run)
        last = self._iterate(last, last_measures)
        average = self._iterate(average, average_measures)
        reason = self.reasons[run]
        at_zero = is_zero(self.problem.loss, last)
        if not ((math.isfinite(last.ln_loss) or at_zero) and math.isfinite(last.weight_norm)):
            reason = StopReason.diverged
        sums = self.sgd_runs.sums(run)
        mean_loss, mean_error_rate = (total / n_steps if n_steps else math.nan for total in sums)
        return StochasticRun(
            last=last,
            average=average,
            trace=self._trace(run, last, n_steps),
            stop_reason=reason,
            n_steps=n_steps,
            batch_size=self.options.batch_size,
            order=self.options.order,
            mean_loss=mean_loss,
            mean_error_rate=mean_error_rate,
            n_threads=self.sgd_runs.n_threads,
            seconds=self.seconds[run],
            radius=self.problem.radius,
            model=Model.of(self.problem),
        )

    def _iterate(self, parameters, measures):
        d = self.problem.d
        intercept = float(parameters[d]) if self.problem.fit_intercept else 0.0
        iterate = Iterate(parameters[:d].copy(), intercept, *measures)
        return replace(iterate, **infinities(iterate, parameters))

    def _trace(self, run, last, n_steps):
        rows = self.measured[run].close([getattr(last, name) for name in MEASURES])
        step = np.empty(rows.shape[1], np.int64)
        step[:-1] = np.arange(rows.shape[1] - 1) * self.options.record_every
        step[-1] = n_steps
        stepsize = np.full(rows.shape[1], self.options.etas[run])
        stepsize[-1] = math.nan
        columns = dict(zip(MEASURES, rows, strict=True))
        return Trace(step=step, stepsize=stepsize, **columns)


class _TraceBuffer:
    """The rows of one trace, by columns, in memory that grows with them."""

    def __init__(self, max_rows):
        self.max_rows, self.n = max_rows, 0
        self.columns = np.empty((len(MEASURES), min(max_rows, FIRST_CAPACITY)))

    def add(self, rows):
        end, capacity = self.n + len(rows), self.columns.shape[1]
        if end > capacity:
            columns = np.empty((len(MEASURES), min(self.max_rows, max(end, 2 * capacity))))
            columns[:, : self.n] = self.columns[:, : self.n]
            self.columns = columns
        self.columns[:, self.n : end] = rows.T
        self.n = end

    def close(self, last):
        """Return all rows, with the last one added."""
        self.add(np.array([last]))
        is_full = self.n == self.columns.shape[1]
        return self.columns if is_full else self.columns[:, : self.n].copy()
