"""The line search finds the least objective along a line, or says that there is none."""

import math

import numpy as np
import pytest

from lsgd_fast._methods import line_search as searching


def quadratic(slope, curvature):
    return lambda t: (0.0, slope + curvature * t, curvature, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("first", [None, 1.0, 1e-12, 1e12])
@pytest.mark.parametrize("best", [1e-200, 1e-9, 1.0, 1e9, 1e200])
def test_the_search_finds_the_least_of_a_parabola(best, first):
    t, _ = searching.search(quadratic(-1.0, 1.0 / best), 0.0, -1.0, 0.0, 0.0, first, 1e6)
    assert t == pytest.approx(best, rel=0.11)


@pytest.mark.parametrize("best", [1e-100, 0.3, 1e100])
def test_the_search_finds_a_kink(best):
    def evaluate(t):  # flat curvature everywhere, and out of float64 far out
        slope = math.nan if t > 1e8 * best else (-1.0 if t < best else 1.0)
        return 0.0, slope, 0.0, 0.0, 0.0, 0.0, 0.0

    t, _ = searching.search(evaluate, 0.0, -1.0, 0.0, 0.0, 1.0, 1.0)
    assert t < best and t == pytest.approx(best, rel=1e-14)


def test_the_search_ends_where_there_is_no_least():
    assert searching.search(quadratic(-1.0, 0.0), 0.0, -1.0, 0.0, 0.0, 1.0, 1.0)[0] == 1e300
    assert searching.search(lambda t: (math.nan,) * 7, 0.0, -1.0, 0.0, 0.0, 1.0, 1.0) is None


def test_the_search_in_a_flat_tail():
    def evaluate(t):
        slope = -math.exp(-t / 1e5)
        return -1e5 * slope, slope, -slope / 1e5, 0.0, 0.0, 0.0, 0.0

    t, _ = searching.search(evaluate, 0.0, -1.0, 0.0, 0.0, 1.0, 1.0)
    assert math.exp(-t / 1e5) <= 0.1


def test_the_search_looks_at_the_objective():
    """A slope that is steep for a short while and then just positive: far out it is higher."""

    def evaluate(t):
        loss, slope = (1.0 - t, -1.0) if t < 1.0 else (0.05 * (t - 1.0), 0.05)
        return loss, slope, 0.0, 0.0, 0.0, 0.0, 0.0

    t, found = searching.search(evaluate, 1.0, -1.0, 0.0, 0.0, 1e6, 1.0)
    assert 0.0 < t < 21.0 and found == evaluate(t) and found[0] < 1.0


def test_newtons_step_to_the_other_bound_is_not_taken():
    """Of two straight lines: from the lower one Newton's method leads back to the bound."""
    for curvature in np.linspace(0.01, 3.0, 100):
        asked, bound = [], 1.0 / curvature

        def evaluate(t, curvature=curvature, asked=asked, bound=bound):
            asked.append(t)
            slope = curvature * t - (1.0 if t < 0.9 * bound else -1.0)
            return 0.0, slope, curvature, 0.0, 0.0, 0.0, 0.0

        searching.search(evaluate, 0.0, -1.0, 0.0, 0.0, bound, 1.0)
        assert sum(math.isclose(t, bound, rel_tol=1e-12) for t in asked) == 1


@pytest.mark.parametrize("first", [0.7, 1.0])
def test_a_bisection_counts_as_halving(first):
    """However the bounds are rounded, Newton's method follows it."""

    def points(first):
        asked = []

        def evaluate(t):  # the slope jumps up at 0.3
            asked.append(t)
            slope, curvature = (-1.0, 1e9) if t < 0.3 else (1.0 + t, 5.0)
            return 0.0, slope, curvature, 0.0, 0.0, 0.0, 0.0

        searching.search(evaluate, 0.0, -1.0, 0.0, 0.0, first, 1.0)
        return asked[:12]

    for shift in range(-8, 9):
        assert points(first * (1.0 + shift * 2.0**-52)) == pytest.approx(points(first), rel=1e-12)
