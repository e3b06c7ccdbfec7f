"""The public functions of stochastic gradient descent."""

import logging

from lsgd_fast._engine.sgd import SGDRuns
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.stochastic import StochasticOptions, run_stochastic, sweep_stochastic

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
    loss of batch t plus ``l2/2 * |w|^2``. On linearly separable data the stepsize may be as large
    as you like (Wu, Bartlett, Telgarsky, Yu, COLT 2024, arXiv:2402.15926, Theorem 4): the mean
    of the losses, each before its step, is bounded by ``theory.mean_loss`` for any order of the
    rows (Lemma 17). The bounds are for the averaged weights, not for the last ones.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout. float64 and float32 in C order are fastest. A step over
        sparse rows costs what their entries cost, whatever d is.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    stepsize : float or Constant
        In the units of X.
    n_steps : int
        Steps to take, one a batch.
    batch_size : int, default 1
        Rows of a batch, at most n.
    order : {"shuffle", "replacement", "once"}, default "shuffle"
        How rows are drawn. "shuffle": a new permutation each epoch; permutations follow one another
        and are cut into batches, so that all are full. "replacement": uniformly and independently,
        a row as often as it comes. "once": one permutation, for the online setting of Theorem 4, in
        which no row is seen twice; the same batches as the first epoch of "shuffle".
    rng : int or numpy.random.Generator, optional
        The order of the rows is a function of it. By default a new one each time.
    start : array-like of shape (d,) or (d + 1,), optional
        First weights, the intercept last; zeros by default.
    loss : str or object, default "logistic"
        A name or an object of `lsgd_fast.losses`.
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter. They do not change how often a row is drawn: the
        loss of a batch is the sum of weight times loss over ``batch_size * mean(sample_weight)``,
        which in the mean over batches is the loss of all rows.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2`` to what is descended; the intercept is not penalised.
    fit_intercept : bool, default False
    stop : Stop, optional
        Only `seconds` may be set: all else that a `Stop` can ask would take passes over all rows.
    record_every : int, default 1
        The trace keeps the steps that are multiples of it, and the end.
    callback : callable, optional
        Called as ``callback(state)`` after steps; `state` has `n_steps`, `weights`, `intercept`,
        `average_weights`, `average_intercept`, and the `loss`, `log_loss`, `error_rate` and
        `min_margin` of the latest batch before its step. Returning True ends the run. Of sparse
        rows, `weights` and `average_weights` are all of d, made for each call.
    callback_every : int, optional
        Steps between calls; 1 by default, and then most of the time may be Python's.
    n_threads : int, optional
        Obeyed up to the number of parts that a batch is split into: small batches take one.

    Returns
    -------
    StochasticRun
        The last weights and the mean of those before each step, both measured on all rows.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    The same bits for every number of threads, every instruction set, dtype and layout of X that
    holds the same values; sparse rows have bits of their own. Rows are picked where they lie: X is
    never copied or shuffled.

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
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept
    )
    return _logged(run_stochastic(SGDRuns, problem, options, start))


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
    X, y, n_steps, batch_size, order, rng, loss, sample_weight, l2, fit_intercept, stop,\
 record_every, n_threads
        As for `stochastic_gradient_descent`.
    stepsizes : sequence of k floats or Constant
    start : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, optional
        First weights, of all runs or of each.
    callback, callback_every
        As for `stochastic_gradient_descent`: called for each run in turn, and ends that run by
        returning True.

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
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept
    )
    sweep = sweep_stochastic(SGDRuns, problem, options, start)
    for run in sweep:
        _logged(run)
    return sweep


def _logged(run):
    """Tell the log how a run ended, for those who listen."""
    log = logging.getLogger("lsgd_fast")
    if log.isEnabledFor(logging.INFO):
        log.info("%d steps of %d rows, ended by %s: mean loss %g", run.n_steps, run.batch_size,
                 run.stop_reason, run.mean_loss)  # fmt: skip
    return run
