"""Stochastic gradient descent in plain NumPy."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.stochastic import StochasticOptions, run_stochastic, sweep_stochastic
from lsgd_fast._results.stochastic_run import StochasticRun, StochasticSweep
from lsgd_fast._typing import (
    BatchState,
    Callback,
    Count,
    FloatArray,
    MarginLoss,
    Matrix,
    Order,
    Real,
    Seed,
    Vector,
    Weights,
)
from lsgd_fast.reference._passes import Rows, ln_mean_loss, product
from lsgd_fast.stepsizes import Constant

__all__ = ["stochastic_gradient_descent", "stochastic_sweep"]


def stochastic_gradient_descent(
    X: Matrix, y: Vector, stepsize: Real | Constant, n_steps: Count, *, batch_size: Count = 1,
    order: Order = "shuffle", rng: Seed | None = None, start: Weights | None = None,
    loss: MarginLoss = "logistic", sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    stop: Stop | None = None, record_every: Count = 1, callback: Callback[BatchState] | None = None,
    callback_every: Count | None = None, n_threads: Count | None = None,
) -> StochasticRun:  # fmt: skip
    """Return a `StochasticRun`; see `lsgd_fast.stochastic_gradient_descent`."""
    options = StochasticOptions(
        [stepsize], n_steps, batch_size=batch_size, order=order, rng=rng, stop=stop,
        record_every=record_every, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        n_threads=1,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return run_stochastic(SGDRuns, problem, options, start)


def stochastic_sweep(
    X: Matrix, y: Vector, stepsizes: Iterable[Real | Constant], n_steps: Count, *,
    batch_size: Count = 1, order: Order = "shuffle", rng: Seed | None = None,
    start: Weights | None = None, loss: MarginLoss = "logistic",
    sample_weight: Vector | None = None, offset: Vector | None = None, l2: Real = 0.0,
    fit_intercept: bool = False, stop: Stop | None = None, record_every: Count = 1,
    callback: Callback[BatchState] | None = None, callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> StochasticSweep:  # fmt: skip
    """Return a `StochasticSweep`; see `lsgd_fast.stochastic_sweep`."""
    options = StochasticOptions(
        stepsizes, n_steps, batch_size=batch_size, order=order, rng=rng, stop=stop,
        record_every=record_every, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        n_threads=1,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return sweep_stochastic(SGDRuns, problem, options, start)


class SGDRuns:
    """Runs of stochastic descent on the same batches."""

    n_threads: int = 1
    problem: Any
    batch_size: int
    sgd_runs: list[_SGDRun]

    def __init__(
        self,
        problem: Any,
        starts: FloatArray,
        stepsizes: Sequence[float],
        batch_size: int,
        n_threads: int | None,
    ) -> None:
        self.problem, self.batch_size = problem, batch_size
        shape = (len(stepsizes), problem.n_parameters)
        self.sgd_runs = [
            _SGDRun(problem, start, eta)
            for start, eta in zip(np.broadcast_to(starts, shape), stepsizes, strict=True)
        ]

    def take(self, rows: NDArray[np.intp], seconds: float = math.inf) -> FloatArray:
        """Take the steps of these rows, at least one, until the time is over.

        Return the measures before each, (steps, k, 4).
        """
        began, measures = time.perf_counter(), []
        for batch in rows.reshape(-1, self.batch_size):
            measures.append([one.take(batch) for one in self.sgd_runs])
            if time.perf_counter() - began >= seconds:
                break
        return np.array(measures)

    def end(self, run: int) -> None:
        """End a run: it takes no more steps."""
        self.sgd_runs[run].ended = True

    def has_diverged(self, run: int) -> bool:
        """Return whether the loss of a batch was not finite."""
        return self.sgd_runs[run].diverged

    def n_steps(self, run: int) -> int:
        """Return the number of steps taken."""
        return self.sgd_runs[run].step

    def sums(self, run: int) -> tuple[float, float]:
        """Return the sums of loss and error rate over these steps."""
        return self.sgd_runs[run].loss_sum, self.sgd_runs[run].error_sum

    def parameters(self, run: int) -> FloatArray:
        """Return the last weights, and the mean of those before each step."""
        one = self.sgd_runs[run]
        return np.array([one.w, one.mean if one.step else one.w])

    def measure(self, parameters: Iterable[FloatArray]) -> list[tuple[float, ...]]:
        """Return loss, ln_loss, error_rate, min_margin and weight_norm of weights on all rows."""
        rows = Rows(self.problem)
        return [(*now[:4], now.weight_norm) for now in map(rows.measure, parameters)]


class _SGDRun:
    """One run of stochastic descent."""

    def __init__(self, problem, start, eta):
        self.problem, self.eta = problem, eta
        self.X = problem.X if is_sparse(problem.X) else np.asarray(problem.X, dtype=np.float64)
        self.w, self.mean, self.step = start.copy(), np.zeros(len(start)), 0
        self.loss_sum = self.error_sum = 0.0
        self.ended = self.diverged = False

    @np.errstate(all="ignore")
    def take(self, batch):
        """Measure a batch and take its step."""
        p = self.problem
        if self.ended:
            return (math.nan,) * 4
        X, y, weight = self.X[batch], p.y[batch], p.weight[batch]
        total = len(batch) * (p.total_weight / p.n)
        w, b = (self.w[:-1], self.w[-1]) if p.fit_intercept else (self.w, 0.0)
        used = weight > 0.0
        scores = X.multiply(w) if is_sparse(X) else product(X, w)
        scores = scores if p.offset is None else scores + p.offset[batch]
        z = np.where(used, y * (scores + b), 0.0)
        loss = float(weight @ p.loss.value(z)) / total
        if not loss < math.inf:
            self.ended = self.diverged = True
            return (math.nan,) * 4
        error_rate = float(weight[z <= 0.0].sum()) / total
        self.loss_sum += loss
        self.error_sum += error_rate
        s = weight * p.loss.derivative(z) * y / total
        gradient = X.combine(s) if is_sparse(X) else product(X.T, s)
        if p.l2 > 0.0:  # 0 times infinity would be NaN
            gradient = gradient + p.l2 * w
        if p.fit_intercept:
            gradient = np.append(gradient, s.sum())
        self.step += 1
        self.mean += (self.w - self.mean) / self.step
        self.w = self.w - self.eta * gradient
        ln_loss = ln_mean_loss(loss, p.loss, z, weight, total)
        return loss, ln_loss, error_rate, float(z[used].min(initial=math.inf))
