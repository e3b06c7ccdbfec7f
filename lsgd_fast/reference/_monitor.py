"""The monitor of a descent: it updates the diagnostics that the verdict depends on.

Windows double in length: steps 0 to 15, 16 to 31, 32 to 63, and so on; a window that has just begun
is evaluated together with the one before. Memory does not grow: a few numbers and three vectors.

The *drift* is the distance between two weights divided by the path between them, the sum of
``eta * |gradient|``. Without a penalty it bounds the margin. On data of margin m along a unit
vector u, every step has ``<w_{t+1} - w_t, u> >= eta m G_t`` and a length of at most ``eta R G_t``,
where G_t is the weighted mean of ``|loss'(z_i)|``. So the drift is at least m/R, between any two
weights and between any two means of weights, and the least one found is an upper bound of m/R; it
is tight if the run goes round in circles. It is computed at every step from the first weights of
the window, as in Brent's search for periods, which gives 0 when a cycle of any length closes; and
between the means of this window and of the last: on irregular orbits in many dimensions weights
hardly ever return, but means over n steps approach each other like 1/sqrt(n) while the path grows
like n.

References
----------
R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20, 1980, for the windows.
"""

import math
from dataclasses import dataclass

import numpy as np

from lsgd_fast._constants import EPSILON, FIRST_WINDOW, INCREASE_TOLERANCE, UNDERFLOW_LOSS
from lsgd_fast._methods.numerics import is_increase, norm
from lsgd_fast._results.diagnostics import Diagnostics, largest_curvature, sharpness_bound
from lsgd_fast._results.verdict import MIN_STEPS
from lsgd_fast.losses import is_zero
from lsgd_fast.stepsizes import Constant, largest

__all__ = ["Monitor"]


@dataclass
class _Window:
    """One window of steps; the monitor keeps at most two of them."""

    start: int
    objective: float  # at the start
    low: float
    high: float
    promise: float = 0.0
    n_increases: int = 0


class Monitor:
    """The monitor of a descent: a few numbers and three vectors.

    A step costs one distance and one sum of weights.

    Parameters
    ----------
    problem : Problem
    rule : stepsizes.Rule
    """

    def __init__(self, problem, rule):
        self.problem, self.rule = problem, rule
        self.penalised = problem.l2 > 0.0
        self.is_linear = problem.model.name != "network"  # drift and curvature mean nothing for one
        sharpness = sharpness_bound(largest(rule, problem), problem.loss.curvature, problem)
        self.is_small = self.is_linear and sharpness <= 2.0
        self.eta = rule.eta if isinstance(rule, Constant) else 0.0  # of the latest step
        self.n_increases = self.last_increase = 0
        self.largest_increase = 1.0
        self.now = None  # the latest measurement
        self.gradient_norm = math.nan  # of the latest step
        self.end = FIRST_WINDOW  # of the window
        self.window = self.last = None
        self.earlier_promise = 0.0
        self.mean = None  # of the weights in the last window
        self.behind = 0.0  # path from that mean to the end of the last window
        self.drift = math.inf
        self._clear()

    def _clear(self):
        self.count = 0  # of steps in the window
        self.first = None  # weights
        self.sum = np.zeros(self.problem.n_parameters)  # of the weights before each step
        self.path = 0.0  # since the beginning of the window
        self.before = self.after = 0.0  # sums over its steps: path before the step, from it on
        self.least = math.inf  # least drift between the first weights and later ones

    def observe(self, t, now):
        """Update with the measurement of w_t; a second call for the same w_t changes nothing.

        Parameters
        ----------
        t : int
        now : object
            With attributes `objective`, `loss` and `ln_loss`.
        """
        value = now.objective
        if t == 0:
            self.window = self.last = _Window(0, value, value, value)
        elif t == self.end:
            self._begin_window(t, value)
        if self.now is not None and self._increases(now):
            self.n_increases += 1
            self.window.n_increases += 1
            self.last_increase = t
            self.largest_increase = max(self.largest_increase, self._factor(now))
        self.window.low = min(self.window.low, value)
        self.window.high = max(self.window.high, value)
        self.now = now

    def _increases(self, now):
        if self.penalised:
            return now.objective > self.now.objective * (1.0 + INCREASE_TOLERANCE)
        return is_increase(now.objective, now.ln_loss, self.now.objective, self.now.ln_loss)

    def _factor(self, now):
        overflown = now.objective == math.inf and not self.penalised
        if self.now.objective >= UNDERFLOW_LOSS and not overflown:
            return now.objective / self.now.objective
        inverse = math.exp(self.now.ln_loss - now.ln_loss)  # which cannot overflow
        return 1.0 / inverse if inverse > 0.0 else math.inf

    @np.errstate(all="ignore")
    def observe_step(self, w, gradient_norm, move):
        """Update with the step from the weights of the latest measurement.

        A step that is not down the gradient has an infinite length, and then no drift is computed.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The weights before the step.
        gradient_norm : float
            Norm of the gradient of the objective, over exp(log_scale).
        move : object
            With attributes `length`, `promise`, the decrease of the objective to first order, and
            `stepsize`.
        """
        if self.count == 0:
            self.first = w.copy()
        share = self._share(w - self.first, self.first, self.path)
        self.least = min(self.least, share)
        self.eta = move.stepsize
        self.count += 1
        self.sum += w
        self.before += self.path
        self.after += self.count * move.length
        self.path += move.length
        self.window.promise += move.promise
        self.gradient_norm = gradient_norm

    @np.errstate(all="ignore")
    def _begin_window(self, t, value):
        self.drift = self._drift()
        self.mean = self.sum / self.count
        self.behind = self.after / self.count
        self._clear()
        self.earlier_promise = self.last.promise / max(1, self.window.start - self.last.start)
        self.last, self.window = self.window, _Window(t, value, value, value)
        self.end = 2 * t

    @np.errstate(all="ignore")
    def _drift(self):
        """Return the least drift, with that of the current window up to its latest step."""
        drift = self.least if self.penalised else min(self.least, self.drift)
        if self.mean is None or self.count == 0:
            return drift
        path = self.behind + self.before / self.count
        return min(drift, self._share(self.sum / self.count - self.mean, self.mean, path))

    def _known_drift(self):
        if not self.is_linear:
            return math.inf
        return self.drift if self.penalised else self._drift()

    def _share(self, difference, weights, path):
        """Return the length of a difference to weights as a share of the path, rounding added."""
        if not 0.0 < path < math.inf:
            return math.inf
        # Rounding: each step and each sum of weights loses up to an ulp of the weights, which are
        # within this path of the given ones; each gradient loses up to n + d ulps of R G.
        size = self.problem.n + self.problem.d + self.problem.model.columns - 1
        lost = EPSILON * (2 * self.end + size)
        return (norm(difference) + lost * norm(weights)) / path + lost

    def is_due(self, t):
        """Return whether a window ends at w_t, so that a cycle can be detected."""
        return t == self.window.start and t >= MIN_STEPS

    def diagnostics(self, t, separated_at, certified_at, diverged=False):
        """Return the diagnostics of the run up to w_t, the weights of the latest measurement.

        Parameters
        ----------
        t : int
        separated_at, certified_at : int or None
        diverged : bool, default False

        Returns
        -------
        Diagnostics
        """
        last, window, value = self.last, self.window, self.now.objective
        loss = self.problem.loss
        curvature = largest_curvature(loss, self.now.loss)
        windows = [window] if last is window else [last, window]
        return Diagnostics(
            n_steps=t,
            penalised=self.penalised,
            diverged=diverged,
            separated_at=separated_at,
            certified_at=certified_at,
            is_small=self.is_small,
            sharpness=(
                sharpness_bound(self.eta, curvature, self.problem) if self.is_linear else math.inf
            ),
            is_at_rest=self.gradient_norm == 0.0,
            n_increases=self.n_increases,
            last_increase=self.last_increase,
            largest_increase=self.largest_increase,
            window=last.start,
            window_increases=sum(w.n_increases for w in windows),
            low=min(w.low for w in windows),
            high=max(w.high for w in windows),
            fall=last.objective - value,
            promise=sum(w.promise for w in windows),
            earlier_promise=self.earlier_promise,
            drift=self._known_drift(),
            curvature=loss.curvature,
            is_covered=isinstance(self.rule, Constant) and self.problem.is_covered,
            model=self.problem.model.name,
            is_zero=not self.penalised and is_zero(loss, self.now),
        )
