"""Checked scalars are plain numbers of Python."""

from fractions import Fraction

import numpy as np
import pytest

from lsgd_fast import _checks as checks
from lsgd_fast import losses, stepsizes


def test_scalars_become_plain_python():
    assert type(checks.check_count("k", np.int8(3), 0)) is int
    assert type(checks.check_real("k", np.float32(3))) is float
    assert checks.check_real("k", Fraction(1, 4)) == 0.25
    assert checks.check_real("k", 5e-324) == 5e-324
    assert checks.check_n_threads(None) is None
    assert checks.check_callback(print, None) == (print, 1)
    assert stepsizes.resolve(np.float32(8)) == stepsizes.Constant(8.0)
    assert type(stepsizes.resolve(np.int64(8)).eta) is float
    rule = stepsizes.Constant(3)
    assert stepsizes.resolve(rule) is rule
    loss = losses.Logistic()
    assert losses.resolve(loss) is loss and losses.resolve("logistic") == loss


def test_minus_zero_becomes_zero():
    assert str(checks.check_real("k", -0.0, zero_allowed=True)) == "0.0"


def test_a_time_is_no_number():
    with pytest.raises(TypeError, match="k must be a real number"):
        checks.check_real("k", np.timedelta64(2))


class Unreadable:
    def __repr__(self):
        raise RuntimeError


def test_every_value_can_be_shown():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert checks.shown(10**5000) == "an integer of 16610 bits"
    assert checks.shown(-(10**20)) == "-100000000000000000000"
    assert checks.shown("a") == "'a'" and checks.shown(np.float64(2.0)) == repr(np.float64(2.0))
    for value in (deep, [0] * 10**6, "a" * 10**6, Unreadable(), np.zeros(10**6)):
        assert len(checks.shown(value)) < 200


def test_rules_and_losses_of_derived_classes_are_refused():
    class Rule(stepsizes.Constant):
        pass

    class Loss(losses.Logistic):
        pass

    with pytest.raises(TypeError, match="stepsize must be a number or a rule"):
        stepsizes.resolve(Rule(1.0))
    with pytest.raises(TypeError, match="loss must be a name or an object"):
        losses.resolve(Loss())


def test_stepsizes_are_kept_as_passed_but_for_other_kinds_of_numbers():
    rule = stepsizes.Constant(2.0)
    for stepsize in (2, 2.0, rule):
        assert stepsizes.as_passed(stepsize) is stepsize
    for stepsize in (Fraction(2), np.float32(2.0), np.int8(2)):
        assert type(stepsizes.as_passed(stepsize)) is float
