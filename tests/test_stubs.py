"""The stubs say what the compiled modules have."""

import ast
import importlib
import inspect
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import lsgd_fast

STUBS = {path.stem: path for path in Path(lsgd_fast.__file__).parent.glob("*.pyi")}


def functions(body, prefix=""):
    """Yield the dotted name and the parameters of each function that a stub defines."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            arguments = node.args.args + node.args.kwonlyargs
            yield prefix + node.name, [a.arg for a in arguments if a.arg not in ("self", "cls")]


def found_in(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


def test_every_compiled_module_has_a_stub():
    suffixes = tuple(EXTENSION_SUFFIXES)
    files = [path.name for path in Path(lsgd_fast.__file__).parent.iterdir()]
    compiled = {name.split(".")[0] for name in files if name.endswith(suffixes)}
    assert set(STUBS) == compiled and len(compiled) == 13


@pytest.mark.parametrize("name", STUBS)
def test_functions_have_the_parameters_of_the_stub(name):
    module = importlib.import_module(f"lsgd_fast.{name}")
    stub = dict(functions(ast.parse(STUBS[name].read_text()).body))
    for function, expected in stub.items():
        found = found_in(module, function)
        if inspect.isroutine(found) and not function.endswith("__init__"):
            parameters = list(inspect.signature(found).parameters)
            assert [p for p in parameters if p != "self"] == expected, function
    public = {name for name, value in vars(module).items() if inspect.isroutine(value)}
    own = {n for n in public if vars(module)[n].__module__ == module.__name__ and n[0] != "_"}
    assert own <= set(stub)
