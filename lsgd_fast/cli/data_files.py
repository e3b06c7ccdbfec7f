"""Reads X and y from data files of every format; errors are one line that names the file."""

from __future__ import annotations

import io
import mmap
import os
import reprlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from lsgd_fast._checks import half_of_memory
from lsgd_fast._files import check_path, open_regular
from lsgd_fast._inputs.sparse import SparseRows
from lsgd_fast._inputs.standardize import Units
from lsgd_fast._results.archive import NUMBERS, parse_array
from lsgd_fast._text import counted
from lsgd_fast._typing import FloatArray, Path
from lsgd_fast.cli.columns import read_columns
from lsgd_fast.cli.libsvm import read_libsvm
from lsgd_fast.cli.rows import ReadOptions, Rows, plain_labels
from lsgd_fast.cli.sources import TABLES, check_text, find_format, naming, regular_file
from lsgd_fast.cli.tables import read_column, read_table

__all__ = ["Data", "read_data", "read_rows"]

TEXTS = "U"  # the kind of dtype that labels may have besides NUMBERS
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MAPPED_BYTES = 1 << 26  # .npy files of this size or more are mapped, not read
# The options of reading that not every format has, with their defaults and the formats that do.
OPTIONS = {
    "label": (None, TABLES),
    "offset": (None, TABLES),
    "drop": ((), TABLES),
    "keep_index": (False, TABLES),
    "header": (None, ("csv",)),
    "zero_based": (None, ("libsvm",)),
}


@dataclass(frozen=True, eq=False)
class Data:
    """The contents of a data file; unpacks as ``X, y``.

    Attributes
    ----------
    X : ndarray or SparseRows of shape (n, d)
        Features, at least one row and one feature. From text they are finite float64; from other
        files they have any real dtype, and validation refuses values that are not finite. X may be
        read-only and memory-mapped.
    y : ndarray of shape (n,), float64
        Labels -1 and +1, both of which occur; for several classes 0, 1, ..., K - 1.
    labels : tuple
        The labels in the file (numbers, bools or strings), in the order of the values of y.
    rows : Rows
        What else the file says, such as the names of the features.
    is_table : bool
        Whether the file is one of columns, such as .csv.
    units : Units or None
        If the features are to be standardised, their centre and scale.
    """

    X: NDArray[Any] | SparseRows
    y: FloatArray
    labels: tuple[Any, ...]
    rows: Rows
    is_table: bool
    units: Units | None = None

    def __iter__(self) -> Iterator[NDArray[Any] | SparseRows]:
        return iter((self.X, self.y))

    @property
    def feature_names(self) -> list[str]:
        """The names of the features, see `Rows.feature_names`."""
        return self.rows.feature_names


def read_data(
    path: Path, *, labels: Path | None = None, format: str | None = None, **options: Any
) -> Data:
    r"""Read features and labels from a file.

    The format follows from the end of the name, or else from the contents:

    - .npz: arrays named ``X`` and ``y``; other arrays are ignored.
    - .npy: X. The labels are in a separate file.
    - .csv, .tsv: cells separated by comma, semicolon or tab, with or without a header.
    - .parquet, .feather: columns, which pyarrow reads. Lists of one length are several columns.
    - .svm, .libsvm, .svmlight: LIBSVM's ``label index:value ...``. X is sparse, unless more than
      half of its entries are there.

    Text must be UTF-8, with lines of at most 256 MiB, and may be gzip-compressed: .csv.gz and the
    like, which may hold up to 4 GiB of text. Nothing is ever unpickled. Only regular files are
    read, and standard input, of up to 4 GiB; no other pipes and no devices.

    The first line of .csv is a header

    - if none of its cells is a number, or its last cell is no number, but the one below is one;
    - if one of its cells is `label`, which is no number;
    - if it counts the columns from 0 or from 1, as pandas names them, unless it has fewer than four
      numbers and one of the next lines is of integers, too.

    It is left out if it is the number of rows, the number of features and words, as in the files of
    scikit-learn. A first column of .csv whose name is empty or "Unnamed: 0" is an index, and left
    out; of .parquet and .feather the columns are left out that pandas describes as the index.

    The smaller of the two labels becomes -1; labels are numbers or, except in LIBSVM files,
    strings. Features are numbers, or True and False, which are 1 and 0.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        The file; ``-`` is standard input. An .npy file of 64 MiB or more is mapped into memory, not
        read.
    labels : str, bytes or os.PathLike, optional
        The file of the labels of an .npy file, which needs one: .npy, or text with one label per
        line.
    format : {"npz", "npy", "csv", "libsvm", "parquet", "feather"}, optional
        The format, whatever the name is.
    label : str, optional
        For tables: the name of the column of labels or its number from 1. By default the last
        column, or the one before it if that is the offset.
    offset : str, optional
        For tables: the name of the column of offsets, a known part of the scores, or its number
        from 1. It is no feature.
    several : bool, default False
        Whether there may be more than two labels, which become 0, 1, ..., in sorted order.
    header : bool, optional
        For .csv: whether the first line is a header.
    keep_index : bool, default False
        For tables: whether to keep an index as a feature.
    drop : sequence of str, default ()
        For tables: names or numbers of columns to leave out.
    zero_based : bool, optional
        For LIBSVM: whether indices count from 0. By default if one of them is 0, and else from 1.

    Returns
    -------
    Data
        Unpacks as ``X, y``.

    Raises
    ------
    FileNotFoundError, OSError
        If a file does not exist or cannot be read.
    ValueError
        If the file has no such contents. The message is one line that names the file and, for text,
        the line. Also if X would take more than half of the memory of the machine, unless it is
        mapped.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "toy.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("a;b;kind\n1;0.2;yes\n-1;-0.2;no\n")
    ...     data = read_data(path)
    >>> X, y = data
    >>> X.tolist(), y.tolist(), data.labels
    ([[1.0, 0.2], [-1.0, -0.2]], [1.0, -1.0], ('no', 'yes'))
    """
    options = ReadOptions(**options)
    rows, is_table = read_rows(path, options, labels, format)
    with naming(check_path(path if labels is None else labels)):
        may_be_header = is_table and rows.names is None and options.header is None
        y, found = _map_labels(rows.labels, options.several, may_be_header)
    return Data(rows.X, y, found, rows, is_table)


def read_rows(
    path: Path, options: ReadOptions, labels: Path | None = None, format: str | None = None
) -> tuple[Rows, bool]:
    """Read features and labels from a file as they are.

    Parameters
    ----------
    path, labels, format
        Those of `read_data`.
    options : ReadOptions

    Returns
    -------
    rows : Rows
        Its labels are None only if `options.wanted` is given, and the file has none. Its offsets
        are those that `options` or the model that is wanted ask for.
    is_table : bool
        Whether the file is one of columns.
    """
    name = check_path(path)
    with naming(name), regular_file(name) as path:
        kind = find_format(path, name) if format is None else format
        _check_options(kind, options, labels)
        rows = _read(path, kind, options)
        X = rows.X
        if rows.labels is None and labels is None and options.wanted is None:
            raise ValueError(
                "an .npy file has no labels: pass the file that has them (labels, --labels)"
            )
        if options.wanted is not None and X.shape[1] != options.wanted.d:
            raise ValueError(f"{X.shape[1]} features, but the model has {options.wanted.d}")
    if labels is not None:
        name = check_path(labels)
        with naming(name), regular_file(name) as path:
            rows = replace(rows, labels=_read_labels(path, len(X)))
    return rows, kind in TABLES


def _check_options(kind, options, labels):
    if labels is not None and kind != "npy":
        raise ValueError("only .npy files take their labels from another file")
    for name, (default, kinds) in OPTIONS.items():
        if getattr(options, name) != default and kind not in kinds:
            shown = ", ".join(f".{one}" for one in kinds)
            option = name.replace("_", "-")
            raise ValueError(f"{name} (--{option}) is for {shown} files, and this is .{kind}")
    if options.wanted is not None and options.wanted.offset is not None and kind not in TABLES:
        raise ValueError(
            f"the model was fitted with an offset, which a .{kind} file has not: pass a table"
        )


def _read(path, kind, options):
    limit = half_of_memory()
    if kind == "npz":
        return _read_npz(path, options)
    if kind == "npy":
        return Rows(_check_matrix(_read_npy(path, NUMBERS)), None)
    if kind == "csv":
        return read_table(path, check_text(path), limit, options)
    if kind in TABLES:
        return read_columns(path, kind, limit, options)
    check_text(path)
    wanted = options.wanted
    if wanted is not None and wanted.names is not None:
        raise ValueError(
            "LIBSVM text has no names of columns, and the model needs those of a table: pass one"
        )
    asked, d = (options.zero_based, None) if wanted is None else (wanted.zero_based, wanted.d)
    X, labels, zero_based, n_left_out = read_libsvm(path, limit, asked, d)
    if 2 * X.size > X.shape[0] * X.shape[1] and 8 * X.shape[0] * X.shape[1] <= limit:
        X = X.toarray()  # in less memory, and faster in every step
    notes = []
    if zero_based and asked is None:
        notes.append("Indices count from 0, as one of them is 0.")
    if n_left_out:
        values = counted(n_left_out, "value")
        notes.append(f"{values} of features that the model does not have are left out.")
    return Rows(X, labels, notes=tuple(notes), zero_based=zero_based)


def _read_npz(path, options):
    with open_regular(path) as file:
        try:
            members = _read_members(file, ("X",) if options.wanted else ("X", "y"))
        except (MemoryError, ValueError):
            raise
        except Exception as error:  # zipfile raises a dozen types, which all mean the same
            raise ValueError(f"not a readable .npz file: {error}") from error
    X = _check_matrix(_parse_member("X", members["X"], NUMBERS))
    y = members.get("y") and _parse_member("y", members["y"], NUMBERS + TEXTS)
    return Rows(X, None if y is None else _check_column(y, len(X)))


def _read_members(file, needed):
    with zipfile.ZipFile(file) as archive:
        names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        missing = [name for name in needed if name not in names]
        if missing:
            found = reprlib.repr(sorted(names))
            raise ValueError(f"no array is named {' or '.join(missing)}; the arrays are {found}")
        twice = [name for name in ("X", "y") if names.count(name) > 1]
        if twice:
            raise ValueError(f"several arrays are named {' and '.join(twice)}")
        members = dict(zip(names, archive.infolist(), strict=True))
        members = {name: members[name] for name in ("X", "y") if name in members}
        if any(info.compress_type not in METHODS for info in members.values()):
            raise ValueError("an array is compressed by a method that NumPy does not use")
        if sum(info.file_size for info in members.values()) > half_of_memory():
            raise ValueError("the arrays take more than half of the memory of this machine")
        # read() verifies the checksum before it returns.
        return {name: archive.read(info) for name, info in members.items()}


def _parse_member(name, data, kinds):
    try:
        return parse_array(io.BytesIO(data), data, kinds)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _read_npy(path, kinds):
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size < MAPPED_BYTES:
            data = file.read()
            return parse_array(io.BytesIO(data), data, kinds)
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return parse_array(data, data, kinds)


def _read_labels(path, n):
    with open_regular(path) as file:
        is_array = file.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX
    if is_array:
        return _check_column(_read_npy(path, NUMBERS + TEXTS), n)
    check_text(path)
    return read_column(path, n, half_of_memory())


def _check_matrix(X):
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(f"X must be 2-d with one row and one feature or more; got {X.shape}")
    return X


def _check_column(y, n):
    if y.shape not in ((n,), (n, 1)):
        raise ValueError(f"labels must have shape ({n},), one for each row of X; got {y.shape}")
    return y.reshape(n)


def _map_labels(values, several, may_be_header):
    """Return labels as -1.0 and +1.0, or 0.0, 1.0, ..., and the distinct labels of the file.

    Where there may be a header in place of the first label, errors say so.
    """
    if values.dtype.kind == "f":
        values = values.astype(np.float64, copy=False)
        if not np.isfinite(values).all():
            raise ValueError(f"the label of row {np.isfinite(values).argmin()} is not finite")
    found, which = np.unique(values, return_inverse=True)
    if len(found) < 2 or (len(found) > 2 and not several):
        hint = "; for more, pass --softmax" if len(found) > 2 else ""
        if hint and may_be_header and np.count_nonzero(which == which[0]) == 1:
            hint += ", or --header if the first line is one"
        shown = reprlib.repr(list(plain_labels(found[:9])))
        raise ValueError(f"there must be two different labels; found {shown}{hint}")
    y = which.astype(np.float64) if several else 2.0 * which - 1.0
    return y, plain_labels(found)
