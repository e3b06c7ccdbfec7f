"""What other libraries than NumPy give to the classifier, and names of columns in its errors."""

import warnings

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.ranks import on_ranks

pytest.importorskip("sklearn")
from sklearn.exceptions import DataConversionWarning

from lsgd_fast import LogisticClassifier

RNG = np.random.default_rng(3)
X = RNG.standard_normal((60, 3))
y = (X[:, 0] + RNG.logistic(size=60) > 0.0).astype(int)
EXPECTED = LogisticClassifier().fit(X, y)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_of_several_dtypes_keep_their_names(library):
    frames = pytest.importorskip(library)
    make = frames.table if library == "pyarrow" else frames.DataFrame
    columns = {"height": X[:, 0], "count": np.arange(60) % 7, "flag": X[:, 1] > 0.0}
    fitted = LogisticClassifier().fit(make(columns), y)
    plain = np.column_stack([column.astype(float) for column in columns.values()])
    assert fitted.coef_.tobytes() == LogisticClassifier().fit(plain, y).coef_.tobytes()
    assert fitted.feature_names_in_.tolist() == list(columns)
    holes = make(columns | {"height": [np.nan, *X[1:, 0]]})
    for method in (fitted.predict, lambda X: LogisticClassifier().fit(X, y)):
        with pytest.raises(ValueError, match=r"row 0, column 0 \('height'\): drop the row"):
            method(holes)
    with pytest.raises(TypeError, match=r"column 2 \('flag'\) holds strings"):
        fitted.fit(make(columns | {"flag": ["yes"] * 60}), y)


def test_a_column_of_lists_is_many_features_without_names():
    polars = pytest.importorskip("polars")
    lists = polars.DataFrame({"e": X.tolist()}, schema={"e": polars.Array(polars.Float64, 3)})
    fitted = LogisticClassifier().fit(lists, y)
    assert fitted.coef_.tobytes() == EXPECTED.coef_.tobytes()
    assert fitted.n_features_in_ == 3 and not hasattr(fitted, "feature_names_in_")
    assert fitted.predict(lists["e"]).tolist() == EXPECTED.predict(X).tolist()
    with pytest.raises(ValueError, match="X has 2 features, but LogisticClassifier is expecting 3"):
        fitted.predict(X[:, :2])


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_tensors(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(X, dtype=getattr(torch, dtype), requires_grad=True)
    labels, weight = torch.tensor(y), torch.linspace(1.0, 2.0, 60)
    fitted = LogisticClassifier().fit(tensor, labels, sample_weight=weight)
    rounded = tensor.detach().double().numpy()
    expected = LogisticClassifier().fit(rounded, y, sample_weight=weight.numpy())
    assert fitted.coef_.tobytes() == expected.coef_.tobytes()
    assert fitted.predict(tensor).tolist() == expected.predict(rounded).tolist()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "torch"])
def test_columns_of_labels_and_weights_on_each_rank(library):
    other = pytest.importorskip(library)
    column = {"pyarrow": "array", "torch": "tensor"}.get(library, "Series")
    column = getattr(other, column)

    def fit(comm):
        mine = slice(20 * comm.rank, 20 * (comm.rank + 1))
        rows = lsgd.distributed.rows(X[mine], comm)
        weight = column(np.ones(20))
        return LogisticClassifier().fit(rows, column(y[mine]), sample_weight=weight)

    for fitted in on_ranks(3, fit):
        assert fitted.coef_.tobytes() == EXPECTED.coef_.tobytes()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("labels", [y, np.array(["no", "yes"])[y], y == 1])
def test_labels_in_a_frame_of_one_column(library, labels):
    frames = pytest.importorskip(library)
    make = frames.table if library == "pyarrow" else frames.DataFrame
    expected = LogisticClassifier().fit(X, labels)
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        fitted = LogisticClassifier().fit(X, make({"y": labels}))
    assert fitted.coef_.tobytes() == expected.coef_.tobytes()
    assert fitted.classes_.tolist() == expected.classes_.tolist()
    with pytest.raises(ValueError, match="y must be one column of labels; got a frame of 2"):
        LogisticClassifier().fit(X, make({"a": labels, "b": labels}))

    def fit(comm):
        mine = slice(30 * comm.rank, 30 * (comm.rank + 1))
        rows = lsgd.distributed.rows(X[mine], comm)
        return LogisticClassifier().fit(rows, make({"y": labels[mine]}))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        for of_rank in on_ranks(2, fit):
            assert of_rank.coef_.tobytes() == expected.coef_.tobytes()


def test_the_features_that_go_to_infinity_are_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"dose": [0.0, 0.0, 1.0, 1.0], "on": [True, False, True, False]})
    with pytest.warns(lsgd.SeparationWarning, match="dose"):
        LogisticClassifier(l2=0.0).fit(frame, ["no", "no", "yes", "yes"])
