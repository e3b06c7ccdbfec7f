"""The staged trial with the compiled descent."""

from __future__ import annotations

from collections.abc import Iterable

from lsgd_fast._api.descent import run_sweep
from lsgd_fast._api.minimize import solve
from lsgd_fast._docstrings import documented
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.staged_trial import (
    TrialOptions,
    run_training_trial,
    run_trial,
    takes_rows,
)
from lsgd_fast._results.trial import Trial
from lsgd_fast._typing import (
    Callback,
    ClassLoss,
    Count,
    Goal,
    Matrix,
    Real,
    Scale,
    Seed,
    Train,
    TrialState,
    Vector,
)

__all__ = [
    "staged_trial",
]


@documented
def staged_trial(
    X: Matrix | None = None,
    y: Vector | None = None,
    *,
    train: Train | None = None,
    stepsizes: Iterable[Real] | None = None,
    start_stepsize: Real | None = None,
    factor: Real = 4,
    n_stages: Count = 8,
    n_steps: Count = 1000,
    sample: Real = 0.1,
    n_repeats: Count = 3,
    goal: Goal | None = None,
    stop: Stop | None = None,
    updates_per_epoch: Count = 1,
    rng: Seed | None = 0,
    loss: ClassLoss = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    callback: Callback[TrialState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Trial:
    """Look for a large stepsize on samples of the rows, and confirm it on all of them.

    For any other model, pass a function `train` that runs its training loop, and leave out the
    arguments that describe rows. Seeds then take the place of samples, and one more seed that of
    all rows.

    Increasing stepsizes run on stratified samples, from zero weights (an intercept from the base
    rate, see `fit_intercept`); a run ends early if it cycles or diverges. The best stepsize, its
    neighbours and the first one then run on all rows, and if need be the smaller ones. The
    recommended stepsize is that of one of the runs on all rows.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d), optional
        The rows, of any real dtype and layout; frames, tables and tensors of other libraries are
        read, too, see docs/inputs.md. Pass either X and y, or `train`.
    y : array-like of shape (n,), optional
        Labels: -1 and +1, 0 and 1, or bool; both must occur. For others, numbers or strings, pass
        ``y == label``. With ``loss="softmax"`` they are class numbers 0, 1, ..., K - 1, each of
        which must occur.
    train : callable, optional
        ``train(stepsize, n_steps, seed)`` trains a model anew with a constant stepsize, a float,
        and yields its loss for each step, or always pairs ``(loss, held_out_loss)``, the latter
        None where it is not measured: a generator, or anything else to iterate over. It may end
        early, and yield one loss more after its last step. All that is random in it should follow
        from `seed`, an integer below 2**31. A run that ends early closes the generator.
    stepsizes : array-like of shape (k,), optional
        Positive stepsizes in increasing order, one or more, instead of `start_stepsize`, `factor`
        and `n_stages`.
    {start_stepsize}
        With `train` either this or `stepsizes` is needed.
    {factor}
    {n_stages}
    n_steps : int, default 1000
        Steps of each run, on samples and on all rows. With fewer than 1000 steps hardly any run is
        called stable without a proof. With `train` it takes more than 1000 losses.
    sample : float, default 0.1
        Share of the rows in a sample: at most 1, and below 1 where the goal is held out. A sample
        has at least five rows per feature, times K - 1 with K classes; if that is all rows, there
        is one sample.
    n_repeats : int, default 3
        Number of samples for the choice, and of new samples for the comparison. With `train` it is
        the number of seeds; 1 is enough for a loop in which nothing is random.
    goal : {"loss", "held_out_loss", "held_out_error", "margin", "steps"}, optional
        What the best stepsize has after `n_steps`:

        * ``"loss"``, the default: the lowest loss; with a penalty the lowest objective. Losses up
          to 2.2e-16 count as equal, and the smallest of such stepsizes is best.
        * ``"held_out_loss"``, ``"held_out_error"``: the lowest loss, the fewest errors on the rows
          that are not in the sample, without the penalty. A sample then has at most 80 % of the
          rows, unless `sample` is larger. All rows only confirm that the stepsize holds there.
        * ``"margin"``: the largest ``min_margin / weight_norm``.
        * ``"steps"``, the default if `stop` has a target (`loss`, `gradient_norm` or
          `separated`): the fewest steps to it.

        With `train` it is one of ``"loss"``, ``"held_out_loss"`` and ``"steps"``. The last
        observation of a run counts, and stages are ranked by all their seeds.
    stop : Stop, optional
        Further conditions that end a run; `cycling` is always True. A run that meets a target has
        held, whatever it would do afterwards. With `train` there is no `gradient_norm` and no
        `separated`.
    updates_per_epoch : int, default 1
        With `train`: the number of losses that are averaged into one observation, as
        `TrainingMonitor` does, at most `n_steps`. Leave it at 1 if each loss is that of all rows;
        for losses of batches give the number of batches in an epoch, or in a part of one.
    rng : int, Generator, BitGenerator, SeedSequence or RandomState of numpy.random, or None, \
default 0
        Seed or generator of the samples: the result is a function of it and the other arguments.
        With None the samples differ from call to call. For a RandomState its bit generator is used,
        as in `numpy.random.default_rng`. For several seeds pass ``SeedSequence(seeds)``.
    {logistic_or_softmax}
        Runs with softmax do not share passes, see `stepsize_sweep`.
    {sample_weight}
    {offset}
        A sample has the offsets of its rows. It cannot be used with softmax.
    {l2}
    fit_intercept : bool, default False
        Whether to fit an intercept, with softmax one for each class. It starts at the logarithm of
        the odds of the labels.
    {center_of_trial}
    callback : callable, optional
        Called as ``callback(state)`` between steps: `state.n_steps` are the steps so far,
        `state.loss` is the loss of one of the current runs, and `state.phase` says which rows these
        have, such as "sample 1 of 3", or which seed and stepsize. `progress_bar` makes one. If it
        returns True, the trial ends: it has `ended` set, and recommends a stepsize only if the runs
        on all rows were over.
    callback_every : int, optional
        Steps between two calls, 1 by default. Each call takes some time: pass 100, say, unless the
        callback is called by the clock, as that of `progress_bar`.
    {n_threads}

    Returns
    -------
    Trial
        The recommended stepsize and all runs; print it to read a report.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; the message names the argument, and nothing has run. Also if
        `train` yields nothing, or what is no loss. Its own exceptions pass through.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> trial = lsgd.staged_trial(X, y)
    >>> trial.conservative, trial.recommended, trial.confirmed.separated_at
    (0.34, 1392.64, 1)
    """
    options = TrialOptions(
        train=train, stepsizes=stepsizes, start_stepsize=start_stepsize, factor=factor,
        n_stages=n_stages, n_steps=n_steps, sample=sample, n_repeats=n_repeats, goal=goal,
        stop=stop, updates_per_epoch=updates_per_epoch, rng=rng, loss=loss, callback=callback,
        callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    rows = {"sample_weight": sample_weight, "offset": offset, "l2": l2}
    rows |= {"fit_intercept": fit_intercept, "center": center, "scale": scale}
    if not takes_rows(train, X, y, **rows):
        with closing(callback):
            return run_training_trial(options)
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale, n_threads=options.n_threads,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return run_trial(run_sweep, solve, problem, options)
