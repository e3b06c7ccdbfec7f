"""The result of a staged trial: its stages, confirmations, comparison and recommendation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from lsgd_fast._constants import EPSILON, SMALLEST_FLOAT
from lsgd_fast._pages.page import Reported
from lsgd_fast._results.trial_report import report, report_html
from lsgd_fast._results.trial_words import nouns_of
from lsgd_fast._results.verdict import MIN_QUIET_STEPS
from lsgd_fast._text import to_json_values
from lsgd_fast._typing import Fact, Goal

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = [
    "GOALS",
    "HELD_OUT_GOALS",
    "ComparedRun",
    "Comparison",
    "Outcome",
    "Stage",
    "Trial",
]

GOALS = ("loss", "held_out_loss", "held_out_error", "margin", "steps")
HELD_OUT_GOALS = ("held_out_loss", "held_out_error")

# Losses below this count as equal: they say less than the rounding of a probability near 1.
LEAST_LN_LOSS = math.log(EPSILON)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one run of a trial.

    Of a training loop nothing but its losses is known: then what needs rows or weights is None. A
    loss that is not a number counts as infinite.

    Attributes
    ----------
    stepsize : float
        The stepsize of the run.
    held : bool
        Whether the stepsize may be recommended: the run separated the data (without a penalty),
        met a target in `stop`, has the verdict stable, or never increased the loss with a
        stepsize of at most 1 over the smoothness; of training loops, with the first stepsize.
    ending : str
        How the run ended: "separated", "reached" (a target in `stop`), "stable", "unstable",
        "cycling", "diverged" or "undecided".
    verdict : str
        The verdict on the run.
    evidence : str
        The reason for the verdict, in words.
    stop_reason : str
        Why the run ended; "train" if the training loop ended by itself before its last step.
    n_steps : int
        The number of steps taken; of a training loop the number of its losses, up to that of steps.
    reached_at : int or None
        The step at which the run met a target in `stop`: a loss, a norm of the gradient or
        separation.
    separated_at, stable_at : int or None
        As in `Run`.
    n_increases : int
        As in `Run`.
    loss, ln_loss : float
        The last loss and its logarithm; of a training loop, whose loss may be negative, the
        logarithm is None.
    objective : float
        The last loss with the penalty.
    margin : float or None
        The last ``min_margin / weight_norm``, with offsets ``(min_margin - largest_offset) /
        weight_norm``, the least that it can be without them; None for zero weights.
    held_out_loss, held_out_error : float or None
        The loss and the error rate of the last weights on the rows outside of the sample; None
        unless the goal is one of these, and for a run on all rows. Of a training loop, the last
        held-out loss that it gave.
    facts : tuple of (str, dict), default ()
        The evidence once more, as the keys of sentences and their numbers.
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
    ln_loss: float | None
    objective: float
    margin: float | None
    held_out_loss: float | None
    held_out_error: float | None
    facts: tuple[Fact, ...] = ()  # trials that were pickled before have none

    @property
    def has_begun(self) -> bool:
        """Whether the run began, before the callback ended the trial."""
        return self.n_steps > 0 or self.stop_reason != "callback"

    @property
    def mark(self) -> Literal["held", "failed", "unsettled"]:
        """One of "held", "failed" (cycling or diverged) and "unsettled" (more steps may do)."""
        if self.held:
            return "held"
        return "failed" if self.ending in ("cycling", "diverged") else "unsettled"

    @classmethod
    def from_dict(cls, values: dict[str, Any], trained_for: str | None = None) -> Self:
        """Return the outcome of these attributes; None for a number is one that was infinite.

        `trained_for` is the goal of the trial, if it is one of a training loop. Such an outcome has
        no logarithm, and a held-out loss for sure only if that is the goal.
        """
        unknown = {name: math.inf for name in ("loss", "objective")}
        if trained_for is None and values["loss"] is None:
            unknown["ln_loss"] = math.inf
        is_measured = trained_for == "held_out_loss" and values["stop_reason"] != "callback"
        if values["held_out_error"] is not None or is_measured:
            unknown["held_out_loss"] = math.inf
        known = {name: value for name, value in values.items() if value is not None}
        known["facts"] = tuple(
            (key, {name: math.inf if one is None else one for name, one in fields.items()})
            for key, fields in values.get("facts", ())
        )
        return cls(**values | unknown | known)

    def rank(self, goal: Goal) -> tuple[float, ...]:
        """Return the key to sort outcomes by, the best for a goal first: a tuple of numbers."""
        if not self.held:
            return (1, 0.0, 0.0)
        return (0, *self.value(goal))

    def held_out(self, goal: Goal) -> float:
        """Return what is held out, infinity if the run ended before it was known."""
        value = getattr(self, goal)
        return math.inf if value is None else value

    def value(self, goal: Goal) -> tuple[float, float]:
        """Return two numbers that are small where a goal is met; the second breaks ties."""
        if goal in HELD_OUT_GOALS:
            return self.held_out(goal), 0.0
        if goal == "margin":
            return math.inf if self.margin is None else -self.margin, 0.0
        value = self._value_of_loss()
        if goal == "loss":
            return value, 0.0
        return math.inf if self.reached_at is None else self.reached_at, value

    def _value_of_loss(self):
        if self.ln_loss is None:
            return self.loss
        ln_value = self.ln_loss  # it cannot underflow; with a penalty the objective hardly can
        if self.objective != self.loss:
            ln_value = math.log(max(self.objective, SMALLEST_FLOAT))
        return max(ln_value, LEAST_LN_LOSS)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The runs of one stepsize on the samples.

    Attributes
    ----------
    stepsize : float
        The stepsize of the runs.
    outcomes : tuple of Outcome
        One outcome per sample or seed.
    passed : bool
        Whether the stepsize held on more than half of the samples or seeds.
    reason : str
        A summary of the outcomes, in words.
    """

    stepsize: float
    outcomes: tuple[Outcome, ...]
    passed: bool
    reason: str

    @property
    def mark(self) -> Literal["passed", "failed", "unsettled"]:
        """One of "passed", "failed" (most runs cycled or diverged) and "unsettled"."""
        if self.passed:
            return "passed"
        failed = sum(outcome.mark == "failed" for outcome in self.outcomes)
        return "failed" if 2 * failed > len(self.outcomes) else "unsettled"

    def rank(self, goal: Goal) -> tuple[float, ...]:
        """Return the median of the ranks of the outcomes, the upper one of an even number.

        What is held out counts by its mean: one sample can say what several others do not.
        """
        ranks = sorted(outcome.rank(goal) for outcome in self.outcomes)
        middle = ranks[len(ranks) // 2]
        if goal in HELD_OUT_GOALS and middle[0] == 0:
            values = [outcome.held_out(goal) for outcome in self.outcomes]
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
        Outcomes on new samples or seeds, which were not used for the choice; empty if a sample
        would be all of the data.
    full : Outcome
        The outcome on all rows, or on the seed of the confirmation.
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
class Trial(Reported):
    """The result of `staged_trial`. `print` it to read the report.

    For a training loop, `train`, seeds take the place of samples, and one more seed that of all
    rows. What needs rows is None, then.

    Attributes
    ----------
    recommended : float or None
        The best of the stepsizes that held on all rows; None if none did, if what is held out is
        the goal and infinite with each, or if the callback ended the trial before.
    conservative : float
        The first and smallest stepsize.
    goal : str
        What is best: "loss", "held_out_loss", "held_out_error", "margin" or "steps".
    smoothness : float or None
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
    loss : str or None
        "logistic" or "softmax".
    l2 : float
        The strength of the penalty.
    rows : int or None
        The number of rows of positive weight.
    n_classes, n_features : int or None
        The number of classes and of features.
    fit_intercept : bool, default False
        Whether an intercept was fitted.
    start : str or None, default "zeros"
        Where all runs start: "zeros", or with an intercept "base rate", where zero weights and the
        intercept give each label the share of the rows that it has.
    row_norm : float or None, default 1
        The largest norm of a row, without the 1 of an intercept.
    n_rows_sampled : int or None
        Rows of a sample. If it equals `rows`, there is one sample, all of the data.
    n_steps : int
        The number of steps of a run that does not end early.
    ended : bool
        Whether the callback ended the trial.
    passes : float or None
        The cost of the trial in passes over all rows. Runs that share a pass count once; runs with
        softmax share none.
    total_steps : int or None
        The steps of all runs together; None in trials that were pickled before it was counted.
    stepsizes_given : bool
        Whether the stepsizes were given one by one.
    updates_per_epoch : int
        Losses of a training loop that are averaged into one.
    seed : int or None
        The seed of the runs in `confirmations` of a training loop; None for rows.
    """

    recommended: float | None
    conservative: float
    goal: Goal
    smoothness: float | None
    stages: tuple[Stage, ...]
    confirmations: tuple[Outcome, ...]
    comparison: Comparison | None
    separation: str
    settled_after: float | None
    loss: str | None
    l2: float
    rows: int | None
    n_classes: int | None
    n_features: int | None
    n_rows_sampled: int | None
    n_steps: int
    ended: bool
    passes: float | None
    # trials that were pickled before have none of these
    fit_intercept: bool = False
    start: str | None = "zeros"
    row_norm: float | None = 1.0
    total_steps: int | None = None
    stepsizes_given: bool = False
    updates_per_epoch: int = 1
    seed: int | None = None

    @property
    def confirmed(self) -> Outcome | None:
        """The `Outcome` of the recommended stepsize on all rows; None if none is recommended."""
        return next((o for o in self.confirmations if o.stepsize == self.recommended), None)

    @property
    def samples_are_whole(self) -> bool:
        """Whether the stages ran on all rows, because a sample would have them all."""
        return not self.is_trained and self.n_rows_sampled == self.rows

    @property
    def is_trained(self) -> bool:
        """Whether the runs were those of a training loop, `train`."""
        return self.seed is not None

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of all runs that have begun, as a list."""
        found = [outcome for stage in self.stages for outcome in stage.outcomes]
        found += self.confirmations
        if self.comparison is not None:
            found += self.comparison.conservative.samples + self.comparison.recommended.samples
        return [outcome for outcome in found if outcome.has_begun]

    @property
    def is_infinite(self) -> bool:
        """Whether none is recommended because what is held out is infinite with all that held."""
        passed = {stage.stepsize for stage in self.stages if stage.passed or not self.is_trained}
        held = any(o.held and o.stepsize in passed for o in self.confirmations)
        return held and self.recommended is None and self.goal in HELD_OUT_GOALS

    @property
    def losses_to_tell(self) -> int:
        """The losses that it takes to call a larger stepsize of a training loop stable."""
        return MIN_QUIET_STEPS * self.updates_per_epoch

    @property
    def parts(self) -> tuple[str, str]:
        """What stages and confirmations ran on: ``("sample", "all rows")`` or the like of seeds."""
        nouns = nouns_of(self)
        return nouns.sample, nouns.whole

    def _report(self):
        return report(self)

    def _page(self, say):
        from lsgd_fast._pages.trial_page import trial_page  # few need it, and plots with it

        return trial_page(self, say)

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self):
        return report_html(self)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Plot what the goal is judged by, by stepsize; see `lsgd_fast.plot.trial`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw on; a new figure by default.
        **options
            Further arguments of `lsgd_fast.plot.trial`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the plot.
        """
        from lsgd_fast import plot

        return plot.trial(self, ax=ax, **options)

    def __repr__(self) -> str:
        held = sum(outcome.held for outcome in self.confirmations)
        return (
            f"Trial(recommended={self.recommended}, conservative={self.conservative}, "
            f"{len(self.stages)} stages, {held} of {len(self.confirmations)} held on "
            f"{self.parts[1]})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as plain values, which JSON can hold.

        Returns
        -------
        dict
            Dicts, lists, numbers and strings, and None for infinity and NaN.
        """
        return to_json_values(asdict(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the trial that `to_dict` has made these values of.

        Losses that are None there are infinite here, but for held-out losses of a training loop
        that are not the goal: these stay None. Values of `dataclasses.asdict` make the very same
        trial, also after ``json.dumps`` and ``json.loads``.

        Parameters
        ----------
        values : dict
            The values.

        Returns
        -------
        Trial
            The trial.
        """
        trained_for = None if values.get("seed") is None else values["goal"]

        def outcomes(found):
            return tuple(Outcome.from_dict(outcome, trained_for) for outcome in found)

        def compared(run):
            (full,) = outcomes([run["full"]])
            return ComparedRun(**run | {"samples": outcomes(run["samples"]), "full": full})

        comparison = values["comparison"]
        if comparison is not None:
            comparison = Comparison(**{name: compared(run) for name, run in comparison.items()})
        stages = tuple(
            Stage(**stage | {"outcomes": outcomes(stage["outcomes"])}) for stage in values["stages"]
        )
        confirmations = outcomes(values["confirmations"])
        new = {"stages": stages, "comparison": comparison, "confirmations": confirmations}
        return cls(**values | new)
