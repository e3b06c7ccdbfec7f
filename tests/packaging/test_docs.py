"""The pages of docs/ run as printed."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md") if ">>> " in page.read_text())


def test_pages_are_found():
    assert {"monitor.md", "sweep.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_printed(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # pages write files
    if ".plot(" in (DOCS / page).read_text():
        pytest.importorskip("matplotlib")
    if "from sklearn" in (DOCS / page).read_text():
        pytest.importorskip("sklearn")
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert failed == 0 and tried > 0
