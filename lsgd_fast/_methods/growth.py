"""Whether the loss has a minimum where a run of `minimize` ended, if there is cause to doubt it."""

import math
import warnings
from dataclasses import replace

import numpy as np

from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._methods.margin_rows import MarginRows
from lsgd_fast._methods.minimize_result import COLUMNS
from lsgd_fast._methods.separation import VANISHING, differences, find_separation
from lsgd_fast._methods.separation_proofs import independent_columns
from lsgd_fast._results.separation import SeparationWarning

__all__ = ["growth_check", "warn_of_growth"]

# A margin that grows for ever changes by at least this much in the last step of a run, or its row
# gradient has vanished.
STEADY_CHANGE = 0.1

STEPSIZE = COLUMNS.index("stepsize")

# A run that ends for another reason has separated the data, or was cut off and says so.
MAY_GROW = (StopReason.converged, StopReason.gradient_norm, StopReason.rounding)

# The largest linear program, which takes some 0.1 s, and the largest number of columns whose
# independence is tested on a sample.
MAX_PROGRAM = 200_000
MAX_SAMPLED_COLUMNS = 2048


def growth_check(solve, problem, names, n_threads):
    """Return the `find_growth` of `run_minimize`; None for a problem with a penalty.

    Parameters
    ----------
    solve : callable
        That of either implementation: takes a `MinimizeRequest` and returns the `Run`.
    problem : Problem
    names : list of str, or None
        The names of the features, where there is no penalty.
    n_threads : int or None
    """
    if problem.l2 > 0.0:
        return None
    d, scale, center = problem.d, problem.scale, problem.center
    plain = problem
    if scale is not None and (problem.fit_intercept or not center.any()):
        plain = replace(problem, center=None, scale=None)  # which has the same separation

    def margins_of(rows, weights):
        w = differences(weights, problem)
        if plain is not problem:
            w[:d] *= scale[:, None]
            w[d:] -= center @ w[:d]
        return rows.margins(rows.to_columns(w))[0]

    @np.errstate(all="ignore")
    def find_growth(run, reason):
        t = 0.0 if reason is StopReason.rounding or run.n_steps == 0 else run.trace[-1][STEPSIZE]
        if reason not in MAY_GROW or _is_settled(run, t):
            return None
        whole = plain.in_one_process()
        rows = MarginRows(whole)
        weights, step = run.lbfgs.weights, t * run.lbfgs.search_direction
        shape = (-1, run.request.k)
        v = rows.row_gradients(margins_of(rows, weights.reshape(shape)))
        change = margins_of(rows, step.reshape(shape))
        settled = (v >= _vanishing(run) * v.max()) & (change < STEADY_CHANGE)
        if settled.all() or _leave_no_direction(rows, settled):
            return None
        return find_separation(solve, whole.without_offset(), names, n_threads, MAX_PROGRAM).growing

    return find_growth


def _is_settled(run, t):
    """Return whether no margin has grown far or still grows, from what the run has in memory."""
    ranks, sizes = run.problem.ranks, np.abs(run.line.row_gradients)
    largest = np.max(ranks.gather(sizes.max()))
    n_large = sum(ranks.gather(np.count_nonzero(sizes >= _vanishing(run) * largest)))
    n_used = sum(ranks.gather(np.count_nonzero(run.problem.weight)))
    if n_large < run.request.k * n_used:
        return False
    return t * np.max(ranks.gather(np.abs(run.line.change).max())) < STEADY_CHANGE


def _vanishing(run):
    """Return the row gradient over the largest one below which a margin may have grown."""
    if run.n_steps > 0:
        return VANISHING
    return max(VANISHING, 100.0 * run.options.tol)  # the start may be where another run ended


def _leave_no_direction(rows, settled):
    """Return whether no direction but zero has only zero margins where they are settled.

    A sample of these tells, for a small part of the cost of a proof.
    """
    q, chosen = rows.shape[1], np.flatnonzero(settled)
    if len(chosen) < q:
        return False
    if q > MAX_SAMPLED_COLUMNS:
        return True
    return len(independent_columns(rows.take(chosen[:: math.ceil(len(chosen) / (4 * q))]))) == q


def warn_of_growth(run, stacklevel):
    """Return a run of `minimize`, with a warning if the loss is proved to have no minimum."""
    if run.stop_reason is StopReason.no_minimum:
        warnings.warn(run.evidence, SeparationWarning, stacklevel=stacklevel + 1)
    return run
