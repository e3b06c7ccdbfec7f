"""The page of a run, and its report as text."""

from functools import cache

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._pages.page import Phrases
from lsgd_fast._pages.run_page import run_page
from lsgd_fast._pages.texts import LANGUAGES
from lsgd_fast._text import WIDTH, to_json_values
from support.pages import check_page, numbers_of
from support.trials import CLASSES, CYCLING, DIGITS, MIXED

RUNS = {
    "proved": lambda: lsgd.gradient_descent(*DIGITS, 30.0, 1000),
    "unstable": lambda: lsgd.gradient_descent(*MIXED, 100.0, 100),
    "short": lambda: lsgd.gradient_descent(*MIXED, 3.0, 10),
    "no steps": lambda: lsgd.gradient_descent(*MIXED, 3.0, 0),
    "cycling": lambda: lsgd.gradient_descent(*CYCLING, 100.0, 1000, stop=lsgd.Stop(cycling=True)),
    "diverged": lambda: lsgd.gradient_descent([[1e150], [-1e150]], [1, 0], 1e200, 10),
    "a penalty": lambda: lsgd.gradient_descent(*MIXED, 0.3, 1000, l2=0.5),
    "held out": lambda: lsgd.gradient_descent(*MIXED, 1.0, 100, validation=DIGITS),
    "classes": lambda: lsgd.gradient_descent(*CLASSES, 5.0, 100, loss="softmax"),
    "a network": lambda: lsgd.two_layer_gradient_descent(*DIGITS, 0.1, 80, width=4, rng=0),
    "minimize": lambda: lsgd.minimize(*MIXED, l2=1e-3),
    "no minimum": lambda: lsgd.minimize([[1, 0], [-1, 0], [0, 1], [0, 1]], [1, 0, 0, 1]),
    "few columns": lambda: lsgd.gradient_descent(*DIGITS, 1.0, 10, record=["error_rate"]),
}  # fmt: skip
every_run = pytest.mark.parametrize("name", RUNS)


@cache
def made(name):
    if name == "no minimum":
        with pytest.warns(lsgd.SeparationWarning):
            return RUNS[name]()
    return RUNS[name]()


def numbers_of_run(run):
    """Return the numbers of a run, of its trace and of its evidence."""
    names = ("n_steps", "n_threads", "seconds", "radius", "separated_at", "certified_at")
    names += ("stable_at", "n_increases")
    found = numbers_of([to_json_values(getattr(run, name)) for name in names])
    for column in run.trace.to_dict().values():
        found |= {float(column[0]) + 0.0, float(column[-1]) + 0.0}
    return found | numbers_of([fields for _, fields in run.diagnostics.facts])


@every_run
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_is_whole_and_has_the_numbers_of_the_run(name, lang):
    run = made(name)
    reader = check_page(run_page(run, Phrases(lang)), lang)
    assert {value for value, _ in reader.numbers} <= numbers_of_run(run)
    assert run.n_steps in {value for value, _ in reader.numbers}
    assert "R^2 * loss" not in reader.text or lang == "en"


@every_run
def test_the_text_and_the_page_have_the_evidence(name):
    run = made(name)
    text, page = run.report(), check_page(run_page(run, Phrases("en")), "en").text
    assert max(map(len, text.splitlines())) <= WIDTH and text.startswith(repr(run))
    assert run.evidence in " ".join(text.split())
    for sentence in run.evidence.split(". "):
        assert sentence.rstrip(".") in page
    assert ("as is proved: its loss" in page) == (name in ("proved", "a penalty"))
    stop = "the loss is proved to have no minimum"
    assert (stop in page) == (name == "no minimum") == (stop in text)


def test_a_run_that_was_not_monitored_has_no_verdict():
    run = made("proved")
    fields = {name: getattr(run, name) for name in run.__dataclass_fields__}
    plain = type(run)(**fields | {"diagnostics": None})
    assert plain.report() == repr(plain)
    for lang in LANGUAGES:
        assert check_page(run_page(plain, Phrases(lang)), lang).named("h3")
    assert "was not monitored" in run_page(plain, Phrases("en"))


def test_the_report_writes_the_page(tmp_path):
    run, path = made("cycling"), tmp_path / "run.html"
    assert run.report(path, lang="ja") is None
    assert path.read_text("utf-8") == run_page(run, Phrases("ja"))
    with pytest.raises(ValueError, match="lang must be 'en' without a path"):
        run.report(lang="ja")
    loaded = tmp_path / "run.npz"
    run.save(loaded)
    assert run_page(lsgd.Run.load(loaded), Phrases("ja")) == path.read_text("utf-8")


def test_a_loss_that_underflows_is_shown():
    X = np.array([[1.0], [-1.0]])
    run = lsgd.gradient_descent(X, [1, 0], 1000.0, 300)
    assert run.trace.loss[-1] > 0.0
    run = lsgd.gradient_descent(1e3 * X, [1, 0], 1000.0, 5)
    assert run.trace.loss[-1] == 0.0
    assert "e^-5e+08" in check_page(run_page(run, Phrases("en")), "en").text
