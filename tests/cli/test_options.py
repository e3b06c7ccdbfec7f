"""What is written on the command line becomes what was meant, or one clear complaint."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

from lsgd_fast import Stop
from lsgd_fast._inputs.standardize import Units
from lsgd_fast.cli.data_files import Data
from lsgd_fast.cli.options import (
    MAX_STEPSIZES,
    add_data,
    add_descent,
    count,
    descent_keywords,
    parse_stepsizes,
    problem_keywords,
    reading_keywords,
    real,
    stepsizes,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5:512:x4", [0.5, 2, 8, 32, 128, 512]),
        ("0.5:511:x4", [0.5, 2, 8, 32, 128]),
        ("0.5:513:x4", [0.5, 2, 8, 32, 128, 512]),
        ("3:3:x2", [3]),
        ("3:5:x2", [3]),
        ("1e-3:1e3:x10", [1e-3, 1e-2, 1e-1, 1, 10, 100, 1000]),
        ("1:2:x1.25", [1, 1.25, 1.25**2, 1.25**3]),
        ("0.1,1,10", [0.1, 1, 10]),
        ("7", [7]),
        ("10, 1, 10", [10, 1, 10]),
    ],
)
def test_stepsizes(text, expected):
    found = parse_stepsizes(text)
    assert found == pytest.approx(expected, rel=1e-15, abs=0.0)
    assert all(type(value) is float for value in found)
    assert stepsizes(text) == found


def test_a_grid_reaches_its_end_in_spite_of_rounding():
    """And never passes it: first * factor^k may be off by rounding either way."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        first, factor = 10.0 ** rng.uniform(-5, 5), rng.uniform(1.01, 20.0)
        n = int(rng.integers(1, 30))
        last = first
        for _ in range(n):
            last *= factor
        found = parse_stepsizes(f"{first!r}:{last!r}:x{factor!r}")
        assert len(found) == n + 1 and found[0] == first
        assert found[-1] <= last and found[-1] == pytest.approx(last, rel=1e-13)
        np.testing.assert_allclose(np.divide(found[1:], found[:-1]), factor, rtol=1e-13)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is not a number"),
        ("1,,2", "'' is not a number"),
        ("one", "'one' is not a number"),
        ("1;2", "'1;2' is not a number"),
        ("0", "a stepsize must be finite and positive; got 0.0"),
        ("1,-2", "a stepsize must be finite and positive; got -2.0"),
        ("nan", "a stepsize must be finite and positive; got nan"),
        ("1,inf", "a stepsize must be finite and positive; got inf"),
        ("1:2", "a grid must be FIRST:LAST:xFACTOR, such as 0.5:512:x4; got '1:2'"),
        ("1:2:3", "a grid must be FIRST:LAST:xFACTOR"),
        ("1:2:x3:4", "a grid must be FIRST:LAST:xFACTOR"),
        ("1:2:x", "'' is not a number"),
        ("a:2:x2", "'a' is not a number"),
        ("0:2:x2", "a stepsize must be finite and positive; got 0.0"),
        ("2:1:x2", "'2:1:x2' ends below its first stepsize"),
        ("1:2:x1", "a factor above 1"),
        ("1:2:x0.5", "a factor above 1"),
        ("1:2:xinf", "must be finite"),
        ("1e-300:1e300:x10", "a ratio LAST/FIRST within float64"),
        ("1:2:x1.0000001", "at most 1000 stepsizes are allowed; '1:2:x1.0000001' has 6931473"),
        ("1" + ",1" * 1000, "at most 1000 stepsizes are allowed; got 1001"),
    ],
)
def test_stepsizes_that_are_none(text, why):
    with pytest.raises(ValueError) as caught:
        parse_stepsizes(text)
    assert why in str(caught.value)
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        stepsizes(text)
    assert why in str(caught.value)


def test_the_longest_grid_and_list():
    assert len(parse_stepsizes(f"1:{1.01 ** (MAX_STEPSIZES - 1)!r}:x1.01")) == MAX_STEPSIZES
    assert len(parse_stepsizes(",".join(["1"] * MAX_STEPSIZES))) == MAX_STEPSIZES


def test_numbers():
    assert count(0)("0") == 0 and count(1)("12") == 12 and count(1, 5)("5") == 5
    assert real()("1e-3") == 1e-3 and real(zero_allowed=True)("0") == 0.0
    for convert, text in (
        (count(0), "-1"), (count(1), "0"), (count(1, 5), "6"), (count(0), "1e3"), (count(0), "1.0"),
        (count(0), ""), (count(0), "--1"), (count(0), "9" * 30), (real(), "0"), (real(), "x"),
        (real(True), "-1"), (real(True), "nan"), (real(True), "inf"),
    ):  # fmt: skip
        with pytest.raises(argparse.ArgumentTypeError):
            convert(text)


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_data(parser)
    add_descent(parser)
    return parser.parse_args(["a.csv", *argv])


def keywords(*argv):
    return descent_keywords(parse(*argv))


def test_keywords_of_a_descent():
    assert keywords() == {"stop": Stop(), "record_every": 1, "n_threads": None}
    found = keywords(
        *"--stop-loss 1e-3 --stop-separated --seconds 9 --threads 2 --record-every 7".split(),
        *"--steps 10000000".split(),
    )
    stop = Stop(loss=1e-3, separated=True, seconds=9.0)
    assert found == {"stop": stop, "record_every": 7, "n_threads": 2}


@pytest.mark.parametrize("is_table", [False, True])
def test_keywords_of_a_problem(is_table):
    data = Data(np.eye(2), np.array([-1.0, 1.0]), (0, 1), None, is_table)
    default = {"loss": "logistic", "l2": 0.0, "fit_intercept": is_table}
    assert problem_keywords(parse(), data) == default
    for options, fit_intercept in (("--intercept", True), ("--no-intercept", False)):
        found = problem_keywords(parse(options, *"--l2 0.5 --softmax".split()), data)
        assert found == {"loss": "softmax", "l2": 0.5, "fit_intercept": fit_intercept}
    units = Units(np.zeros(2), np.ones(2))
    found = problem_keywords(parse(), replace(data, units=units))
    assert found == default | {"center": units.center, "scale": units.scale}


def test_keywords_of_reading():
    assert reading_keywords(parse()) == {
        "labels": None, "label": None, "offset": None, "format": None, "header": None, "drop": (),
        "keep_index": False, "zero_based": None,
    }  # fmt: skip
    words = "--label y --offset 3 --drop a,2 --no-header --zero-based"
    found = reading_keywords(parse(*words.split()))
    assert found.items() >= {
        "label": "y", "offset": "3", "drop": ("a", "2"), "header": False, "zero_based": True,
    }.items()  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "every"),
    [("0", 1), ("1", 1), ("1000000", 1), ("1000001", 2), ("2000000", 2), ("9000001", 10)],
)
def test_a_long_trace_keeps_fewer_rows(steps, every):
    assert keywords("--steps", steps)["record_every"] == every
