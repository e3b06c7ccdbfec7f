"""Weights on rows that no run has seen, against NumPy."""

import numpy as np
import pytest

from lsgd_fast._inputs.problem import Problem
from lsgd_fast._pilot.held_out import HeldOut
from support.pilots import separable
from support.sparse_cases import csr

ROWS = np.array([3, 8, 20, 21, 59])


@pytest.mark.parametrize("kind", ["float64", "float32", "uint8", "sparse", "scaled", "offset"])
def test_losses_and_errors_are_those_of_numpy(kind):
    X, y = separable(60, 3)
    X = np.abs(np.round(4.0 * X))
    options, offset, values = {}, None, X
    weight = np.linspace(1.0, 2.0, 60)
    if kind == "scaled":
        options = {"center": [1.0, 2.0, 3.0], "scale": [0.5, 1.0, 2.0], "fit_intercept": True}
        values = (X - options["center"]) * options["scale"]
    if kind == "offset":
        offset = np.linspace(-1.0, 1.0, 60)
    given = csr(X) if kind == "sparse" else X
    given = X.astype(kind) if kind in ("float32", "uint8") else given
    problem = Problem.check(given, y, sample_weight=weight, **options).with_offset(offset)
    w, b = np.array([0.3, -0.2, 0.1]), 0.25 if kind == "scaled" else 0.0
    found = HeldOut(problem, ROWS, None).measure(w, b)
    margins = y[ROWS] * (values[ROWS] @ w + b + (0.0 if offset is None else offset[ROWS]))
    share = weight[ROWS] / weight[ROWS].sum()
    np.testing.assert_allclose(found.losses, np.logaddexp(0.0, -margins), rtol=1e-13)
    assert np.array_equal(found.errors, margins <= 0.0)
    assert found.loss == pytest.approx(share @ np.logaddexp(0.0, -margins))
    assert found.error == pytest.approx(share @ (margins <= 0.0))


def test_weights_that_left_float64_are_wrong_everywhere():
    problem = Problem.check(*separable(60, 3))
    found = HeldOut(problem, ROWS, None).measure(np.array([np.inf, np.nan, 0.0]), 0.0)
    assert np.isinf(found.loss) and found.error == 1.0


def test_differences_are_paired():
    problem = Problem.check(*separable(60, 3))
    held_out = HeldOut(problem, np.arange(60), None)
    first = np.random.default_rng(0).random(60)
    mean, error = held_out.compare(first, first + 0.5)
    assert mean == pytest.approx(0.5) and error == pytest.approx(0.0, abs=1e-15)
    change = np.where(np.arange(60) < 6, 1.0, 0.0)
    mean, error = held_out.compare(first, first + change)
    assert mean == pytest.approx(0.1)
    assert error == pytest.approx(np.std(change, ddof=1) / np.sqrt(60))


def test_a_few_rows_that_do_not_differ_prove_little():
    problem = Problem.check(*separable(60, 3))
    for n in (4, 50):
        held_out = HeldOut(problem, np.arange(n), None)
        mean, error = held_out.compare_errors(np.zeros(n), np.zeros(n))
        assert mean == 0.0 and error == pytest.approx(np.sqrt(2.0) / (n + 2))
    weight = np.r_[np.ones(4), np.zeros(56)]
    held_out = HeldOut(Problem.check(*separable(60, 3), sample_weight=weight), np.arange(50), None)
    assert held_out.compare_errors(np.zeros(50), np.zeros(50))[1] == pytest.approx(np.sqrt(2) / 6)


def test_infinite_losses_compare():
    problem = Problem.check(*separable(60, 3))
    held_out = HeldOut(problem, np.arange(3), None)
    inf = np.full(3, np.inf)
    assert held_out.compare(inf, inf) == (0.0, 0.0)
    assert held_out.compare(np.zeros(3), inf) == (np.inf, 0.0)
    assert held_out.compare(inf, np.zeros(3)) == (-np.inf, 0.0)
