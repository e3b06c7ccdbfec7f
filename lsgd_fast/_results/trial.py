"""What a staged trial tried, found and recommends."""

import math
from dataclasses import dataclass, fields, is_dataclass

from lsgd_fast._results.trial_report import report

__all__ = ["ComparedRun", "Comparison", "Outcome", "Stage", "Trial"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run of a trial came to.

    Attributes
    ----------
    stepsize : float
    held : bool
        Whether the run may be recommended: it separated the data (without a penalty), reached what
        `stop` asks for, is stable by its verdict, or by its stepsize.
    ending : str
        In a word or two: "separated", "reached", "stable", "unstable", "cycling", "diverged" or
        "undecided".
    verdict : str
        That of the run.
    evidence : str
        What the verdict rests on.
    stop_reason : str
    n_steps : int
        Steps taken.
    reached_at : int or None
        The step that counts: of the first separation, unless `stop` asks for something else. None
        too if there is a penalty and no such goal.
    separated_at, stable_at : int or None
    n_increases : int
    loss, log_loss : float
        At the end of the run.
    objective : float
        The loss with the penalty.
    margin : float or None
        Least margin over ``|w|`` at the end; None for zero weights.
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
    log_loss: float
    objective: float
    margin: float | None

    @property
    def rank(self):
        """What outcomes are sorted by, the best first: a tuple of numbers."""
        if not self.held:
            return (2, 0, 0.0)
        value = self.log_loss  # which does not underflow; with a penalty the objective hardly can
        if self.objective != self.loss:
            value = math.log(max(self.objective, 2.0**-1074))
        return (1, 0, value) if self.reached_at is None else (0, self.reached_at, value)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stepsize on the samples.

    Attributes
    ----------
    stepsize : float
    outcomes : tuple of Outcome
        One per sample.
    passed : bool
        Whether it held on more than half of the samples.
    reason : str
        What happened, in words.
    """

    stepsize: float
    outcomes: tuple[Outcome, ...]
    passed: bool
    reason: str

    @property
    def rank(self):
        """The median of the ranks; of an even number the worse of the two in the middle."""
        return sorted(outcome.rank for outcome in self.outcomes)[len(self.outcomes) // 2]


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """One side of a comparison.

    Attributes
    ----------
    stepsize : float
    samples : tuple of Outcome
        On samples that had no part in the choice; empty if a sample would be all of the data.
    full : Outcome
        On all rows.
    """

    stepsize: float
    samples: tuple[Outcome, ...]
    full: Outcome


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The conservative stepsize against the recommended one, on the same samples.

    Attributes
    ----------
    conservative, recommended : ComparedRun
    """

    conservative: ComparedRun
    recommended: ComparedRun


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trial:
    """What `staged_trial` tried, found and recommends. `print` it for the report.

    Attributes
    ----------
    recommended : float or None
        The best of the stepsizes that held on all rows; None if none did.
    conservative : float
        The first stepsize.
    smoothness : float
        Estimate of the largest curvature of the objective: below 2 over it no stepsize oscillates.
    stages : tuple of Stage
        By growing stepsizes.
    confirmations : tuple of Outcome
        The runs on all rows, by growing stepsizes. The recommended stepsize is one of them.
    comparison : Comparison or None
        None if the recommended stepsize is the conservative one, or None.
    loss : str
        "logistic" or "softmax".
    rows : int
        Rows of positive weight.
    n_classes, n_features : int
    n_rows_sampled : int
        Rows of a sample; equal to `rows` if the samples are all of the data, and then there is one.
    n_steps : int
        Steps of a run that is not ended early.
    goal : str
        What counts first: "separation", "stop" (a condition of `stop`) or "objective".
    passes : float
        What the trial cost, in passes over all rows; runs that share a pass count once, which
        those with softmax do not.
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
        """The `Outcome` of the recommended stepsize on all rows, or None."""
        return next((o for o in self.confirmations if o.stepsize == self.recommended), None)

    @property
    def samples_are_whole(self):
        """Whether there was nothing to sample: the stages ran on all rows."""
        return self.n_rows_sampled == self.rows

    def report(self):
        """Return what was tried, what happened, what is advised and how sure that is, as text."""
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
        """Return all of it as dicts, lists, numbers and strings; None for what is not finite."""
        return _plain(self)


def _plain(value):
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
