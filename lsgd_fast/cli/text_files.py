"""Reads data in text: tables of separated cells, and LIBSVM's ``label index:value ...``.

`check_text` looks through a file before anything in it is kept. Then code in C reads each format:
it is fast, but its errors are vague. After an error the file is read again cell by cell, for the
message alone. Errors are ValueErrors that name the line; the caller adds the file. Files whose
names end in .gz are decompressed.
"""

import codecs
import csv
import gzip
import io
import os
import re
import reprlib
from contextlib import contextmanager
from itertools import islice
from math import isfinite
from typing import NamedTuple

import numpy as np

from lsgd_fast._files import open_regular
from lsgd_fast._text import counted

__all__ = ["check_text", "read_column", "read_libsvm", "read_table"]

SEPARATORS = "\t;,"  # tried in this order: a comma is the likeliest inside a cell
BLOCK_BYTES = 1 << 22  # of text that are looked at or parsed at a time
MAX_LINE = 1 << 28  # bytes
MAX_DECOMPRESSED = 1 << 32  # bytes of text; 4 MB of .gz may hold as many
NEWLINE = b"\n"
MAX_INDEX = 10**15  # exact in float64, and more features than any memory holds

# A label and pairs. `float` would accept underscores in numbers, which are wrong here.
LIBSVM_ROW = re.compile(rb"\s*+[^\s:_]++(?:\s++[0-9]++:[^\s:_]++)*+\s*+")


def check_text(path):
    """Return the number of lines of a text, after a look at all of it, a block at a time.

    Parameters
    ----------
    path : str
        Text, perhaps compressed.

    Raises
    ------
    ValueError
        If it is not UTF-8 text without NUL bytes, if a line is longer than 256 MiB, or if it is
        compressed and larger than 4 GiB.
    EOFError, gzip.BadGzipFile, zlib.error
        If it is not sound gzip.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, line, length = 0, 1, 0
    with _open(path) as stream:
        while block := stream.read(BLOCK_BYTES):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line += error.object.count(NEWLINE, 0, error.start)
                raise ValueError(f"line {line} is not UTF-8 text") from error
            if (at := block.find(b"\0")) >= 0:
                line += block.count(NEWLINE, 0, at)
                raise ValueError(f"line {line} has a NUL byte, which is not text")
            first, last = block.find(NEWLINE), block.rfind(NEWLINE)
            if length + (first if first >= 0 else len(block)) > MAX_LINE:
                raise ValueError(f"line {line} is longer than {MAX_LINE >> 20} MiB")
            length = len(block) - last - 1 + (length if last < 0 else 0)
            line += block.count(NEWLINE)
            size += len(block)
            if path.endswith(".gz") and size > MAX_DECOMPRESSED:
                limit = f"{MAX_DECOMPRESSED / 2**30:.3g} GiB"
                raise ValueError(f"larger than {limit} without compression: decompress it first")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise ValueError(f"line {line} is not UTF-8 text") from error
    return line - (length == 0)  # nothing follows the last newline


def read_table(path, label, n_lines, max_bytes):
    """Read a table of numbers with one column of labels.

    The separator (comma, semicolon or tab) is taken from the second row. The first row is a header
    if none of its cells is a number, or if its last cell is not a number and the cell below is.

    Parameters
    ----------
    path : str
        UTF-8 text.
    label : str or None
        Name of the column of labels or, without a header, its number from 1; None for the last
        column.
    n_lines : int
        What `check_text` returned.
    max_bytes : int
        The largest size of X.

    Returns
    -------
    X : ndarray of shape (n, d), float64, C-contiguous
    labels : ndarray of shape (n,)
        float64 if all labels are numbers, otherwise str.
    """
    separator = _separator(path)
    head = list(islice(_rows(path, separator), 2))
    n_skipped, column = _layout(head, label)
    if n_skipped and len(head) < 2:
        raise ValueError("a header, but no rows of data")
    if 8 * n_lines * len(head[0][1]) > max_bytes:
        raise ValueError(
            f"{n_lines} lines of {counted(len(head[0][1]), 'cell')} would make X an array of more "
            f"than {1e-9 * max_bytes:.3g} GB. Pass X as an .npy file"
        )
    spellings = {}  # {label: its number}
    try:
        table = np.loadtxt(
            os.path.abspath(path),  # NumPy would download what looks like a URL
            delimiter=separator,
            comments=None,
            quotechar='"',
            encoding="utf-8-sig",
            skiprows=n_skipped,
            ndmin=2,
            converters={column: lambda text: spellings.setdefault(text.strip(), len(spellings))},
        )
        sound = np.isfinite(table).all() and all(map(_is_label, spellings))
        if not sound or table.shape[1] != len(head[0][1]):
            raise ValueError("not a table of numbers and labels")
    except ValueError as error:
        # NumPy turns every exception in the converter into a ValueError, even Ctrl-C.
        if isinstance(error.__cause__, (KeyboardInterrupt, MemoryError)):
            raise error.__cause__ from None
        _find_fault(path, separator, n_skipped, column)
        raise
    _check_lengths(spellings, len(table), max_bytes)
    labels = _numbers_or_texts(list(spellings))[table[:, column].astype(np.intp)]
    return np.delete(table, column, axis=1), labels


def read_column(path, n, max_bytes):
    """Read a file with one label per line, and a header if there is one line more.

    Parameters
    ----------
    path : str
        UTF-8 text.
    n : int
        Number of labels, one for each row of X.
    max_bytes : int
        The largest size of the labels.

    Returns
    -------
    ndarray of shape (n,)
        float64 if all labels are numbers, otherwise str.
    """
    rows = list(islice(_rows(path, ","), n + 2))
    rows = rows[1:] if len(rows) == n + 1 else rows
    for line, cells in rows:
        if len(cells) != 1 or not _is_label(cells[0]):
            raise ValueError(f"line {line}: {_show(','.join(cells))} is not a label")
    if len(rows) != n:
        found = f"more than {n}" if len(rows) > n else len(rows)
        raise ValueError(f"{found} labels, but X has {n} rows")
    labels = [cells[0] for _, cells in rows]
    _check_lengths(labels, n, max_bytes)
    return _numbers_or_texts(labels)


@contextmanager
def _open(path):
    with open_regular(path) as file:
        yield gzip.GzipFile(fileobj=file) if path.endswith(".gz") else file


@contextmanager
def _open_text(path):
    with _open(path) as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _separator(path):
    with _open_text(path) as stream:
        lines = list(islice((line for line in stream if line.strip()), 2))
    if not lines:
        raise ValueError("no rows")
    for separator in SEPARATORS:
        if separator in lines[-1]:
            return separator
    raise ValueError("only one column: cells must be separated by comma, semicolon or tab")


def _rows(path, separator):
    """Yield the number of the last line and the cells of each row that is not blank."""
    with _open_text(path) as stream:
        reader = csv.reader(stream, delimiter=separator)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num}: {error}") from None


def _layout(head, label):
    """Return the number of lines to skip and the column of labels, from the first rows."""
    line, first = head[0]
    names = [first[0].lstrip("# "), *first[1:]]
    is_header = _is_header([cells for _, cells in head])
    if label is None:
        return line if is_header else 0, len(first) - 1
    if label in names and (is_header or _number(label) is None):
        if names.count(label) > 1:
            raise ValueError(f"line {line}: several columns are named {label!r}")
        return line, names.index(label)
    if is_header:
        raise ValueError(f"no column is named {label!r}; the columns are {reprlib.repr(names)}")
    if not (label.isdecimal() and 1 <= int(label) <= len(first)):
        raise ValueError(
            f"no column is named {label!r}: line {line} is not a header; without a header, the "
            f"label must be a column number from 1 to {len(first)}"
        )
    return 0, int(label) - 1


def _is_header(rows):
    texts = [_number(cell) is None for cell in rows[0]]
    below = rows[-1][-1]  # that of the first row itself if there is no other row
    return all(texts) or (texts[-1] and _number(below) is not None)


def _find_fault(path, separator, n_skipped, column):
    """Raise a ValueError about the first invalid row, if there is one."""
    first = None
    for line, cells in _rows(path, separator):
        first = first or (line, len(cells))
        if len(cells) != first[1]:
            found = counted(len(cells), "cell")
            raise ValueError(f"line {line} has {found}; line {first[0]} has {first[1]}")
        if line <= n_skipped:
            continue
        for j, cell in enumerate(cells):
            if j == column and not _is_label(cell):
                raise ValueError(f"line {line}, column {j + 1}: {_show(cell)} is not a label")
            if j != column and not _is_finite(cell):
                raise ValueError(
                    f"line {line}, column {j + 1}: {_show(cell)} is not a finite number"
                )


def read_libsvm(path, max_bytes):
    """Read rows of ``label index:value ...`` into a dense array.

    Indices count from 1 and increase. A # starts a comment. Blank lines are ignored.

    Parameters
    ----------
    path : str
        Text.
    max_bytes : int
        The largest size of X, and of the numbers in the text.

    Returns
    -------
    X : ndarray of shape (n, d), float64, C-contiguous
        d is the largest index.
    labels : ndarray of shape (n,), float64
    """
    blocks, line, size = [], 1, 0
    with _open(path) as stream:
        while lines := stream.readlines(BLOCK_BYTES):
            if line == 1:
                lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
            blocks.append(_parse_libsvm(lines, line))
            line += len(lines)
            size += sum(array.nbytes for array in blocks[-1])
            if size > max_bytes:
                raise ValueError(
                    f"line {line}: the numbers so far take more than {1e-9 * max_bytes:.3g} GB"
                )
    n = sum(len(block.labels) for block in blocks)
    d, where = max(map(_largest_index, blocks), default=(0, 0))
    if n == 0 or d == 0:
        raise ValueError("no rows" if n == 0 else "no row has a feature")
    if 8 * n * d > max_bytes:
        raise ValueError(
            f"line {where}: index {d} would make X a dense array of {8e-9 * n * d:.3g} GB; at most "
            f"{1e-9 * max_bytes:.3g} GB are allowed. From Python, pass X as a sparse matrix"
        )
    X, done = np.zeros((n, d)), 0
    for block in blocks:
        rows = np.repeat(np.arange(done, done + len(block.labels)), block.counts)
        X[rows, block.indices - 1] = block.values
        done += len(block.labels)
    return X, np.concatenate([block.labels for block in blocks])


class _Block(NamedTuple):
    """Consecutive rows of a LIBSVM file."""

    lines: np.ndarray  # for each row: its line,
    labels: np.ndarray  # its label,
    counts: np.ndarray  # and the number of its pairs
    indices: np.ndarray  # for each pair of all rows
    values: np.ndarray


def _parse_libsvm(lines, first):
    bare = ((number, line.partition(b"#")[0]) for number, line in enumerate(lines, first))
    numbered = [(number, row) for number, row in bare if row.strip()]
    rows = [row for _, row in numbered]
    try:
        if not all(map(LIBSVM_ROW.fullmatch, rows)):
            raise ValueError("a row is not of the form label index:value ...")
        words = b" ".join(rows).replace(b":", b" ").split()
        numbers = np.fromiter(map(float, words), np.float64, len(words))
        counts = np.array([row.count(b":") for row in rows], dtype=np.intp)
        starts = np.cumsum(2 * counts + 1) - (2 * counts + 1)
        labels = numbers[starts]
        indices, values = np.delete(numbers, starts).reshape(-1, 2).T
        increases = np.diff(indices, prepend=0.0) > 0.0
        first_pairs = (np.cumsum(counts) - counts)[counts > 0]
        increases[first_pairs] = indices[first_pairs] >= 1.0
        if not (increases.all() and (indices < MAX_INDEX).all() and np.isfinite(numbers).all()):
            raise ValueError("a number is out of bounds")
    except ValueError:
        for number, row in numbered:
            words = [word.decode("ascii", "replace") for word in row.split()]
            _check_libsvm_row(number, *words)
        raise
    line_numbers = np.array([number for number, _ in numbered], dtype=np.intp)
    return _Block(line_numbers, labels, counts, indices.astype(np.intp), values)


def _check_libsvm_row(line, label, *pairs):
    """Raise a ValueError if a row is invalid."""
    if not _is_finite(label):
        raise ValueError(f"line {line}: the label {_show(label)} is not a finite number")
    last = 0
    for pair in pairs:
        index, colon, value = pair.partition(":")
        if index == "qid":
            raise ValueError(f"line {line}: qid belongs to ranking data, which are not supported")
        if not (colon and index.isdecimal()):
            raise ValueError(f"line {line}: {_show(pair)} is not index:value")
        if not _is_finite(value):
            raise ValueError(f"line {line}: the value of {_show(pair)} is not a finite number")
        if float(index) >= MAX_INDEX:
            raise ValueError(f"line {line}: the index of {_show(pair)} is too large")
        if int(index) == 0:
            raise ValueError(f"line {line}: the index is 0, but indices count from 1")
        if int(index) <= last:
            raise ValueError(
                f"line {line}: index {int(index)} follows {last}, but indices must increase"
            )
        last = int(index)


def _largest_index(block):
    """Return the largest index of a block and its line."""
    if len(block.indices) == 0:
        return 0, 0
    at = int(block.indices.argmax())
    row = int(np.searchsorted(np.cumsum(block.counts), at, side="right"))
    return int(block.indices[at]), int(block.lines[row])


def _check_lengths(labels, n, max_bytes):
    """Raise ValueError if n labels take too much memory, all of them as much as the longest."""
    longest = max(map(len, labels))
    if 4 * n * longest > max_bytes:
        raise ValueError(f"a label of {longest} characters is too long for {n} rows")


def _numbers_or_texts(texts):
    numbers = [_number(text) for text in texts]
    return np.array(texts if None in numbers else numbers)


def _number(text):
    """Return the number that a text represents, perhaps NaN or infinite, or None if it is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _is_finite(text):
    number = _number(text)
    return number is not None and isfinite(number)


def _is_label(text):
    number = _number(text)
    return text != "" if number is None else isfinite(number)


def _show(text):
    return reprlib.repr(text)
