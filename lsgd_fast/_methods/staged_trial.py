"""The staged trial: find a stepsize on samples of the rows, and confirm it on all of them.

The function that runs a `SweepRequest` is an argument: the compiled package and its NumPy reference
share this file.
"""

import math
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any

import numpy as np

from lsgd_fast._checks import check_count, check_n_threads, check_real, check_rng, set_fields
from lsgd_fast._constants import SLACK, STEPSIZE_ROUNDING
from lsgd_fast._inputs.requests import DescentOptions, SweepOptions
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop
from lsgd_fast._methods.smoothness import POWER_STEPS, estimate_smoothness
from lsgd_fast._results.trial import ComparedRun, Comparison, Outcome, Stage, Trial
from lsgd_fast._results.trial_report import describe_outcomes
from lsgd_fast._results.verdict import Verdict
from lsgd_fast.losses import Logistic, resolve

__all__ = ["TrialOptions", "run_trial"]

# Up to d rows of d features are separable with any labels, and up to 2 d with random labels
# (T. M. Cover, 1965); 5 d leave a margin for labels that are not random. K classes have K - 1 times
# as many free weights: what is common to all columns changes no margin.
ROWS_PER_FEATURE = 5

MAX_STEPSIZE, MIN_STEPSIZE = 1e300, 1e-300


@dataclass(frozen=True, eq=False, kw_only=True)
class TrialOptions:
    """The arguments of `lsgd_fast.staged_trial` of these names, checked, with its defaults."""

    start_stepsize: float | None = None
    factor: float = 4
    n_stages: int = 8
    n_steps: int = 1000
    sample: float = 0.1
    n_repeats: int = 3
    stop: Stop | None = None
    rng: Any = 0
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
        n_threads, start = check_n_threads(self.n_threads), self.start_stepsize
        if start is not None:
            start = check_real("start_stepsize", start)
        if not isinstance(resolve(self.loss), Logistic):  # Softmax is one
            raise ValueError(f"loss must be 'logistic' or 'softmax' for a trial; got {self.loss!r}")
        set_fields(
            self, start_stepsize=start, factor=factor, n_stages=n_stages, n_steps=n_steps,
            sample=sample, n_repeats=n_repeats, stop=stop, rng=rng, n_threads=n_threads,
        )  # fmt: skip


def run_trial(run_sweep, problem, options):
    """Return the `Trial` of `lsgd_fast.staged_trial`.

    Parameters
    ----------
    run_sweep : callable
        That of either implementation: takes a `SweepRequest`.
    problem : Problem
        Whose loss is `options.loss`.
    options : TrialOptions
    """
    smoothness = estimate_smoothness(problem, options.rng)
    stepsizes = _stepsizes(options, smoothness)
    runner = _Runner(run_sweep, problem, smoothness, options)
    samples = _Samples(problem, options)
    parts = [None] if samples.are_whole else samples.draw()
    found = [runner.run(rows, stepsizes) for rows in parts]
    stages = tuple(starmap(_stage, zip(stepsizes, zip(*found, strict=True), strict=True)))
    if samples.are_whole:
        confirmed = dict(enumerate(found[0]))
    else:
        confirmed = _confirm(runner, stepsizes, stages)
    best = _best(confirmed)
    comparison = None
    if best is not None and best > 0:
        comparison = _compare(runner, samples, confirmed, best)
    return Trial(
        recommended=None if best is None else stepsizes[best],
        conservative=stepsizes[0],
        smoothness=smoothness,
        stages=stages,
        confirmations=tuple(outcome for _, outcome in sorted(confirmed.items())),
        comparison=comparison,
        loss=problem.loss.name,
        rows=samples.n_rows,
        n_classes=len(samples.classes),
        n_features=problem.d,
        n_rows_sampled=samples.n_sampled,
        n_steps=options.n_steps,
        goal=runner.goal,
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


class _Samples:
    """Stratified samples of the rows of positive weight, with at least one row of each class."""

    def __init__(self, problem, options):
        self.rng, self.n_repeats = options.rng, options.n_repeats
        used, labels = problem.weight > 0.0, np.unique(problem.y)
        self.classes = [np.flatnonzero(used & (problem.y == label)) for label in labels]
        self.n_rows = n = sum(map(len, self.classes))
        n_free = (problem.d + problem.fit_intercept) * (len(self.classes) - 1)
        share = options.sample * (1.0 - SLACK)
        least = max(math.ceil(share * n), min(n, ROWS_PER_FEATURE * n_free))
        self.sizes = [-(-len(rows) * least // n) for rows in self.classes]
        self.n_sampled = sum(self.sizes)
        self.are_whole = self.n_sampled == n

    def draw(self):
        """Return the numbers of the rows of new samples."""
        return [self._rows() for _ in range(self.n_repeats)]

    def _rows(self):
        """Return the numbers of the rows of a new sample, sorted."""
        pairs = zip(self.classes, self.sizes, strict=True)
        drawn = [self.rng.choice(rows, size, replace=False) for rows, size in pairs]
        return np.sort(np.concatenate(drawn))


class _Runner:
    """Runs several stepsizes on all rows or some of them."""

    def __init__(self, run_sweep, problem, smoothness, options):
        self.run_sweep, self.problem, self.smoothness = run_sweep, problem, smoothness
        self.n_steps, stop = options.n_steps, options.stop
        self.descent = DescentOptions(record_every=self.n_steps, n_threads=options.n_threads)
        if stop.loss is not None or stop.gradient_norm is not None or stop.separated:
            self.goal = "stop"
        else:
            self.goal = "objective" if problem.l2 > 0.0 else "separation"
        # A run that is still in the unstable phase after half of its steps is ended.
        half = max(1, self.n_steps // 2)
        unstable_steps = half if stop.unstable_steps is None else stop.unstable_steps
        self.stop = replace(stop, cycling=True, unstable_steps=unstable_steps)
        self.passes = 0.0

    def run(self, rows, stepsizes):
        """Return the outcome of each stepsize on the rows of these numbers, or on all for None."""
        part = self.problem if rows is None else self.problem.take(rows, self.descent.n_threads)
        l2 = part.l2
        options = SweepOptions(stepsizes, self.n_steps, self.descent, l2=l2, stop=self.stop)
        runs = self.run_sweep(options.for_problem(part))
        passes = [1 + run.n_steps for run in runs]
        total = sum(passes) if part.is_multi else max(passes)
        self.passes += part.n / self.problem.n * total
        return [self._outcome(*pair) for pair in zip(stepsizes, runs, strict=True)]

    def _outcome(self, stepsize, run):
        trace, l2, verdict = run.trace, self.problem.l2, run.verdict
        loss, size = float(trace.loss[-1]), float(trace.weight_norm[-1])
        ending, reached_at = str(verdict), None
        goals = (StopReason.loss, StopReason.gradient_norm, StopReason.separated)
        if self.goal == "separation":
            reached_at = run.separated_at
        elif run.stop_reason in goals:
            reached_at = run.n_steps
        if verdict is not Verdict.diverged:
            if l2 == 0.0 and run.separated_at is not None:
                ending = "separated"
            elif self.goal == "stop" and reached_at is not None:
                ending = "reached"
            elif run.n_increases == 0 and stepsize * self.smoothness <= STEPSIZE_ROUNDING:
                ending = "stable"
        return Outcome(
            stepsize=stepsize,
            held=ending in ("separated", "reached", "stable"),
            ending=ending,
            verdict=str(verdict),
            evidence=run.evidence,
            stop_reason=str(run.stop_reason),
            n_steps=run.n_steps,
            reached_at=reached_at,
            separated_at=run.separated_at,
            stable_at=run.stable_at,
            n_increases=run.n_increases,
            loss=loss,
            ln_loss=float(trace.ln_loss[-1]),
            objective=loss if l2 == 0.0 else float(trace.objective[-1]),
            margin=float(trace.min_margin[-1]) / size if 0.0 < size < math.inf else None,
        )


def _stage(stepsize, outcomes):
    passed = 2 * sum(outcome.held for outcome in outcomes) > len(outcomes)
    reason = describe_outcomes(outcomes)
    return Stage(stepsize=stepsize, outcomes=outcomes, passed=passed, reason=reason)


def _confirm(runner, stepsizes, stages):
    """Return the outcomes on all rows, by stage: of the candidate and, if need be, of those below.

    The candidate is the best stage on the samples. Its neighbours run with it, since the best stage
    on all rows may be next to it, and so does the first stage; they share their passes.
    """
    passed = [i for i, stage in enumerate(stages) if stage.passed]
    candidate = _first_best({i: stages[i].rank for i in passed}) or 0
    near = {0, max(0, candidate - 1), candidate}
    if candidate + 1 in passed:
        near.add(candidate + 1)

    def run(chosen):
        chosen = sorted(chosen)
        found = runner.run(None, [stepsizes[i] for i in chosen])
        return dict(zip(chosen, found, strict=True))

    found = run(near)
    below = range(1, candidate - 1)
    best = _best(found)
    if below and (best is None or best < candidate):
        found |= run(below)
    return found


def _compare(runner, samples, confirmed, best):
    """Return the comparison of the first stage with the best one, on new samples and all rows."""
    small, large = confirmed[0], confirmed[best]
    pair = [small.stepsize, large.stepsize]
    found = [] if samples.are_whole else [runner.run(rows, pair) for rows in samples.draw()]
    of_small, of_large = zip(*found, strict=True) if found else ((), ())
    return Comparison(
        conservative=ComparedRun(stepsize=pair[0], samples=of_small, full=small),
        recommended=ComparedRun(stepsize=pair[1], samples=of_large, full=large),
    )


def _best(confirmed):
    """Return the best of the stages that held on all rows, or None."""
    return _first_best({i: outcome.rank for i, outcome in confirmed.items() if outcome.held})


def _first_best(ranks):
    """Return the first stage whose rank is the best but for rounding, or None if there is none."""
    best = min(ranks.values(), default=None)
    return next((i for i in sorted(ranks) if np.allclose(ranks[i], best, SLACK, SLACK)), None)
