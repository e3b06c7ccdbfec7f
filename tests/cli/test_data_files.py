"""Data files come back as they were written."""

import gzip
import io
import os
import sys

import numpy as np
import pytest

from lsgd_fast.cli import data_files as files
from lsgd_fast.cli import sources
from lsgd_fast.cli.data_files import read_data
from support import awkward
from support.datafiles import NAMES, X, Y, libsvm, npy, npz, numbers, same, table, write


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
    else:
        text = "\n".join(numbers(Y)) + "\n\n"
        write(tmp_path / labels, "label\n" + text if labels == "header.txt" else text)
    data = read_data(tmp_path / "x.npy", labels=tmp_path / labels)
    assert same(data)
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
    with pytest.raises(ValueError, match="two different labels; found .*pass --softmax"):
        read_data(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=X, y=np.ones(7))
    with pytest.raises(ValueError, match=r"two different labels; found \[1\]$"):
        read_data(tmp_path / "b.npz", several=True)


@pytest.mark.parametrize("name", ["a", "a.t", "heart_scale", ".csv", "csv", "a.data", "a.gz"])
def test_names_that_do_not_tell_the_format(tmp_path, name):
    """Then the contents do."""
    for text in (table(), table("\t", ["a", *NAMES[1:], "y"]), libsvm(), "\n# 1:2\n" + libsvm()):
        assert same(read_data(write(tmp_path / name, "\ufeff" + text)))
    if not name.endswith(".gz"):
        assert same(read_data(write(tmp_path / name, npz(X=X, y=Y))))
        assert same(read_data(write(tmp_path / name, gzip.compress(table().encode()))))
        write(tmp_path / "y", npy(Y))
        assert same(read_data(write(tmp_path / name, npy(X)), labels=tmp_path / "y"))


def test_a_format_that_is_given(tmp_path):
    assert same(read_data(write(tmp_path / "a.csv", libsvm()), format="libsvm"))
    assert same(read_data(write(tmp_path / "a.svm", npz(X=X, y=Y)), format="npz"))
    assert same(read_data(write(tmp_path / "a.txt", table("; ")), format="csv"))


@pytest.mark.parametrize("content", [table(), libsvm(), npz(X=X, y=Y)])
@pytest.mark.parametrize("compressed", [False, True])
def test_standard_input(monkeypatch, content, compressed):
    data = content.encode() if isinstance(content, str) else content
    if compressed and isinstance(content, str):
        data = gzip.compress(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert same(read_data("-"))


def test_errors_of_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1,2,0\n3,x,1\n")))
    with pytest.raises(ValueError, match="^'-': line 2, column 2: 'x' is not a finite number"):
        read_data("-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table().encode())))
    monkeypatch.setattr(sources, "MAX_TEXT", len(table()) - 1)
    with pytest.raises(ValueError, match="^'-': standard input has more than .* GiB: use a file"):
        read_data("-")


def test_text_labels_in_a_file_of_their_own(tmp_path):
    np.save(tmp_path / "x.npy", X)
    text = "\n".join("yes" if y > 0 else "no" for y in Y)
    for content in (text, "answer\n" + text):
        labels = write(tmp_path / "y.txt", content)
        assert same(read_data(tmp_path / "x.npy", labels=labels), ("no", "yes"))


def test_a_name_is_never_fetched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("http:/localhost:1")
    write(tmp_path / "http:" / "localhost:1" / "a.csv", table())
    assert same(read_data("http://localhost:1/a.csv"))


@pytest.mark.parametrize(
    ("name", "text", "options", "expected"),
    [
        ("a.svm", "1 1:2 2:3\n0 2:1\n", {}, ["feature 1", "feature 2"]),
        ("a.svm", "1 0:2 1:3\n0 1:1\n", {}, ["feature 0", "feature 1"]),
        ("a.svm", "1 1:3\n0 1:1\n", {"zero_based": True}, ["feature 0", "feature 1"]),
        ("a.csv", "age,dose,sick\n1,2,0\n3,4,1\n", {}, ["age", "dose"]),
        ("a.csv", "1.5,2,0\n3,4,1\n", {}, ["column 1", "column 2"]),
        ("a.csv", "0,1.5,2,7\n1,3,4,8\n", {"label": "1", "drop": ("3",)}, ["column 2", "column 4"]),
        ("a.csv", "x,x,y\n1,2,0\n3,4,1\n", {"header": True}, ["column 1", "column 2"]),
    ],
)
def test_features_have_the_names_of_the_file(tmp_path, name, text, options, expected):
    write(tmp_path / name, text)
    assert read_data(tmp_path / name, **options).feature_names == expected


def test_features_of_arrays_are_counted_from_zero(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    names = read_data(tmp_path / "a.npz").feature_names
    assert names == [f"feature {j}" for j in range(X.shape[1])]
