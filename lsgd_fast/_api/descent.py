"""Gradient descent: one run, a sweep, Nesterov's method, a two-layer network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsgd_fast._checks import check_n_steps
from lsgd_fast._docstrings import documented
from lsgd_fast._engine.descent import Descent, descend
from lsgd_fast._engine.sweep import descend_together
from lsgd_fast._inputs.callbacks import closing
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
    Weights,
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


@documented
def gradient_descent(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsize: Stepsize,
    n_steps: Count,
    *,
    start: Weights | None = None,
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

    Each step is ``w_{t+1} = w_t - eta_t * gradient(w_t)``, from `start`, on the objective: the
    weighted mean of the losses of the rows, plus a penalty. The stepsize eta_t may be far above 2
    over the smoothness of the objective. On linearly separable data the logistic loss then
    oscillates at first and converges faster afterwards (Wu, Bartlett, Telgarsky, Yu, COLT 2024,
    arXiv:2402.15926, Theorem 1); on other data it may cycle.

    Parameters
    ----------
    {X}
    {y_or_classes}
    stepsize : float or rule
        The constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes`.
    {n_steps}
    {start}
    {loss}
    {sample_weight}
    {offset_of_run}
    {l2}
    {fit_intercepts}
    {center_of_run}
        Held-out data are centred and scaled in the same way.
    {stop}
    {record}
    {record_every}
    {validation}
    {callback}
    {callback_every}
    {gram}
    {n_threads}

    Returns
    -------
    Run
        The weights, the trace, why the run ended, and a verdict on it with its evidence.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, 32.0, 1000)
    >>> run.separable, run.stop_reason.value
    (True, 'n_steps')
    """
    with ranks_of(X).together(), closing(callback):
        n_steps = check_n_steps(n_steps)
        descent = Descent(
            X, y, stepsize, start=start, loss=loss, sample_weight=sample_weight, offset=offset,
            l2=l2, fit_intercept=fit_intercept, center=center, scale=scale, stop=stop,
            record=record, record_every=record_every, validation=validation, callback=callback,
            callback_every=callback_every, gram=gram, n_threads=n_threads,
        )  # fmt: skip
        descent.step(n_steps)
        return logged(descent.result(), descent.stepsize, descent.rank)


@documented
def stepsize_sweep(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsizes: Iterable[Stepsize],
    n_steps: Count,
    *,
    start: Weights | Sequence[Weights] | None = None,
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

    Each run is, bit for bit, that of `gradient_descent` with its stepsize and the same arguments. A
    run that has ended takes no part in later passes. Runs of softmax, which have several columns of
    weights each, follow one another and share the rows.

    Parameters
    ----------
    {X}
    {y_or_classes}
    stepsizes : sequence of k floats or rules
        The stepsize of each run, in the units of X, or its rule of `lsgd_fast.stepsizes`.
    {n_steps}
    start : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, optional
        First weights of all runs, or of each, the intercept last; zeros by default. With softmax
        they have the shape (d, K) or (k, d, K), or (d + 1, K) or (k, d + 1, K).
    {loss}
    {sample_weight}
    {offset_of_run}
    l2 : float or sequence of k floats, default 0.0
        Strength of the penalty ``l2/2 * |w|^2`` of all runs, or of each. The penalty is added to
        the loss; intercepts are not penalised.
    {fit_intercepts}
    {center_of_run}
        Held-out data are centred and scaled in the same way.
    stop : Stop or sequence of k Stop or None, optional
        Conditions that end all runs early, or each.
    {record}
    {record_every}
    {validation}
    {callback}
        It is called for each run in turn, and only that run ends when it returns True. With softmax
        a run takes all its steps before the next begins.
    {callback_every}
    {gram}
    {n_threads}

    Returns
    -------
    Sweep
        A sequence of `Run`, in the order of the stepsizes. The `seconds` of a run are those of the
        sweep until the run ended, with softmax those of the run alone.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

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
    >>> float(sweep.best(by="loss").trace.stepsize[0])
    32.0
    """
    with ranks_of(X).together(), closing(callback):
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


@documented
def nesterov_descent(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsize: Real | None = None,
    n_steps: Count = 1000,
    *,
    start: Weights | None = None,
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

    It is `gradient_descent` with the rule `lsgd_fast.stepsizes.Nesterov`, whose docstring has the
    formulas. For checkpoints use a `Descent` with that rule.

    Parameters
    ----------
    {X}
    {y_or_classes}
    stepsize : float, optional
        The constant stepsize of the gradient steps, in the units of X. By default it is 1 over the
        bound ``c R^2 + l2`` of the smoothness, where c is the largest second derivative of the loss
        (1/4 for the logistic loss). The smoothness itself is often much smaller (`staged_trial`
        estimates it).
    n_steps : int, default 1000
        Number of steps, 0 or more. A run of n steps takes n + 1 passes over X; the last one
        computes no gradient unless something needs it.
    {start}
    {loss}
    {sample_weight}
    {offset_of_run}
    {l2}
    {fit_intercepts}
    {center_of_run}
        Held-out data are centred and scaled in the same way.
    {stop}
    {record}
    {record_every}
    {validation}
    {callback}
    {callback_every}
    {n_threads}

    Returns
    -------
    Run
        Its weights, and those of each row of the trace, are the points at which the gradients are
        taken.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

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


@documented
def two_layer_gradient_descent(
    X: Matrix | DistributedRows,
    y: Vector,
    stepsize: Stepsize,
    n_steps: Count,
    *,
    width: Count,
    activation: Activation = "relu",
    rng: Seed | None = None,
    start: Weights | None = None,
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

    The network is ``f(x) = width^(-1/2) sum_s a_s activation(x . w_s)``. Its signs a_s = +1, -1,
    +1, ... are fixed, so that an odd width has one more +1, and the weights w_s are trained, from
    normal ones. The objective is the weighted mean of ``loss(y_i f(x_i))``, plus a penalty. For a
    network that is wide enough, in a kernel regime, large stepsizes have the same phases as for
    linear models (Wu, Bartlett, Telgarsky, Yu, COLT 2024, arXiv:2402.15926, Theorem 6). The width
    required by the theorem is far beyond what can be run, so no run is certified.

    Parameters
    ----------
    {X}
        The units have no biases: append a column of ones to X for them.
    {y}
    stepsize : float or rule
        The constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes` that is not
        adaptive; `Silver` and `Anytime` need their argument `smoothness`.
    {n_steps}
    width : int
        Number of hidden units, 1 or more.
    activation : {"relu", "leaky_relu", "softplus"}, default "relu"
        The function of a unit: ``max(z, 0)``, ``max(z, z / 100)`` or ``log(1 + exp(z))``. The
        derivative of the first two at 0 is that for z < 0.
    rng : int, Generator, BitGenerator, SeedSequence or RandomState of numpy.random, optional
        Seed or generator of the first weights, ``rng.standard_normal((d, width))``; by default
        they differ from run to run. For a RandomState its bit generator is used, as in
        `numpy.random.default_rng`. For several seeds pass ``SeedSequence(seeds)``.
    start : array-like of shape (d, width), optional
        First weights, in place of those that `rng` draws.
    {loss_of_margin}
    {sample_weight}
    offset : array-like of shape (n,), optional
        A known part of the scores: margins are ``y_i (f(x_i) + offset_i)``. The run counts as
        separated once every margin exceeds the largest ``|offset_i|``.
    l2 : float, default 0.0
        Strength of the penalty ``l2/2 * |w|^2``, which is added to the loss.
    stop : Stop, optional
        Conditions that end the run early. `separated` ends it once all margins ``y_i f(x_i)`` are
        positive; `cycling` is not supported.
    {record}
        The trace has one more column here, "distance", which is ``|w_t - w_0|``.
    {record_every}
    {validation}
    {callback}
    {callback_every}
    {n_threads}

    Returns
    -------
    Run
        Its `weights` have the shape (d, width). `separated_at` is the step at which the network
        first fitted all labels, which does not show that the data are separable: `separable` is
        None.
        The verdict is "stable" only at a gradient of exactly zero (also that of a dead network),
        otherwise "unstable" or "undecided", by the increases of the loss.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

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
    with ranks_of(X).together(), closing(callback):
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
    return logged(descent.result(), descent.stepsize, descent.rank)


def run_sweep(request):
    """Return the `Sweep` of a `SweepRequest`."""
    rank = request.descents[0].problem.ranks.rank
    runs, stepsizes = descend_together(request), request.stepsizes
    for run, stepsize in zip(runs, stepsizes, strict=True):
        logged(run, stepsize, rank)
    return Sweep(runs, stepsizes)
