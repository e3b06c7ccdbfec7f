"""What fitted classifiers are to others: copies, pickles, and scikit-learn's own kind."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import lsgd_fast as lsgd

pytest.importorskip("sklearn")
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from lsgd_fast import LogisticClassifier, LogisticClassifierCV
from support.classifiers import overlapping

CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]


def fitted(kind, X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some fits are short
        return kind(**options).fit(X, y)


def every_fit():
    few = {"l2s": [1.0, 1e-2], "cv": 3}
    yield "two classes", fitted(LogisticClassifier, *CANCER, standardize=True), CANCER[0]
    yield "raw units", fitted(LogisticClassifier, *CANCER, C=0.5, max_iter=30), CANCER[0]
    yield "three classes", fitted(LogisticClassifier, IRIS[0], NAMES), IRIS[0]
    yield "standardised", fitted(LogisticClassifier, *IRIS, standardize=True), IRIS[0]
    without = fitted(LogisticClassifier, *IRIS, fit_intercept=False, class_weight="balanced")
    yield "no intercept", without, IRIS[0]
    trial = fitted(LogisticClassifier, *CANCER, solver="gd", max_iter=300, random_state=0)
    yield "descent", trial, CANCER[0]
    early = fitted(
        LogisticClassifier, *CANCER, early_stopping=True, random_state=0, standardize=True
    )
    yield "early stopping", early, CANCER[0]
    X = IRIS[0].astype(np.float32)
    yield "float32", fitted(LogisticClassifier, X, IRIS[1] == 0), X
    X = csr_array(np.where(CANCER[0] > np.median(CANCER[0], axis=0), 1.0, 0.0))
    yield "sparse", fitted(LogisticClassifier, X, CANCER[1]), X
    yield "penalties", fitted(LogisticClassifierCV, IRIS[0], NAMES, **few), IRIS[0]
    yield "means of folds", fitted(LogisticClassifierCV, *CANCER, refit=False, **few), CANCER[0]


KINDS, *FITS = zip(*every_fit(), strict=True)
FITS = list(zip(*FITS, strict=True))
every = pytest.mark.parametrize(("fit", "X"), FITS, ids=KINDS)


@every
def test_the_classifier_of_scikit_learn_says_the_same(fit, X):
    theirs = fit.to_sklearn()
    assert type(theirs) is LogisticRegression
    close = {"rtol": 1e-6, "atol": 1e-9} if X.dtype == np.float32 else {"rtol": 1e-12}
    np.testing.assert_allclose(theirs.decision_function(X), fit.decision_function(X), **close)
    np.testing.assert_allclose(theirs.predict_proba(X), fit.predict_proba(X), rtol=1e-4, atol=1e-12)
    assert theirs.predict(X).tolist() == fit.predict(X).tolist()
    assert theirs.predict(X).dtype == fit.predict(X).dtype
    for name in ("coef_", "intercept_", "classes_"):
        ours = getattr(fit, name)
        assert getattr(theirs, name).tobytes() == ours.tobytes()
        assert not np.shares_memory(getattr(theirs, name), ours)
    assert theirs.n_features_in_ == fit.n_features_in_
    assert not hasattr(fit, "n_iter_") or theirs.n_iter_.tolist() == [fit.n_iter_]
    assert (theirs.C, theirs.fit_intercept) == (fit.C_, fit.fit_intercept)
    assert theirs.class_weight == fit.class_weight
    assert pickle.loads(pickle.dumps(theirs)).predict(X).tolist() == fit.predict(X).tolist()
    theirs.coef_[:] = 0.0  # its own
    assert fit.coef_.any()


def test_names_of_features():
    frames = pytest.importorskip("pandas")
    frame = frames.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
    fit = LogisticClassifier().fit(frame, NAMES)
    theirs = fit.to_sklearn()
    assert theirs.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert theirs.predict(frame).tolist() == fit.predict(frame).tolist()
    with pytest.raises(ValueError, match="feature names"):
        theirs.predict(frame[["b", "a", "c", "d"]])
    assert not hasattr(LogisticClassifier().fit(*IRIS).to_sklearn(), "feature_names_in_")


def test_it_can_be_fitted_anew():
    """C says the same of the penalty: weights of rows and of classes count."""
    X, y = overlapping(300)
    weight = np.random.default_rng(0).integers(1, 4, 300).astype(float)
    for options in ({"l2": 1e-2}, {"C": 0.3, "class_weight": "balanced"}):
        fit = LogisticClassifier(**options).fit(X, y, weight)
        assert fit.C_ == pytest.approx(options.get("C") or 1.0 / (1e-2 * weight.sum()), rel=1e-14)
        again = clone(fit.to_sklearn()).set_params(tol=1e-10, max_iter=1000).fit(X, y, weight)
        np.testing.assert_allclose(again.coef_, fit.coef_, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(again.intercept_, fit.intercept_, rtol=1e-5, atol=1e-6)
    assert LogisticClassifier(C=0.3).fit(X, y).C_ == pytest.approx(0.3, rel=1e-14)
    assert fitted(LogisticClassifier, X, y, l2=0.0).C_ == np.inf


def test_offsets_are_no_part_of_it():
    X, y = overlapping()
    offset = np.random.default_rng(1).standard_normal(len(X))
    fit = LogisticClassifier().fit(X, y, offset=offset)
    scores = fit.to_sklearn().decision_function(X)
    np.testing.assert_allclose(scores + offset, fit.decision_function(X, offset=offset), rtol=1e-12)


@pytest.mark.parametrize("kind", [LogisticClassifier, LogisticClassifierCV])
def test_what_is_not_fitted_is_refused(kind):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        kind().to_sklearn()


@pytest.mark.parametrize("data", [CANCER, IRIS, (IRIS[0], NAMES)], ids=["two", "three", "names"])
def test_onnx(data):
    convert = pytest.importorskip("skl2onnx").to_onnx
    runtime = pytest.importorskip("onnxruntime")
    X, y = data[0].astype(np.float32), data[1]
    fit = fitted(LogisticClassifier, X, y, standardize=True)
    model = convert(fit.to_sklearn(), X[:1], options={"zipmap": False})
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    labels, probabilities = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(probabilities, fit.predict_proba(X), rtol=1e-3, atol=1e-4)
    sure = np.sort(fit.predict_proba(X), axis=1)[:, -2:] @ [-1.0, 1.0] > 1e-3
    assert labels[sure].tolist() == fit.predict(X)[sure].tolist()


# --- pickles and copies ---------------------------------------------------------------------------


def same(found, fit, X):
    assert vars(found).keys() == vars(fit).keys()
    assert found.predict_proba(X).tobytes() == fit.predict_proba(X).tobytes()
    for name in ("coef_", "intercept_", "loss_curve_", "scores_"):
        if hasattr(fit, name):
            assert getattr(found, name).tobytes() == getattr(fit, name).tobytes()
    if hasattr(fit, "run_"):
        assert repr(found.run_) == repr(fit.run_) and found.run_.evidence == fit.run_.evidence
        assert found.run_.weights.tobytes() == fit.run_.weights.tobytes()
        assert found.run_.to_scipy().x.tolist() == fit.run_.to_scipy().x.tolist()
    theirs = found.to_sklearn()
    assert theirs.predict(X).tolist() == fit.predict(X).tolist()


@every
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_has_the_ends_of_the_trace(fit, X, protocol):
    whole = None if not hasattr(fit, "run_") else fit.run_.trace
    found = pickle.loads(pickle.dumps(fit, protocol))
    same(found, fit, X)
    if whole is not None:
        assert fit.run_.trace is whole and len(whole) == fit.n_iter_ + 1  # as it was
        rows = {0, fit.n_iter_} | ({fit.run_.best_at} - {None})
        assert found.run_.trace.step.tolist() == sorted(rows)
        for name, column in found.run_.trace.items():
            np.testing.assert_array_equal(column, whole[name][sorted(rows)])
        assert not found.run_.trace.loss.flags.writeable
    again = pickle.loads(pickle.dumps(found, protocol))
    same(again, found, X)


def test_a_pickle_does_not_grow_with_the_trace():
    fits = [
        fitted(LogisticClassifier, *CANCER, solver="gd", stepsize=0.5, max_iter=n, tol=0.0,
               standardize=True)
        for n in (100, 2000)
    ]  # fmt: skip
    sizes = [len(pickle.dumps(fit)) - fit.loss_curve_.nbytes for fit in fits]
    assert abs(sizes[1] - sizes[0]) < 100 and max(sizes) < 4000
    assert len(pickle.dumps(fits[1].run_)) > 100_000  # a run of its own is whole
    pair = pickle.loads(pickle.dumps((fits[1], fits[1].run_)))
    assert len(pair[0].run_.trace) == 2 and len(pair[1].trace) == 2001


@every
def test_copies_in_memory_are_whole(fit, X):
    for found in (copy.copy(fit), copy.deepcopy(fit)):
        same(found, fit, X)
        if hasattr(fit, "run_"):
            assert len(found.run_.trace) == len(fit.run_.trace)
    deep = copy.deepcopy([fit, fit])
    assert deep[0] is deep[1] and not np.shares_memory(deep[0].coef_, fit.coef_)
    shallow = copy.copy(fit)
    shallow.extra = 1
    assert shallow.coef_ is fit.coef_ and not hasattr(fit, "extra")


def test_a_run_of_a_pickle_can_be_saved_and_drawn(tmp_path):
    fit = pickle.loads(pickle.dumps(FITS[0][0]))
    fit.run_.save(tmp_path / "run.npz")
    assert len(lsgd.Run.load(tmp_path / "run.npz").trace) == 2
    assert "Run" in fit.run_.report()


def test_clones_other_processes_and_pipelines(tmp_path):
    joblib = pytest.importorskip("joblib")
    assert not hasattr(clone(FITS[0][0]), "coef_")
    model = make_pipeline(LogisticClassifier(standardize=True)).fit(*CANCER)
    joblib.dump(model, tmp_path / "model.joblib")
    found = joblib.load(tmp_path / "model.joblib")
    assert found.predict(CANCER[0]).tolist() == model.predict(CANCER[0]).tolist()
    found = cross_validate(
        LogisticClassifier(standardize=True), *CANCER, cv=2, n_jobs=2, return_estimator=True
    )
    for estimator in found["estimator"]:
        assert len(estimator.loss_curve_) == estimator.n_iter_ + 1
        assert len(estimator.run_.trace) == 2


def test_a_fit_goes_on_from_a_pickle():
    fit = pickle.loads(pickle.dumps(LogisticClassifier(warm_start=True).fit(*IRIS)))
    assert fit.fit(*IRIS).n_iter_ <= 2 and len(fit.run_.trace) == fit.n_iter_ + 1
