"""Tables come back as they were written, by every reader."""

import sys

import numpy as np
import pytest

from lsgd_fast.cli import tables
from lsgd_fast.cli.data_files import read_data
from support.datafiles import NAMES, Y, same, table, write


@pytest.fixture(params=["numpy", "arrow"], autouse=True)
def reader(request, monkeypatch):
    """Read tables by NumPy, and, however short they are, by pyarrow."""
    if request.param == "arrow":
        pytest.importorskip("pyarrow")
    limit = 0 if request.param == "arrow" else 1 << 60
    monkeypatch.setattr(tables, "ARROW_BYTES", limit)
    return request.param


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.csv.gz"])
@pytest.mark.parametrize("separator", [",", ";", "\t", ", ", " ; "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("header", [None, [*NAMES, "label"]])
def test_table(tmp_path, name, separator, end, header):
    text = table(separator, header, end=end)
    data = read_data(write(tmp_path / name, text))
    assert same(data) and data.X.flags.c_contiguous
    assert same(read_data(write(tmp_path / name, "\ufeff" + text.rstrip())))


@pytest.mark.parametrize(
    ("header", "options", "column"),
    [
        (["0", "1", "2", "3", "4", "label"], {}, 5),  # names that are numbers, but not the last
        (["a", "2", "", "inf", "b", "label"], {}, 5),
        (["", *NAMES], {"keep_index": True}, 5),
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
        ("0", "1", (0, 1)),
        ("-1", "+1", (-1, 1)),
        ("3", "7.5", (3, 7.5)),
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
    assert same(read_data(write(tmp_path / "a.csv", table(",", None, labels))), (0, 1))


def test_the_reader_that_is_tested_is_used(tmp_path, monkeypatch, reader):
    other = "_read_with_numpy" if reader == "arrow" else "_read_with_arrow"
    if reader == "arrow":
        monkeypatch.setattr(tables, other, lambda *_: pytest.fail("the other reader was used"))
    else:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    for text in (
        table(),
        table(header=[*NAMES, "y"]),
        "\ufeff" + table(),
        '"1",2,x\n3,4,"a,\nb"\n',
    ):
        read_data(write(tmp_path / "a.csv", text))


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert same(read_data(write(tmp_path / "a.csv", table())))


@pytest.mark.parametrize("seed", range(5))
def test_numbers_have_the_bits_of_float(tmp_path, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((50, 4)) * 10.0 ** rng.integers(-320, 308, (50, 4))
    spell = ["{!r}", "{:.17e}", " {:+.20G}", "{:.17g} "]
    lines = [[str(rng.choice(spell)).format(v) for v in row] for row in X.tolist()]
    text = "".join(",".join([*line, str(i % 2)]) + "\n" for i, line in enumerate(lines))
    data = read_data(write(tmp_path / "a.csv", text))
    assert data.X.tobytes() == np.array([list(map(float, line)) for line in lines]).tobytes()


def test_true_and_false_are_numbers(tmp_path):
    """As pandas and R write them; a frame of dummy variables has nothing else."""
    text = "a,b,y\nTrue,FALSE,0\nfalse,true,1\n"
    data = read_data(write(tmp_path / "a.csv", text))
    assert data.X.tolist() == [[1.0, 0.0], [0.0, 1.0]] and data.rows.names == ("a", "b")
    for cell, why in (("0.5", "'0.5' is not a finite number"), ("", "the value is missing")):
        with pytest.raises(ValueError, match=rf"line 4, column 2 \('b'\): .*{why}"):
            read_data(write(tmp_path / "a.csv", f"{text}True,{cell},1\n"))
