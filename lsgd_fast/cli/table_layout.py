"""The layout of a table in text: its separator, its header, and which column is what."""

from __future__ import annotations

import csv
import io
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import isfinite, nan

from lsgd_fast._text import counted
from lsgd_fast.cli.rows import ReadOptions
from lsgd_fast.cli.sources import open_text

__all__ = [
    "Layout",
    "cell_rows",
    "choose_columns",
    "find_layout",
    "is_label",
    "number_of",
    "open_cells",
    "truth_of",
]

SEPARATORS = "\t;,"  # tried in this order: a comma is the likeliest inside a cell
INDEX_NAMES = ("", "Unnamed: 0")  # as pandas and R write an index, and as pandas reads it
WORDS_OF_TRUTH = ("true", "false")
TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
HEAD_ROWS = 9  # from which the layout is seen
CERTAIN_COUNT = 4  # so many numbers that count the columns are no data


@dataclass(frozen=True)
class Layout:
    """Where things are in a table.

    Attributes
    ----------
    separator : str
    width : int
        Cells in a row.
    n_skipped : int
        Lines before the first row.
    names : tuple of str or None
        The names of the columns, if there is a header.
    label : int or None
        The column of labels.
    offset : int or None
        The column of offsets.
    features : tuple of int
        The columns of features, in their order.
    truths : tuple of int
        Those that begin with True or False.
    notes : tuple of str
        What was decided that users should know.
    """

    separator: str
    width: int
    n_skipped: int
    names: tuple[str, ...] | None
    label: int | None
    offset: int | None
    features: tuple[int, ...]
    truths: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The columns of numbers: the features, then the offset if there is one."""
        return self.features if self.offset is None else (*self.features, self.offset)

    def name(self, j: int) -> str:
        """Return a column as messages name it."""
        return f"column {j + 1}" + (f" ({self.names[j]!r})" if self.names else "")

    def number(self, j: int, cell: str) -> float | None:
        """Return the number that a cell stands for, NaN or None if it is none."""
        return truth_of(cell) if j in self.truths else number_of(cell)


def find_layout(path: str, n_lines: int, options: ReadOptions) -> Layout:
    """Return the layout of a table, from its first rows; `read_data` describes the rules.

    Parameters
    ----------
    path : str
        Text that `check_text` has seen.
    n_lines : int
        What `check_text` returned.
    options : ReadOptions
    """
    separator = _separator(path, options.only_feature)
    head = list(islice(cell_rows(path, separator), HEAD_ROWS))
    lines, rows = map(list, zip(*head, strict=True))
    rows[0][0] = rows[0][0].lstrip("# ")  # as NumPy begins a header
    n_skipped, notes, header, names = 0, [], options.header, None
    if header is None and _counts_itself(rows, n_lines):
        notes.append("Line 1, the numbers of rows and features and the classes, is left out.")
        n_skipped, header, rows = lines[0], False, rows[1:]
    if header is None:
        header = _has_words_for_names(rows, options)
    if header is None and _counts_columns(rows):
        notes.append("Line 1 counts the columns: it is a header (--no-header makes it a row).")
        header = True
    width = len(rows[0])
    if header:
        if len(rows) < 2:
            raise ValueError("a header, but no rows of data")
        n_skipped, names = lines[0], tuple(rows[0])
    index = (0,) if names and names[0] in INDEX_NAMES and not options.keep_index else ()
    label, offset, features = choose_columns(names, width, options, index)
    if index and options.wanted is None and 0 not in (label, offset, *features):
        notes.append("Column 1, which has no name, is an index: left out (--keep-index keeps it).")
    cells = dict(enumerate(rows[1 if header else 0]))
    numbers = (*features, offset)
    truths = tuple(j for j in numbers if cells.get(j, "").lower() in WORDS_OF_TRUTH)
    notes = tuple(notes)
    return Layout(separator, width, n_skipped, names, label, offset, features, truths, notes)


def _counts_itself(rows, n_lines):
    """Return whether a first line is of scikit-learn's kind: ``569,30,malignant,benign``."""
    if len(rows) < 2 or len(rows[0]) < 4:
        return False
    n, d, *classes = rows[0]
    are_words = all(number_of(name) is None for name in classes)
    return are_words and (n, d) == (str(n_lines - 1), str(len(rows[1]) - 1))


def _has_words_for_names(rows, options):
    """Return True if the first row is a header by its words, None if its words do not tell."""
    first, below = rows[0], rows[min(1, len(rows) - 1)]
    if options.wanted and options.wanted.names and set(options.wanted.names) <= set(first):
        return True
    asked = filter(None, (options.label, options.offset))
    if any(word in first and number_of(word) is None for word in asked):
        return True
    texts = [number_of(cell) is None for cell in first]
    return True if all(texts) or (texts[-1] and number_of(below[-1]) is not None) else None


def _counts_columns(rows):
    """Return whether the first row is 0, 1, 2, ... or 1, 2, 3, ..., as pandas names columns.

    So may be a row of data, if it is short and there are others of integers alone.
    """
    first = rows[0][1:] if rows[0][0] == "" else rows[0]
    if first not in ([str(start + j) for j in range(len(first))] for start in (0, 1)):
        return False
    are_integers = (all(map(str.isdecimal, cells)) for cells in rows[1:])
    return len(rows) > 1 and (len(first) >= CERTAIN_COUNT or not any(are_integers))


def choose_columns(
    names: tuple[str, ...] | None, width: int, options: ReadOptions, index: tuple[int, ...] = ()
) -> tuple[int | None, int | None, tuple[int, ...]]:
    """Return which column is what.

    Parameters
    ----------
    names : tuple of str or None
        The names of the columns.
    width : int
        Number of columns.
    options : ReadOptions
    index : tuple of int, default ()
        Columns that are features only of a model that has their names.

    Returns
    -------
    label, offset : int or None
        None if there is no such column.
    features : tuple of int
    """
    offset = _find_offset(names, width, options)
    rest = [j for j in range(width) if j not in (offset, *index)]
    if options.wanted is None:
        label, features = _columns_to_fit(names, width, options, rest)
    else:
        label, features = _columns_of_model(names, options.wanted, rest)
    if offset is not None and offset in (label, *features):
        what = "holds the labels" if offset == label else "is a feature of the model"
        column = repr(names[offset]) if names else offset + 1
        raise ValueError(f"column {column} {what}: --offset must be another")
    return label, offset, features


def _find_offset(names, width, options):
    """Return the column of offsets, or None."""
    wanted = options.wanted
    if options.offset is not None:
        return _find_column(options.offset, names, width, "--offset")
    if wanted is None or wanted.offset is None:
        return None
    if wanted.names and names and names.count(wanted.offset) == 1:
        return names.index(wanted.offset)
    raise ValueError(
        f"the model was fitted with an offset, from column {wanted.offset!r}: pass --offset COLUMN "
        "to say which column of this file has it"
    )


def _columns_to_fit(names, width, options, rest):
    """Return the columns of labels and features of a table to fit; `rest` may be either."""
    label = rest[-1] if rest else None
    if options.label is not None:
        label = _find_column(options.label, names, width)
    dropped = {_find_column(word, names, width, "--drop") for word in options.drop}
    features = tuple(j for j in rest if j not in {label, *dropped})
    if not features:
        raise ValueError("no column is left for the features")
    return label, features


def _columns_of_model(names, wanted, rest):
    """Return the columns of labels, perhaps None, and of the features of a model."""
    if names and wanted.names and len(set(wanted.names)) == wanted.d:
        for name in wanted.names:
            if names.count(name) != 1:
                number = "several columns are" if name in names else "no column is"
                raise ValueError(f"{number} named {name!r}, which the model needs")
        label = names.index(wanted.label) if wanted.label in names else None
        return label, tuple(map(names.index, wanted.names))
    if len(rest) not in (wanted.d, wanted.d + 1):
        found = counted(len(rest), "column") + " besides the offset" * (wanted.offset is not None)
        raise ValueError(f"{found}, but the model needs {counted(wanted.d, 'feature')}")
    label = None
    if len(rest) > wanted.d:
        is_number = wanted.label is not None and wanted.label.isdecimal()
        label = int(wanted.label) - 1 if is_number else None
        label = label if label in rest else rest[-1]
    return label, tuple(j for j in rest if j != label)


def _find_column(word, names, width, option="--label"):
    """Return the column with a name or, where none has it, a number from 1."""
    if names is not None:
        if names.count(word) > 1:
            raise ValueError(f"several columns are named {word!r}")
        if word in names:
            return names.index(word)
    if word.isdecimal() and 1 <= int(word) <= width:
        return int(word) - 1
    if names is not None:
        raise ValueError(
            f"no column is named {word!r}; the columns are {reprlib.repr(list(names))}"
        )
    raise ValueError(
        f"no column is named {word!r}: the first row is not a header (--header makes it one), and "
        f"without a header {option} must be a column number from 1 to {width}"
    )


@contextmanager
def open_cells(path):
    """Open a table for reading its characters, without the mark of their order."""
    with open_text(path) as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _separator(path, one_column):
    with open_cells(path) as stream:
        lines = list(islice((line for line in stream if line.strip()), 2))
    if not lines:
        raise ValueError("no rows")
    for separator in SEPARATORS:
        if separator in lines[-1]:
            return separator
    if one_column:
        return ","
    raise ValueError("only one column: cells must be separated by comma, semicolon or tab")


def cell_rows(path: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line and the cells of each row that is not blank."""
    with open_cells(path) as stream:
        reader = csv.reader(stream, delimiter=separator)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num}: {error}") from None


def number_of(text: str) -> float | None:
    """Return the number that a text represents, perhaps NaN or infinite, or None if it is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def truth_of(text: str) -> float:
    """Return 1.0 for True and 0.0 for False, as pandas and R spell them, or NaN."""
    return TRUTHS.get(text.strip().lower(), nan)


def is_label(text: str) -> bool:
    """Return whether a text can be a label: not empty, and no number that is not finite."""
    number = number_of(text)
    return text != "" if number is None else isfinite(number)
