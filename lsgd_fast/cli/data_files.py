"""Reads X and y from .npz, .npy, .csv and LIBSVM files; errors are one line that names the file."""

import io
import mmap
import os
import reprlib
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile

import numpy as np

from lsgd_fast._checks import half_of_memory
from lsgd_fast._files import check_path, open_regular
from lsgd_fast._results.archive import NUMBERS, parse_array
from lsgd_fast.cli.text_files import check_text, read_column, read_libsvm, read_table

__all__ = ["Data", "read_data"]

TABLES = (".csv", ".tsv")
LIBSVM = (".libsvm", ".svm", ".svmlight", ".txt")
LABELS = (".npy", ".csv", ".txt")  # files of labels alone
TEXTS = "U"  # the kind of dtype that labels may have besides NUMBERS
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MAPPED_BYTES = 1 << 26  # .npy files of this size or more are mapped, not read


@dataclass(frozen=True, eq=False)
class Data:
    """The contents of a data file; unpacks as ``X, y``.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Features, at least one row and one feature. From text they are finite float64; from .npz and
        .npy they have any real dtype, and validation refuses values that are not finite. X may be
        read-only and memory-mapped.
    y : ndarray of shape (n,), float64
        Labels -1 and +1, both of which occur; for several classes 0, 1, ..., K - 1.
    labels : tuple
        The labels in the file (numbers, bools or strings), in the order of the values of y.
    """

    X: np.ndarray
    y: np.ndarray
    labels: tuple

    def __iter__(self):
        return iter((self.X, self.y))


def read_data(path, *, labels=None, label=None, several=False):
    r"""Read features and labels from a file, whose format follows from the end of its name.

    - .npz: arrays named ``X`` and ``y``; other arrays are ignored.
    - .npy: X. The labels are in a separate file.
    - .csv, .tsv: cells separated by comma, semicolon or tab, with or without a header.
    - .svm, .libsvm, .svmlight, .txt: LIBSVM's ``label index:value ...``, where indices count from 1
      and increase. X becomes a dense array.

    Text must be UTF-8, with lines of at most 256 MiB, and may be gzip-compressed: .csv.gz and the
    like, which may hold up to 4 GiB of text. Nothing is ever unpickled. Only regular files are
    read, no pipes and no devices.

    The smaller of the two labels becomes -1; labels are numbers or, except in LIBSVM files,
    strings.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        The file. An .npy file of 64 MiB or more is mapped into memory, not read.
    labels : str, bytes or os.PathLike, optional
        The file of the labels of an .npy file, which needs one: .npy, or .csv or .txt with one
        label per line.
    label : str, optional
        For .csv and .tsv: the name of the column of labels or, without a header, its number from 1.
        The last column by default.
    several : bool, default False
        Whether there may be more than two labels, which become 0, 1, ..., in sorted order.

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
        the line. Also if X, from text or .npz, would take more than half of the memory of the
        machine.

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
    path = check_path(path)
    kind = _kind(path)
    if labels is not None and kind != ".npy":
        raise ValueError(f"{path!r}: only .npy files take their labels from another file")
    if label is not None and kind not in TABLES:
        raise ValueError(f"{path!r}: label names a column of a .csv file, which this is not")
    with _naming(path):
        with open_regular(path) as file:
            if not file.read(1):
                raise ValueError("the file is empty")
        if kind == ".npz":
            X, values = _read_npz(path)
        elif kind == ".npy":
            X = _check_matrix(_read_npy(path, NUMBERS))
            if labels is None:
                raise ValueError(
                    "an .npy file has no labels: pass the file that has them (labels, --labels)"
                )
        elif kind in TABLES:
            X, values = read_table(path, label, check_text(path), half_of_memory())
        elif kind in LIBSVM:
            check_text(path)
            X, values = read_libsvm(path, half_of_memory())
        else:
            known = ", ".join((".npz", ".npy", *TABLES, *LIBSVM))
            raise ValueError(f"the name must end in {known}; text files may end in .gz after that")
    if kind == ".npy":
        path = check_path(labels)
        with _naming(path):
            values = _read_labels(path, len(X))
    with _naming(path):
        y, found = _map_labels(values, several)
    return Data(X, y, found)


@contextmanager
def _naming(path):
    """Turn every error about the contents of a file into a ValueError of one line that names it."""
    try:
        yield
    except MemoryError as error:
        raise ValueError(f"{path!r}: too large for the available memory") from error
    except (ValueError, EOFError, BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path!r}: {' '.join(str(error).split())}") from error


def _kind(path):
    """Return the suffix in lower case; for compressed text, the suffix before .gz."""
    suffix = os.path.splitext(path.removesuffix(".gz"))[1].lower()
    is_binary = suffix not in TABLES + LIBSVM
    return ".gz" if path.endswith(".gz") and is_binary else suffix


def _read_npz(path):
    with open_regular(path) as file:
        try:
            members = _read_members(file)
        except (MemoryError, ValueError):
            raise
        except Exception as error:  # zipfile raises a dozen types, which all mean the same
            raise ValueError(f"not a readable .npz file: {error}") from error
    X = _check_matrix(_parse_member("X", members["X"], NUMBERS))
    return X, _check_column(_parse_member("y", members["y"], NUMBERS + TEXTS), len(X))


def _read_members(file):
    with zipfile.ZipFile(file) as archive:
        names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        missing = [name for name in ("X", "y") if name not in names]
        if missing:
            found = reprlib.repr(sorted(names))
            raise ValueError(f"no array is named {' or '.join(missing)}; the arrays are {found}")
        twice = [name for name in ("X", "y") if names.count(name) > 1]
        if twice:
            raise ValueError(f"several arrays are named {' and '.join(twice)}")
        members = dict(zip(names, archive.infolist(), strict=True))
        members = {name: members[name] for name in ("X", "y")}
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
    kind = _kind(path)
    if kind == ".npy":
        return _check_column(_read_npy(path, NUMBERS + TEXTS), n)
    if kind not in LABELS:
        raise ValueError(f"a file of labels must end in {', '.join(LABELS)} (text also in .gz)")
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


def _map_labels(values, several):
    """Return labels as -1.0 and +1.0, or 0.0, 1.0, ..., and the distinct labels of the file."""
    if values.dtype.kind == "f":
        values = values.astype(np.float64, copy=False)
        if not np.isfinite(values).all():
            raise ValueError(f"the label of row {np.isfinite(values).argmin()} is not finite")
    found, which = np.unique(values, return_inverse=True)
    if len(found) < 2 or (len(found) > 2 and not several):
        hint = "; for more, pass --softmax to fit, sweep or trial" if len(found) > 2 else ""
        raise ValueError(
            f"there must be two different labels; found {reprlib.repr(found[:9].tolist())}{hint}"
        )
    y = which.astype(np.float64) if several else 2.0 * which - 1.0
    return y, tuple(found.tolist())
