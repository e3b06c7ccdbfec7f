"""Minimisation of the objective by the compiled quasi-Newton method."""

from types import SimpleNamespace

from lsgd_fast._core.threads import SERIAL_PASS_WORK, choose_threads
from lsgd_fast._engine.dataset import Rows
from lsgd_fast._engine.lbfgs import Curvature
from lsgd_fast._engine.linear_map import Passes
from lsgd_fast._engine.score_line import Line
from lsgd_fast._methods.quasi_newton import check_minimize, run_minimize
from lsgd_fast.progress import logged

__all__ = [
    "minimize",
]


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
    n_threads = choose_threads(
        n_threads, problem.n, problem.d, rows.n_chunks, k, serial_work=SERIAL_PASS_WORK
    )
    engine = SimpleNamespace(
        passes=Passes(rows, k, n_threads),
        line=Line(problem.weight, problem.y, problem.total_weight, k, n_threads),
        curvature=Curvature(asked.start, asked.unit, problem.l2, asked.n_penalised, asked.room),
        n_threads=n_threads,
    )
    return logged(run_minimize(engine, asked))
