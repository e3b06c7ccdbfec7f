"""A small table that prints well in a terminal and in a notebook."""

import html

__all__ = ["Table"]


class Table:
    """Columns of equal length.

    Parameters
    ----------
    columns : dict of str to list
        Numbers, texts, or None for what is not there.
    """

    def __init__(self, columns):
        self._columns = {name: list(column) for name, column in columns.items()}

    def to_dict(self):
        """Return the columns by name, as lists: what pandas and polars make a frame of."""
        return {name: list(column) for name, column in self._columns.items()}

    def __len__(self):
        return len(next(iter(self._columns.values()), []))

    def __str__(self):
        cells = [
            [name, *map(_text, column)]
            for name, column in self._columns.items()
        ]  # fmt: skip
        widths = [max(map(len, column)) for column in cells]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in zip(*cells, strict=True)
        ]
        return "\n".join(lines)

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
