"""Labels and weights that are not what a function takes: the advice of each error works."""

import re

import numpy as np
import pytest

from lsgd_fast._inputs.problem import Problem
from support.backends import every_backend

X = np.array([[1.0, 0.5], [-2.0, 0.25], [-1.0, -0.5], [2.0, 3.0]])


def advice(error, y):
    """Return what the code after "pass" in an error evaluates to, for these labels."""
    code = re.search(r"pass (.*?)(, or | makes | if |$)", str(error)).group(1)
    return eval(code, {"numpy": np, "y": y, "label": np.unique(np.asarray(y))[-1]})


STRINGS = {
    "list": list, "array": np.array, "objects": lambda y: np.array(y, object),
    "StringDType": lambda y: np.array(y, np.dtypes.StringDType()),
    "pandas": lambda y: pytest.importorskip("pandas").Series(y),
    "categories": lambda y: pytest.importorskip("pandas").Series(y, dtype="category"),
    "polars": lambda y: pytest.importorskip("polars").Series(y),
    "pyarrow": lambda y: pytest.importorskip("pyarrow").array(y),
}  # fmt: skip


@every_backend
@pytest.mark.parametrize("kind", STRINGS)
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_strings_are_refused_with_what_to_pass(backend, kind, loss):
    y = STRINGS[kind](["no", "yes", "yes", "no"])
    with pytest.raises(TypeError, match="^y must hold real numbers, and not strings") as caught:
        backend.gradient_descent(X, y, 1.0, 3, loss=loss)
    assert "found 'no', 'yes': " in str(caught.value)
    found = backend.gradient_descent(X, advice(caught.value, y), 1.0, 3, loss=loss)
    expected = backend.gradient_descent(X, [0, 1, 1, 0], 1.0, 3, loss=loss)
    assert found.weights.tobytes() == expected.weights.tobytes()


@every_backend
@pytest.mark.parametrize("form", [np.array, "pandas"])
def test_labels_in_a_column_for_each_class(backend, form):
    y = np.array([[True, False], [False, True], [False, True], [True, False]])
    y = pytest.importorskip("pandas").DataFrame(y) if form == "pandas" else y
    with pytest.raises(ValueError, match=r"y must be 1-d; got shape \(4, 2\).*one-hot") as caught:
        backend.gradient_descent(X, y, 1.0, 3)
    assert advice(caught.value, y).tolist() == [0, 1, 1, 0]


def test_labels_in_one_column():
    y = np.array([[0], [1], [1], [0]])
    with pytest.raises(ValueError, match=r"y must be 1-d; got shape \(4, 1\)") as caught:
        Problem.check(X, y)
    assert advice(caught.value, y).tolist() == [0, 1, 1, 0]


def test_three_classes_are_left_to_softmax():
    with pytest.raises(ValueError, match=r'found 0, 1, 2: .* or loss="softmax" for') as caught:
        Problem.check(X, [0, 1, 2, 1])
    assert advice(caught.value, np.array([0, 1, 2, 1])).tolist() == [False, False, True, False]
    with pytest.raises(ValueError, match="found 3, 4: .* pass y == label$"):
        Problem.check(X, [3, 4, 3, 4])


def test_class_numbers_of_any_numbers():
    y = np.array([3.5, 7.0, -1.0, 7.0])
    with pytest.raises(ValueError, match="y must hold class numbers 0, 1, ...") as caught:
        Problem.check(X, y, loss="softmax")
    assert "numpy.unique(y, return_inverse=True)[1] makes them" in str(caught.value)


@every_backend
@pytest.mark.parametrize("weight", [1.0, np.float32(2.0), np.array(3)])
def test_one_weight_for_all_rows(backend, weight):
    with pytest.raises(ValueError, match="each of the 4 rows; got .*: leave it out where all are"):
        backend.gradient_descent(X, [0, 1, 1, 0], 1.0, 3, sample_weight=weight)
    with pytest.raises(ValueError, match="^y must have an entry for each of the 4 rows; got 1$"):
        backend.gradient_descent(X, 1, 1.0, 3)
