"""The classifier for scikit-learn: its protocol, its results, its warnings."""

import pickle

import numpy as np
import pytest
from fresh import run_python
from scikit_learn_checks import results

import lsgd_fast as lsgd

pytest.importorskip("sklearn")
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import type_of_target

from lsgd_fast import LogisticClassifier, NotConvergedWarning, SeparableDataWarning

SOLVERS = ["quasi-newton", "gd"]
every_solver = pytest.mark.parametrize("solver", SOLVERS)

# Checks that scikit-learn itself leaves out, and why.
SKIPPED = {
    "check_array_api_input": "SCIPY_ARRAY_API is not set",
    "check_classifier_data_not_an_array": "pandas is not installed",
    "check_sample_weights_pandas_series": "pandas is not installed",
}


class BinaryClassifier(LogisticClassifier):
    """Refuses more than two classes, so that scikit-learn makes all its checks with two."""

    def fit(self, X, y, sample_weight=None):
        if type_of_target(y, raise_unknown=True) == "multiclass":
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass."
            )
        return super().fit(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def iris():
    X, y = load_iris(return_X_y=True)
    return X - X.mean(axis=0), np.array(["setosa", "versicolor", "virginica"])[y]


def overlapping(n=200, d=5, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    scores = X @ rng.standard_normal((d, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X, scores.argmax(axis=1)


def same_fit(a, b, rtol=1e-9):
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=rtol, atol=rtol)


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
        solver=solver, l2=l2, fit_intercept=fit_intercept, max_iter=20_000, tol=1e-9,
        stepsize=0.3 if data is cancer else 0.1,
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
    run = lsgd.gradient_descent(X, y, 2.0, 50, l2=1e-3, fit_intercept=True)
    with pytest.warns(NotConvergedWarning):
        fitted = LogisticClassifier(solver="gd", stepsize=2, l2=1e-3, max_iter=50).fit(X, y)
    assert fitted.coef_.tobytes() == run.weights.tobytes() and fitted.intercept_ == run.intercept
    assert fitted.n_iter_ == 50 and len(fitted.loss_curve_) == 51
    np.testing.assert_array_equal(fitted.loss_curve_, run.trace.objective)
    assert fitted.stepsize_ == 2 and fitted.trial_ is None


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
    options = {"solver": solver, "stepsize": 0.5, "tol": 1e-6, "max_iter": 100_000, "l2": 1e-2}
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
    options = {"solver": solver, "stepsize": 0.5, "tol": 1e-7, "max_iter": 50_000, "l2": 1e-2}
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


def test_wide_rows_of_few_bits_are_predicted_in_parts(monkeypatch):
    from lsgd_fast._sklearn import classifier as estimator

    X, y = overlapping(101)
    fitted = LogisticClassifier().fit(X, y)
    expected = fitted.decision_function(X.astype(np.float32))
    monkeypatch.setattr(estimator, "BLOCK_VALUES", 64)
    found = fitted.decision_function(X.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "csc_array", "coo_array"])
def test_sparse_rows(solver, n_classes, kind):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = overlapping(n_classes=n_classes)
    X[np.abs(X) < 1.0] = 0.0
    options = {"solver": solver, "stepsize": 0.5, "l2": 1e-2, "tol": 1e-6}
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
    options = {"solver": solver, "stepsize": 0.5, "l2": 1e-2, "tol": 1e-6}
    one, two = (LogisticClassifier(**options, n_threads=k).fit(X, y) for k in (1, 2))
    assert one.coef_.tobytes() == two.coef_.tobytes() and two.run_.n_threads == 2


# What a fit says of itself


def two_of_iris():
    X, y = iris()
    return X[:100], y[:100]


@pytest.mark.parametrize(
    "solver, data", [("quasi-newton", cancer), ("quasi-newton", two_of_iris), ("gd", two_of_iris)]
)
def test_separable_data_without_a_penalty(solver, data):
    X, y = data()
    classifier = LogisticClassifier(solver=solver, l2=0.0, max_iter=50_000, stepsize=100.0)
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
        classifier = LogisticClassifier(solver=solver, stepsize=0.1, max_iter=2).fit(X, y)
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
    classifier = LogisticClassifier(solver="gd", l2=1e-2, max_iter=20_000, random_state=0)
    classifier.fit(X, y)
    assert classifier.stepsize_ == classifier.trial_.recommended
    again = clone(classifier).set_params(random_state=np.random.RandomState(0)).fit(X, y)
    assert again.coef_.tobytes() == classifier.coef_.tobytes()
    same_fit(classifier, LogisticClassifier(l2=1e-2).fit(X, y), rtol=1e-5)
    classifier.set_params(solver="quasi-newton").fit(X, y)
    assert not hasattr(classifier, "stepsize_") and not hasattr(classifier, "trial_")


def test_trial_of_several_classes():
    X, y = iris()
    classifier = LogisticClassifier(solver="gd", l2=1e-2, max_iter=20_000, random_state=0)
    classifier.fit(X, y)
    trial = classifier.trial_
    assert classifier.stepsize_ == trial.recommended > trial.conservative
    assert (trial.loss, trial.n_classes, trial.rows) == ("softmax", 3, len(X))
    same_fit(classifier, LogisticClassifier(l2=1e-2).fit(X, y), rtol=1e-5)
    weighted = clone(classifier).set_params(class_weight={label: 2.0 for label in np.unique(y)})
    assert weighted.fit(X, y).coef_.tobytes() == classifier.coef_.tobytes()


# Callbacks


@every_solver
def test_callback(solver):
    X, y = overlapping()
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss))
        return state.n_steps == 3

    classifier = LogisticClassifier(solver=solver, stepsize=0.1, callback=callback).fit(X, y)
    assert [n for n, _ in seen] == [1, 2, 3]
    assert classifier.n_iter_ == 3 and classifier.stop_reason_ == "callback"


class Recorder:
    """A callback of scikit-learn's; ends the fit at the iteration of number `last`."""

    def __init__(self, last=None):
        self.last, self.seen = last, []

    def setup(self, estimator, context):
        self.seen.append("setup")

    def teardown(self, estimator, context):
        self.seen.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.seen.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.seen.append(("end", context.task_name, context.task_id))
        self.score = fitted_estimator.score(X, y)
        return context.task_name == "iteration" and context.task_id == self.last


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_callbacks_of_scikit_learn(solver, n_classes):
    pytest.importorskip("sklearn.callback", exc_type=ImportError)
    X, y = overlapping(n_classes=n_classes)
    own = []
    classifier = LogisticClassifier(solver=solver, stepsize=0.1, max_iter=4, callback=own.append)
    told = Recorder()
    with pytest.warns(NotConvergedWarning):
        classifier.set_callbacks(told).fit(X, y)
    steps = [(how, "iteration", i) for i in range(4) for how in ("begin", "end")]
    fit = [(how, "fit", 0) for how in ("begin", "end")]
    assert told.seen == ["setup", fit[0], *steps, fit[1], "teardown"]
    assert told.score == classifier.score(X, y)
    assert len(own) >= 3
    told = Recorder(last=1)
    classifier.set_callbacks(told).fit(X, y)
    assert classifier.n_iter_ == 2 and classifier.stop_reason_ == "callback"
    assert told.seen == ["setup", fit[0], *steps[:4], fit[1], "teardown"]


def test_callbacks_come_down_from_a_search():
    pytest.importorskip("sklearn.callback", exc_type=ImportError)

    class Propagated(Recorder):
        max_propagation_depth = None

        def on_fit_task_end(self, estimator, context):
            self.seen.append(("end", context.task_name, context.estimator_name))

    X, y = overlapping()
    told = Propagated()
    search = GridSearchCV(LogisticClassifier(), {"l2": [1e-3, 1e-1]}, cv=3).set_callbacks(told)
    search.fit(X, y)
    assert told.seen.count("setup") == told.seen.count("teardown") == 1
    ended = [name for how, *name in (seen for seen in told.seen if seen[0] == "end")]
    begun = [seen for seen in told.seen if seen[0] == "begin"]
    assert len(ended) == len(begun)
    assert ended.count(["fit", "LogisticClassifier"]) == 7  # and once more for the best
    assert ended.count(["iteration", "LogisticClassifier"]) > 7


def test_verbose(capsys):
    X, y = overlapping()
    LogisticClassifier(verbose=1).fit(X, y)
    said = capsys.readouterr().out
    assert said.startswith("[LogisticClassifier] quasi-newton: ") and "converged, stable" in said
    LogisticClassifier().fit(X, y)
    assert capsys.readouterr().out == ""


# Bad input


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"solver": "lbfgs"}, ValueError, "solver"),
        ({"stepsize": "big"}, ValueError, "stepsize"),
        ({"stepsize": -1.0, "solver": "gd"}, ValueError, "stepsize"),
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
        ({"tol": None}, TypeError, "tol"),
        ({"n_threads": 1.5}, TypeError, "n_threads"),
        ({"solver": None}, ValueError, "solver"),
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
    assert "pip install 'lsgd_fast[sklearn]'" in done.stdout, done.stderr


def test_names_are_listed():
    assert {"LogisticClassifier", "SeparableDataWarning", "gradient_descent"} <= set(dir(lsgd))
    assert lsgd.LogisticClassifier is LogisticClassifier
