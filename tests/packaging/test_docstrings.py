"""Docstrings that stand alone: public ones describe exactly their parameters; their examples run.

`python test_docstrings.py` writes the parameters of `gradient_descent` into the docstring of
`Descent`, which is compiled and so has them as text.
"""

import dataclasses
import doctest
import enum
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lsgd_fast as lsgd
import lsgd_fast.kernel
from lsgd_fast._docstrings import PLACEHOLDER, as_reference, documented
from lsgd_fast._parameters import PARAMETERS

# What `numpydoc.validate` asks for and we leave out, of every docstring.
LEFT_OUT = {
    "SA01": "no See Also: related names are in the text, which says how they are related",
    "ES01": "no extended summary where one line says it all",
}
# The same, of some.
LEFT_OUT_OF_RESULTS = {
    "PR01": "nobody calls the classes of results and of enumerations: their fields are attributes",
    "EX01": "functions return them, whose examples have them",
}
LEFT_OUT_OF_MEMBERS = {"EX01": "the example of a class shows its methods and properties"}
LEFT_OUT_OF_TYPES = {
    "PR01": "nobody calls warnings and protocols",
    "EX01": "nobody calls warnings and protocols",
}
LEFT_OUT_OF_MODULES = {
    "kernel": {"EX01": "what the functions return depends on the machine"},
    "plot": {"EX01": "docs/plots.md shows the pictures"},
}

SLOW = {"pilot", "staged_trial", "reference.staged_trial"}  # seconds

DESCENT = Path("lsgd_fast", "_engine", "descent.pyx")
SKLEARN_MAKES = re.compile(r"set_\w+_request")
COMPILED_PROPERTY = type(lsgd.Descent.n_steps)


def has_sklearn():
    try:
        importlib.import_module("sklearn")
    except ImportError:
        return False
    return True


def members(name, owner):
    """Yield the public methods and properties of a class that are ours, with their names."""
    for base in owner.__mro__:
        if not base.__module__.startswith("lsgd_fast"):
            continue
        for member, value in vars(base).items():
            is_own = base is owner or member not in vars(owner)
            is_plain = isinstance(value, (property, COMPILED_PROPERTY, classmethod, staticmethod))
            if getattr(value, "__name__", member)[0] == "_":  # what traces refuse to do as dicts
                continue
            if member[0] != "_" and is_own and (is_plain or inspect.isroutine(value)):
                if not SKLEARN_MAKES.fullmatch(member):
                    yield f"{name}.{member}", getattr(owner, member)


def public_objects():
    """Return everything public that has a docstring, by the name that users give it."""
    found, names = {}, [*lsgd.__all__, "kernel"]
    names += lsgd._SKLEARN_NAMES if has_sklearn() else ()
    for name in names:
        value = getattr(lsgd, name)
        if inspect.ismodule(value):
            found |= {f"{name}.{part}": getattr(value, part) for part in value.__all__}
        else:
            found[name] = value
    for name, value in list(found.items()):
        if inspect.isclass(value):
            found |= dict(members(name, value))
    return found


OBJECTS = public_objects()
CLASSES = [name for name, value in OBJECTS.items() if inspect.isclass(value)]
FUNCTIONS = [name for name, value in OBJECTS.items() if inspect.isroutine(value)]


def sections(text):
    """Return {title: lines} of a docstring; the summary has the title ""."""
    lines = inspect.cleandoc(text).split("\n")
    found, title = {"": []}, ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if below and not below.strip("-") and len(below) == len(line):
            title = line
            found[title] = []
        elif line.strip("-") or not line:
            found[title].append(line)
    return found


def names_in(text, title):
    """Return the names that a section of a docstring describes, in order."""
    lines = sections(text).get(title, ())
    heads = [line.split(" : ")[0] for line in lines if line and line[0] != " "]
    return [name for head in heads for name in head.split(", ")]


def has_signature(value):
    """Return whether a signature with names can be seen: of a compiled class perhaps not."""
    try:
        return not callable(value) or "kwargs" not in inspect.signature(value).parameters
    except ValueError:
        return False


def parameters_of(value):
    """Return the names of the parameters, with stars, without `self`."""
    function = lsgd.gradient_descent if value is lsgd.Descent else value
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    found = inspect.signature(function).parameters.values()
    names = [stars.get(parameter.kind, "") + parameter.name for parameter in found]
    if value is lsgd.Descent:  # the steps are those of its method
        names.remove("n_steps")
    return [name for name in names if name != "self"]


def is_type(value):
    """Return whether a class is a warning or a protocol."""
    return issubclass(value, Warning) or getattr(value, "_is_protocol", False)


def is_result(value):
    """Return whether users read a class, and do not make objects of it."""
    if not inspect.isclass(value):
        return False
    is_filled = dataclasses.is_dataclass(value) or issubclass(value, (enum.Enum, tuple))
    return is_filled and "Parameters" not in sections(value.__doc__)


def fields_of(value):
    if issubclass(value, enum.Enum):
        return list(value.__members__)
    return getattr(value, "_fields", None) or [f.name for f in dataclasses.fields(value)]


def descent_with_parameters(source):
    """Return the source of `Descent` with the parameters of `gradient_descent`."""
    lines = "\n".join(sections(lsgd.gradient_descent.__doc__)["Parameters"]).strip("\n")
    lines = re.sub(r"(?m)^n_steps : (.*\n)((?: .*\n)*)", "", lines)
    text = re.sub(r"(?m)^(?=.)", "    ", lines)
    return re.sub(
        r"(    Parameters\n    -+\n)(?s:.*?)(\n\n    Raises\n)",
        lambda match: match[1] + text + match[2],
        source,
        count=1,
    )


@pytest.mark.parametrize("name", OBJECTS)
def test_docstrings_are_whole(name):
    text = OBJECTS[name].__doc__
    assert text and text.strip().split("\n\n")[0].endswith((".", ":")), name
    assert not PLACEHOLDER.search(text) and not re.search(r"\b[Aa]s for\s+`|\bAs for\b", text)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_describe_their_parameters(name):
    value = OBJECTS[name]
    assert names_in(value.__doc__, "Parameters") == parameters_of(value)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_describe_their_parameters_or_their_fields(name):
    value = OBJECTS[name]
    if is_result(value):
        found = names_in(value.__doc__, "Attributes")
        assert set(fields_of(value)) <= set(found) and len(set(found)) == len(found)
    elif not is_type(value):
        assert names_in(value.__doc__, "Parameters") == parameters_of(value)


def test_the_descent_has_the_text_of_the_function():
    found, expected = (
        sections(value.__doc__)["Parameters"] for value in (lsgd.Descent, lsgd.gradient_descent)
    )
    first = expected.index("n_steps : int")
    end = next(i for i in range(first + 1, len(expected)) if expected[i][0] != " ")
    hint = "run `python tests/packaging/test_docstrings.py`, and build again"
    assert found == expected[:first] + expected[end:], hint


def test_the_reference_has_the_text_of_the_compiled_functions():
    for name in lsgd.reference.__all__:
        texts = [getattr(room, name).__doc__ for room in (lsgd, lsgd.reference)]
        parts = [sections(text) for text in texts]
        for title in ("Parameters", "Returns", "Raises"):
            assert parts[0][title] == parts[1][title], name


def test_each_shared_parameter_is_shared():
    package = Path(lsgd.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    used = [name for _, name in PLACEHOLDER.findall(text)]
    assert set(used) == PARAMETERS.keys()
    assert [name for name in PARAMETERS if used.count(name) < 2] == []


def test_shared_parameters_are_entries():
    for name, text in PARAMETERS.items():
        head, *lines = text.strip("\n").split("\n")
        assert re.match(r"\w+(, \w+)? : \S", head) and lines and text.endswith(".\n"), name
        assert all(line == "" or re.match(r"    \S|      \S", line) for line in lines), name
        assert max(map(len, lines)) <= 92 and text.count("``") % 2 == 0, name
        assert all(line.count("``") % 2 == 0 for line in lines), name


def test_placeholders_are_filled_in_at_their_indentation():
    class Thing:
        """Summary.

        Parameters
        ----------
        {z}
            More.
        """

        @classmethod
        def made(cls, lam):
            """Summary, with {z} in it.

            Parameters
            ----------
            {lam}
            """

    assert documented(Thing) is Thing
    assert "ndarray of float64\n    Margins, of any shape.\n    More." in inspect.getdoc(Thing)
    assert "with {z} in it" in Thing.made.__doc__
    assert inspect.getdoc(Thing.made).endswith("lam : float\n    Factor of the loss, at least 1.")


def test_the_reference_has_one_indentation():
    def compiled():
        pass

    def function():
        """Summary."""

    for indent in ("    ", ""):  # the compiler takes it away from Python 3.13 on
        compiled.__doc__ = f"Do.\n\n{indent}Returns\n{indent}-------\n{indent}int\n\n{indent}Notes"
        compiled.__doc__ += f"\n{indent}-----\n{indent}None.\n"
        function.__doc__ = "Summary."
        as_reference(function, compiled)
        lines = inspect.cleandoc(function.__doc__).split("\n")
        assert lines[0] == "Summary." and lines[-1] == "int"
        assert all(line == line.strip() for line in lines)


def test_an_unknown_placeholder_is_an_error():
    def function():
        """Summary.

        {no_such_parameter}
        """

    with pytest.raises(KeyError, match="_parameters.py has no entry 'no_such_parameter'"):
        documented(function)


def test_the_package_can_be_imported_without_docstrings():
    code = "import lsgd_fast as lsgd; assert lsgd.stepsize_sweep.__doc__ is None"
    subprocess.run([sys.executable, "-P", "-OO", "-c", code], check=True)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name, value in OBJECTS.items()
        if ">>> " in (value.__doc__ or "")
    ],
)
def test_examples_run_as_they_stand(name):
    if name.startswith("plot."):
        pytest.importorskip("matplotlib")
    test = doctest.DocTestParser().get_doctest(OBJECTS[name].__doc__, {}, name, None, None)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("name", OBJECTS)
def test_numpydoc_finds_nothing(name):
    validate = pytest.importorskip("numpydoc.validate").validate
    value, allowed = OBJECTS[name], set(LEFT_OUT)
    if is_result(value):
        allowed |= LEFT_OUT_OF_RESULTS.keys()
    elif name in CLASSES and is_type(value):
        allowed |= LEFT_OUT_OF_TYPES.keys()
    elif name.rpartition(".")[0] in CLASSES:
        allowed |= LEFT_OUT_OF_MEMBERS.keys()
    else:
        allowed |= LEFT_OUT_OF_MODULES.get(name.split(".")[0], {}).keys()
    if not has_signature(value):
        allowed.add("PR02")  # numpydoc then sees no parameters; the tests above do
    errors = validate(f"lsgd_fast.{name}")["errors"]
    assert [error for error in errors if error[0] not in allowed] == []


if __name__ == "__main__":
    SOURCE = Path(__file__).parents[2] / DESCENT
    SOURCE.write_text(descent_with_parameters(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
