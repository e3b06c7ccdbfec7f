"""The quick start of the README runs as printed."""

import doctest
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def test_the_quick_start_of_the_readme_runs_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("sklearn")
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert (failed, tried >= 10) == (0, True)
