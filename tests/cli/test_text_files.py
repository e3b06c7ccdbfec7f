"""Tables and LIBSVM files come back as they were written."""

import numpy as np
import pytest

from lsgd_fast.cli import text_files as textfiles
from lsgd_fast.cli.data_files import read_data
from support import awkward
from support.datafiles import NAMES, Y, libsvm, same, table, write


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
