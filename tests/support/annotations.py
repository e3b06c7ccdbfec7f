"""Whether values are what annotations say, and whether everything public has annotations."""

import collections.abc
import dataclasses
import inspect
import types
import typing

import numpy as np

__all__ = ["members", "misfits", "resolved", "unannotated"]

EXTRAS = {"Axes": object}  # names that modules import for checkers alone


def resolved(function):
    """Return the annotations of a function or class as objects."""
    return typing.get_type_hints(function, localns=EXTRAS)


def fits(value, hint):
    """Return whether a value is what an annotation says; a float is none of Python's ints."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in (typing.Any, object) or isinstance(hint, typing.TypeVar):
        return True
    if hint in (None, type(None)):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in args)
    if origin is typing.Literal:
        return value in args and type(value) in map(type, args)
    if origin is np.ndarray:
        kind = typing.get_args(args[1])[0]
        return isinstance(value, np.ndarray) and (
            kind is typing.Any or issubclass(value.dtype.type, kind)
        )
    if origin is np.dtype:
        return isinstance(value, np.dtype)
    if origin is tuple:
        args = args[:1] * len(value) if args[-1] is Ellipsis else args
        return isinstance(value, tuple) and len(value) == len(args) and all(map(fits, value, args))
    if origin in (dict, collections.abc.Mapping):
        return isinstance(value, origin) and all(
            fits(key, args[0]) and fits(one, args[1]) for key, one in value.items()
        )
    if origin in (list, collections.abc.Sequence):
        return isinstance(value, origin) and all(fits(one, args[0]) for one in value)
    if getattr(hint, "_is_protocol", False):
        return not misfits(value, hint)
    return isinstance(value, origin or hint) and (hint is not int or type(value) is not bool)


def members(kind):
    """Yield the name and the annotation of each public field and property of a class."""
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("lsgd_fast"):
            continue
        for name in inspect.get_annotations(base):
            if not name.startswith("_"):
                yield name, resolved(base)[name]
        for name, value in vars(base).items():
            if isinstance(value, property) and not name.startswith("_"):
                yield name, resolved(value.fget)["return"]


def misfits(value, kind=None):
    """Return what is not as annotated of an object and, where it has any, of its own objects."""
    found = []
    for name, hint in dict(members(kind or type(value))).items():
        if typing.get_origin(hint) is typing.ClassVar:
            continue
        if not hasattr(value, name):
            found += [f"no {name}"] if kind else []  # a classifier has some attributes after a fit
            continue
        one = getattr(value, name)
        if not fits(one, hint):
            found.append(f"{type(value).__name__}.{name}: {one!r} is no {hint}")
        parts = one if isinstance(one, tuple) else [one]
        found += [bad for part in parts if dataclasses.is_dataclass(part) for bad in misfits(part)]
    return found


def unannotated(name, value):
    """Yield the names of parameters and results without annotations, of a function or class."""
    if inspect.isclass(value):
        for key, one in vars(value).items():
            one = getattr(one, "__func__", one)  # of a static or a class method
            one = one.fget if isinstance(one, property) else one
            is_own = inspect.isfunction(one) and one.__qualname__.startswith(value.__qualname__)
            if is_own and not (key.startswith("_") and key != "__init__"):
                yield from unannotated(f"{name}.{key}", one)
        return
    signature = inspect.signature(value)
    for parameter in signature.parameters.values():
        if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls"):
            yield f"{name}({parameter.name})"
    if signature.return_annotation is signature.empty:
        yield f"{name}()"
