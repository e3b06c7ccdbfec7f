"""A small table that prints well in a terminal and in a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from lsgd_fast._html import html_table
from lsgd_fast._results.columns import Columns
from lsgd_fast._text import WIDTH

__all__ = ["Table"]


class Table(Columns):
    """Named columns of equal length: a dict of lists, which pandas and polars turn into a frame.

    It cannot be changed, and its ``len`` is the number of rows, as that of a frame is.

    Parameters
    ----------
    columns : dict of str to list
        The columns by name. Entries are numbers, strings, or None for a missing value, which is
        printed as "-".
    optional : sequence of str, default ()
        Names of the columns that a terminal shows only if they fit into its width, the most
        important first. A notebook shows all columns.
    notes : dict of str to str, default {}
        What the columns of these names are; a terminal shows the notes of the columns it shows.
    shown : dict of str to (str, list), default {}
        The heading and the entries that are to be read in place of a column's name and entries.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        optional: Sequence[str] = (),
        notes: Mapping[str, str] | None = None,
        shown: Mapping[str, tuple[str, Sequence[Any]]] | None = None,
    ) -> None:
        super().__init__()
        self._hold({name: list(column) for name, column in columns.items()})
        self._optional = tuple(optional)
        self._notes = dict(notes or {})
        shown = dict(shown or {})
        self._heads = {name: shown.get(name, (name.replace("_", " "),))[0] for name in columns}
        entries = {name: shown.get(name, (name, column))[1] for name, column in columns.items()}
        self._cells = {name: list(map(_text, column)) for name, column in entries.items()}

    def __str__(self) -> str:
        shown = self.keys() - set(self._optional)
        lines = self._lay_out(shown)
        for name in self._optional:
            wider = self._lay_out(shown | {name})
            if len(wider[0]) <= WIDTH:
                shown, lines = shown | {name}, wider
        return "\n".join([*lines, *self._explain(shown)])

    def _explain(self, shown):
        """Return the notes of some columns."""
        notes = [(self._heads[name], note) for name, note in self._notes.items() if name in shown]
        return [line for name, note in notes for line in textwrap.wrap(f"{name}: {note}", WIDTH)]

    def _lay_out(self, shown):
        """Return the lines of some columns, of equal length; heads have one word on each line."""
        heads = {name: self._heads[name].split() for name in self if name in shown}
        height = max(map(len, heads.values()))
        cells = [
            [""] * (height - len(head)) + head + self._cells[name] for name, head in heads.items()
        ]
        widths = [max(map(len, column)) for column in cells]
        return [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in zip(*cells, strict=True)
        ]

    __repr__ = __str__

    def _repr_html_(self):
        return self.to_html("")

    def to_html(self, title: str) -> str:
        """Return all columns as HTML, with a title above them; see `html_table`."""
        rows = zip(*self._cells.values(), strict=True)
        return html_table(title, rows, tuple(self._heads.values()))


def _text(value):
    if value is None:
        return "-"
    return f"{value:z.4g}" if isinstance(value, float) else str(value)
