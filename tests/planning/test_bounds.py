"""The bounds in a plan are those of theory, in the units of X, and nothing is guessed."""

import math
import re

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Plan, theory
from lsgd_fast._planning.bounds import bounds
from support.plans import RADIUS, toy_plan


def test_bounds_of_a_given_run(no_measuring):
    plan = toy_plan(stepsize=32.0, n_steps=10**6, target_loss=1e-4, margin=0.2, n_threads=1)
    b, run = plan.bounds, {"margin": 0.2, "stepsize": 32.0, "radius": RADIUS}
    assert (plan.n, plan.d, plan.dtype, plan.n_threads) == (4, 2, np.float64, 1)
    assert (plan.stepsize, plan.n_steps, b.target_loss, b.margin) == (32.0, 10**6, 1e-4, 0.2)
    assert b.radius == pytest.approx(RADIUS)
    assert b.monotone_stepsize == pytest.approx(8 / 4.04)
    assert b.transition_steps == math.floor(theory.transition_steps(4, **run))
    assert b.mean_loss == pytest.approx(theory.mean_loss(10**6, **run))
    assert b.last_loss == pytest.approx(theory.last_loss(10**6, 4, **run))
    assert b.target_steps == theory.steps_for_loss(1e-4, 4, **run)
    assert b.corollary2_min_steps == math.ceil(120 * 4 * 4.04 / 0.04)
    assert b.corollary2_stepsize == pytest.approx(0.04 * 10**6 / 120 / 4.04**2)
    assert b.corollary2_loss == pytest.approx(
        theory.corollary2_loss(10**6, 4, margin=0.2, radius=RADIUS)
    )
    halved = run | {"margin": 0.1}
    assert b.required_width == pytest.approx(theory.network_width(10**6, 4, **halved))
    assert b.unknown == {}


def test_bounds_in_the_units_of_x():
    """The same data times ten: the stepsize a hundredth, all losses and step counts the same."""
    X, y = lsgd.datasets.toy()
    plans = [
        lsgd.plan(c * X, y, stepsize=32.0 / c**2, n_steps=10**6, target_loss=1e-5, margin=0.2 * c)
        for c in (1.0, 10.0)
    ]
    one, ten = (vars(plan.bounds).copy() for plan in plans)
    for name, power in (("radius", 1), ("margin", 1), ("stepsize", -2), ("monotone_stepsize", -2),
                        ("corollary2_stepsize", -2)):  # fmt: skip
        assert ten.pop(name) == pytest.approx(10.0**power * one.pop(name), rel=1e-12)
    assert one.pop("unknown") == ten.pop("unknown") == {}
    assert one.pop("loss") == ten.pop("loss") == "logistic"
    assert None not in one.values()
    assert ten == pytest.approx(one, rel=1e-6)


def test_stepsize_of_corollary_2_by_default(no_measuring):
    plan = toy_plan(n_steps=10**6, margin=0.2)
    assert plan.stepsize == plan.bounds.corollary2_stepsize is not None
    assert plan.bounds.transition_steps <= 10**6 / 2
    assert plan.bounds.last_loss <= plan.bounds.corollary2_loss < 1
    assert plan.bounds.unknown.keys() == {"target_loss", "target_steps"}


def test_steps_for_a_target(no_measuring):
    small = toy_plan(target_loss=1e-3, stepsize=1.0, margin=0.2)
    assert small.n_steps == small.bounds.target_steps
    assert small.bounds.last_loss <= 1e-3
    chosen = toy_plan(target_loss=1e-3, margin=0.2)
    assert chosen.stepsize == chosen.bounds.corollary2_stepsize
    assert chosen.bounds.corollary2_loss <= 1e-3
    assert chosen.bounds.target_steps <= chosen.n_steps
    assert chosen.seconds == 0.5 + 2.0 * chosen.n_steps
    beyond = toy_plan(target_loss=1e-300, stepsize=1.0, margin=0.2)
    assert beyond.n_steps is beyond.seconds is beyond.peak_bytes is None


def test_a_small_budget_has_no_stepsize(no_measuring):
    """Corollary 2 needs 48480 steps here."""
    plan = toy_plan(n_steps=48_479, margin=0.2)
    assert plan.stepsize is plan.bounds.corollary2_loss is None
    assert "Corollary 2 needs at least 48,480 steps" in plan.bounds.unknown["stepsize"]
    assert "Corollary 2 needs at least 48,480 steps" in plan.bounds.unknown["corollary2_stepsize"]
    assert plan.bounds.unknown["mean_loss"] == "pass stepsize="
    assert toy_plan(n_steps=48_480, margin=0.2).stepsize is not None


def test_nothing_is_guessed(no_measuring):
    plan = toy_plan(stepsize=32.0)
    b = plan.bounds
    assert b.margin is b.transition_steps is b.mean_loss is b.last_loss is b.required_width is None
    assert plan.n_steps is plan.seconds is plan.peak_bytes is plan.n_recorded is None
    assert b.unknown.keys() == {name for name, value in vars(b).items() if value is None}
    assert b.unknown["margin"] == b.unknown["transition_steps"] == "pass margin="
    assert toy_plan().bounds.unknown["stepsize"] == "pass stepsize="
    assert toy_plan(margin=0.2, stepsize=1.0).bounds.unknown["last_loss"] == "pass n_steps="
    bare = Plan.for_shape(4, 2, margin=0.2)
    assert bare.bounds.unknown["monotone_stepsize"] == "pass radius="
    assert bare.bounds.unknown["corollary2_min_steps"] == "pass radius="


def test_where_bounds_say_nothing(no_measuring):
    early = toy_plan(stepsize=32.0, n_steps=1000, margin=0.2).bounds
    assert early.last_loss is None and early.mean_loss is not None
    assert early.unknown["last_loss"].startswith("the unstable phase may last 783,436 steps")
    none = toy_plan(stepsize=1.0, n_steps=0, margin=0.2).bounds
    assert none.mean_loss is none.last_loss is None
    assert none.unknown["mean_loss"] == "n_steps is too small for this bound"
    tiny = toy_plan(stepsize=1.0, n_steps=10, margin=1e-200).bounds
    assert tiny.unknown["required_width"] == "the bound is too large to represent"
    assert tiny.unknown["transition_steps"] == "the bound is too large to represent"


def test_zeros_have_no_bounds():
    plan = lsgd.plan(np.zeros((4, 2)), [0, 1, 0, 1], margin=0.1, stepsize=1.0, n_steps=10)
    assert plan.bounds.unknown["mean_loss"] == "X is zero everywhere"
    assert plan.bounds.radius == 0.0 and plan.step_seconds > 0.0
    assert "unknown: X is zero everywhere" in str(plan)


def test_budgets_and_stepsizes_of_exactly_the_limit():
    """In exact arithmetic 120 n / margin^2 is whole, and so is 60 eta / margin^2."""
    for margin in (0.1, 0.2, 0.3, 0.05, 0.01, 0.15):
        for n in range(3, 40):
            least = round(120 * n / margin**2)
            if math.isclose(least, 120 * n / margin**2, rel_tol=1e-12):
                b = bounds(n, radius=1.0, margin=margin, n_steps=least, stepsize=64.0)
                assert b.corollary2_min_steps == least and b.corollary2_loss is not None
                assert b.transition_steps == math.floor(60 * 64 / margin**2 * (1.0 + 1e-12))


SIZES = [5e-324, 1e-300, 1e-10, 0.1, 1.0, 1e100, 1e300, 1.7976931348623157e308]
CHOICES = {
    "radius": SIZES, "margin": SIZES, "stepsize": [None, *SIZES], "target_loss": [None, *SIZES],
    "n_steps": [None, 0, 1, 2**62, np.int64(2**63 - 1)], "width": [None, 1, 2**62, np.int8(3)],
    "record_every": [1, 2**62],
}  # fmt: skip


@pytest.mark.filterwarnings("error")
def test_any_arguments_give_a_plan_or_an_error_that_names_one(no_measuring):
    rng, n_found = np.random.default_rng(0), 0
    for _ in range(60):
        arguments = {name: values[rng.integers(len(values))] for name, values in CHOICES.items()}
        arguments["margin"] = min(arguments["margin"], arguments["radius"])
        if rng.random() < 0.5:
            arguments["radius"] = np.float64(arguments["radius"])
        try:
            plan = Plan.for_shape(4, 2, **arguments)
        except ValueError as error:
            assert re.match("(stepsize|the stepsize) .*radius", str(error)), arguments
        else:
            n_found += 1
            assert "nan" not in plan.report()
    assert n_found > 15
