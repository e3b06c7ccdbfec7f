"""The quasi-Newton method in plain NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.growth import growth_check, warn_of_growth
from lsgd_fast._methods.line_search import Direction, Engine, GradientNorms, LineValues, WeightNorms
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._methods.numerics import center_classes, norm
from lsgd_fast._methods.quasi_newton import run_minimize
from lsgd_fast._results.run import Run
from lsgd_fast._results.separation import feature_names
from lsgd_fast._typing import (
    Callback,
    ClassLoss,
    Count,
    FloatArray,
    Matrix,
    MinimizeState,
    Real,
    Scale,
    Vector,
    Weights,
)
from lsgd_fast.losses import Logistic
from lsgd_fast.reference._passes import Features, ln_mean_loss

__all__ = ["minimize", "solve"]


def minimize(
    X: Matrix, y: Vector, *, l2: Real = 0.0, tol: Real = 1e-8, max_passes: Count = 1000,
    start: Weights | None = None, loss: ClassLoss = "logistic", sample_weight: Vector | None = None,
    offset: Vector | None = None, fit_intercept: bool = False, center: Scale | None = None,
    scale: Scale | None = None, stop: Stop | None = None,
    callback: Callback[MinimizeState] | None = None, callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Run:  # fmt: skip
    """Minimise the objective and return a `Run`; see `lsgd_fast.minimize`."""
    options = MinimizeOptions(
        tol=tol, max_passes=max_passes, stop=stop, callback=callback,
        callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale, n_threads=1,
    ).with_offset(offset)  # fmt: skip
    check = growth_check(solve, problem, feature_names(X, problem.d), options.n_threads)
    with closing(callback):
        run = solve(options.for_problem(problem, start), check)
    return warn_of_growth(run, stacklevel=2)


def solve(request: Any, growth: Any = None) -> Run:
    """Return the `Run` of a `MinimizeRequest`; see `run_minimize`."""
    engine = Engine(
        linear_map=LinearMap(request.problem, request.k),
        score_line=ScoreLine(request.problem, request.k),
        lbfgs=LBFGS(request),
        n_threads=1,
    )
    return run_minimize(engine, request, growth)


class LinearMap:
    """Products with the rows of positive weight and with their transpose."""

    features: Features
    d: int
    k: int
    total_weight: float

    @np.errstate(all="ignore")
    def __init__(self, problem: Any, k: int) -> None:
        self.features, self.d, self.k = Features(problem), problem.d, k
        self.total_weight = problem.total_weight

    @np.errstate(all="ignore")
    def matvec(self, w: FloatArray, scores: FloatArray) -> None:
        """Write ``scores[c, i] = x_i . w_c + b_c`` for each column c and row i."""
        w = w.reshape(-1, self.k)
        scores[:] = (self.features.scores(w[: self.d]) + w[self.d :].sum(axis=0)).T

    def rmatvec(self, row_gradients: FloatArray, gradient: FloatArray) -> None:
        """Write ``sum_i row_gradients[c, i] * x_i / total_weight`` for each column c."""
        self._combine(self.features, row_gradients, gradient)

    def sizes(self, row_sizes: FloatArray, sizes: FloatArray) -> None:
        """Write ``sum_i row_sizes[c, i] * |x_i| / total_weight`` for each column c."""
        self._combine(self.features.absolute(), row_sizes, sizes)

    @np.errstate(all="ignore")
    def _combine(self, features, row_gradients, gradient):
        found = features.combine(row_gradients.T).ravel(), row_gradients.sum(axis=1)
        gradient[:] = np.concatenate(found)[: len(gradient)] / self.total_weight


class ScoreLine:
    """Scores of the rows of positive weight, their change, and the losses along that line.

    The scores are those without offsets, which are added where the losses are computed.
    """

    weight: FloatArray  # of each row, as labels and offsets
    labels: FloatArray
    total_weight: float
    offset: float | FloatArray
    scores: FloatArray  # (k, n), as the next two
    change: FloatArray
    row_gradients: FloatArray
    sign: float | FloatArray
    own: NDArray[np.intp]

    def __init__(self, problem: Any, k: int) -> None:
        used = problem.weight > 0.0
        self.weight, self.labels = problem.weight[used], problem.y[used]
        self.total_weight = problem.total_weight
        self.offset = 0.0 if problem.offset is None else problem.offset[used]
        self.scores, self.change, self.row_gradients = np.zeros((3, k, used.sum()))
        # sign and column of the score that the margin of a row is made of
        self.sign = self.labels[None] if k == 1 else 1.0
        self.own = np.zeros(used.sum(), int) if k == 1 else self.labels.astype(int)

    @np.errstate(all="ignore")
    def evaluate(self, t: float) -> LineValues:
        """Compute the losses and the row gradients at ``scores + t * change``."""
        weight, rows = self.weight, np.arange(len(self.weight))
        score = self.sign * (self.scores + t * self.change + self.offset)
        change = self.sign * self.change
        own, change = score[self.own, rows], change - change[self.own, rows] * (len(score) > 1)
        if len(score) == 1:
            hard = soft = own
            share = -np.ones_like(score)  # d soft = -(share * change).sum(axis=0) * dt
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
        return LineValues(
            loss=loss,
            slope=self._mean(slope),
            curvature=self._mean(curvature),
            mean_derivative=self._mean(q),
            ln_loss=ln_mean_loss(loss, Logistic(), soft, weight, self.total_weight),
            error_rate=self._mean(hard <= 0.0),
            min_margin=float(hard.min()),
        )

    def _mean(self, values):
        return float(self.weight @ values) / self.total_weight

    @np.errstate(all="ignore")
    def step(self, t: float) -> None:
        """Add t times the change to the scores."""
        self.scores += t * self.change


class LBFGS:
    """Weights, gradient and search direction of limited-memory BFGS."""

    l2: float
    l2_root: float
    n_penalised: int
    n_pairs: int
    k: int
    units: FloatArray
    weights: FloatArray
    gradient: FloatArray
    search_direction: FloatArray
    scaled_gradient: FloatArray
    scaled_direction: FloatArray
    pairs: list[tuple[FloatArray, FloatArray]]
    latest_step: FloatArray | None

    def __init__(self, request: Any) -> None:
        self.l2, self.n_penalised = request.problem.l2, request.n_penalised
        self.n_pairs, self.k = request.n_pairs, request.k
        # a power of two near sqrt(l2), which keeps the derivative of the penalty in range
        self.l2_root = math.ldexp(1.0, math.frexp(self.l2)[1] // 2)
        self.units, self.weights = request.unit, request.start.copy()
        self.gradient, self.search_direction = np.zeros((2, len(request.start)))
        # in units: the gradient, and the direction
        self.scaled_gradient, self.scaled_direction = np.zeros((2, len(request.start)))
        self.reset()

    def reset(self) -> None:
        """Discard all pairs, so that the next direction is that of steepest descent."""
        self.pairs, self.latest_step = [], None  # pairs (s, y) of a step and the gradient's change

    @np.errstate(all="ignore")
    def measure_in(self, units: FloatArray) -> None:
        """Take other units, powers of two, and discard all pairs."""
        self.reset()
        self.units, self.scaled_gradient = units, self.gradient / units

    @np.errstate(all="ignore")
    def update(self) -> GradientNorms:
        """Add the gradient of the penalty, and keep the pair of the latest step."""
        self.gradient[: self.n_penalised] += self.l2 * self.weights[: self.n_penalised]
        before, self.scaled_gradient = self.scaled_gradient, self.gradient / self.units
        if self.latest_step is not None:
            s, y = self.latest_step, self.scaled_gradient - before
            curvature, length, change = s @ y, norm(s), norm(y)
            sizes = [curvature, 1.0 / curvature, length / np.float64(change)]
            if curvature > 2.0**-40 * length * change and np.isfinite(sizes).all():
                self.pairs = [*self.pairs, (s, y)][-self.n_pairs :]
        intercepts = self.gradient[self.n_penalised :]
        return GradientNorms(
            weights=norm(self.gradient[: self.n_penalised]),
            intercepts=norm(intercepts) if intercepts.size else 0.0,
            scaled=norm(self.scaled_gradient),
        )

    @np.errstate(all="ignore")
    def direction(self) -> Direction:
        """Compute the direction of the next step (Nocedal and Wright, Algorithm 7.4)."""
        q, alphas = -self.scaled_gradient, []
        for s, y in reversed(self.pairs):
            alphas.append((s @ q) / (s @ y))
            q = q - alphas[-1] * y
        if self.pairs:
            s, y = self.pairs[-1]
            q = q * (norm(s) / norm(y))
        for (s, y), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q = q + (alpha - (y @ q) / (s @ y)) * s
        self.search_direction[:] = q / self.units
        if self.k > 1:
            center_classes(self.search_direction, self.k)
            q = self.search_direction * self.units
        self.scaled_direction = q
        w, p = self.weights[: self.n_penalised], self.search_direction[: self.n_penalised]
        product = (self.l2_root * w) @ (self.l2_root * p) if self.l2 > 0.0 else 0.0
        return Direction(
            slope=float(self.scaled_gradient @ q),
            penalty_slope=float(self.l2 / self.l2_root / self.l2_root * product),
            penalty_root=math.sqrt(self.l2) * norm(p),
            norm=norm(q),
        )

    @np.errstate(all="ignore")
    def step(self, t: float) -> WeightNorms:
        """Add t times the direction to the weights."""
        self.weights += t * self.search_direction
        center_classes(self.weights, self.k)
        self.latest_step = t * self.scaled_direction
        return WeightNorms(weights=norm(self.weights[: self.n_penalised]), parameters=self.size())

    @np.errstate(all="ignore")
    def size(self) -> float:
        """Return the norm of all parameters in units."""
        return norm(self.weights * self.units)
