"""The tests themselves: they test the installed package, and share code by `support` alone."""

import ast
import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))


def imported(path):
    """Return the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_is_imported_from_a_test(path):
    parts = {part for name in imported(path) for part in name.split(".")}
    assert not [part for part in parts if part == "conftest" or part.startswith("test_")]


def test_the_checkout_is_not_on_the_path():
    asked_for = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    found = {Path(folder).resolve() for folder in sys.path if folder not in asked_for}
    assert TESTS.parent.resolve() not in found
