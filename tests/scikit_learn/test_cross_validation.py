"""`LogisticClassifierCV`: folds that share the reads of X, and what they say of the penalties."""

import pickle

import numpy as np
import pytest

import lsgd_fast as lsgd

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    LeaveOneGroupOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lsgd_fast import LogisticClassifier, LogisticClassifierCV, NotConvergedWarning
from lsgd_fast._api import folds
from lsgd_fast._methods import quasi_newton
from support.classifiers import overlapping, results, same_fit

L2S = [1.0, 1e-2, 1e-4]
# Of scikit-learn 1.8 and later, which warns without them.
NEW = {"use_legacy_attributes": False, "l1_ratios": (0.0,)}
NEW_ATTRIBUTES = NEW if "use_legacy_attributes" in LogisticRegressionCV().get_params() else {}


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def each_fold(X, y, l2s, cv=None, metric="accuracy", **options):
    """Return the score of each penalty in each fold, each fitted by itself."""
    return np.array([
        cross_val_score(
            LogisticClassifier(l2=l2, tol=1e-10, **options), X, y, scoring=metric,
            cv=StratifiedKFold(5) if cv is None else cv,
        )
        for l2 in l2s
    ]).T  # fmt: skip


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["float64", "float32", "F", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_scores_are_those_of_folds_fitted_by_themselves(n_classes, kind, fit_intercept):
    X, y = overlapping(103, n_classes=n_classes)
    X = X.astype(np.float32).astype(float)
    options = {"scoring": "neg_log_loss", "path_tol": 1e-10, "fit_intercept": fit_intercept}
    given = {
        "float64": lambda: X, "float32": lambda: X.astype(np.float32),
        "F": lambda: np.asfortranarray(X),
        "sparse": lambda: pytest.importorskip("scipy.sparse").csr_array(X),
    }[kind]()  # fmt: skip
    fitted = LogisticClassifierCV(l2s=L2S, **options).fit(given, y)
    expected = each_fold(X, y, L2S, metric="neg_log_loss", fit_intercept=fit_intercept)
    np.testing.assert_allclose(fitted.scores_, expected, rtol=1e-7)
    best = L2S[expected.mean(axis=0).argmax()]
    assert fitted.l2_ == best and fitted.C_ == 1.0 / (best * len(y))
    by_hand = LogisticClassifier(l2=best, fit_intercept=fit_intercept).fit(X, y)
    same_fit(fitted, by_hand, rtol=1e-6)
    assert fitted.stop_reason_ == "converged" and fitted.path_n_iter_.shape == (5, 3)


def test_the_classifier_is_that_of_scikit_learn():
    X, y = cancer()
    Cs = np.logspace(-3, 1, 3)
    theirs = LogisticRegressionCV(
        Cs=Cs, cv=3, scoring="neg_log_loss", tol=1e-9, solver="newton-cholesky", **NEW_ATTRIBUTES
    ).fit(X, y)  # fmt: skip
    ours = LogisticClassifierCV(Cs=Cs, cv=3, scoring="neg_log_loss", path_tol=1e-9).fit(X, y)
    scores = theirs.scores_
    scores = scores[1] if isinstance(scores, dict) else scores
    np.testing.assert_allclose(ours.scores_, np.reshape(scores, (3, 3)), rtol=1e-4)
    assert ours.C_ == pytest.approx(float(np.ravel(theirs.C_)[0]))
    np.testing.assert_allclose(ours.Cs_, Cs)
    same_fit(ours, theirs, rtol=1e-4)


def test_the_penalties_that_numbers_stand_for():
    X, y = overlapping(60)
    fitted = LogisticClassifierCV(l2s=5, cv=3).fit(X, y)
    np.testing.assert_allclose(fitted.l2s_, [1e1, 1e-1, 1e-3, 1e-5, 1e-7])
    fitted = LogisticClassifierCV(Cs=3, cv=3).fit(X, y)
    np.testing.assert_allclose(fitted.Cs_, [1e-4, 1.0, 1e4])
    np.testing.assert_allclose(fitted.l2s_, 1.0 / (fitted.Cs_ * 60))
    fitted = LogisticClassifierCV(l2s=np.array([1e-3, 1.0]), cv=3).fit(X, y)
    assert fitted.l2s_.tolist() == [1.0, 1e-3]
    fitted = LogisticClassifierCV(l2s=[0.5], cv=3).fit(X, y)
    assert fitted.l2_ == 0.5 and fitted.scores_.shape == (3, 1)


def test_None_stands_for_the_defaults_of_max_iter_and_tol():
    X, y = overlapping()
    one = LogisticClassifierCV(l2s=L2S).fit(X, y)
    other = LogisticClassifierCV(l2s=L2S, max_iter=None, tol=None).fit(X, y)
    assert one.coef_.tobytes() == other.coef_.tobytes()
    assert one.scores_.tobytes() == other.scores_.tobytes()


def test_among_equal_scores_the_strongest_penalty_wins():
    X = np.repeat([[1.0], [-1.0]], 20, axis=0)
    fitted = LogisticClassifierCV(l2s=[1e-3, 1e-1, 1e-2]).fit(X, X[:, 0] > 0)
    assert fitted.scores_.min() == 1.0 and fitted.l2_ == 0.1


def test_without_a_final_fit_the_weights_are_means():
    X, y = overlapping()
    options = {"l2s": [1e-2], "path_tol": 1e-10, "standardize": True}
    fitted = LogisticClassifierCV(**options).fit(X, y)
    assert hasattr(fitted, "run_")
    fitted.set_params(refit=False).fit(X, y)
    assert not hasattr(fitted, "run_") and fitted.l2_ == 1e-2
    scaler = StandardScaler().fit(X)
    each = [
        LogisticClassifier(l2=1e-2, tol=1e-10).fit(scaler.transform(X[train]), y[train])
        for train, _ in StratifiedKFold(5).split(X, y)
    ]
    expected = np.mean([one.coef_ for one in each], axis=0) / scaler.scale_
    np.testing.assert_allclose(fitted.coef_, expected, rtol=1e-6)
    assert fitted.score(X, y) > 0.7


# Folds and scores


@pytest.mark.parametrize(
    "cv",
    [3, ShuffleSplit(4, test_size=0.2, train_size=0.5, random_state=0),
     [(np.arange(100), np.arange(50, 120)), (np.arange(200) % 3 > 0, np.arange(200) % 3 == 0)]],
    ids=["3", "ShuffleSplit", "an iterable"],
)  # fmt: skip
def test_every_kind_of_folds(cv):
    X, y = overlapping()
    fitted = LogisticClassifierCV(l2s=L2S, cv=cv, path_tol=1e-10).fit(X, y)
    folds = StratifiedKFold(3) if cv == 3 else cv
    np.testing.assert_allclose(fitted.scores_, each_fold(X, y, L2S, folds))


def test_rows_that_a_fold_has_twice_count_twice():
    X, y = overlapping()
    drawn = np.random.default_rng(0).integers(0, 150, 150)
    cv = [(drawn, np.arange(150, 200))]
    options = {"l2s": L2S, "scoring": "neg_log_loss", "path_tol": 1e-10}
    fitted = LogisticClassifierCV(cv=cv, **options).fit(X, y)
    np.testing.assert_allclose(fitted.scores_, each_fold(X, y, L2S, cv, "neg_log_loss"), rtol=1e-7)


def test_weights_count_in_fits_and_in_scores():
    X, y = overlapping(60)
    weight = np.random.default_rng(0).integers(1, 4, 60)
    groups = np.arange(60) % 3
    options = {"Cs": [0.1, 1.0], "path_tol": 1e-10, "class_weight": "balanced"}
    one, other = (
        LogisticClassifierCV(
            cv=list(LeaveOneGroupOut().split(rows, groups=groups[rows])), **options
        ).fit(X[rows], y[rows], sample_weight=given)
        for rows, given in (
            (np.arange(60), weight), (np.repeat(np.arange(60), weight), None)
        )
    )  # fmt: skip
    np.testing.assert_allclose(one.scores_, other.scores_, rtol=1e-9)
    np.testing.assert_allclose(one.l2s_, other.l2s_)
    same_fit(one, other, rtol=1e-6)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
@pytest.mark.parametrize("weight", [2.0, 3, np.float32(0.5)])
def test_one_weight_for_all_rows(weight, scoring):
    """As `LogisticClassifier` takes it: only ratios matter."""
    X, y = overlapping(60)
    one, other = (
        LogisticClassifierCV(l2s=L2S, cv=3, scoring=scoring).fit(X, y, sample_weight=given)
        for given in (weight, None)
    )
    np.testing.assert_allclose(one.scores_, other.scores_, rtol=1e-6)
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-6)


@pytest.mark.parametrize("scoring", ["roc_auc", "f1_macro", "neg_log_loss", "accuracy"])
def test_every_kind_of_score(scoring):
    X, y = overlapping()
    fitted = LogisticClassifierCV(l2s=L2S, scoring=scoring, path_tol=1e-10).fit(X, y)
    np.testing.assert_allclose(fitted.scores_, each_fold(X, y, L2S, metric=scoring), rtol=1e-6)


def test_a_score_of_ones_own_sees_the_rows():
    X, y = overlapping()
    seen = []

    def scoring(estimator, rows, labels):
        seen.append(rows.shape)
        return float((estimator.predict(rows) == labels).mean())

    fitted = LogisticClassifierCV(l2s=L2S, scoring=scoring, path_tol=1e-10).fit(X, y)
    np.testing.assert_allclose(fitted.scores_, each_fold(X, y, L2S))
    assert seen == [(40, 5)] * 15
    scorer = make_scorer(log_loss, response_method="predict_proba", greater_is_better=False)
    fitted = LogisticClassifierCV(l2s=L2S, scoring=scorer, path_tol=1e-10).fit(X, y)
    expected = each_fold(X, y, L2S, metric="neg_log_loss")
    np.testing.assert_allclose(fitted.scores_, expected, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("options", [{}, {"standardize": True}, {"fit_intercept": False}])
def test_a_score_of_ones_own_has_a_fitted_classifier(n_classes, options):
    X, y = overlapping(n_classes=n_classes)
    X, seen = X * 1e3 + 5.0, []

    def of_rows_in_reverse(estimator, rows, labels):
        seen.append(estimator)
        return (estimator.predict(rows[::-1]) == labels[::-1]).mean()

    search = LogisticClassifierCV(l2s=L2S, scoring=of_rows_in_reverse, **options).fit(X, y)
    expected = LogisticClassifierCV(l2s=L2S, **options).fit(X, y)
    np.testing.assert_array_equal(search.scores_, expected.scores_)
    path = search.coefs_paths_.reshape(15, len(search.coef_), -1)
    for i, (one, coef) in enumerate(zip(seen, path, strict=True)):
        assert type(one) is LogisticClassifier and one.l2 == one.l2_ == L2S[i % 3]
        assert one.classes_.tolist() == search.classes_.tolist() and one.n_features_in_ == 5
        np.testing.assert_array_equal(one.coef_, coef[:, :5])
        assert (
            one.intercept_.tolist()
            == (coef[:, 5] if coef.shape[1] > 5 else 0 * one.intercept_).tolist()
        )
        one.coef_[:] = 0.0
    assert search.coefs_paths_.all()


@pytest.mark.filterwarnings("ignore")  # that of scikit-learn
@pytest.mark.parametrize(
    "scoring, error, match",
    [
        (
            lambda *_: float("nan"),
            ValueError,
            "^scoring: the score of fold 0 of cv for l2=1 is NaN",
        ),
        (lambda *_: "good", TypeError, "^scoring must return a number; got 'good'"),
        (lambda *_: [1.0, 2.0], TypeError, "^scoring must return a number"),
        ("roc_auc", ValueError, "^scoring: .*fold 0 of cv"),
        ("neg_log_loss", ValueError, "^scoring: fold 0 of cv has no score: "),
    ],
)
def test_scores_that_cannot_be_compared(scoring, error, match):
    X, y = overlapping()
    rows = np.flatnonzero(y == 1)[:9]
    cv = [(np.delete(np.arange(len(y)), rows), rows)]
    with pytest.raises(error, match=match):
        LogisticClassifierCV(l2s=L2S, cv=cv, scoring=scoring).fit(X, y)


def test_standardised_features():
    X, y = overlapping()
    X = X * [1.0, 1e3, 1e-3, 1.0, 1.0] + 5.0
    options = {"l2s": L2S, "scoring": "neg_log_loss", "path_tol": 1e-10}
    fitted = LogisticClassifierCV(standardize=True, **options).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), LogisticClassifierCV(**options)).fit(X, y)
    np.testing.assert_allclose(fitted.scores_, pipeline[-1].scores_, rtol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(X), pipeline.predict_proba(X), atol=1e-6)


# How the folds are fitted


@pytest.mark.parametrize("n_classes", [2, 3])
def test_folds_share_the_reads_of_X(n_classes, monkeypatch):
    X, y = overlapping(150, n_classes=n_classes)
    reads, sizes = [], []

    class Counted(folds.LinearMap):
        def matvec(self, *arrays):
            reads.append("forward")
            super().matvec(*arrays)

        def rmatvec(self, *arrays):
            reads.append("backward")
            super().rmatvec(*arrays)

        def sizes(self, *arrays):
            sizes.append(arrays[0].shape[0])
            super().sizes(*arrays)

    monkeypatch.setattr(folds, "LinearMap", Counted)
    fitted = LogisticClassifierCV(l2s=L2S, path_tol=1e-8, refit=False).fit(X, y)
    alone = 2 * fitted.path_n_iter_.sum() + 5
    assert alone / 5 <= len(reads) < 0.3 * alone
    # the first step of the third penalty takes no forward read, for none of the folds
    assert 0 < reads.count("backward") - reads.count("forward") <= 5
    # sizes measured for one penalty serve the next one, where gradients change little
    k = n_classes if n_classes > 2 else 1
    near = LogisticClassifierCV(l2s=np.geomspace(1e-2, 9e-3, 9), path_tol=1e-8, refit=False)
    sizes.clear()
    near.fit(X, y)
    assert 5 * k <= sum(sizes) <= 10 * k  # of 45 fits


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_threads_make_no_difference(kind):
    X, y = overlapping(3000)
    if kind == "sparse":
        X = pytest.importorskip("scipy.sparse").csr_array(np.where(np.abs(X) < 1.0, 0.0, X))
    one, two = (LogisticClassifierCV(l2s=L2S, n_threads=k).fit(X, y) for k in (1, 2))
    assert one.coef_.tobytes() == two.coef_.tobytes()
    assert one.scores_.tobytes() == two.scores_.tobytes()
    assert one.path_n_iter_.tolist() == two.path_n_iter_.tolist()


def test_a_path_takes_fewer_iterations_than_fits_from_zero(monkeypatch):
    X, y = cancer()
    l2s = np.logspace(0, -6, 12)
    options = {"cv": 3, "path_tol": 1e-7}
    path = LogisticClassifierCV(l2s=l2s, **options).fit(X, y).path_n_iter_
    with monkeypatch.context() as patch:  # each fit begins where the one before ended, no further
        patch.setattr(quasi_newton._QuasiNewton, "_follow_path", lambda self: iter(()))
        without = LogisticClassifierCV(l2s=l2s, **options).fit(X, y).path_n_iter_
    assert path.sum() < without.sum()
    alone = [LogisticClassifierCV(l2s=[l2], **options).fit(X, y).path_n_iter_ for l2 in l2s]
    assert path.sum() < 0.65 * np.sum(alone)


def test_a_path_of_equal_penalties():
    """It has no direction to go on in."""
    X, y = overlapping()
    fitted = LogisticClassifierCV(l2s=[1e-2, 1e-2, 1e-2, 1e-3, 1e-3], path_tol=1e-9).fit(X, y)
    once = LogisticClassifierCV(l2s=[1e-2, 1e-3], path_tol=1e-9).fit(X, y)
    np.testing.assert_allclose(fitted.coefs_paths_[:, 2::2], once.coefs_paths_, rtol=1e-6)
    assert (fitted.path_n_iter_[:, [1, 2, 4]] == 0).all()


# The protocol


def test_every_check_of_scikit_learn_passes():
    for options in ({}, {"standardize": True}):
        found = results(LogisticClassifierCV(cv=3, l2s=3, **options))
        failed = {r["check_name"]: r["exception"] for r in found if r["status"] == "failed"}
        assert failed == {} and len(found) > 50


def test_labels_clones_and_pickles():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    fitted = LogisticClassifierCV(l2s=L2S, cv=3).fit(X, names)
    assert fitted.classes_.tolist() == sorted(set(names)) and fitted.score(X, names) > 0.95
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict(X).tolist() == fitted.predict(X).tolist()
    assert clone(fitted).get_params() == fitted.get_params()
    assert lsgd.LogisticClassifierCV is LogisticClassifierCV


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_folds_that_do_not_converge():
    X, y = cancer()
    with pytest.warns(NotConvergedWarning, match="6 of 6 fits of the folds do not meet") as told:
        LogisticClassifierCV(l2s=[1e-3, 1e-5], cv=3, max_iter=2).fit(X, y)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"l2s": 0}, ValueError, "l2s"),
        ({"l2s": []}, ValueError, "l2s"),
        ({"l2s": [1.0, 0.0]}, ValueError, "l2s"),
        ({"l2s": "many"}, TypeError, "l2s"),
        ({"l2s": [1.0], "Cs": 3}, ValueError, "l2s and Cs both"),
        ({"Cs": [-1.0]}, ValueError, "Cs"),
        ({"cv": 1}, ValueError, "^cv: "),
        ({"cv": "many"}, ValueError, "cv"),
        ({"scoring": "beauty"}, ValueError, "scoring must be"),
        ({"refit": 1}, TypeError, "refit"),
        ({"path_tol": -1.0}, ValueError, "path_tol"),
        ({"standardize": "yes"}, TypeError, "standardize"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"cv": [(np.arange(50), np.arange(50, 200))]}, ValueError, "fold 0 has no row of class"),
        (
            {"cv": [(np.arange(200), np.arange(0))]},
            ValueError,
            "^cv: fold 0 has no row of positive",
        ),
        ({"cv": []}, ValueError, "^cv has no folds"),
        ({"Cs": [1.0, 1e-320]}, ValueError, "^Cs: .* for C=1e-320; pass a larger one"),
        ({"Cs": [1.0, 1e308]}, ValueError, r"^Cs: 1e\+308 .* pass a smaller one"),
    ],
)
def test_bad_options(options, error, match):
    X, y = overlapping()
    y = np.sort(y)
    with pytest.raises(error, match=match):
        LogisticClassifierCV(**options).fit(X, y)


def test_a_fold_whose_rows_to_score_have_no_weight():
    X, y = overlapping()
    rows, weight = np.arange(200), np.repeat([0.0, 1.0], 100)
    cv = [(rows, rows), (rows[100:], rows[:100])]
    for scoring in (None, "neg_log_loss", lambda *_, sample_weight: 1.0):
        with pytest.raises(ValueError, match="^cv: fold 1 has no row of positive weight to score"):
            LogisticClassifierCV(l2s=L2S, cv=cv, scoring=scoring).fit(X, y, weight)


@pytest.mark.filterwarnings("ignore::lsgd_fast.NotConvergedWarning")
@pytest.mark.parametrize(("l2", "C"), [(1e-320, np.inf), (1e308, 0.0)])
def test_penalties_whose_C_is_beyond_float64(l2, C):
    X, y = overlapping()
    assert LogisticClassifierCV(l2s=[l2], max_iter=5).fit(X, y).C_ == C
