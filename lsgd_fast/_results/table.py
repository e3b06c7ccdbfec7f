"""A small table that prints well in a terminal and in a notebook."""

import html

__all__ = ["Table"]


WIDTH = 80  # of a terminal


class Table:
    """Columns of equal length.

    Parameters
    ----------
    columns : dict of str to list
        Numbers, texts, or None for what is not there.
    optional : sequence of str, optional
        Columns that a terminal shows where they fit into its 80 characters, the most telling first.
    """

    def __init__(self, columns, optional=()):
        self._columns = {name: list(column) for name, column in columns.items()}
        self._optional = tuple(optional)

    def to_dict(self):
        """Return the columns by name, as lists: what pandas and polars make a frame of."""
        return {name: list(column) for name, column in self._columns.items()}

    def __len__(self):
        return len(next(iter(self._columns.values()), []))

    def __str__(self):
        shown = self._columns.keys() - set(self._optional)
        lines = self._lay_out(shown)
        for name in self._optional:
            wider = self._lay_out(shown | {name})
            if len(wider[0]) <= WIDTH:
                shown, lines = shown | {name}, wider
        return "\n".join(lines)

    def _lay_out(self, shown):
        """Return lines of equal length; the words of a name stand below one another."""
        columns = {name: column for name, column in self._columns.items() if name in shown}
        heads = [name.split("_") for name in columns]
        height = max(map(len, heads))
        cells = [
            [""] * (height - len(head)) + head + list(map(_text, column))
            for head, column in zip(heads, columns.values(), strict=True)
        ]
        widths = [max(map(len, column)) for column in cells]
        return [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in zip(*cells, strict=True)
        ]

    __repr__ = __str__

    def _repr_html_(self):
        def row(tag, cells):
            return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

        rows = zip(*(map(_text, column) for column in self._columns.values()), strict=True)
        body = "".join(row("td", cells) for cells in rows)
        return f"<table><thead>{row('th', self._columns)}</thead><tbody>{body}</tbody></table>"


def _text(value):
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
