"""Features that are standardised in the fit, and C as another way to say l2."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lsgd_fast import LogisticClassifier, NotConvergedWarning
from support.classifiers import at, every_solver, overlapping, results, same_fit

UNITS = np.array([1.0, 1e3, 1e-4, 30.0, 1.0])


def in_units(n_classes=2, n=200):
    """Return features whose means and deviations are far apart."""
    X, y = overlapping(n, n_classes=n_classes)
    return X * UNITS + 3.0 * UNITS, y


def fitted_to(rows, X, y, **options):
    """Return a classifier fitted to standardised rows, with its weights in the units of X."""
    fitted = LogisticClassifier(**options).fit(rows, y)
    scaler = StandardScaler().fit(X)
    fitted.coef_ = fitted.coef_ / scaler.scale_
    fitted.intercept_ = fitted.intercept_ - fitted.coef_ @ scaler.mean_
    return fitted


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["dense", "float32", "F", "sparse"])
def test_the_fit_is_that_of_a_scaler_and_a_classifier(solver, n_classes, kind):
    X, y = in_units(n_classes)
    X = X.astype(np.float32).astype(float)
    rows = StandardScaler().fit_transform(X)
    options = at(0.5, solver) | {"l2": 1e-2, "tol": 1e-9, "max_iter": 5000}
    expected = fitted_to(rows, X, y, **options)
    given = X.astype(np.float32) if kind == "float32" else X
    if kind == "F":
        given = np.asfortranarray(X)
    if kind == "sparse":
        given = pytest.importorskip("scipy.sparse").csr_array(X)
    before = given.copy()
    fitted = LogisticClassifier(**options, standardize=True).fit(given, y)
    assert abs(given - before).max() == 0.0
    np.testing.assert_allclose(fitted.coef_ * UNITS, expected.coef_ * UNITS, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fitted.intercept_, expected.intercept_, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(fitted.predict(given), expected.predict(X))
    np.testing.assert_allclose(fitted.coef_[0], np.atleast_2d(fitted.run_.raw_weights.T)[0])
    margin = fitted.run_.trace.min_margin[-1] / np.linalg.norm(fitted.coef_)
    assert fitted.margin_ == pytest.approx(margin)


def test_weights_of_rows_and_classes_count():
    X, y = in_units()
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    options = {"standardize": True, "l2": 1e-2, "class_weight": {0: 3.0}}
    weighted = LogisticClassifier(**options).fit(X, y, sample_weight=weight)
    repeated = LogisticClassifier(**options).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    same_fit(weighted, repeated, rtol=1e-6)


def test_without_an_intercept_features_are_only_scaled():
    X, y = in_units()
    fitted = LogisticClassifier(standardize=True, fit_intercept=False, l2=1e-2).fit(X, y)
    assert fitted.intercept_.tolist() == [0.0]
    by_hand = LogisticClassifier(fit_intercept=False, l2=1e-2).fit(X / X.std(axis=0), y)
    np.testing.assert_allclose(fitted.coef_ * X.std(axis=0), by_hand.coef_, rtol=1e-6)


def test_a_constant_feature_gets_no_weight():
    X, y = in_units()
    X[:, 1] = 0.1
    fitted = LogisticClassifier(standardize=True).fit(X, y)
    assert abs(fitted.coef_[0, 1]) < 1e-15 and fitted.stop_reason_ == "converged"


@pytest.mark.parametrize("low", [0.3, 7.0, 1e9])
def test_a_feature_that_is_constant_but_for_rounding_changes_nothing(low):
    """Scaled it would be the largest feature of all, and its rounding that of all scores."""
    X, y = overlapping()
    column = np.where(np.random.default_rng(2).random(len(y)) < 0.5, low, np.nextafter(low, 2e9))
    with_it = np.column_stack([X, column])
    expected = LogisticClassifier(standardize=True).fit(X, y)
    fitted = LogisticClassifier(standardize=True).fit(with_it, y)
    assert fitted.run_.stop_reason == "converged"
    scores = fitted.decision_function(with_it)
    np.testing.assert_allclose(scores, expected.decision_function(X), rtol=1e-9, atol=1e-9)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_warm_start_begins_where_the_last_fit_ended(solver, n_classes, fit_intercept):
    X, y = in_units(n_classes)
    warm = LogisticClassifier(
        **at(0.05, solver), tol=1e-6, max_iter=50_000, l2=1e-2, warm_start=True,
        standardize=True, fit_intercept=fit_intercept,
    ).fit(X, y)  # fmt: skip
    assert warm.n_iter_ > 3
    assert warm.fit(X, y).n_iter_ <= 1


def test_a_trial_chooses_the_stepsize_for_the_standardised_features():
    X, y = in_units()
    fitted = LogisticClassifier(
        solver="gd", standardize=True, l2=1e-2, max_iter=5000, tol=1e-6, random_state=0
    ).fit(X, y)
    assert fitted.trial_ is not None and fitted.score(X, y) > 0.7
    exact = LogisticClassifier(standardize=True, l2=1e-2).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X), exact.predict_proba(X), atol=1e-3)


@every_solver
def test_every_check_of_scikit_learn_passes_with_standardize(solver):
    found = results(LogisticClassifier(solver=solver, standardize=True))
    failed = {r["check_name"]: r["exception"] for r in found if r["status"] == "failed"}
    assert failed == {} and len(found) > 50


# C


@pytest.mark.parametrize("C", [0.05, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0}])
def test_C_is_that_of_scikit_learn(C, class_weight):
    X, y = overlapping(n_classes=2)
    y[: len(y) // 3] = 0
    weight = np.random.default_rng(1).random(len(y)) * 7.0
    theirs = LogisticRegression(
        C=C, class_weight=class_weight, tol=1e-10, solver="newton-cg"
    ).fit(X, y, sample_weight=weight)  # fmt: skip
    ours = LogisticClassifier(C=C, class_weight=class_weight).fit(X, y, sample_weight=weight)
    same_fit(ours, theirs, rtol=1e-5)


def test_l2_is_kept():
    X, y = overlapping()
    assert LogisticClassifier(C=2.0).fit(X, y).l2_ == 1.0 / (2.0 * len(y))
    assert LogisticClassifier(l2=0.5).fit(X, y).l2_ == 0.5
    assert LogisticClassifier(C=np.inf).fit(X, y).l2_ == 0.0
    pipeline = make_pipeline(StandardScaler(), LogisticClassifier(C=1.0)).fit(X, y)
    same_fit(pipeline[-1], LogisticClassifier(C=1.0, standardize=True).fit(
        StandardScaler().fit_transform(X), y), rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"C": 1.0, "l2": 0.5}, ValueError, "l2 and C both set the penalty"),
        ({"C": 0.0}, ValueError, "C"),
        ({"C": -1}, ValueError, "C"),
        ({"C": float("nan")}, ValueError, "C"),
        ({"C": "much"}, TypeError, "C"),
        ({"standardize": 1}, TypeError, "standardize"),
    ],
)
def test_bad_options(options, error, match):
    X, y = overlapping()
    with pytest.raises(error, match=match):
        LogisticClassifier(**options).fit(X, y)


def test_the_advice_where_a_fit_does_not_converge():
    X, y = in_units()
    with pytest.warns(NotConvergedWarning, match="standardize=True"):
        LogisticClassifier(max_iter=2).fit(X, y)
