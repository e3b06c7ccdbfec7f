"""Columns by name: read-only dicts, which pandas, polars and pyarrow take as they are."""

import copyreg
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NoReturn

from lsgd_fast._results.arrays import ReadOnlyArrays

__all__ = ["ColumnFields", "Columns"]


class Columns(dict[str, Any]):
    """Columns of equal length by name, a dict that refuses to be changed.

    It is a dict, and not some other mapping, because pandas reads the columns of a dict alone.
    ``len`` is the number of rows, as that of a frame is. Two of them are equal if they are the same
    object, for arrays have no truth value.
    """

    if not TYPE_CHECKING:  # for checkers these are those of a dict
        __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__

    def __len__(self) -> int:
        return len(next(iter(self.values()), ()))

    def __missing__(self, name: object) -> NoReturn:
        raise KeyError(f"there is no column {name!r}; the columns are {', '.join(self)}")

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        """Raise TypeError: the columns cannot be changed."""
        kind = type(self).__name__
        raise TypeError(f"a {kind} is read-only: change a copy, which dict() makes of it")

    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = __ior__ = _refuse
        clear = pop = popitem = setdefault = update = _refuse

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        make = copyreg.__newobj__  # type: ignore[attr-defined]
        return make, (type(self),), self.__getstate__()

    def __getstate__(self) -> Any:
        return dict(self), vars(self)

    def __setstate__(self, state: Any) -> None:
        columns, attributes = state
        self._hold(columns)
        vars(self).update(attributes)

    def _hold(self, columns: dict[str, Any]) -> None:
        """Take columns by name."""
        dict.update(self, columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the columns by name, as a dict that can be changed.

        Returns
        -------
        dict of str to ndarray or list
            The columns that are not None.
        """
        return dict(self)


class ColumnFields(Columns, ReadOnlyArrays):
    """A base of frozen dataclasses whose fields are columns, None where there is no such column."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        ReadOnlyArrays.__setstate__(self, state)
        self._hold({name: column for name, column in self._given() if column is not None})

    def _given(self) -> list[tuple[str, Any]]:
        """Return the fields with their names."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]  # type: ignore[arg-type]
