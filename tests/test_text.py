import math

import pytest

from lsgd_fast import StopReason
from lsgd_fast._text import ENDINGS, counted, describe_ending, exp_text, to_json_values


@pytest.mark.parametrize("exponent", [-699.0, -30.5, -1e-3, 0.0, 2.0, 699.0])
def test_powers_that_float64_holds(exponent):
    assert exp_text(exponent, 6) == f"{math.exp(exponent):.6g}"


@pytest.mark.parametrize("power", [305, 323, 324, 400, 43429])
@pytest.mark.parametrize("mantissa", [1.0, 1.5, 9.99999])
def test_powers_below_float64(power, mantissa):
    text = exp_text(math.log(mantissa) - power * math.log(10.0), 3)
    assert text == f"{mantissa:.3g}e-{power}" if mantissa < 9.0 else f"1e-{power - 1}"


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [
        (-2.5e6, "e^-2.5e+06"),
        (-math.inf, "0"),
        (710.0, "e^710"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_powers_without_decimals(exponent, expected):
    assert exp_text(exponent, 3) == expected


def test_counted():
    assert (counted(1, "step"), counted(0, "step"), counted("1,000", "step")) == (
        "1 step",
        "0 steps",
        "1,000 steps",
    )


def test_every_reason_has_words():
    assert list(ENDINGS) == [reason.value for reason in StopReason]
    for reason in StopReason:
        text = describe_ending(reason, 1)
        assert "1 step" in text and "1 steps" not in text and "_" not in text
        assert len(f"Run {describe_ending(reason, 100_000)}") <= 79
    assert describe_ending(StopReason.n_steps, 1000) == "ended after the 1000 steps asked for"
    assert describe_ending("callback", 3) == "ended after 3 steps: the callback ended it"


def test_json_has_no_negative_zero():
    found = to_json_values({"margins": [-0.0, (-0.0, math.nan)], "count": 3})
    assert repr(found) == "{'margins': [0.0, [0.0, None]], 'count': 3}"
