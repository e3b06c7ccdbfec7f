"""The result of a pilot: its decision, the gates it was made by, and the runs on all rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from lsgd_fast._pages.page import Reported
from lsgd_fast._pilot.report import goal_key, report
from lsgd_fast._planning.plan import Plan
from lsgd_fast._results.run import Run
from lsgd_fast._results.trial import Outcome, Trial
from lsgd_fast._text import to_json_values
from lsgd_fast._typing import Fact, Goal

__all__ = ["Decision", "Difference", "Gate", "Pilot", "PilotRun", "Point"]


class Decision(StrEnum):
    """What a gate, or a pilot, decides. A member is also the string of its value.

    Attributes
    ----------
    go
        Scale up.
    no_go
        Do not: the large stepsize does no better, or does not fit.
    more
        There is not enough evidence yet; the gate says what would be needed.
    """

    go = "go"
    no_go = "no-go"
    more = "not enough evidence"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One of the three questions of a pilot.

    Attributes
    ----------
    name : str
        "worth" (is it worth scaling up?), "fits" (do memory and time suffice?) or "holds" (does it
        hold on all rows?). Each has a rule, which is stated before anything is run.
    decision : Decision or None
        None if an earlier gate was not passed.
    evidence : tuple of (str, dict)
        What the decision rests on: keys of sentences, each with the fields in it.
    needed : (str, dict) or None
        What would be needed to decide, where there is not enough evidence, or to pass.
    """

    name: Literal["worth", "fits", "holds"]
    decision: Decision | None
    evidence: tuple[Fact, ...] = ()
    needed: Fact | None = None

    @property
    def decision_key(self) -> str:
        """The key of the words for the decision."""
        return f"decision_{'none' if self.decision is None else self.decision.name}"


@dataclass(frozen=True, kw_only=True)
class Point:
    """A run at one of its steps.

    Attributes
    ----------
    step : int
        The number of steps taken.
    loss : float
        The loss on the rows that the run learns from; with a penalty the objective.
    ln_loss : float
        The logarithm of the loss, without the penalty.
    margin : float or None
        As in `Outcome`.
    held_out_loss, held_out_error : float
        The loss and the error rate on the test rows.
    """

    step: int
    loss: float
    ln_loss: float
    margin: float | None
    held_out_loss: float
    held_out_error: float


@dataclass(frozen=True, kw_only=True)
class PilotRun:
    """The run of one stepsize on all rows but the test rows.

    Attributes
    ----------
    outcome : Outcome
        How it ended; what is held out are the test rows.
    curve : tuple of Point
        The run at some of its steps, ten for each power of ten, and the last.
    largest_increase : float
        The largest ratio of the losses after and before an increase; 1.0 without any.
    last_increase : int or None
        The step of the last increase of the loss; None without any.
    matched_at : int or None
        The first of the steps of `curve` from which on all are as good as the last one of the
        conservative run, or better, by the goal and up to the spread. For the goal "steps" the step
        at which the run reached its target. None if it does not get there.
    seconds : float
        The time of its steps.
    """

    outcome: Outcome
    curve: tuple[Point, ...]
    largest_increase: float
    last_increase: int | None
    matched_at: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The goal of the recommended run minus that of the conservative one, on the same rows.

    Attributes
    ----------
    mean : float
        Negative where the recommended run is better. Of a loss on all rows it is the difference of
        the logarithms; of a margin, with its sign reversed, and of steps it is relative.
    spread : float
        What counts as equal: two standard errors of the mean over the test rows, or 0.01 for what
        all rows say.
    n_rows : int
        The number of test rows, or of rows.
    """

    mean: float
    spread: float
    n_rows: int

    @property
    def is_better(self) -> bool:
        """Whether the recommended run is better by more than the spread."""
        return self.mean < -self.spread

    @property
    def is_worse(self) -> bool:
        """Whether the recommended run is worse by more than the spread."""
        return self.mean > self.spread


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pilot(Reported):
    """The result of `pilot`. `print` it to read the report.

    Attributes
    ----------
    decision : Decision
        The decision of the first gate that is not passed, or "go".
    gates : tuple of Gate
        The three gates.
    goal : str
        What the two stepsizes are compared by.
    trial : Trial
        The staged trial on `n_trial_rows` of the rows.
    plan : Plan or None
        What the run on all rows takes; None if the first gate was not passed.
    conservative, recommended : PilotRun or None
        The runs on all rows but the test rows; None if they were not made.
    difference : Difference or None
        How they compare by the goal.
    run : Run or None
        The run of the recommended stepsize, with its weights.
    n_rows, n_test_rows, n_trial_rows : int
        The rows of positive weight; those of them that neither run saw; those that the trial saw.
    n_steps : int
        Number of steps of the runs on all rows, unless they end early.
    passes : float
        What the pilot took, in passes over all rows.
    seconds : float
        The time of all parts and of the steps of both runs, also of those in an earlier call.
    ended : bool
        Whether the callback ended it.
    call : dict
        The arguments that repeat the pilot, as plain values.
    """

    decision: Decision
    gates: tuple[Gate, ...]
    goal: Goal
    trial: Trial
    plan: Plan | None
    conservative: PilotRun | None
    recommended: PilotRun | None
    difference: Difference | None
    run: Run | None
    n_rows: int
    n_test_rows: int
    n_trial_rows: int
    n_steps: int
    passes: float
    seconds: float
    ended: bool
    call: dict[str, Any]

    @property
    def answer(self) -> tuple[Fact, ...]:
        """The answer: keys of sentences, each with the fields in it."""
        first, best = self.trial.conservative, self.trial.recommended
        fields = {"conservative": first, "stepsize": best, "goal": goal_key(self.goal)}
        if self.decision is Decision.go:
            return (("answer_go", fields | {"factor": best / first}),)
        if self.decision is Decision.more:
            return (("answer_more", {}),)
        key, runs = self._why_not(), [o for o in self.trial.confirmations if o.stepsize == first]
        runs += [self.conservative.outcome] if self.conservative is not None else []
        stay = [("answer_stay", fields)] if runs and all(one.held for one in runs) else []
        return ((key, fields), *stay)

    def _why_not(self):
        """Return the key of the sentence why it is a no-go."""
        gate = next(gate.name for gate in self.gates if gate.decision is Decision.no_go)
        if gate == "fits":
            return "answer_no_fit"
        if gate == "holds":
            failed = self.recommended.outcome.mark == "failed"
            return "answer_failed" if failed else "answer_no_better"
        if self.trial.recommended is None:
            return "answer_none_held"
        is_first = self.trial.recommended == self.trial.conservative
        return "answer_none_larger" if is_first else "answer_contradicted"

    @property
    def saving(self) -> dict[str, int | float] | None:
        """What the recommended run saves until it is as good as the other one ends, or None.

        A dict: "passes" and "seconds" are saved, of "all" and "whole_seconds".
        """
        runs = (self.conservative, self.recommended)
        if None in runs or None in (runs[0].matched_at, runs[1].matched_at):
            return None
        old, new = (run.matched_at for run in runs)
        if new >= old:
            return None
        seconds = [run.matched_at * run.seconds / max(1, run.outcome.n_steps) for run in runs]
        saved = max(0.0, seconds[0] - seconds[1])
        return {"passes": old - new, "all": old, "seconds": saved, "whole_seconds": seconds[0]}

    def _report(self):
        return report(self)

    def _page(self, say):
        from lsgd_fast._pilot.page import pilot_page  # few need it, and plots with it

        return pilot_page(self, say)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"Pilot(decision={str(self.decision)!r}, {self.n_rows} rows, goal={self.goal!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return the pilot as plain values, which JSON can hold; the weights are left out.

        Returns
        -------
        dict
            Dicts, lists, numbers and strings, and None for infinity and NaN.
        """
        names = ("decision", "goal", "n_rows", "n_test_rows", "n_trial_rows", "n_steps")
        names += ("passes", "seconds", "ended", "call")
        found = {name: getattr(self, name) for name in names} | {"decision": str(self.decision)}
        found |= {"answer": self.answer, "saving": self.saving}
        for name in ("conservative", "recommended", "difference"):
            value = getattr(self, name)
            found[name] = None if value is None else asdict(value)
        found["gates"] = [asdict(gate) for gate in self.gates]
        for gate in found["gates"]:
            gate["decision"] = None if gate["decision"] is None else str(gate["decision"])
        found["trial"] = self.trial.to_dict()
        found["plan"] = None if self.plan is None else self.plan.to_dict()
        return to_json_values(found)
