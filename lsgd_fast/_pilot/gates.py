"""The three gates of a pilot. Their rules are sentences of `_pages`, and stated before any run.

Each function returns a `Gate`. What is held out is compared up to a *spread*: two standard errors
of a mean of differences, between runs on the same samples or on the same rows. What all rows say is
compared up to a least gain.
"""

import math

import numpy as np

from lsgd_fast._constants import EPSILON
from lsgd_fast._pilot.held_out import mean_and_error
from lsgd_fast._pilot.report import goal_key
from lsgd_fast._pilot.result import Decision, Difference, Gate
from lsgd_fast._results.trial import HELD_OUT_GOALS
from lsgd_fast._results.verdict import MIN_QUIET_STEPS

__all__ = ["difference", "ended", "fits", "goal_value", "holds", "matched_steps", "worth"]

STANDARD_ERRORS = 2.0  # that make a spread
LEAST_GAIN = 0.01  # of a loss or a margin on all rows, relative, that counts
LEAST_RESOLUTION = 0.05  # of error rates and losses: so much worse might a run be that is as good
FASTER = 2.0  # times as few steps that are worth scaling, where both are as good in the end
MORE = 4  # times as much of what was not enough


def worth(trial):
    """Return the gate "worth", whether the trial recommends a larger stepsize."""
    best, first = trial.recommended, trial.conservative
    if trial.ended:
        return ended("worth")
    evidence = [("gate_tried", {
        "n_stages": len(trial.stages), "smallest": first, "largest": trial.stages[-1].stepsize,
        "n_steps": trial.n_steps,
    })]  # fmt: skip
    unsettled = _unsettled(trial)
    if best is None or best == first:
        key = "gate_none_held" if best is None else "gate_first_is_best"
        evidence.append((key, {"stepsize": first, "goal": goal_key(trial.goal)}))
        may_settle = trial.l2 == 0.0 and trial.separation in ("complete", "undecided")
        if unsettled and (may_settle or best is None or trial.n_steps < MIN_QUIET_STEPS):
            n_steps = max(MORE * trial.n_steps, MIN_QUIET_STEPS)
            more = ("gate_more_trial_steps", {"n_trial_steps": n_steps})
            return _gate("worth", Decision.more, evidence + unsettled, more)
        return _gate("worth", Decision.no_go, evidence + unsettled)
    fields = {"stepsize": best, "factor": best / first, "goal": goal_key(trial.goal)}
    evidence.append(("gate_larger_is_best", fields))
    found, decision = _on_samples(trial), Decision.go
    if found is not None and found["n_samples"] > 1:
        evidence.append(("gate_on_samples", found | {"goal": goal_key(trial.goal)}))
        decision = Decision.no_go if found["mean"] > found["spread"] else Decision.go
    return _gate("worth", decision, evidence + unsettled)


def _unsettled(trial):
    """Return the evidence that stepsizes had not settled, if there are such."""
    stages = [*trial.stages, *trial.confirmations]
    stepsizes = sorted({one.stepsize for one in stages if one.mark == "unsettled"})
    if not stepsizes:
        return []
    found = [("gate_unsettled", {"smallest": stepsizes[0], "largest": stepsizes[-1]})]
    if len(stepsizes) == 1:
        found = [("gate_one_unsettled", {"stepsize": stepsizes[0]})]
    if trial.n_steps < MIN_QUIET_STEPS:
        found.append(("gate_short_trial", {"least": MIN_QUIET_STEPS}))
    elif trial.l2 == 0.0:
        keys = {"complete": "gate_separable", "undecided": "gate_undecided"}
        found.append((keys.get(trial.separation, "gate_not_separable"), {}))
    return found


def _on_samples(trial):
    """Return how the two stepsizes differ on new samples, where the goal is held out there."""
    if trial.comparison is None or trial.goal not in HELD_OUT_GOALS:
        return None
    runs = (trial.comparison.conservative.samples, trial.comparison.recommended.samples)
    n = len(runs[0])
    values = ([getattr(outcome, trial.goal) for outcome in run] for run in runs)
    mean, error = mean_and_error(*map(np.array, values), np.full(n, 1.0 / n))
    return {"mean": mean, "spread": STANDARD_ERRORS * error, "n_samples": n}


def fits(plan, budget, memory, more_bytes):
    """Return the gate "fits", whether memory and time suffice for both runs.

    Parameters
    ----------
    plan : Plan
        Of the run of the recommended stepsize on all rows.
    budget : Budget
    memory : int
        The limit of memory in bytes, given or of the machine.
    more_bytes : int
        What a pilot holds besides a run.
    """
    run_bytes, network_bytes = plan.peak_bytes + more_bytes, plan.network_bytes or 0
    evidence, seconds = [("gate_memory", {"bytes": run_bytes, "limit": memory})], 2.0 * plan.seconds
    if not math.isnan(seconds):
        evidence.append(("gate_time", {"seconds": seconds, "step_seconds": plan.step_seconds}))
    if budget.seconds is not None:
        evidence.append(("gate_time_limit", {"limit": budget.seconds}))
    if plan.width is not None:
        fields = {"width": plan.width, "bytes": network_bytes}
        evidence.append(("gate_network", fields | {"times": float(plan.width)}))
        if plan.bounds.required_width is not None:
            fields = {"required": plan.bounds.required_width, "margin": plan.bounds.margin}
            evidence.append(("gate_network_theory", fields))
    if run_bytes + network_bytes > memory:
        needed = ("gate_more_memory", {"bytes": run_bytes + network_bytes})
        return _gate("fits", Decision.no_go, evidence, needed)
    if math.isnan(seconds):
        return _gate("fits", Decision.more, evidence, ("gate_scale_down", {}))
    if budget.seconds is not None and seconds > budget.seconds:
        left = budget.seconds - 2.0 * plan.set_up_seconds
        n_steps = int(left / (2.0 * plan.step_seconds))
        needed = ("gate_more_time", {"seconds": seconds})
        if n_steps > 0:
            needed = ("gate_fewer_steps", {"seconds": seconds, "n_steps": n_steps})
        return _gate("fits", Decision.no_go, evidence, needed)
    return _gate("fits", Decision.go, evidence)


def holds(goal, conservative, recommended, found, n_steps, unstable_steps):
    """Return the gate "holds", whether the large stepsize holds on all rows and is better there.

    Parameters
    ----------
    goal : str
    conservative, recommended : PilotRun
    found : Difference
    n_steps : int
        That were asked for.
    unstable_steps : int
        With which the run of the recommended stepsize was to be given up.
    """
    outcome = recommended.outcome
    evidence = [_ending(recommended), _compared(goal, conservative, recommended, found)]
    old, new = conservative.matched_at, recommended.matched_at
    if new is None:
        evidence.append(("gate_not_matched", {}))
    elif old is None:
        evidence.append(("gate_only_it", {"recommended": new}))
    else:
        evidence.append(("gate_sooner", {"recommended": new, "conservative": old}))
    if outcome.mark == "failed":
        return _gate("holds", Decision.no_go, evidence)
    if outcome.mark == "unsettled":
        needed = ("gate_more_steps", {"n_steps": MORE * n_steps})
        if outcome.stop_reason == "unstable_steps":
            needed = ("gate_more_patience", {"unstable_steps": MORE * unstable_steps})
        return _gate("holds", Decision.more, evidence, needed)
    is_sooner = new is not None and (old is None or old >= FASTER * max(1, new))
    if found.is_worse or not (found.is_better or is_sooner):
        return _gate("holds", Decision.no_go, evidence)
    if goal in HELD_OUT_GOALS and not found.is_better:
        most = found.mean + found.spread
        if most > LEAST_RESOLUTION:
            needed = ("gate_more_test_rows", {"most": most, "limit": LEAST_RESOLUTION})
            return _gate("holds", Decision.more, evidence, needed)
    return _gate("holds", Decision.go, evidence)


def _ending(run):
    """Return how a run ended, as evidence."""
    outcome = run.outcome
    fields = {"n_steps": outcome.n_steps, "n_increases": outcome.n_increases}
    fields |= {"last": run.last_increase, "step": outcome.separated_at}
    if outcome.ending == "stable" and outcome.n_increases == 0:
        return "gate_ended_calm", fields
    return f"gate_ended_{outcome.ending}", fields


def _compared(goal, conservative, recommended, found):
    new, old = (goal_value(run.outcome, goal) for run in (recommended, conservative))
    fields = {"n_rows": found.n_rows, "recommended": new, "conservative": old}
    if goal in HELD_OUT_GOALS:
        fields |= {"mean": found.mean, "spread": found.spread}
    if None in (new, old):
        return "gate_compared_targets", fields | {
            "recommended": "gate_target" if new is not None else "gate_no_target",
            "conservative": "gate_target" if old is not None else "gate_no_target",
        }
    if goal == "loss" and conservative.outcome.objective != conservative.outcome.loss:
        return "gate_compared_objective", fields
    return f"gate_compared_{goal}", fields


def goal_value(outcome, goal):
    """Return the number that a goal is about, of an `Outcome`; None if it has none."""
    name = {"loss": "objective", "steps": "reached_at"}.get(goal, goal)
    return getattr(outcome, name)


def difference(goal, outcomes, held_out, measured, n_rows):
    """Return the `Difference` of two outcomes by a goal.

    Parameters
    ----------
    goal : str
    outcomes : pair of Outcome
        That of the conservative run first.
    held_out : HeldOut
    measured : pair of Measured
        What the test rows say of both.
    n_rows : int
        The rows that both have learnt from.
    """
    if goal in HELD_OUT_GOALS:
        if goal == "held_out_loss":
            mean, error = held_out.compare(*(one.losses for one in measured))
        else:
            mean, error = held_out.compare_errors(*(one.errors for one in measured))
        return Difference(mean=mean, spread=STANDARD_ERRORS * error, n_rows=len(held_out.rows))
    old, new = (one.value(goal)[0] for one in outcomes)  # as in a trial: of a loss the logarithm
    mean = 0.0 if new == old else new - old
    if goal != "loss" and math.isfinite(mean) and old != 0.0:
        mean /= abs(old)
    return Difference(mean=float(mean), spread=LEAST_GAIN, n_rows=n_rows)


def matched_steps(goal, curves, spread, reached):
    """Return for each run the first of its points from which on all are as good as the first ends.

    Parameters
    ----------
    goal : str
    curves : pair of sequences of Point
        That of the conservative run first.
    spread : float
        That counts as equal, as in a `Difference`.
    reached : pair of int or None
        The steps to a target, for the goal "steps".

    Returns
    -------
    tuple of int or None
        Steps; None for a run that does not end as good.
    """
    if goal == "steps":
        return tuple(reached)
    columns = [[_key(point, goal) for point in curve] for curve in curves]
    target = columns[0][-1]
    if math.isfinite(target):
        target += spread if goal in HELD_OUT_GOALS else spread * abs(target)
    return tuple(
        _from_when(column, curve, target) for column, curve in zip(columns, curves, strict=True)
    )


def _key(point, goal):
    """Return the number of a point that is small where it is good."""
    if goal == "margin":
        return math.inf if point.margin is None else -point.margin
    if goal == "loss":  # those that are smaller count as equal in a trial, too
        return max(point.loss, EPSILON)
    return getattr(point, goal)


def _from_when(column, curve, target):
    beyond = [i for i, value in enumerate(column) if not value <= target]
    first = beyond[-1] + 1 if beyond else 0
    return curve[first].step if first < len(curve) else None


def ended(name):
    """Return the gate at which the callback has ended the pilot."""
    return _gate(name, Decision.more, (), ("gate_resume", {}))


def _gate(name, decision, evidence, needed=None):
    return Gate(name=name, decision=decision, evidence=tuple(evidence), needed=needed)
