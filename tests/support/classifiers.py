"""Classifiers, and the data that they are fitted to."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.multiclass import type_of_target

from lsgd_fast import LogisticClassifier

SOLVERS = ["quasi-newton", "gd"]
every_solver = pytest.mark.parametrize("solver", SOLVERS)


def at(stepsize, solver):
    """Return the options of a solver, with a stepsize where it takes one."""
    return {"solver": solver} | ({"stepsize": stepsize} if solver == "gd" else {})


class BinaryClassifier(LogisticClassifier):
    """Refuses more than two classes, so that scikit-learn makes all its checks with two."""

    def fit(self, X, y, sample_weight=None, *, offset=None):
        if type_of_target(y, raise_unknown=True) == "multiclass":
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass."
            )
        return super().fit(X, y, sample_weight, offset=offset)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def overlapping(n=200, d=5, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    scores = X @ rng.standard_normal((d, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X, scores.argmax(axis=1)


def same_fit(a, b, rtol=1e-9):
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=rtol, atol=rtol)


def results(classifier):
    """Return the results of `check_estimator`: dicts with check_name, status and exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # data of checks are separable, and fits short
        return check_estimator(classifier, on_fail=None, on_skip=None)
