"""What a page holds, as a reader of HTML finds it."""

import math
from html.parser import HTMLParser

VOID = {"meta", "path", "use", "rect", "br"}  # elements that may have no end


class PageReader(HTMLParser):
    """Reads a page and keeps what tests ask for.

    Attributes
    ----------
    elements : list of (str, dict)
        All elements with their attributes.
    numbers : list of (float, str)
        The `data` elements: their values and their texts.
    text : str
        All that is read, without the style.
    ids : list of str
    """

    def __init__(self, page):
        super().__init__()
        self.elements, self.numbers, self.ids, self.open, self.parts = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == [], self.open
        self.text = " ".join("".join(self.parts).split())

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        assert len(named) == len(attributes), attributes
        self.elements.append((tag, named))
        self.ids += [named["id"]] if "id" in named else []
        if tag not in VOID:
            self.open.append(tag)
        if tag == "data":
            self.numbers.append((float(named["value"]), ""))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, tag
        if tag in ("li", "p", "td", "th", "dt", "dd", "h1", "h2", "h3", "caption"):
            self.parts.append("\n")

    def handle_data(self, data):
        if "data" in self.open:
            value, text = self.numbers[-1]
            self.numbers[-1] = value, text + data
        if "style" not in self.open and "svg" not in self.open:
            self.parts.append(data)

    def named(self, tag):
        """Return the attributes of the elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def check_page(page, lang):
    """Assert what holds of every page, and return its `PageReader`."""
    assert page.startswith("<!DOCTYPE html>\n") and len(page.encode()) < 500_000
    reader = PageReader(page)
    assert reader.named("html") == [{"lang": lang}]
    assert {"charset": "utf-8"} in reader.named("meta")
    assert {"viewport", "color-scheme"} <= {meta.get("name") for meta in reader.named("meta")}
    assert len(reader.named("h1")) == len(reader.named("title")) == 1
    assert all("scope" in attributes for attributes in reader.named("th"))
    assert all(
        attributes["aria-label"] for _, attributes in reader.elements if "role" in attributes
    )
    assert len(reader.ids) == len(set(reader.ids))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in reader.elements}
    for _, attributes in reader.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "xlink:href"):
                assert value[1:] in reader.ids
    assert "@import" not in page and "url(http" not in page and "src=" not in page
    assert "nan" not in reader.text.split() and "None" not in reader.text
    return reader


def numbers_of(value):
    """Return all finite numbers in a value as JSON has it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {number for item in value for number in numbers_of(item)}
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {float(value)} if is_number and math.isfinite(value) else set()
