"""The classifier for scikit-learn, and data as people have them: labels, frames, storage, sizes."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.sparse_cases import csr

pytest.importorskip("sklearn")
from sklearn.linear_model import LogisticRegression

from lsgd_fast import LogisticClassifier, NotConvergedWarning
from support.classifiers import at

every_solver = pytest.mark.parametrize("solver", ["quasi-newton", "gd"])
every_library = pytest.mark.parametrize("library", ["pandas", "polars"])

RNG = np.random.default_rng(3)
X = RNG.standard_normal((120, 4))
y = (X[:, 0] + RNG.logistic(size=120) > 0.0).astype(int)
EXPECTED = LogisticClassifier().fit(X, y)


def quick(solver, **options):
    """A classifier of either solver, at a stepsize that converges on X."""
    return LogisticClassifier(**at(0.5, solver), tol=1e-6, l2=1e-2, **options)


def test_parameters_are_set_and_refused_by_name():
    classifier = LogisticClassifier().set_params(l2=0.5, solver="gd")
    assert classifier.get_params()["l2"] == 0.5 and classifier.solver == "gd"
    with pytest.raises(ValueError, match="alpha"):
        classifier.set_params(alpha=1.0)
    with pytest.raises(TypeError, match="positional"):
        LogisticClassifier("gd")


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, 70]), np.array([2**62, 2**62 + 1]), np.array([-2.0, 1e6]),
        np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
    ],
    ids=["gaps", "beyond float64", "floats", "dates"],
)  # fmt: skip
def test_labels_with_gaps(labels):
    fitted = LogisticClassifier().fit(X, labels[y])
    assert fitted.coef_.tobytes() == EXPECTED.coef_.tobytes()
    np.testing.assert_array_equal(fitted.classes_, labels)
    np.testing.assert_array_equal(fitted.predict(X), labels[EXPECTED.predict(X)])


@every_library
@pytest.mark.parametrize("kind", ["strings", "categories", "bools", "ints"])
def test_labels_of_frames(library, kind):
    frames = pytest.importorskip(library)
    names = {"bools": [False, True], "ints": [4, 9]}.get(kind, ["ill", "well"])
    labels = frames.Series([names[i] for i in y])
    if kind == "categories":
        pandas = library == "pandas"
        labels = labels.astype("category") if pandas else labels.cast(frames.Categorical)
    fitted = LogisticClassifier().fit(X, labels)
    assert fitted.classes_.tolist() == names
    assert fitted.coef_.tobytes() == EXPECTED.coef_.tobytes()
    assert fitted.predict(X).tolist() == [names[i] for i in EXPECTED.predict(X)]


@pytest.mark.parametrize("labels", [[None, "a"], [1, "a"], [b"a", b"b"]], ids=str)
def test_labels_that_do_not_compare(labels):
    with pytest.raises(TypeError, match="^y: "):
        LogisticClassifier().fit(X, np.array(labels, dtype=object)[y])


def test_class_weight_by_label():
    expected = LogisticClassifier(class_weight={0: 1.0, 1: 5.0}).fit(X, y)
    for labels, weight in [
        (np.array(["a", "b"]), {"b": 5}), (np.array([False, True]), {True: 5.0}),
        (np.array([2.0, 3.0]), {3: 5.0, 2: 1.0}),
    ]:  # fmt: skip
        fitted = LogisticClassifier(class_weight=weight).fit(X, labels[y])
        assert fitted.coef_.tobytes() == expected.coef_.tobytes()


# Frames


@every_library
def test_a_frame_of_other_columns_is_refused(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame(dict(zip("abcd", X.T, strict=True)))
    fitted = LogisticClassifier().fit(frame, y)
    renamed = frames.DataFrame(dict(zip("abce", X.T, strict=True)))
    for other in (renamed, frame[["a", "b", "c"]], frame[["b", "a", "c", "d"]]):
        for method in (fitted.predict, fitted.predict_proba, fitted.decision_function):
            with pytest.raises(ValueError, match="feature names"):
                method(other)


@every_library
def test_a_frame_of_many_types(library):
    frames = pytest.importorskip(library)
    columns = {"height": X[:, 0], "count": np.arange(120) % 7, "flag": X[:, 1] > 0.0}
    fitted = LogisticClassifier().fit(frames.DataFrame(columns), y)
    plain = np.column_stack([np.asarray(column, float) for column in columns.values()])
    assert fitted.coef_.tobytes() == LogisticClassifier().fit(plain, y).coef_.tobytes()
    holes = frames.DataFrame(columns | {"height": [None, *X[1:, 0].tolist()]})
    with pytest.raises(ValueError, match=r"row 0, column 0 \('height'\)"):
        fitted.fit(holes, y)


# Storage


@every_solver
def test_read_only_arrays_are_read(solver):
    arrays = X.copy(), y.copy(), np.linspace(1.0, 2.0, 120)
    for array in arrays:
        array.flags.writeable = False
    quick(solver).fit(*arrays).predict_proba(arrays[0])


@every_solver
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "bool"])
def test_rows_of_every_index_and_dtype(solver, index, dtype):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.where(np.abs(X) > 1.0, np.round(4.0 * X), 0.0).astype(dtype)
    rows = sparse.csr_array(dense)
    rows.indices, rows.indptr = rows.indices.astype(index), rows.indptr.astype(index)
    for array in (rows.data, rows.indices, rows.indptr):
        array.flags.writeable = False
    options = {**at(0.1, solver), "l2": 0.1, "max_iter": 5000}
    fitted = quick(solver).set_params(**options).fit(rows, y)
    expected = quick(solver).set_params(**options).fit(dense, y)
    np.testing.assert_allclose(fitted.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    assert fitted.predict(rows).tolist() == expected.predict(dense).tolist()


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_threads_make_no_difference_to_sparse_rows(solver, n_classes):
    rng = np.random.default_rng(2)
    rows = csr(np.where(rng.random((4000, 30)) < 0.2, rng.standard_normal((4000, 30)), 0.0))
    sparse = pytest.importorskip("scipy.sparse")
    rows = sparse.csr_array((rows.data, rows.indices, rows.indptr), shape=rows.shape)
    labels = rng.integers(0, n_classes, 4000)
    fits = [quick(solver, n_threads=n).fit(rows, labels) for n in (1, 2, 3)]
    assert len({fit.coef_.tobytes() + fit.loss_curve_.tobytes() for fit in fits}) == 1
    assert [fit.run_.n_threads for fit in fits] == [1, 2, 3]


# Many classes


def many(n=1500, d=12, n_classes=50):
    rng = np.random.default_rng(1)
    A = rng.standard_normal((n, d))
    scores = A @ rng.standard_normal((d, n_classes)) + rng.gumbel(size=(n, n_classes))
    scores[0, n_classes - 1] = np.inf
    scores[1:, n_classes - 1] = -np.inf  # a class of one row
    classes = scores.argmax(axis=1)
    assert len(np.unique(classes)) == n_classes
    return A, classes


def test_many_classes_have_the_optimum_of_scikit_learn():
    A, classes = many()
    l2 = 1e-2
    ours = LogisticClassifier(l2=l2, tol=1e-9).fit(A, classes)
    theirs = LogisticRegression(C=1 / (len(A) * l2), tol=1e-10, max_iter=10_000, solver="newton-cg")
    theirs.fit(A, classes)
    found, expected = ours.predict_proba(A), theirs.predict_proba(A)
    assert ours.stop_reason_ == "converged" and ours.coef_.shape == (50, 12)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    rows = np.arange(len(A))
    objectives = [
        -model.predict_log_proba(A)[rows, classes].mean() + l2 / 2 * np.square(model.coef_).sum()
        for model in (ours, theirs)
    ]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-6)
    assert ours.loss_curve_[-1] == pytest.approx(objectives[0], rel=1e-12)


def test_a_descent_on_many_classes():
    A, classes = many()
    descent = LogisticClassifier(solver="gd", stepsize=1.0, max_iter=30)
    with pytest.warns(NotConvergedWarning):
        descent.fit(A, classes)
    assert descent.coef_.shape == (50, 12) and descent.intercept_.shape == (50,)
    np.testing.assert_allclose(descent.predict_proba(A).sum(axis=1), 1.0, rtol=1e-12)
    shares = np.unique(classes, return_counts=True)[1] / len(classes)
    at_base_rates = -(shares * np.log(shares)).sum()
    assert descent.loss_curve_[-1] < descent.loss_curve_[0] == pytest.approx(at_base_rates)


# What a fit says of itself


@every_solver
def test_one_iteration(solver):
    with pytest.warns(NotConvergedWarning, match="after max_iter=1 iterations") as told:
        fitted = quick(solver, max_iter=1).fit(X, y)
    assert len(told) == 1 and fitted.n_iter_ == 1 and fitted.loss_curve_.shape == (2,)


def test_a_fit_that_rounding_ends_says_so():
    with pytest.warns(NotConvergedWarning, match="rounding prevents progress"):
        fitted = LogisticClassifier(tol=1e-300).fit(X, y)
    assert fitted.stop_reason_ == "rounding"
    np.testing.assert_allclose(fitted.coef_, EXPECTED.coef_, rtol=1e-6)


def test_features_near_the_end_of_float64_converge():
    near, far = (LogisticClassifier(l2=0.0).fit(size * X, y) for size in (1.0, 1e300))
    assert far.stop_reason_ == "converged"
    np.testing.assert_allclose(1e300 * far.coef_, near.coef_, rtol=1e-6)
    np.testing.assert_allclose(far.intercept_, near.intercept_, rtol=1e-6)


@every_solver
@pytest.mark.parametrize(("l2", "separated"), [(1e-2, None), (1e-4, True)])
def test_a_penalty_decides_whether_separable_data_are_separated(solver, l2, separated):
    labels = X[:, 0] > 0.0
    fitted = quick(solver, max_iter=20_000).set_params(l2=l2, tol=1e-3, **at(2.0, solver))
    fitted.fit(X, labels)
    assert fitted.separable_ is fitted.run_.separable is separated  # and no warning of it
    assert fitted.loss_curve_.shape == (fitted.n_iter_ + 1,)
    own = fitted.decision_function(X) * np.where(labels, 1, -1)
    assert (own > 0.0).all() == (separated is True)
    expected = own.min() / np.linalg.norm(fitted.coef_)
    assert fitted.margin_ == pytest.approx(expected, rel=1e-6)


def test_verbose_is_one_line(capsys):
    for verbose in (1, 2, True):
        LogisticClassifier(verbose=verbose).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(" converged after " in line for line in lines)
    assert lsgd.StopReason.converged == "converged"
