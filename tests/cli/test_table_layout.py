"""What is a header, an index, the label and a feature of a table."""

import numpy as np
import pytest

from lsgd_fast.cli.data_files import read_data
from support.datafiles import write


def read(folder, text, **options):
    """Return X as a list, the labels, the names, and what was said of the file."""
    data = read_data(write(folder / "a.csv", text), **options)
    labels = [data.labels[int(y > 0)] for y in data.y]
    return data.X.tolist(), labels, data.rows.names, " ".join(data.rows.notes)


ROWS = "0.5,3,0\n0.7,2,1\n0.1,9,1\n"
VALUES, LABELS = [[0.5, 3.0], [0.7, 2.0], [0.1, 9.0]], [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("header", "names"),
    [("a,b,y", ("a", "b")), ("0,1,2", ("0", "1")), ("1,2,3", ("1", "2")), ("0,1,y", ("0", "1"))],
)
def test_headers(tmp_path, header, names):
    found = read(tmp_path, f"{header}\n{ROWS}")
    assert found[:3] == (VALUES, LABELS, names)
    assert ("counts the columns" in found[3]) == header.replace(",", "").isdecimal()


def test_a_long_count_is_a_header_above_integers(tmp_path):
    """As pandas writes a frame of images, whose columns have no names."""
    text = "0,1,2,3\n7,8,9,0\n5,4,3,1\n"
    assert read(tmp_path, text)[:3] == ([[7, 8, 9], [5, 4, 3]], [0, 1], ("0", "1", "2"))
    assert read(tmp_path, text.replace("0,1,2,3", "3,0,1,2", 1), label="1", several=True)[2] is None
    X, labels, names, _ = read(tmp_path, "0,1,2,3\n0,8,9,7\n1,4,3,2\n", label="0")
    assert (X, labels, names) == ([[8, 9, 7], [4, 3, 2]], [0, 1], ("1", "2", "3"))


def test_a_short_count_is_a_row_above_integers(tmp_path):
    text = "0,1\n1,0\n0,1\n1,1\n"
    assert read(tmp_path, text) == ([[0], [1], [0], [1]], [1, 0, 1, 1], None, "")
    assert read(tmp_path, text, header=True)[:3] == ([[1], [0], [1]], [0, 1, 1], ("0",))


def test_a_header_that_is_given(tmp_path):
    text = "1960,1970,1980\n" + ROWS
    with pytest.raises(ValueError, match="pass --softmax, or --header if the first line is one$"):
        read(tmp_path, text)
    assert read(tmp_path, text, header=True) == (VALUES, LABELS, ("1960", "1970"), "")
    X, labels, names, notes = read(tmp_path, "0,1,1\n" + ROWS, header=False)
    assert (len(X), names, notes) == (4, None, "")
    with pytest.raises(ValueError, match="line 1, column 1: 'a' is not .* pass --header"):
        read(tmp_path, "a,2,1\n" + ROWS)
    with pytest.raises(ValueError, match="a header, but no rows"):
        read(tmp_path, "1,2,1\n", header=True)


def test_the_first_line_of_the_files_of_scikit_learn(tmp_path):
    X, labels, names, notes = read(tmp_path, "3,2,malignant,benign\n" + ROWS)
    assert (X, labels, names) == (VALUES, LABELS, None) and notes.startswith("Line 1, the numbers")


@pytest.mark.parametrize("name", ["", "Unnamed: 0", '""'])
@pytest.mark.parametrize("index", [[0, 1, 2], [7, 7, 7], [0.5, 1.5, 2.5], ["Mazda", "Fiat", "VW"]])
def test_an_index_is_no_feature(tmp_path, name, index):
    """pandas numbers rows, R names them."""
    lines = [f"{one},{line}" for one, line in zip(index, ROWS.split("\n"), strict=False)]
    text = "\n".join([f"{name},a,b,y", *lines])
    X, labels, names, notes = read(tmp_path, text)
    assert (X, labels, names) == (VALUES, LABELS, ("a", "b"))
    assert notes == "Column 1, which has no name, is an index: left out (--keep-index keeps it)."
    if not isinstance(index[0], str):
        assert read(tmp_path, text, keep_index=True)[0] == np.c_[index, VALUES].tolist()
    else:
        with pytest.raises(ValueError, match="'Mazda' is not a finite number: .* --drop 1"):
            read(tmp_path, text, keep_index=True)


def test_an_index_above_columns_that_count(tmp_path):
    lines = [f"{i},{line}" for i, line in enumerate(ROWS.split("\n")[:3])]
    assert read(tmp_path, "\n".join([",0,1,2", *lines]))[:3] == (VALUES, LABELS, ("0", "1"))


def test_the_label_and_columns_to_leave_out(tmp_path):
    text = "id,y,a,town\nx1,1,0.5,Ulm\nx2,0,0.7,Bonn\n"
    X, labels, names, _ = read(tmp_path, text, label="y", drop=("id", "4"))
    assert (X, labels, names) == ([[0.5], [0.7]], [1, 0], ("a",))
    assert read(tmp_path, text, label="2", drop=("1", "town"))[0] == [[0.5], [0.7]]
    assert read(tmp_path, text, drop=("id",), label="town", several=True)[0] == [[1, 0.5], [0, 0.7]]
    with pytest.raises(ValueError, match=r"column 1 \('id'\): 'x1' is not .*: .*--drop 1"):
        read(tmp_path, text, label="y")
    with pytest.raises(ValueError, match="no column is named 'tow'; the columns are"):
        read(tmp_path, text, drop=("tow",))
    with pytest.raises(ValueError, match="without a header --drop must be a column number"):
        read(tmp_path, ROWS, drop=("tow",))
    with pytest.raises(ValueError, match="no column is left for the features"):
        read(tmp_path, text, label="y", drop=("1", "3", "4"))
    with pytest.raises(ValueError, match="no column is left for the features"):
        read(tmp_path, ",y\n0,1\n1,0\n")


@pytest.mark.parametrize("cell", ["", "NA", "nan", "null", "?"])
def test_missing_values_have_advice(tmp_path, cell):
    with pytest.raises(ValueError, match="line 3, column 2 .*'b'.* the value is missing, so drop"):
        read(tmp_path, f"a,b,y\n1,2,0\n3,{cell},1\n")
