"""Reads .parquet and .feather files by pyarrow."""

from __future__ import annotations

import reprlib
from contextlib import contextmanager
from typing import Literal

import numpy as np

from lsgd_fast._files import open_regular
from lsgd_fast.cli.rows import ReadOptions, Rows
from lsgd_fast.cli.table_layout import choose_columns

__all__ = ["read_columns"]

BATCH_ROWS = 1 << 16
# Kinds that passes read in place; others become float64.
COMPACT = ("float32", "float16", "uint8", "int8")


def read_columns(
    path: str, kind: Literal["parquet", "feather"], max_bytes: int, options: ReadOptions
) -> Rows:
    """Read features, labels and offsets from a file of columns.

    Parameters
    ----------
    path : str
    kind : {"parquet", "feather"}
    max_bytes : int
        The largest size of the columns.
    options : ReadOptions

    Returns
    -------
    Rows
    """
    with open_regular(path) as file, _one_error(kind):
        table = _read_table(file, kind, max_bytes)
        if not len(table):
            raise ValueError("no rows")
        names, columns = zip(*_flat_columns(table), strict=True)
        described = (table.schema.pandas_metadata or {}).get("index_columns", ())
        index = tuple(j for j, name in enumerate(names) if name in described)
        index = () if options.keep_index else index
        label, offset, features = choose_columns(names, len(names), options, index)
        labels = None if label is None else _labels(columns[label], names[label], max_bytes)
        offsets = None
        if offset is not None:
            offsets = _numbers(columns[offset], names[offset])
            _check_finite(offsets, names[offset])
        found = [_numbers(columns[j], names[j], j) for j in features]
    told = () if options.wanted is not None else index  # `predict` has no --keep-index
    left_out = [repr(names[j]) for j in told if j not in (label, offset, *features)]
    notes = [
        f"The index {name} of pandas is left out (--keep-index keeps it)." for name in left_out
    ]
    dtype = np.result_type(*{one.dtype for one in found})
    X = np.empty((len(table), len(found)), dtype if dtype.name in COMPACT else np.float64)
    for j, one in enumerate(found):
        X[:, j] = one
    label = None if label is None else names[label]
    offset = None if offset is None else names[offset]
    features, notes = tuple(names[j] for j in features), tuple(notes)
    return Rows(X, labels, features, label, notes, offsets=offsets, offset=offset)


@contextmanager
def _one_error(kind):
    """Turn what pyarrow raises, a dozen types, into a ValueError."""
    try:
        yield
    except (MemoryError, ValueError) as error:
        if type(error) in (MemoryError, ValueError):
            raise
        if isinstance(error, MemoryError):
            raise MemoryError from error
        raise ValueError(f"not a readable .{kind} file: {error}") from error
    except Exception as error:
        raise ValueError(f"not a readable .{kind} file: {error}") from error


def _check_finite(offsets, name):
    for i in np.flatnonzero(~np.isfinite(offsets))[:1]:
        raise ValueError(f"row {i}, column {name!r}: {offsets[i]} is not a finite number")


def _read_table(file, kind, max_bytes):
    try:
        import pyarrow as pa
    except ImportError:
        raise ValueError(
            f"a .{kind} file needs pyarrow, which cannot be imported (extra: lsgd_fast[arrow])"
        ) from None
    if kind == "parquet":
        from pyarrow.parquet import ParquetFile

        source = ParquetFile(file)
        schema = source.schema_arrow
        if 8 * source.metadata.num_rows * len(schema) > max_bytes:
            raise ValueError("the columns take more than half of the memory of this machine")
        found = source.iter_batches(BATCH_ROWS)
    else:
        source = pa.ipc.open_file(file)
        schema = source.schema
        found = map(source.get_batch, range(source.num_record_batches))
    batches, size = [], 0
    for batch in found:
        batches.append(batch)
        size += batch.nbytes
        if size > max_bytes:
            raise ValueError("the columns take more than half of the memory of this machine")
    return pa.Table.from_batches(batches, schema)


def _flat_columns(table):
    """Yield the name and the values of each column; of lists of one length, each of their places.

    Values of lists are arrays already; others are converted once they are chosen.
    """
    from pyarrow import compute, types

    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        if not (is_list and types.is_primitive(kind.value_type)):
            yield name, column
            continue
        _check_no_nulls(column, name)
        lengths = compute.list_value_length(column).unique().to_pylist()
        if len(lengths) > 1:
            raise ValueError(f"column {name!r} holds lists of several lengths")
        values = compute.list_flatten(column)
        values = _numbers(values, name).reshape(len(table), lengths[0])
        yield from ((f"{name}[{j}]", values[:, j]) for j in range(lengths[0]))


def _numbers(column, name, j=None):
    """Return a column of numbers as an array; raise ValueError for anything else."""
    from pyarrow import types

    if isinstance(column, np.ndarray):
        return column
    kind = column.type
    if types.is_decimal(kind):
        column = column.cast("float64")
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        word = reprlib.repr(next((one for one in column.to_pylist() if one is not None), None))
        remedy = "" if j is None else f": leave it out by --drop {j + 1}, or make numbers of it"
        raise ValueError(f"column {name!r} holds {kind}, such as {word}, and no numbers{remedy}")
    _check_no_nulls(column, name)
    return column.to_numpy()


def _check_no_nulls(column, name):
    if column.null_count:
        row = int(column.is_null().to_numpy().argmax())
        raise ValueError(
            f"row {row}, column {name!r}: the value is missing, so drop the row or fill the gap"
        )


def _labels(column, name, max_bytes):
    """Return labels as an array of numbers, bools or strings."""
    from pyarrow import types

    if isinstance(column, np.ndarray):
        return column
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        return _numbers(column, name)
    _check_no_nulls(column, name)
    texts = column.to_pylist()
    if 4 * len(texts) * max(map(len, texts)) > max_bytes:
        raise ValueError(f"a label of {max(map(len, texts))} characters is too long")
    return np.array(texts)
