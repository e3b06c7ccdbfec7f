"""The page of a plan says what its report says."""

import re
from dataclasses import replace

import pytest

from lsgd_fast import Plan
from lsgd_fast._pages.texts import LANGUAGES
from lsgd_fast._text import to_json_values
from support.pages import check_page, numbers_of
from support.plans import toy_plan

PLANS = {
    "full": lambda: toy_plan(stepsize=32.0, n_steps=10**6, target_loss=1e-4, margin=0.2, width=100),
    "bare": toy_plan,
    "no margin": lambda: toy_plan(stepsize=1.9, n_steps=10),
    "a shape": lambda: Plan.for_shape(3000, 100, n_steps=10_000),
    "several classes": lambda: Plan.for_shape(
        100,
        20,
        loss="softmax",
        n_classes=5,
        stepsize=9.0,
        n_steps=10**7,
        target_loss=1e-3,
        margin=0.2,
        radius=1.0,
    ),
    "several classes, bare": lambda: Plan.for_shape(100, 20, loss="softmax", n_classes=5),
    "scaled": lambda: replace(toy_plan(n_steps=1), measured_shape=(2, 2)),
}


def read(plan, lang, tmp_path):
    path = tmp_path / "plan.html"
    assert plan.report(path, lang=lang) is None
    return check_page(path.read_text("utf-8"), lang)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_is_whole_and_has_the_numbers_of_the_plan(name, lang, tmp_path, no_measuring):
    plan = PLANS[name]()
    reader = read(plan, lang, tmp_path)
    names = ("data_bytes", "peak_bytes", "seconds", "network_bytes", "network_flops")
    known = numbers_of(to_json_values([plan.to_dict(), *(getattr(plan, one) for one in names)]))
    memory = plan.footprint
    known |= {memory.peak(0), memory.trace_row * (plan.n_recorded or 0), plan.d * (plan.width or 0)}
    assert {value for value, _ in reader.numbers} <= known
    # in Japanese too, names of arguments are those of Python
    assert set(re.findall(r"\b\w+=", reader.text)) == set(re.findall(r"\b\w+=", plan.report()))


@pytest.mark.parametrize("name", PLANS)
def test_a_page_says_what_the_report_says(name, tmp_path, no_measuring):
    plan = PLANS[name]()
    page = re.sub(r"\s", "", read(plan, "en", tmp_path).text)
    for line in plan.report().splitlines():
        for part in re.split(r"\s{2,}", line.strip()):
            assert re.sub(r"\s", "", part) in page


def test_a_plan_of_steps_that_overflow_says_what_is_known(tmp_path):
    from lsgd_fast import plan

    for options in ({}, {"n_steps": 3}):
        found = plan([[1e308], [-1e308]], [1, 0], **options)
        text = read(found, "en", tmp_path).text
        assert "steps on it leave float64" in text
        assert ("its time is not known" in text) == bool(options)
