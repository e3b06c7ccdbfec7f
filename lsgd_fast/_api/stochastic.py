"""The public functions of stochastic gradient descent."""

import logging

from lsgd_fast._engine.sgd import SGDRuns
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.stochastic import StochasticOptions, run_stochastic, sweep_stochastic
from lsgd_fast._text import describe_ending
from lsgd_fast.progress import run_with

__all__ = ["stochastic_gradient_descent", "stochastic_sweep"]


def stochastic_gradient_descent(
    X,
    y,
    stepsize,
    n_steps,
    *,
    batch_size=1,
    order="shuffle",
    rng=None,
    start=None,
    loss="logistic",
    sample_weight=None,
    offset=None,
    l2=0.0,
    fit_intercept=False,
    stop=None,
    record_every=1,
    callback=None,
    callback_every=None,
    n_threads=None,
):
    """Run stochastic gradient descent with a constant stepsize.

    ``w_{t+1} = w_t - eta * gradient_t(w_t)``, from ``start``, where the gradient is that of the
    loss of batch t plus ``l2/2 * |w|^2``. On linearly separable data the stepsize may be
    arbitrarily large (Wu, Bartlett, Telgarsky, Yu, COLT 2024, arXiv:2402.15926, Theorem 4): the
    mean of the losses, each before its step, is bounded by ``theory.mean_loss`` for any order of
    the rows (Lemma 17). The bounds hold for the averaged weights, not for the last ones.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data of any real dtype and layout. float64 and float32 in C order are fastest. The cost of
        a step on sparse rows depends on the number of their entries alone.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    stepsize : float or Constant
        Constant stepsize, in the units of X.
    n_steps : int
        Number of steps, one for each batch.
    batch_size : int, default 1
        Number of rows in a batch, at most n.
    order : {"shuffle", "replacement", "once"}, default "shuffle"
        How rows are drawn. "shuffle": a new permutation each epoch; the sequence of permutations is
        cut into batches, which are all full. "replacement": independent uniform draws. "once": a
        single permutation, for the online setting of Theorem 4, in which no row is seen twice; its
        batches are those of the first epoch of "shuffle".
    rng : int, Generator, BitGenerator, SeedSequence or RandomState of numpy.random, optional
        Seed or generator of the order of the rows; by default it differs from run to run. For a
        RandomState its bit generator is used, as in `numpy.random.default_rng`. For several seeds
        pass ``SeedSequence(seeds)``.
    start : array-like of shape (d,) or (d + 1,), optional
        First weights, the intercept last; zeros by default.
    loss : str or object, default "logistic"
        A name or an object of `lsgd_fast.losses`.
    sample_weight : array-like of shape (n,), optional
        Non-negative weights of the rows, 1 by default; only their ratios matter. They do not change
        the probability of a row: the loss of a batch is the sum of weight times loss, divided by
        ``batch_size * mean(sample_weight)``. Its expectation is the loss of all rows.
    offset : array-like of shape (n,), optional
        A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``. The bounds of
        `theory` are for runs without it.
    l2 : float, default 0.0
        Strength of the penalty ``l2/2 * |w|^2``, which is added to the objective; the intercept is
        not penalised.
    fit_intercept : bool, default False
        Whether to fit an intercept.
    stop : Stop, optional
        Only `seconds` may be set: the other conditions would take passes over all rows.
    record_every : int, default 1
        The trace keeps the steps that are multiples of it, and the end.
    callback : callable, optional
        Called as ``callback(state)`` after steps. `state` has `n_steps`, `stepsize`, `weights`,
        `intercept`, `average_weights`, `average_intercept`, and the `loss`, `ln_loss`, `error_rate`
        and `min_margin` of the latest batch before its step. The run ends when it returns True.
        With sparse X each call takes time proportional to d, for `weights` and `average_weights`.
    callback_every : int, optional
        Steps between calls; 1 by default, which may take more time than the steps.
    n_threads : int, optional
        Number of threads, at most the number of leaves of a batch: small batches take one.

    Returns
    -------
    StochasticRun
        With the last weights and the mean of the weights before each step, both measured on all
        rows.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

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


def stochastic_sweep(
    X,
    y,
    stepsizes,
    n_steps,
    *,
    batch_size=1,
    order="shuffle",
    rng=None,
    start=None,
    loss="logistic",
    sample_weight=None,
    offset=None,
    l2=0.0,
    fit_intercept=False,
    stop=None,
    record_every=1,
    callback=None,
    callback_every=None,
    n_threads=None,
):
    """Run stochastic gradient descent with several stepsizes that see the same batches.

    Run k is, bit for bit, `stochastic_gradient_descent` with the same arguments and a `rng` of the
    same seed or state.

    Parameters
    ----------
    X, y, n_steps, batch_size, order, rng, loss, sample_weight, offset, l2, fit_intercept, stop,\
 record_every, n_threads
        As for `stochastic_gradient_descent`.
    stepsizes : sequence of k floats or Constant
        The stepsize of each run, in the units of X.
    start : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, optional
        First weights of all runs, or of each; zeros by default.
    callback, callback_every
        As for `stochastic_gradient_descent`. The callback is called for each run in turn; that run
        ends when it returns True.

    Returns
    -------
    StochasticSweep
        A sequence of `StochasticRun`.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

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
