"""Gradient descent: one run, a sweep, Nesterov's method, a two-layer network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsgd_fast._checks import check_n_steps
from lsgd_fast._engine.descent import Descent, descend
from lsgd_fast._engine.sweep import descend_together
from lsgd_fast._inputs.distributed_rows import DistributedRows, ranks_of
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, SweepOptions, TwoLayerOptions
from lsgd_fast._inputs.stopping import Stop, check_stop
from lsgd_fast._results.run import Run
from lsgd_fast._results.sweep import Sweep
from lsgd_fast._typing import (
    Activation,
    Callback,
    ColumnName,
    Columns,
    Count,
    FloatArray,
    Gram,
    LossLike,
    MarginLoss,
    Matrix,
    Real,
    Scale,
    Seed,
    Stepsize,
    Validation,
    Vector,
)
from lsgd_fast.progress import logged
from lsgd_fast.stepsizes import check_nesterov, resolve

__all__ = [
    "gradient_descent",
    "nesterov_descent",
    "run_descent",
    "run_sweep",
    "stepsize_sweep",
    "two_layer_gradient_descent",
]


def gradient_descent(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsize: Stepsize,
    n_steps: Count,
    *,
    start: Columns | None = None,
    loss: LossLike = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    stop: Stop | None = None,
    record: Iterable[ColumnName] | None = None,
    record_every: Count = 1,
    validation: Validation | None = None,
    callback: Callback[Descent] | None = None,
    callback_every: Count | None = None,
    gram: Gram = "auto",
    n_threads: Count | None = None,
) -> Run:
    """Run gradient descent and return a `Run`.

    ``w_{t+1} = w_t - eta_t * gradient(w_t)``, from ``start``, on the objective of `logistic_loss`
    or that of another loss. The stepsize may be far above 2 over the smoothness. On linearly
    separable data the logistic loss then oscillates at first and converges faster afterwards (Wu,
    Bartlett, Telgarsky, Yu, COLT 2024, arXiv:2402.15926, Theorem 1); on other data it may cycle.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data of any real dtype and layout, used without a cast; sums are float64. Dense rows of
        float64, float32, float16, bfloat16 (of ml_dtypes), uint8 or int8 are fastest, and CSR of
        float64 or float32 among sparse ones. X may be read in place: do not change it meanwhile.
        Frames, tables and tensors of other libraries are read, too, see docs/inputs.md.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur. With ``loss="softmax"`` class numbers
        0, 1, ..., K - 1, each of which must occur. Pass ``y == label`` of other labels, or strings.
    stepsize : float or rule
        Constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes`.
    n_steps : int
        Number of steps; n steps take n + 1 passes over X, the last one forward only where nothing
        needs the gradient there.
    start : array-like of shape (d,) or (d + 1,), optional
        First weights, the intercept last; zeros by default. With softmax of shape (d, K) or
        (d + 1, K).
    loss : str or object, default "logistic"
        A name or an object of `lsgd_fast.losses`. ``"softmax"`` has a column of weights, and an
        intercept, for each of K classes. With z the scores of a row for all classes, its loss is
        ``logsumexp(z) - z_y`` and its margin is z_y minus the largest other score. Runs with
        softmax are never certified, and Gram space is not supported.
    sample_weight : array-like of shape (n,), optional
        Non-negative weights of the rows, 1 by default; only their ratios matter.
    offset : array-like of shape (n,), optional
        A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``. The run counts as
        separated once every margin exceeds the largest ``|offset_i|``, since the data are then
        separable without it. Not with softmax, whose loss it does not change.
    l2 : float, default 0.0
        Strength of the penalty ``l2/2 * |w|^2``, which is added to the objective; the intercept is
        not penalised.
    fit_intercept : bool, default False
        Whether to fit an intercept.
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; the same holds for held-out
        data. `scale` is positive. The weights, the norms and R of the run are those of the scaled
        features: the weights for X itself are ``scale * weights``, and the intercept is smaller by
        their product with `center`. Gram space is not supported.
    stop : Stop, optional
        Conditions that end the run early.
    record : sequence of str, optional
        Names of the columns of the trace to keep; all by default. "step" is always kept.
    record_every : int, default 1
        The trace keeps the steps that are multiples of it, and the last.
    validation : (X, y), or (X, y, offset) where `offset` is given, optional
        Held-out data. The trace then has the columns ``validation_loss`` and
        ``validation_error_rate``, by a forward pass over these data at each recorded step, and
        ``Run.best_weights`` has the weights of the smallest held-out loss.
    callback : callable, optional
        Called as ``callback(state)`` after w_t is measured and before the step from it, for
        t >= 1; `state` is the `Descent`. The run ends when it returns True.
    callback_every : int, optional
        Steps between calls; 1 by default.
    gram : {"auto", True, False}, default "auto"
        Whether to run in Gram space: the n x n Gram matrix of the rows is computed once, and then
        each step costs n^2, whatever the number of features. It is supported for the logistic loss
        and the rules `Constant`, `Schedule` and `Silver`. "auto" takes it for X of at least 20 000
        entries and at least 8 times as many features as rows, if the matrix (with that of held-out
        rows) takes at most 64 MiB; with few steps it may cost more than it saves. The weights are
        sums of rows, computed at the end and when a callback reads them. Without a penalty
        `gradient_norm` has an error of about ``1e-8 * radius``, times the mean of ``sigmoid(-z)``.
    n_threads : int, optional
        Number of threads, at most the number of leaves of the rows; by default chosen by the size
        of X.

    Returns
    -------
    Run

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, 32.0, 1000)
    >>> run.separable, run.stop_reason.value
    (True, 'n_steps')
    """
    with ranks_of(X).together():
        n_steps = check_n_steps(n_steps)
        descent = Descent(
            X, y, stepsize, start=start, loss=loss, sample_weight=sample_weight, offset=offset,
            l2=l2, fit_intercept=fit_intercept, center=center, scale=scale, stop=stop,
            record=record, record_every=record_every, validation=validation, callback=callback,
            callback_every=callback_every, gram=gram, n_threads=n_threads,
        )  # fmt: skip
        descent.step(n_steps)
        return logged(descent.result(), descent.rank)


def stepsize_sweep(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsizes: Iterable[Stepsize],
    n_steps: Count,
    *,
    start: Columns | Sequence[Columns] | None = None,
    loss: LossLike = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real | Sequence[Real] | FloatArray = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    stop: Stop | Sequence[Stop | None] | None = None,
    record: Iterable[ColumnName] | None = None,
    record_every: Count = 1,
    validation: Validation | None = None,
    callback: Callback[Descent] | None = None,
    callback_every: Count | None = None,
    gram: Gram = "auto",
    n_threads: Count | None = None,
) -> Sweep:
    """Run gradient descent with several stepsizes that share every pass over the data.

    Run k is, bit for bit, `gradient_descent` with the same arguments. A run that has ended takes no
    part in later passes. Runs of softmax, which have several columns each, follow one another and
    share the rows.

    Parameters
    ----------
    X, y, n_steps, loss, sample_weight, offset, fit_intercept, center, scale, record,\
 record_every, validation, gram, n_threads
        As for `gradient_descent`.
    stepsizes : sequence of k floats or rules
        The stepsize of each run, in the units of X.
    start : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, optional
        First weights of all runs, or of each; zeros by default. With softmax of shape (d, K) or
        (k, d, K), or (d + 1, K) or (k, d + 1, K).
    l2 : float or sequence of k floats, default 0.0
        Strength of the penalty of all runs, or of each.
    stop : Stop or sequence of k Stop or None, optional
        Conditions that end all runs early, or each.
    callback, callback_every
        As for `gradient_descent`. The callback is called for each run in turn, with its `Descent`;
        that run ends when it returns True. With softmax a run takes all its steps before the next
        begins.

    Returns
    -------
    Sweep
        A sequence of `Run`. The `seconds` of a run are those of the sweep until the run ended,
        with softmax those of the run alone.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    Memory grows by about ``8 * k * d`` bytes times the number of chunks of the rows (up to 64, or 8
    for each thread), and by the traces, which `record` keeps small. With softmax it grows by the
    traces alone.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> sweep = lsgd.stepsize_sweep(X, y, [4.0, 8.0, 16.0, 32.0], 1000)
    >>> sweep.best(by="loss").trace.stepsize[0]
    32.0
    """
    with ranks_of(X).together():
        options = DescentOptions(
            record=record, record_every=record_every, validation=validation, callback=callback,
            callback_every=callback_every, gram=gram, n_threads=n_threads,
        )  # fmt: skip
        options = SweepOptions(stepsizes, n_steps, options, l2=l2, stop=stop)
        problem = Problem.check(
            X, y, loss=loss, sample_weight=sample_weight, fit_intercept=fit_intercept,
            center=center, scale=scale, n_threads=options.descent.n_threads,
            may_be_distributed=True,
        ).with_offset(offset)  # fmt: skip
        return run_sweep(options.for_problem(problem, start))


def nesterov_descent(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsize: Real | None = None,
    n_steps: Count = 1000,
    *,
    start: Columns | None = None,
    loss: LossLike = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    stop: Stop | None = None,
    record: Iterable[ColumnName] | None = None,
    record_every: Count = 1,
    validation: Validation | None = None,
    callback: Callback[Descent] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Run:
    """Run Nesterov's accelerated gradient with gradient restart and return a `Run`.

    The same as `gradient_descent` with the rule `lsgd_fast.stepsizes.Nesterov`, which documents the
    formulas. For checkpoints use a `Descent` with that rule.

    Parameters
    ----------
    X, y
        As for `gradient_descent`.
    stepsize : float, optional
        Constant stepsize of the gradient steps, in the units of X. By default 1 over the bound
        ``c R^2 + l2`` of the smoothness, where c is the largest second derivative of the loss (1/4
        for the logistic loss). The smoothness itself is often much smaller (`staged_trial`
        estimates it).
    n_steps : int, default 1000
        Number of steps; n steps take n + 1 passes over X, the last one forward only where nothing
        needs the gradient there.
    start, loss, sample_weight, offset, l2, fit_intercept, center, scale, stop, record, \
record_every, validation, callback, callback_every, n_threads
        As for `gradient_descent`.

    Returns
    -------
    Run
        Its weights, and those of each row of the trace, are the points of the gradients.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> fast = lsgd.nesterov_descent(X, y, n_steps=500, l2=1e-3)
    >>> slow = lsgd.gradient_descent(X, y, fast.trace.stepsize[0], 500, l2=1e-3)
    >>> float(fast.trace.gradient_norm[-2]) < 0.01 * float(slow.trace.gradient_norm[-2])
    True
    """
    return gradient_descent(
        X, y, check_nesterov(stepsize), n_steps, start=start, loss=loss,
        sample_weight=sample_weight, offset=offset, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale, stop=stop, record=record, record_every=record_every,
        validation=validation, callback=callback, callback_every=callback_every,
        n_threads=n_threads,
    )  # fmt: skip


def two_layer_gradient_descent(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsize: Stepsize,
    n_steps: Count,
    *,
    width: Count,
    activation: Activation = "relu",
    rng: Seed | None = None,
    start: Columns | None = None,
    loss: MarginLoss = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    stop: Stop | None = None,
    record: Iterable[ColumnName] | None = None,
    record_every: Count = 1,
    validation: Validation | None = None,
    callback: Callback[Descent] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Run:
    """Run gradient descent on the first layer of a two-layer network.

    ``f(x) = width^(-1/2) sum_s a_s activation(x . w_s)`` with fixed a_s = +1, -1, +1, ..., so that
    an odd width has one more +1. The objective is the weighted mean of ``loss(y_i f(x_i))``, and
    the first weights w_s are normal. For a network that is wide enough, in a kernel regime, large
    stepsizes have the same phases as for linear models (Wu, Bartlett, Telgarsky, Yu, COLT 2024,
    arXiv:2402.15926, Theorem 6). The width required by the theorem is far beyond what can be run,
    so no run is certified.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data of any real dtype and layout. For biases append a column of ones.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    stepsize : float or rule
        Constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes` that is not
        adaptive; `Silver` needs its argument `smoothness`.
    n_steps : int
        Number of steps; n steps take n + 1 passes over X, the last one forward only where nothing
        needs the gradient there.
    width : int
        Number of units, one or more.
    activation : {"relu", "leaky_relu", "softplus"}, default "relu"
        ``max(z, 0)``, ``max(z, z / 100)`` or ``log(1 + exp(z))``; the derivative of the first two
        at 0 is that for z < 0.
    rng : int, Generator, BitGenerator, SeedSequence or RandomState of numpy.random, optional
        Seed or generator of the first weights, ``rng.standard_normal((d, width))``; by default
        they differ from run to run. For a RandomState its bit generator is used, as in
        `numpy.random.default_rng`. For several seeds pass ``SeedSequence(seeds)``.
    start : array-like of shape (d, width), optional
        First weights, in place of `rng`.
    loss : str or object, default "logistic"
        A name or an object of `lsgd_fast.losses`, a function of the margin.
    sample_weight, offset, record, record_every, validation, callback, callback_every, n_threads
        As for `gradient_descent`; the offset is added to ``f(x_i)``, and the trace has one more
        column ``distance``, ``|w_t - w_0|``.
    l2 : float, default 0.0
        Strength of the penalty ``l2/2 * |w|^2``, which is added to the objective.
    stop : Stop, optional
        Conditions that end the run early. `separated` ends it once all margins ``y_i f(x_i)`` are
        positive; `cycling` is not supported.

    Returns
    -------
    Run
        With `weights` of shape (d, width). `separated_at` is the step at which the network first
        fitted all labels, which does not show that the data are separable: `separable` is None.
        The verdict is "stable" only at a gradient of exactly zero (also that of a dead network),
        otherwise "unstable" or "undecided", by the increases of the loss.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    Dense X is read once in each step, and each thread keeps the scores ``x_i . w_s`` of at most 128
    rows. Sparse X is read by rows and by columns, and the scores of all rows are kept.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> X = [[*row, 1.0] for row in X]
    >>> run = lsgd.two_layer_gradient_descent(X, y, 4.0, 500, width=64, rng=0)
    >>> float(run.trace.error_rate[-1]), run.separable
    (0.0, None)
    """
    with ranks_of(X).together():
        n_steps, rule = check_n_steps(n_steps), resolve(stepsize)
        stop = check_stop(stop, validation)
        network = TwoLayerOptions(width, activation, rng=rng, start=start, stop=stop)
        options = DescentOptions(
            record=record, record_every=record_every, validation=validation, callback=callback,
            callback_every=callback_every, gram=False, n_threads=n_threads, of_network=True,
        )  # fmt: skip
        problem = Problem.check(
            X, y, loss=loss, sample_weight=sample_weight, l2=l2, n_threads=options.n_threads,
            may_be_distributed=True,
        ).with_offset(offset)  # fmt: skip
        return run_descent(network.for_problem(problem, rule, options), n_steps)


def run_descent(request, n_steps):
    """Return the `Run` of a `DescentRequest` after `n_steps` steps."""
    descent = descend(request)
    descent.step(n_steps)
    return logged(descent.result(), descent.rank)


def run_sweep(request):
    """Return the `Sweep` of a `SweepRequest`."""
    rank = request.descents[0].problem.ranks.rank
    runs = [logged(run, rank) for run in descend_together(request)]
    return Sweep(runs, request.stepsizes)
