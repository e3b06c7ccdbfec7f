"""The numbers in _core/vecmath.pxd are those that tools/fit_vecmath.py derives."""

import re
import runpy
from pathlib import Path

import pytest

import lsgd_fast as lsgd

pytest.importorskip("mpmath")


TOOL = Path(__file__).parents[2] / "tools" / "fit_vecmath.py"
SOURCE = Path(lsgd.__file__).parent / "_core" / "vecmath.pxd"


@pytest.mark.slow
@pytest.mark.skipif(not TOOL.exists(), reason="there is no tools folder beside the tests")
def test_every_derived_coefficient_stands_in_the_source():
    literals, _ = runpy.run_path(str(TOOL))["derive"]()
    assert len(literals) == 23
    code = re.sub("#.*", "", SOURCE.read_text(encoding="utf-8"))
    numbers = set(re.findall(r"(?<![\w.])\d+\.\d+(?:e[-+]?\d+)?", code))
    assert {name: text for name, text in literals.items() if text not in numbers} == {}
