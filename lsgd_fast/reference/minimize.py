"""The quasi-Newton method in plain NumPy."""

import math
from types import SimpleNamespace

import numpy as np

from lsgd_fast._constants import UNDERFLOW_LOSS
from lsgd_fast._methods.numerics import norm
from lsgd_fast._methods.quasi_newton import check_minimize, run_minimize
from lsgd_fast.losses import Logistic

__all__ = ["minimize"]


def minimize(
    X, y, *, l2=0.0, tol=1e-8, max_passes=1000, start=None, loss="logistic", sample_weight=None,
    fit_intercept=False, center=None, scale=None, stop=None, callback=None, callback_every=None,
    n_threads=None,
):  # fmt: skip
    """Minimise the objective and return a `Run`; see `lsgd_fast.minimize`."""
    asked = check_minimize(
        X, y, l2=l2, tol=tol, max_passes=max_passes, start=start, loss=loss,
        sample_weight=sample_weight, fit_intercept=fit_intercept, center=center, scale=scale,
        stop=stop, callback=callback, callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    engine = SimpleNamespace(
        passes=Passes(asked.problem, asked.k),
        line=Line(asked.problem, asked.k),
        curvature=Curvature(asked),
        n_threads=1,
    )
    return run_minimize(engine, asked)


class Passes:
    """Products of the rows of positive weight with weights, and their sums by row_gradients."""

    @np.errstate(all="ignore")
    def __init__(self, problem, k):
        self.X = problem.features(problem.weight > 0.0)
        if problem.fit_intercept:
            self.X = np.column_stack([self.X, np.ones(len(self.X))])
        self.k, self.total_weight = k, problem.total_weight

    @np.errstate(all="ignore")
    def forward(self, w, products):
        """Write ``x . w_c + b_c`` of each row and column."""
        products[:] = (self.X @ w.reshape(-1, self.k)).T

    @np.errstate(all="ignore")
    def backward(self, row_gradients, gradient):
        """Write the mean of the rows, each times its row_gradients."""
        gradient[:] = (self.X.T @ row_gradients.T).ravel() / self.total_weight


class Line:
    """Scores of the rows of positive weight, their change, and the losses along that line."""

    def __init__(self, problem, k):
        used = problem.weight > 0.0
        self.weight, self.labels = problem.weight[used], problem.y[used]
        self.total_weight = problem.total_weight
        self.scores, self.change, self.row_gradients = np.zeros((3, k, used.sum()))
        # of which score the margin is made, and with which sign
        self.sign = self.labels[None] if k == 1 else 1.0
        self.own = np.zeros(used.sum(), int) if k == 1 else self.labels.astype(int)

    @np.errstate(all="ignore")
    def evaluate(self, t):
        """Look at ``scores + t * change``; see `lsgd_fast.line.Line.evaluate`."""
        weight, rows = self.weight, np.arange(len(self.weight))
        score, change = self.sign * (self.scores + t * self.change), self.sign * self.change
        own, change = score[self.own, rows], change - change[self.own, rows] * (len(score) > 1)
        if len(score) == 1:
            hard = soft = own
            share = -np.ones_like(score)  # of a change of q in that of the loss's derivative
        else:
            score[self.own, rows] = -np.inf
            top = score.max(axis=0)
            share = np.exp(score - top)
            hard, soft = own - top, own - top - np.log(share.sum(axis=0))
            share /= share.sum(axis=0)
        q = -Logistic().derivative(soft)
        mean, square = (share * change).sum(axis=0), (share * change * change).sum(axis=0)
        slope = q * mean
        curvature = q * (np.abs(square) - q * mean * mean)
        share[self.own, rows] = -1.0
        self.row_gradients[:] = self.sign * weight * q * share
        loss = self._mean(Logistic().value(soft))
        return (
            loss, self._mean(slope), self._mean(curvature), self._mean(q),
            math.log(loss) if loss >= UNDERFLOW_LOSS else self._log_loss(soft),
            self._mean(hard <= 0.0), float(hard.min()),
        )  # fmt: skip

    def _mean(self, values):
        return float(self.weight @ values) / self.total_weight

    def _log_loss(self, margins):
        terms = np.log(self.weight) + Logistic().log_value(margins)
        largest = terms.max()
        log_sum = largest + np.log(np.exp(terms - largest).sum())
        return float(log_sum - np.log(self.total_weight))

    @np.errstate(all="ignore")
    def move(self, t):
        """Add t times the change to the scores."""
        self.scores += t * self.change


class Curvature:
    """Weights, gradient and direction of a descent by limited-memory BFGS."""

    def __init__(self, asked):
        self.l2, self.n_penalised, self.room = asked.problem.l2, asked.n_penalised, asked.room
        # of l2, nearly: a power of two that keeps the penalty's derivative in range
        self.root = math.ldexp(1.0, math.frexp(self.l2)[1] // 2)
        self.unit, self.weights = asked.unit, asked.start.copy()
        self.gradient, self.direction, self.now = np.zeros((3, len(asked.start)))
        self.forget()

    def forget(self):
        """Forget all steps."""
        self.pairs, self.step = [], None  # the pairs: steps and changes of the gradient

    @np.errstate(all="ignore")
    def turn(self):
        """Add the penalty's gradient, learn from the latest step; see `lsgd_fast.curvature`."""
        self.gradient[: self.n_penalised] += self.l2 * self.weights[: self.n_penalised]
        before, self.now = self.now, self.gradient / self.unit
        if self.step is not None:
            s, y = self.step, self.now - before
            if 2.0**-40 * norm(s) * norm(y) < s @ y < math.inf and 0.0 < y @ y < math.inf:
                self.pairs = [*self.pairs, (s, y)][-self.room :]
        others = self.gradient[self.n_penalised :]
        return norm(self.gradient[: self.n_penalised]), norm(others) if others.size else 0.0

    @np.errstate(all="ignore")
    def aim(self):
        """Find the direction of the next step; see `lsgd_fast.curvature`."""
        q, shares = -self.now, []
        for s, y in reversed(self.pairs):
            shares.append((s @ q) / (s @ y))
            q = q - shares[-1] * y
        if self.pairs:
            s, y = self.pairs[-1]
            q = q * (norm(s) / norm(y))
        for (s, y), share in zip(self.pairs, reversed(shares), strict=True):
            q = q + (share - (y @ q) / (s @ y)) * s
        self.course = q
        self.direction[:] = q / self.unit
        w, p = self.weights[: self.n_penalised], self.direction[: self.n_penalised]
        drag = (self.root * w) @ (self.root * p) if self.l2 > 0.0 else 0.0
        drag, grip = self.l2 / self.root / self.root * drag, math.sqrt(self.l2) * norm(p)
        return float(self.now @ q), float(drag), float(grip), norm(self.direction)

    @np.errstate(all="ignore")
    def move(self, t):
        """Take the step of t times the direction; return norms; see `lsgd_fast.curvature`."""
        self.weights += t * self.direction
        self.step = t * self.course
        return norm(self.weights[: self.n_penalised]), norm(self.weights)
