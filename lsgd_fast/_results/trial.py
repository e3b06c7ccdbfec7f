"""The result of a staged trial: its stages, confirmations, comparison and recommendation."""

import math
from dataclasses import asdict, dataclass

from lsgd_fast._constants import SMALLEST_FLOAT
from lsgd_fast._results.trial_report import report
from lsgd_fast._text import to_json_values

__all__ = ["ComparedRun", "Comparison", "Outcome", "Stage", "Trial"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one run of a trial.

    Attributes
    ----------
    stepsize : float
        The stepsize of the run.
    held : bool
        Whether the stepsize may be recommended: the run separated the data (without a penalty),
        reached the goal in `stop`, has the verdict stable, or never increased the loss with a
        stepsize of at most 1 over the smoothness.
    ending : str
        How the run ended: "separated", "reached" (the goal in `stop`), "stable", "unstable",
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
        The step at which the run reached the goal of the trial: separation, or the goal in `stop`.
        None if it did not, and with a penalty and no goal in `stop`.
    separated_at, stable_at : int or None
        As in `Run`.
    n_increases : int
        As in `Run`.
    loss, ln_loss : float
        The last loss and its logarithm.
    objective : float
        The last loss with the penalty.
    margin : float or None
        The last ``min_margin / weight_norm``; None for zero weights.
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

    @property
    def rank(self):
        """The key to sort outcomes by, the best first: a tuple of numbers."""
        if not self.held:
            return (2, 0, 0.0)
        value = self.ln_loss  # it cannot underflow; with a penalty the objective hardly can
        if self.objective != self.loss:
            value = math.log(max(self.objective, SMALLEST_FLOAT))
        return (1, 0, value) if self.reached_at is None else (0, self.reached_at, value)


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
    def rank(self):
        """The median of the ranks of the outcomes; the upper median of an even number."""
        return sorted(outcome.rank for outcome in self.outcomes)[len(self.outcomes) // 2]


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
        The best of the stepsizes that held on all rows; None if none did.
    conservative : float
        The first and smallest stepsize.
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
    loss : str
        "logistic" or "softmax".
    rows : int
        The number of rows of positive weight.
    n_classes, n_features : int
        The number of classes and of features.
    n_rows_sampled : int
        Rows of a sample. If it equals `rows`, there is one sample, all of the data.
    n_steps : int
        The number of steps of a run that does not end early.
    goal : str
        What decides first between stepsizes: "separation", "stop" (a goal in `stop`) or
        "objective".
    passes : float
        The cost of the trial in passes over all rows. Runs that share a pass count once; runs with
        softmax share none.
    """

    recommended: float | None
    conservative: float
    smoothness: float
    stages: tuple[Stage, ...]
    confirmations: tuple[Outcome, ...]
    comparison: Comparison | None
    loss: str
    rows: int
    n_classes: int
    n_features: int
    n_rows_sampled: int
    n_steps: int
    goal: str
    passes: float

    @property
    def confirmed(self):
        """The `Outcome` of the recommended stepsize on all rows; None if none is recommended."""
        return next((o for o in self.confirmations if o.stepsize == self.recommended), None)

    @property
    def samples_are_whole(self):
        """Whether the stages ran on all rows, because these are too few to sample."""
        return self.n_rows_sampled == self.rows

    def report(self):
        """Return the report: what was tried, what happened, the advice, and how sure it is."""
        return report(self)

    def __str__(self):
        return self.report()

    def __repr__(self):
        held = sum(outcome.held for outcome in self.confirmations)
        return (
            f"Trial(recommended={self.recommended}, conservative={self.conservative}, "
            f"{len(self.stages)} stages, {held} of {len(self.confirmations)} held on all rows)"
        )

    def to_dict(self):
        """Return the trial as dicts, lists, numbers and strings; None for infinity and NaN."""
        return to_json_values(asdict(self))
