"""Parquet and Feather files come back as pandas and pyarrow wrote them."""

import sys

import numpy as np
import pytest

from lsgd_fast.cli.data_files import read_data
from support.datafiles import NAMES, X, Y, same, write

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")


def save(path, columns, metadata=None, **options):
    """Write {name: values} as a file of the format of its name."""
    found = columns if isinstance(columns, pa.Table) else pa.table(columns)
    writer = parquet.write_table if path.suffix == ".parquet" else feather.write_feather
    writer(found if metadata is None else found.replace_schema_metadata(metadata), path, **options)
    return path


COLUMNS = dict(zip(NAMES, X.T, strict=True)) | {"y": Y}
every_format = pytest.mark.parametrize("name", ["a.parquet", "a.feather"])


@every_format
@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_columns(tmp_path, name, compression):
    path = save(tmp_path / name, COLUMNS, compression=compression)
    data = read_data(path)
    assert same(data) and data.rows.names == tuple(NAMES) and data.rows.label == "y"
    reordered = {name: COLUMNS[name] for name in ["y", *NAMES]}
    assert same(read_data(save(path, reordered), label="y"))
    assert same(read_data(save(path, reordered), label="1"))
    assert same(read_data(path.rename(tmp_path / "data"), label="1"))  # by the contents


@every_format
def test_many_batches(tmp_path, name):
    rng = np.random.default_rng(0)
    columns = {
        "a": rng.standard_normal(200_000),
        "b": np.arange(200_000),
        "y": np.arange(200_000) % 2,
    }
    data = read_data(save(tmp_path / name, columns))
    assert np.array_equal(data.X, np.c_[columns["a"], columns["b"]])
    assert np.array_equal(data.y, 2.0 * columns["y"] - 1.0)


@every_format
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["no", "yes"], ("no", "yes")),
        (pa.array(["no", "yes"]).dictionary_encode(), ("no", "yes")),
        (pa.array(["no", "yes"], pa.large_string()), ("no", "yes")),
        ([False, True], (False, True)),
        (np.array([3, 7], np.int16), (3, 7)),
        ([0.25, 0.5], (0.25, 0.5)),
    ],
)
def test_labels(tmp_path, name, labels, expected):
    data = read_data(save(tmp_path / name, {"x": [1.0, 2.0], "y": labels}))
    assert data.labels == expected and data.y.tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u1", "i8", "bool"])
def test_dtypes(tmp_path, dtype):
    """What passes read in place keeps its dtype, if all columns have it."""
    values = np.arange(6).reshape(3, 2).astype(dtype)
    columns = {"a": values[:, 0], "b": values[:, 1], "y": [0, 1, 1]}
    X = read_data(save(tmp_path / "a.feather", columns)).X
    assert X.dtype == (dtype if dtype in ("f2", "f4", "u1") else "f8")
    assert X.flags.c_contiguous and np.array_equal(X, values)
    X = read_data(save(tmp_path / "a.feather", {"c": [0.1, 0.2, 0.3]} | columns)).X
    assert X.dtype == np.float64 and X[:, 0].tolist() == [0.1, 0.2, 0.3]


@every_format
@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 2), pa.list_(pa.float32())])
def test_lists_of_one_length_are_columns(tmp_path, name, kind):
    embedding = pa.array([[1, 2], [3, 4], [5, 6]], kind)
    data = read_data(save(tmp_path / name, {"e": embedding, "y": [0, 1, 0]}))
    assert data.X.dtype == np.float32 and data.X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert data.rows.names == ("e[0]", "e[1]")
    if kind == pa.list_(pa.float32()):
        ragged = pa.array([[1, 2], [3], [5, 6]], kind)
        with pytest.raises(ValueError, match="column 'e' holds lists of several lengths"):
            read_data(save(tmp_path / name, {"e": ragged, "y": [0, 1, 0]}))


@every_format
def test_the_index_of_pandas_is_no_feature(tmp_path, name):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [0.5, 0.7, 0.1], "y": ["n", "p", "p"]}, index=[5, 3, 4])
    path = save(tmp_path / name, pa.Table.from_pandas(frame))
    data = read_data(path)
    assert data.X.tolist() == [[0.5], [0.7], [0.1]] and data.rows.names == ("a",)
    (note,) = data.rows.notes
    assert note.startswith("The index '__index_level_0__' of pandas is left out")
    assert read_data(path, keep_index=True, label="y").X.tolist() == [[0.5, 5], [0.7, 3], [0.1, 4]]
    data = read_data(save(path, pa.Table.from_pandas(frame.reset_index(drop=True))))
    assert data.X.shape == (3, 1) and not data.rows.notes


BAD = [
    ({"x": ["a", "b"], "y": [0, 1]}, "column 'x' holds string, such as 'a', and no numbers: leave"),
    ({"x": [[1.0], None], "y": [0, 1]}, "row 1, column 'x': the value is missing"),
    ({"x": [1.0, None], "y": [0, 1]}, "row 1, column 'x': the value is missing, so drop the row"),
    ({"x": [1.0, 2.0], "y": ["a", None]}, "row 1, column 'y': the value is missing"),
    ({"x": [1.0, 2.0], "y": [0, None]}, "row 1, column 'y': the value is missing"),
    ({"x": [1.0, 2.0], "y": [0, 0]}, "two different labels"),
    ({"x": [1.0, 2.0], "y": [0.0, np.nan]}, "the label of row 1 is not finite"),
    ({"y": [0, 1]}, "no column is left for the features"),
    ({"x": pa.array([], pa.float64()), "y": pa.array([], pa.int8())}, "no rows"),
    ({"x": [{"a": 1}, {"a": 2}], "y": [0, 1]}, "column 'x' holds struct<a: int64>, such as"),
]


def refused(path, why, **options):
    with pytest.raises(ValueError) as caught:
        read_data(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{str(path)!r}: ") and "\n" not in text and why in text
    return True


@every_format
@pytest.mark.parametrize(("columns", "why"), BAD)
def test_columns_that_do_not_serve(tmp_path, name, columns, why):
    assert refused(save(tmp_path / name, columns), why)


@every_format
def test_damaged_files(tmp_path, name):
    good = save(tmp_path / name, COLUMNS).read_bytes()
    for damaged in (
        good[:-9],
        good[:40],
        good[:4],
        b"words",
        good[:100] + bytes(60) + good[160:-30],
    ):
        assert refused(
            write(tmp_path / name, damaged), f"not a readable {tmp_path.joinpath(name).suffix} file"
        )
    assert refused(write(tmp_path / name, b""), "the file is empty")


@every_format
def test_more_than_half_of_the_memory_is_refused(tmp_path, monkeypatch, name):
    path = save(tmp_path / name, COLUMNS)
    monkeypatch.setattr("lsgd_fast.cli.data_files.half_of_memory", lambda: 100)
    assert refused(path, "the columns take more than half of the memory of this machine")


@every_format
def test_without_pyarrow(tmp_path, monkeypatch, name):
    path = save(tmp_path / name, COLUMNS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refused(path, "needs pyarrow, which cannot be imported (extra: lsgd_fast[arrow])")
