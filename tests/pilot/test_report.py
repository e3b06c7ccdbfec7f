"""The report of a pilot: sentences in both languages, and text for a terminal."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import lsgd_fast as lsgd
from lsgd_fast._pages.gate_texts import GATES
from lsgd_fast._pages.texts import LANGUAGES, Sentences
from lsgd_fast._pilot import report
from support.pilots import DIGITS, QUICK, noisy

FOLDER = Path(report.__file__).parent


def test_every_sentence_of_a_gate_is_used():
    text = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    names = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    built = ("gate_ended_", "goal_of_", "decision_", "gate_compared_")  # their ends are values
    gates = {f"gate_{gate}{end}" for gate in ("worth", "fits", "holds") for end in ("", "_rule")}
    gates |= {"gate_separable", "gate_undecided", "gate_not_separable"}
    for key in GATES:
        assert key in names | gates or key.startswith(built), key


@pytest.mark.parametrize("goal", ["held_out_error", "held_out_loss", "loss", "margin"])
@pytest.mark.parametrize("data", [DIGITS, noisy()], ids=["digits", "noisy"])
def test_every_fact_is_a_sentence_in_both_languages(goal, data):
    found = lsgd.pilot(*data, goal=goal, width=8, budget=60.0, **QUICK)
    for lang in LANGUAGES:
        say = Sentences(lang)
        for gate in found.gates:
            for fact in (*gate.evidence, *found.answer):
                text = say.words(fact)
                assert text.endswith((".", "。")) and "{" not in text
            if gate.needed is not None:
                assert say.words(gate.needed)
    text = found.report()
    assert Sentences("en").words(found.answer[0]) in text.replace("\n  ", " ").replace("- ", "-")
    assert max(map(len, text.split("\n"))) < 80


def test_a_stepsize_that_failed_is_not_recommended():
    found = lsgd.pilot(*DIGITS, goal="loss", **QUICK)
    assert found.decision == "go" and "Stay" not in found.report()
    trial = replace(found.trial, recommended=None)
    gate = replace(found.gates[0], decision="no-go")
    gate = replace(gate, decision=type(found.decision).no_go)
    none = replace(found, trial=trial, decision=gate.decision, gates=(gate, *found.gates[1:]))
    assert none.report().startswith("No-go: no stepsize held")


def test_what_is_saved_is_in_the_report_and_in_the_json():
    found = lsgd.pilot(*DIGITS, goal="loss", **QUICK)
    saving = found.saving
    assert saving["passes"] == found.conservative.matched_at - found.recommended.matched_at
    assert found.to_dict()["saving"] == saving
    assert f"{saving['passes']} fewer passes, of {saving['all']}" in found.report()
    assert replace(found, recommended=None).saving is None
