"""Tables for notebooks."""

import xml.etree.ElementTree as ET

from lsgd_fast._html import html_table

AWKWARD = "<script>alert(\"x\")</script> & '1' < 2\nsecond line"


def test_a_table_of_names_and_values():
    table = ET.fromstring(html_table("A run", [("loss", "0.5"), ("steps", "3", "of 4")]))
    assert table.findtext("caption") == "A run"
    assert [[cell.text for cell in row] for row in table.iter("tr")] == [
        ["loss", "0.5"], ["steps", "3", "of 4"],
    ]  # fmt: skip
    assert [cell.text for cell in table.iter("th")] == ["loss", "steps"]


def test_a_table_with_a_header():
    table = ET.fromstring(html_table("", [("1", "2")], ("a", "b")))
    assert table.find("caption") is None
    assert [cell.text for cell in table.iter("th")] == ["a", "b"]
    assert [cell.text for cell in table.iter("td")] == ["1", "2"]


def test_text_is_escaped():
    text = html_table(AWKWARD, [(AWKWARD, AWKWARD)], (AWKWARD, AWKWARD))
    assert "<script" not in text
    table = ET.fromstring(text)
    found = [table.findtext("caption"), *(cell.text for cell in table.iter() if cell.text)]
    assert set(found) == {AWKWARD} and len(found) == 6


def test_colours_are_those_of_the_notebook():
    assert "color" not in html_table("title", [("a", "b")], ("c", "d"))
