"""Minimising the objective by limited-memory BFGS, with searches that do not look at X.

An iteration reads X twice: for the gradient, and for the change of the scores along the direction.
All that the search for a step asks for comes from the scores and their change (see `line.pyx`), so
that it can be thorough: with a long memory that saves most iterations.

The engine, which is the compiled one or that of the NumPy reference, is an argument: both share this
file. It has three parts, `passes` over X, a `line` of scores and the `curvature` met so far.
"""

import math
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from lsgd_fast import _checks as checks
from lsgd_fast._constants import EPSILON
from lsgd_fast._inputs.models import Linear
from lsgd_fast._inputs.problem import Problem, check_start
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop
from lsgd_fast._methods.line_search import MAX_STEP, ratio, search
from lsgd_fast._methods.numerics import is_increase, norm, separates
from lsgd_fast._results.ending import Ending
from lsgd_fast._results.run import Run, Trace
from lsgd_fast.losses import Logistic, Softmax

__all__ = ["Asked", "Point", "check_minimize", "run_minimize"]

MEMORY = 30  # iterations remembered, ...
MEMORY_BYTES = 256 * 2**20  # ... or fewer where they would take more than this, ...
LEAST_MEMORY = 5  # ... down to this

# So many iterations in a row that rounding may have undone end a run.
STALE_STEPS = 20
STALE_CHANGE = 8 * EPSILON

# From an objective above this zero weights are nearer: half of all digits would be lost on the way.
MAX_START = 1e8

# Scores are computed anew where the way there was so many times as long as the weights are.
DETOUR = 1000.0

COLUMNS = (
    "step", "loss", "log_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
    "stepsize", "passes",
)  # fmt: skip


class Point(NamedTuple):
    """What `line.evaluate` returns."""

    loss: float
    slope: float
    curvature: float
    pull: float
    log_loss: float
    error_rate: float
    min_margin: float


@dataclass(frozen=True, eq=False)
class Asked:
    """Checked arguments of `minimize`."""

    problem: Problem  # of several classes: with their numbers in place of labels
    n_classes: int | None  # None: two, as labels -1 and +1
    start: np.ndarray  # (height * k,)
    radius: float  # the largest norm of a row, without an intercept
    tol: float
    max_passes: int
    stop: Stop
    callback: Any
    callback_every: int
    n_threads: int | None

    @property
    def k(self):
        """Columns of weights."""
        return self.n_classes or 1

    @property
    def height(self):
        """Parameters of a column: the features, and an intercept where one is fitted."""
        return self.problem.d + self.problem.fit_intercept

    @property
    def unit(self):
        """A power of two near the length of the rows: it keeps squares in range.

        One for all parameters. Units after the columns of X, which would make their curvatures
        alike at zero weights, cost iterations on most data.
        """
        return math.ldexp(1.0, math.frexp(max(self.problem.radius, math.sqrt(self.problem.l2)))[1])

    @property
    def n_penalised(self):
        """Weights without the intercepts, which come after them."""
        return self.problem.d * self.k

    @property
    def room(self):
        """Iterations to remember."""
        return max(LEAST_MEMORY, min(MEMORY, MEMORY_BYTES // (16 * len(self.start))))


def check_minimize(
    X, y, *, l2, tol, max_passes, start, loss, sample_weight, fit_intercept, center, scale,
    stop, callback, callback_every, n_threads,
):  # fmt: skip
    """Return the checked arguments, see `lsgd_fast.minimize`."""
    tol = checks.check_real("tol", tol, zero_allowed=True)
    max_passes = checks.check_count("max_passes", max_passes, 1)
    stop = check_stop(stop)
    for name in ("unstable_steps", "validation_patience"):
        if getattr(stop, name) is not None:
            raise ValueError(f"stop.{name} is for gradient descent: minimize does not look at it")
    if stop.cycling:
        raise ValueError("stop.cycling is for gradient descent: minimize does not cycle")
    callback, callback_every = checks.check_callback(callback, callback_every)
    n_threads = checks.check_n_threads(n_threads)
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    options |= {"center": center, "scale": scale}
    problem = Problem.check(X, y, loss=loss, **options)
    if type(problem.loss) not in (Logistic, Softmax):
        raise ValueError(f"loss must be 'logistic' or 'softmax' for minimize; got {loss!r}")
    start, n_classes = check_start(start, problem), None
    if problem.is_multi:  # what `line` knows of it is how many columns there are
        n_classes = problem.model.columns
        problem = replace(problem, loss=Logistic(), model=Linear())
    return Asked(
        problem, n_classes, start, _radius(problem), tol, max_passes, stop, callback,
        callback_every, n_threads,
    )  # fmt: skip


def _radius(problem):
    """Return the largest norm of a row of positive weight, without the 1 of an intercept."""
    if not problem.fit_intercept:
        return problem.radius
    square = problem.radius * problem.radius - 1.0
    if square > 1e-3:
        return math.sqrt(square)
    return Problem.check(
        problem.X, problem.y > problem.y.min(), sample_weight=problem.weight,
        center=problem.center, scale=problem.scale,
    ).radius  # fmt: skip


def run_minimize(engine, asked):
    """Return the `Run` of `lsgd_fast.minimize`.

    Parameters
    ----------
    engine : object
        With attributes `passes`, `line`, `curvature` and `n_threads`.
    asked : Asked
    """
    return _Descent(engine, asked).run()


class _Descent:
    """The state of one minimisation between its iterations."""

    def __init__(self, engine, asked):
        self.engine, self.asked, self.problem = engine, asked, asked.problem
        self.passes, self.line, self.curvature = engine.passes, engine.line, engine.curvature
        self.n_steps = self.n_passes = self.n_increases = self.last_increase = self.stale = 0
        self.separated_at = self.separating_weights = None
        self.path = norm(asked.start)  # length of the way that the scores have come
        self.weight_norm = norm(asked.start[: asked.n_penalised])
        self.gradient_norm = self.share = math.nan
        self.least_gradient = math.inf
        self.trace = []

    def run(self):
        began = time.perf_counter()
        if self.path > 0.0:
            self.passes.forward(self.curvature.weights, self.line.scores)
            self.n_passes = 1
        self.now = Point._make(self.line.evaluate(0.0))
        if not self._objective(self.now) <= MAX_START:
            self.path = self.weight_norm = 0.0
            self.curvature.weights[:] = self.line.scores[:] = 0.0
            self.now = Point._make(self.line.evaluate(0.0))
        while True:
            reason = self._look(began)
            if reason is not None:
                break
            row = self._measured()
            before, t = self.now, self._step()
            if t is None:
                reason = StopReason.rounding
                break
            self.trace.append((*row, t, self.n_passes))
            self._count(before)
        if reason is StopReason.separated and self._wants_loss():
            reason = self._follow_ray()
        self.trace.append((*self._measured(), math.nan, self.n_passes))
        return self._finish(reason, time.perf_counter() - began)

    def _measured(self):
        now = self.now
        return (
            self.n_steps, now.loss, now.log_loss, now.error_rate, now.min_margin,
            self.gradient_norm, self.weight_norm,
        )  # fmt: skip

    def _look(self, began):
        """Look at the weights, and return why to end here, or None; then the gradient is known."""
        now, asked, problem, stop = self.now, self.asked, self.problem, self.asked.stop
        self.gradient_norm = self.share = math.nan
        if not (math.isfinite(now.log_loss) and math.isfinite(self.weight_norm)):
            return StopReason.diverged
        if self.separated_at is None:
            # each step rounds scores and weights once more
            n_roundings = asked.height + 2 * self.n_steps
            reach = problem.reach * (1 if asked.n_classes is None else 2)  # of two scores
            if separates(now.min_margin, self.path, reach, n_roundings):
                self.separated_at = self.n_steps
                self.separating_weights = self._shaped(self.curvature.weights.copy())
        if stop.loss is not None and now.loss <= stop.loss:
            return StopReason.loss
        if self.separated_at is not None and (problem.l2 == 0.0 or stop.separated):
            return StopReason.separated
        if self.n_passes >= asked.max_passes:
            return StopReason.max_passes
        self.passes.backward(self.line.row_gradients, self.curvature.gradient)
        self.n_passes += 1
        by_weights, by_intercepts = self.curvature.turn()
        self.gradient_norm = math.hypot(by_weights, by_intercepts)
        self.share = max(ratio(by_weights, asked.radius * now.pull), ratio(by_intercepts, now.pull))
        if self.share <= asked.tol:
            return StopReason.converged
        if stop.gradient_norm is not None and self.gradient_norm <= stop.gradient_norm:
            return StopReason.gradient_norm
        if self._is_stale():
            return StopReason.rounding
        if self.n_passes + 2 > asked.max_passes:
            return StopReason.max_passes
        if stop.seconds is not None and time.perf_counter() - began >= stop.seconds:
            return StopReason.seconds
        if asked.callback is not None and self.n_steps and self.n_steps % asked.callback_every == 0:
            answer = asked.callback(self._state())
            if isinstance(answer, (bool, np.bool_)) and answer:
                return StopReason.callback
        return None

    def _is_stale(self):
        """Whether neither the objective nor the gradient has got less for some iterations."""
        if self.gradient_norm < 0.9 * self.least_gradient:
            self.least_gradient, self.stale = self.gradient_norm, 0
        return self.stale >= STALE_STEPS

    def _step(self):
        """Take a step and return its length in directions, or None where there is none."""
        for first in (1.0, None):
            if first is None or self.n_steps == 0:
                self.curvature.forget()
                first = None
            slope, drag, grip, length = self.curvature.aim()
            if not -math.inf < slope < 0.0:
                continue
            self.passes.forward(self.curvature.direction, self.line.change)
            self.n_passes += 1
            # where nothing is known of curvature, weights change by no more than 16 times
            far = 16.0 * max(self.path, 1.0 / self.asked.unit) / length
            found = search(self.line.evaluate, self.now.loss, slope, drag, grip, first, far)
            if found is None:
                continue
            t, self.now = found[0], Point._make(found[1])
            self.line.move(t)
            self.weight_norm, size = self.curvature.move(t)
            self.path += t * length
            if self.path > DETOUR * max(size, 1.0 / self.asked.unit):
                self._refresh(size)
            self.stale += -slope * t <= STALE_CHANGE * self._objective(self.now)
            return t
        return None

    def _refresh(self, size):
        """Compute scores from the weights: what they were the sum of has left its rounding."""
        self.passes.forward(self.curvature.weights, self.line.scores)
        self.n_passes += 1
        self.path = size
        self.now = Point._make(self.line.evaluate(0.0))

    def _objective(self, point):
        return point.loss + 0.5 * self.problem.l2 * self.weight_norm * self.weight_norm

    def _count(self, before):
        """Count the step that was taken from the measurement `before`."""
        self.n_steps += 1
        now = self.now
        if is_increase(now.loss, now.log_loss, before.loss, before.log_loss):
            self.n_increases += 1
            self.last_increase = self.n_steps

    def _wants_loss(self):
        stop = self.asked.stop
        return stop.loss is not None and self.problem.l2 == 0.0 and not stop.separated

    def _follow_ray(self):
        """Make weights that separate longer, until the loss is what `stop` asks for.

        A row of margin z has a loss of at most ``(k - 1) * exp(-z)``, and 0 from z = 746 on.
        """
        now, target = self.now, self.asked.stop.loss
        needed = min(746.0, -math.log(target)) if target > 0.0 else 746.0
        needed += math.log(max(1, self.asked.k - 1))
        factor = ratio(needed, now.min_margin) * (1.0 + 16 * EPSILON)
        if not factor * max(self.path, 1.0) < MAX_STEP:
            return StopReason.separated
        self.trace.append((*self._measured(), factor - 1.0, self.n_passes))
        for array in (self.curvature.weights, self.line.scores):
            array *= factor
        self.weight_norm *= factor
        self.now = Point._make(self.line.evaluate(0.0))
        self._count(now)
        self.gradient_norm = math.nan
        return StopReason.loss if self.now.loss <= target else StopReason.separated

    def _shaped(self, parameters):
        """Return parameters as (height,), or for several classes (height, k)."""
        if self.asked.n_classes is None:
            return parameters
        return parameters.reshape(self.asked.height, self.asked.k)

    def _weights(self):
        """Return a copy of the weights, and the intercepts."""
        weights = self._shaped(self.curvature.weights.copy())
        d, several = self.problem.d, self.asked.n_classes is not None
        if self.problem.fit_intercept:
            return weights[:d], weights[d] if several else float(weights[d])
        return weights, np.zeros(self.asked.k) if several else 0.0

    def _ending(self, reason=None):
        return Ending(
            n_steps=self.n_steps,
            n_passes=self.n_passes,
            penalised=self.problem.l2 > 0.0,
            diverged=reason is StopReason.diverged,
            separated_at=self.separated_at,
            converged=reason is StopReason.converged,
            share=self.share,
        )

    def _state(self):
        weights, intercept = self._weights()
        ending = self._ending()
        names = ("loss", "log_loss", "error_rate", "min_margin")
        return SimpleNamespace(
            n_steps=self.n_steps,
            n_passes=self.n_passes,
            weights=weights,
            intercept=intercept,
            objective=self._objective(self.now),
            gradient_norm=self.gradient_norm,
            verdict=ending.verdict,
            evidence=ending.evidence,
            **{name: getattr(self.now, name) for name in names},
        )

    def _finish(self, reason, seconds):
        weights, intercept = self._weights()
        rows = np.array(self.trace, dtype=np.float64)
        return Run(
            weights=weights,
            intercept=intercept,
            trace=Trace.from_rows(rows, COLUMNS, self.problem.l2),
            stop_reason=reason,
            n_steps=self.n_steps,
            n_threads=self.engine.n_threads,
            seconds=seconds,
            radius=self.problem.radius,
            separated_at=self.separated_at,
            separating_weights=self.separating_weights,
            certified_at=None,
            stable_at=self.last_increase if self.last_increase < self.n_steps else None,
            n_increases=self.n_increases,
            diagnostics=self._ending(reason),
        )
