"""The result of a pilot."""

import json

import pytest

import lsgd_fast as lsgd
from lsgd_fast._pilot.result import Decision, Difference
from support.pilots import DIGITS, QUICK


@pytest.fixture(scope="module")
def found():
    return lsgd.pilot(*DIGITS, goal="loss", **QUICK)


def test_it_prints_its_report(found):
    assert str(found) == found.report() and found.report().startswith("Go: scale up")
    assert repr(found) == "Pilot(decision='go', 352 rows, goal='loss')"


def test_its_json_has_every_number(found):
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["decision"] == "go"
    assert values["recommended"]["outcome"]["loss"] == found.recommended.outcome.loss
    assert values["trial"] == json.loads(json.dumps(found.trial.to_dict()))
    assert lsgd.Plan.from_dict(found.plan.to_dict()) == found.plan
    assert values["gates"][0]["decision"] == "go"
    assert values["gates"][0]["evidence"][0][0] == "gate_tried"


def test_a_decision_is_a_string():
    assert Decision.no_go == "no-go" and str(Decision.more) == "not enough evidence"


def test_a_difference_counts_beyond_its_spread():
    for mean, better, worse in ((-0.3, True, False), (-0.2, False, False), (0.3, False, True)):
        one = Difference(mean=mean, spread=0.2, n_rows=10)
        assert (one.is_better, one.is_worse) == (better, worse)
