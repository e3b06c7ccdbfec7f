"""Reads tables in text into an array of features and an array of labels.

NumPy's ``loadtxt`` reads the cells, or pyarrow where it is installed and the text is long. Both are
fast, but their errors are vague. After an error the rows are read again by Python's ``csv``, for
the message alone.
"""

from __future__ import annotations

import os
import reprlib
from itertools import islice
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._text import counted
from lsgd_fast.cli.rows import ReadOptions, Rows
from lsgd_fast.cli.sources import open_text
from lsgd_fast.cli.table_layout import (
    cell_rows,
    find_layout,
    is_label,
    number_of,
    open_cells,
    truth_of,
)

__all__ = ["read_column", "read_table"]

ARROW_BYTES = 1 << 22  # from which on its speed makes up for the import of pyarrow
MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-", ".")


def read_table(path: str, n_lines: int, max_bytes: int, options: ReadOptions) -> Rows:
    """Read a table of numbers with one column of labels.

    Parameters
    ----------
    path : str
        Text that `check_text` has seen.
    n_lines : int
        What `check_text` returned.
    max_bytes : int
        The largest size of X.
    options : ReadOptions

    Returns
    -------
    Rows
    """
    layout = find_layout(path, n_lines, options)
    if 8 * n_lines * layout.width > max_bytes:
        raise ValueError(
            f"{n_lines} lines of {counted(layout.width, 'cell')} would make X an array of more "
            f"than {1e-9 * max_bytes:.3g} GB. Pass X as an .npy file"
        )
    found = _read_with_arrow(path, layout) or _read_with_numpy(path, layout)
    X, offsets, codes, spellings = found
    is_finite = np.isfinite(X).all() and (offsets is None or np.isfinite(offsets).all())
    if not (is_finite and all(map(is_label, spellings)) and len(X)):
        _find_fault(path, layout)
        raise ValueError("not a table of numbers and labels")
    labels = None if codes is None else _labels(spellings, max_bytes, len(X))[codes]
    names, notes = layout.names, layout.notes
    features = names and tuple(names[j] for j in layout.features)
    label, offset = _name(layout, layout.label), _name(layout, layout.offset)
    columns = tuple(j + 1 for j in layout.features)
    return Rows(X, labels, features, label, notes, offsets=offsets, offset=offset, columns=columns)


def _name(layout, j):
    """Return the name of a column or its number from 1; None for None."""
    if j is None:
        return None
    return layout.names[j] if layout.names else str(j + 1)


def _read_with_numpy(path, layout):
    """Return features, offsets, the number of each row's label, and the spellings of labels."""
    spellings = {}  # {label: its number}
    used = {*layout.numbers, layout.label}
    converters = {j: lambda text: 0.0 for j in range(layout.width) if j not in used}
    converters |= dict.fromkeys(layout.truths, truth_of)
    if layout.label is not None:
        converters[layout.label] = lambda text: spellings.setdefault(text.strip(), len(spellings))
    try:
        with open_cells(path) as stream:
            table = np.loadtxt(
                stream,
                delimiter=layout.separator,
                comments=None,
                quotechar='"',
                skiprows=layout.n_skipped,
                ndmin=2,
                converters=converters,
                encoding=None,  # or NumPy below 2 gives the converters bytes
            )
        if table.shape[1] != layout.width:
            raise ValueError("not a table of numbers and labels")
    except ValueError as error:
        # NumPy turns every exception in the converter into a ValueError, even Ctrl-C.
        if isinstance(error.__cause__, (KeyboardInterrupt, MemoryError)):
            raise error.__cause__ from None
        _find_fault(path, layout)
        raise
    codes = None if layout.label is None else table[:, layout.label].astype(np.intp)
    offsets = None if layout.offset is None else table[:, layout.offset].copy()
    return table.take(layout.features, axis=1), offsets, codes, list(spellings)


def _read_with_arrow(path, layout):
    """Return what `_read_with_numpy` does, or None: without pyarrow, and for it to find faults."""
    if os.path.getsize(path) < ARROW_BYTES:
        return None
    try:
        import pyarrow as pa
        from pyarrow import csv as arrow
    except ImportError:
        return None
    names = [str(j) for j in range(layout.width)]
    types = {str(j): pa.bool_() if j in layout.truths else pa.float64() for j in layout.numbers}
    if layout.label is not None:
        types[str(layout.label)] = pa.dictionary(pa.int32(), pa.string())
    with open_text(path) as stream:
        for _ in range(layout.n_skipped):
            stream.readline()
        try:
            table = arrow.read_csv(
                stream,
                arrow.ReadOptions(column_names=names),
                arrow.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
                arrow.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=[]
                ),
            )
        except (pa.ArrowException, ValueError):
            return None
    X = np.empty((len(table), len(layout.features)))
    for k, j in enumerate(layout.features):
        X[:, k] = table.column(str(j)).to_numpy()
    offsets = None if layout.offset is None else table.column(str(layout.offset)).to_numpy()
    if layout.label is None:
        return X, offsets, None, []
    column = table.column(str(layout.label)).unify_dictionaries().combine_chunks()
    codes, texts = column.indices.to_numpy(), column.dictionary.to_pylist()
    spellings = {}
    order = [spellings.setdefault(text.strip(), len(spellings)) for text in texts]
    return X, offsets, np.array(order, np.intp)[codes], list(spellings)


def read_column(path: str, n: int, max_bytes: int) -> NDArray[Any]:
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
    rows = list(islice(cell_rows(path, ","), n + 2))
    rows = rows[1:] if len(rows) == n + 1 else rows
    for line, cells in rows:
        if len(cells) != 1 or not is_label(cells[0]):
            raise ValueError(f"line {line}: {reprlib.repr(','.join(cells))} is not a label")
    if len(rows) != n:
        found = f"more than {n}" if len(rows) > n else len(rows)
        raise ValueError(f"{found} labels, but X has {n} rows")
    labels = [cells[0] for _, cells in rows]
    return _labels(labels, max_bytes, n)


def _find_fault(path, layout):
    """Raise a ValueError about the first invalid row, if there is one."""
    first = None
    for line, cells in cell_rows(path, layout.separator):
        if line <= layout.n_skipped and layout.names is None:
            continue
        first = first or (line, len(cells))
        if len(cells) != first[1]:
            found = counted(len(cells), "cell")
            raise ValueError(f"line {line} has {found}; line {first[0]} has {first[1]}")
        if line <= layout.n_skipped:
            continue
        if layout.label is not None and not is_label(cells[layout.label]):
            where = f"line {line}, {layout.name(layout.label)}"
            raise ValueError(f"{where}: {reprlib.repr(cells[layout.label])} is not a label")
        for j in sorted(layout.numbers):
            number = layout.number(j, cells[j])
            if number is None or not isfinite(number):
                where = f"line {line}, {layout.name(j)}: {reprlib.repr(cells[j])}"
                remedy = _remedy(layout, j, cells[j], number, line == first[0])
                raise ValueError(f"{where} is not a finite number{remedy}")


def _remedy(layout, j, cell, number, in_first_row):
    """Return what can be done about a cell that is not a finite number."""
    if cell.lower() in MISSING:
        return ": the value is missing, so drop the row or fill the gap"
    if number is not None:
        return ""
    may_be_header = in_first_row and not layout.names
    header = " (if this line is a header, pass --header)" if may_be_header else ""
    if j == layout.offset:
        return f": --offset needs a column of numbers{header}"
    return f": leave words out by --drop {j + 1}, or make numbers of them{header}"


def _labels(spellings, max_bytes, n):
    """Return labels as an array, of float64 if all of them are numbers.

    Raise ValueError if n labels take too much memory, all of them as much as the longest.
    """
    longest = max(map(len, spellings))
    if 4 * n * longest > max_bytes:
        raise ValueError(f"a label of {longest} characters is too long for {n} rows")
    numbers = [number_of(text) for text in spellings]
    return np.array(spellings if None in numbers else numbers)
