"""Integers in place of float64, ranks modulo a prime, and exact null vectors."""

from fractions import Fraction

import numpy as np
import pytest

from lsgd_fast._methods.exact import (
    independent,
    null_vectors,
    to_integers,
    to_nearest,
    without_factor,
)


def test_integers_have_the_ratios_of_their_row():
    X = np.array([[0.1, -3.0, 5e-324], [0.0, 1e300, -(2.0**-1000)], [6.0, -4.0, 0.0]])
    for row, integers in zip(X, to_integers(X), strict=True):
        ratios = {Fraction(x) / n for x, n in zip(row.tolist(), integers, strict=True) if n}
        assert len(ratios) == 1 and min(ratios) > 0
        assert [n == 0 for n in integers] == (row == 0.0).tolist()
    assert to_integers(X)[2].tolist() == [3, -2, 0]
    assert to_integers(np.zeros((1, 2))).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("numbers", "nearest", "is_exact"),
    [
        ([3, -4], [0.375, -0.5], True),
        ([2**60 + 1, 1], [0.5, 2.0**-61], False),
        ([2**2000, -(2**1999)], [0.5, -0.25], True),
        ([2**2000, 1], [0.5, 0.0], False),
    ],
)
def test_the_nearest_floats(numbers, nearest, is_exact):
    found, exact = to_nearest(np.array(numbers, dtype=object))
    assert found.tolist() == nearest and exact == is_exact


def test_ranks_are_those_of_the_exact_values():
    X = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]])
    assert independent(X, 3) == ([0, 2], [0, 1])
    X[1, 2] = np.nextafter(6.0, 7.0)
    assert independent(X, 3) == ([0, 2, 1], [0, 1, 2])
    assert independent(X, 2) == (None, None)
    assert independent(np.array([[2.0**31, 1.0], [1.0, 2.0**-31]]), 2) == ([0], [0])
    assert independent(np.array([[2.0**31, 1.0], [1.0, 1.0]]), 2) == ([0, 1], [0, 1])
    assert independent(np.zeros((2, 2)), 2) == ([], [])


def test_null_vectors_are_orthogonal_to_all_rows():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 7)) * 2.0 ** rng.integers(-40, 40, (4, 7))
    A[1, :2] = 0.0
    free = np.array([[1, 0], [-2, 5], [3, 2**70]], dtype=object)
    vectors = null_vectors(A, [0, 2, 3, 5], free)
    assert not (to_integers(A) @ vectors).any() and vectors.any(axis=0).all()
    for column, given in zip(vectors.T, free.T, strict=True):
        ratios = {Fraction(a, b) for a, b in zip(column[[1, 4, 6]], given, strict=True) if b}
        assert len(ratios) == 1 and min(ratios) > 0


def test_common_factors():
    assert without_factor(np.array([6, -9, 0], dtype=object)).tolist() == [2, -3, 0]
    assert without_factor(np.array([0, 0], dtype=object)).tolist() == [0, 0]
