"""Minimisation of the objective by the compiled quasi-Newton method."""

from __future__ import annotations

import numpy as np

from lsgd_fast._api.descent import descend
from lsgd_fast._core.threads import SERIAL_PASS_WORK, choose_threads
from lsgd_fast._docstrings import documented
from lsgd_fast._engine.dataset import Rows
from lsgd_fast._engine.exchange import exchange_of
from lsgd_fast._engine.lbfgs import LBFGS
from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._engine.score_line import ScoreLine
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.distributed_rows import DistributedRows, ranks_of
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._methods.gradient_sizes import share_at_start
from lsgd_fast._methods.growth import growth_check, warn_of_growth
from lsgd_fast._methods.line_search import Engine
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._methods.quasi_newton import run_minimize
from lsgd_fast._results.run import Run
from lsgd_fast._results.separation import feature_names
from lsgd_fast._typing import (
    Callback,
    ClassLoss,
    Count,
    Matrix,
    MinimizeState,
    Real,
    Scale,
    Vector,
    Weights,
)
from lsgd_fast.progress import logged

__all__ = [
    "LossOfWeights",
    "gradient_share",
    "minimize",
    "minimize_problem",
    "run_to_tolerance",
    "solve",
]

# Where the norm of the gradient is small enough, but not each of its entries, gradient descent goes
# on to a norm that is smaller by the factor that these lack, or by this one.
MAX_TIGHTENING = 0.1


@documented
def minimize(
    X: Matrix | DistributedRows,
    y: Vector,
    *,
    l2: Real = 0.0,
    tol: Real = 1e-8,
    max_passes: Count = 1000,
    start: Weights | None = None,
    loss: ClassLoss = "logistic",
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    stop: Stop | None = None,
    callback: Callback[MinimizeState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Run:
    """Minimise the objective by limited-memory BFGS, without a stepsize to choose.

    The objective is the weighted mean of the losses plus ``l2/2 * |w|^2``. Each iteration reads X
    twice, as much as one step of gradient descent on rows that do not fit the cache. The line
    search works on the scores of the rows and their change, and reads X not at all.

    Without a penalty, linearly separable data have no minimiser: the run ends once it has separated
    them. If `stop.loss` is given, the separating weights are then scaled until the loss is at most
    that, which changes neither their direction nor a margin over ``|w|``.

    Parameters
    ----------
    {X}
    {y_or_classes}
    {l2}
    tol : float, default 1e-8
        Tolerance of convergence, without units: those of one feature do not matter either. The run
        converges once, for each weight w_j, the derivative of the objective by it is at most `tol`
        times ``mean |x_ij| |loss'(z_i)| + l2 |w_j|``, which it would be if all rows pulled the same
        way; z_i are the margins, and for an intercept x_ij is 1. With softmax that holds for each
        class. Derivatives that are rounding count as zero. Without a penalty this proves that no
        direction has a margin above ``tol * R``, where R is the largest norm of a row.
    max_passes : int, default 1000
        Maximum number of reads of X, forward or backward: two for each iteration, and one for each
        look at the criterion of convergence, of which there are few.
    start : array-like of shape (d,) or (d + 1,); with softmax (d, K) or (d + 1, K), optional
        Initial weights, intercepts last. They are zeros by default, and also where the objective at
        the given weights is above 1e8, because the way back from there would lose too many digits,
        and where the scores might leave float64. With softmax their mean over the classes, on which
        the loss does not depend, is subtracted first.
    {logistic_or_softmax}
    {sample_weight}
    {offset_of_run}
    {fit_intercepts}
    {center_of_run}
    stop : Stop, optional
        Conditions that end the run early: `loss`, `gradient_norm`, `separated` and `seconds` may be
        set.
    callback : callable, optional
        Called as ``callback(state)`` between iterations; the run ends when it returns True. `state`
        has the attributes `n_steps`, `n_passes`, `weights`, `intercept`, `loss`, `ln_loss`,
        `objective`, `error_rate`, `min_margin`, `gradient_norm`, `verdict` and `evidence`.
    callback_every : int, optional
        Number of iterations between two calls of `callback`; 1 by default.
    {n_threads}

    Returns
    -------
    Run
        Its steps are iterations: `trace.passes` counts the reads of X, and `trace.stepsize` is the
        step length along the search direction. `stop_reason` is "converged", "separated",
        "max_passes", "diverged", "rounding" if no step decreases the objective any more although
        the gradient is above `tol`, or the condition of `stop` or the callback that ended the run.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

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
    with ranks_of(X).together(), closing(callback):
        options = MinimizeOptions(
            tol=tol, max_passes=max_passes, stop=stop, callback=callback,
            callback_every=callback_every, n_threads=n_threads,
        )  # fmt: skip
        problem = Problem.check(
            X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
            center=center, scale=scale, n_threads=options.n_threads, may_be_distributed=True,
        ).with_offset(offset)  # fmt: skip
        names = feature_names(X, problem.d) if problem.l2 == 0.0 else None
        run = minimize_problem(problem, options, start, names)
    return warn_of_growth(run, stacklevel=2)


def minimize_problem(problem, options, start, names):
    """Return the `Run` of `minimize`, without a warning.

    The `names` of the features are read only where there is no penalty.
    """
    check = growth_check(solve, problem, names, options.n_threads)
    request = options.for_problem(problem, start)
    with problem.ranks.deferring_signals():
        return logged(solve(request, check), None, problem.ranks.rank)


def solve(request, growth=None):
    """Return the `Run` of a `MinimizeRequest`; see `run_minimize`."""
    return run_minimize(_engine_for(request), request, growth)


def run_to_tolerance(request, tol, n_steps):
    """Return the `Run` of gradient descent until it has converged as `minimize` does.

    Parameters
    ----------
    request : DescentRequest
        Which ends once the norm of the gradient is so small that it may have converged.
    tol : float
        As that of `minimize`.
    n_steps : int
        Number of steps, at most.
    """
    descent, problem = descend(request), request.problem
    while descent.step(n_steps - descent.n_steps) is StopReason.gradient_norm:
        weights = descent.weights
        if problem.fit_intercept:
            intercepts = np.reshape(descent.intercept, (1, *weights.shape[1:]))
            weights = np.concatenate([weights, intercepts])
        share, norm = gradient_share(problem, weights, request.options.n_threads)
        if share <= tol:
            break
        descent._tighten(norm * max(tol / share, MAX_TIGHTENING))
    return logged(descent.result(), descent.stepsize, descent.rank)


def gradient_share(problem, weights, n_threads):
    """Return how far weights are from converged, without units, and the norm of the gradient.

    Parameters
    ----------
    problem : Problem
    weights : ndarray
        As the argument `start` of `minimize`.
    n_threads : int or None

    Returns
    -------
    share, norm : float
        `minimize` converges once the share is at most `tol`.
    """
    options = MinimizeOptions(
        tol=0.0, max_passes=1, stop=None, callback=None, callback_every=None, n_threads=n_threads
    )
    request = options.for_problem(problem, weights)
    return share_at_start(_engine_for(request), request)


def _engine_for(request):
    problem, k, n_threads = request.problem, request.k, request.options.n_threads
    rows = Rows(problem)
    n_threads = choose_threads(
        n_threads, len(problem.X), problem.d, rows.n_leaves, k, serial_work=SERIAL_PASS_WORK
    )
    line = problem.weight, problem.y, problem.total_weight
    sizes = request.n_penalised, request.n_pairs, k
    return Engine(
        linear_map=LinearMap(rows, k, n_threads, exchange_of(problem)),
        score_line=ScoreLine(*line, k, n_threads, rows, exchange_of(problem), problem.offset),
        lbfgs=LBFGS(request.start, request.unit, problem.l2, *sizes),
        n_threads=n_threads,
    )


class LossOfWeights:
    """The loss of a problem as a function of the weights, in one read of X.

    Parameters
    ----------
    problem : Problem
    n_threads : int, optional
    """

    def __init__(self, problem, n_threads=None):
        rows, k = Rows(problem), problem.model.columns
        n_threads = choose_threads(
            n_threads, len(problem.X), problem.d, rows.n_leaves, k, serial_work=SERIAL_PASS_WORK
        )
        self.linear_map = LinearMap(rows, k, n_threads)
        line = problem.weight, problem.y, problem.total_weight
        self.line = ScoreLine(*line, k, n_threads, rows, offset=problem.offset)
        self.fit_intercept = problem.fit_intercept

    def __call__(self, parameters):
        """Return the loss at parameters of shape (n_parameters,)."""
        self.linear_map.matvec(parameters, self.line.scores)
        return self.line.evaluate(0.0).loss
