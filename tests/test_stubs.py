"""The stubs say what the compiled modules have."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import lsgd_fast

STUBS = sorted(path.stem for path in Path(lsgd_fast.__file__).parent.glob("*.pyi"))


def names(node):
    """Return the public names that a module or class of a stub defines, and its functions."""
    functions = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    classes = {item.name: item for item in node.body if isinstance(item, ast.ClassDef)}
    values = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
    return functions, classes, values


def parameters(function):
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def check(stub, found):
    functions, classes, values = names(stub)
    public = {name for name in vars(found) if not name.startswith("_")}
    local = {
        name
        for name in public
        if getattr(getattr(found, name), "__module__", None) in (found.__name__, None)
        or not hasattr(getattr(found, name), "__module__")
    }
    defined = set(functions) | set(classes) | values
    assert {name for name in defined if not name.startswith("_")} <= public
    if inspect.ismodule(found):
        local = {n for n in local if inspect.isroutine(getattr(found, n)) or n in classes}
    assert {name for name in local if callable(getattr(found, name))} <= defined
    for name, function in functions.items():
        runtime = inspect.getattr_static(found, name)
        if inspect.isroutine(runtime) and name != "__init__":
            signature = inspect.signature(getattr(found, name))
            expected = parameters(function)
            if inspect.ismethod(getattr(found, name)):
                expected = expected[1:]
            assert list(signature.parameters) == expected, name
    for name, cls in classes.items():
        check(cls, getattr(found, name))


def test_every_compiled_module_has_a_stub():
    assert STUBS == ["descent", "kernel", "loop", "rows"]


@pytest.mark.parametrize("name", STUBS)
def test_stub(name):
    module = importlib.import_module(f"lsgd_fast.{name}")
    stub = Path(module.__file__).parent / f"{name}.pyi"
    check(ast.parse(stub.read_text()), module)
