"""`LogisticClassifierCV` with a known part of the scores: every fold has that of its rows."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.model_selection import StratifiedKFold

from lsgd_fast import LogisticClassifier, LogisticClassifierCV
from support.classifiers import overlapping, same_fit

X, Y = overlapping(203)
RNG = np.random.default_rng(3)
OFFSET = 1.5 * RNG.standard_normal(203) - 0.5
OFFSET[Y == 1] += 4.0  # so that scores without offsets are others
WEIGHT = RNG.random(203) + 0.2
L2S = [1.0, 1e-2, 1e-4]
EXACT = {"l2s": L2S, "path_tol": 1e-11, "tol": 1e-11}


def by_hand(score, weight=None, given=X, offset=OFFSET, **options):
    """Return the score of each penalty in each fold, each fitted to copies of its rows."""
    found = []
    for train, test in StratifiedKFold(5).split(X, Y):
        found.append([])
        for l2 in L2S:
            model = LogisticClassifier(l2=l2, tol=1e-11, **options)
            model.fit(given[train], Y[train], weight and weight[train], offset=offset[train])
            found[-1].append(score(model, given[test], Y[test], offset[test]))
    return np.array(found)


def negative_log_loss(model, rows, labels, offset):
    return -log_loss(labels, model.predict_proba(rows, offset=offset))


def accuracy(model, rows, labels, offset):
    return model.score(rows, labels, offset=offset)


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("kind", ["float64", "float32", "sparse"])
def test_folds_are_those_fitted_by_hand(kind, fit_intercept):
    given = np.where(np.abs(X) < 0.5, 0.0, X).astype("f4")
    if kind == "sparse":
        given = pytest.importorskip("scipy.sparse").csr_array(given)
    given = given.astype("f8") if kind != "float32" else given
    options = {"fit_intercept": fit_intercept}
    expected = by_hand(negative_log_loss, given=given, **options)
    search = LogisticClassifierCV(scoring="neg_log_loss", **EXACT, **options)
    search.fit(given, Y, offset=OFFSET)
    np.testing.assert_allclose(search.scores_, expected, rtol=1e-7)
    best = L2S[expected.mean(axis=0).argmax()]
    assert search.l2_ == best
    final = LogisticClassifier(l2=best, tol=1e-11, **options).fit(given, Y, offset=OFFSET)
    same_fit(search, final, rtol=1e-7)
    assert search.run_.largest_offset == np.abs(OFFSET).max()
    plain = LogisticClassifierCV(scoring="neg_log_loss", **EXACT, **options).fit(given, Y)
    assert np.abs(plain.scores_ - search.scores_).min() > 1e-4


def test_accuracies_are_those_of_scores_with_offsets():
    expected = by_hand(accuracy)
    assert np.abs(expected - by_hand(lambda *given: accuracy(*given[:3], None))).max() > 0.1
    for scoring in (None, "accuracy", make_scorer(lambda y, found: (y == found).mean())):
        search = LogisticClassifierCV(scoring=scoring, **EXACT).fit(X, Y, offset=OFFSET)
        np.testing.assert_allclose(search.scores_, expected, rtol=1e-14)
    search = LogisticClassifierCV(scoring=None, **EXACT).fit(X, Y, WEIGHT, offset=OFFSET)
    fold, (train, test) = 2, list(StratifiedKFold(5).split(X, Y))[2]
    model = LogisticClassifier(l2=1e-2, tol=1e-11)
    model.fit(X[train], Y[train], WEIGHT[train], offset=OFFSET[train])
    expected = model.score(X[test], Y[test], WEIGHT[test], offset=OFFSET[test])
    assert search.scores_[fold, 1] == pytest.approx(expected, rel=1e-12)


def test_a_scorer_of_make_scorer_sees_scores_with_offsets():
    scorer = make_scorer(log_loss, response_method="predict_proba", greater_is_better=False)
    search = LogisticClassifierCV(scoring=scorer, **EXACT).fit(X, Y, offset=OFFSET)
    np.testing.assert_allclose(search.scores_, by_hand(negative_log_loss), rtol=1e-7)
    by_rank = LogisticClassifierCV(scoring="roc_auc", **EXACT).fit(X, Y, offset=OFFSET)
    ranks = make_scorer(get_scorer("roc_auc")._score_func, response_method="decision_function")
    same = LogisticClassifierCV(scoring=ranks, **EXACT).fit(X, Y, offset=OFFSET)
    np.testing.assert_array_equal(by_rank.scores_, same.scores_)


def test_a_scorer_of_ones_own_is_given_the_offsets_of_its_rows():
    seen = []

    def scoring(estimator, rows, labels, *, offset, sample_weight=None):
        seen.append((offset, sample_weight))
        return negative_log_loss(estimator, rows, labels, offset)

    search = LogisticClassifierCV(scoring=scoring, **EXACT).fit(X, Y, offset=OFFSET)
    np.testing.assert_allclose(search.scores_, by_hand(negative_log_loss), rtol=1e-7)
    tests = [test for _, test in StratifiedKFold(5).split(X, Y)]
    for i, (offset, weight) in enumerate(seen):
        assert weight is None and offset.tolist() == OFFSET[tests[i // 3]].tolist()
    LogisticClassifierCV(scoring=scoring, **EXACT).fit(X, Y, WEIGHT, offset=OFFSET.tolist())
    assert seen[-1][1].tolist() == WEIGHT[tests[-1]].tolist()

    def without(estimator, rows, labels):
        return 0.0

    assert LogisticClassifierCV(scoring=without, **EXACT).fit(X, Y).l2_ == 1.0
    with pytest.raises(TypeError, match=r"^scoring\(estimator, X, y\) failed: .*'offset'"):
        LogisticClassifierCV(scoring=without, **EXACT).fit(X, Y, offset=OFFSET)


def test_rows_that_a_fold_has_twice_and_rows_that_it_leaves_out():
    drawn = RNG.integers(0, 150, 150)
    known = np.array(OFFSET)
    known[200] = 1e9  # of a row that no fold is fitted to
    cv = [(drawn, np.arange(150, 200))]
    search = LogisticClassifierCV(cv=cv, scoring="neg_log_loss", refit=False, **EXACT)
    search.fit(X, Y, offset=known)
    for l2, score, coef in zip(L2S, search.scores_[0], search.coefs_paths_[0], strict=True):
        model = LogisticClassifier(l2=l2, tol=1e-11).fit(X[drawn], Y[drawn], offset=known[drawn])
        expected = negative_log_loss(model, X[150:200], Y[150:200], known[150:200])
        assert score == pytest.approx(expected, rel=1e-7)
        np.testing.assert_allclose(coef[0, :-1], model.coef_[0], rtol=1e-6)


def test_without_a_final_fit_and_with_standardised_features():
    options = {"scoring": "neg_log_loss", "standardize": True, "refit": False}
    rows = X * [1.0, 1e3, 1e-3, 1.0, 1.0] + 5.0
    search = LogisticClassifierCV(**options, **EXACT).fit(rows, Y, offset=OFFSET)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose(search.scores_, by_hand(negative_log_loss, given=scaled), rtol=1e-6)
    means = search.coefs_paths_[:, L2S.index(search.l2_)].mean(axis=0)
    np.testing.assert_allclose(search.coef_, means[:, :-1], rtol=1e-9)
    known = search.decision_function(rows, offset=OFFSET) - search.decision_function(rows)
    np.testing.assert_allclose(known, OFFSET, rtol=1e-9)


def test_many_folds_and_threads_make_no_difference():
    options = {"cv": 30, "l2s": [1.0, 1e-3], "scoring": "neg_log_loss"}  # more than share a read
    one, two = (
        LogisticClassifierCV(n_threads=k, **options).fit(X, Y, offset=OFFSET) for k in (1, 2)
    )
    assert one.scores_.tobytes() == two.scores_.tobytes()
    assert one.coef_.tobytes() == two.coef_.tobytes()
