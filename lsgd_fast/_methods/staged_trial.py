"""The staged trial: find a stepsize on samples of the rows, and confirm it on all of them.

The functions that run a `SweepRequest` and a `MinimizeRequest` are arguments: the compiled package
and its NumPy reference share this file.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsgd_fast._checks import (
    check_callback,
    check_choice,
    check_count,
    check_n_threads,
    check_real,
    check_rng,
    set_fields,
)
from lsgd_fast._constants import SLACK
from lsgd_fast._inputs.requests import base_rate_start
from lsgd_fast._inputs.stopping import Stop, check_stop
from lsgd_fast._methods.separation import find_separation
from lsgd_fast._methods.smoothness import POWER_STEPS, estimate_smoothness
from lsgd_fast._methods.trial_runs import Runner, Samples
from lsgd_fast._results.separation import SeparationKind
from lsgd_fast._results.trial import GOALS, HELD_OUT_GOALS, ComparedRun, Comparison, Stage, Trial
from lsgd_fast._results.trial_report import describe_outcomes
from lsgd_fast.losses import Logistic, resolve
from lsgd_fast.theory import transition_steps

__all__ = ["TrialOptions", "run_trial"]

MAX_STEPSIZE, MIN_STEPSIZE = 1e300, 1e-300

# Of X whose separation is looked for where no run has found one: 64 MiB as float64. The linear
# program that this may need takes some 0.1 s.
MAX_ENTRIES = 1 << 23
MAX_PROGRAM = 200_000


@dataclass(frozen=True, eq=False, kw_only=True)
class TrialOptions:
    """The arguments of `lsgd_fast.staged_trial` of these names, checked, with its defaults."""

    start_stepsize: float | None = None
    factor: float = 4
    n_stages: int = 8
    n_steps: int = 1000
    sample: float = 0.1
    n_repeats: int = 3
    goal: str | None = None
    stop: Stop | None = None
    rng: Any = 0
    callback: Any = None
    callback_every: int | None = None
    loss: Any = "logistic"  # of the problem, checked before X is read
    n_threads: int | None = None

    def __post_init__(self):
        factor = check_real("factor", self.factor)
        if factor <= 1.0:
            raise ValueError(f"factor must be greater than 1; got {factor!r}")
        n_stages = check_count("n_stages", self.n_stages, 1)
        n_steps = check_count("n_steps", self.n_steps, 1)
        sample = check_real("sample", self.sample)
        if sample > 1.0:
            raise ValueError(f"sample must be a share of the rows, at most 1; got {sample!r}")
        n_repeats = check_count("n_repeats", self.n_repeats, 1)
        stop, rng = check_stop(self.stop), check_rng(self.rng)
        goal = _check_goal(self.goal, stop)
        if sample == 1.0 and goal in HELD_OUT_GOALS:
            raise ValueError(
                f"sample must be below 1 for goal={goal!r}, which is judged on rows outside of the "
                "sample; got 1.0"
            )
        callback, callback_every = check_callback(self.callback, self.callback_every)
        n_threads, start = check_n_threads(self.n_threads), self.start_stepsize
        if start is not None:
            start = check_real("start_stepsize", start)
        if not isinstance(resolve(self.loss), Logistic):  # Softmax is one
            raise ValueError(f"loss must be 'logistic' or 'softmax' for a trial; got {self.loss!r}")
        set_fields(
            self, start_stepsize=start, factor=factor, n_stages=n_stages, n_steps=n_steps,
            sample=sample, n_repeats=n_repeats, goal=goal, stop=stop, rng=rng, callback=callback,
            callback_every=callback_every, n_threads=n_threads,
        )  # fmt: skip


def _check_goal(goal, stop):
    has_target = stop.loss is not None or stop.gradient_norm is not None or stop.separated
    if goal is None:
        return "steps" if has_target else "loss"
    goal = check_choice("goal", goal, GOALS)
    if goal == "steps" and not has_target:
        raise ValueError(
            "goal='steps' counts the steps to a target: pass one, such as stop=Stop(separated=True)"
        )
    return goal


def run_trial(run_sweep, solve, problem, options):
    """Return the `Trial` of `lsgd_fast.staged_trial`.

    Parameters
    ----------
    run_sweep, solve : callable
        Those of either implementation: they take a `SweepRequest` and a `MinimizeRequest`.
    problem : Problem
        Whose loss is `options.loss`.
    options : TrialOptions
    """
    samples = Samples(problem, options)
    smoothness = estimate_smoothness(problem, options.rng)
    stepsizes = _stepsizes(options, smoothness)
    runner = Runner(run_sweep, problem, smoothness, options)
    stages, confirmed = _try(runner, samples, stepsizes, options.goal)
    ranks = _ranks(confirmed, stages, options.goal)
    best = _first_best(ranks)
    comparison = None
    if best is not None and best > 0:
        comparison = _compare(runner, samples, confirmed, best)
    separation = _find_separation(runner, solve, confirmed)
    return Trial(
        recommended=None if best is None else stepsizes[best],
        conservative=stepsizes[0],
        goal=options.goal,
        smoothness=smoothness,
        stages=stages,
        confirmations=tuple(outcome for _, outcome in sorted(confirmed.items())),
        comparison=comparison,
        separation=str(separation),
        settled_after=_settled_after(runner, stages, confirmed),
        loss=problem.loss.name,
        l2=problem.l2,
        rows=samples.n_rows,
        n_classes=len(samples.classes),
        n_features=problem.d,
        fit_intercept=problem.fit_intercept,
        start="zeros" if base_rate_start(problem) is None else "base rate",
        row_norm=problem.row_norm,
        n_rows_sampled=samples.n_sampled,
        n_steps=options.n_steps,
        ended=runner.ended,
        passes=runner.passes + POWER_STEPS,
    )


def _stepsizes(options, smoothness):
    """Return the stepsizes of the stages."""
    start, factor, n_stages = options.start_stepsize, options.factor, options.n_stages
    with np.errstate(all="ignore"):
        growth = float(np.float64(factor) ** (n_stages - 1))
    if not growth <= MAX_STEPSIZE:
        raise ValueError("factor and n_stages are too large: the stepsizes leave float64")
    if start is None:
        # two digits, which are easy to read
        start = float(f"{1.0 / smoothness:.1e}") if smoothness > 1.0 / MAX_STEPSIZE else 1.0
        start = min(max(start, MIN_STEPSIZE), MAX_STEPSIZE / growth)
    stepsizes = [start * factor**i for i in range(n_stages)]
    if not stepsizes[-1] < math.inf:
        raise ValueError(
            f"start_stepsize, factor and n_stages are too large: the stepsizes leave float64; "
            f"got start_stepsize={start}"
        )
    return stepsizes


def _try(runner, samples, stepsizes, goal):
    """Return the stages, and by their numbers the outcomes on all rows."""
    parts, found = [None] if samples.are_whole else samples.draw(), []
    for i, rows in enumerate(parts):
        phase = "all rows" if rows is None else f"sample {i + 1} of {len(parts)}"
        found.append(runner.run(rows, stepsizes, phase))
        if runner.ended:
            break
    columns = zip(*found, strict=True)
    stages = tuple(_stage(*pair, goal) for pair in zip(stepsizes, columns, strict=True))
    if runner.ended:
        return stages, {}
    if samples.are_whole:
        return stages, dict(enumerate(found[0]))
    return stages, _confirm(runner, stepsizes, stages, goal)


def _stage(stepsize, outcomes, goal):
    passed = 2 * sum(outcome.held for outcome in outcomes) > len(outcomes)
    reason = describe_outcomes(outcomes, goal)
    return Stage(stepsize=stepsize, outcomes=outcomes, passed=passed, reason=reason)


def _confirm(runner, stepsizes, stages, goal):
    """Return the outcomes on all rows, by stage: of the candidate and, if need be, of those below.

    The candidate is the best stage on the samples. Its neighbours run with it, since the best stage
    on all rows may be next to it, and so does the first stage; they share their passes. There are
    none if the callback ends them.
    """
    passed = [i for i, stage in enumerate(stages) if stage.passed]
    candidate = _first_best({i: stages[i].rank(goal) for i in passed}) or 0
    near = {0, max(0, candidate - 1), candidate}
    if candidate + 1 in passed:
        near.add(candidate + 1)

    def run(chosen):
        chosen = sorted(chosen)
        found = runner.run(None, [stepsizes[i] for i in chosen], "all rows")
        return dict(zip(chosen, found, strict=True))

    found = run(near)
    below = range(1, candidate - 1)
    best = _first_best(_ranks(found, stages, goal))
    if below and (best is None or best < candidate) and not runner.ended:
        found |= run(below)
    return {} if runner.ended else found


def _compare(runner, samples, confirmed, best):
    """Return the comparison of the first stage with the best one, on new samples and all rows.

    It is None if the callback ends it.
    """
    small, large = confirmed[0], confirmed[best]
    pair = [small.stepsize, large.stepsize]
    parts, found = [] if samples.are_whole else samples.draw(), []
    for i, rows in enumerate(parts):
        found.append(runner.run(rows, pair, f"new sample {i + 1} of {len(parts)}"))
        if runner.ended:
            return None
    of_small, of_large = zip(*found, strict=True) if found else ((), ())
    return Comparison(
        conservative=ComparedRun(stepsize=pair[0], samples=of_small, full=small),
        recommended=ComparedRun(stepsize=pair[1], samples=of_large, full=large),
    )


def _ranks(confirmed, stages, goal):
    """Return the ranks of the stages that held on all rows; what is held out judges samples."""
    held = {i: outcome for i, outcome in confirmed.items() if outcome.held}
    if goal in HELD_OUT_GOALS:
        return {i: stages[i].rank(goal) for i in held}
    return {i: outcome.rank(goal) for i, outcome in held.items()}


def _first_best(ranks):
    """Return the first stage whose rank is the best but for rounding, or None if there is none."""
    best = min(ranks.values(), default=None)
    return next((i for i in sorted(ranks) if np.allclose(ranks[i], best, SLACK, SLACK)), None)


def _find_separation(runner, solve, confirmed):
    """Return the kind of separation of all rows that is proved.

    A proof is looked for where no run has one, and where X is small and there is no penalty.
    """
    problem = runner.problem
    if any(outcome.separated_at is not None for outcome in confirmed.values()):
        return SeparationKind.complete
    is_large = problem.n * problem.d > MAX_ENTRIES
    if problem.l2 > 0.0 or is_large or runner.ended or not confirmed:
        return SeparationKind.undecided

    def counted(request):
        run = solve(request)
        runner.passes += int(run.trace.passes[-1])
        return run

    names, plain = [""] * problem.d, problem.without_offset()
    found = find_separation(counted, plain, names, runner.descent.n_threads, MAX_PROGRAM)
    if found.kind is SeparationKind.complete:
        runner.take_margin(found)
    return found.kind


def _settled_after(runner, stages, confirmed):
    """Return the steps after which Theorem 1 has settled the first unsettled stepsize, or None."""
    problem, margin = runner.problem, runner.margin
    unsettled = [one.stepsize for one in (*stages, *confirmed.values()) if one.mark == "unsettled"]
    if not unsettled or margin == 0.0 or not problem.is_covered or problem.is_weighted:
        return None
    radius = problem.radius
    return transition_steps(problem.n, min(margin, radius), min(unsettled), radius=radius)
