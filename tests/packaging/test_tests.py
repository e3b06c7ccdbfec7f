"""The tests themselves: they test the installed package, and share code by `support` alone."""

import ast
import os
import re
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))
PACKAGE = TESTS.parent / "lsgd_fast"
ROOMS = {"_sklearn": "scikit_learn"}  # a folder of sources whose tests have another name


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


def table_of_sources():
    """Return {source: tests} from the last table of docs/testing.md."""
    page = (TESTS.parent / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*) \| (.*) \|$", page.split("| source | tested by |")[1], re.M)
    names = re.compile(r"`([^`]+)`")
    return {source: names.findall(tests) for left, tests in rows for source in names.findall(left)}


def find_tests(source):
    """Return the tests that a source file has by its name."""
    room = "" if source.parent == PACKAGE else source.parent.name
    folder = TESTS / ROOMS.get(room, room.lstrip("_"))
    name = source.stem.lstrip("_")
    return [*folder.glob(f"test_{name}.py"), *folder.glob(f"test_{name}_*.py")]


def test_every_source_leads_to_its_tests():
    table, missing = table_of_sources(), []
    for source in sorted(PACKAGE.rglob("*")):
        if source.suffix not in (".py", ".pyx", ".pxd", ".h") or source.stem == "__init__":
            continue
        name = source.relative_to(PACKAGE)
        named = {name.as_posix(), name.with_suffix(".pyx").as_posix()} & table.keys()
        if not named and not find_tests(source):
            missing.append(name.as_posix())
    assert missing == []


def test_the_table_of_sources_names_files_that_exist():
    for source, tests in table_of_sources().items():
        assert (PACKAGE / source).is_file(), source
        assert tests and all((TESTS / test).is_file() for test in tests), tests
