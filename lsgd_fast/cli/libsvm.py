"""Reads LIBSVM's ``label index:value ...`` as sparse rows.

NumPy converts the numbers of a block of lines at once, and checks that they stand where they
should. scikit-learn has a reader, too, but nothing else here needs scikit-learn, and its errors
name no line. After an error the block is read again row by row, for the message alone.
"""

from __future__ import annotations

import codecs
import re
import reprlib
import warnings
from math import isfinite

import numpy as np

from lsgd_fast._inputs.sparse import SparseRows
from lsgd_fast._typing import FloatArray
from lsgd_fast.cli import sources
from lsgd_fast.cli.sources import open_text

__all__ = ["read_libsvm"]

MAX_INDEX = 10**15  # exact in float64, and more features than any memory holds
FEATURE_BYTES = 128  # that a run needs for each feature, at least
COMMENT = re.compile(rb"#[^\n]*")
IS_SPACE = np.isin(np.arange(256), list(b" \t\n\v\f\r"))


def read_libsvm(
    path: str, max_bytes: int, zero_based: bool | None = None, n_features: int | None = None
) -> tuple[SparseRows, FloatArray, bool, int]:
    """Read rows of ``label index:value ...``.

    Indices increase within a row. A # starts a comment. Blank lines are ignored.

    Parameters
    ----------
    path : str
        Text that `check_text` has seen.
    max_bytes : int
        The largest size of the numbers in the text, and of what a run needs for each feature.
    zero_based : bool, optional
        Whether indices count from 0; by default if one of them is 0, and else from 1.
    n_features : int, optional
        The number of features; entries beyond it are left out. By default the largest index, and 1
        more if indices count from 0.

    Returns
    -------
    X : SparseRows of shape (n, d)
    labels : ndarray of shape (n,), float64
    zero_based : bool
        Whether indices count from 0.
    n_left_out : int
        How many entries have an index beyond `n_features`.
    """
    blocks, line, size = [], 1, 0
    first_index = int(zero_based is False)
    with open_text(path) as stream:
        while text := stream.read(sources.BLOCK_BYTES):
            text += stream.readline()
            if line == 1:
                text = text.removeprefix(codecs.BOM_UTF8)
            blocks.append(_read_block(text, line, first_index))
            line += text.count(b"\n")
            size += sum(array.nbytes for array in blocks[-1])
            if size > max_bytes:
                raise ValueError(
                    f"line {line}: the numbers so far take more than {1e-9 * max_bytes:.3g} GB"
                )
    if not sum(len(labels) for labels, *_ in blocks):
        raise ValueError("no rows")
    labels, counts, indices, values = map(np.concatenate, zip(*blocks, strict=True))
    if len(indices) == 0:
        raise ValueError("no row has a feature")
    if zero_based is None:
        zero_based = bool(indices.min() == 0)
    indices -= not zero_based
    d = int(indices.max()) + 1 if n_features is None else n_features
    if n_features is None and FEATURE_BYTES * d > max_bytes:
        last = d - zero_based
        raise ValueError(
            f"line {_line_of(path, last)}: index {last} would make {d} features, for which a run "
            f"needs {1e-9 * FEATURE_BYTES * d:.3g} GB, more than half of the memory"
        )
    known, n = indices < d, len(labels)
    kept = known & (values != 0.0)
    if not kept.all():
        counts = np.bincount(np.repeat(np.arange(n), counts)[kept], minlength=n)
        indices, values = indices[kept], values[kept]
    indices = indices.astype(np.int32 if d < 2**31 else np.int64, copy=False)
    X = SparseRows((n, d), values, indices, np.concatenate([[0], np.cumsum(counts)]))
    return X, labels, zero_based, int(np.count_nonzero(~known))


def _read_block(text, line, first_index):
    """Return the labels, the numbers of pairs, the indices and the values of the rows in lines."""
    bare = COMMENT.sub(b"", text) if b"#" in text else text
    try:
        return _convert(bare, first_index)
    except ValueError:
        for number, row in enumerate(bare.split(b"\n"), line):
            words = [word.decode("ascii", "replace") for word in row.split()]
            if words:
                _check_row(number, first_index, *words)
        raise


def _convert(text, first_index):
    letters = np.frombuffer(text, np.uint8)
    is_colon = letters == ord(":")
    is_gap = is_colon | IS_SPACE[letters]
    before = np.concatenate([[True], is_gap[:-1]])
    words = np.flatnonzero(before & ~is_gap)  # where they start
    if len(words) == 0 and not is_colon.any():
        return np.zeros(0), np.zeros(0, np.intp), np.zeros(0, np.int64), np.zeros(0)
    lines = np.searchsorted(np.flatnonzero(letters == ord("\n")), words)
    firsts = np.flatnonzero(np.diff(lines, prepend=-1))  # words, of which each row has one
    lengths = np.diff(firsts, append=len(words))
    place = np.arange(len(words)) - np.repeat(firsts, lengths)
    after_colon = (words > 0) & is_colon[words - 1]
    is_index = place % 2 == 1
    is_value = ~is_index & (place > 0)
    n_colons = np.count_nonzero(is_colon)
    if (
        (is_colon & before).any()
        or (lengths % 2 == 0).any()
        or n_colons != np.count_nonzero(is_value)
        or not np.array_equal(after_colon, is_value)
    ):
        raise ValueError("a row is not of the form label index:value ...")
    numbers = _numbers(text.replace(b":", b" "))
    if len(numbers) != len(words) or not np.isfinite(numbers).all():
        raise ValueError("a word is not a finite number")
    indices, values = numbers[is_index], numbers[is_value]
    increase = np.diff(indices, prepend=-1.0)
    increase[place[is_index] == 1] = 1.0
    if (increase <= 0.0).any() or (indices < first_index).any() or (indices >= MAX_INDEX).any():
        raise ValueError("indices must increase")
    whole = indices.astype(np.int64)
    if not np.array_equal(whole, indices):
        raise ValueError("an index is not an integer")
    return numbers[firsts], lengths // 2, whole, values


def _numbers(text):
    """Return the numbers in text, which whitespace separates."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy's way to say that it stopped
        try:
            return np.fromstring(text, sep=" ")
        except DeprecationWarning as error:
            raise ValueError(str(error)) from error


def _check_row(line, first_index, label, *pairs):
    """Raise a ValueError if a row is invalid."""
    if not _is_finite(label):
        raise ValueError(f"line {line}: the label {reprlib.repr(label)} is not a finite number")
    last = first_index - 1
    for pair in pairs:
        index, colon, value = pair.partition(":")
        if index == "qid":
            raise ValueError(f"line {line}: qid belongs to ranking data, which are not supported")
        if not (colon and index.isdecimal()):
            raise ValueError(f"line {line}: {reprlib.repr(pair)} is not index:value")
        if not _is_finite(value):
            shown = reprlib.repr(pair)
            raise ValueError(f"line {line}: the value of {shown} is not a finite number")
        if float(index) >= MAX_INDEX:
            raise ValueError(f"line {line}: the index of {reprlib.repr(pair)} is too large")
        if int(index) < first_index:
            raise ValueError(f"line {line}: the index is 0, but indices were said to count from 1")
        if int(index) <= last:
            raise ValueError(
                f"line {line}: index {int(index)} follows {last}, but indices must increase"
            )
        last = int(index)


def _is_finite(word):
    try:
        return "_" not in word and isfinite(float(word))
    except ValueError:
        return False


def _line_of(path, index):
    """Return the first line that has an index."""
    pair = re.compile(rb"\s0*%d:" % index)
    with open_text(path) as stream:
        bare = (row.partition(b"#")[0] for row in stream)
        return next((number for number, row in enumerate(bare, 1) if pair.search(row)), 0)
