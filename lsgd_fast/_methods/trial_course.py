"""The course of a trial: stages, the confirmation of the best, and its comparison with the first.

It says what runs on what; a runner runs it. Each set of runs is a unit of its own, which a caller
may keep, so that a trial that was interrupted can be resumed.
"""

from functools import partial

import numpy as np

from lsgd_fast._constants import SLACK
from lsgd_fast._methods.trial_runs import Found
from lsgd_fast._results.trial import HELD_OUT_GOALS, ComparedRun, Comparison, Stage
from lsgd_fast._results.trial_summary import describe_outcomes

__all__ = ["Course", "compute"]


def compute(name, unit):
    """Return what a unit of a trial finds: the `keep` that keeps nothing."""
    return unit()


class _Ended(Exception):
    """Carries what a unit has found past `keep`, once the callback has ended the trial."""


class Course:
    """The course of a trial.

    Parameters
    ----------
    runner : Runner or TrainingRunner
        Its ``run(part, stepsizes)`` returns what the stepsizes find on a part, as a `Found`. Where
        its runs share nothing, each is a unit.
    samples : Samples or Seeds
        The parts: those of the stages, new ones for the comparison, and `whole` to confirm on.
    stepsizes : list of float
    goal : str
    watch : Watch
    keep : callable
        ``keep(name, unit)`` returns what ``unit()`` returns, a dict that JSON can hold, or an
        equal one that it has kept under this name. What a callback has ended is not to be kept:
        then ``unit()`` raises.

    Attributes
    ----------
    passes : float
        Passes over all rows so far.
    margin : float
        The largest `Found.margin` so far.
    total_steps : int
        The steps of all runs so far.
    """

    def __init__(self, runner, samples, stepsizes, goal, watch, keep):
        self.runner, self.samples, self.stepsizes, self.goal = runner, samples, stepsizes, goal
        self.watch, self.keep = watch, keep
        self.passes, self.margin, self.total_steps = 0.0, 0.0, 0

    @property
    def ended(self):
        """Whether the callback has ended the trial."""
        return self.watch.ended

    def take(self, name, find):
        """Return the `Found` of ``find()``, or that kept under this name, and count its cost."""

        def unit():
            found = find()
            if self.ended:
                raise _Ended(found)
            return found.to_dict()

        self.watch.begin(name)
        try:
            found = Found.from_dict(self.keep(name, unit))
        except _Ended as ended:
            (found,) = ended.args
        self.passes += found.passes
        self.margin = max(self.margin, found.margin)
        self.total_steps += sum(outcome.n_steps for outcome in found.outcomes)
        return found

    def run(self):
        """Return what runs find, by the names in `Trial`."""
        stages, confirmed = self._try_stepsizes()
        best = self._best(confirmed, stages)
        return {
            "stages": stages,
            "confirmations": tuple(outcome for _, outcome in sorted(confirmed.items())),
            "comparison": self._compare(confirmed, best) if best else None,
            "recommended": None if best is None else self.stepsizes[best],
        }

    def _try_stepsizes(self):
        """Return the stages, and by their numbers the outcomes on all rows."""
        if self.samples.are_whole:
            found = [self._run_whole(self.stepsizes)]
        else:
            found = self._run_samples("", self.stepsizes)
        columns = zip(*found, strict=True)
        stages = tuple(map(self._stage, self.stepsizes, columns))
        if self.ended:
            return stages, {}
        if self.samples.are_whole:
            return stages, dict(enumerate(found[0]))
        return stages, self._confirm(stages)

    def _compare(self, confirmed, best):
        """Return the comparison of the first stage with the best one, on new samples and all rows.

        It is None if the callback ends it.
        """
        small, large = confirmed[0], confirmed[best]
        pair, found = [small.stepsize, large.stepsize], []
        if not self.samples.are_whole:
            found = self._run_samples("new ", pair)
        if self.ended:
            return None
        of_small, of_large = zip(*found, strict=True) if found else ((), ())
        return Comparison(
            conservative=ComparedRun(stepsize=pair[0], samples=of_small, full=small),
            recommended=ComparedRun(stepsize=pair[1], samples=of_large, full=large),
        )

    def _best(self, confirmed, stages):
        """Return the stage that is the best of those that held on all rows, or None.

        They are ranked there, and by what is held out on the samples. One more seed is but another:
        stages are ranked by their own seeds, and must have passed there, too. What is held out
        must be finite, or it says nothing.
        """
        held = {i: outcome for i, outcome in confirmed.items() if outcome.held}
        if not self.samples.whole_is_all:
            held = {i: stages[i] for i in held if stages[i].passed}
        elif self.goal in HELD_OUT_GOALS:
            held = {i: stages[i] for i in held}
        ranks = {i: one.rank(self.goal) for i, one in held.items()}
        if self.goal in HELD_OUT_GOALS:
            ranks = {i: rank for i, rank in ranks.items() if rank[1] < np.inf}
        return self._first_best(ranks)

    def _first_best(self, ranks):
        return _first_best(ranks, SLACK if self.samples.whole_is_all else 0.0)

    def _run(self, part, stepsizes, name):
        if self.runner.shares_passes:
            return self.take(name, lambda: self.runner.run(part, stepsizes)).outcomes
        outcomes = []
        for one in stepsizes:
            unit = partial(self.runner.run, part, [one])
            outcomes += self.take(f"{name}, stepsize {one!r}", unit).outcomes
        return tuple(outcomes)

    def _run_whole(self, stepsizes, which=""):
        return self._run(self.samples.whole, stepsizes, f"{self.samples.whole_name}{which}")

    def _run_samples(self, which, stepsizes):
        """Return the outcomes on new samples; fewer if the callback ends the trial."""
        found, parts = [], self.samples.draw()  # drawn also where their runs have been kept
        for i, part in enumerate(parts):
            name = f"{which}{self.samples.noun} {i + 1} of {len(parts)}"
            found.append(self._run(part, stepsizes, name))
            if self.ended:
                break
        return found

    def _stage(self, stepsize, outcomes):
        passed = 2 * sum(outcome.held for outcome in outcomes) > len(outcomes)
        reason = describe_outcomes(outcomes, self.goal)
        return Stage(stepsize=stepsize, outcomes=outcomes, passed=passed, reason=reason)

    def _confirm(self, stages):
        """Return the outcomes on all rows by stage.

        They are those of the candidate and, if need be, of the stages below it. The candidate is
        the best stage on the samples. Its neighbours run with it, since the best stage on all rows
        may be next to it, and so does the first stage; they share their passes. There are none if
        the callback ends them.
        """
        passed = [i for i, stage in enumerate(stages) if stage.passed]
        candidate = self._first_best({i: stages[i].rank(self.goal) for i in passed}) or 0
        near = {0, max(0, candidate - 1), candidate}
        if candidate + 1 in passed:
            near.add(candidate + 1)

        def run(chosen, which=""):
            chosen = sorted(chosen)
            found = self._run_whole([self.stepsizes[i] for i in chosen], which)
            return dict(zip(chosen, found, strict=True))

        found = run(near)
        below, best = range(1, candidate - 1), self._best(found, stages)
        if below and (best is None or best < candidate) and not self.ended:
            found |= run(below, ", smaller stepsizes")
        return {} if self.ended else found


def _first_best(ranks, least=SLACK):
    """Return the first stage whose rank is the best but for rounding, or None if there is none.

    `least` is a difference that is none, whatever the numbers. Losses of any scale have none such,
    as their logarithms have.
    """
    best = min(ranks.values(), default=None)
    return next((i for i in sorted(ranks) if np.allclose(ranks[i], best, SLACK, least)), None)
