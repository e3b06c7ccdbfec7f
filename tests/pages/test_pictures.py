"""Pictures are SVG without words, with a legend of their own, the same each time."""

import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from lsgd_fast import gradient_descent, plot
from lsgd_fast._pages.page import Phrases
from lsgd_fast._pages.pictures import draw, translate
from lsgd_fast._pages.texts import LANGUAGES
from lsgd_fast._pages.trial_page import OF_ROWS
from support.trials import MIXED, every_report, tried

matplotlib = pytest.importorskip("matplotlib")


def phrases(lang):
    return Phrases(lang, **OF_ROWS)


def picture(trial, lang="en", name="one"):
    return draw(phrases(lang), lambda ax: plot.trial(trial, ax=ax, legend=False), name)


@every_report
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_of_a_plot_have_texts(name, lang):
    from matplotlib.figure import Figure

    ax = plot.trial(tried(name), ax=Figure().add_subplot(), legend=False)
    labels = [ax.get_xlabel(), ax.get_ylabel(), *ax.get_legend_handles_labels()[1]]
    say = phrases(lang)
    assert all(translate(say, label) for label in labels), labels
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # glyphs that a font lacks
        found = picture(tried(name), lang)
    assert len(found.legend) == len(labels) - 2 and found.x and found.y
    assert not re.search("[^\x00-\x7f]", found.svg)


def test_a_picture_is_the_same_each_time_and_has_ids_of_its_own():
    first, again = picture(tried("a margin")), picture(tried("a margin"))
    assert first == again
    other = picture(tried("a margin"), name="two")
    ids = re.findall(r'\bid="([^"]*)"', first.svg)
    assert ids and all(one.startswith("one-") for one in ids)
    assert not set(ids) & set(re.findall(r'\bid="([^"]*)"', other.svg))
    used = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', first.svg)
    assert used and {a or b for a, b in used} <= set(ids)
    assert first.svg.startswith("<svg") and "metadata" not in first.svg
    assert not re.search(r"<svg[^>]* (width|height)=", first.svg)


def test_the_style_of_a_session_changes_nothing():
    plain = picture(tried("a margin"))
    with matplotlib.rc_context({"text.color": "red", "axes.facecolor": "black", "font.size": 30}):
        assert picture(tried("a margin")) == plain
        assert matplotlib.rcParams["font.size"] == 30


def test_a_long_run_makes_a_small_picture():
    run = gradient_descent(*MIXED, 30.0, 100_000)
    found = draw(Phrases("en"), lambda ax: plot.loss_curves(run, ax=ax, legend=False), "run")
    assert len(found.svg) < 300_000
    shown = {str(text): swatch for swatch, text in found.legend}
    assert list(shown) == ["range of close steps", "unstable phase", "last increase"]
    assert 'fill-opacity="0.3"' in shown["range of close steps"]


def test_words_that_no_text_stands_for_are_left_out():
    assert translate(Phrases("en"), "whatever") is None


@pytest.mark.parametrize("ends", [(0, 290), (-290, 290), (-300, -1), (-179, 179), (0, 0)])
def test_losses_of_any_size_are_drawn(ends):
    ln_loss = np.linspace(*ends, 20) * np.log(10.0)
    trace = SimpleNamespace(step=np.arange(20), ln_loss=ln_loss, loss=np.exp(ln_loss))
    run = SimpleNamespace(trace=trace)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw(phrases("en"), lambda ax: plot.loss_curves(run, ax=ax, legend=False), "a").svg
