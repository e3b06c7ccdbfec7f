"""A package without its compiled modules, or without one of them, names the way out."""

import pytest

from support.fresh import run_python

MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import lsgd_fast
"""
ENGINE = ("batch", "dataset", "descent", "gram", "lbfgs", "linear_map", "loop", "sgd", "sweep")


@pytest.mark.parametrize(
    "name", ["lsgd_fast._core.rowpass", *(f"lsgd_fast._engine.{name}" for name in ENGINE)]
)
def test_a_module_that_was_not_compiled(name):
    done = run_python(MISSING, name)
    assert "is not compiled. If this is a checkout" in done.stderr.splitlines()[-1]


def test_a_dependency_is_missing_by_its_own_name():
    done = run_python(MISSING, "numpy")
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'numpy'"
