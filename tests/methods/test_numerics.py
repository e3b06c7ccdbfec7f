"""Comparisons and norms up to the limits of float64."""

import math

import numpy as np
import pytest

from lsgd_fast._methods.numerics import is_increase, norm, ratio, separates

EPS = 2.0**-52


@pytest.mark.parametrize(
    ("before", "now", "increased"),
    [
        (1.0, 1.0 + 60 * EPS, False),
        (1.0, 1.0 + 70 * EPS, True),
        (math.exp(-10), math.exp(-10) * (1 + 100 * EPS), True),
        (1e-289, 1e-289 * (1 + 100 * EPS), True),  # in the log domain this would be lost
        (math.exp(-1000), -1000 + 60_000 * EPS, False),
        (math.exp(-1000), -1000 + 70_000 * EPS, True),
        (math.exp(-1000), 1.0, True),
        (1.0, math.exp(-1000), False),
        (1.0, math.inf, True),
        (1.0, math.nan, False),
    ],
)
def test_what_counts_as_an_increase(before, now, increased):
    def with_logarithm(loss):
        if loss == 0.0 or loss < -1.0:  # a logarithm, of a loss that underflows
            return 0.0, loss or -1000.0
        return loss, math.log(loss)

    assert is_increase(*with_logarithm(now), *with_logarithm(before)) is increased


def test_norms_neither_overflow_nor_underflow():
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200, rel=4 * EPS)
    assert norm(np.array([3e-200, 4e-200])) == pytest.approx(5e-200, rel=4 * EPS)
    assert norm(np.zeros(3)) == 0.0
    assert norm(np.array([1.0, -math.inf])) == math.inf
    assert math.isnan(norm(np.array([1.0, math.nan])))


def test_ratios_of_numbers_that_are_not_positive():
    assert ratio(1.0, 2.0) == 0.5
    assert ratio(0.0, 0.0) == ratio(0.0, math.nan) == 0.0
    assert ratio(1.0, 0.0) == ratio(1.0, math.nan) == math.inf


def test_margins_within_their_rounding_do_not_separate():
    # ten products of rows with norm 2 and weights with norm 3
    assert not separates(10 * EPS * 6.0, 3.0, 2.0, 10)
    assert separates(10 * EPS * 6.1, 3.0, 2.0, 10)
    assert not separates(10 * EPS * 6.1, 3.0, 2.0, 10, at_zero=1.0)
    # an offset of 1 may be all of a margin
    assert not separates(1.0 + 10 * EPS, 0.0, 2.0, 10, offset=1.0)
    assert separates(1.0 + 12 * EPS, 0.0, 2.0, 10, offset=1.0)
    assert not separates(0.0, 0.0, 2.0, 10) and not separates(math.nan, 1.0, 1.0, 1)
