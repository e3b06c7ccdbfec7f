"""The page of a pilot says what its report says, with the numbers of its JSON."""

import json
import math
import re
from dataclasses import replace
from functools import cache

import pytest

import lsgd_fast as lsgd
from lsgd_fast._pages.page import Phrases
from lsgd_fast._pages.texts import LANGUAGES, Sentences
from lsgd_fast._pilot.page import pilot_page
from support.pages import check_page, numbers_of
from support.pilots import DIGITS, QUICK, noisy, separable

PILOTS = {
    "go": (DIGITS, {"goal": "loss"}),
    "margin": (separable(), {"goal": "margin"}),
    "held out": (separable(), {"goal": "held_out_loss", "n_trial_steps": 300, "width": 8}),
    "errors": (noisy(), {"fit_intercept": True, "l2": 1e-3}),
    "no room": (separable(), {"goal": "loss", "budget": lsgd.Budget(memory=1000)}),
    "a target": (DIGITS, {"goal": "steps", "stop": lsgd.Stop(loss=1e-3)}),
}
every_pilot = pytest.mark.parametrize("name", PILOTS)


@cache
def made(name):
    data, options = PILOTS[name]
    return lsgd.pilot(*data, **QUICK | options)


def read(pilot, lang="en"):
    return check_page(pilot_page(pilot, Phrases(lang)), lang)


def squeezed(text):
    return re.sub(r"\s", "", text)


@every_pilot
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_is_whole_and_has_the_numbers_of_the_json(name, lang):
    pilot = made(name)
    reader = read(pilot, lang)
    known = numbers_of(json.loads(json.dumps(pilot.to_dict())))
    plan = pilot.plan
    if plan is not None:  # two properties of a plan, and twice the second for both runs
        known |= {plan.peak_bytes, plan.seconds}
    for value, text in reader.numbers:
        assert any(math.isclose(value, one, rel_tol=1e-15) for one in known), (value, text)


@every_pilot
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_has_every_sentence_of_the_report(name, lang):
    pilot = made(name)
    page = squeezed(read(pilot, lang).text)
    facts = [*pilot.answer]
    for gate in pilot.gates:
        facts += [*gate.evidence, *([gate.needed] if gate.needed else [])]
    for fact in facts:
        assert squeezed(Sentences(lang).words(fact)) in page


@every_pilot
def test_a_page_shows_both_runs_or_the_trial(name):
    pilot = made(name)
    reader = read(pilot)
    was_run = pilot.recommended is not None
    assert ("The runs on all rows were not made." in reader.text) != was_run
    assert ("Every stepsize that was tried" in reader.text) != was_run
    assert ("To the same result" in reader.text) == was_run
    assert ("gradient_descent(X, y," in reader.text) == (pilot.decision == "go")
    matplotlib = pytest.importorskip("matplotlib")
    assert matplotlib and len(reader.named("figure")) == (2 if was_run else 1)


def test_the_pilots_cover_decisions_and_gates():
    decisions = {str(made(name).decision) for name in PILOTS}
    assert {"go", "no-go"} <= decisions
    assert {sum(gate.decision is None for gate in made(name).gates) for name in PILOTS} == {0, 1, 2}


@pytest.mark.parametrize("name", ["go", "no room", "a target", "errors"])
def test_the_call_on_the_page_repeats_the_pilot(name):
    (call,) = re.findall(
        r"lsgd\.pilot\(.*?\)(?=With|To run|Written| To| Written)", read(made(name)).text
    )
    X, y = PILOTS[name][0]
    again = eval(call, {"lsgd": lsgd, "X": X, "y": y})  # the test wrote it
    assert again.call == made(name).call and again.decision == made(name).decision
    assert again.trial.recommended == made(name).trial.recommended


def test_a_spread_that_is_not_known_and_losses_that_overflow_are_shown():
    pilot = made("margin")
    point = replace(pilot.recommended.curve[0], loss=math.inf, margin=None, held_out_loss=math.inf)
    run = replace(pilot.recommended, curve=(point, *pilot.recommended.curve[1:]))
    strange = replace(
        pilot, recommended=run, goal="held_out_loss",
        difference=replace(pilot.difference, spread=math.inf, mean=math.nan),
    )  # fmt: skip
    assert "∞" in pilot_page(strange, Phrases("en"))


def test_the_report_writes_the_page(tmp_path):
    pilot, path = made("margin"), tmp_path / "pilot.html"
    assert pilot.report() == str(pilot)
    assert pilot.report(path, lang="ja") is None
    assert path.read_text("utf-8") == pilot_page(pilot, Phrases("ja"))
