"""The public functions: arguments to a problem, to the row pass, to numbers."""

from types import SimpleNamespace

from lsgd_fast.checks import check_n_steps, check_n_threads
from lsgd_fast.constants import LINK_WORK
from lsgd_fast.curvature import Curvature
from lsgd_fast.descent import Descent, descend_together
from lsgd_fast.line import Line
from lsgd_fast.minimizing import check_minimize, run_minimize
from lsgd_fast.passes import Passes
from lsgd_fast.problem import Problem, check_weights
from lsgd_fast.progress import logged
from lsgd_fast.rows import Rows, evaluate
from lsgd_fast.stages import run_trial
from lsgd_fast.sweep import Sweep, check_sweep
from lsgd_fast.threads import choose_threads

__all__ = [
    "gradient_descent",
    "logistic_loss",
    "logistic_loss_gradient",
    "minimize",
    "staged_trial",
    "stepsize_sweep",
]

SERIAL_WORK = 4_000_000  # of a pass of `minimize`, in elements of X and their like


def logistic_loss(
    X,
    y,
    w,
    *,
    sample_weight=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    n_threads=None,
):
    """Return the logistic objective at `w`.

    The weighted mean over rows of ``log(1 + exp(-z_i))`` with margins ``z_i = y_i (x_i . w + b)``,
    plus ``l2/2 * |w|^2``; the intercept b is not penalised.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout; the values are taken as they are, sums are float64.  Rows
        of float64, float32, float16, bfloat16 (of ml_dtypes), uint8 or int8 are fastest, and CSR
        of the first two among sparse ones.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    w : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, which is last
        Weights, in k columns at the cost of less than k calls.
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter.
    l2 : float, default 0.0
    fit_intercept : bool, default False
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; `scale` is positive.
    n_threads : int, optional

    Returns
    -------
    float or ndarray of shape (k,)

    Raises
    ------
    TypeError, ValueError
        For bad arguments; the message names the argument.

    Notes
    -----
    Sums are float64 for every dtype of X.  The result has the same bits for every number of threads
    and every instruction set, and column k those of a call with that column alone.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> lsgd.logistic_loss(X, y, [0.0, 0.0])
    0.6931471805599453
    """
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    return _evaluate(X, y, w, n_threads, False, **options, center=center, scale=scale)[0]


def logistic_loss_gradient(
    X,
    y,
    w,
    *,
    sample_weight=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    n_threads=None,
):
    """Return the logistic objective at `w` and its gradient, reading X from memory once.

    Parameters
    ----------
    X, y, w, sample_weight, l2, fit_intercept, center, scale, n_threads
        As for `logistic_loss`.

    Returns
    -------
    value : float or ndarray of shape (k,)
    gradient : ndarray of the shape of `w`

    Raises
    ------
    TypeError, ValueError
        For bad arguments; the message names the argument.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> lsgd.logistic_loss_gradient(X, y, [0.0, 0.0])[1]
    array([ 0.25, -0.1 ])
    """
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    return _evaluate(X, y, w, n_threads, True, **options, center=center, scale=scale)


def _evaluate(X, y, w, n_threads, gradient, **options):
    check_n_threads(n_threads)
    problem = Problem.check(X, y, **options)
    w = check_weights(w, problem)
    rows = Rows(problem, pack=False, gradient=gradient)
    n_threads = choose_threads(n_threads, problem.n, problem.row_length, rows.n_chunks)
    columns = w.reshape(len(w), -1)
    value, slope = evaluate(rows, columns, problem.l2, gradient, n_threads)
    if w.ndim == 1:
        value = float(value[0])
    return value, slope.reshape(w.shape) if gradient else None


def gradient_descent(
    X,
    y,
    stepsize,
    n_steps,
    *,
    start=None,
    loss="logistic",
    sample_weight=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    stop=None,
    record=None,
    record_every=1,
    validation=None,
    callback=None,
    callback_every=None,
    gram="auto",
    n_threads=None,
):
    """Run gradient descent and return what happened.

    ``w_{t+1} = w_t - eta_t * gradient(w_t)``, from ``start``, on the objective of `logistic_loss`
    or that of another loss. The stepsize may be far above 2 over the smoothness: on linearly
    separable data the logistic loss then oscillates at first and converges faster afterwards (Wu,
    Bartlett, Telgarsky, Yu, COLT 2024, arXiv:2402.15926, Theorem 1); on other data it may cycle
    for ever.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout; the values are taken as they are, sums are float64.  Rows
        of float64, float32, float16, bfloat16 (of ml_dtypes), uint8 or int8 are fastest, and CSR
        of the first two among sparse ones.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur. With ``loss="softmax"`` the classes as
        numbers 0, 1, ..., K - 1, of which all must occur.
    stepsize : float or rule
        Constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes`.
    n_steps : int
        Steps to take; n steps make n + 1 passes over X, the last one forward only.
    start : array-like of shape (d,) or (d + 1,), optional
        First weights, the intercept last; zeros by default. With softmax of shape (d, K) or
        (d + 1, K).
    loss : str or object, default "logistic"
        A name or an object of `lsgd_fast.losses`. ``"softmax"`` has a column of weights, and an
        intercept, for each of K classes, and the loss ``logsumexp(z) - z_y`` of their products z
        with a row; the margin of a row is z_y less the largest other product. Nothing is certified
        then. It does not go with Gram space.
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2`` to what is descended; the intercept is not penalised.
    fit_intercept : bool, default False
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X, and held-out data likewise;
        `scale` is positive. Everything of the run refers to them: weights, norms, R. The weights
        for X itself are ``scale * weights``, with an intercept less by their product with `center`.
        Not in Gram space.
    stop : Stop, optional
        When to end early.
    record : sequence of str, optional
        Names of the columns of the trace to keep; all by default. "step" is always kept.
    record_every : int, default 1
        The trace keeps the steps that are multiples of it, and the last.
    validation : (X, y), optional
        Held-out data: adds ``validation_loss`` and ``validation_error_rate`` to the trace, by a
        forward pass over them at each recorded step, and keeps the best weights in
        ``Run.best_weights``.
    callback : callable, optional
        Called as ``callback(state)`` when w_t is measured and the step from it not yet taken, for
        t >= 1; `state` is the `Descent`.  Returning True ends the run.
    callback_every : int, optional
        Steps between calls; 1 by default.
    gram : {"auto", True, False}, default "auto"
        Whether to run in Gram space (with the logistic loss, and the rules `Constant`, `Schedule`
        and `Silver`): compute the n x n products of the rows once, and from then on
        take steps that cost n^2 whatever the number of features. "auto" does so for X of at least
        20 000 entries and at least 8 times as many features as rows, if the products (with those
        of held-out rows) take at most 64 MiB: too few steps do not pay for them. The weights are
        then sums of rows, made at the end and when a callback asks. Without a penalty
        `gradient_norm` carries an error of about ``1e-8 * radius``, times the mean of
        ``sigmoid(-z)``.
    n_threads : int, optional
        Obeyed up to the number of parts the rows are split into.

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
    check_n_steps(n_steps)
    descent = Descent(
        X,
        y,
        stepsize,
        start=start,
        loss=loss,
        sample_weight=sample_weight,
        l2=l2,
        fit_intercept=fit_intercept,
        center=center,
        scale=scale,
        stop=stop,
        record=record,
        record_every=record_every,
        validation=validation,
        callback=callback,
        callback_every=callback_every,
        gram=gram,
        n_threads=n_threads,
    )
    descent.step(n_steps)
    return logged(descent.result())


def stepsize_sweep(
    X,
    y,
    stepsizes,
    n_steps,
    *,
    start=None,
    loss="logistic",
    sample_weight=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    stop=None,
    record=None,
    record_every=1,
    validation=None,
    callback=None,
    callback_every=None,
    gram="auto",
    n_threads=None,
):
    """Run gradient descent with several stepsizes that share every pass over the data.

    Run k is, bit for bit, `gradient_descent` with the same arguments. A run that has ended leaves
    the passes and costs nothing more. Runs of softmax, whose columns fill a pass by themselves, go
    one after another and share the rows.

    Parameters
    ----------
    X, y, n_steps, loss, sample_weight, fit_intercept, center, scale, record, record_every,\
 validation, gram, n_threads
        As for `gradient_descent`.
    stepsizes : sequence of k floats or rules
    start : array-like of shape (d,) or (d, k); (d + 1,) or (d + 1, k) with an intercept, optional
        First weights, of all runs or of each. With softmax of shape (d, K) or (k, d, K), or
        (d + 1, K) or (k, d + 1, K).
    l2 : float or sequence of k floats, default 0.0
    stop : Stop or sequence of k Stop or None, optional
    callback, callback_every
        As for `gradient_descent`: the callback is called for each run in turn, with its `Descent`,
        and ends that run by returning True. With softmax a run takes all its steps before the next
        begins.

    Returns
    -------
    Sweep
        A sequence of `Run`. Each run's `seconds` are those of the sweep until it ended, but with
        softmax its own.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    Memory grows by about ``8 * k * d`` bytes times the number of parts of the rows (up to 64), and
    by the traces; `record` keeps those small. With softmax it grows by the traces alone.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> sweep = lsgd.stepsize_sweep(X, y, [4.0, 8.0, 16.0, 32.0], 1000)
    >>> sweep.best(by="loss").trace.stepsize[0]
    32.0
    """
    asked = check_sweep(
        X, y, stepsizes, n_steps, start=start, loss=loss, sample_weight=sample_weight, l2=l2,
        fit_intercept=fit_intercept, center=center, scale=scale, stop=stop, record=record,
        record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, gram=gram, n_threads=n_threads,
    )  # fmt: skip
    return Sweep(map(logged, descend_together(asked)), asked.stepsizes)


def staged_trial(
    X,
    y,
    *,
    start_stepsize=None,
    factor=4,
    n_stages=8,
    n_steps=1000,
    sample=0.1,
    n_repeats=3,
    stop=None,
    rng=0,
    loss="logistic",
    sample_weight=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    n_threads=None,
):
    """Look for a large stepsize on samples of the rows, and confirm it on all of them.

    Growing stepsizes run on stratified samples, from zero weights, and end early where they do not
    leave the unstable phase. The best of them, its neighbours and the first run on all rows, and
    if need be those below. What is recommended is one of these runs.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur. With softmax numbers 0, 1, ..., K - 1.
    start_stepsize : float, optional
        The first, conservative stepsize; by default 1 over the estimated smoothness of the
        objective, in two digits, with which the loss never increases.
    factor : float, default 4
        Between one stage and the next; greater than 1.
    n_stages : int, default 8
    n_steps : int, default 1000
        Steps of each run, on samples and on all rows. With fewer than 1000 hardly any run is
        called stable without a proof.
    sample : float, default 0.1
        Share of the rows in a sample, at most 1. Five rows per feature, times K - 1 with K
        classes, are taken in any case, or all if there are fewer, and then there is one sample.
    n_repeats : int, default 3
        Samples for the choice, and as many new ones for the comparison.
    stop : Stop, optional
        What else ends a run. Its goals (`loss`, `gradient_norm`, `separated`) decide which stepsize
        is best; `unstable_steps` is half of `n_steps` by default, and `cycling` always True.
    rng : int or numpy.random.Generator, default 0
        The result is a function of it and of the other arguments.
    loss : {"logistic", "softmax"} or object, default "logistic"
        As for `gradient_descent`. Runs with softmax do not share passes, see `stepsize_sweep`.
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2``, and then the objective decides, not the first separation.
    fit_intercept : bool, default False
    center, scale : array-like of shape (d,) or float, optional
        As for `gradient_descent`; stepsizes are in the units of ``(X - center) * scale``.
    n_threads : int, optional

    Returns
    -------
    Trial
        Print it for a report in words.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any run; the message names the argument.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> trial = lsgd.staged_trial(X, y)
    >>> trial.conservative, trial.recommended, trial.confirmed.separated_at
    (0.34, 5570.56, 1)
    """
    return run_trial(
        stepsize_sweep, X, y, start_stepsize=start_stepsize, factor=factor, n_stages=n_stages,
        n_steps=n_steps, sample=sample, n_repeats=n_repeats, stop=stop, rng=rng, loss=loss,
        sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept, center=center, scale=scale,
        n_threads=n_threads,
    )  # fmt: skip


def minimize(
    X,
    y,
    *,
    l2=0.0,
    tol=1e-8,
    max_passes=1000,
    start=None,
    loss="logistic",
    sample_weight=None,
    fit_intercept=False,
    center=None,
    scale=None,
    stop=None,
    callback=None,
    callback_every=None,
    n_threads=None,
):
    """Minimise the objective by a quasi-Newton method, without a stepsize to choose.

    Limited-memory BFGS with a thorough search along each direction. The scores of the rows and
    their change are kept, so that the search costs no read of X; an iteration reads X twice, as
    much as a step of gradient descent on rows that do not fit the cache.

    Without a penalty, data that are linearly separable have no minimiser: the run ends when it has
    separated them. If `stop.loss` asks for a loss as well, the weights are then made longer until
    they have it, which changes neither their direction nor, over ``|w|``, a margin.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; with ``loss="softmax"`` class numbers 0 to K - 1, each of which
        must occur.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2`` to the mean of the losses; intercepts are not penalised.
    tol : float, default 1e-8
        End once the norm of the gradient of the objective is at most `tol` times
        ``R * mean |loss'(z_i)|``, which the gradient of the loss would be if all rows pulled the
        same way: a number without units. Without a penalty that proves that no direction has a
        margin above ``tol * R``.
    max_passes : int, default 1000
        Reads of X at most, forward or backward.
    start : array-like of shape (d,) or (d + 1,); with softmax (d, K) or (d + 1, K), optional
        First weights, intercepts last; zeros by default, and where the objective at the weights
        given is above 1e8, because the way back would leave few digits.
    loss : {"logistic", "softmax"} or object, default "logistic"
        A name, or `Logistic` or `Softmax` of `lsgd_fast.losses`.
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter.
    fit_intercept : bool, default False
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; `scale` is positive.
        Weights, R and `l2` are those of the features.
    stop : Stop, optional
        When to end early: `loss`, `gradient_norm`, `separated`, `seconds`.
    callback : callable, optional
        Called as ``callback(state)`` between iterations, with the attributes `n_steps`, `n_passes`,
        `weights`, `intercept`, `loss`, `log_loss`, `objective`, `error_rate`, `min_margin`,
        `gradient_norm`, `verdict` and `evidence`. Returning True ends the run.
    callback_every : int, optional
        Iterations between calls; 1 by default.
    n_threads : int, optional
        Obeyed up to the number of parts the rows are split into.

    Returns
    -------
    Run
        Steps are iterations; `trace.passes` counts the reads of X, `trace.stepsize` is the length
        of a step in directions. The `stop_reason` is "converged", "separated", "max_passes",
        "rounding" (no step makes the objective any less, though `tol` asks for it), "diverged", or
        what `stop` or the callback asked for.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    References
    ----------
    D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45, 1989.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> lsgd.minimize(X, y).stop_reason.value
    'separated'
    >>> lsgd.minimize(X, y, l2=1e-3).stop_reason.value
    'converged'
    """
    asked = check_minimize(
        X, y, l2=l2, tol=tol, max_passes=max_passes, start=start, loss=loss,
        sample_weight=sample_weight, fit_intercept=fit_intercept, center=center, scale=scale,
        stop=stop, callback=callback, callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    problem, k = asked.problem, asked.k
    rows = Rows(problem)
    # each pass is a team of its own: it takes more for a second thread to pay than in a descent
    is_small = n_threads is None and problem.n * (problem.d + LINK_WORK) * k < SERIAL_WORK
    n_threads = 1 if is_small else n_threads
    n_threads = choose_threads(n_threads, problem.n, problem.d, rows.n_chunks, k)
    engine = SimpleNamespace(
        passes=Passes(rows, k, n_threads),
        line=Line(problem.weight, problem.y, problem.total_weight, k, n_threads),
        curvature=Curvature(asked.start, asked.unit, problem.l2, asked.n_penalised, asked.room),
        n_threads=n_threads,
    )
    return logged(run_minimize(engine, asked))
