"""What is read from a data file, and how: the options of reading, and the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lsgd_fast._inputs.sparse import SparseRows

__all__ = ["ReadOptions", "Rows", "Wanted", "plain_labels"]

EXACT = 2.0**53  # below it the integers of float64 are those that were written


@dataclass(frozen=True)
class Wanted:
    """The columns that a model needs.

    Attributes
    ----------
    d : int
        Number of features.
    names : tuple of str or None
        Their names, if the data that it was fitted to had any.
    label : str or None
        The name of the column of labels, or its number from 1.
    zero_based : bool or None
        Whether the indices of LIBSVM text count from 0.
    offset : str or None
        The name of the column of offsets, or its number from 1; None if it was fitted without.
    """

    d: int
    names: tuple[str, ...] | None = None
    label: str | None = None
    zero_based: bool | None = None
    offset: str | None = None


@dataclass(frozen=True)
class ReadOptions:
    """How to read a data file; see `read_data`, whose arguments these are.

    `wanted` says what a model needs: labels are then optional, and names choose the columns.
    """

    label: str | None = None
    offset: str | None = None
    several: bool = False
    header: bool | None = None
    keep_index: bool = False
    drop: tuple[str, ...] = ()
    zero_based: bool | None = None
    wanted: Wanted | None = None

    @property
    def only_feature(self) -> bool:
        """Whether a table may have a single column, of a feature."""
        return self.wanted is not None and self.wanted.d == 1


@dataclass(frozen=True, eq=False)
class Rows:
    """Features, labels and offsets as a file has them.

    Attributes
    ----------
    X : ndarray or SparseRows of shape (n, d)
    labels : ndarray of shape (n,) or None
        Numbers, bools or strings; None if the file has none.
    names : tuple of str or None
        The names of the features.
    label : str or None
        The name of the column of labels, or its number from 1.
    notes : tuple of str
        What was decided while reading that users should know, in sentences.
    zero_based : bool or None
        For LIBSVM text whether indices count from 0.
    offsets : ndarray of shape (n,) or None
        Of real numbers; None if no column was asked for.
    offset : str or None
        The name of the column of offsets, or its number from 1.
    columns : tuple of int or None
        For tables in text the numbers of the columns of the features, from 1.
    """

    X: NDArray[Any] | SparseRows
    labels: NDArray[Any] | None
    names: tuple[str, ...] | None = None
    label: str | None = None
    notes: tuple[str, ...] = ()
    zero_based: bool | None = None
    offsets: NDArray[Any] | None = None
    offset: str | None = None
    columns: tuple[int, ...] | None = None

    @property
    def feature_names(self) -> list[str]:
        """Names for people: those of the file, or else the numbers by which the file counts."""
        d = self.X.shape[1]
        if self.names and len(set(self.names)) == d:
            return list(self.names)
        if self.columns is not None:
            return [f"column {number}" for number in self.columns]
        first = int(self.zero_based is False)  # arrays count from 0
        return [f"feature {j}" for j in range(first, first + d)]


def plain_labels(labels: NDArray[Any]) -> tuple[Any, ...]:
    """Return an array of labels as a tuple, whole numbers as integers: "0" rather than "0.0"."""
    return tuple(
        int(one) if isinstance(one, float) and abs(one) < EXACT and one.is_integer() else one
        for one in labels.tolist()
    )
