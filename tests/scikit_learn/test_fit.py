"""What the solvers of the classifier find, and what they warn of."""

import warnings

import numpy as np
import pytest

import lsgd_fast as lsgd

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lsgd_fast import LogisticClassifier, NotConvergedWarning, SeparableDataWarning
from support.classifiers import at, every_solver, overlapping, same_fit


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def iris():
    X, y = load_iris(return_X_y=True)
    return X - X.mean(axis=0), np.array(["setosa", "versicolor", "virginica"])[y]


# Objectives and probabilities


def objective(classifier, X, y, l2):
    log_proba = classifier.predict_log_proba(X)
    own = log_proba[np.arange(len(y)), np.searchsorted(classifier.classes_, y)]
    coef = classifier.coef_
    return -own.mean() + l2 / 2 * (coef**2).sum()


@every_solver
@pytest.mark.parametrize("data", [cancer, iris])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_optimum_is_that_of_scikit_learn(data, solver, fit_intercept):
    X, y = data()
    l2 = 1e-2
    ours = LogisticClassifier(
        **at(0.3 if data is cancer else 0.1, solver), l2=l2, fit_intercept=fit_intercept,
        max_iter=100_000, tol=1e-9,
    ).fit(X, y)  # fmt: skip
    theirs = LogisticRegression(
        C=1 / (len(y) * l2), fit_intercept=fit_intercept, tol=1e-10, max_iter=10_000,
        solver="newton-cg",
    ).fit(X, y)  # fmt: skip
    assert ours.stop_reason_ == ("converged" if solver == "quasi-newton" else "gradient_norm")
    found, expected = (objective(model, X, y, l2) for model in (ours, theirs))
    assert found == pytest.approx(expected, rel=1e-6)
    assert found <= expected * (1 + 1e-12)
    assert ours.loss_curve_[-1] == pytest.approx(found, rel=1e-12)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


def test_a_binary_fit_is_minimize_and_a_descent_is_gradient_descent():
    X, y = overlapping()
    run = lsgd.minimize(X, y, l2=1e-3, fit_intercept=True)
    fitted = LogisticClassifier(l2=1e-3).fit(X, y)
    assert fitted.coef_.tobytes() == run.weights.tobytes() and fitted.intercept_ == run.intercept
    start = np.append(np.zeros(X.shape[1]), np.log(np.mean(y == 1) / np.mean(y == 0)))
    run = lsgd.gradient_descent(X, y, 2.0, 50, l2=1e-3, fit_intercept=True, start=start)
    with pytest.warns(NotConvergedWarning):
        fitted = LogisticClassifier(solver="gd", stepsize=2, l2=1e-3, max_iter=50, tol=0).fit(X, y)
    assert fitted.coef_.tobytes() == run.weights.tobytes() and fitted.intercept_ == run.intercept
    assert fitted.n_iter_ == 50 and len(fitted.loss_curve_) == 51
    np.testing.assert_array_equal(fitted.loss_curve_, run.trace.objective)
    assert fitted.stepsize_ == 2 and fitted.trial_ is None


# What a fit says of itself


def two_of_iris():
    X, y = iris()
    return X[:100], y[:100]


@pytest.mark.parametrize(
    "solver, data", [("quasi-newton", cancer), ("quasi-newton", two_of_iris), ("gd", two_of_iris)]
)
def test_separable_data_without_a_penalty(solver, data):
    X, y = data()
    classifier = LogisticClassifier(**at(100.0, solver), l2=0.0, max_iter=50_000)
    with pytest.warns(SeparableDataWarning, match="linearly separable") as told:
        classifier.fit(X, y)
    assert [str(w.message)[:15] for w in told] == ["the data are li"]
    assert told[0].filename == __file__
    assert classifier.separable_ is True and classifier.score(X, y) == 1.0
    assert classifier.margin_ > 0.0
    margins = classifier.decision_function(X) * np.where(y == classifier.classes_[1], 1, -1)
    norm = np.linalg.norm(classifier.coef_)
    assert classifier.margin_ == pytest.approx(margins.min() / norm, rel=1e-6)
    if solver == "quasi-newton":
        assert classifier.stop_reason_ == "separated"


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("value", "standardize"), [(0.0, False), (1e-300, False), (0.0, True), (0.3, True)]
)
def test_a_warm_start_at_a_feature_that_says_nothing(value, n_classes, standardize):
    """The penalty alone takes its weight to zero, and `tol` says how near."""
    X, y = overlapping(n_classes=n_classes)
    options = {"solver": "gd", "stepsize": 1.0, "l2": 0.1, "standardize": standardize}
    fitted = LogisticClassifier(**options, warm_start=True).fit(X, y)
    before = abs(fitted.coef_[:, 0]).max()
    X[:, 0] = value
    fitted.fit(X, y)
    assert fitted.stop_reason_ == "gradient_norm" and fitted.n_iter_ < 500
    assert abs(fitted.coef_[:, 0]).max() < 0.02 * before


@every_solver
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_features_of_zeros_alone(solver, fit_intercept, l2):
    X, y = overlapping()
    fitted = LogisticClassifier(solver=solver, fit_intercept=fit_intercept, l2=l2).fit(0.0 * X, y)
    assert not fitted.coef_.any()
    assert fitted.stop_reason_ == ("gradient_norm" if solver == "gd" else "converged")
    assert fitted.n_iter_ == 0 or solver != "gd"


def test_separable_data_of_several_classes():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = 10.0 * np.eye(3)[y] + rng.standard_normal((60, 3))
    with pytest.warns(SeparableDataWarning):
        classifier = LogisticClassifier(l2=0.0).fit(X, y)
    scores = classifier.decision_function(X)
    own = scores[np.arange(60), y]
    scores[np.arange(60), y] = -np.inf
    least = (own - scores.max(axis=1)).min() / np.linalg.norm(classifier.coef_)
    assert classifier.margin_ == pytest.approx(least, rel=1e-6) and least > 0.0


def test_data_that_are_separated_in_part():
    """Iris with three classes: the first lies apart, the others overlap."""
    X, y = load_iris(return_X_y=True)
    classifier = LogisticClassifier(l2=0.0)
    for _ in range(2):  # the second time from the weights of the first
        with pytest.warns(SeparableDataWarning, match="feature 2 and feature 3 go to") as told:
            classifier.fit(X, y)
        assert len(told) == 1 and told[0].filename == __file__
        assert isinstance(told[0].message, lsgd.SeparationWarning)
        assert classifier.stop_reason_ == "no_minimum" and classifier.separable_ is None
        classifier.set_params(warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LogisticClassifier().fit(X, y).stop_reason_ == "converged"


@pytest.mark.parametrize("y", [[0, 1, 1, 1], [0, 0, 1, 1]])
def test_warnings_name_the_columns_of_a_frame(y):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"dose": [0.0, 0.0, 1.0, 1.0], "none": 0.0})
    with pytest.warns(SeparableDataWarning, match="the coefficient of dose goes to infinity"):
        LogisticClassifier(l2=0.0).fit(frame, y)


def test_data_that_are_not_separable():
    X, y = overlapping()
    classifier = LogisticClassifier(l2=0.0).fit(X, y)
    assert classifier.separable_ is None and classifier.margin_ < 0.0
    assert classifier.stop_reason_ == "converged"
    assert classifier.run_.verdict is lsgd.Verdict.stable


@every_solver
def test_too_few_iterations(solver):
    X, y = overlapping()
    with pytest.warns(NotConvergedWarning, match=r"max_iter=2 iterations \(") as told:
        classifier = LogisticClassifier(**at(0.1, solver), max_iter=2).fit(X, y)
    assert len(told) == 1 and told[0].filename == __file__
    assert classifier.n_iter_ == 2 and len(classifier.loss_curve_) == 3
    assert issubclass(NotConvergedWarning, ConvergenceWarning)
    assert issubclass(SeparableDataWarning, ConvergenceWarning)


def test_a_descent_that_leaves_float64_is_an_error():
    X, y = overlapping()
    with pytest.raises(ValueError, match="stepsize: the descent overflowed float64"):
        LogisticClassifier(solver="gd", stepsize=1e300, l2=1e3).fit(X, y)


def test_trial():
    X, y = cancer()
    X, y = X[:, :5], y
    classifier = LogisticClassifier(solver="gd", l2=1e-2, max_iter=20_000, tol=1e-8, random_state=0)
    classifier.fit(X, y)
    assert classifier.stepsize_ == classifier.trial_.recommended
    again = clone(classifier).set_params(random_state=np.random.RandomState(0)).fit(X, y)
    assert again.coef_.tobytes() == classifier.coef_.tobytes()
    same_fit(classifier, LogisticClassifier(l2=1e-2).fit(X, y), rtol=1e-5)
    classifier.set_params(solver="quasi-newton").fit(X, y)
    assert not hasattr(classifier, "stepsize_") and not hasattr(classifier, "trial_")


def test_trial_of_several_classes():
    X, y = iris()
    classifier = LogisticClassifier(solver="gd", l2=1e-2, max_iter=20_000, tol=1e-8, random_state=0)
    classifier.fit(X, y)
    trial = classifier.trial_
    assert classifier.stepsize_ == trial.recommended > trial.conservative
    assert (trial.loss, trial.n_classes, trial.rows) == ("softmax", 3, len(X))
    same_fit(classifier, LogisticClassifier(l2=1e-2).fit(X, y), rtol=1e-5)
    weighted = clone(classifier).set_params(class_weight={label: 2.0 for label in np.unique(y)})
    assert weighted.fit(X, y).coef_.tobytes() == classifier.coef_.tobytes()


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 1.0}, {0: 1e308, 1: 1e308}])
@pytest.mark.parametrize("size", [5e-324, 1e-300, 2.0**1023, 1e300])
def test_only_the_ratios_of_weights_matter_at_the_ends_of_float64(size, class_weight):
    X, y = np.array([[1.0], [2.0], [0.5], [-1.0]]), [0, 1, 0, 1]
    expected = LogisticClassifier(l2=0.1, class_weight=class_weight).fit(X, y)
    found = LogisticClassifier(l2=0.1, class_weight=class_weight).fit(X, y, np.full(4, size))
    assert found.coef_ == pytest.approx(expected.coef_, rel=1e-12)


@pytest.mark.parametrize(("C", "size"), [(1e-320, 1.0), (1e-200, 1e-200)])
def test_a_C_whose_penalty_overflows(C, size):
    X, y = overlapping()
    with pytest.raises(ValueError, match=f"^C: .* for C={C}; pass a larger one"):
        LogisticClassifier(C=C).fit(X, y, np.full(len(y), size))
