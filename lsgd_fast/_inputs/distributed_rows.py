"""Rows of X that lie in several processes: which rank holds which, and their vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._arrays import as_real_array, column_names, without_frame
from lsgd_fast._constants import LEAF_ROWS, WHOLE_ROWS
from lsgd_fast._inputs.dense import check_matrix
from lsgd_fast._inputs.ranks import ALONE
from lsgd_fast._inputs.sparse import SparseRows, empty_row, is_sparse, stack_rows

__all__ = ["DistributedRows", "nearest_cuts", "ranks_of", "unit_starts"]

UNITS = 16  # of a rank, at least: shares are even to within 1 / UNITS, and sums are few


def unit_rows(n, size):
    """Return of how many rows a rank holds multiples: aligned leaves, a power of two of them.

    Parameters
    ----------
    n : int
        Rows of all ranks.
    size : int
        Number of ranks.
    """
    n_leaves = -(-n // LEAF_ROWS)
    return LEAF_ROWS << max(0, (n_leaves // (UNITS * size)).bit_length() - 1)


def unit_starts(n, size):
    """Return where the units of n dense rows begin, and n."""
    unit = unit_rows(n, size) if n >= WHOLE_ROWS else n
    return np.append(np.arange(0, n, unit), n)


def _nearest(starts, units):
    """Return the numbers of the units that begin nearest to some rows; the first and last stay."""
    numbers = np.searchsorted((units[1:] + units[:-1] + 1) // 2, starts, side="right")
    numbers[0], numbers[-1] = 0, len(units) - 1
    return numbers


def nearest_cuts(starts, units):
    """Return the first rows of the units nearest to some rows; where there is one unit, these."""
    return starts if len(units) < 3 else units[_nearest(starts, units)]


class DistributedRows:
    """The rows of X of which each rank holds some; made by `lsgd_fast.distributed.rows`.

    The sums of a pass begin with leaves of rows that lie where the shape of X says. So rows near
    the ends of a share go to the rank that holds most of their *unit*, once: of dense rows a unit
    is some leaves (see `unit_rows`), of sparse rows a slab. Rows that are a single unit, and fewer
    than WHOLE_ROWS dense ones, are brought together on every rank.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_local, d)
        The rows of this rank.
    ranks : Ranks
        The processes that have the other rows.
    slab_bounds : callable
        ``slab_bounds(n, d, n_entries)`` returns where the slabs of sparse rows begin, and n.

    Attributes
    ----------
    shape : tuple of int
        Rows of all ranks, and features.
    dtype : dtype
        The dtype of the entries, the same on all ranks.
    n_entries : int
        Entries of all ranks, zeros included where rows are dense.
    is_whole : bool
        Whether every rank has all rows.
    local : ndarray or SparseRows
        The rows that this rank works on, those from `first_row` on. Its own array where no row had
        to move. A row of zeros where it has none.
    n_local : int
        Their number; may be zero.
    first_row : int
        The number of the first one.
    given : range
        Numbers of the rows that the caller gave on this rank.
    columns : list or None
        The names of the features, of a frame.
    ranks : Ranks
        The processes.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> [comm] = lsgd.distributed.thread_communicators(1)
    >>> lsgd.distributed.rows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], comm).shape
    (3, 2)
    """

    ndim = 2
    is_distributed = True
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    n_entries: int
    is_whole: bool
    local: NDArray[Any] | SparseRows
    n_local: int
    first_row: int
    given: range
    columns: list[Any] | None
    ranks: Any

    def __init__(
        self, X: Any, ranks: Any, slab_bounds: Callable[[int, int, int], Sequence[int]]
    ) -> None:
        self.ranks = ranks
        with ranks.together():
            share = X
            X, n_given = _check_share(share)
            self.columns = column_names(share, X.shape[1])
            ranks.require_same("X.shape[1], the number of features,", X.shape[1])
            ranks.require_same("X.dtype", X.dtype)
            ranks.require_same("whether X is sparse", is_sparse(X))
            self._starts = np.cumsum([0, *ranks.gather(n_given)])
            self.n_entries = sum(ranks.gather(X.size if n_given else 0))
            n, d = int(self._starts[-1]), X.shape[1]
            if n == 0:
                raise ValueError("X must have at least one row on some rank; all have none")
            self.shape, self.dtype = (n, d), X.dtype
            self.given = range(*self._starts[self.rank : self.rank + 2].tolist())
            self._units = unit_starts(n, self.size)
            if is_sparse(X):
                self._units = np.array(slab_bounds(n, d, self.n_entries))
            self.is_whole = len(self._units) < 3
            self._unit_cuts = _nearest(self._starts, self._units)
            self._cuts = self._units[self._unit_cuts]
            self.first_row, self.n_local = 0, n
            if not self.is_whole:
                self.first_row, end = self._cuts[self.rank : self.rank + 2].tolist()
                self.n_local = end - self.first_row
            self.local = self.place(X[: len(self.given)])
            if self.n_local == 0:
                self.local = empty_row(X) if is_sparse(X) else np.zeros((1, d), X.dtype)

    @property
    def rank(self) -> int:
        """The number of this rank, from 0."""
        return self.ranks.rank

    @property
    def size(self) -> int:
        """The number of ranks."""
        return self.ranks.size

    @property
    def n_units(self) -> int:
        """The number of units of all ranks."""
        return len(self._units) - 1

    @property
    def own_units(self) -> tuple[int, int]:
        """The first unit of this rank, and the one after its last."""
        return tuple(self._unit_cuts[self.rank : self.rank + 2].tolist())

    @property
    def unit_leaves(self) -> int:
        """Leaves of a unit of dense rows, a power of two."""
        return unit_rows(self.shape[0], self.size) // LEAF_ROWS

    def unit_bounds(self) -> list[int]:
        """Return where the units of this rank begin.

        Returns
        -------
        list of int
            Numbers of rows of `local`, and at the end how many rows there are.
        """
        first, end = self.own_units
        return (self._units[first : end + 1] - self.first_row).tolist()

    def runs(self) -> list[list[int]]:
        """Return for each rank the fewest runs of units whose sums it makes alone.

        A run is aligned: a power of two of units, from a multiple of that on.

        Returns
        -------
        list of (list of int)
            Where each run of a rank begins, and the end of the last one, as numbers of units.
        """
        ends = self._unit_cuts.tolist()
        return [_aligned_runs(first, end) for first, end in zip(ends[:-1], ends[1:], strict=True)]

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        given = f"{self.given.start}..{self.given.stop - 1}" if self.given else "none"
        return f"DistributedRows(shape={self.shape}, dtype={self.dtype}, rows {given} of rank " + (
            f"{self.rank} of {self.size})"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(
            f"X is spread over {self.size} ranks and cannot become an array: pass the rows of this "
            "rank as they were before"
        )

    def place(self, values: Any) -> Any:
        """Return the entries of the rows that this rank works on, of those of its given rows.

        Parameters
        ----------
        values : ndarray or SparseRows
            A row for each of `given`, on every rank.

        Returns
        -------
        ndarray or SparseRows
            A row for each of `local`.
        """
        if self.is_whole:
            return _stack(self.ranks.gather(values))
        return self._moved(values, self._starts, self._cuts)

    def of_all(self, values: Any) -> Any:
        """Return the entries of all rows, of those of the rows that this rank works on.

        Parameters
        ----------
        values : ndarray
            An entry for each row of `local`, on every rank.

        Returns
        -------
        ndarray
            An entry for each row of all ranks.
        """
        return values if self.is_whole else _stack(self.ranks.gather(values[: self.n_local]))

    def at_multiples(self, n_rows: int, arrays: Sequence[Any]) -> tuple[int, list[Any]]:
        """Return arrays of the rows of this rank, moved so that it has multiples of `n_rows`.

        Parameters
        ----------
        n_rows : int
            What the first and the last row of each rank are to be multiples of.
        arrays : sequence of ndarray or SparseRows
            With an entry for each row of `local`.

        Returns
        -------
        first : int
            The number of the first row that the rank has now.
        arrays : list
            The arrays, with an entry for each row that the rank has now.
        """
        cuts = np.minimum((self._cuts + n_rows // 2) // n_rows * n_rows, self.shape[0])
        cuts[-1] = self.shape[0]
        moved = [self._moved(array[: self.n_local], self._cuts, cuts) for array in arrays]
        return int(cuts[self.rank]), moved

    def _moved(self, values, starts, cuts):
        """Return the entries of rows cut at `cuts`, of those that are cut at `starts`."""
        first, end = starts[self.rank : self.rank + 2]
        bounds = np.clip(cuts, first, end) - first
        pieces = [values[i:j] for i, j in zip(bounds[:-1], bounds[1:], strict=True)]
        own, pieces[self.rank] = pieces[self.rank], None
        pieces = self.ranks.swap([piece if piece is not None and len(piece) else None
                                  for piece in pieces])  # fmt: skip
        pieces[self.rank] = own
        return _stack([piece for piece in pieces if piece is not None])


def _aligned_runs(first, end):
    starts = []
    while first < end:
        starts.append(first)
        size = first & -first or 1 << end.bit_length()
        while first + size > end:
            size //= 2
        first += size
    return [*starts, end]


def ranks_of(X):
    """Return the ranks that hold the rows of X."""
    return X.ranks if isinstance(X, DistributedRows) else ALONE


def _check_share(X):
    """Return the rows of one rank, at least one, and how many of them there are, maybe none."""
    X = without_frame(X)
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 2 and shape[0] == 0 and shape[1] > 0:
        if is_sparse(X):
            return empty_row(X), 0
        X = as_real_array("X", X)
        return np.zeros((1, X.shape[1]), X.dtype), 0
    X = check_matrix(X)
    return X, len(X)


def _stack(pieces):
    """Return pieces one below the other; the only one that has rows as it is."""
    filled = [piece for piece in pieces if len(piece)] or pieces[:1]
    if len(filled) == 1:
        return filled[0]
    return stack_rows(filled) if is_sparse(filled[0]) else np.concatenate(filled)
