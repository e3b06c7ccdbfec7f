"""Checks of single arguments; every error names its argument and says what to do."""

import math
import numbers
import operator
import os
import reprlib
import sys

import numpy as np

from lsgd_fast._constants import GRAM_BYTES, GRAM_FEATURES, GRAM_VALUES, SLACK

__all__ = [
    "as_list",
    "check_callback",
    "check_choice",
    "check_class_margin",
    "check_count",
    "check_flag",
    "check_gram",
    "check_margin",
    "check_n_steps",
    "check_n_threads",
    "check_real",
    "check_rng",
    "half_of_memory",
    "set_fields",
    "shown",
]

RNG_TYPES = (np.random.SeedSequence, np.random.BitGenerator, np.random.Generator)


def set_fields(instance, **values):
    """Set fields of a frozen dataclass in its `__post_init__`, to their checked values."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


class _Shown(reprlib.Repr):
    """A repr of bounded length and depth, of every object: in an error message it must not fail."""

    def __init__(self):
        super().__init__()
        self.maxother = self.maxstring = 120

    def repr_int(self, x, level):
        """Return the repr of an int; Python has none for 10**5000."""
        return repr(x) if x.bit_length() <= 256 else f"an integer of {x.bit_length()} bits"


def shown(value):
    """Return a value as error messages show it: its repr, shortened where it is long."""
    return _SHOWN.repr(value)


_SHOWN = _Shown()


def check_real(name, value, *, zero_allowed=False):
    """Return `value` as a float; it must be finite and positive, or zero where allowed."""
    if not isinstance(value, numbers.Real) or isinstance(value, (bool, np.timedelta64)):
        raise TypeError(f"{name} must be a real number; got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number) and (number > 0.0 or (zero_allowed and number == 0.0)):
        return number + 0.0  # 0.0 for -0.0
    sign = "not negative" if zero_allowed else "positive"
    raise ValueError(f"{name} must be finite and {sign}; got {shown(value)}")


def check_margin(margin, radius):
    """Return the margin of data and their radius as floats."""
    margin, radius = check_real("margin", margin), check_real("radius", radius)
    if margin > radius * (1.0 + 1e-9):  # rounding may lift it slightly above
        raise ValueError(f"margin must be at most the radius, {radius!r}; got {margin!r}")
    return margin, radius


def check_class_margin(margin, radius):
    """Return the margin of data of several classes and their radius as floats."""
    margin, radius = check_real("margin", margin), check_real("radius", radius)
    if margin > math.sqrt(2.0) * radius * (1.0 + SLACK):
        raise ValueError(
            f"margin must be at most sqrt(2) times the radius, {radius!r}; got {margin!r}"
        )
    return margin, radius


def check_flag(name, value):
    """Return `value`, True or False, as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def check_choice(name, value, choices):
    """Return `value`, one of the strings `choices`, as a str."""
    text = str.__str__(value) if isinstance(value, str) else None  # a derived class may lie
    if text not in choices:
        kind = TypeError if text is None else ValueError
        known = ", ".join(map(repr, choices))
        raise kind(f"{name} must be one of {known}; got {shown(value)}")
    return text


def check_count(name, value, minimum):
    """Return `value` as an int of at least `minimum` that fits in 64 bits."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer; got {shown(value)}")
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {shown(value)}") from None
    if not minimum <= count < 2**63:
        raise ValueError(f"{name} must be at least {minimum} and below 2**63; got {shown(count)}")
    return count


def check_n_steps(n_steps):
    """Return the number of steps, zero or more."""
    return check_count("n_steps", n_steps, 0)


def check_n_threads(n_threads):
    """Return the number of threads, one or more, or None for the default."""
    return None if n_threads is None else check_count("n_threads", n_threads, 1)


def check_rng(rng):
    """Return a numpy Generator: `rng` itself, or a new one (SPEC 7, without sequences of seeds).

    NumPy sees nothing else: some values, as a list that contains itself, would crash it.
    """
    if rng is None or isinstance(rng, RNG_TYPES):
        return np.random.default_rng(rng)
    if isinstance(rng, np.random.RandomState):  # NumPy itself takes it from 2.2 on
        return np.random.Generator(rng._bit_generator)
    try:
        seed = None if isinstance(rng, (bool, np.bool_)) else operator.index(rng)
    except TypeError:
        seed = None
    if seed is None:
        raise TypeError(
            "rng must be None, an integer, or a Generator, BitGenerator, SeedSequence or "
            f"RandomState of numpy.random; got {shown(rng)}: pass numpy.random.SeedSequence(seeds) "
            "for several seeds"
        )
    if seed < 0:
        raise ValueError(f"rng must not be a negative integer; got {shown(seed)}")
    return np.random.default_rng(seed)


def check_callback(callback, callback_every):
    """Return a callable or None, and the number of steps between its calls."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable or None; got {shown(callback)}")
    every = 1 if callback_every is None else callback_every
    return callback, check_count("callback_every", every, 1)


def as_list(name, values, k=None):
    """Return a sequence as a list, numbers of arrays as Python's; of k entries if k is given."""
    if isinstance(values, (str, bytes, bytearray)) or not np.iterable(values):
        raise TypeError(f"{name} must be a sequence; got {shown(values)}")
    values = values.tolist() if hasattr(type(values), "tolist") else list(values)
    if not values or (k is not None and len(values) != k):
        expected = "at least one entry" if k is None else f"{k} entries, one for each stepsize"
        raise ValueError(f"{name} must have {expected}; got {len(values)}")
    return values


def check_gram(gram, n, d, n_held_out=0, unless=None):
    """Return whether to run in Gram space; "auto" decides by the shapes alone.

    `unless` is what rules Gram space out, for the message, or None.
    """
    size = 8 * n * max(n, n_held_out)
    if isinstance(gram, str) and str.__str__(gram) == "auto":
        pays = n * d >= GRAM_VALUES and d >= GRAM_FEATURES * n and size <= GRAM_BYTES
        return pays and unless is None
    if not isinstance(gram, (bool, np.bool_)):
        raise TypeError(f'gram must be "auto", True or False; got {shown(gram)}')
    if gram and unless is not None:
        raise ValueError(f"gram=True is not supported for {unless}; pass gram=False")
    if gram and size > half_of_memory():
        raise ValueError(
            f"gram=True needs {size / 2**30:.3g} GiB for the Gram matrix of {n} rows, more than "
            "half of this machine's memory; pass gram=False"
        )
    return bool(gram)


def half_of_memory():
    """Return half of the memory of this machine, in bytes; Windows is not asked."""
    if not hasattr(os, "sysconf"):
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
