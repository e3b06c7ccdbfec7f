"""The classifier for scikit-learn: its protocol, its labels, its refusals."""

import pickle
import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.classifiers import results
from support.fresh import run_python

pytest.importorskip("sklearn")
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lsgd_fast import LogisticClassifier
from support.classifiers import BinaryClassifier, at, every_solver, overlapping, same_fit

# Checks that scikit-learn itself leaves out, and why.
SKIPPED = {
    "check_array_api_input": "SCIPY_ARRAY_API is not set",
    "check_classifier_data_not_an_array": "pandas is not installed",
    "check_sample_weights_pandas_series": "pandas is not installed",
}


@every_solver
@pytest.mark.parametrize("kind", [LogisticClassifier, BinaryClassifier])
def test_every_check_of_scikit_learn_passes(kind, solver):
    if (
        kind is BinaryClassifier
    ):  # the checks of 1.6 give two classes different labels by their order
        pytest.importorskip("sklearn", minversion="1.7")
    found = results(kind(solver=solver))
    status = {(r["check_name"], r["status"]): r["exception"] for r in found}
    assert {
        key: error for key, error in status.items() if key[1] not in ("passed", "skipped")
    } == {}
    skipped = {name: str(error) for (name, how), error in status.items() if how == "skipped"}
    assert {name: why for name, why in skipped.items() if SKIPPED.get(name, "?") not in why} == {}
    assert len(found) > 50


@pytest.mark.parametrize("n_classes", [2, 4])
def test_probabilities(n_classes):
    X, y = overlapping(n_classes=n_classes)
    fitted = LogisticClassifier().fit(X, y)
    X = 100.0 * X  # far out, where probabilities underflow
    proba, log_proba = fitted.predict_proba(X), fitted.predict_log_proba(X)
    assert proba.shape == log_proba.shape == (len(X), n_classes)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    assert np.isfinite(log_proba).all() and log_proba.min() < -100.0
    scores = fitted.decision_function(X)
    scores = np.column_stack([0 * scores, scores]) if n_classes == 2 else scores
    from_scores = np.diff(scores, axis=1)
    np.testing.assert_allclose(np.diff(log_proba, axis=1), from_scores, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(fitted.predict(X), proba.argmax(axis=1))


def test_every_label_type():
    X, y = overlapping()
    expected = LogisticClassifier().fit(X, y)
    for labels in (
        np.array([False, True]), np.array([-1, 1]), np.array([3.0, 7.0]), np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object), np.array([5, 250], dtype=np.uint8),
    ):  # fmt: skip
        fitted = LogisticClassifier().fit(X, labels[y])
        assert fitted.coef_.tobytes() == expected.coef_.tobytes()
        assert fitted.classes_.dtype == labels.dtype
        np.testing.assert_array_equal(fitted.predict(X), labels[expected.predict(X)])
    fitted = LogisticClassifier().fit(X.tolist(), labels[y].tolist())
    assert fitted.coef_.tobytes() == expected.coef_.tobytes()


# Weights


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_equal_repetition(solver, n_classes):
    X, y = overlapping(60, n_classes=n_classes)
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    options = {**at(0.5, solver), "tol": 1e-6, "max_iter": 100_000, "l2": 1e-2}
    for class_weight in (None, "balanced", {0: 3.0}):
        weighted = LogisticClassifier(**options, class_weight=class_weight)
        repeated = clone(weighted).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        same_fit(weighted.fit(X, y, sample_weight=weight), repeated, rtol=1e-7)
        same_fit(clone(weighted).fit(X, y, sample_weight=7.5 * weight), repeated, rtol=1e-7)


def test_class_weight():
    X, y = overlapping(300)
    keep = (y == 1) | (np.arange(len(y)) % 5 == 0)  # classes of different size
    X, y = X[keep], y[keep]
    count = np.bincount(y)
    plain = LogisticClassifier().fit(X, y)
    balanced = LogisticClassifier(class_weight="balanced").fit(X, y)
    assert (balanced.predict(X) == 0).sum() > (plain.predict(X) == 0).sum()
    by_hand = LogisticClassifier(class_weight=dict(enumerate(1.0 / count))).fit(X, y)
    same_fit(balanced, by_hand)
    same_fit(balanced, LogisticClassifier().fit(X, y, sample_weight=(1.0 / count)[y]))
    theirs = LogisticRegression(
        class_weight="balanced", C=1 / (len(y) * 1e-4), tol=1e-10, solver="newton-cg"
    ).fit(X, y)
    same_fit(balanced, theirs, rtol=1e-5)
    # a label that a part of the data lacks is no slip
    assert LogisticClassifier(class_weight={0: 1, 1: 1, 2: 9}).fit(X, y).score(X, y) > 0.6


# The protocol


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_warm_start(solver, n_classes):
    X, y = overlapping(n_classes=n_classes)
    options = {**at(0.5, solver), "tol": 1e-7, "max_iter": 50_000, "l2": 1e-2}
    cold = LogisticClassifier(**options).fit(X, y)
    warm = LogisticClassifier(**options, warm_start=True).fit(X, y)
    assert warm.n_iter_ == cold.n_iter_ > 3
    assert warm.fit(X, y).n_iter_ <= 1
    same_fit(warm, cold, rtol=1e-5)
    warm.set_params(l2=2e-2).fit(X, y)
    same_fit(warm, LogisticClassifier(**options | {"l2": 2e-2}).fit(X, y), rtol=1e-5)
    assert warm.set_params(fit_intercept=False).fit(X, y).intercept_.tolist() == [0.0] * len(
        warm.intercept_
    )
    with pytest.raises(ValueError, match="warm_start: the last fit had 5 features"):
        warm.fit(X[:, :3], y)
    with pytest.raises(ValueError, match="warm_start: .* the classes"):
        warm.fit(X, y + 1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_pickle_across_processes(tmp_path, n_classes):
    X, y = overlapping(n_classes=n_classes)
    fitted = LogisticClassifier().fit(X, y)
    path = tmp_path / "classifier.pickle"
    path.write_bytes(pickle.dumps((fitted, X)))
    done = run_python(
        "import pickle, sys\n"
        "fitted, X = pickle.load(open(sys.argv[1], 'rb'))\n"
        "assert fitted.run_.verdict == 'stable' and fitted.stop_reason_ == 'converged'\n"
        "print(fitted.predict_proba(X).tobytes().hex())",
        str(path),
    )
    assert done.stdout.strip() == fitted.predict_proba(X).tobytes().hex(), done.stderr
    again = pickle.loads(pickle.dumps(fitted))
    assert again.loss_curve_.tobytes() == fitted.loss_curve_.tobytes()


def test_a_clone_is_not_fitted():
    X, y = overlapping()
    rule = lsgd.stepsizes.Constant(2.0)
    fitted = LogisticClassifier(solver="gd", stepsize=rule, l2=0.5).fit(X, y)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params() and not hasattr(copy, "coef_")


def test_grid_search_and_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticClassifier())
    search = GridSearchCV(pipeline, {"logisticclassifier__l2": [1e-3, 10.0]}, cv=3)
    search.fit(X, y)
    assert search.best_params_ == {"logisticclassifier__l2": 1e-3}
    assert search.best_score_ > 0.96
    assert set(search.classes_) == {0, 1}


def test_metadata_routing():
    X, y = overlapping()
    weight = np.arange(len(y), dtype=float) + 1.0
    with config_context(enable_metadata_routing=True):
        classifier = LogisticClassifier().set_fit_request(sample_weight=True)
        classifier.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, classifier).fit(X, y, sample_weight=weight)
        scores = cross_validate(
            classifier, X, y, params={"sample_weight": weight}, return_estimator=True, cv=2
        )
    scaled = StandardScaler().fit_transform(X)
    same_fit(pipeline[-1], LogisticClassifier().fit(scaled, y, sample_weight=weight))
    train, test = next(StratifiedKFold(2).split(X, y))
    expected = LogisticClassifier().fit(X[train], y[train], sample_weight=weight[train])
    same_fit(scores["estimator"][0], expected)
    score = expected.score(X[test], y[test], sample_weight=weight[test])
    assert scores["test_score"][0] == pytest.approx(score)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    frames = pytest.importorskip(library)
    X, y = overlapping()
    names = ["a", "b", "c", "d", "e"]
    frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
    labels = frames.Series(np.array(["no", "yes"])[y])
    weight = np.linspace(1.0, 2.0, len(y))
    fitted = LogisticClassifier().fit(frame, labels, sample_weight=frames.Series(weight))
    assert fitted.feature_names_in_.tolist() == names and fitted.n_features_in_ == 5
    expected = LogisticClassifier().fit(X, y, sample_weight=weight)
    assert fitted.coef_.tobytes() == expected.coef_.tobytes()
    found = fitted.predict_proba(frame)
    np.testing.assert_allclose(found, expected.predict_proba(X), rtol=1e-12)
    assert fitted.classes_.tolist() == ["no", "yes"]
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame[names[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.predict(X)


# Storage


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8", "int64", "bool"])
def test_storage_is_not_arithmetic(dtype):
    X, y = overlapping()
    X = (X > 0) if dtype == "bool" else np.round(20 * X).clip(0, 100)
    X = X.astype(dtype)
    fitted = LogisticClassifier(l2=1e-2).fit(X, y)
    wide = X.astype(np.float64)
    expected = LogisticClassifier(l2=1e-2).fit(wide, y)
    np.testing.assert_allclose(fitted.coef_, expected.coef_, rtol=1e-12)
    np.testing.assert_allclose(fitted.decision_function(X), expected.decision_function(wide))
    assert fitted.coef_.dtype == np.float64


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", ["float16", "uint8", "int8", "float32", "int64", "bool", ">f2"])
def test_rows_of_few_bits_are_predicted_in_place(dtype, n_classes):
    X, y = overlapping(101, n_classes=n_classes)
    fitted = LogisticClassifier().fit(X, y)
    rows = np.round(20 * np.abs(X)).clip(0, 100).astype(dtype)
    for given in (rows, rows[::-2], np.asfortranarray(rows), rows[:1]):
        expected = fitted.decision_function(given.astype(np.float64))
        np.testing.assert_allclose(fitted.decision_function(given), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "uint8"])
def test_predictions_make_no_float64_of_the_rows(dtype):
    X, y = overlapping(200, 100)
    fitted, rows = LogisticClassifier().fit(X, y), np.ones((20_000, 100), dtype)
    tracemalloc.start()
    fitted.predict(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 200  # a quarter of it


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "csc_array", "coo_array"])
def test_sparse_rows(solver, n_classes, kind):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = overlapping(n_classes=n_classes)
    X[np.abs(X) < 1.0] = 0.0
    options = {**at(0.5, solver), "l2": 1e-2, "tol": 1e-6}
    expected = LogisticClassifier(**options).fit(X, y)
    rows = getattr(sparse, kind)(X)
    fitted = LogisticClassifier(**options).fit(rows, y)
    same_fit(fitted, expected)
    found = fitted.predict_proba(rows)
    np.testing.assert_allclose(found, expected.predict_proba(X), rtol=1e-9, atol=1e-12)
    assert isinstance(found, np.ndarray)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_threads_make_no_difference(solver, n_classes):
    X, y = overlapping(3000, n_classes=n_classes)
    options = {**at(0.5, solver), "l2": 1e-2, "tol": 1e-6}
    one, two = (LogisticClassifier(**options, n_threads=k).fit(X, y) for k in (1, 2))
    assert one.coef_.tobytes() == two.coef_.tobytes() and two.run_.n_threads == 2


# Bad input


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"solver": "lbfgs"}, ValueError, "solver"),
        ({"stepsize": "big"}, ValueError, "stepsize"),
        ({"stepsize": -1.0, "solver": "gd"}, ValueError, "stepsize"),
        ({"stepsize": 1.0}, ValueError, "stepsize is not used by solver='quasi-newton'"),
        ({"stepsize": lsgd.stepsizes.Constant(1.0)}, ValueError, "or pass solver='gd'"),
        ({"stepsize": None, "solver": "gd"}, TypeError, "stepsize"),
        ({"l2": -1.0}, ValueError, "l2"),
        ({"l2": "much"}, TypeError, "l2"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"max_iter": 1.5}, TypeError, "max_iter"),
        ({"tol": float("nan")}, ValueError, "tol"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"callback": 3}, TypeError, "callback"),
        ({"class_weight": "equal"}, ValueError, "class_weight"),
        ({"class_weight": {"a": 1.0}}, ValueError, "class_weight has the class 'a'"),
        ({"class_weight": {0: -1.0}}, ValueError, "class_weight"),
        ({"class_weight": [1.0, 2.0]}, ValueError, "class_weight"),
        ({"random_state": "now", "solver": "gd"}, ValueError, "random_state"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"warm_start": 1}, TypeError, "warm_start"),
        ({"verbose": -1}, ValueError, "verbose"),
        ({"verbose": "yes"}, TypeError, "verbose"),
        ({"l2": float("inf")}, ValueError, "l2"),
        ({"tol": "small"}, TypeError, "tol"),
        ({"n_threads": 1.5}, TypeError, "n_threads"),
        ({"solver": None}, TypeError, "solver"),
    ],
)
def test_bad_options(options, error, match):
    X, y = overlapping()
    with pytest.raises(error, match=match):
        LogisticClassifier(**options).fit(X, y)


def test_bad_data():
    X, y = overlapping()
    fit = LogisticClassifier().fit
    hole = X.copy()
    hole[3, 1] = np.nan
    for arguments, match in [
        ((hole, y), "NaN"),
        ((X[:0], y[:0]), "0 sample"),
        ((X[0], y), "2D"),
        ((X, y[1:]), "inconsistent"),
        ((X, np.zeros(len(y))), "only one class"),
        ((X, y + X[:, 0]), "Unknown label type"),
        ((X, y, -np.ones(len(y))), "sample_weight must not be negative"),
        ((X, y, -1.0 * y), "sample_weight must not be negative"),
        ((X, y, np.zeros(len(y))), "zero"),
        ((X, y, y), "sample_weight is zero for all rows of class 0"),
        ((X, y, np.ones(3)), "sample_weight"),
    ]:
        with pytest.raises(ValueError, match=match):
            fit(*arguments)
    with pytest.raises(ValueError, match="3 features"):
        fit(X, y).predict(X[:, :3])


# The import


def test_the_package_says_what_is_missing_without_scikit_learn():
    script = """
import sys
sys.modules["sklearn"] = None
import lsgd_fast as lsgd
assert not hasattr(lsgd, "no_such_name")
try:
    lsgd.LogisticClassifier
except ImportError as error:
    print(error)
"""
    done = run_python(script)
    assert "pip install 'scikit-learn>=1.6'" in done.stdout, done.stderr


def test_names_are_listed():
    assert {"LogisticClassifier", "SeparableDataWarning", "gradient_descent"} <= set(dir(lsgd))
    assert lsgd.LogisticClassifier is LogisticClassifier
