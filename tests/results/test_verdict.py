"""The verdict as a function of its signs: each sign counts, and none is too strange."""

import dataclasses
import math

import numpy as np
import pytest

from lsgd_fast._results.verdict import Signs, Verdict, evidence, verdict

CYCLE = Signs(
    n_steps=200, penalised=False, diverged=False, separated_at=None, certified_at=None,
    is_small=False, sharpness=20.0, is_at_rest=False, n_increases=99, last_increase=199,
    largest_increase=1.5, window=64, window_increases=68, low=0.5, high=0.75, fall=0.0,
    promise=136.0, earlier_promise=1.0, drift=1e-7,
)  # fmt: skip
CALM = dataclasses.replace(
    CYCLE, n_steps=2000, window=512, window_increases=0, last_increase=256, high=1.0, low=0.5,
    fall=0.5, promise=0.5, earlier_promise=1.0, drift=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("signs", "changes", "expected"),
    [
        (CYCLE, {}, "cycling"),
        (CYCLE, {"n_steps": 63}, "undecided"),
        (CYCLE, {"diverged": True}, "diverged"),
        (CYCLE, {"certified_at": 5}, "stable"),
        (CYCLE, {"is_small": True}, "stable"),
        (CYCLE, {"is_at_rest": True, "n_steps": 1}, "stable"),
        (CYCLE, {"separated_at": 5}, "unstable"),
        (CYCLE, {"separated_at": 5, "penalised": True}, "cycling"),
        (CYCLE, {"drift": 2.1e-6}, "unstable"),
        (CYCLE, {"drift": math.nan}, "unstable"),
        (CYCLE, {"promise": 90.0}, "unstable"),  # steps get shorter
        (CYCLE, {"promise": 200.0}, "unstable"),  # longer
        (CYCLE, {"fall": 14.0}, "unstable"),
        (CYCLE, {"fall": -14.0}, "unstable"),
        (CYCLE, {"window_increases": 0}, "undecided"),
        (CYCLE, {"window_increases": 0, "high": 0.5}, "cycling"),
        (CYCLE, {"promise": 1e-12, "earlier_promise": 1e-14}, "unstable"),
        (CYCLE, {"promise": 1e-12, "n_steps": 399}, "unstable"),
        (CYCLE, {"promise": 1e-12, "n_steps": 400}, "stable"),  # increases are rounding
        (CALM, {}, "stable"),
        (CALM, {"n_steps": 999}, "undecided"),
        (CALM, {"last_increase": 257}, "undecided"),
        (CALM, {"earlier_promise": 4e-4}, "undecided"),
        (CALM, {"fall": 0.2}, "undecided"),
        (CALM, {"sharpness": 1001.0}, "undecided"),
        (CALM, {"window_increases": 1, "last_increase": 700}, "unstable"),
    ],
)
def test_each_sign_counts(signs, changes, expected):
    signs = dataclasses.replace(signs, **changes)
    assert verdict(signs) == expected
    text = evidence(signs)
    assert text.isascii() and text.endswith(".") and 20 < len(text) < 400
    if "separated_at" in changes and expected == "unstable":
        assert "Theorem 1" in text


@pytest.mark.parametrize(
    ("signs", "model", "changes", "expected"),
    [
        (CYCLE, "network", {}, "unstable"),
        (CYCLE, "network", {"window_increases": 0, "high": 0.5}, "undecided"),
        (CALM, "network", {}, "undecided"),
        (CALM, "network", {"n_steps": 10}, "undecided"),
        (CALM, "network", {"is_at_rest": True}, "stable"),
        (CYCLE, "softmax", {}, "cycling"),
        (CYCLE, "softmax", {"separated_at": 5}, "unstable"),
        (CALM, "softmax", {}, "stable"),
        (CALM, "softmax", {"is_small": True, "n_steps": 1}, "stable"),
    ],
)
def test_what_is_known_of_other_models(signs, model, changes, expected):
    signs = dataclasses.replace(signs, model=model, **changes)
    assert verdict(signs) == expected
    assert "Theorem" not in evidence(signs) and "R^2/4" not in evidence(signs)


def test_no_signs_are_too_strange():
    rng = np.random.default_rng(0)
    numbers = [math.nan, math.inf, -math.inf, 0.0, 5e-324, 1e-7, 1.0, 1e308, -1.0]
    counts = [0, 1, 63, 64, 1024, 10**6]
    kinds = {field.name: field.type for field in dataclasses.fields(Signs)}
    seen = set()
    for _ in range(3000):
        choices = {bool: [False, False, False, True], int: counts, float: numbers}
        choices[str] = ["linear", "softmax", "network"]
        values = {name: choices.get(kind, [None, None, 7]) for name, kind in kinds.items()}
        signs = Signs(**{name: v[rng.integers(len(v))] for name, v in values.items()})
        found = verdict(signs)
        assert evidence(signs) and found in Verdict
        if found == "cycling":
            assert signs.drift <= 2e-6 and (signs.separated_at is None or signs.penalised)
            assert signs.model != "network"
        assert "Theorem" not in evidence(signs) or signs.model == "linear"
        seen.add(found)
    assert seen == set(Verdict)
    assert all(found == found.name == str(found) for found in Verdict)
