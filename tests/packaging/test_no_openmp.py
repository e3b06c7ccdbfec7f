"""A build without OpenMP: one thread, and the same bits.

It is a debug build, which takes a compiler less time; without OpenMP and optimised is not tested.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lsgd_fast import kernel
from lsgd_fast._core import threads
from support import hashes

TESTS = Path(__file__).parents[1]
SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "lsgd_fast")
ALL_SOURCES = all((TESTS.parent / name).exists() for name in SOURCES)


@pytest.mark.skipif(os.environ.get("LSGD_FAST_OPENMP") == "0", reason="asked to do without")
def test_the_installed_package_has_openmp():
    assert kernel.openmp_enabled()


@pytest.mark.slow
@pytest.mark.skipif(not ALL_SOURCES, reason="the sources are not beside the tests")
def test_same_bits_without_openmp_and_with_bounds_checks(tmp_path):
    ignore = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    for name in SOURCES:
        source = TESTS.parent / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignore)
        else:
            shutil.copy(source, tmp_path)
    switches = {"LSGD_FAST_OPENMP": "0", "LSGD_FAST_DEBUG": "1"}
    built = run([sys.executable, "setup.py", "build_ext", "--inplace"], tmp_path, **switches)
    assert "building without OpenMP" in built

    report = json.loads(
        run([sys.executable, TESTS / "support" / "hashes.py"], tmp_path, PYTHONPATH=str(tmp_path))
    )
    assert Path(report["package"]) == tmp_path / "lsgd_fast"
    assert report["openmp"] is False
    assert report["digests"].keys() == set(kernel.instruction_sets())
    assert report["digests"] == hashes.digests(n_threads=2)
    assert report["n_threads"] == 1  # asked for 4

    # An explicit number, or data for which several would be taken: said once, where they are lost.
    script = """if True:
        import logging, sys
        import numpy as np
        import lsgd_fast as lsgd

        logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
        X = np.random.default_rng(0).standard_normal((20_000, 20))
        lsgd.gradient_descent(X[:100], X[:100, 0] > 0, 1.0, 3)
        print("small")
        for _ in range(2):
            lsgd.gradient_descent(X, X[:, 0] > 0, 1.0, 3)
            lsgd.gradient_descent(X, X[:, 0] > 0, 1.0, 3, n_threads=2)
    """
    said = run([sys.executable, "-c", script], tmp_path, PYTHONPATH=str(tmp_path))
    assert said == f"small\nlsgd_fast WARNING {threads.WITHOUT_OPENMP}\n"


def run(command, folder, **environment):
    """Run a command in a folder and return what it prints."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
