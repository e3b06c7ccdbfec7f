"""The scripts of examples/ run, and print what they say they do."""

import re
from pathlib import Path

import pytest

from support.fresh import run_python

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"


def run(name):
    done = run_python(RUN, str(EXAMPLES / name))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_linear_probe():
    pytest.importorskip("sklearn")
    said = run("linear_probe.py")
    assert "830 texts to learn from" in said
    assert all(float(found) > 0.97 for found in re.findall(r"accuracy +([\d.]+)", said))
    assert "separable       True" in said and ", stable" in said


def test_text():
    pytest.importorskip("sklearn")
    said = run("text.py")
    assert "2000 documents, 20000 words" in said and "converged" in said
    assert float(re.search(r"accuracy +([\d.]+)", said)[1]) > 0.8


def test_more_features_than_rows():
    pytest.importorskip("sklearn")
    rows = run("more_features_than_rows.py").splitlines()
    margins, accuracies = ({}, {})
    for row in rows[1:7]:
        *name, margin, _, accuracy = row.split()
        margins[" ".join(name)], accuracies[" ".join(name)] = float(margin), float(accuracy)
    assert min(margins.values()) > 0.0
    assert margins["gradient descent"] > margins["no penalty"]
    assert accuracies["shuffled labels"] < 0.6 < 0.8 < accuracies["l2=1"]
