"""What a release must agree on: the version wherever it is written, and the files of an sdist."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = re.search(r'__version__ = "(.*)"', (ROOT / "lsgd_fast" / "_version.py").read_text())[1]
BY_ITSELF = {"setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "lsgd_fast"}
LEFT_OUT = {".gitattributes", ".gitignore"}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("CITATION.cff", r"^version: (.*)$"),
        ("CHANGELOG.md", r"^## \[(.*?)\]"),
        ("packaging/conda/recipe.yaml", r'^  version: "(.*)"$'),
    ],
)
def test_files_for_other_readers_have_the_version(name, pattern):
    assert re.search(pattern, (ROOT / name).read_text("utf-8"), re.M)[1] == VERSION


def test_the_recipe_has_the_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    recipe = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text("utf-8")
    found = {"".join(pair) for pair in re.findall(r"^ +- (\w+) (>=[\d.]+)$", recipe, re.M)}
    needed = project["build-system"]["requires"] + project["project"]["dependencies"]
    assert found == {"python" + project["project"]["requires-python"], *map(str.lower, needed)}


def test_an_sdist_holds_what_the_repository_holds():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no repository")
    lines = (ROOT / "MANIFEST.in").read_text().splitlines()
    listed = {name for line in lines if "include " in line for name in line.split()[1:]}
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    tops = {name.split("/")[0] for name in files}
    assert tops - LEFT_OUT <= listed | BY_ITSELF
    assert listed - {"*"} <= tops
