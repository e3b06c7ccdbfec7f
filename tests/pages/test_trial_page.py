"""The page of a trial says what its report says, with the numbers of its JSON."""

import json
from functools import cache

import pytest

from lsgd_fast import Stop, reference
from lsgd_fast._pages.page import Phrases
from lsgd_fast._pages.texts import ENGLISH, LANGUAGES
from lsgd_fast._pages.trial_page import trial_page
from support.pages import check_page, numbers_of
from support.training import pairs, quadratic
from support.trials import DIGITS, MIXED, QUICK, REPORTS, every_report, tried

every_language = pytest.mark.parametrize("lang", LANGUAGES)


def read(trial, lang="en"):
    return check_page(trial_page(trial, Phrases(lang)), lang)


@every_report
@every_language
def test_a_page_is_whole_and_has_the_numbers_of_the_json(name, lang):
    trial = tried(name)
    reader = read(trial, lang)
    known = numbers_of(json.loads(json.dumps(trial.to_dict())))
    assert len(reader.numbers) > len(trial.stages)
    assert {value for value, _ in reader.numbers} <= known | {trial.n_rows_sampled}
    stepsizes = {stage.stepsize for stage in trial.stages}
    assert stepsizes <= {value for value, _ in reader.numbers}
    for value, text in reader.numbers:
        if text.endswith("%"):
            assert float(text[:-1]) == pytest.approx(100.0 * value, abs=0.005)
        else:
            assert float(text.replace(",", "")) == pytest.approx(value, rel=0.006, abs=0.5)


@every_report
def test_a_page_does_not_contradict_the_report(name):
    trial = tried(name)
    page, report = read(trial).text, " ".join(trial.report().split())
    for ours, theirs in (
        ("No weights classify every row correctly.", "It is proved that no weights separate"),
        ("It is the smallest stepsize tried", "It is the smallest one; no larger one"),
        ("It is the largest stepsize tried", "It is the largest one tried; more stages"),
        ("so their ranges are too narrow.", "so their ranges are too narrow."),
        ("How the run would go on after its target", "How it would go on after its target"),
        ("the smallest stepsize did better in the mean", "did better: mean"),
        ("Unsettled when their steps ended", "unsettled: the loss may still"),
    ):
        assert (ours in page) == (theirs in report), ours
    if trial.recommended is None:
        assert "Use none of these stepsizes" in page and "None: no stepsize held" in report
    else:
        assert f"Use the stepsize {trial.recommended:.6g}:" in page
        assert f"Use the stepsize {trial.recommended:.6g}:" in report
    if "It is stable. " in report:
        assert trial.confirmed.evidence in page + page.replace(". ", ".\n")
    if "observed, not proved" in report:
        assert "observed, not proved" in page


@pytest.mark.parametrize("goal", ["held_out_loss", "held_out_error"])
def test_what_is_held_out_is_shown_of_the_samples(goal):
    trial = reference.staged_trial(*MIXED, goal=goal, fit_intercept=True, n_repeats=2, **QUICK)
    reader = read(trial)
    held_out = {getattr(o, goal) for stage in trial.stages for o in stage.outcomes}
    assert {min(held_out), max(held_out)} <= {value for value, _ in reader.numbers}
    assert "with an intercept" in reader.text and "fit_intercept=True" in reader.text


def test_a_trial_that_was_ended_has_no_answer():
    options = {"callback": lambda state: True, "callback_every": 1}
    trial = reference.staged_trial(*DIGITS, **QUICK, **options)
    assert trial.ended and not trial.confirmations
    assert "There is no answer: the trial was ended" in read(trial).text


def test_evidence_of_older_trials_is_quoted():
    from dataclasses import replace

    trial = tried("cycling")
    older = tuple(replace(outcome, facts=()) for outcome in trial.confirmations)
    page = trial_page(replace(trial, confirmations=older), Phrases("ja"))
    assert '<span lang="en">Stepsize * (R^2/4 + l2) is at most 2' in page
    assert "Stepsize * " not in trial_page(trial, Phrases("ja"))


@every_language
def test_the_report_writes_the_page(tmp_path, lang):
    trial, path = tried("a target"), tmp_path / "trial.html"
    assert trial.report(path, lang=lang) is None
    page = path.read_text("utf-8")
    assert page == trial_page(trial, Phrases(lang))
    assert f"gradient_descent(X, y, {trial.recommended!r}, {trial.n_steps})" in page
    assert trial.report(path, lang=lang) is None and path.read_text("utf-8") == page


@cache
def trained(name):
    options = {"n_stages": 4, "n_steps": 100, "start_stepsize": 0.01, "factor": 10.0}
    loops = {
        "losses": (quadratic, {}),
        "held out": (pairs, {"goal": "held_out_loss"}),
        "a target": (quadratic, {"stop": Stop(loss=1e-9)}),
        "nothing held": (quadratic, {"start_stepsize": 10.0}),
        "negative": (lambda *given: [loss - 9.0 for loss in quadratic(*given)], {}),
        "ended by itself": (lambda *given: list(quadratic(*given))[:9], {}),
        "infinite": (
            lambda *given: [(loss, float("inf")) for loss in quadratic(*given)],
            {"goal": "held_out_loss"},
        ),
    }
    train, more = loops[name]
    return reference.staged_trial(train=train, **options | more)


LOOPS = [
    "losses", "held out", "a target", "nothing held", "negative", "ended by itself", "infinite",
]  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
@every_language
def test_a_trial_of_a_training_loop_speaks_of_seeds(name, lang):
    trial = trained(name)
    reader = read(trial, lang)
    known = numbers_of(json.loads(json.dumps(trial.to_dict())))
    assert {value for value, _ in reader.numbers} <= known
    words = {"en": ("sample", "all rows", "separat"), "ja": ("標本", "全データ", "分離")}[lang]
    assert not [word for word in words if word in reader.text]
    if lang == "ja":
        assert "英語" not in reader.text and "Observed" not in reader.text
    if lang == "en":
        assert ("the training loop ended by itself, after 9 of" in reader.text) == (
            name == "ended by itself"
        )
        assert ("nothing to choose by" in reader.text) == (name == "infinite")
        assert "With fewer than 1000 losses no stepsize but the smallest" in reader.text
    if lang == "en" and trial.recommended is not None:
        assert f"losses = list(train({trial.recommended!r}, 100, {trial.seed}))" in reader.text
        report = " ".join(trial.report().split())
        if trial.confirmed.ending != "reached":
            assert trial.confirmed.evidence in report
            for key, fields in trial.confirmed.facts:
                assert ENGLISH(key, **fields) in reader.text
        better = "the smallest stepsize did better in the mean"
        assert (better in reader.text) == ("did better: mean" in report)


def test_a_page_without_matplotlib_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    for lang in LANGUAGES:
        page = trial_page(tried("a margin"), Phrases(lang))
        assert "pip install matplotlib" in check_page(page, lang).text and "<figure" not in page


def test_the_reports_cover_what_a_page_distinguishes():
    found = {o.ending for name in REPORTS for s in tried(name).stages for o in s.outcomes}
    assert len(found) == 7 and {tried(name).separation for name in REPORTS} >= {
        "none",
        "complete",
    }
