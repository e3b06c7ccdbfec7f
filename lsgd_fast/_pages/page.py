"""Building blocks of pages: HTML without scripts, for screens of any width and for A4."""

from __future__ import annotations

import html
import math
import numbers
from typing import overload

from lsgd_fast._files import replacing
from lsgd_fast._pages.style import STYLE
from lsgd_fast._pages.texts import ENGLISH, UNITS, Sentences, check_lang
from lsgd_fast._text import exp_text
from lsgd_fast._typing import Lang, Path
from lsgd_fast._version import __version__

__all__ = [
    "Markup", "Phrases", "Reported", "answer", "code", "content", "facts", "figure", "figures",
    "items", "join", "loss_number", "mark", "note", "number", "page", "paragraph", "section",
    "spread", "table", "title",
]  # fmt: skip

NOTHING = "–"  # where there is no value
SIGNS = {"good": "✓", "bad": "✗", "open": "…"}


class Markup(str):
    """HTML, which is not escaped again."""

    __slots__ = ()


class Phrases(Sentences):
    """Sentences of a language as HTML: texts are escaped, and numbers carry their exact values."""

    def __call__(self, key, /, **fields):
        """Return the text of a key with its fields filled in, as `Markup`."""
        return Markup(super().__call__(key, **fields))

    def template(self, key):
        """Return the text of a key, escaped, with its fields in braces."""
        return html.escape(super().template(key), quote=False)

    def words(self, fact):
        """Return the text of a key, of a fact or of several, as `Markup`."""
        return Markup(super().words(fact))

    def format_field(self, value, spec):
        """Return a value as HTML."""
        if spec.endswith("(s)"):
            noun = spec.removesuffix("(s)")
            return f"{content(value)} {noun}{'' if str(value) == '1' else 's'}"
        if spec in UNITS:
            return number(value, text=self.in_units(value, spec))
        return content(value) if isinstance(value, str) else number(value, spec)


def content(value):
    """Return a text, escaped, a number, or what stands for None as HTML; `Markup` as it is."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(html.escape(value))
    return number(value)


def number(value, spec="", text=None):
    """Return a number as a `data` element that has its exact value, as in JSON.

    Parameters
    ----------
    value : int, float or None
        What is not finite, which JSON lacks, is text alone.
    spec : str, default ""
        The format; by default four digits of a float, and all of an int.
    text : str, optional
        The text to show in place of a formatted number.
    """
    if value is None:
        return Markup(NOTHING)
    whole = isinstance(value, numbers.Integral)
    value = int(value) if whole else float(value) + 0.0
    if text is None:
        text = format(
            value, spec or (",d" if whole and abs(value) > 9999 else "d" if whole else ".4g")
        )
    shown = html.escape(text.replace("inf", "∞"))
    return Markup(f'<data value="{value!r}">{shown}</data>' if math.isfinite(value) else shown)


def loss_number(loss, ln_loss):
    """Return a loss as HTML, also where float64 cannot hold it."""
    text = exp_text(ln_loss, 3)
    if math.isfinite(ln_loss) and (loss == 0.0 or not math.isfinite(loss)):
        return content(text)
    return number(loss, text=text)


def spread(values, show=number):
    """Return the least and the largest of some numbers as HTML; one number if they look the same.

    `show` makes HTML of a number. None is left out.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Markup(NOTHING)
    low, high = show(min(known)), show(max(known))
    return low if _text_of(low) == _text_of(high) else Markup(f"{low} – {high}")


def _text_of(element):
    return element.rsplit("</", 1)[0].rsplit(">", 1)[-1]


def join(parts, gap=" "):
    """Return texts or `Markup`, in a row."""
    return Markup(gap.join(map(content, parts)))


def mark(kind, word):
    """Return a word that says whether something is "good", "bad" or "open", with a sign."""
    return Markup(f'<span class="mark {kind}">{SIGNS[kind]} {content(word)}</span>')


def paragraph(text):
    """Return a paragraph."""
    return Markup(f"<p>{content(text)}</p>")


def note(text):
    """Return a paragraph in small print."""
    return Markup(f'<p class="note">{content(text)}</p>')


def answer(text, *more):
    """Return the box of the answer: one sentence, and what else matters most."""
    rest = "".join(map(paragraph, more))
    return Markup(f'<div class="answer"><p class="first">{content(text)}</p>{rest}</div>')


def section(name, *blocks):
    """Return a section; an empty string if it has no blocks."""
    inside = "".join(block for block in blocks if block)
    return Markup(f"<section><h2>{content(name)}</h2>{inside}</section>" if inside else "")


def title(text):
    """Return the title of a part of a section."""
    return Markup(f"<h3>{content(text)}</h3>")


def items(texts):
    """Return a list; an empty string if there is nothing in it."""
    inside = "".join(f"<li>{content(text)}</li>" for text in texts)
    return Markup(f"<ul>{inside}</ul>" if inside else "")


def facts(pairs):
    """Return names and what is said of them."""
    inside = "".join(
        f"<div><dt>{content(name)}</dt><dd>{content(value)}</dd></div>" for name, value in pairs
    )
    return Markup(f"<dl>{inside}</dl>")


def table(caption, header, rows, strong=None):
    """Return a table whose first column names the rows.

    Parameters
    ----------
    caption : str
    header : sequence of str
        The names of the columns.
    rows : iterable of sequences
        Texts, numbers or `Markup`.
    strong : int, optional
        The number of the row to stress.
    """
    head = "".join(f'<th scope="col">{content(name)}</th>' for name in header)
    body = []
    for number_of_row, (name, *cells) in enumerate(rows):
        kind = ' class="strong"' if number_of_row == strong else ""
        inside = "".join(
            f'<td data-name="{_attribute(column)}"><div>{content(cell)}</div></td>'
            for column, cell in zip(header[1:], cells, strict=True)
        )
        body.append(f'<tr{kind}><th scope="row">{content(name)}</th>{inside}</tr>')
    label = _attribute(caption)
    return Markup(
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<caption>{content(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _attribute(text):
    """Return a text or the text of `Markup`, without its tags, for an attribute of an element."""
    parts = content(text).split("<")
    plain = parts[0] + "".join(part.partition(">")[2] for part in parts[1:])
    return html.escape(html.unescape(plain))


def figure(picture, caption):
    """Return a picture with a legend and the names of its axes, all of them text.

    Parameters
    ----------
    picture : Picture
    caption : str
        What the picture shows, also for those who cannot see it.
    """
    label = _attribute(caption)
    legend = "".join(f"<li>{swatch}{content(name)}</li>" for swatch, name in picture.legend)
    return Markup(
        f'<figure><div class="card"><div class="axis">↑ {content(picture.y)}</div>'
        f'<div role="img" aria-label="{label}">{picture.svg}</div>'
        f'<div class="axis x">{content(picture.x)} →</div><ul class="legend">{legend}</ul></div>'
        f"<figcaption>{content(caption)}</figcaption></figure>"
    )


def figures(found):
    """Return figures side by side, where there is room."""
    return Markup(f'<div class="pair">{"".join(found)}</div>')


def code(lines):
    """Return lines of a program."""
    return Markup(f'<pre tabindex="0"><code>{content(lines)}</code></pre>')


def page(say, name, *blocks):
    """Return a whole page.

    Parameters
    ----------
    say : Phrases
        Of the language of the page.
    name : str
        In the title bar and above the page.
    *blocks : Markup
    """
    foot = say("foot", version=__version__)
    return (
        f'<!DOCTYPE html>\n<html lang="{say.lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_attribute(name)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{content(name)}</h1>\n"
        + "\n".join(block for block in blocks if block)
        + f"\n</main>\n<footer>{foot}</footer>\n</body>\n</html>\n"
    )


class Reported:
    """A base of results that have a report.

    A class has two methods more: `_report` returns the text, and `_page`, which is called with
    `Phrases`, the page.
    """

    @overload
    def report(self, path: None = None, *, lang: Lang = "en") -> str: ...
    @overload
    def report(self, path: Path, *, lang: Lang = "en") -> None: ...
    def report(self, path: Path | None = None, *, lang: Lang = "en") -> str | None:
        """Return the report as text that fits a terminal, or write it as a page.

        Parameters
        ----------
        path : str, bytes or os.PathLike, optional
            An HTML file to write in place of text: one page that needs no other file, with pictures
            if matplotlib is installed, for any screen and for A4. A file is replaced whole.
        lang : {"en", "ja"}, default "en"
            The language of the page. The text is English.

        Returns
        -------
        str or None
            The text; None if a page was written.
        """
        check_lang(lang)
        if path is None:
            if lang != ENGLISH.lang:
                raise ValueError(
                    f"lang must be {ENGLISH.lang!r} without a path: the text is English, and the "
                    f"page that path= names has languages; got {lang!r}"
                )
            return self._report()
        whole = self._page(Phrases(lang))
        with replacing(path) as file:
            file.write(whole.encode())
        return None
