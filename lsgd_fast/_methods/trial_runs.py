"""The runs of a staged trial: samples of the rows, what is held out of them, and the outcomes."""

import math
from dataclasses import asdict, dataclass, replace

import numpy as np

from lsgd_fast._constants import SLACK, STEPSIZE_ROUNDING
from lsgd_fast._inputs.callbacks import interval_of
from lsgd_fast._inputs.requests import DescentOptions, SweepOptions, base_rate_start
from lsgd_fast._inputs.stopping import StopReason, ends_run
from lsgd_fast._results.separation import SeparationKind
from lsgd_fast._results.trial import HELD_OUT_GOALS, Outcome
from lsgd_fast._results.verdict import Verdict

__all__ = ["TARGETS", "Found", "Runner", "Samples", "Watch", "normalized_margin", "outcome_of"]

# Up to d rows of d features are separable with any labels, and up to 2 d with random labels
# (T. M. Cover, 1965); 5 d leave a margin for labels that are not random. K classes have K - 1 times
# as many free weights: what is common to all columns changes no margin.
ROWS_PER_FEATURE = 5

# The largest share of the rows in a sample whose other rows are held out, unless more is asked for.
MAX_SHARE = 0.8

# The reasons for the end of a run that has met a target in `stop`.
TARGETS = (StopReason.loss, StopReason.gradient_norm, StopReason.separated)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a part of a trial has found: runs that share their passes, or a search.

    Attributes
    ----------
    outcomes : tuple of Outcome
        One for each stepsize; none of a search for separation.
    passes : float
        Passes over all rows that it took, 0 where there are none.
    margin : float
        The largest margin of a run that separated all rows, in the units of X, the intercept
        counted as a weight; 0 if there is none.
    separation : str
        What it proves of all rows, by the name of a `SeparationKind`.
    """

    outcomes: tuple[Outcome, ...] = ()
    passes: float = 0.0
    margin: float = 0.0
    separation: str = str(SeparationKind.undecided)

    def to_dict(self):
        """Return these attributes as dicts, lists, numbers, strings and None, exactly."""
        return asdict(self) | {"outcomes": [asdict(outcome) for outcome in self.outcomes]}

    @classmethod
    def from_dict(cls, values):
        """Return what `to_dict` has made these values of."""
        outcomes = tuple(Outcome.from_dict(outcome) for outcome in values["outcomes"])
        return cls(**values | {"outcomes": outcomes})


class Samples:
    """Stratified samples of the rows of positive weight, with at least one row of each class.

    They stand for all rows, on which the stages are confirmed.

    Parameters
    ----------
    problem : Problem
    options : TrialOptions
        Where the goal is held out, a sample has at most `MAX_SHARE` of the rows or `sample`, and
        not all rows of a class that has several.
    """

    noun, whole, whole_name, whole_is_all = "sample", None, "all rows", True

    def __init__(self, problem, options):
        self.rng, self.n_repeats = options.rng, options.n_repeats
        used, labels = problem.weight > 0.0, np.unique(problem.y)
        self.classes = [np.flatnonzero(used & (problem.y == label)) for label in labels]
        counts = [len(rows) for rows in self.classes]
        self.n_rows = n = sum(counts)
        n_free = (problem.d + problem.fit_intercept) * (len(counts) - 1)
        share = options.sample * (1.0 - SLACK)
        enough, most = min(n, ROWS_PER_FEATURE * n_free), counts
        if options.goal in HELD_OUT_GOALS:
            enough = min(enough, int(MAX_SHARE * n))
            most = [max(1, count - 1) for count in counts]
        least = max(math.ceil(share * n), enough)
        sizes = [-(-count * least // n) for count in counts]
        self.sizes = [min(pair) for pair in zip(sizes, most, strict=True)]
        self.n_sampled = sum(self.sizes)
        self.are_whole = self.n_sampled == n
        if self.are_whole and options.goal in HELD_OUT_GOALS:
            raise ValueError(
                f"goal must not be {options.goal!r} with a single row of each class: none can be "
                "held out"
            )

    def draw(self):
        """Return the numbers of the rows of new samples."""
        return [self._rows() for _ in range(self.n_repeats)]

    def _rows(self):
        """Return the numbers of the rows of a new sample, sorted."""
        pairs = zip(self.classes, self.sizes, strict=True)
        drawn = [self.rng.choice(rows, size, replace=False) for rows, size in pairs]
        return np.sort(np.concatenate(drawn))


class Runner:
    """Runs several stepsizes on all rows or some of them.

    Parameters
    ----------
    run_sweep : callable
    problem : Problem
    smoothness : float
    options : TrialOptions
    watch : Watch
        The callback of the runs, where there is one.
    """

    shares_passes = True  # those with softmax do not, but they share a copy of the rows

    def __init__(self, run_sweep, problem, smoothness, options, watch):
        self.run_sweep, self.problem, self.smoothness = run_sweep, problem, smoothness
        self.n_steps, self.judged = options.n_steps, options.goal in HELD_OUT_GOALS
        self.descent = DescentOptions(
            record_every=self.n_steps, callback=None if watch.callback is None else watch,
            callback_every=options.callback_every, n_threads=options.n_threads,
        )  # fmt: skip
        # Cycles are proved, and so are no loss. A run that is unstable may still settle.
        self.stop = replace(options.stop, cycling=True)

    def run(self, rows, stepsizes):
        """Return what these stepsizes find on the rows of these numbers, or on all for None."""
        part = self.problem if rows is None else self.problem.take(rows, self.descent.n_threads)
        options = SweepOptions(stepsizes, self.n_steps, self.descent, l2=part.l2, stop=self.stop)
        runs = self.run_sweep(options.for_problem(part, base_rate_start(part)))
        passes = self._passes([1 + run.n_steps for run in runs], part)
        held_out, margin = [(None, None)] * len(runs), 0.0
        if rows is None:
            margin = max(map(_margin_of_all_weights, runs))
        elif self.judged:
            held_out, measured = self._judge(rows, runs)
            passes += measured
        each = zip(stepsizes, runs, held_out, strict=True)
        outcomes = tuple(
            outcome_of(run, stepsize, self.smoothness, part.l2, *judged)
            for stepsize, run, judged in each
        )
        return Found(outcomes=outcomes, passes=passes, margin=margin)

    def _passes(self, reads, part):
        """Return the passes over all rows that runs on a part of them took.

        `reads` are those of each run over its rows; runs of several columns of weights share none.
        """
        total = sum(reads) if self.problem.is_multi else max(reads)
        return part.n / self.problem.n * total

    def _judge(self, rows, runs):
        """Return the loss and the error rate of each run on the rows of other numbers, and passes.

        They are measured in one pass, in which the rows of the sample have no weight.
        """
        problem = self.problem
        others = problem.without_rows(rows).with_penalty(0.0)
        weights = [_parameters(run, problem) for run in runs]
        finite = [i for i, w in enumerate(weights) if np.isfinite(w).all()]
        found, passes = [(math.inf, 1.0)] * len(runs), 0.0
        if finite:
            traces, passes = self._measure(others, [weights[i] for i in finite])
            for i, trace in zip(finite, traces, strict=True):
                found[i] = float(trace.loss[-1]), float(trace.error_rate[-1])
        return found, passes

    def _measure(self, problem, weights):
        """Return a trace of one row for each of these weights, and the passes that this took."""
        start = np.stack(weights, axis=0 if problem.is_multi else -1)
        descent = DescentOptions(gram=False, n_threads=self.descent.n_threads)
        options = SweepOptions([1.0] * len(weights), 0, descent)
        traces = [run.trace for run in self.run_sweep(options.for_problem(problem, start))]
        return traces, self._passes([1] * len(weights), problem)

    def margin_of(self, separation):
        """Return the margin of the direction of a `Separation` of two classes, and the passes."""
        direction, problem = separation.direction, self.problem
        if direction is None or problem.is_multi:
            return 0.0, 0.0
        if problem.fit_intercept:
            direction = np.append(direction, separation.intercept)
        (trace,), passes = self._measure(problem.without_offset(), [direction])
        return float(trace.min_margin[-1]) / float(np.linalg.norm(direction)), passes


def outcome_of(run, stepsize, smoothness, l2, held_out_loss=None, held_out_error=None):
    """Return the `Outcome` of a run.

    Parameters
    ----------
    run : Run
    stepsize : float
    smoothness : float
        Of its objective, an estimate.
    l2 : float
    held_out_loss, held_out_error : float, optional
        Of its last weights.
    """
    trace, verdict = run.trace, run.verdict
    loss = float(trace.loss[-1])
    is_separated = l2 == 0.0 and run.separated_at is not None
    ending, reached_at = str(verdict), None
    if run.stop_reason in TARGETS:
        reached_at = run.n_steps
    if verdict is not Verdict.diverged:
        if is_separated and reached_at in (None, run.separated_at):
            ending = "separated"
        elif reached_at is not None:
            ending = "reached"
        elif run.n_increases == 0 and stepsize * smoothness <= STEPSIZE_ROUNDING:
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
        margin=normalized_margin(run),
        held_out_loss=held_out_loss,
        held_out_error=held_out_error,
        facts=tuple(run.diagnostics.facts),
    )


@dataclass(frozen=True, kw_only=True)
class TrialProgress:
    """What the callback of a trial is called with.

    Attributes
    ----------
    n_steps : int
        Steps so far; those of runs that share their passes count once, and those after the last
        call of a run not at all.
    loss : float
        The loss of one of the current runs.
    phase : str
        What is run, such as ``"sample 1 of 3"`` or ``"seed 1 of 3, stepsize 0.5"``.
    """

    n_steps: int
    loss: float
    phase: str


class Watch:
    """The callback of all runs of a trial, which calls that of the user.

    Runs that share their passes all come to a step, and the first of them counts; others are made
    one after another, and all count.
    """

    def __init__(self, callback, shares_passes):
        self.callback, self.shares_passes = callback, shares_passes
        self.interval = interval_of(callback)
        self.ended, self.before, self.reached = False, 0, 0

    def begin(self, phase):
        self.phase = phase
        self._add()

    def _add(self):
        self.before, self.reached = self.before + self.reached, 0

    def __call__(self, state):
        if not self.shares_passes and state.n_steps <= self.reached:  # the next run
            self._add()
        if not self.ended and state.n_steps > self.reached:
            self.reached = state.n_steps
            progress = TrialProgress(
                n_steps=self.before + state.n_steps, loss=float(state.loss), phase=self.phase
            )
            self.ended = ends_run(self.callback(progress))
        return self.ended


def _parameters(run, problem):
    """Return the last weights of a run, the intercept after them where one is fitted."""
    if not problem.fit_intercept:
        return run.weights
    return np.concatenate([run.weights, np.reshape(run.intercept, (1, *run.weights.shape[1:]))])


def _margin_of_all_weights(run):
    """Return the last margin of a run over the norm of its weights and intercept, 0 if negative."""
    size = math.hypot(float(run.trace.weight_norm[-1]), float(np.linalg.norm(run.intercept)))
    return max(0.0, _last_margin(run) / size) if 0.0 < size < math.inf else 0.0


def normalized_margin(run):
    """Return the last smallest margin of a run over the norm of its weights, or None for zeros."""
    size = float(run.trace.weight_norm[-1])
    return _last_margin(run) / size if 0.0 < size < math.inf else None


def _last_margin(run):
    """Return the last smallest margin, with offsets the least that it can be without them."""
    return float(run.trace.min_margin[-1]) - run.largest_offset
