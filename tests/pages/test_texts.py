"""The texts are there in every language, with the same fields, and each of them is used."""

import re
import string
from pathlib import Path

import pytest

import lsgd_fast
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._pages.run_page import COLUMNS
from lsgd_fast._pages.texts import ENGLISH, LANGUAGES, TEXTS, Sentences, check_lang
from lsgd_fast._pilot.result import Decision
from lsgd_fast._results.trial import GOALS
from lsgd_fast._results.trial_summary import WORDS

PACKAGE = Path(lsgd_fast.__file__).parent
SOURCES = [path for path in PACKAGE.rglob("*.py") if not path.stem.endswith("_texts")]
SOURCE = "\n".join(path.read_text("utf-8") for path in SOURCES)
KEYS = set(re.findall(r'"([A-Za-z0-9_]+)"', SOURCE))
# Keys that end with a value of an enumeration are made where they are used.
FAMILIES = {
    "ending_": {*WORDS},
    "answer_": {"separated", "reached", "stable"},
    "mark_": {"passed", "held", "failed", "unsettled"},
    "means_": {*WORDS, "passed", "held", "failed", "unsettled", "margin"}
    | {"held_penalty", "held_losses", "margin_softmax", "cycling_losses", "diverged_losses"},
    "goal_": {"loss", "objective", "held_out_loss", "held_out_error", "margin", "steps"}
    | {"held_out_losses"},
    "axis_": {"objective", "loss"},
    "trial_picture": {"", "_up"},
    "proved_separated": {"", "_theorem", "_classes"},
    "stop_": {*StopReason},
    "run_": {"stable", "unstable", "cycling", "undecided"},
    "goal_of_": {*GOALS},
    "decision_": {*Decision.__members__, "none"},
    "gate_": {"worth", "fits", "holds", "worth_rule", "fits_rule", "holds_rule"},
    "gate_ended_": {*WORDS},
    "gate_compared_": {*GOALS},
    "fact_": {*COLUMNS, "last_increase", "separated", "certified"},
    "seen_calm_": {"means"},
    "seen_increases_": {"means", "signed", "means_signed"},
    "seen_window_": {"no_fall", "path_no_fall"},
    "open_few_": {"losses", "means"},
    "open_short_": {"losses", "means"},
}


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_there_in_every_language(key):
    texts = TEXTS[key]
    assert len(texts) == len(LANGUAGES) and all(texts)
    assert len({frozenset(fields(text)) for text in texts}) == 1
    assert all(name.isidentifier() for name in fields(texts[0]))
    assert texts[0].isascii(), "English"
    sentences = [text.rstrip().endswith(end) for text, end in zip(texts, ".。", strict=True)]
    assert sentences[0] == sentences[1] or texts[0].endswith(":")


def test_every_text_is_used():
    made = {family + str(end) for family, ends in FAMILIES.items() for end in ends}
    assert TEXTS.keys() - KEYS - made == set()
    assert made <= TEXTS.keys()


def test_every_text_that_is_asked_for_is_there():
    asked = set(re.findall(r'\bsay\(\s*"([A-Za-z0-9_]+)"', SOURCE))
    assert len(asked) > 40 and asked <= TEXTS.keys()


def test_texts_of_the_same_key_are_written_once():
    stops = [f"stop_{reason}" for reason in StopReason]  # made of `ENDINGS`
    defined = stops + [
        key
        for path in PACKAGE.rglob("*_texts*")
        if path.suffix == ".py"
        for key in re.findall(r'^    "([A-Za-z0-9_]+)": \(', path.read_text("utf-8"), re.M)
    ]
    assert sorted(defined) == sorted(TEXTS)


def test_sentences_have_nouns_and_words_for_their_numbers():
    assert ENGLISH("seen_calm", name="loss", n_steps=1) == "The loss never increased in 1 step."
    text = Sentences("ja")("seen_calm", name="objective", n_steps=1000)
    assert text == "1000 ステップの間、目的関数は一度も増えませんでした。"


def test_the_language_must_be_known():
    assert [check_lang(lang) for lang in LANGUAGES] == [*LANGUAGES]
    for lang in ("de", "EN", None, 1, ["en"]):
        with pytest.raises(ValueError, match="lang must be one of 'en', 'ja'; got"):
            check_lang(lang)
