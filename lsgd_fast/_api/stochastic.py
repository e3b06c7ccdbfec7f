"""The public functions of stochastic gradient descent."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lsgd_fast._docstrings import documented
from lsgd_fast._engine.sgd import SGDRuns
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.stochastic import StochasticOptions, run_stochastic, sweep_stochastic
from lsgd_fast._results.stochastic_run import StochasticRun, StochasticSweep
from lsgd_fast._text import describe_ending
from lsgd_fast._typing import (
    BatchState,
    Callback,
    Count,
    MarginLoss,
    Matrix,
    Order,
    Real,
    Seed,
    Vector,
    Weights,
)
from lsgd_fast.progress import run_with
from lsgd_fast.stepsizes import Constant

__all__ = ["stochastic_gradient_descent", "stochastic_sweep"]


@documented
def stochastic_gradient_descent(
    X: Matrix,
    y: Vector,
    stepsize: Real | Constant,
    n_steps: Count,
    *,
    batch_size: Count = 1,
    order: Order = "shuffle",
    rng: Seed | None = None,
    start: Weights | None = None,
    loss: MarginLoss = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    stop: Stop | None = None,
    record_every: Count = 1,
    callback: Callback[BatchState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> StochasticRun:
    """Run stochastic gradient descent with a constant stepsize.

    Each step is ``w_{t+1} = w_t - eta * gradient_t(w_t)``, from `start`, where the gradient is that
    of the loss of batch t plus ``l2/2 * |w|^2``. On linearly separable data the stepsize may be
    arbitrarily large (Wu, Bartlett, Telgarsky, Yu, COLT 2024, arXiv:2402.15926, Theorem 4): the
    mean of the losses, each before its step, is bounded by `theory.mean_loss` for any order of
    the rows (Lemma 17). The bounds hold for the averaged weights, not for the last ones.

    Parameters
    ----------
    {X_of_batches}
    {y}
    stepsize : float or Constant
        The constant stepsize, in the units of X.
    {n_batches}
    {batch_size}
    {order}
    {rng_of_order}
    start : array-like of shape (d,) or (d + 1,), optional
        First weights, the intercept last; zeros by default.
    {loss_of_margin}
    {sample_weight_of_batches}
    {offset_of_batches}
    {l2}
    {fit_intercept}
    {stop_by_time}
    {record_every}
    {callback_of_batches}
    {callback_every_of_batches}
    {n_threads_of_batches}

    Returns
    -------
    StochasticRun
        It has the last weights and the mean of the weights before each step, both measured on all
        rows.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Notes
    -----
    The result has the same bits for every number of threads, every instruction set, and every dtype
    and layout of X with the same values; dense and sparse X differ by rounding. X is never copied
    or shuffled.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> run = lsgd.stochastic_gradient_descent(X, y, 10.0, 2000, rng=0)
    >>> run.average.error_rate
    0.0
    """
    options = StochasticOptions(
        [stepsize], n_steps, batch_size=batch_size, order=order, rng=rng, stop=stop,
        record_every=record_every, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        n_threads=options.n_threads,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return _logged(run_stochastic(SGDRuns, problem, options, start), stepsize)


@documented
def stochastic_sweep(
    X: Matrix,
    y: Vector,
    stepsizes: Iterable[Real | Constant],
    n_steps: Count,
    *,
    batch_size: Count = 1,
    order: Order = "shuffle",
    rng: Seed | None = None,
    start: Weights | None = None,
    loss: MarginLoss = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    stop: Stop | None = None,
    record_every: Count = 1,
    callback: Callback[BatchState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> StochasticSweep:
    """Run stochastic gradient descent with several stepsizes that see the same batches.

    Each run is, bit for bit, that of `stochastic_gradient_descent` with its stepsize, the same
    arguments and a `rng` of the same seed or state.

    Parameters
    ----------
    {X_of_batches}
    {y}
    stepsizes : sequence of k floats or Constant
        The stepsize of each run, in the units of X.
    {n_batches}
    {batch_size}
    {order}
    {rng_of_order}
    start : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, optional
        First weights of all runs, or of each, the intercept last; zeros by default.
    {loss_of_margin}
    {sample_weight_of_batches}
    {offset_of_batches}
    {l2}
    {fit_intercept}
    {stop_by_time}
    {record_every}
    {callback_of_batches}
        It is called for each run in turn, and only that run ends when it returns True.
    {callback_every_of_batches}
    {n_threads_of_batches}

    Returns
    -------
    StochasticSweep
        A sequence of `StochasticRun`, in the order of the stepsizes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> sweep = lsgd.stochastic_sweep(X, y, [0.1, 10.0, 1e4], len(X), order="once", rng=0)
    >>> [run.n_steps for run in sweep]
    [352, 352, 352]
    """
    options = StochasticOptions(
        stepsizes, n_steps, batch_size=batch_size, order=order, rng=rng, stop=stop,
        record_every=record_every, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        n_threads=options.n_threads,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        sweep = sweep_stochastic(SGDRuns, problem, options, start)
    for run, one in zip(sweep, sweep.stepsizes, strict=True):
        _logged(run, one)
    return sweep


def _logged(run, stepsize):
    """Log how a run ended, and return it."""
    log = logging.getLogger("lsgd_fast")
    if log.isEnabledFor(logging.INFO):
        ending = describe_ending(run.stop_reason, run.n_steps)
        what = run_with(stepsize, "Stochastic run")
        log.info("%s %s (mean loss %g)", what, ending, run.mean_loss)
    return run
