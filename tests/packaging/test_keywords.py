"""The tables of docs/keywords.md are what the functions take."""

import inspect
import re
from pathlib import Path

import pytest

import lsgd_fast as lsgd

PAGE = (Path(__file__).parents[2] / "docs" / "keywords.md").read_text(encoding="utf-8")
TABLE, OWN = (part.split("\n\n")[0] for part in PAGE.split("| function ")[1:])
REASONS = set(re.findall(r"^\* \*\*(\w)\*\*: ", PAGE, re.M))
POSITIONAL = {"X", "y", "w", "p", "stepsize", "stepsizes", "n_steps"}
# What takes no rows, or is none of the methods.
OTHERS = {"progress_bar", "scale_to_loss"}


def rows_of(table):
    """Return the cells of a table, row by row, without the line below its head."""
    lines = table.strip().split("\n")
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line
    ]


HEAD, *ROWS = rows_of(TABLE)
FOUND = {name.strip("`"): dict(zip(HEAD, cells, strict=True)) for name, *cells in ROWS}
KEYWORDS = {name.strip("`"): set(cell.split(", ")) for name, cell in rows_of(OWN)[1:]}


def taken(name, kind=inspect.Parameter.KEYWORD_ONLY):
    """Return the keywords of a function and their defaults, or its parameters of another kind."""
    parameters = inspect.signature(getattr(lsgd, name)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is kind}


def test_every_function_of_rows_has_a_row():
    functions = {name for name in lsgd.__all__ if inspect.isfunction(getattr(lsgd, name))}
    assert FOUND.keys() == functions - OTHERS | {"Descent"}


@pytest.mark.parametrize("name", FOUND)
def test_a_row_is_the_signature(name):
    said, of_table = set(KEYWORDS.get(name, ())), set()
    for names, cell in FOUND[name].items():
        assert cell == "yes" or cell in REASONS, names
        of_table |= set(names.split(", "))
        said |= set(names.split(", ")) if cell == "yes" else set()
    assert taken(name).keys() == said
    assert not of_table & KEYWORDS.get(name, set())


def test_every_reason_is_needed():
    assert {cell for row in FOUND.values() for cell in row.values()} - {"yes"} == REASONS


def test_keywords_that_are_positional_elsewhere_are_the_known_ones():
    for name in FOUND:
        assert taken(name, inspect.Parameter.POSITIONAL_OR_KEYWORD).keys() <= POSITIONAL, name


def test_the_class_takes_the_keywords_of_the_function():
    assert lsgd.Descent(*lsgd.datasets.toy(), 1.0, **taken("Descent")).n_steps == 0
