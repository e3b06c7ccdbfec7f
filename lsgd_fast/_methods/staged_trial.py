"""The staged trial: find a stepsize on samples of the rows, and confirm it on all of them.

Of a training loop, seeds take the place of samples.

The functions that run a `SweepRequest` and a `MinimizeRequest` are arguments: the compiled package
and its NumPy reference share this file.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from lsgd_fast._checks import (
    as_list,
    check_callback,
    check_choice,
    check_count,
    check_n_threads,
    check_real,
    check_rng,
    set_fields,
    shown,
)
from lsgd_fast._inputs.requests import base_rate_start
from lsgd_fast._inputs.stopping import Stop, check_stop
from lsgd_fast._methods.separation import find_separation
from lsgd_fast._methods.smoothness import POWER_STEPS, estimate_smoothness
from lsgd_fast._methods.trial_course import Course, compute
from lsgd_fast._methods.trial_runs import Found, Runner, Samples, Watch
from lsgd_fast._methods.trial_training import Seeds, TrainingRunner
from lsgd_fast._results.separation import SeparationKind
from lsgd_fast._results.trial import GOALS, HELD_OUT_GOALS, Trial
from lsgd_fast.losses import Logistic, resolve
from lsgd_fast.theory import transition_steps

__all__ = ["TrialOptions", "run_training_trial", "run_trial", "takes_rows"]

TRAINING_GOALS = ("loss", "held_out_loss", "steps")

MAX_STEPSIZE, MIN_STEPSIZE = 1e300, 1e-300

# Of X whose separation is looked for where no run has found one: 64 MiB as float64. The linear
# program that this may need takes some 0.1 s.
MAX_ENTRIES = 1 << 23
MAX_PROGRAM = 200_000


@dataclass(frozen=True, eq=False, kw_only=True)
class TrialOptions:
    """The arguments of `lsgd_fast.staged_trial` of these names, checked, with its defaults."""

    train: Any = None
    stepsizes: Any = None
    start_stepsize: float | None = None
    factor: float = 4
    n_stages: int = 8
    n_steps: int = 1000
    sample: float = 0.1
    n_repeats: int = 3
    goal: str | None = None
    stop: Stop | None = None
    updates_per_epoch: int = 1
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
        stop = check_stop(self.stop, validation=self.train)
        goal, rng = _check_goal(self.goal, stop), check_rng(self.rng)
        if sample == 1.0 and goal in HELD_OUT_GOALS:
            raise ValueError(
                f"sample must be below 1 for goal={goal!r}, which is judged on rows outside of the "
                "sample; got 1.0"
            )
        callback, callback_every = check_callback(self.callback, self.callback_every)
        n_threads, start = check_n_threads(self.n_threads), self.start_stepsize
        if start is not None:
            start = check_real("start_stepsize", start)
        stepsizes = self.stepsizes
        if stepsizes is not None:
            default = None, TrialOptions.factor, TrialOptions.n_stages
            stepsizes = _check_stepsizes(stepsizes, (start, factor, n_stages) != default)
        updates = check_count("updates_per_epoch", self.updates_per_epoch, 1)
        if not isinstance(resolve(self.loss), Logistic):  # Softmax is one
            raise ValueError(f"loss must be 'logistic' or 'softmax' for a trial; got {self.loss!r}")
        set_fields(
            self, stepsizes=stepsizes, start_stepsize=start, factor=factor, n_stages=n_stages,
            n_steps=n_steps, sample=sample, n_repeats=n_repeats, goal=goal, stop=stop,
            updates_per_epoch=updates, rng=rng, callback=callback, callback_every=callback_every,
            n_threads=n_threads,
        )  # fmt: skip
        if self.train is not None:
            _check_training(self)
        elif updates > 1:
            raise ValueError("updates_per_epoch needs train: without it each loss is of all rows")

    @property
    def needs_held_out(self):
        """Whether a training loop must give held-out losses."""
        return self.goal in HELD_OUT_GOALS or self.stop.validation_patience is not None


def takes_rows(train, X, y, **others):
    """Return whether a trial is of rows, rather than of a training loop.

    Parameters
    ----------
    train, X, y
        Either the first is None or the others are.
    **others
        Further arguments of `lsgd_fast.staged_trial` that say what the rows are.
    """
    if train is None:
        for name, value in (("X", X), ("y", y)):
            if value is None:
                raise TypeError(f"{name} is missing: staged_trial takes X and y, or train")
        return True
    for name, value in {"X": X, "y": y, **others}.items():
        default = {"l2": 0.0, "fit_intercept": False}.get(name)
        if value is not default and not (isinstance(value, (int, float)) and value == default):
            raise ValueError(f"{name} must be left out with train, which has its own data")
    return False


def _check_stepsizes(stepsizes, others):
    """Return stepsizes as a list of floats; `others` says whether other ones are asked for."""
    if others:
        raise ValueError(
            "stepsizes must not be given together with start_stepsize, factor or n_stages"
        )
    found = [check_real("stepsizes", stepsize) for stepsize in as_list("stepsizes", stepsizes)]
    if any(small >= large for small, large in pairwise(found)):
        raise ValueError(f"stepsizes must increase; got {shown(found)}")
    return found


def _check_training(options):
    """Check what is not the same for a training loop and for rows."""
    if not callable(options.train):
        raise TypeError(
            "train must be a function train(stepsize, n_steps, seed) that yields the losses; got "
            f"{shown(options.train)}"
        )
    for name in ("sample", "loss", "n_threads"):
        value = getattr(options, name)
        if value != getattr(TrialOptions, name):
            raise ValueError(
                f"{name} must be left out with train, which has its own data; got {shown(value)}"
            )
    if options.start_stepsize is None and options.stepsizes is None:
        raise ValueError("start_stepsize or stepsizes must be given with train")
    if options.goal not in TRAINING_GOALS:
        raise ValueError(
            f"goal must be one of {', '.join(map(repr, TRAINING_GOALS))} with train; got "
            f"{options.goal!r}"
        )
    for name in ("gradient_norm", "separated"):
        if getattr(options.stop, name):
            raise ValueError(f"stop.{name} must be left out with train: only losses are known")
    if options.updates_per_epoch > options.n_steps:
        raise ValueError(
            f"updates_per_epoch must be at most n_steps, {options.n_steps}; got "
            f"{options.updates_per_epoch}"
        )


def _check_goal(goal, stop):
    has_target = stop.loss is not None or stop.gradient_norm is not None or stop.separated
    if goal is None:
        return "steps" if has_target else "loss"
    goal = check_choice("goal", goal, GOALS)
    if goal == "steps" and not has_target:
        raise ValueError(
            "goal='steps' counts the steps to a target: pass one, such as stop=Stop(loss=0.1)"
        )
    return goal


def run_trial(run_sweep, solve, problem, options, keep=compute):
    """Return the `Trial` of `lsgd_fast.staged_trial`.

    Parameters
    ----------
    run_sweep, solve : callable
        Those of either implementation: they take a `SweepRequest` and a `MinimizeRequest`.
    problem : Problem
        Whose loss is `options.loss`.
    options : TrialOptions
    keep : callable
        ``keep(name, unit)`` returns what ``unit()`` returns, a dict of numbers (also infinity and
        NaN), strings, lists, dicts and None, or an equal one: that which an earlier call for the
        same problem and options, which was interrupted, has kept under the same name. The trial
        is then the same, and computes only what was not kept. By default nothing is kept.
    """
    samples = Samples(problem, options)
    smoothness = estimate_smoothness(problem, options.rng)
    stepsizes = _stepsizes(options, smoothness)
    watch = Watch(options.callback, shares_passes=not problem.is_multi)
    runner = Runner(run_sweep, problem, smoothness, options, watch)
    course = Course(runner, samples, stepsizes, options.goal, watch, keep)
    found = course.run()
    separation = _find_separation(course, runner, solve, found["confirmations"])
    return _trial(
        course,
        options,
        found,
        smoothness=smoothness,
        separation=separation,
        settled_after=_settled_after(problem, course.margin, found),
        loss=problem.loss.name,
        l2=problem.l2,
        rows=samples.n_rows,
        n_classes=len(samples.classes),
        n_features=problem.d,
        fit_intercept=problem.fit_intercept,
        start="zeros" if base_rate_start(problem) is None else "base rate",
        row_norm=problem.row_norm,
        n_rows_sampled=samples.n_sampled,
        passes=course.passes + POWER_STEPS,
    )


def run_training_trial(options, keep=compute):
    """Return the `Trial` of `options.train`; see `run_trial`."""
    seeds, stepsizes = Seeds(options), _stepsizes(options)
    watch = Watch(options.callback, shares_passes=False)
    runner = TrainingRunner(options, stepsizes[0], watch)
    course = Course(runner, seeds, stepsizes, options.goal, watch, keep)
    return _trial(
        course,
        options,
        course.run(),
        smoothness=None,
        separation=str(SeparationKind.undecided),
        settled_after=None,
        loss=None,
        l2=0.0,
        rows=None,
        n_classes=None,
        n_features=None,
        start=None,
        row_norm=None,
        n_rows_sampled=None,
        passes=None,
        updates_per_epoch=options.updates_per_epoch,
        seed=seeds.whole,
    )


def _trial(course, options, found, **of_its_kind):
    """Return the `Trial` of a course, from what trials of rows and of loops have in common."""
    return Trial(
        conservative=course.stepsizes[0],
        goal=options.goal,
        n_steps=options.n_steps,
        ended=course.ended,
        total_steps=course.total_steps,
        stepsizes_given=options.stepsizes is not None,
        **found,
        **of_its_kind,
    )


def _stepsizes(options, smoothness=None):
    """Return the stepsizes of the stages."""
    if options.stepsizes is not None:
        return options.stepsizes
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


def _find_separation(course, runner, solve, confirmed):
    """Return the kind of separation of all rows that is proved, by its name.

    A proof is looked for where no run has one, and where X is small and there is no penalty.
    """
    problem = runner.problem
    if any(outcome.separated_at is not None for outcome in confirmed):
        return str(SeparationKind.complete)
    is_large = problem.n * problem.d > MAX_ENTRIES
    if problem.l2 > 0.0 or is_large or course.ended or not confirmed:
        return str(SeparationKind.undecided)
    return course.take("separation", lambda: _look_for_separation(runner, solve)).separation


def _look_for_separation(runner, solve):
    """Return the separation of all rows with its margin, as a `Found`."""
    problem, passes, margin = runner.problem, 0, 0.0

    def counted(request):
        nonlocal passes
        run = solve(request)
        passes += int(run.trace.passes[-1])
        return run

    names, plain = [""] * problem.d, problem.without_offset()
    found = find_separation(counted, plain, names, runner.descent.n_threads, MAX_PROGRAM)
    if found.kind is SeparationKind.complete:
        margin, measured = runner.margin_of(found)
        passes += measured
    return Found(passes=passes, margin=margin, separation=str(found.kind))


def _settled_after(problem, margin, found):
    """Return the steps after which Theorem 1 has settled the first unsettled stepsize, or None."""
    runs = (*found["stages"], *found["confirmations"])
    unsettled = [one.stepsize for one in runs if one.mark == "unsettled"]
    is_covered = problem.is_covered and not problem.is_multi and not problem.is_weighted
    if not unsettled or margin == 0.0 or not is_covered:
        return None
    radius = problem.radius
    return transition_steps(problem.n, min(margin, radius), min(unsettled), radius=radius)
