"""The stepsize rules in plain NumPy: from w_t to w_{t+1}; `stepsizes` describes them.

Gradients of adaptive rules are over exp(log_scale), and so are factors: the step is
``-factor * direction``. Log scales are only ever subtracted from one another.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from lsgd_fast._constants import (
    FLAT_GROWTH,
    GLL_WINDOW,
    INCREASE_TOLERANCE,
    MAX_SHORTENING,
    MIN_SHORTENING,
    SUFFICIENT_DECREASE,
)
from lsgd_fast._methods.backtracking import PenaltyLine, search_stepsize
from lsgd_fast._methods.numerics import norm, times_exp
from lsgd_fast.reference.minimize import LinearMap, ScoreLine
from lsgd_fast.stepsizes import (
    AdGD,
    Anytime,
    Armijo,
    BarzilaiBorwein,
    Constant,
    DualMomentum,
    InverseLoss,
    Nesterov,
    NormalizedGradient,
    RiskAdaptive,
    Schedule,
    Silver,
    Tyurin,
    eta_of,
    known_values,
    smoothness_bound,
)

__all__ = ["Move", "StepRule"]


class Move(NamedTuple):
    """A step."""

    weights: np.ndarray  # after it
    stepsize: float
    length: float  # infinite where it is not down the gradient
    promise: float  # decrease of the objective to first order


class StepRule:
    """A stepsize rule and its state.

    Parameters
    ----------
    rule : stepsizes.Rule
    problem : Problem
    """

    def __init__(self, rule, problem):
        self.rule, self.problem = rule, problem
        self.values = known_values(rule, problem)
        self.anytime = _anytime_steps()
        self.kept = None  # the weights and the measurement that the latest factor belongs to
        self.log_factor = math.nan
        self.growth = math.inf
        self.heights = []  # log objectives of accepted weights
        self.vector = None  # the end of the latest gradient step, or the momentum
        self.inertia = 1.0
        self.linear_map, self.line = None, None  # of a rule that searches along the gradient
        self.bound = math.inf  # an upper bound of the margin of the data

    @np.errstate(all="ignore")
    def plan(self, t, w, now):
        """Return the step from w_t with the measurement `now`; to be called once for each t."""
        rule = self.rule
        if isinstance(rule, Nesterov):
            return self._nesterov(w, now)
        if isinstance(rule, DualMomentum):
            return self._dual_momentum(t, w, now)
        if isinstance(rule, BarzilaiBorwein):
            shorter = self._shorter(now)
            if shorter is not None:
                return self._go_back(shorter)
            factor = self._barzilai_borwein(w, now)
        elif isinstance(rule, Constant):
            factor = rule.eta
        elif isinstance(rule, Schedule):
            factor = self.values[min(t, len(self.values) - 1)]
        elif isinstance(rule, Silver):
            factor = self.values[((t + 1) & -(t + 1)).bit_length() - 1]
        elif isinstance(rule, Anytime):
            factor = next(self.anytime) * eta_of(rule, self.problem)
        elif isinstance(rule, RiskAdaptive):
            factor = self._risk_adaptive(now)
        elif isinstance(rule, InverseLoss):
            factor = np.float64(rule.eta) / now.risk
        elif isinstance(rule, Tyurin):
            factor = np.float64(rule.eta) / now.mass
        elif isinstance(rule, Armijo):
            return self._armijo(w, now)
        elif isinstance(rule, AdGD):
            factor = self._adgd(w, now)
        elif now.norm == 0.0:
            factor = 0.0
        elif isinstance(rule, NormalizedGradient):
            factor = np.float64(rule.eta) / now.norm
        else:
            factor = now.risk / np.float64(now.norm) / now.norm
        length = float(factor * now.norm)
        stepsize = times_exp(factor, -now.log_scale)
        return Move(w - factor * now.direction, stepsize, length, length * now.gradient_norm)

    def _risk_adaptive(self, now):
        log_slope = self.problem.loss.log_slope_at(np.float64(now.ln_loss))
        log_ratio, log_relative = now.ln_loss - log_slope, log_slope - now.log_scale
        if abs(log_ratio) <= abs(log_relative):  # the smaller exponent has the smaller error
            return np.float64(self.rule.eta) / (now.risk / np.exp(log_ratio))
        return np.float64(self.rule.eta) / np.exp(log_relative)

    def _nesterov(self, w, now):
        eta = eta_of(self.rule, self.problem)
        before = w if self.vector is None else self.vector
        self.vector = end = w - eta * now.direction
        if now.direction @ (end - before) > 0.0:
            momentum, self.inertia = 0.0, 1.0
        else:
            inertia = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * self.inertia * self.inertia))
            momentum, self.inertia = (self.inertia - 1.0) / inertia, inertia
        promise = eta * now.norm * now.gradient_norm
        return Move(end + momentum * (end - before), eta, math.inf, promise)

    def _dual_momentum(self, t, w, now):
        unit = self.problem.margin_slope or 1.0
        mean = -now.direction / now.mass
        self.vector = t / (t + 1) * (mean if t == 0 else self.vector + mean)
        self.bound = min(self.bound, norm(mean))
        if t > 0:
            self.bound = min(self.bound, 2.0 * norm(self.vector) / t)
        stepsize = times_exp(1.0 / now.mass, -now.log_scale) / unit / unit
        promise = norm(mean) / unit * (now.gradient_norm / unit)
        return Move(w + (self.vector + mean) / unit / unit, stepsize, math.inf, promise)

    def _armijo(self, w, now):
        problem = self.problem
        if self.line is None:
            k = problem.model.columns
            self.linear_map, self.line = LinearMap(problem, k), ScoreLine(problem, k)
        unit = now.direction / now.norm
        self.linear_map.matvec(w, self.line.scores)
        self.linear_map.matvec(-unit, self.line.change)
        penalty = None
        if problem.l2 > 0.0:
            n_weights = problem.d * problem.model.columns
            weights, gradient = w[:n_weights], unit[:n_weights]
            value = 0.5 * problem.l2 * norm(weights) * norm(weights)
            curvature = problem.l2 * norm(gradient) * norm(gradient)
            penalty = PenaltyLine(value, -problem.l2 * float(weights @ gradient), curvature)
        found = (self.line.evaluate, now.norm, now.log_scale, penalty)
        stepsize = search_stepsize(self.rule, *found)
        factor = times_exp(stepsize, now.log_scale)
        length = factor * now.norm
        moved = w - factor * now.direction
        return Move(moved, stepsize, length, length * now.gradient_norm)

    def _first(self, now):
        """Return the log of the first factor: 1 over an upper bound of the curvature."""
        smoothness = smoothness_bound(self.problem)
        if smoothness < math.inf:
            log_curvature = _log(smoothness)
        else:
            log_curvature = now.ln_loss + 2.0 * _log(self.problem.margin_slope)
            if self.problem.l2 > 0.0:
                log_curvature = float(np.logaddexp(log_curvature, math.log(self.problem.l2)))
        return now.log_scale - (log_curvature if math.isfinite(log_curvature) else 0.0)

    def _secant(self, w, now):
        """Return the changes s of weights and y of gradient, and the log scale of y less now's."""
        before, then = self.kept
        change = now.log_scale - then.log_scale
        y = np.exp(min(0.0, change)) * now.direction - np.exp(min(0.0, -change)) * then.direction
        return w - before, y, min(0.0, change)

    def _adgd(self, w, now):
        if self.kept is None:
            found = self._first(now)
        else:
            change = now.log_scale - self.kept[1].log_scale
            s, y, relative = self._secant(w, now)
            grown = self.log_factor + change + 0.5 * float(np.logaddexp(0.0, self.growth))
            known = norm(s) > 0.0 and norm(y) > 0.0
            limit = _log(norm(s)) - _log(2.0 * norm(y)) + relative if known else math.inf
            found = min(grown, limit)
            if found == math.inf:
                found = self.log_factor + change
            self.growth = found - self.log_factor - change
        self.kept, self.log_factor = (w, now), found
        return float(np.exp(found))

    def _barzilai_borwein(self, w, now):
        if self.kept is None:
            found = self._first(now)
        else:
            s, y, relative = self._secant(w, now)
            cosine = float((s / norm(s)) @ (y / norm(y)))
            if cosine > 0.0:
                found = _log(norm(s)) - _log(norm(y)) - _log(cosine) + relative
            else:  # also for NaN
                change = now.log_scale - self.kept[1].log_scale
                found = self.log_factor + change + math.log(FLAT_GROWTH)
        self.heights.append(self._height(now))
        self.kept, self.log_factor = (w, now), found
        return float(np.exp(found))

    def _height(self, now):
        if self.problem.l2 > 0.0 and now.objective < math.inf:
            return math.log(now.objective)
        return now.ln_loss

    def _shorter(self, now):
        """Return the factor that shortens the step of a failed trial; None if it has not failed."""
        if self.kept is None:
            return None
        then, height = self.kept[1], self._height(now)
        highest, latest = max(self.heights[-GLL_WINDOW:]), self.heights[-1]
        log_promise = self.log_factor + 2.0 * _log(then.norm) + then.log_scale
        allowed = 1.0 + INCREASE_TOLERANCE * max(1.0, abs(highest))
        if np.exp(height - highest) <= allowed - SUFFICIENT_DECREASE * np.exp(
            log_promise - highest
        ):
            return None
        promise = np.exp(log_promise - latest)
        shorter = float(promise / (2.0 * (np.exp(height - latest) - 1.0 + promise)))
        return (
            min(max(shorter, MIN_SHORTENING), MAX_SHORTENING)
            if shorter == shorter
            else MIN_SHORTENING
        )

    def _go_back(self, shorter):
        before, then = self.kept
        self.log_factor += math.log(shorter)
        factor = np.exp(self.log_factor)
        stepsize = times_exp(factor, -then.log_scale)
        return Move(before - factor * then.direction, stepsize, math.inf, 0.0)


def _anytime_steps():
    """Yield the steps of `Anytime` times the smoothness, as the paper builds them."""
    total, silver = 0.0, []
    for j in itertools.count(1):
        half = sum(silver)
        silver = [*silver, _step_between(half, half), *silver]
        for _ in range(math.floor(2.0 * (1.0 + math.sqrt(2.0)) ** j)):
            between = _step_between(total, sum(silver))
            total += between + sum(silver)
            yield between
            yield from silver


def _step_between(x, y):
    """Return the step between steps of the sums x and y."""
    return 0.5 * (math.sqrt((x + y + 2.0) ** 2 + 4.0 * (x + 1.0) * (y + 1.0)) - (x + y))


def _log(x):
    return math.log(x) if x > 0.0 else -math.inf
