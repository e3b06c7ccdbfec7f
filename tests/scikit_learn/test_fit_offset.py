"""Classifiers with a known part of the scores."""

import re

import numpy as np
import pytest

import lsgd_fast as lsgd

pytest.importorskip("sklearn")
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lsgd_fast import LogisticClassifier, LogisticClassifierCV, distributed
from lsgd_fast._inputs.standardize import center_and_scale
from support.classifiers import at, every_solver, overlapping, same_fit
from support.ranks import on_ranks, shares

X, Y = overlapping(200)
RNG = np.random.default_rng(5)
OFFSET = 2.0 * RNG.standard_normal(200) + 1.0
WEIGHT = RNG.random(200) * (np.arange(200) % 7 > 0)  # some are zero
NAMES = np.array(["no", "yes"])[Y]
EXACT = {"tol": 1e-11, "l2": 1e-2}


def proba_of(scores):
    return 1.0 / (1.0 + np.exp(-scores))


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("kind", ["float64", "float32", "sparse"])
def test_a_fit_is_that_of_minimize(kind, standardize, fit_intercept, is_weighted):
    given = X.astype("f4") if kind == "float32" else X
    if kind == "sparse":
        given = pytest.importorskip("scipy.sparse").csr_array(np.where(np.abs(X) < 1.0, 0.0, X))
    weight = WEIGHT if is_weighted else None
    options = {"fit_intercept": fit_intercept, "l2": 1e-3}
    fitted = LogisticClassifier(standardize=standardize, **options)
    fitted.fit(given, NAMES, weight, offset=OFFSET)
    rows = np.ones(200) if weight is None else weight
    units = {}
    if standardize:
        units = center_and_scale(
            lsgd._inputs.dense.check_matrix(given), rows, centered=fit_intercept
        )._asdict()
    run = lsgd.minimize(given, Y, sample_weight=rows, offset=OFFSET, **options, **units)
    assert fitted.coef_.tobytes() == run.raw_weights[None].tobytes()
    assert fitted.intercept_[0] == run.raw_intercept
    assert fitted.run_.trace.loss.tobytes() == run.trace.loss.tobytes()
    assert fitted.run_.largest_offset == np.abs(OFFSET[rows > 0.0]).max()
    without = LogisticClassifier(standardize=standardize, **options).fit(given, NAMES, weight)
    assert np.abs(without.coef_ - fitted.coef_).max() > 1e-3


def test_a_descent_is_that_of_the_function():
    options = {"solver": "gd", "stepsize": 2.0, "l2": 0.0, "tol": 0.0, "max_iter": 30}
    with pytest.warns(lsgd.NotConvergedWarning):
        fitted = LogisticClassifier(**options).fit(X, NAMES, WEIGHT, offset=OFFSET)
    run = lsgd.gradient_descent(
        X, Y, 2.0, 30, sample_weight=WEIGHT, offset=OFFSET, fit_intercept=True
    )
    assert fitted.coef_.tobytes() == run.weights[None].tobytes()
    assert fitted.intercept_[0] == run.intercept


def test_a_trial_knows_the_offsets():
    """Whose recommendation they change, as they do that of the function."""
    options = {"sample": 0.1, "rng": int(np.random.RandomState(0).randint(2**31 - 1))}
    known = 30.0 * OFFSET
    rows = np.ldexp(X, 1 - np.frexp(np.linalg.norm(X, axis=1).max())[1])  # which it would divide
    fitted = LogisticClassifier(solver="gd", random_state=0, l2=1e-3, tol=0.1)
    fitted.fit(rows, Y, offset=known)
    problem = {"sample_weight": np.ones(200), "l2": 1e-3, "fit_intercept": True}
    trial = lsgd.staged_trial(rows, Y, offset=known, **problem, **options)
    plain = lsgd.staged_trial(rows, Y, **problem, **options)
    assert fitted.trial_.report() == trial.report() != plain.report()


@every_solver
@pytest.mark.parametrize("class_weight", [None, "balanced", {"no": 0.2}])
def test_offsets_of_features_shift_the_coefficients(solver, class_weight):
    """Adding X @ v to the scores takes v from the weights, and a constant from the intercept."""
    v = np.array([0.5, -1.0, 0.0, 2.0, 0.25])
    stepsize = at(1.0, solver) | {"tol": 1e-9, "max_iter": 20_000, "class_weight": class_weight}
    plain, shifted = (
        LogisticClassifier(l2=0.0, **stepsize).fit(X, NAMES, WEIGHT, offset=offset)
        for offset in (None, X @ v + 3.0)
    )
    np.testing.assert_allclose(shifted.coef_, plain.coef_ - v, rtol=1e-6)
    np.testing.assert_allclose(shifted.intercept_, plain.intercept_ - 3.0, rtol=1e-6)
    np.testing.assert_allclose(
        shifted.predict_proba(X, offset=X @ v + 3.0), plain.predict_proba(X), rtol=1e-6
    )


def test_offsets_of_zero_are_none():
    for fitted in (LogisticClassifier(), LogisticClassifierCV(l2s=3)):
        plain, zero = (clone(fitted).fit(X, Y, offset=one) for one in (None, np.zeros(200)))
        assert plain.coef_.tobytes() == zero.coef_.tobytes()
        assert plain.margin_ == zero.margin_ and plain.n_iter_ == zero.n_iter_


def test_rows_without_weight_have_offsets_without_effect():
    weight, known = np.ones(200), np.array(OFFSET)
    weight[5], known[5] = 0.0, 1e200
    fitted = LogisticClassifier().fit(X, Y, weight, offset=known)
    plain = LogisticClassifier().fit(X, Y, weight, offset=OFFSET)
    assert fitted.coef_.tobytes() == plain.coef_.tobytes()
    assert fitted.margin_ == plain.margin_


def test_predictions_have_the_offsets_that_are_passed():
    fitted = LogisticClassifier(**EXACT).fit(X, NAMES, offset=OFFSET)
    plain = X @ fitted.coef_[0] + fitted.intercept_[0]
    np.testing.assert_allclose(fitted.decision_function(X), plain, rtol=1e-12, atol=1e-14)
    scores = fitted.decision_function(X, offset=OFFSET)
    assert scores.tobytes() == (fitted.decision_function(X) + OFFSET).tobytes()
    predicted = np.where(scores > 0.0, "yes", "no")
    assert fitted.predict(X, offset=OFFSET).tolist() == predicted.tolist()
    assert fitted.predict(X).tolist() != predicted.tolist()
    proba = fitted.predict_proba(X, offset=OFFSET)
    np.testing.assert_allclose(proba[:, 1], proba_of(scores), rtol=1e-12)
    np.testing.assert_array_equal(np.exp(fitted.predict_log_proba(X, offset=OFFSET)), proba)
    assert fitted.score(X, NAMES, offset=OFFSET) == (predicted == NAMES).mean()
    weighted = np.average(predicted == NAMES, weights=WEIGHT)
    assert fitted.score(X, NAMES, WEIGHT, offset=OFFSET) == pytest.approx(weighted, rel=1e-14)
    narrow = fitted.decision_function(X.astype("f4"), offset=OFFSET)  # by another product
    np.testing.assert_allclose(narrow, scores, rtol=1e-5, atol=1e-5)


def test_the_margin_is_what_is_left_without_offsets():
    rows = np.repeat([[2.0, 1.0], [-2.0, 1.0]], 5, axis=0)
    labels = rows[:, 0] > 0.0
    known = np.where(labels, -0.5, 0.5)
    with pytest.warns(lsgd.SeparableDataWarning):
        fitted = LogisticClassifier(l2=0.0).fit(rows, labels, offset=known)
    margins = np.where(labels, 1.0, -1.0) * fitted.decision_function(rows)
    assert fitted.separable_ is True and margins.min() > 0.0
    found = fitted.margin_ * np.linalg.norm(fitted.coef_)
    assert 0.0 < found <= margins.min()
    assert found == pytest.approx(fitted.run_.trace.min_margin[-1] - 0.5, rel=1e-12)
    # offsets that know the labels separate nothing
    fitted = LogisticClassifier(l2=0.0).fit(X, Y, offset=np.where(Y == 1, 9.0, -9.0))
    assert fitted.separable_ is None and fitted.stop_reason_ == "converged"
    assert fitted.run_.trace.min_margin[-1] > 0.0 > fitted.margin_


@pytest.mark.filterwarnings("ignore::lsgd_fast.NotConvergedWarning")
@every_solver
@pytest.mark.parametrize("standardize", [False, True])
def test_held_out_rows_have_their_offsets(solver, standardize):
    options = {
        "l2": 1e-9, "max_iter": 100, "tol": 0.0, "early_stopping": True, "random_state": 0,
        "validation_fraction": 0.3, "n_iter_no_change": 5, "standardize": standardize,
    }  # fmt: skip
    weight = WEIGHT + 0.1
    fitted = LogisticClassifier(**at(0.3, solver), **options)
    fitted.fit(X, Y, weight, offset=OFFSET)
    split = StratifiedShuffleSplit(1, test_size=0.3, random_state=np.random.RandomState(0))
    fitted_to, held_out = next(split.split(X, Y))
    proba = fitted.predict_proba(X, offset=OFFSET)[held_out]
    expected = log_loss(Y[held_out], proba, sample_weight=weight[held_out])
    trace, best = fitted.run_.trace, fitted.run_.best_at
    assert trace.validation_loss[best] == pytest.approx(expected, rel=1e-9)
    assert best == trace.validation_loss.argmin()
    assert fitted.run_.largest_offset == np.abs(OFFSET[fitted_to]).max()
    # the others have the same offsets as where the held-out rows are left out
    proba = fitted.predict_proba(X, offset=OFFSET)[fitted_to]
    expected = log_loss(Y[fitted_to], proba, sample_weight=weight[fitted_to])
    assert trace.loss[best] == pytest.approx(expected, rel=1e-9)


@every_solver
def test_ranks_pass_the_offsets_of_their_rows(solver):
    parts = shares([0, 80, 80, 200])  # no rows on rank 1

    def fit(rows, mine):
        model = LogisticClassifier(
            **at(2.0, solver), max_iter=50, tol=1e-3, class_weight="balanced"
        )
        model.fit(rows, NAMES[mine], WEIGHT[mine], offset=OFFSET[mine])
        return model.coef_.tobytes(), model.intercept_.tobytes(), model.margin_

    def on_rank(comm):
        mine = parts[comm.rank]
        return fit(distributed.rows(X[mine], comm), mine)

    assert on_ranks(3, on_rank) == [fit(X, slice(None))] * 3

    def without_on_one(comm):
        mine = parts[comm.rank]
        known = OFFSET[mine] if comm.rank else None
        return LogisticClassifier().fit(distributed.rows(X[mine], comm), Y[mine], offset=known)

    for error in on_ranks(3, without_on_one):
        assert "whether offset is given must be the same on every rank" in str(error)


WRONG = [
    (ValueError, OFFSET[1:], "offset has length 199, but X has 200 rows"),
    (ValueError, OFFSET[:, None], "offset must be 1-d; got shape (200, 1): pass numpy.ravel"),
    (ValueError, np.column_stack([OFFSET, OFFSET]), "offset must be 1-d"),
    (ValueError, 0.5, "offset must have an entry for each of the 200 rows"),
    (ValueError, np.where(np.arange(200) == 7, np.nan, OFFSET), "offset must be finite"),
    (ValueError, np.where(np.arange(200) == 7, -np.inf, OFFSET), "offset must be finite"),
    (TypeError, ["a"] * 200, "offset"),
    (TypeError, OFFSET * 1j, "offset"),
    (TypeError, OFFSET.astype(object), "offset must hold real numbers; it has dtype object"),
]


@pytest.mark.parametrize("classifier", [LogisticClassifier(), LogisticClassifierCV(l2s=2, cv=2)])
def test_wrong_offsets_are_named(classifier):
    fitted = clone(classifier).fit(X, Y)
    for kind, value, message in WRONG:
        with pytest.raises(kind, match=re.escape(message)):
            clone(classifier).fit(X, Y, offset=value)
        for call in (fitted.decision_function, fitted.predict, fitted.predict_log_proba):
            with pytest.raises(kind, match=re.escape(message)):
                call(X, offset=value)
        with pytest.raises(kind, match=re.escape(message)):
            fitted.score(X, Y, offset=value)
    for call in (fitted.fit, fitted.predict, fitted.score):
        with pytest.raises(TypeError, match="positional"):  # what is a weight elsewhere
            call(*(X, Y, WEIGHT, OFFSET)[: 4 if call != fitted.predict else 2])


@pytest.mark.parametrize("classifier", [LogisticClassifier(), LogisticClassifierCV(l2s=2, cv=2)])
def test_several_classes_have_none(classifier):
    labels = np.arange(200) % 3
    with pytest.raises(ValueError, match="^offset must be None with softmax"):
        clone(classifier).fit(X, labels, offset=OFFSET)
    fitted = classifier.fit(X, labels)
    with pytest.raises(ValueError, match="^offset must be None for several classes"):
        fitted.predict(X, offset=OFFSET)


def test_columns_of_frames_and_narrow_numbers():
    expected = LogisticClassifier().fit(X, Y, offset=np.round(OFFSET))
    rounded = np.round(OFFSET)
    given = [rounded.tolist(), rounded.astype("i1"), rounded.astype("f2"), rounded[::-1][::-1]]
    pandas, polars = map(pytest.importorskip, ("pandas", "polars"))
    given.append(pandas.Series(rounded, index=np.arange(200)[::-1]))  # in its order, as weights
    given += [pandas.Series(rounded, dtype="Float64"), polars.Series(rounded)]
    for one in given:
        fitted = LogisticClassifier().fit(X, Y, offset=one)
        assert fitted.coef_.tobytes() == expected.coef_.tobytes(), type(one)
        scores = fitted.decision_function(X, offset=one)
        assert scores.tobytes() == expected.decision_function(X, offset=rounded).tobytes()


# What scikit-learn passes on


def test_parameters_of_fits_in_searches_and_pipelines():
    pipeline = make_pipeline(StandardScaler(), LogisticClassifier(l2=1e-2))
    pipeline.fit(X, Y, logisticclassifier__offset=OFFSET)
    by_hand = LogisticClassifier(l2=1e-2).fit(StandardScaler().fit_transform(X), Y, offset=OFFSET)
    same_fit(pipeline[-1], by_hand)
    search = GridSearchCV(LogisticClassifier(), {"l2": [1.0, 1e-2]}, cv=3).fit(X, Y, offset=OFFSET)
    same_fit(search.best_estimator_, clone(search.best_estimator_).fit(X, Y, offset=OFFSET))


def test_offsets_are_routed():
    with config_context(enable_metadata_routing=True):
        model = LogisticClassifier(**EXACT).set_fit_request(offset=True)
        model.set_score_request(offset=True).set_predict_request(offset=True)
        cv = [(np.arange(150), np.arange(150, 200)), (np.arange(50, 200), np.arange(50))]
        given = {"params": {"offset": OFFSET}, "return_estimator": True}
        found = cross_validate(model, X, Y, cv=cv, **given)
        for i, (train, test) in enumerate(cv):
            by_hand = LogisticClassifier(**EXACT).fit(X[train], Y[train], offset=OFFSET[train])
            same_fit(found["estimator"][i], by_hand, rtol=1e-6)
            expected = by_hand.score(X[test], Y[test], offset=OFFSET[test])
            assert found["test_score"][i] == expected != by_hand.score(X[test], Y[test])
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline.fit(X, Y, offset=OFFSET)
        found = pipeline.predict(X, offset=OFFSET)
        assert found.tolist() != pipeline[-1].predict(pipeline[0].transform(X)).tolist()
        model = LogisticClassifier()  # which asked for none
        with pytest.raises(ValueError, match="offset"):
            cross_validate(model, X, Y, params={"offset": OFFSET})


def test_callbacks_of_scikit_learn_are_given_offsets():
    pytest.importorskip("sklearn.callback", exc_type=ImportError)
    seen = []

    class Recorder:
        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context, *, metadata=None):
            seen.append(metadata)

        def on_fit_task_end(self, estimator, context):
            pass

    classifier = LogisticClassifier().set_callbacks(Recorder())
    for given, names in (
        ({"offset": OFFSET}, {"offset"}),
        ({"offset": OFFSET, "sample_weight": WEIGHT}, {"offset", "sample_weight"}),
    ):
        classifier.fit(X, Y, **given)
        assert seen[-1].keys() == names and seen[-1]["offset"] is OFFSET
    classifier.fit(X, Y)
    assert seen[-1] is None
