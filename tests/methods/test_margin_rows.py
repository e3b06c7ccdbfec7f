"""The rows behind the margins: values, scales without rounding, and signs that are proved."""

import numpy as np
import pytest
from scipy import sparse

from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods import margin_rows
from lsgd_fast._methods.margin_rows import MarginRows

RNG = np.random.default_rng(0)
X = RNG.standard_normal((9, 4)) * [1e-150, 1.0, 1e150, 0.0]
CLASSES = np.arange(9) % 3
FORMS = {"dense": np.asarray, "float16": lambda X: np.float16(X / [1e-150, 1, 1e150, 1]),
         "sparse": sparse.csr_matrix}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_products_with_the_rows_are_the_margins(form, fit_intercept, loss):
    y = CLASSES if loss == "softmax" else CLASSES > 0
    weight = np.arange(9) != 4
    problem = Problem.check(
        FORMS[form](X), y, loss=loss, fit_intercept=fit_intercept, sample_weight=weight
    )
    rows = MarginRows(problem)
    A, u = rows.take(slice(None)), RNG.standard_normal(rows.shape[1])
    assert A.shape == rows.shape and 4 not in rows.row
    assert ((np.abs(A).max(axis=0) >= 0.5) | ~A.any(axis=0)).all() and np.abs(A).max() <= 1.0
    margins, bounds = rows.margins(u)
    assert (np.abs(A @ u - margins) <= 2 * bounds).all() and bounds.max() < 1e-13
    w = rows.to_weights(u)
    scores = problem.features(slice(None)) @ w[:4] + (w[4] if fit_intercept else 0.0)
    scores = np.column_stack([scores, np.zeros(9)])
    expected = scores[rows.row, rows.own] - scores[rows.row, rows.other]
    assert (np.abs(margins - expected) <= 2 * bounds).all()
    assert np.array_equal(rows.to_columns(w), u)


def test_scales_keep_every_digit():
    problem = Problem.check([[3.0, 1e300], [5e-324, -1e-300]], [0, 1])
    A = MarginRows(problem).take(slice(None))
    assert (A != 0.0).all()
    assert A[1, 0] / 5e-324 == A[0, 0] / -3.0


def test_signs_are_exact_where_float64_is_not():
    huge = 10**40
    rows = MarginRows(Problem.check([[0.75, 0.75], [-0.75, -0.5], [0.5, 0.5]], [1, 0, 1]))
    u = np.array([huge + 1, -huge], dtype=object)  # margins .75, 1/4 of a large one, and .5
    assert rows.margins(np.array([0.5, -0.5]))[0][0] == 0.0
    assert rows.signs(u, np.zeros(3, dtype=bool))
    assert not rows.signs(-u, np.zeros(3, dtype=bool))
    assert not rows.signs(u, np.array([True, False, False]))
    u = np.array([huge, -huge], dtype=object)
    assert rows.signs(u, np.array([True, False, True]))
    assert not rows.signs(u, np.zeros(3, dtype=bool))
    assert not rows.signs(u, np.ones(3, dtype=bool))


def test_too_much_exact_arithmetic_is_refused(monkeypatch):
    rows = MarginRows(Problem.check([[1.0, 1.0], [-1.0, -1.0]], [1, 0]))
    u, tied = np.array([1, -1], dtype=object), np.ones(2, dtype=bool)
    assert rows.signs(u, tied)
    monkeypatch.setattr(margin_rows, "MAX_EXACT_TERMS", 3)
    assert not rows.signs(u, tied)
