"""Scores, labels and probabilities of runs, on all kinds of rows, in the units of X."""

import numpy as np
import pytest

import lsgd_fast as lsgd

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)) * [1.0, 30.0, 0.01, 5.0] + [0.0, 100.0, -0.5, 2.0]
Z = (X - X.mean(axis=0)) / X.std(axis=0)
Y = np.where(Z @ [1.0, -1.0, 0.5, 0.0] + RNG.standard_normal(60) > 0.0, 1, -1)
UNITS = {"center": X.mean(axis=0), "scale": 1.0 / X.std(axis=0)}


def runs(backend):
    """Yield (name, run, labels) of every kind of run."""
    several = np.digitize(Z[:, 0], [-0.5, 0.5])
    options = {"fit_intercept": True}
    descend, minimize = backend.gradient_descent, backend.minimize
    yield "descent", descend(Z, Y, 2.0, 30, **options), Y, Z
    yield "no intercept", descend(Z, Y > 0, 2.0, 30), Y > 0, Z
    yield "scaled", descend(X, (Y + 1) // 2, 2.0, 30, **options, **UNITS), (Y + 1) // 2, X
    yield "minimize", minimize(X, Y, l2=1e-3, **options, **UNITS), Y, X
    softmax = {"loss": "softmax", "l2": 1e-3, **options}
    yield "softmax", minimize(Z, several, **softmax), several, Z
    yield "softmax, scaled", minimize(X, several, **softmax, **UNITS), several, X
    for activation in ("relu", "leaky_relu", "softplus"):
        network = backend.two_layer_gradient_descent(
            Z, Y, 1.0, 20, width=5, activation=activation, rng=0
        )
        yield activation, network, Y, Z
    yield "stochastic", backend.stochastic_gradient_descent(Z, Y, 1.0, 50, rng=0, **options), Y, Z


@pytest.mark.parametrize("backend", [lsgd, lsgd.reference], ids=["fast", "reference"])
def test_scores_are_those_that_the_run_measured(backend, tmp_path):
    for name, run, labels, rows in runs(backend):
        scores = run.decision_function(rows)
        found = run.predict(rows)
        assert found.dtype.kind == labels.dtype.kind, name
        last = run.last if name == "stochastic" else None
        error_rate = last.error_rate if last else run.trace.error_rate[-1]
        least = last.min_margin if last else run.trace.min_margin[-1]
        assert np.mean(found != labels) == pytest.approx(error_rate), name
        if scores.ndim == 1:
            margins = np.where(labels == np.unique(labels)[1], scores, -scores)
        else:
            own = np.eye(3, dtype=bool)[labels]
            margins = scores[own] - np.where(own, -np.inf, scores).max(axis=1)
        assert margins.min() == pytest.approx(least, rel=1e-9), name
        if name not in ("relu", "leaky_relu", "softplus"):
            raw = rows @ run.raw_weights + run.raw_intercept
            np.testing.assert_allclose(raw, scores, rtol=1e-9, atol=1e-9, err_msg=name)
        proba = run.predict_proba(rows)
        assert proba.shape == (60, max(2, scores.shape[-1] if scores.ndim > 1 else 2))
        np.testing.assert_allclose(proba.sum(axis=1), 1.0)
        np.testing.assert_array_equal(np.unique(labels)[proba.argmax(axis=1)], found)
        run.save(tmp_path / "run.npz")
        again = type(run).load(tmp_path / "run.npz")
        assert again.decision_function(rows).tobytes() == scores.tobytes()
        assert again.predict(rows).tobytes() == found.tobytes()


def test_probabilities_are_the_loss():
    run = lsgd.minimize(X, Y, l2=1e-3, fit_intercept=True, **UNITS)
    of_label = run.predict_proba(X)[np.arange(60), (Y + 1) // 2]
    assert -np.log(of_label).mean() == pytest.approx(run.trace.loss[-1])


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "bfloat16", "F", "reversed"])
def test_rows_of_every_dtype_are_read_in_place(dtype, monkeypatch):
    from lsgd_fast._results import predictions

    monkeypatch.setattr(predictions, "BLOCK_SIZE", 64)
    run = lsgd.minimize(Z, Y, l2=1e-3, fit_intercept=True)
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    rows = {"F": np.asfortranarray(Z), "reversed": Z[::-1]}.get(dtype, None)
    rows = (np.round(20 * Z) % 100).astype(dtype) if rows is None else rows
    wide = rows.astype(np.float64)
    np.testing.assert_allclose(run.decision_function(rows), wide @ run.weights + run.intercept)


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_sparse_rows(loss):
    sparse = pytest.importorskip("scipy.sparse")
    labels = Y if loss == "logistic" else np.digitize(Z[:, 0], [-0.5, 0.5])
    rows = np.where(np.abs(Z) < 0.5, 0.0, Z)
    for units in ({}, UNITS):
        run = lsgd.minimize(rows, labels, l2=1e-3, loss=loss, fit_intercept=True, **units)
        found = run.decision_function(sparse.csr_array(rows))
        np.testing.assert_allclose(found, run.decision_function(rows), rtol=1e-9, atol=1e-9)
    network = lsgd.two_layer_gradient_descent(rows, Y, 1.0, 20, width=5, rng=0)
    found = network.decision_function(sparse.csr_array(rows))
    np.testing.assert_allclose(found, network.decision_function(rows), rtol=1e-9)


def test_bad_rows():
    run = lsgd.gradient_descent(Z, Y, 2.0, 5)
    for rows, error, match in [
        (Z[:, :3], ValueError, "X must have 4 features, as the run had; got shape"),
        (Z[0], ValueError, "X must be 2-d"),
        ([["a"] * 4], TypeError, "X must hold real numbers"),
        (np.full((2, 4), np.nan), ValueError, "X must be finite"),
    ]:
        with pytest.raises(error, match=match):
            run.predict(rows)
    run = lsgd.gradient_descent(Z, Y, 0.1, 5, loss="exponential")
    with pytest.raises(ValueError, match="predict_proba needs the logistic or the softmax loss"):
        run.predict_proba(Z)


def test_a_file_of_an_older_version_predicts(tmp_path):
    run = lsgd.gradient_descent(Z, Y, 2.0, 5)
    meta, arrays = run.to_archive()
    del meta["model"]
    assert lsgd.Run.from_archive(meta, arrays).predict(Z).tobytes() == run.predict(Z).tobytes()


@pytest.mark.parametrize(
    "change",
    [
        {"classes": [1, 2]}, {"classes": [0, True]}, {"classes": 3}, {"loss": "hinge"},
        {"loss": "softmax"}, {"activation": "tanh"}, {"activation": "relu"}, {"more": 1},
        {"fit_intercept": 1}, {"fit_intercept": "yes"},
    ],
)  # fmt: skip
def test_a_file_of_no_model_is_refused(change):
    meta, arrays = lsgd.gradient_descent(Z, Y, 2.0, 5).to_archive()
    meta["model"] = meta["model"] | change
    with pytest.raises((TypeError, ValueError)):
        lsgd.Run.from_archive(meta, arrays)
