"""The gates of a pilot: each rule on made-up evidence."""

import math
from dataclasses import replace

import pytest

import lsgd_fast as lsgd
from lsgd_fast._pilot import gates
from lsgd_fast._pilot.options import Budget
from lsgd_fast._pilot.result import Difference, PilotRun, Point
from support.pilots import DIGITS, QUICK


@pytest.fixture(scope="module")
def found():
    return lsgd.pilot(*DIGITS, goal="held_out_loss", **QUICK | {"n_steps": 1000})


def outcome(found, **changes):
    return replace(found.recommended.outcome, **changes)


def made_up(found, matched_at, **changes):
    return PilotRun(
        outcome=outcome(found, **changes), curve=(), largest_increase=1.0, last_increase=None,
        matched_at=matched_at, seconds=1.0,
    )  # fmt: skip


HELD = {"ending": "stable", "held": True, "verdict": "stable"}


@pytest.mark.parametrize(("mean", "matched", "decision"), [
    (-0.03, (1000, 900), "go"),  # better
    (0.0, (1000, 500), "go"),  # as good, sooner
    (0.0, (1000, 501), "no-go"),  # as good, hardly sooner
    (0.01, (1000, 10), "go"),  # within the spread, sooner
    (0.03, (1000, 10), "no-go"),  # worse
    (0.0, (1000, None), "no-go"),  # never as good
    (math.inf, (1000, None), "no-go"),
    (0.0, (None, 10), "go"),  # only it got as far
])  # fmt: skip
def test_a_run_that_held_is_compared(found, mean, matched, decision):
    difference = Difference(mean=mean, spread=0.02, n_rows=50)
    pair = [made_up(found, one, **HELD) for one in matched]
    gate = gates.holds("held_out_loss", *pair, difference, 1000, 400)
    assert gate.decision == decision


@pytest.mark.parametrize(("ending", "reason", "decision", "needed"), [
    ("cycling", "cycling", "no-go", None),
    ("diverged", "diverged", "no-go", None),
    ("unstable", "n_steps", "not enough evidence", "gate_more_steps"),
    ("undecided", "n_steps", "not enough evidence", "gate_more_steps"),
    ("unstable", "unstable_steps", "not enough evidence", "gate_more_patience"),
])  # fmt: skip
def test_a_run_that_did_not_hold_is_no_go(found, ending, reason, decision, needed):
    difference = Difference(mean=-1.0, spread=0.0, n_rows=50)
    large = made_up(found, 1, ending=ending, held=False, stop_reason=reason)
    small = made_up(found, 1000, **HELD)
    gate = gates.holds("held_out_loss", small, large, difference, 1000, 400)
    assert gate.decision == decision
    assert (None if gate.needed is None else gate.needed[0]) == needed


def test_too_few_test_rows_say_nothing(found):
    pair = [made_up(found, one, **HELD) for one in (1000, 10)]
    for spread, decision in ((0.04, "go"), (0.06, "not enough evidence")):
        difference = Difference(mean=0.0, spread=spread, n_rows=4)
        gate = gates.holds("held_out_error", *pair, difference, 1000, 400)
        assert gate.decision == decision
        assert gates.holds("loss", *pair, difference, 1000, 400).decision == "go"
    assert gate.needed[0] == "gate_more_test_rows" and gate.needed[1]["most"] == 0.06


def test_losses_that_overflow_on_new_samples_are_worse(found):
    trial = found.trial
    samples = [replace(o, held_out_loss=math.inf) for o in trial.comparison.recommended.samples]
    worse = replace(trial.comparison.recommended, samples=tuple(samples))
    contradicted = replace(trial, comparison=replace(trial.comparison, recommended=worse))
    assert gates.worth(contradicted).decision == "no-go"


def test_the_trial_decides_the_first_gate(found):
    trial = found.trial
    assert gates.worth(trial).decision == "go"
    samples = [replace(o, held_out_loss=9.0) for o in trial.comparison.recommended.samples]
    worse = replace(trial.comparison.recommended, samples=tuple(samples))
    contradicted = replace(trial, comparison=replace(trial.comparison, recommended=worse))
    assert gates.worth(contradicted).decision == "no-go"
    small = replace(trial, recommended=trial.conservative, comparison=None)
    assert gates.worth(small).decision == "no-go"
    none = replace(trial, recommended=None, comparison=None)
    assert gates.worth(none).decision == "no-go"
    assert gates.worth(replace(trial, ended=True)).needed[0] == "gate_resume"


@pytest.mark.parametrize(("separation", "l2", "decision"), [
    ("complete", 0.0, "not enough evidence"), ("undecided", 0.0, "not enough evidence"),
    ("none", 0.0, "no-go"), ("quasi-complete", 0.0, "no-go"), ("undecided", 0.1, "no-go"),
])  # fmt: skip
def test_unsettled_stepsizes_leave_it_open_where_they_may_settle(found, separation, l2, decision):
    stage = found.trial.stages[-1]
    moving = tuple(replace(o, ending="unstable", held=False) for o in stage.outcomes)
    stages = (*found.trial.stages[:-1], replace(stage, outcomes=moving, passed=False))
    trial = replace(
        found.trial, recommended=found.trial.conservative, comparison=None, stages=stages,
        separation=separation, l2=l2, n_steps=1000,
    )  # fmt: skip
    assert gates.worth(trial).decision == decision
    short = gates.worth(replace(trial, n_steps=999))  # nothing is called stable so soon
    assert short.decision == "not enough evidence"
    assert short.needed == ("gate_more_trial_steps", {"n_trial_steps": 3996})


def test_memory_and_seconds_have_limits(found):
    plan = found.plan
    need = plan.peak_bytes + 100
    for memory, decision in ((need, "go"), (need - 1, "no-go")):
        assert gates.fits(plan, Budget(), memory, 100).decision == decision
    for seconds, decision in ((2.1 * plan.seconds, "go"), (1.9 * plan.seconds, "no-go")):
        gate = gates.fits(plan, Budget(seconds=seconds), 2**40, 0)
        assert gate.decision == decision
    assert 0 < gate.needed[1]["n_steps"] < plan.n_steps
    unknown = replace(plan, step_seconds=math.nan)
    assert gates.fits(unknown, Budget(), 2**40, 0).decision == "not enough evidence"


def point(step, **values):
    plain = {"loss": 1.0, "ln_loss": 0.0, "margin": None, "held_out_loss": 1.0}
    return Point(step=step, **plain | {"held_out_error": 0.5} | values)


def test_matched_from_the_step_after_which_it_stays_as_good():
    small = [point(0, loss=1.0), point(10, loss=0.5), point(100, loss=0.2)]
    large = [point(0, loss=1.0), point(10, loss=0.1), point(20, loss=3.0), point(100, loss=0.1)]
    assert gates.matched_steps("loss", (small, large), 0.0, ()) == (100, 100)
    assert gates.matched_steps("loss", (small, large[:2]), 0.0, ()) == (100, 10)
    assert gates.matched_steps("held_out_loss", (small, large), 0.0, ()) == (0, 0)
    assert gates.matched_steps("loss", (small, large[:3]), 0.0, ()) == (100, None)
    assert gates.matched_steps("loss", (small, large), 2.0, ()) == (10, 100)
    assert gates.matched_steps("margin", (small, large), 0.0, ()) == (0, 0)
    assert gates.matched_steps("steps", (), 0.0, (7, None)) == (7, None)
    nan = [point(0, loss=math.nan)]
    assert gates.matched_steps("loss", (small, nan), 0.0, ())[1] is None


def test_losses_below_rounding_count_as_equal():
    small, large = [point(5, loss=1e-30)], [point(5, loss=1e-20)]
    assert gates.matched_steps("loss", (small, large), 0.0, ()) == (5, 5)
