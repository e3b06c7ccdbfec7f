"""`pilot`: a staged trial, a plan and a monitored run on all rows, with a decision at each gate."""

from __future__ import annotations

import operator
from dataclasses import asdict, replace
from functools import cached_property

import numpy as np

from lsgd_fast._api.descent import run_sweep
from lsgd_fast._api.minimize import solve
from lsgd_fast._arrays import as_array
from lsgd_fast._checks import check_rng, half_of_memory
from lsgd_fast._docstrings import documented
from lsgd_fast._inputs.callbacks import Relay, closing
from lsgd_fast._inputs.dense import check_matrix
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial
from lsgd_fast._methods.trial_runs import TrialProgress, outcome_of
from lsgd_fast._pilot import gates
from lsgd_fast._pilot.folder import Folder
from lsgd_fast._pilot.held_out import HeldOut
from lsgd_fast._pilot.options import Budget, PilotOptions
from lsgd_fast._pilot.result import Decision, Gate, Pilot, PilotRun
from lsgd_fast._pilot.runs import RECORDED, Ended, run_to_end
from lsgd_fast._planning.plan import Plan, plan
from lsgd_fast._results.run import last_increase
from lsgd_fast._typing import (
    Callback,
    Count,
    Goal,
    Matrix,
    Path,
    Real,
    Scale,
    Seed,
    TrialState,
    Vector,
)
from lsgd_fast._version import __version__

__all__ = ["Budget", "Pilot", "pilot"]

# The trial gets at most these entries of X: a copy of 64 MiB in float64, with which its thousands
# of passes take some seconds, and the separation of its rows can be decided. With many features it
# gets so many rows for each of them, of which a sample has a fifth, up to 512 MiB.
TRIAL_ENTRIES, MOST_TRIAL_ENTRIES = 1 << 23, 1 << 26
ROWS_PER_FEATURE = 25

# The run on all rows may go on to increase its loss this many times as long as it did in the trial,
# for each row of the trial that it has.
PATIENCE = 4
LEAST_PATIENCE = 100

GATES = ("worth", "fits", "holds")
RUNS = ("conservative", "recommended")


@documented
def pilot(
    X: Matrix,
    y: Vector,
    *,
    goal: Goal = "held_out_error",
    budget: Budget | Real | None = None,
    folder: Path | None = None,
    n_steps: Count = 4000,
    n_trial_steps: Count = 1000,
    start_stepsize: Real | None = None,
    factor: Real = 4,
    n_stages: Count = 8,
    sample: Real = 0.5,
    n_repeats: Count = 5,
    test_size: Real = 0.2,
    width: Count | None = None,
    stop: Stop | None = None,
    rng: Seed | None = 0,
    sample_weight: Vector | None = None,
    offset: Vector | None = None,
    l2: Real = 0.0,
    fit_intercept: bool = False,
    center: Scale | None = None,
    scale: Scale | None = None,
    callback: Callback[TrialState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Pilot:
    """Decide by a small trial, a plan and a monitored run whether a large stepsize pays.

    Three gates follow one another, each with a rule that is stated beforehand, see
    ``Pilot.report``. Is it worth scaling up? A `staged_trial` on some rows looks for a large
    stepsize. Does it fit? A `plan` predicts the memory and the time of the runs on all rows. Does
    it hold? The large and the conservative stepsize run on all rows but the test rows, and the test
    rows, which neither has seen, compare them.

    Parameters
    ----------
    {X}
        The trial copies some rows.
    {y}
        Each class must have two rows or more.
    goal : {"held_out_error", "held_out_loss", "loss", "margin", "steps"}, default "held_out_error"
        What the better of two stepsizes has less of: errors or loss on rows that are held out,
        loss on the rows of the run, or steps to a target of `stop`; of the margin it has more.
    budget : Budget or float, optional
        What the runs on all rows may take: a `Budget`, or seconds. By default half of the memory of
        the machine, and no limit of time.
    folder : str or path-like, optional
        Where to keep everything: what is finished, checkpoints of the runs, and the result as
        ``pilot.json``. It is made if need be. The same call with the same folder goes on where an
        earlier one was left, whatever ended that; the budget may be another one. What is lost is
        the part of the trial that was under way, or the steps of a run since its last checkpoint,
        of two seconds or, where saving takes long, twenty times as long as that.
    n_steps : int, default 4000
        Number of steps of each of the two runs on all rows.
    n_trial_steps : int, default 1000
        Number of steps of each run of the trial.
    {start_stepsize}
    {factor}
    {n_stages}
    sample : float, default 0.5
        Share of the rows of the trial in a sample: at most 1, and below 1 where the goal is held
        out. By a held-out goal small samples favour small stepsizes, where all rows would have room
        for larger ones.
    n_repeats : int, default 5
        Number of samples of the trial for the choice, and of new samples to compare the stepsizes.
    test_size : float, default 0.2
        Share of the rows that only serve to compare the two runs; between 0 and 1.
    width : int, optional
        Number of hidden units of a two-layer network that is to follow: the plan has the memory
        and the work of it.
    stop : Stop, optional
        Further conditions that end a run, in the trial and on all rows.
    rng : int, Generator, BitGenerator, SeedSequence or RandomState of numpy.random, or None, \
default 0
        Seed or generator of the divisions of the rows. Where it is no integer, a seed is drawn from
        it and kept in the folder.
    {sample_weight}
    {offset}
    {l2}
    {fit_intercept}
    {center_of_trial}
    callback : callable, optional
        Called as ``callback(state)`` between steps: `state.n_steps` are the steps so far,
        `state.loss` is the loss of one of the current runs, and `state.phase` says which runs
        these are. If it returns True, the pilot ends, and the same call with the same folder goes
        on.
    callback_every : int, optional
        Steps between two calls; by default about 50 calls in each run.
    {n_threads}

    Returns
    -------
    Pilot
        The decision, the three gates and both runs; print it to read a report.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; the message names the argument, and nothing has run. Also if
        `folder` holds a pilot of other data or arguments, or that another process works in.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> found = lsgd.pilot(X, y, goal="loss")
    >>> str(found.decision), found.trial.recommended
    ('go', 1392.64)
    """
    options = PilotOptions(
        goal=goal, budget=budget, n_steps=n_steps, n_trial_steps=n_trial_steps,
        test_size=test_size, width=width, stop=stop, rng=rng, callback=callback,
        callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    trial = TrialOptions(
        start_stepsize=start_stepsize, factor=factor, n_stages=n_stages, sample=sample,
        n_repeats=n_repeats, goal=options.goal, stop=options.stop, n_steps=options.n_trial_steps,
        callback_every=options.calls_every(options.n_trial_steps), n_threads=options.n_threads,
    )  # fmt: skip
    problem = Problem.check(
        check_matrix(X), as_array("y", y), sample_weight=sample_weight, l2=l2,
        fit_intercept=fit_intercept, center=center, scale=scale, n_threads=options.n_threads,
    ).with_offset(offset)  # fmt: skip
    request = {"arguments": options.to_dict(trial), "version": __version__}
    request |= {"l2": problem.l2, "fit_intercept": problem.fit_intercept, "rng": _seed_of(rng)}
    if folder is not None:
        request["data"] = problem.digest(options.n_threads)
    with closing(options.callback), Folder.locked(folder, request) as kept:
        found = _Pilot(problem, options, trial, kept).run()
        kept.finish(found.to_dict())
    return found


def _seed_of(rng):
    """Return an integer seed, or None for anything else that seeds a generator."""
    try:
        seed = None if isinstance(rng, (bool, np.bool_)) else operator.index(rng)
    except TypeError:
        seed = None
    check_rng(rng if seed is None else seed)
    return seed


def divide(problem, test_size, rng):
    """Return the numbers of the test rows, and of the rows of the trial, in order.

    Parameters
    ----------
    problem : Problem
    test_size : float
        Share of the rows of either class to test on.
    rng : Generator
    """
    used = problem.weight > 0.0
    classes = [np.flatnonzero(used & (problem.y == label)) for label in (-1, 1)]
    if min(map(len, classes)) < 2:
        raise ValueError(
            "y must have two rows or more of each class for a pilot, one of them to test on"
        )
    n = sum(map(len, classes))
    length = max(1.0, problem.row_length)
    most = max(TRIAL_ENTRIES / length, ROWS_PER_FEATURE * (problem.d + problem.fit_intercept))
    most = min(most, MOST_TRIAL_ENTRIES / length)
    test, trial = [], []
    for rows in classes:
        n_test = min(max(1, round(test_size * len(rows))), len(rows) - 1)
        rows = rng.permutation(rows)
        n_trial = max(1, round(min(most, n) * len(rows) / n))
        test.append(rows[:n_test])
        trial.append(rows[n_test : n_test + n_trial])
    return np.sort(np.concatenate(test)), np.sort(np.concatenate(trial))


class _Pilot:
    """One pilot, from its division of the rows to its result."""

    def __init__(self, problem, options, trial, folder):
        self.problem, self.options, self.folder = problem, options, folder
        self.trial_options = trial
        seed = folder.request["rng"]
        if seed is None:
            seed = folder.keep("seed", lambda: int(check_rng(options.rng).integers(2**62)))
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.ended, self.phase = False, ""
        self.relay = Relay(options.callback)
        self.test, self.trial_rows = divide(problem, options.test_size, self.rng)

    @cached_property
    def learning(self):
        """The problem without the test rows."""
        return self.problem.without_rows(self.test, self.options.n_threads)

    def run(self):
        """Go from gate to gate, and return the `Pilot`."""
        options, found = self.options, {"plan": None, "difference": None, "run": None}
        found |= dict.fromkeys(RUNS)
        self.passes = 0.0
        trial = self._trial()
        passed = [gates.worth(trial)]
        if passed[-1].decision is Decision.go:
            found["plan"] = self._plan(trial)
            memory = options.budget.memory or self.folder.keep("memory", half_of_memory)
            more = 8 * self.problem.n * 3  # weights of the rows, and their scores
            passed.append(gates.fits(found["plan"], options.budget, memory, more))
        if passed[-1].name == "fits" and passed[-1].decision is Decision.go:
            try:
                found |= self._compare(trial)
            except Ended:
                passed.append(gates.ended("holds"))
            else:
                passed.append(gates.holds(
                    options.goal, *(found[name] for name in RUNS), found["difference"],
                    options.n_steps, self._stop(trial).unstable_steps,
                ))  # fmt: skip
        decision = passed[-1].decision
        passed += [Gate(name=name, decision=None) for name in GATES[len(passed) :]]
        return Pilot(
            decision=decision, gates=tuple(passed), goal=options.goal, trial=trial,
            n_rows=int(np.count_nonzero(self.problem.weight)), n_test_rows=len(self.test),
            n_trial_rows=len(self.trial_rows), n_steps=options.n_steps, passes=self.passes,
            seconds=self.folder.seconds + sum(found[name].seconds for name in RUNS if found[name]),
            ended=self.ended,
            call=self.folder.request["arguments"] | {"budget": asdict(options.budget)}
            | {"rng": self.seed}, **found,
        )  # fmt: skip

    def _trial(self):
        """Return the staged trial on its rows."""
        problem = self.problem.take(self.trial_rows, self.options.n_threads)
        callback = None if self.options.callback is None else self.relay
        options = replace(self.trial_options, rng=self.rng, callback=callback)
        trial = run_trial(run_sweep, solve, problem, options, keep=self.folder.keep)
        self.passes += trial.passes * len(self.trial_rows) / self.problem.n
        self.ended |= trial.ended
        return trial

    def _plan(self, trial):
        """Return the plan of the run of the recommended stepsize on all rows."""
        problem, options = self.problem, self.options
        best, margin = trial.confirmed, None
        is_plain = problem.is_covered and problem.scale is None and not problem.is_weighted
        is_whole = len(self.trial_rows) + len(self.test) == problem.n
        if is_plain and is_whole and not problem.fit_intercept and best.ending == "separated":
            margin = best.margin  # of the rows that the run on all rows has
        labels = (problem.y > 0).astype(np.int8)
        kept = self.folder.keep("plan", lambda: plan(
            problem.X, labels, stepsize=trial.recommended, n_steps=options.n_steps,
            width=options.width, margin=margin,
            record_every=max(1, options.n_steps // RECORDED), n_threads=options.n_threads,
        ).to_dict())  # fmt: skip
        return Plan.from_dict(kept)

    def _compare(self, trial):
        """Return the runs of both stepsizes on all rows but the test rows, and their difference."""
        options, problem = self.options, self.learning
        held_out = HeldOut(self.problem, self.test, options.n_threads)
        stops = [replace(options.stop, cycling=True), self._stop(trial)]
        stepsizes = [trial.conservative, trial.recommended]
        made = []
        for name, stepsize, stop in zip(RUNS, stepsizes, stops, strict=True):
            self.phase = f"{name} run on all rows"
            run, curve = run_to_end(
                name, problem, stepsize, stop, options, held_out, self.folder, self._watch
            )  # fmt: skip
            self.passes += run.n_steps + 1 + 2 * len(curve)
            one = held_out.measure(run.weights, run.intercept)
            outcome = outcome_of(run, stepsize, trial.smoothness, problem.l2, one.loss, one.error)
            made.append((run, curve, one, outcome))
        runs, curves, measured, outcomes = zip(*made, strict=True)
        goal, n_learning = options.goal, int(np.count_nonzero(problem.weight))
        found = gates.difference(goal, outcomes, held_out, measured, n_learning)
        reached = [outcome.reached_at for outcome in outcomes]
        matched = gates.matched_steps(goal, curves, found.spread, reached)
        pair = {
            name: PilotRun(
                outcome=outcomes[i], curve=curves[i], matched_at=matched[i],
                largest_increase=runs[i].diagnostics.largest_increase,
                last_increase=last_increase(runs[i]), seconds=runs[i].seconds,
            )
            for i, name in enumerate(RUNS)
        }  # fmt: skip
        return pair | {"difference": found, "run": runs[1]}

    def _stop(self, trial):
        """Return when the run of the recommended stepsize is given up: what the trial suggests."""
        stop, best = replace(self.options.stop, cycling=True), trial.confirmed
        if stop.unstable_steps is None:
            last = best.n_steps if best.stable_at is None else best.stable_at
            n = np.count_nonzero(self.learning.weight)
            patience = PATIENCE * (last + 1) * n / len(self.trial_rows)
            stop = replace(stop, unstable_steps=max(LEAST_PATIENCE, int(patience)))
        return stop

    def _watch(self, descent):
        """Call the callback between steps of a run on all rows."""
        progress = TrialProgress(
            n_steps=descent.n_steps, loss=float(descent.loss), phase=self.phase
        )
        if self.relay(progress):
            self.ended = True
            raise Ended
