"""Whether the loss has a minimum where a run of `minimize` ended, if there is cause to doubt it."""

import math
import warnings
from dataclasses import replace

import numpy as np

from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._methods.margin_rows import MarginRows
from lsgd_fast._methods.minimize_result import COLUMNS
from lsgd_fast._methods.numerics import center_classes
from lsgd_fast._methods.separation import VANISHING, differences, find_separation
from lsgd_fast._methods.separation_proofs import independent_columns
from lsgd_fast._results.separation import SeparationWarning

__all__ = ["GrowthCheck", "growth_check", "warn_of_growth"]

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
    """Return the `GrowthCheck` of a problem, or None if it has a penalty; see there."""
    return None if problem.l2 > 0.0 else GrowthCheck(solve, problem, names, n_threads)


class GrowthCheck:
    """What a run asks where its loss may fall for ever: exact, but slower than an iteration.

    Parameters
    ----------
    solve : callable
        That of either implementation: takes a `MinimizeRequest` and returns the `Run`.
    problem : Problem
        Without a penalty.
    names : list of str
        The names of the features.
    n_threads : int or None
    """

    def __init__(self, solve, problem, names, n_threads):
        self.solve, self.problem, self.names, self.n_threads = solve, problem, names, n_threads
        self.plain, self.rows = problem, None
        if problem.scale is not None and (problem.fit_intercept or not problem.center.any()):
            self.plain = replace(problem, center=None, scale=None)  # which has the same separation

    @np.errstate(all="ignore")
    def find(self, run, reason):
        """Return a `Separation` with a direction in which the loss falls for ever, or None.

        Parameters
        ----------
        run : the state of a run of `minimize`
        reason : StopReason
            Why it ends.
        """
        t = 0.0 if reason is StopReason.rounding or run.n_steps == 0 else run.trace[-1][STEPSIZE]
        if reason not in MAY_GROW or _is_settled(run, t):
            return None
        whole = self.plain.in_one_process()
        rows = MarginRows(whole)
        weights, step = run.lbfgs.weights, t * run.lbfgs.search_direction
        shape = (-1, run.request.k)
        v = rows.row_gradients(self._plain_margins(rows, weights.reshape(shape)))
        change = self._plain_margins(rows, step.reshape(shape))
        settled = (v >= _vanishing(run) * v.max()) & (change < STEADY_CHANGE)
        if settled.all() or _leave_no_direction(rows, settled):
            return None
        whole = whole.without_offset()
        found = find_separation(self.solve, whole, self.names, self.n_threads, MAX_PROGRAM)
        return None if found.direction is None else found

    def _plain_margins(self, rows, weights):
        w, d = differences(weights, self.problem), self.problem.d
        if self.plain is not self.problem:
            w[:d] *= self.problem.scale[:, None]
            w[d:] -= self.problem.center @ w[:d]
        return rows.margins(rows.to_columns(w))[0]

    def separates(self, run):
        """Return whether the weights of a run separate the data, by the rounding of each margin."""
        weights = run.lbfgs.weights.reshape(-1, run.request.k)
        margins, least = self._least_margins(weights), self.problem.largest_offset
        return bool(((margins > 0.0) & (margins + self.rows.offset > least)).all())

    def separating(self, separation):
        """Return weights in a direction that separates the data, and their least margin.

        Parameters
        ----------
        separation : Separation

        Returns
        -------
        weights : ndarray of shape (height, k)
            As a `MinimizeRequest` has them.
        margin : float
            Without offsets. Positive if the margins are, beyond the rounding of each.
        """
        d, k = self.problem.d, self.problem.model.columns
        w = np.append(separation.direction, separation.intercept).reshape(d + 1, k)
        w = w[: d + self.problem.fit_intercept].copy()
        if self.plain is not self.problem:
            w[d:] += self.problem.center @ w[:d]
            w[:d] /= self.problem.scale[:, None]
        center_classes(w, k)
        return w, float(self._least_margins(w).min())

    @np.errstate(all="ignore")
    def _least_margins(self, weights):
        """Return lower bounds of the margins of weights, without offsets."""
        if self.rows is None:
            self.rows = MarginRows(self.problem.in_one_process())
        w = differences(weights, self.problem)
        u = self.rows.to_columns(w)
        if not np.array_equal(self.rows.to_weights(u), w):
            return np.full(self.rows.shape[0], -np.inf)
        margins, bounds = self.rows.margins(u)
        return margins - bounds


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
