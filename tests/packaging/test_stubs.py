"""Stubs describe the public part of the compiled modules."""

import ast
import importlib
import inspect
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import lsgd_fast
import lsgd_fast.kernel

ROOT = Path(lsgd_fast.__file__).parent


def by_module(paths):
    """Return {dotted name: path}."""
    return {
        ".".join((path.parent / path.name.split(".")[0]).relative_to(ROOT.parent).parts): path
        for path in paths
    }


STUBS = by_module(ROOT.rglob("*.pyi"))
COMPILED = by_module(p for p in ROOT.rglob("*") if p.name.endswith(tuple(EXTENSION_SUFFIXES)))


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


def test_compiled_modules_with_public_names_have_stubs_and_no_other():
    homes = {
        getattr(value, "__module__", None)
        for module in (lsgd_fast, lsgd_fast.kernel)
        for value in (getattr(module, name) for name in module.__all__)
    }
    assert len(COMPILED) >= 10
    assert STUBS.keys() == COMPILED.keys() & homes


@pytest.mark.parametrize("name", STUBS)
def test_functions_have_the_parameters_of_the_stub(name):
    module = importlib.import_module(name)
    stub = dict(functions(ast.parse(STUBS[name].read_text()).body))
    for function, expected in stub.items():
        found = found_in(module, function.removesuffix(".__init__"))  # a class has its signature
        if callable(found):
            parameters = list(inspect.signature(found).parameters)
            assert [p for p in parameters if p != "self"] == expected, function
    public = {name for name, value in vars(module).items() if inspect.isroutine(value)}
    own = {n for n in public if vars(module)[n].__module__ == module.__name__ and n[0] != "_"}
    assert own <= set(stub)


def test_the_class_has_the_signature_of_the_function():
    function = inspect.signature(lsgd_fast.gradient_descent).parameters.values()
    expected = [(p.name, p.kind, p.default) for p in function if p.name != "n_steps"]
    found = inspect.signature(lsgd_fast.Descent).parameters.values()
    assert [(p.name, p.kind, p.default) for p in found] == expected
    assert inspect.getdoc(lsgd_fast.Descent).startswith("Gradient descent that the caller steps")
