"""Docstrings that stand alone: the parameters that several functions share are filled in.

A line ``{name}`` in a docstring stands for the entry of that name in `lsgd_fast._parameters`.
"""

import re
from types import FunctionType
from typing import Any, TypeVar

from lsgd_fast._parameters import PARAMETERS

__all__ = ["as_reference", "documented"]

Thing = TypeVar("Thing", bound=Any)  # a function or a class, which stays what it is

PLACEHOLDER = re.compile(r"(\n *)\{(\w+)\}(?=\n|\Z)")
SECTION = re.compile(r"\n\n(?= *[A-Z][A-Za-z ]+\n *-{3,}\n)")
# What a function of the reference has in common with the compiled one; notes are about the latter.
SHARED_SECTIONS = ("Parameters", "Returns", "Raises", "References", "Examples")
IN_NUMPY = """
This is plain NumPy, for X that lies in this process. There are no threads: where `n_threads`
is an argument, it is checked and otherwise ignored.
"""


def documented(thing: Thing) -> Thing:
    """Fill the shared parameters into the docstring of a function or a class, and return it.

    Of a class, into those of its methods as well.

    Parameters
    ----------
    thing : function or class

    Raises
    ------
    KeyError
        If there is no entry of a name.
    """
    if isinstance(thing, type):
        for member in vars(thing).values():
            member = getattr(member, "__func__", member)  # of a class method or a static one
            if isinstance(member, FunctionType):
                documented(member)
    if thing.__doc__ is not None:  # python -OO has no docstrings
        thing.__doc__ = PLACEHOLDER.sub(_entry, thing.__doc__)
    return thing


def _entry(match):
    newline, name = match.groups()  # a newline and the indentation
    if name not in PARAMETERS:
        raise KeyError(f"lsgd_fast/_parameters.py has no entry {name!r}")
    text = newline + PARAMETERS[name].strip("\n").replace("\n", newline)
    return text.replace(newline + "\n", "\n\n")  # blank lines stay empty


def as_reference(function: Any, compiled: Any) -> None:
    """Give a function of the reference the sections of the compiled one's docstring.

    Parameters
    ----------
    function : function
        That of `lsgd_fast.reference`, whose docstring is its summary.
    compiled : function
        That of `lsgd_fast`, with the same signature.
    """
    if function is compiled or compiled.__doc__ is None:
        return
    name = function.__name__
    sections = SECTION.split(compiled.__doc__)[1:]
    sections = [s for s in sections if s.lstrip().startswith(SHARED_SECTIONS)]
    sections = [s.replace(f"lsgd.{name}(", f"lsgd.reference.{name}(") for s in sections]
    indent = sections[0][: -len(sections[0].lstrip())]  # none from Python 3.13 on
    note = IN_NUMPY.strip("\n").replace("\n", "\n" + indent)
    function.__doc__ = "\n\n".join([function.__doc__, indent + note, *sections])
