"""The result of a staged trial: its stages, confirmations, comparison and recommendation."""

import math
from dataclasses import asdict, dataclass

from lsgd_fast._constants import EPSILON, SMALLEST_FLOAT
from lsgd_fast._results.trial_report import report, report_html
from lsgd_fast._text import to_json_values

__all__ = [
    "GOALS",
    "HELD_OUT_GOALS",
    "ComparedRun",
    "Comparison",
    "Outcome",
    "Stage",
    "Trial",
    "TrialProgress",
]

GOALS = ("loss", "held_out_loss", "held_out_error", "margin", "steps")
HELD_OUT_GOALS = ("held_out_loss", "held_out_error")

# Losses below this count as equal: they say less than the rounding of a probability near 1.
LEAST_LN_LOSS = math.log(EPSILON)


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
        What is run, such as ``"sample 1 of 3"``.
    """

    n_steps: int
    loss: float
    phase: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one run of a trial.

    Attributes
    ----------
    stepsize : float
        The stepsize of the run.
    held : bool
        Whether the stepsize may be recommended: the run separated the data (without a penalty),
        met a target in `stop`, has the verdict stable, or never increased the loss with a
        stepsize of at most 1 over the smoothness.
    ending : str
        How the run ended: "separated", "reached" (a target in `stop`), "stable", "unstable",
        "cycling", "diverged" or "undecided".
    verdict : str
        The verdict on the run.
    evidence : str
        The reason for the verdict, in words.
    stop_reason : str
        Why the run ended.
    n_steps : int
        The number of steps taken.
    reached_at : int or None
        The step at which the run met a target in `stop`: a loss, a norm of the gradient or
        separation.
    separated_at, stable_at : int or None
        As in `Run`.
    n_increases : int
        As in `Run`.
    loss, ln_loss : float
        The last loss and its logarithm.
    objective : float
        The last loss with the penalty.
    margin : float or None
        The last ``min_margin / weight_norm``, with offsets ``(min_margin - largest_offset) /
        weight_norm``, the least that it can be without them; None for zero weights.
    held_out_loss, held_out_error : float or None
        The loss and the error rate of the last weights on the rows outside of the sample; None
        unless the goal is one of these, and for a run on all rows.
    """

    stepsize: float
    held: bool
    ending: str
    verdict: str
    evidence: str
    stop_reason: str
    n_steps: int
    reached_at: int | None
    separated_at: int | None
    stable_at: int | None
    n_increases: int
    loss: float
    ln_loss: float
    objective: float
    margin: float | None
    held_out_loss: float | None
    held_out_error: float | None

    @property
    def mark(self):
        """One of "held", "failed" (cycling or diverged) and "unsettled" (more steps may do)."""
        if self.held:
            return "held"
        return "failed" if self.ending in ("cycling", "diverged") else "unsettled"

    def rank(self, goal):
        """Return the key to sort outcomes by, the best for a goal first: a tuple of numbers."""
        if not self.held:
            return (1, 0.0, 0.0)
        return (0, *self._value(goal))

    def _value(self, goal):
        """Return two numbers, of which the second decides where the first are equal."""
        if goal in HELD_OUT_GOALS:
            return getattr(self, goal), 0.0
        if goal == "margin":
            return math.inf if self.margin is None else -self.margin, 0.0
        ln_value = self.ln_loss  # it cannot underflow; with a penalty the objective hardly can
        if self.objective != self.loss:
            ln_value = math.log(max(self.objective, SMALLEST_FLOAT))
        ln_value = max(ln_value, LEAST_LN_LOSS)
        if goal == "loss":
            return ln_value, 0.0
        return math.inf if self.reached_at is None else self.reached_at, ln_value


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The runs of one stepsize on the samples.

    Attributes
    ----------
    stepsize : float
        The stepsize of the runs.
    outcomes : tuple of Outcome
        One outcome per sample.
    passed : bool
        Whether the stepsize held on more than half of the samples.
    reason : str
        A summary of the outcomes, in words.
    """

    stepsize: float
    outcomes: tuple[Outcome, ...]
    passed: bool
    reason: str

    @property
    def mark(self):
        """One of "passed", "failed" (most runs cycled or diverged) and "unsettled"."""
        if self.passed:
            return "passed"
        failed = sum(outcome.mark == "failed" for outcome in self.outcomes)
        return "failed" if 2 * failed > len(self.outcomes) else "unsettled"

    def rank(self, goal):
        """Return the median of the ranks of the outcomes, the upper one of an even number.

        What is held out counts by its mean: one sample can say what several others do not.
        """
        ranks = sorted(outcome.rank(goal) for outcome in self.outcomes)
        middle = ranks[len(ranks) // 2]
        if goal in HELD_OUT_GOALS and middle[0] == 0:
            values = [getattr(outcome, goal) for outcome in self.outcomes]
            return 0, sum(values) / len(values), 0.0
        return middle


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """The runs of one stepsize in a comparison.

    Attributes
    ----------
    stepsize : float
        The stepsize of the runs.
    samples : tuple of Outcome
        Outcomes on new samples, which were not used for the choice; empty if a sample would be all
        of the data.
    full : Outcome
        The outcome on all rows.
    """

    stepsize: float
    samples: tuple[Outcome, ...]
    full: Outcome


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The conservative and the recommended stepsize, run on the same samples.

    Attributes
    ----------
    conservative, recommended : ComparedRun
        The runs of either stepsize.
    """

    conservative: ComparedRun
    recommended: ComparedRun


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trial:
    """The result of `staged_trial`. `print` it to read the report.

    Attributes
    ----------
    recommended : float or None
        The best of the stepsizes that held on all rows; None if none did, or if the callback ended
        the trial before.
    conservative : float
        The first and smallest stepsize.
    goal : str
        What is best: "loss", "held_out_loss", "held_out_error", "margin" or "steps".
    smoothness : float
        An estimate of the largest curvature of the objective: stepsizes below 2 over it do not
        oscillate.
    stages : tuple of Stage
        The stages, by increasing stepsize.
    confirmations : tuple of Outcome
        The runs on all rows, by increasing stepsize. One of them has the recommended stepsize.
    comparison : Comparison or None
        The conservative and the recommended stepsize on new samples; None if they are the same or
        if none is recommended.
    separation : str
        What is proved of all rows: that some weights separate them, "complete"; that none do,
        "quasi-complete" or "none", see `separation`; or nothing, "undecided".
    settled_after : float or None
        An upper bound of the steps after which the smallest of the unsettled stepsizes settles, by
        Theorem 1 and the largest margin found, see `lsgd_fast.theory.transition_steps`. None if
        nothing is unsettled, or where the theorem says nothing.
    loss : str
        "logistic" or "softmax".
    l2 : float
        The strength of the penalty.
    rows : int
        The number of rows of positive weight.
    n_classes, n_features : int
        The number of classes and of features.
    fit_intercept : bool, default False
        Whether an intercept was fitted.
    start : str, default "zeros"
        Where all runs start: "zeros", or with an intercept "base rate", where zero weights and the
        intercept give each label the share of the rows that it has.
    row_norm : float, default 1
        The largest norm of a row, without the 1 of an intercept.
    n_rows_sampled : int
        Rows of a sample. If it equals `rows`, there is one sample, all of the data.
    n_steps : int
        The number of steps of a run that does not end early.
    ended : bool
        Whether the callback ended the trial.
    passes : float
        The cost of the trial in passes over all rows. Runs that share a pass count once; runs with
        softmax share none.
    """

    recommended: float | None
    conservative: float
    goal: str
    smoothness: float
    stages: tuple[Stage, ...]
    confirmations: tuple[Outcome, ...]
    comparison: Comparison | None
    separation: str
    settled_after: float | None
    loss: str
    l2: float
    rows: int
    n_classes: int
    n_features: int
    n_rows_sampled: int
    n_steps: int
    ended: bool
    passes: float
    fit_intercept: bool = False  # trials that were pickled before have none of these three
    start: str = "zeros"
    row_norm: float = 1.0

    @property
    def confirmed(self):
        """The `Outcome` of the recommended stepsize on all rows; None if none is recommended."""
        return next((o for o in self.confirmations if o.stepsize == self.recommended), None)

    @property
    def samples_are_whole(self):
        """Whether the stages ran on all rows, because a sample would have them all."""
        return self.n_rows_sampled == self.rows

    def report(self):
        """Return the report: what was tried, what happened, the advice, and how sure it is."""
        return report(self)

    def __str__(self):
        return self.report()

    def _repr_html_(self):
        return report_html(self)

    def plot(self, ax=None, **options):
        """Plot what the goal is judged by, by stepsize; see `lsgd_fast.plot.trial`."""
        from lsgd_fast import plot

        return plot.trial(self, ax=ax, **options)

    def __repr__(self):
        held = sum(outcome.held for outcome in self.confirmations)
        return (
            f"Trial(recommended={self.recommended}, conservative={self.conservative}, "
            f"{len(self.stages)} stages, {held} of {len(self.confirmations)} held on all rows)"
        )

    def to_dict(self):
        """Return the trial as dicts, lists, numbers and strings; None for infinity and NaN."""
        return to_json_values(asdict(self))
