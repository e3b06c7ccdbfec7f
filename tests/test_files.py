"""Data files come back as they were written."""

import os

import awkward
import numpy as np
import pytest
from datafiles import NAMES, X, Y, libsvm, numbers, table, write

from lsgd_fast.cli import data_files as files
from lsgd_fast.cli import text_files as textfiles
from lsgd_fast.cli.data_files import read_data


def same(data, labels=(-1.0, 1.0)):
    """Assert that this is X and Y, bit for bit."""
    x, y = data
    assert x.dtype == np.float64 and x.shape == X.shape and x.tobytes() == X.tobytes()
    assert y.dtype == np.float64 and y.tolist() == Y.tolist()
    assert data.labels == labels
    assert [type(label) for label in data.labels] == [type(label) for label in labels]
    return True


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
    save(tmp_path / "a.npz", X=X, y=Y, ids=np.arange(3), notes=np.array(["ignored"]))
    assert same(read_data(tmp_path / "a.npz"))
    save(tmp_path / "a.npz", X=X, y=Y[:, None])
    assert same(read_data(str(tmp_path / "a.npz")))


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("labels", ["y.npy", "y.txt", "y.csv", "y.txt.gz", "header.txt"])
def test_npy(tmp_path, monkeypatch, mapped, labels):
    monkeypatch.setattr(files, "MAPPED_BYTES", 0 if mapped else 1 << 20)
    np.save(tmp_path / "x.npy", X)
    if labels == "y.npy":
        np.save(tmp_path / labels, Y.astype(int))
        expected = (-1, 1)
    else:
        text = "\n".join(numbers(Y)) + "\n\n"
        write(tmp_path / labels, "label\n" + text if labels == "header.txt" else text)
        expected = (-1.0, 1.0)
    data = read_data(tmp_path / "x.npy", labels=tmp_path / labels)
    assert same(data, expected)
    assert (type(data.X.base).__name__ == "mmap") == mapped
    assert not data.X.flags.writeable


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [*awkward.DTYPES, ">f8", ">f4"])
def test_arrays_keep_their_dtype_and_layout(tmp_path, monkeypatch, dtype, order, mapped):
    monkeypatch.setattr(files, "MAPPED_BYTES", 0 if mapped else 1 << 20)
    base = awkward.exact_matrix(5, 3, np.dtype(dtype).newbyteorder("="), np.random.default_rng(0))
    array = np.asarray(base, dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", array)
    np.save(tmp_path / "y.npy", np.arange(5) > 2)
    np.savez(tmp_path / "x.npz", X=array, y=np.arange(5) > 2)
    for x, y in (
        read_data(tmp_path / "x.npy", labels=tmp_path / "y.npy"),
        read_data(tmp_path / "x.npz"),
    ):
        assert x.dtype == array.dtype and x.flags.c_contiguous == array.flags.c_contiguous
        np.testing.assert_array_equal(x, base)
        assert y.tolist() == [-1.0, -1.0, -1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.csv.gz"])
@pytest.mark.parametrize("separator", [",", ";", "\t", ", ", " ; "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("header", [None, [*NAMES, "label"]])
def test_table(tmp_path, name, separator, end, header):
    text = table(separator, header, end=end)
    assert same(read_data(write(tmp_path / name, text)))
    assert same(read_data(write(tmp_path / name, "\ufeff" + text.rstrip())))


@pytest.mark.parametrize(
    ("header", "options", "column"),
    [
        (["0", "1", "2", "3", "4", "label"], {}, 5),  # names that are numbers, but not the last
        (["a", "2", "", "inf", "b", "label"], {}, 5),
        (["", *NAMES], {}, 5),  # as if the first column had no name
        (["# a", *NAMES[1:], "y"], {}, 5),  # as NumPy writes it
        (['"a, b"', *NAMES[1:], "y"], {}, 5),
        (["y", *NAMES], {"label": "y"}, 0),
        (["# y", *NAMES], {"label": "y"}, 0),
        ([*NAMES[:2], "7 8", *NAMES[2:]], {"label": "7 8"}, 2),
        (["1", "2", "3", "kind", "4", "5"], {"label": "kind"}, 3),  # a header only by that name
        (None, {"label": "1"}, 0),
        (None, {"label": "6"}, 5),
    ],
)
def test_header_and_column_of_labels(tmp_path, header, options, column):
    path = write(tmp_path / "a.csv", table(",", header, column=column))
    assert same(read_data(path, **options))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("0", "1", (0.0, 1.0)),
        ("-1", "+1", (-1.0, 1.0)),
        ("3", "7.5", (3.0, 7.5)),
        ("-7", "-8", None),
        ("no", "yes", ("no", "yes")),
        ('"no, never"', '"yes"', ("no, never", "yes")),
        ("B", "a", ("B", "a")),
        ("1x", "one", ("1x", "one")),
        ("na\u00efve", "wise", ("na\u00efve", "wise")),
    ],
)
@pytest.mark.parametrize("header", [None, [*NAMES, "label"]])
def test_labels_of_a_table(tmp_path, low, high, expected, header):
    labels = [high if y > 0 else low for y in Y]
    path = write(tmp_path / "a.csv", table(",", header, labels))
    if expected is None:
        data = read_data(path)
        assert data.labels == (-8.0, -7.0) and data.y.tolist() == (-Y).tolist()
    else:
        assert same(read_data(path), expected)


def test_a_number_spelt_in_three_ways_is_one_label(tmp_path):
    labels = ["1", "0", "-0.0", "1.0", "1e0", " 0 ", "+1"]
    assert same(read_data(write(tmp_path / "a.csv", table(",", None, labels))), (0.0, 1.0))


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [3, 9], [-0.5, 0.25]])
def test_labels_of_arrays(tmp_path, labels):
    y = np.array(labels)[(Y > 0).astype(int)]
    np.savez(tmp_path / "a.npz", X=X, y=y)
    assert same(read_data(tmp_path / "a.npz"), tuple(labels))
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    assert same(read_data(tmp_path / "x.npy", labels=tmp_path / "y.npy"), tuple(labels))


def test_several_labels(tmp_path):
    found = np.array(["no", "perhaps", "yes", "no", "yes", "yes", "perhaps"])
    np.savez(tmp_path / "a.npz", X=X, y=found)
    data = read_data(tmp_path / "a.npz", several=True)
    assert data.labels == ("no", "perhaps", "yes") and data.y.dtype == np.float64
    assert data.y.tolist() == [0.0, 1.0, 2.0, 0.0, 2.0, 2.0, 1.0]
    with pytest.raises(ValueError, match="two different labels; found .*pass --softmax to"):
        read_data(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=X, y=np.ones(7))
    with pytest.raises(ValueError, match=r"two different labels; found \[1.0\]$"):
        read_data(tmp_path / "b.npz", several=True)


def test_text_labels_in_a_file_of_their_own(tmp_path):
    np.save(tmp_path / "x.npy", X)
    text = "\n".join("yes" if y > 0 else "no" for y in Y)
    for content in (text, "answer\n" + text):
        labels = write(tmp_path / "y.txt", content)
        assert same(read_data(tmp_path / "x.npy", labels=labels), ("no", "yes"))


@pytest.mark.parametrize("name", ["a.svm", "a.libsvm", "a.svmlight", "a.txt", "a.TXT", "a.svm.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\n\n", " # a 0:0 comment\n# another\n"])
def test_libsvm(tmp_path, name, end):
    assert same(read_data(write(tmp_path / name, libsvm(end))))
    assert same(read_data(write(tmp_path / name, "\ufeff" + libsvm(end).rstrip("\n"))))


def test_libsvm_in_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(textfiles, "BLOCK_BYTES", 30)
    assert same(
        read_data(write(tmp_path / "a.svm", "# a comment longer than a block, alone\n" + libsvm()))
    )
    rng = np.random.default_rng(0)
    x, y = awkward.exact_matrix(300, 9, "float64", rng), awkward.labels(300, rng)
    x[rng.random(x.shape) < 0.6] = 0.0
    x[:, 8] = 0.0
    x[150, 8] = 2.5  # the last column is one value, in the middle
    lines = [
        f"{label} " + " ".join(f"{j + 1}:{float(row[j])!r}" for j in np.flatnonzero(row))
        for label, row in zip(y, x, strict=True)
    ]
    data = read_data(write(tmp_path / "b.svm", "\n".join(lines)))
    assert data.X.tobytes() == x.tobytes() and data.y.tolist() == y.tolist()


def test_labels_of_libsvm(tmp_path):
    text = "2 1:1\n4 1:2\n2\n"
    data = read_data(write(tmp_path / "a.svm", text))
    assert (data.X.tolist(), data.y.tolist()) == ([[1.0], [2.0], [0.0]], [-1.0, 1.0, -1.0])
    assert data.labels == (2.0, 4.0)


def test_a_name_is_never_fetched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("http:/localhost:1")
    write(tmp_path / "http:" / "localhost:1" / "a.csv", table())
    assert same(read_data("http://localhost:1/a.csv"))
