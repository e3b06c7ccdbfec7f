"""Rows as a pass reads them: packed or in place, labels in bytes or not, one weight for all."""

from dataclasses import replace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference
from lsgd_fast._engine import dataset as rows
from lsgd_fast._engine.descent import descend
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from support import awkward, hashes, sparse_cases

PROBLEMS = hashes.problems()
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])


def rows_of(problem, pack=False):
    _, X, y, options, _ = problem
    return rows.Rows(Problem.check(X, y, **options), pack=pack)


@pytest.mark.parametrize("k", [1, 5])
@every_problem
def test_packed_rows_have_the_bits_of_rows_in_place(problem, k, isa):
    X, options = problem[1], problem[3]
    if X.dtype not in ("float64", "float32"):
        X = awkward.plain(X)
    X = X.astype(X.dtype.newbyteorder("="), order="C")  # other layouts are never packed
    problem = (problem[0], X, *problem[2:])
    w = hashes.weights(problem, k)
    packed, in_place = (
        rows.evaluate(rows_of(problem, pack), w, options.get("l2", 0.0), True, 1)
        for pack in (True, False)
    )
    assert packed[0].tobytes() == in_place[0].tobytes()
    assert packed[1].tobytes() == in_place[1].tobytes()


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("form", [np.asarray, sparse_cases.csr])
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@pytest.mark.parametrize("n", [3, 8, 71, 1100])  # within a panel, whole panels, several leaves
def test_labels_and_weights_have_one_set_of_bits(n, loss, form, k, isa):
    rng = np.random.default_rng(n)
    X, y = form(rng.standard_normal((n, 3))), np.arange(n) % (3 if loss == "softmax" else 2)
    made = Problem.check(X, y, loss=loss, fit_intercept=True)
    assert made.y.dtype == np.int8 and made.weight.strides == (0,)
    w = rng.standard_normal((4, k))
    found = []
    for labels in (made.y, made.y.astype(np.float64)):
        for weight in (made.weight, np.array(made.weight)):
            other = replace(made, y=labels, weight=weight)
            assert other.is_weighted == (weight is not made.weight)
            if loss == "logistic":
                value, slope = rows.evaluate(rows.Rows(other), w, 0.0, True, 2)
                found.append((value.tobytes(), slope.tobytes()))
            found.append(descended(other))
            assert other.digest() == made.digest()
    assert len(set(found)) == (2 if loss == "logistic" else 1)


def descended(problem):
    request = check_descent(problem, 0.5, DescentOptions(gram=False))
    descent = descend(request)
    descent.step(5)
    return descent.result().weights.tobytes()


def test_more_classes_than_bytes_hold():
    X, y = np.random.default_rng(0).standard_normal((400, 2)), np.arange(400) % 200
    assert Problem.check(X, y, loss="softmax").y.dtype == np.float64
    fast, slow = (
        module.gradient_descent(X, y, 1.0, 3, loss="softmax") for module in (lsgd, reference)
    )
    assert np.abs(fast.weights - slow.weights).max() < 1e-15
    assert Problem.check(X, y % 128, loss="softmax").y.dtype == np.int8
