"""Validation of sparse data as canonical CSR, and NumPy operations on its rows."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._cpus import on_threads

__all__ = [
    "SAFE_SQUARE",
    "SparseRows",
    "add_to_rows",
    "check_sparse",
    "empty_row",
    "is_sparse",
    "memory_of_sparse_check",
    "stack_rows",
    "to_dense",
]

ENTRIES_AT_A_TIME = 1 << 17  # entries in a block
ORDERING_BYTES = 64  # of temporary arrays for each entry that is sorted
SAFE_SQUARE = 1e-280  # a sum of squares above this has lost nothing to underflow


class SparseRows:
    """Rows in canonical CSR: sorted, without duplicates and zeros. Made by `check_sparse`.

    Equal rows have equal arrays: results depend on the values alone, not on how they were stored.

    Data and indices may be the caller's, who may change them at any time. So whatever reads indices
    after `check_sparse` brings them into the range of the features first, as `blocks` does.

    Attributes
    ----------
    shape : tuple of int
        Rows and features.
    data : ndarray of float32 or float64
        Values of the entries, row by row; none is zero.
    indices : ndarray of int32 or int64
        The features of the entries, increasing within a row.
    indptr : ndarray of int64, of shape (n + 1,)
        The index of the first entry of each row; the last value is the number of entries. Never
        the caller's array, so that entries are always found.
    copied : int
        Bytes of the arrays that are not the caller's.
    ordering : int
        Bytes of temporary arrays that sorting the entries took; 0 where they were sorted.
    """

    format = "csr"
    ndim = 2
    shape: tuple[int, int]
    data: NDArray[Any]
    indices: NDArray[Any]
    indptr: NDArray[np.int64]
    copied: int
    ordering: int

    def __init__(
        self,
        shape: tuple[int, int],
        data: NDArray[Any],
        indices: NDArray[Any],
        indptr: NDArray[np.int64],
        copied: int = 0,
        ordering: int = 0,
    ) -> None:
        self.shape, self.data, self.indices, self.indptr = shape, data, indices, indptr
        self.copied, self.ordering = copied, ordering

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.data.dtype

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self.data)

    @property
    def nbytes(self) -> int:
        """Bytes of the three arrays."""
        return self.data.nbytes + self.indices.nbytes + self.indptr.nbytes

    def __len__(self) -> int:
        return self.shape[0]

    def tocsr(self) -> Self:
        """Return the rows themselves, which are CSR."""
        return self

    def __getitem__(self, rows: Any) -> SparseRows:
        """Return rows by a slice, an array of row numbers or a mask, as `SparseRows`."""
        if isinstance(rows, slice) and rows == slice(None):
            return self
        rows = np.arange(len(self))[rows]
        lengths = np.diff(self.indptr)[rows]
        indptr = _starts(lengths)
        # entry i of the result is entry i + shift[i] of these rows
        shift = np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        entries = np.arange(indptr[-1]) + shift
        shape = (len(rows), self.shape[1])
        data, indices = self.data[entries], self.indices[entries]
        copied = data.nbytes + indices.nbytes + indptr.nbytes
        return SparseRows(shape, data, indices, indptr, copied)

    def toarray(self) -> NDArray[Any]:
        """Return the rows as a dense array of the same dtype."""
        dense = np.zeros(self.shape, self.dtype)
        for rows, columns, values in self.blocks():
            dense[rows, columns] = values
        return dense

    def blocks(self) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]]:
        """Yield (rows, columns, values) of all entries, block by block; values as float64."""
        return map(self.block, self.block_starts())

    def block_starts(self) -> range:
        """Return the first entry of each block, a range."""
        return range(0, self.size, ENTRIES_AT_A_TIME)

    def block(self, i: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
        """Return (rows, columns, values) of the entries of the block that starts with entry i."""
        end = min(i + ENTRIES_AT_A_TIME, self.size)
        first, last = np.searchsorted(self.indptr, (i, end - 1), side="right") - 1
        bounds = np.clip(self.indptr[first : last + 2], i, end)
        rows = np.repeat(np.arange(first, last + 1), np.diff(bounds))
        columns = _in_range(self.indices[i:end], self.shape[1])
        return rows, columns, self.data[i:end].astype(np.float64, copy=False)

    def multiply(self, w: NDArray[np.float64], scale: float = 1.0) -> NDArray[np.float64]:
        """Return the scores ``(X / scale) @ w``."""
        scores = np.zeros(len(self))
        for rows, columns, values in self.blocks():
            add_to_rows(scores, rows, (values / scale) * w[columns])
        return scores

    def combine(self, s: NDArray[np.float64], scale: float = 1.0) -> NDArray[np.float64]:
        """Return ``(X / scale).T @ s``, leaving out rows where s is zero, which may be large."""
        total = np.zeros(self.shape[1])
        for rows, columns, values in self.blocks():
            used = s[rows] != 0.0
            np.add.at(total, columns[used], (values[used] / scale) * s[rows[used]])
        return total


def empty_row(X):
    """Return `SparseRows` with one row, of zeros, and the features and the dtype of X."""
    data = _as_floats(np.zeros(0, _vector(X, "data", "biuf").dtype))
    return SparseRows((1, int(X.shape[1])), data, np.zeros(0, np.int32), np.zeros(2, np.int64))


def stack_rows(pieces):
    """Return `SparseRows` that have those of several, one below the other; a copy."""
    data = np.concatenate([rows.data for rows in pieces])
    indices = np.concatenate([rows.indices for rows in pieces])
    indptr = _starts(np.concatenate([np.diff(rows.indptr) for rows in pieces]))
    shape = (len(indptr) - 1, pieces[0].shape[1])
    return SparseRows(shape, data, indices, indptr, data.nbytes + indices.nbytes + indptr.nbytes)


def is_sparse(X):
    """Return whether X has the attributes of a sparse matrix of `scipy.sparse`."""
    return hasattr(X, "tocsr") or _is_csr(X)


def to_dense(X):
    """Return an array or `SparseRows` as a dense float64 array, itself where it is one."""
    return np.asarray(X.toarray() if is_sparse(X) else X, dtype=np.float64)


def memory_of_sparse_check(X, n_threads=1):
    """Return an upper bound of the bytes that the checks of X took, with those that it keeps."""
    at_a_time = min(X.size, n_threads * ENTRIES_AT_A_TIME)
    return 8 * 3 * len(X) + 8 * 6 * at_a_time + X.copied + X.ordering


def check_sparse(X, n_threads=None):
    """Return the rows of a sparse matrix; raise ValueError or TypeError for an invalid one.

    Parameters
    ----------
    X : object
        A CSR matrix, with the attributes ``data, indices, indptr, shape`` and
        ``format == "csr"``, or an object whose method ``tocsr`` returns one.
    n_threads : int, optional
        By default as many as there are processors.

    Returns
    -------
    SparseRows
        The caller's own data and indices where these are canonical, of native byte order, and of
        float32 or float64 and int32 or int64. Otherwise a private copy: other dtypes, and sums of
        duplicates, become float32 where that is exact, else float64; entries are sorted, and zeros
        are dropped.
    """
    if isinstance(X, SparseRows):
        return X  # validated, or rows of what was
    csr = X if _is_csr(X) else _convert(X)
    n, d = _check_shape(csr)
    kinds = {"data": "biuf", "indices": "iu", "indptr": "iu"}
    given = [_vector(csr, name, allowed) for name, allowed in kinds.items()]
    data, indices, indptr = given
    indptr = _check_indptr(indptr, n, min(len(data), len(indices)))
    n_entries = int(indptr[-1])
    data = _as_floats(data[:n_entries])
    indices = _as_indices(indices[:n_entries])
    ordering = 0
    if not _is_canonical(indptr, indices, data, d, n_threads):
        ordering = ORDERING_BYTES * n_entries
        data, indices, indptr = _canonical(indptr, indices, data)
    made = (data, indices, indptr)
    lent = [csr is X and np.may_share_memory(*pair) for pair in zip(made, given, strict=True)]
    copied = sum(array.nbytes for array, kept in zip(made, lent, strict=True) if not kept)
    return SparseRows((n, d), data, indices, indptr, copied, ordering)


def _is_csr(X):
    name = getattr(X, "format", None)
    return isinstance(name, str) and name == "csr"


def _convert(X):
    """Return X in CSR, converted by its own method."""
    try:
        csr = X.tocsr()
    except Exception as error:
        raise ValueError(f"X cannot be converted by X.tocsr(): {error}") from error
    if not _is_csr(csr):
        raise ValueError(f"X.tocsr() must return a CSR matrix; got {type(csr).__name__}")
    return csr


def _check_shape(X):
    try:
        shape = tuple(operator.index(length) for length in X.shape)
    except (AttributeError, TypeError):
        found = getattr(X, "shape", None)
        raise TypeError(f"X.shape must be a tuple of two integers; got {found!r}") from None
    if len(shape) != 2:
        raise ValueError(f"X must be 2-d (rows, features); got shape {shape}")
    if min(shape) < 1:
        raise ValueError(f"X must have at least one row and one feature; got shape {shape}")
    if max(shape) >= 2**63:
        raise ValueError(f"X.shape must be below 2**63; got {shape}")
    return shape


def _vector(X, name, kinds):
    """Return an attribute as a 1-d array of a dtype of one of the kinds."""
    try:
        array = np.asarray(getattr(X, name))
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(f"X.{name} must be an array, as in any CSR matrix: {error}") from None
    if array.dtype.kind not in kinds:
        wanted = "integers" if kinds == "iu" else "real numbers"
        raise TypeError(f"X.{name} must hold {wanted}; got dtype {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"X.{name} must be 1-d; got shape {array.shape}")
    return array


def _check_indptr(indptr, n, n_entries):
    if len(indptr) != n + 1:
        raise ValueError(f"X.indptr must have {n + 1} entries for {n} rows; got {len(indptr)}")
    indptr = indptr.astype(np.int64)  # a copy of our own, which nobody else changes
    if indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        raise ValueError("X.indptr must start at 0 and not decrease")
    if indptr[-1] > n_entries:
        raise ValueError(
            f"X.indptr must end at {n_entries}, the number of entries in X.data and X.indices, or "
            f"before; got {indptr[-1]}"
        )
    return indptr


def _as_floats(data):
    """Return values as float32 or float64 in native byte order."""
    dtype = np.float32 if np.can_cast(data.dtype, np.float32) else np.float64
    with np.errstate(all="ignore"):  # a longdouble may overflow, and is an error later on
        return np.require(data, dtype, ["C", "A"])


def _as_indices(indices):
    """Return indices as int32 or int64 in native byte order."""
    dtype = np.int32 if np.can_cast(indices.dtype, np.int32) else np.int64
    return np.require(indices, dtype, ["C", "A"])


def _is_canonical(indptr, indices, data, d, n_threads):
    """Return whether entries are sorted, without duplicates and zeros; raise for wrong indices."""

    def is_canonical_from(i):
        end = min(i + ENTRIES_AT_A_TIME, len(indices))
        block = indices[i:end]
        if block.min() < 0 or block.max() >= d:
            raise ValueError(
                f"X.indices must be from 0 to {d - 1}, the features; "
                f"found {block.min()} to {block.max()}"
            )
        following = indices[i + 1 : end + 1]
        falls = i + 1 + np.flatnonzero(following <= block[: len(following)])
        return bool(data[i:end].all()) and _are_starts(falls, indptr)

    return all(on_threads(is_canonical_from, range(0, len(indices), ENTRIES_AT_A_TIME), n_threads))


def _are_starts(entries, indptr):
    """Return whether all these entries are the first of a row."""
    return bool((indptr[np.searchsorted(indptr, entries)] == entries).all())


def _canonical(indptr, indices, data):
    """Return data, indices and indptr in canonical form: sorted, without duplicates and zeros."""
    n = len(indptr) - 1
    rows = np.repeat(np.arange(n), np.diff(indptr))
    order = np.lexsort((indices, rows))  # stable
    rows, indices, data = rows[order], indices[order], data[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (indices[1:] != indices[:-1])
    rows, indices = rows[first], indices[first]
    sums = np.bincount(np.cumsum(first) - 1, data)
    with np.errstate(all="ignore"):  # a sum beyond float64 is infinite, and an error later on
        data = sums.astype(data.dtype)
    if not np.array_equal(data, sums):
        data = sums
    kept = data != 0.0
    lengths = np.bincount(rows[kept], minlength=n)
    return data[kept], indices[kept], _starts(lengths)


def _starts(lengths):
    """Return the indptr of rows of these lengths."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _in_range(indices, d):
    """Return a copy of indices where those that are negative or too large are the last feature."""
    unsigned = indices.view(f"u{indices.itemsize}")
    last = min(d - 1, np.iinfo(indices.dtype).max)
    return np.minimum(unsigned, unsigned.dtype.type(last)).view(indices.dtype)


def add_to_rows(sums, rows, terms):
    """Add terms to the sums of their rows, in order; `rows` must not decrease."""
    first, end = rows[0], rows[-1] + 1
    sums[first:end] += np.bincount(rows - first, terms)
