"""The options of a fit that nobody gave, and those that its solver does not use."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from lsgd_fast import LogisticClassifier, NotConvergedWarning
from support.classifiers import overlapping


def scaled(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("load", [load_wine, overlapping])
def test_gradient_descent_ends_as_it_comes(load):
    X, y = overlapping() if load is overlapping else scaled(load)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = LogisticClassifier(solver="gd", random_state=0).fit(X, y)
    exact = LogisticClassifier().fit(X, y)
    assert fitted.stop_reason_ == "gradient_norm" and fitted.n_iter_ < 10_000
    assert fitted.loss_curve_[-1] <= exact.loss_curve_[-1] * 1.01
    assert np.mean(fitted.predict(X) == exact.predict(X)) > 0.98


def test_gradient_descent_converges_feature_by_feature():
    """A feature in small units takes more steps than there are: that is said."""
    X, y = overlapping()
    options = {"solver": "gd", "stepsize": 1.0, "l2": 0.0, "max_iter": 500}
    LogisticClassifier(**options).fit(X, y)
    with pytest.warns(NotConvergedWarning, match="standardize=True"):
        LogisticClassifier(**options).fit(X * [1.0, 1.0, 1.0, 1.0, 1e-8], y)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("tol", [1e-2, 1e-6])
def test_each_entry_of_the_gradient_meets_tol(n_classes, tol):
    X, y = overlapping(n_classes=n_classes)
    X = X * [1.0, 0.3, 1.0, 0.1, 1.0] + [0.0, 1.0, 0.0, 0.0, 0.0]
    fitted = LogisticClassifier(solver="gd", stepsize=1.0, tol=tol, l2=1e-2, max_iter=100_000)
    fitted.fit(X, y)
    scores = X @ fitted.coef_.T + fitted.intercept_
    scores = np.column_stack([np.zeros(len(X)), scores]) if n_classes == 2 else scores
    s = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    s[np.arange(len(y)), y] -= 1.0
    s = s[:, -len(fitted.coef_) :] / len(y)
    gradient = X.T @ s + 1e-2 * fitted.coef_.T
    sizes = np.abs(X).T @ np.abs(s) + 1e-2 * np.abs(fitted.coef_.T)
    assert fitted.stop_reason_ == "gradient_norm"
    assert (np.abs(gradient) <= 1.001 * tol * sizes).all()
    assert (np.abs(s.sum(axis=0)) <= 1.001 * tol * np.abs(s).sum(axis=0)).all()


@pytest.mark.parametrize("rare", [1e-2, 1e-3, 1e-4])
def test_rare_labels(rare):
    """The intercept starts at the odds of the labels, far from zero."""
    X, y = overlapping()
    weight = np.where(y == 1, rare, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = LogisticClassifier(solver="gd", random_state=0, l2=1e-3).fit(X, y, weight)
    exact = LogisticClassifier(l2=1e-3).fit(X, y, weight)
    p = weight[y == 1].sum() / weight.sum()
    entropy = -(p * np.log(p) + (1.0 - p) * np.log1p(-p))
    assert fitted.loss_curve_[0] == pytest.approx(entropy, rel=1e-12)
    assert fitted.loss_curve_[-1] == pytest.approx(exact.loss_curve_[-1], rel=1e-2)
    assert fitted.intercept_ == pytest.approx(exact.intercept_, abs=0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("factor", [2.0**10, 2.0**480])
def test_the_intercept_keeps_up_with_long_rows(factor, n_classes):
    """Features in other units are fitted in as many steps, to the same bits for a power of two."""
    X, y = overlapping(n_classes=n_classes)
    X = 4.0 * X
    options = {"solver": "gd", "random_state": 0}
    fitted = LogisticClassifier(l2=1e-3, **options).fit(X, y)
    other = LogisticClassifier(l2=1e-3 * factor**2, **options).fit(factor * X, y)
    np.testing.assert_array_equal(factor * other.coef_, fitted.coef_)
    np.testing.assert_array_equal(other.intercept_, fitted.intercept_)
    assert other.n_iter_ == fitted.n_iter_ and other.stepsize_ == fitted.stepsize_
    assert other.l2_ == 1e-3 * factor**2
    np.testing.assert_array_equal(np.ravel(other.run_.raw_weights), np.ravel(other.coef_.T))


@pytest.mark.parametrize("size", [1e-160, 1e-5, 1e160, 1e300])
def test_short_rows_and_the_longest(size):
    """With short ones the penalty outweighs the rows, and the intercept alone is fitted."""
    X, y = overlapping()
    known = np.full(len(y), -1.0)
    for offset in (None, known):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = LogisticClassifier(solver="gd", random_state=0).fit(size * X, y, offset=offset)
        exact = LogisticClassifier().fit(size * X, y, offset=offset)
        assert fitted.loss_curve_[-1] <= 1.01 * exact.loss_curve_[-1]
        assert fitted.intercept_ == pytest.approx(exact.intercept_, rel=0.05, abs=0.02)
        assert fitted.l2_ == 1e-4


def test_rare_labels_of_long_rows():
    """With an intercept that hardly moved, the fit ended a tenth above the optimum, and warned."""
    rng = np.random.default_rng(0)
    X = 30.0 * rng.standard_normal((4000, 20))
    scores = X @ rng.standard_normal(20) / 60.0 - 6.5
    y = rng.random(4000) < 1.0 / (1.0 + np.exp(-scores))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = LogisticClassifier(solver="gd", random_state=0, l2=0.1).fit(X, y)
    exact = LogisticClassifier(l2=0.1).fit(X, y)
    assert 10 < y.sum() < 100
    assert fitted.loss_curve_[-1] <= 1.01 * exact.loss_curve_[-1]
    assert fitted.intercept_ == pytest.approx(exact.intercept_, rel=0.05)


def test_a_start_and_held_out_rows_have_the_units_of_X():
    X, y = overlapping()
    X = 4.0 * X
    options = {"solver": "gd", "random_state": 0, "l2": 1e-3}
    first = LogisticClassifier(warm_start=True, **options).fit(1024.0 * X, y)
    coef, n_iter = first.coef_.copy(), first.n_iter_
    first.fit(1024.0 * X, y)  # where it ended
    assert first.n_iter_ < n_iter and np.abs(first.coef_ - coef).max() < 0.1 * np.abs(coef).max()
    options |= {"early_stopping": True, "l2": 1e-3 * 2.0**20}
    long = LogisticClassifier(**options).fit(1024.0 * X, y)
    short = LogisticClassifier(**{**options, "l2": 1e-3}).fit(X, y)
    np.testing.assert_array_equal(1024.0 * long.coef_, short.coef_)


def test_no_tolerance_is_met_by_rounding_alone():
    X, y = overlapping()
    with pytest.warns(NotConvergedWarning, match="does not meet tol=0.0"):
        fitted = LogisticClassifier(tol=0.0).fit(X, y)
    assert fitted.stop_reason_ == "rounding"


def test_a_stepsize_is_refused_in_fit_where_it_is_not_used():
    classifier = LogisticClassifier(stepsize=0.5)
    with pytest.raises(ValueError, match="leave it out, or pass solver='gd'; got 0.5"):
        classifier.fit(*overlapping())
    assert classifier.set_params(stepsize="trial").fit(*overlapping()).stop_reason_ == "converged"
