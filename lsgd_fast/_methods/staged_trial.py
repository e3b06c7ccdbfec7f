"""The staged trial: find a stepsize on samples of the rows, and confirm it on all of them.

The engine, a function like `lsgd_fast.stepsize_sweep`, is an argument: the compiled package and its
NumPy reference share this file.
"""

import math
from dataclasses import replace
from itertools import starmap

import numpy as np

from lsgd_fast import _checks as checks
from lsgd_fast._constants import ROUNDING
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import StopReason, check_stop
from lsgd_fast._methods.smoothness import POWER_STEPS, estimate_smoothness
from lsgd_fast._results.trial import ComparedRun, Comparison, Outcome, Stage, Trial
from lsgd_fast._results.trial_report import describe_outcomes
from lsgd_fast._results.verdict import Verdict
from lsgd_fast.losses import Logistic, resolve

__all__ = ["run_trial"]

# Fewer rows than features are separable whatever their labels, and up to twice as many if these
# are random (T. M. Cover, 1965). Five times leaves room for labels that are not. K classes have
# K - 1 times as many weights, but for what is common to all columns and changes no margin.
ROWS_PER_FEATURE = 5

MAX_STEPSIZE, MIN_STEPSIZE = 1e300, 1e-300


def run_trial(
    sweep, X, y, *, start_stepsize, factor, n_stages, n_steps, sample, n_repeats, stop, rng,
    loss, sample_weight, l2, fit_intercept, center, scale, n_threads,
):  # fmt: skip
    """Return the `Trial` of `lsgd_fast.staged_trial`, with `sweep` as its `stepsize_sweep`."""
    factor = checks.check_real("factor", factor)
    if factor <= 1.0:
        raise ValueError(f"factor must be greater than 1; got {factor!r}")
    n_stages = checks.check_count("n_stages", n_stages, 1)
    n_steps = checks.check_count("n_steps", n_steps, 1)
    sample = checks.check_real("sample", sample)
    if sample > 1.0:
        raise ValueError(f"sample is a share of the rows, at most 1; got {sample!r}")
    n_repeats = checks.check_count("n_repeats", n_repeats, 1)
    stop = check_stop(stop)
    rng = checks.check_rng(rng)
    n_threads = checks.check_n_threads(n_threads)
    if start_stepsize is not None:
        start_stepsize = checks.check_real("start_stepsize", start_stepsize)
    if not isinstance(resolve(loss), Logistic):  # Softmax is one
        raise ValueError(f"loss must be 'logistic' or 'softmax' for a trial; got {loss!r}")
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    problem = Problem.check(X, y, loss=loss, **options, center=center, scale=scale)
    smoothness = estimate_smoothness(problem, rng)
    stepsizes = _stepsizes(start_stepsize, factor, n_stages, smoothness)

    bench = _Bench(sweep, problem, smoothness, n_steps, stop, n_threads)
    used = problem.weight > 0.0
    classes = [np.flatnonzero(used & (problem.y == label)) for label in np.unique(problem.y)]
    n_free = (problem.d + problem.fit_intercept) * (len(classes) - 1)
    sizes = _sample_sizes(classes, sample, n_free)
    n_rows, n_sampled = sum(map(len, classes)), sum(sizes)
    is_whole = n_sampled == n_rows

    def samples():
        return [_sample(classes, sizes, rng) for _ in range(n_repeats)]

    parts = [None] if is_whole else samples()
    found = [bench.run(rows, stepsizes) for rows in parts]
    stages = tuple(starmap(_stage, zip(stepsizes, zip(*found, strict=True), strict=True)))
    if is_whole:
        confirmed = dict(enumerate(found[0]))
    else:
        confirmed = _confirm(bench, stepsizes, stages)
    best = _best(confirmed)

    comparison = None
    if best is not None and best > 0:
        pair = [stepsizes[0], stepsizes[best]]
        trials = [] if is_whole else [bench.run(rows, pair) for rows in samples()]
        small, large = zip(*trials, strict=True) if trials else ((), ())
        comparison = Comparison(
            conservative=ComparedRun(stepsize=pair[0], samples=small, full=confirmed[0]),
            recommended=ComparedRun(stepsize=pair[1], samples=large, full=confirmed[best]),
        )
    return Trial(
        recommended=None if best is None else stepsizes[best],
        conservative=stepsizes[0],
        smoothness=smoothness,
        stages=stages,
        confirmations=tuple(outcome for _, outcome in sorted(confirmed.items())),
        comparison=comparison,
        loss=problem.loss.name,
        rows=n_rows,
        n_classes=len(classes),
        n_features=problem.d,
        n_rows_sampled=n_sampled,
        n_steps=n_steps,
        goal=bench.goal,
        passes=bench.passes + POWER_STEPS,
    )


def _stepsizes(start, factor, n_stages, smoothness):
    """Return the stepsizes of the stages."""
    with np.errstate(all="ignore"):
        growth = float(np.float64(factor) ** (n_stages - 1))
    if not growth <= MAX_STEPSIZE:
        raise ValueError("factor and n_stages lead to stepsizes beyond float64: take less of them")
    if start is None:
        # Two digits are easy to read.
        start = float(f"{1.0 / smoothness:.1e}") if smoothness > 1.0 / MAX_STEPSIZE else 1.0
        start = min(max(start, MIN_STEPSIZE), MAX_STEPSIZE / growth)
    stepsizes = [start * factor**i for i in range(n_stages)]
    if not stepsizes[-1] < math.inf:
        raise ValueError(
            f"start_stepsize, factor and n_stages lead to stepsizes beyond float64; got {start}"
        )
    return stepsizes


def _sample_sizes(classes, share, n_free):
    """Return how many rows of each class a sample has: at least one, and its share of them all."""
    n = sum(map(len, classes))
    least = max(math.ceil(share * n), min(n, ROWS_PER_FEATURE * n_free))
    return [-(-len(rows) * least // n) for rows in classes]


def _sample(classes, sizes, rng):
    """Return the indices of a stratified sample, sorted."""
    pairs = zip(classes, sizes, strict=True)
    return np.sort(np.concatenate([rng.choice(rows, k, replace=False) for rows, k in pairs]))


class _Bench:
    """Runs several stepsizes on all rows or some of them."""

    def __init__(self, sweep, problem, smoothness, n_steps, stop, n_threads):
        self.sweep, self.problem, self.smoothness = sweep, problem, smoothness
        self.n_steps, self.n_threads = n_steps, n_threads
        if stop.loss is not None or stop.gradient_norm is not None or stop.separated:
            self.goal = "stop"
        else:
            self.goal = "objective" if problem.l2 > 0.0 else "separation"
        # A run that has not left the unstable phase after half of its steps is not worth the rest.
        share = max(1, n_steps // 2) if stop.unstable_steps is None else stop.unstable_steps
        self.stop = replace(stop, cycling=True, unstable_steps=share)
        self.passes = 0.0

    def run(self, rows, stepsizes):
        """Return the outcome of each stepsize on the rows given, or on all."""
        problem = self.problem
        rows = slice(None) if rows is None else rows
        runs = self.sweep(
            problem.X[rows], problem.y[rows], stepsizes, self.n_steps, loss=problem.loss,
            sample_weight=problem.weight[rows], l2=problem.l2,
            fit_intercept=problem.fit_intercept, center=problem.center, scale=problem.scale,
            stop=self.stop, record_every=self.n_steps,
            n_threads=self.n_threads,
        )  # fmt: skip
        share = len(problem.y[rows]) / problem.n
        passes = [1 + run.n_steps for run in runs]
        self.passes += share * (sum(passes) if problem.is_multi else max(passes))
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
            elif run.n_increases == 0 and stepsize * self.smoothness <= ROUNDING:
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
            log_loss=float(trace.log_loss[-1]),
            objective=loss if l2 == 0.0 else float(trace.objective[-1]),
            margin=float(trace.min_margin[-1]) / size if 0.0 < size < math.inf else None,
        )


def _stage(stepsize, outcomes):
    passed = 2 * sum(outcome.held for outcome in outcomes) > len(outcomes)
    reason = describe_outcomes(outcomes)
    return Stage(stepsize=stepsize, outcomes=outcomes, passed=passed, reason=reason)


def _confirm(bench, stepsizes, stages):
    """Return outcomes on all rows, by stage: of the candidate and, if need be, of those below.

    The candidate is the best stage on the samples. With it go its neighbours, since the best on all
    rows may be next to it, and the first stage; they share their passes.
    """
    passed = [i for i, stage in enumerate(stages) if stage.passed]
    candidate = min(passed, key=lambda i: (stages[i].rank, i), default=0)
    near = {0, max(0, candidate - 1), candidate}
    if candidate + 1 in passed:
        near.add(candidate + 1)

    def run(chosen):
        chosen = sorted(chosen)
        return dict(zip(chosen, bench.run(None, [stepsizes[i] for i in chosen]), strict=True))

    found = run(near)
    below = range(1, candidate - 1)
    best = _best(found)
    if below and (best is None or best < candidate):
        found |= run(below)
    return found


def _best(confirmed):
    """Return the best stage of those that held on all rows, or None."""
    held = [i for i, outcome in confirmed.items() if outcome.held]
    return min(held, key=lambda i: (confirmed[i].rank, i), default=None)
