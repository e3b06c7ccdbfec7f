"""The verdict as a function of its diagnostics: each field counts, and no values fail."""

import dataclasses
import math

import numpy as np
import pytest

from lsgd_fast._results.diagnostics import Diagnostics, MinimizeDiagnostics, diagnostics_from_dict
from lsgd_fast._results.verdict import Verdict

CYCLE = Diagnostics(
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
    ("diagnostics", "changes", "expected"),
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
def test_each_field_counts(diagnostics, changes, expected):
    diagnostics = dataclasses.replace(diagnostics, **changes)
    assert diagnostics.verdict == expected
    text = diagnostics.evidence
    assert text.isascii() and text.endswith(".") and 20 < len(text) < 400
    if "separated_at" in changes and expected == "unstable":
        assert "Theorem 1" in text


@pytest.mark.parametrize(
    ("diagnostics", "model", "changes", "expected"),
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
def test_what_is_known_of_other_models(diagnostics, model, changes, expected):
    diagnostics = dataclasses.replace(diagnostics, model=model, **changes)
    assert diagnostics.verdict == expected
    assert "Theorem" not in diagnostics.evidence and "R^2/4" not in diagnostics.evidence


def test_no_values_fail():
    rng = np.random.default_rng(0)
    numbers = [math.nan, math.inf, -math.inf, 0.0, 5e-324, 1e-7, 1.0, 1e308, -1.0]
    counts = [0, 1, 63, 64, 1024, 10**6]
    kinds = {field.name: field.type for field in dataclasses.fields(Diagnostics)}
    seen = set()
    for _ in range(3000):
        choices = {bool: [False, False, False, True], int: counts, float: numbers}
        choices[str] = ["linear", "softmax", "network"]
        values = {name: choices.get(kind, [None, None, 7]) for name, kind in kinds.items()}
        diagnostics = Diagnostics(**{name: v[rng.integers(len(v))] for name, v in values.items()})
        found = diagnostics.verdict
        assert diagnostics.evidence and found in Verdict
        if found == "cycling":
            assert diagnostics.drift <= 2e-6 and (
                diagnostics.separated_at is None or diagnostics.penalised
            )
            assert diagnostics.model != "network"
        assert "Theorem" not in diagnostics.evidence or diagnostics.model == "linear"
        seen.add(found)
    assert seen == set(Verdict)
    assert all(found == found.name == str(found) for found in Verdict)


@pytest.mark.parametrize(
    "diagnostics",
    [
        CALM,
        MinimizeDiagnostics(n_steps=1, n_passes=2, penalised=False, diverged=False,
                            separated_at=None, converged=True, share=1e-9),
    ],
    ids=["gradient descent", "minimize"],
)  # fmt: skip
def test_diagnostics_as_a_dict(diagnostics):
    plain = diagnostics.to_dict()
    assert diagnostics_from_dict(plain) == diagnostics
    for bad, words in [
        (plain | {"kind": "other"}, "kind must be one of 'gradient descent', 'minimize'"),
        (plain | {"more": 1}, "missing or unknown fields: more"),
        ({k: v for k, v in plain.items() if k != "n_steps"}, "unknown fields: n_steps"),
        (plain | {"n_steps": "x"}, "diagnostics.n_steps must be an int; got 'x'"),
        (plain | {"kind": "x" * 9999}, "diagnostics.kind must be one of .*; got .x{50,60}[.]{3}"),
        (plain | {"penalised": 1}, "diagnostics.penalised must be a bool; got 1"),
        (plain | {"separated_at": True}, "separated_at must be an int or None; got True"),
    ]:
        with pytest.raises((TypeError, ValueError), match=words):
            diagnostics_from_dict(bad)
