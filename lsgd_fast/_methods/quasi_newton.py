"""The quasi-Newton method: limited-memory BFGS with line searches that do not read X.

An iteration reads X twice: once for the gradient, and once for the change of the scores along the
search direction. The line search works on the scores and their change alone (see `score_line.pyx`),
so that it can be thorough: together with a long memory that saves most iterations.

The compiled package and the NumPy reference share this file and pass an `Engine` each.
"""

import math
import time
from collections import deque

import numpy as np

from lsgd_fast._constants import EPSILON, SLACK
from lsgd_fast._inputs.callbacks import pace_of
from lsgd_fast._inputs.problem import objective_of
from lsgd_fast._inputs.stopping import StopReason, ends_run
from lsgd_fast._methods.gradient_sizes import GradientSizes
from lsgd_fast._methods.line_search import Product, search
from lsgd_fast._methods.minimize_result import result_of, state_of
from lsgd_fast._methods.numerics import center_classes, is_increase, norm, ratio
from lsgd_fast._methods.separable_data import OnSeparableData

__all__ = ["Path", "gradient_of_loss", "minimisation", "run_minimize"]

# A run ends with "rounding" after this many iterations without progress: steps whose predicted
# decrease is below the rounding of the objective, while the gradient does not shrink.
MAX_STALLED = 20
STALLED_DECREASE = 8 * EPSILON
GRADIENT_PROGRESS = 0.9

# If the objective at `start` is larger, zero weights are better: from so far out the sums of the
# steps would lose half of their digits.
MAX_START = 1e8

# Scores are sums of steps, with rounding in proportion to the length of the path. They are computed
# anew where that length exceeds the norm of the weights by this factor.
MAX_PATH_RATIO = 1000.0

# Where the gradient as a whole has converged, but the rows of some feature still pull the same way
# by this share, its weight may go to infinity: that is looked into before the run goes on.
GROWING_SHARE = 0.5

# Without any pair, a first step length changes the weights by at most this factor.
FIRST_STEP_RATIO = 16.0

UNIT_STEPS, UNIT_PASSES = 50, 5  # own units are chosen by then, and take so many reads of X


def run_minimize(engine, request, growth=None):
    """Minimise the objective.

    Parameters
    ----------
    engine : Engine
    request : MinimizeRequest
    growth : GrowthCheck, optional
        Which proves, of a problem without a penalty, that the loss has no minimum.

    Returns
    -------
    Run
    """
    products = minimisation(engine, request, growth)
    try:
        while True:
            next(products).compute(engine.linear_map)
    except StopIteration as end:
        return end.value


class Path:
    """What minimisations for one penalty after the other leave to the next one, which goes on.

    They share an engine, and differ in the penalty alone.

    Attributes
    ----------
    ends : deque of (weights, scores)
        Where the last two ended.
    sizes : GradientSizes or None
        Of the last one.
    """

    def __init__(self):
        self.ends, self.sizes = deque(maxlen=2), None

    def leave(self, engine, sizes):
        """Note where a minimisation has ended."""
        self.ends.append((engine.lbfgs.weights.copy(), engine.score_line.scores.copy()))
        self.sizes = sizes


def minimisation(engine, request, growth=None, path=None):
    """Minimise as `run_minimize`, but leave the products with X to the caller.

    So several minimisations on the same X can share its reads.

    Parameters
    ----------
    engine, request, growth
        Those of `run_minimize`.
    path : Path, optional
        Where another minimisation has left off: the engine has its weights, which are
        `request.start`, their scores, and the gradient of the loss. From the third one on the first
        step goes on in the direction from one end to the next, which takes no product.

    Yields
    ------
    Product
        To be computed before the next one is asked for.

    Returns
    -------
    Run
    """
    return _QuasiNewton(engine, request, growth, path).run()


def gradient_of_loss(engine, request):
    """Write the gradient of the loss into that of `engine.lbfgs`; yield the product that it takes.

    That of softmax sums to zero over the classes, but for rounding, which would move what they have
    in common. Each class has a share of it by its row gradients: that of a class whose own have
    nearly vanished is small.
    """
    row_gradients, gradient = engine.score_line.row_gradients, engine.lbfgs.gradient
    yield Product("rmatvec", row_gradients, gradient)
    if request.k > 1:
        largest = request.problem.ranks.gather(np.abs(row_gradients).max(axis=1), "the sizes")
        center_classes(gradient, request.k, np.max(largest, axis=0))


class _QuasiNewton(OnSeparableData):
    """The state of a minimisation between two iterations; methods yield a `Product` as they go."""

    def __init__(self, engine, request, growth, path):
        self.growth, self.separation, self.next_look = growth, None, 0
        self.path, self.goes_on = path, path is not None and len(path.ends) > 0
        self.engine, self.request, self.options = engine, request, request.options
        self.problem, self.stop = request.problem, request.options.stop
        self.line, self.lbfgs = engine.score_line, engine.lbfgs
        self.trace, self.values = [], None  # LineValues at the current weights
        self.n_steps = self.n_passes = self.n_stalled = 0
        self.n_increases = self.last_increase = 0  # of the objective
        self.separated_at = self.separating_weights = None
        if not self.goes_on:
            center_classes(self.lbfgs.weights, request.k)
        # in units: the steps that scores are the sum of, and a bound of the terms of a margin
        self.path_length = self.lbfgs.size()
        self.reach = self.problem.reach / request.unit * (1 if request.n_classes is None else 2)
        self.longest = 1.0 / request.unit  # the longest parameter whose length is 1 in its unit
        self.weight_norm = norm(self.lbfgs.weights[: request.n_penalised])
        self.sizes = GradientSizes(request, earlier=path and path.sizes)
        self.gradient_norm = self.share = self.entry_share = math.nan
        self.has_pairs, self.has_own_units = self.goes_on, False
        self.least_gradient, self.height = math.inf, request.height
        options = self.options
        self.pace = pace_of(options.callback, options.callback_every, self.problem.ranks)
        self.began = time.perf_counter()

    def run(self):
        """Iterate until the run ends, and return the `Run`."""
        self.began = time.perf_counter()
        yield from self._evaluate_start()
        while True:
            reason = yield from self._check_stopping()
            if reason is not None:
                break
            before, weight_norm, objective = self.values, self.weight_norm, self.objective()
            t = yield from self._take_step()
            if t is None and (yield from self._choose_units()):
                continue
            if t is None:
                reason = StopReason.rounding
                break
            self._record(before, weight_norm, t)
            self._count_step(before, objective)
        if self.growth is not None:
            reason = yield from self._look_for_growth(reason)
        if reason is StopReason.separated and self._has_target():
            reason = self._scale_to_target()
        if self.longest != 1.0 / self.request.unit:  # as another minimisation expects it
            self.lbfgs.measure_in(np.full(len(self.request.start), self.request.unit))
        self._record(self.values, self.weight_norm, math.nan)
        if self.path is not None:
            self.path.leave(self.engine, self.sizes)
        return result_of(self, reason, time.perf_counter() - self.began)

    def _evaluate_start(self):
        """Evaluate the losses at the start, or at zero weights if that is too far out."""
        in_range = self.path_length * self.reach < math.inf  # which bounds the scores
        if in_range and self.path_length > 0.0 and not self.goes_on:
            yield self._scores()
        self.values = self.line.evaluate(0.0)
        if not (in_range and self.objective() <= MAX_START * (1.0 + SLACK)):
            self.path_length = self.weight_norm = 0.0
            self.lbfgs.weights[:] = self.line.scores[:] = 0.0
            self.values = self.line.evaluate(0.0)

    def _record(self, values, weight_norm, stepsize):
        """Add a row to the trace, with the columns of `minimize_result`."""
        self.trace.append((
            self.n_steps, values.loss, values.ln_loss, values.error_rate, values.min_margin,
            self.gradient_norm, weight_norm, stepsize, self.n_passes,
        ))  # fmt: skip

    def _check_stopping(self):
        """Return why the run ends at the current weights; None once their gradient is known."""
        self.gradient_norm = self.share = self.entry_share = math.nan
        reason = self._check_values()
        if reason is None:
            yield from self._compute_gradient()
            reason = yield from self._check_gradient()
        if reason is None and self._callback_stops():
            reason = StopReason.callback
        return reason

    def _check_values(self):
        """Return why the run ends, as far as the losses show, or None."""
        values = self.values
        if not (math.isfinite(values.ln_loss) and math.isfinite(self.weight_norm)):
            return StopReason.diverged
        self._note_separation()
        if self.stop.loss is not None and values.loss <= self.stop.loss:
            return StopReason.loss
        if self.separated_at is not None and (self.problem.l2 == 0.0 or self.stop.separated):
            return StopReason.separated
        return StopReason.max_passes if self.n_passes >= self.options.max_passes else None

    def _compute_gradient(self):
        """Compute the gradient of the objective, and its norms."""
        if not self.goes_on:
            self.n_passes += 1
            yield from gradient_of_loss(self.engine, self.request)
        self.goes_on = False
        norms, derivative = self.lbfgs.update(), self.values.mean_derivative
        self.norms = norms
        self.gradient_norm = math.hypot(norms.weights, norms.intercepts)
        self.share = max(
            ratio(norms.weights, self.request.row_norm * derivative),
            ratio(norms.intercepts, derivative),
        )

    def _check_gradient(self):
        """Return why the run ends, as far as the gradient shows, or None."""
        stop, max_passes = self.stop, self.options.max_passes
        if (yield from self._is_converged()):
            return StopReason.converged
        if self.separation is not None:
            return StopReason.no_minimum
        if stop.gradient_norm is not None and self.gradient_norm <= stop.gradient_norm:
            return StopReason.gradient_norm
        if self.norms.scaled < GRADIENT_PROGRESS * self.least_gradient:
            self.least_gradient, self.n_stalled = self.norms.scaled, 0
        if self.n_steps == UNIT_STEPS:
            yield from self._choose_units()
        if self.n_stalled >= MAX_STALLED and not (yield from self._choose_units()):
            return StopReason.rounding
        if self.n_passes + 2 > max_passes:  # an iteration takes two
            return StopReason.max_passes
        if stop.seconds is not None and self._seconds() >= stop.seconds:
            return StopReason.seconds
        return None

    def _is_converged(self):
        """Return whether each entry of the gradient is at most `tol` times its size."""
        tol, derivative = self.options.tol * (1.0 + SLACK), self.values.mean_derivative
        if self.growth is None and self.problem.l2 == 0.0:  # a search for a separation
            return self.share <= tol
        sizes, here = self.sizes, (self.lbfgs.gradient, self.lbfgs.weights, derivative)
        if not sizes.allow(self.norms, self.lbfgs.weights, self.weight_norm, derivative, tol):
            return False
        if sizes.measured_at is not None:
            if not sizes.are_old(self.n_steps):
                if sizes.is_ruled_out(*here, tol):
                    return False
                self.entry_share = sizes.share(*here, sizes.expected_growth(derivative))
                if self.entry_share > tol:
                    return False
            share = sizes.share(*here, sizes.least_growth(np.abs(self.line.row_gradients)))
            if share <= tol:
                self.entry_share = share
                return True
        if self.n_passes >= self.options.max_passes:
            return False
        yield from self._measure_sizes()
        self.entry_share = sizes.share(*here)
        if self.entry_share <= tol:
            return True
        if self.entry_share > GROWING_SHARE and self.growth is not None:
            self.separation = self.growth.find(self, StopReason.converged)
        if self.separation is None:
            yield from self._choose_units()
        return False

    def _measure_sizes(self):
        self.n_passes, row_sizes = self.n_passes + 1, np.abs(self.line.row_gradients)
        yield Product("sizes", row_sizes, self.sizes.of_loss)
        self.sizes.set_measured(row_sizes, self.values.mean_derivative, self.n_steps)

    def _choose_units(self):
        """Give parameters units of their own where that may pay, once; return whether it does."""
        if self.has_own_units or self.n_passes + UNIT_PASSES > self.options.max_passes:
            return False
        self.has_own_units = True
        if self.sizes.measured_at != self.n_steps:
            yield from self._measure_sizes()
        if not self.sizes.may_differ():
            return False
        self.n_passes, found = self.n_passes + 1, self.sizes.units()
        if found is None:
            return False
        units, self.reach = found
        self.lbfgs.measure_in(units)
        self.reach *= 1 if self.request.n_classes is None else 2
        self.longest = 1.0 / float(units.min())
        self.least_gradient, self.n_stalled, self.has_pairs = math.inf, 0, False
        yield from self._refresh_scores(self.lbfgs.size())
        return True

    def _seconds(self):
        """Return the time since the run began, on the first rank."""
        return self.problem.ranks.first(time.perf_counter() - self.began, "the clock")

    def _callback_stops(self):
        """Call the callback if it is due, and return whether it returned True, on any rank."""
        callback, ranks = self.options.callback, self.problem.ranks
        if self.pace is None or self.n_steps == 0 or not self.pace.is_due(self.n_steps):
            return False
        with ranks.together():
            ends = callback is not None and ends_run(callback(state_of(self)))
        return any(ranks.gather(ends, "the callback"))

    def _take_step(self):
        """Take a step and return its length, or None if no step decreases the objective.

        If the pairs yield no step, they are discarded and the steepest descent is tried.
        """
        if self.n_steps == 0 and self.path is not None and len(self.path.ends) > 1:
            t = yield from self._follow_path()
            if t is not None:
                return t
        for is_retry in (False, True):
            initial_step = 1.0
            if is_retry or not self.has_pairs:
                self.lbfgs.reset()
                initial_step = None
            t = yield from self._search_anew(initial_step)
            if t is not None:
                self.has_pairs = True
                return t
        return None

    def _follow_path(self):
        """Go on in the direction that a path of minima has had, and return the length, or None."""
        weights, scores = self.path.ends[0]
        direction = self.lbfgs.direction_from(weights)
        np.subtract(self.line.scores, scores, out=self.line.change)
        return (yield from self._search(direction, 1.0)) if _descends(direction) else None

    def _search_anew(self, initial_step):
        """Search along the direction of the pairs, take the step, and return its length."""
        direction = self.lbfgs.direction()
        if not _descends(direction):
            return None
        self.n_passes += 1
        yield Product("matvec", self.lbfgs.search_direction, self.line.change)
        return (yield from self._search(direction, initial_step))

    def _search(self, direction, initial_step):
        """Search along a direction, take the step that is found, and return its length."""
        max_step = FIRST_STEP_RATIO * max(self.path_length, 1.0) / direction.norm
        found = search(
            self.line.evaluate, self.values.loss, direction.slope, direction.penalty_slope,
            direction.penalty_root, initial_step, max_step,
        )  # fmt: skip
        if found is None:
            return None
        longest = self.longest * (self.path_length + found[0] * direction.norm)
        if not longest < math.inf:
            return None
        t, self.values = found
        self.line.step(t)
        self.weight_norm, parameter_norm = self.lbfgs.step(t)
        self.path_length += t * direction.norm
        if self.path_length > MAX_PATH_RATIO * max(parameter_norm, 1.0):
            yield from self._refresh_scores(parameter_norm)
        decrease = -direction.slope * t  # as predicted to first order
        self.n_stalled += decrease <= STALLED_DECREASE * self.objective()
        return t

    def _refresh_scores(self, parameter_norm):
        """Compute the scores from the weights, without the rounding of the steps so far."""
        yield self._scores()
        self.path_length = parameter_norm
        self.values = self.line.evaluate(0.0)

    def _scores(self):
        """Return the product of X with the weights."""
        self.n_passes += 1
        return Product("matvec", self.lbfgs.weights, self.line.scores)

    def objective(self):
        """Return the objective at the current weights."""
        return objective_of(self.values.loss, self.problem.l2, self.weight_norm)

    def _count_step(self, before, objective):
        """Count a step, and whether it increased the objective over the one before."""
        self.n_steps += 1
        if is_increase(self.objective(), self.values.ln_loss, objective, before.ln_loss):
            self.n_increases, self.last_increase = self.n_increases + 1, self.n_steps


def _descends(direction):
    """Return whether the objective falls along a direction, which may have underflowed."""
    return -math.inf < direction.slope < 0.0 and direction.norm > 0.0
