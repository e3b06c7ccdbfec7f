"""A model file brings back the model, or is refused by its name."""

import numpy as np
import pytest

from lsgd_fast._inputs.sparse import check_sparse
from lsgd_fast._results.archive import save_archive
from lsgd_fast.cli.model_file import Model
from lsgd_fast.cli.rows import Wanted

RNG = np.random.default_rng(0)
WANTED = Wanted(3, ("a", "b", "c"), "y", None)
BINARY = Model(RNG.standard_normal(3), np.array(0.5), ("no", "yes"), WANTED)
WITH_OFFSET = Model(BINARY.weights, BINARY.intercept, (0, 1), Wanted(3, None, "5", None, "2"))
CLASSES = Model(RNG.standard_normal((3, 4)), RNG.standard_normal(4), (1, 2, 5, 7), Wanted(3))


@pytest.mark.parametrize("model", [BINARY, WITH_OFFSET, CLASSES])
def test_a_model_comes_back(tmp_path, model):
    model.save(tmp_path / "m.npz")
    found = Model.load(tmp_path / "m.npz")
    assert found.weights.tobytes() == model.weights.tobytes()
    assert found.intercept.tobytes() == model.intercept.tobytes()
    assert (found.labels, found.wanted) == (model.labels, model.wanted)


@pytest.mark.parametrize("model", [BINARY, CLASSES])
@pytest.mark.parametrize("storage", ["dense", "float32", "sparse"])
def test_predictions(model, storage):
    sparse = pytest.importorskip("scipy.sparse")
    X = np.round(RNG.standard_normal((50, 3)), 1)
    scores = X @ model.weights + model.intercept
    if model is BINARY:
        scores = np.c_[np.zeros(50), scores]
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    if storage == "sparse":
        X = check_sparse(sparse.csr_array(X))
    numbers, probabilities = model.predict(X.astype("f4") if storage == "float32" else X)
    close = 1e-6 if storage == "float32" else 1e-14
    np.testing.assert_allclose(probabilities, expected, rtol=close)
    np.testing.assert_array_equal(numbers, scores.argmax(axis=1))


def test_scores_at_the_limits_of_float64():
    model = Model(np.array([1e308]), np.array(0.0), (0, 1), Wanted(1))
    numbers, probabilities = model.predict(np.array([[1e308], [-1e308], [0.0]]))
    assert numbers.tolist() == [1, 0, 0]
    assert probabilities.tolist() == [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]
    with pytest.raises(ValueError, match="^X must be finite"):
        model.predict(np.array([[np.nan]]))


META = {
    "labels": ["no", "yes"],
    "wanted": {"d": 2, "names": None, "label": None, "zero_based": None},
}
ARRAYS = {"weights": np.ones(2), "intercept": np.ones(())}


@pytest.mark.parametrize(
    ("meta", "arrays", "why"),
    [
        ({}, {"weights": np.ones(2, "f4")}, "float64"),
        ({}, {"weights": np.ones(())}, ""),
        ({}, {"intercept": np.ones(2)}, "do not fit one another"),
        ({"labels": ["no", "yes", "perhaps"]}, {}, "do not fit one another"),
        ({"labels": ["no", None]}, {}, "neither numbers nor strings"),
        ({"labels": 2}, {}, ""),
        ({"wanted": {**META["wanted"], "d": 3}}, {}, "names of the columns"),
        ({"wanted": {**META["wanted"], "names": ["a"]}}, {}, "names of the columns"),
        ({"wanted": {**META["wanted"], "names": ["a", 3]}}, {}, "names of the columns"),
        ({"wanted": {**META["wanted"], "label": 3}}, {}, "names of the columns"),
        ({"wanted": {**META["wanted"], "offset": 3}}, {}, "names of the columns"),
        ({"wanted": {"d": 2, "more": 1}}, {}, ""),
    ],
)  # fmt: skip
def test_a_file_that_is_no_model(tmp_path, meta, arrays, why):
    path = tmp_path / "m.npz"
    save_archive(path, "model", META, ARRAYS)
    Model.load(path)
    save_archive(path, "model", META | meta, ARRAYS | arrays)
    with pytest.raises(ValueError) as caught:
        Model.load(path)
    assert str(caught.value).startswith(f"{str(path)!r} is not a valid lsgd_fast model file: ")
    assert why in str(caught.value)
