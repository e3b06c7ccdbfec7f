"""Tables for notebooks, as HTML that is readable in light and in dark themes."""

import html

__all__ = ["html_table"]

# Colours are those of the notebook, and text is on the left, where notebooks put numbers right.
CELL = "text-align: left; vertical-align: top; white-space: pre-line"


def html_table(title, rows, header=()):
    """Return a table as HTML, for `_repr_html_`.

    Parameters
    ----------
    title : str
        The caption above the table; none is shown if it is empty.
    rows : iterable of sequences of str
        The cells. Any text may be in them; line breaks are kept. Without a `header` the first cell
        of a row is the name of what follows.
    header : sequence of str, default ()
        The names of the columns.

    Returns
    -------
    str
        Without scripts and without colours of its own.
    """
    parts = ["<table>"]
    if title:
        parts.append(f'<caption style="{CELL}; caption-side: top">{html.escape(title)}</caption>')
    if header:
        parts.append(f"<thead>{_row(header, len(header))}</thead>")
    body = "".join(_row(row, 0 if header else 1) for row in rows)
    return "".join([*parts, f"<tbody>{body}</tbody></table>"])


def _row(cells, n_names):
    """Return a row, of which the first cells are names."""
    tags = ["th"] * n_names + ["td"] * (len(cells) - n_names)
    pairs = zip(tags, map(html.escape, cells), strict=True)
    return (
        "<tr>" + "".join(f'<{tag} style="{CELL}">{cell}</{tag}>' for tag, cell in pairs) + "</tr>"
    )
