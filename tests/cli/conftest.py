"""Fixtures of the tests of the command line."""

import sys

import pytest

from lsgd_fast.cli import demo


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_matplotlib(monkeypatch):
    loaded = [name for name in sys.modules if name.startswith("matplotlib.")]
    submodules = ["matplotlib.backends.backend_agg", "matplotlib.figure"]
    for name in ["matplotlib", *submodules, *loaded]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def quick(empty_folder, no_matplotlib, monkeypatch):
    monkeypatch.setattr(demo, "TWIN_REPEATS", 1)
