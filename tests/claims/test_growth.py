"""Rows on which the unstable phase grows like powers of the logarithm of the stepsize."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from support.scripts import importable

FOLDER = Path(__file__).parents[2] / "benchmarks" / "paper"


@pytest.fixture(scope="module")
def growth():
    with importable(FOLDER):
        yield importlib.import_module("growth")


def steps(growth, n, power):
    rows, digits = growth.hard_rows(n, power)
    return growth.transition(rows, digits, power)[0]


def test_four_times_the_logarithm_takes_seven_times_the_steps(growth):
    assert [steps(growth, 3, power) for power in (4, 16)] == [3, 22]


def test_with_one_more_row_steps_grow_like_the_square(growth):
    found = [steps(growth, 4, power) for power in (4, 6, 8)]
    assert found == [7, 28, 62]
    assert np.diff(found, 2)[0] > 10


@pytest.mark.parametrize("n", [3, 4])
def test_the_rows_are_what_the_theorems_are_about(growth, n):
    X, y = growth.as_floats(growth.hard_rows(n, 8)[0])
    assert X.shape == (n, n) and np.linalg.norm(X, axis=1).max() <= 1.0
    w = np.linalg.solve(X * y[:, None], np.ones(n))  # all margins are 1
    assert 1.0 / np.linalg.norm(w) > 0.05  # no tiny margin, which would explain many steps


@pytest.mark.parametrize("n", [3, 4])
def test_floats_agree_as_long_as_they_can_hold_the_rows(growth, n):
    X, y = growth.as_floats(growth.hard_rows(n, 4)[0])
    assert growth.steps_in_floats(X, y, n * 1e4, 1000) == steps(growth, n, 4)


def test_one_digit_less_than_it_takes_loses_the_growth(growth):
    rows, digits = growth.hard_rows(3, 16)
    _, sizes = growth.transition(rows, digits, 16)
    needed = int(sum(sizes))
    assert needed < digits
    with growth.arithmetic(needed // 2):
        rounded = [[+x for x in row] for row in rows]
    assert growth.transition(rounded, digits, 16)[0] < 22
    with growth.arithmetic(needed + 5):
        rounded = [[+x for x in row] for row in rows]
    assert growth.transition(rounded, digits, 16)[0] == 22
