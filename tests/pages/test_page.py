"""The building blocks of pages: all is escaped, numbers are exact, and a file is replaced."""

import math
import os

import numpy as np
import pytest

from lsgd_fast._pages import page as blocks
from lsgd_fast._pages.page import Markup, Phrases
from support.pages import PageReader, check_page

EVIL = "<script>alert('1')</script> & \"more\" {x}"
SAY = Phrases("en")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0123456789, '<data value="0.0123456789">0.01235</data>'),
        (1000, '<data value="1000">1000</data>'),
        (1234567, '<data value="1234567">1,234,567</data>'),
        (np.int64(3), '<data value="3">3</data>'),
        (np.float64(0.1), '<data value="0.1">0.1</data>'),
        (-0.0, '<data value="0.0">0</data>'),
        (math.inf, "∞"),
        (math.nan, "nan"),
        (None, "–"),
    ],
)
def test_a_number_carries_its_exact_value(value, shown):
    assert blocks.number(value) == shown


def test_a_spread_is_one_number_where_both_look_the_same():
    assert blocks.spread([3, 1, 2]) == '<data value="1">1</data> – <data value="3">3</data>'
    assert blocks.spread([0.10001, None, 0.10002]) == '<data value="0.10001">0.1</data>'
    assert blocks.spread([None]) == blocks.spread([]) == "–"


def test_everything_is_escaped():
    title = Markup(f"<b>{blocks.content(EVIL)}</b>")
    parts = [
        blocks.answer(EVIL, EVIL), blocks.code(EVIL), blocks.facts([(EVIL, EVIL)]),
        blocks.items([EVIL]), blocks.note(EVIL), blocks.paragraph(EVIL),
        blocks.section(EVIL, blocks.items([EVIL])), blocks.mark("good", EVIL),
        blocks.table(EVIL, [EVIL, EVIL], [[EVIL, EVIL]], strong=0),
        blocks.table(title, ["", ""], []),
    ]  # fmt: skip
    whole = blocks.page(SAY, EVIL, *parts)
    assert "<script" not in whole and check_page(whole, "en").text.count("alert('1')") == 19
    assert SAY("word_and_meaning", word=EVIL, meaning="") == f"{blocks.content(EVIL)}: "


def test_what_is_empty_is_left_out():
    assert blocks.section("title") == blocks.section("title", "") == blocks.items([]) == ""


def test_phrases_are_markup_with_exact_numbers():
    text = SAY("seen_calm", name="loss", n_steps=1)
    assert text == 'The loss never increased in <data value="1">1</data> step.'
    assert blocks.content(text) is text
    assert SAY("proved_margin", margin=0.123).count('<data value="0.123">0.12</data>') == 1


def test_a_reader_finds_elements_that_stay_open():
    with pytest.raises(AssertionError):
        PageReader("<p><b></p>")


class Reported(blocks.Reported):
    """A result whose page a function of phrases returns."""

    def __init__(self, page=None):
        self._page = page

    def _report(self):
        return "text"


def test_the_text_is_english_and_needs_no_file():
    assert Reported().report() == Reported().report(None, lang="en") == "text"
    with pytest.raises(ValueError, match="lang must be 'en' without a path"):
        Reported().report(lang="ja")
    with pytest.raises(ValueError, match="lang must be one of"):
        Reported().report("x.html", lang="fr")


def test_a_page_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")

    def fail(say):
        raise RuntimeError(say.lang)

    with pytest.raises(RuntimeError, match="ja"):
        Reported(fail).report(path, lang="ja")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["page.html"]
    Reported(lambda say: f"new {say.lang} ∞").report(os.fsencode(path), lang="ja")
    assert path.read_text("utf-8") == "new ja ∞"
    with pytest.raises(TypeError, match="path must be"):
        Reported(lambda say: "").report(3)
