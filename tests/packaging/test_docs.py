"""The pages of docs/ run as printed."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page.relative_to(DOCS).as_posix()
    for page in DOCS.rglob("*.md")
    if ">>> " in page.read_text("utf-8")
)


def test_pages_are_found():
    assert {"monitor.md", "tutorial.md", "ja/tutorial.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_printed(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # pages write files
    text = (DOCS / page).read_text("utf-8")
    if re.search(r"\.plot[.(]", text):
        pytest.importorskip("matplotlib")
    for package in ("pandas", "scipy", "sklearn"):
        if re.search(rf"^>>> (from|import) {package}\b", text, re.M):
            pytest.importorskip(package)
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert failed == 0 and tried > 0


def test_nothing_is_installed_by_the_name_of_this_package():
    """It is on no index: in a checkout it is `.`, and what is missing has a name of its own."""
    sources = [*DOCS.glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "lsgd_fast").rglob("*.py")]
    commands = [
        found
        for path in sources
        for found in re.findall(r"pip install .*", path.read_text("utf-8"))
    ]
    assert len(commands) > 5
    assert not [found for found in commands if re.match(r"\W*lsgd", found.split("install")[1])]
