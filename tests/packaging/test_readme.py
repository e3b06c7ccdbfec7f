"""The README runs as printed, in both languages, and its links lead somewhere."""

import doctest
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FORGE = "https://forge.example/owner/name"


@pytest.mark.parametrize(("name", "least"), [("README.md", 10), ("README.ja.md", 4)])
def test_a_readme_runs_as_printed(name, least, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("sklearn")
    failed, tried = doctest.testfile(str(ROOT / name), module_relative=False, encoding="utf-8")
    assert (failed, tried >= least) == (0, True)


def test_a_table_of_ones_own_runs_as_printed(tmp_path, monkeypatch, capsys):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    table = pandas.DataFrame({"age": rng.integers(18, 80, 99), "income": rng.normal(4e4, 1e4, 99)})
    table["bought"] = np.where(table["income"] + rng.normal(0, 1e4, 99) > 4e4, "yes", "no")
    table.to_csv("customers.csv", index=False)
    section = README.read_text("utf-8").partition("\n## Your own data\n")[2]
    exec(re.search(r"\n```python\n(.+?)```", section, re.DOTALL)[1], {})
    assert "Separation: none" in capsys.readouterr().out
    assert Path("sweep.png").read_bytes()[:4] == b"\x89PNG"


def test_both_commands_stand_near_the_top():
    top = README.read_text("utf-8")[:3000]
    assert '\npip install ".[plot]" && lsgd-fast demo\n' in top
    assert '\npip install ".[test]" && pytest\n' in top
    assert "Logistic regression" in top[:200]


def test_relative_links_lead_to_files():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!\w+:|#)([^)#]+)", page.read_text("utf-8"))
    ]
    assert len(links) > 200
    broken = [(page, link) for page, link in links if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_an_index_gets_absolute_links(name):
    path = ROOT / "tools" / "absolute_links.py"
    spec = importlib.util.spec_from_file_location("absolute_links", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = (ROOT / name).read_text("utf-8")
    whole = tool.absolute_links(page, FORGE, "v1.0")
    assert re.findall(r"\]\((?!\w+:|#)[^)]+\)", whole) == []
    assert whole.count("](https://arxiv.org") == page.count("](https://arxiv.org")
    if name != "README.md":  # in a release it has whole addresses before the tests run
        assert f"]({FORGE}/raw/v1.0/docs/pictures/demo.png)" in whole
        assert f"]({FORGE}/blob/v1.0/docs/ja/tutorial.md)" in whole
