"""Checks of single arguments; every error names its argument and says what to do."""

import math
import numbers
import operator
import os

import numpy as np

from lsgd_fast._constants import GRAM_BYTES, GRAM_FEATURES, GRAM_VALUES

__all__ = [
    "check_callback",
    "check_count",
    "check_flag",
    "check_gram",
    "check_n_steps",
    "check_n_threads",
    "check_real",
    "check_rng",
    "half_of_memory",
    "raise_not_finite",
    "set_fields",
]


def set_fields(instance, **values):
    """Set fields of a frozen dataclass in its `__post_init__`, to their checked values."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def check_real(name, value, *, zero_allowed=False):
    """Return `value` as a float; it must be finite and positive, or zero where allowed."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a real number; got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number) and (number > 0.0 or (zero_allowed and number == 0.0)):
        return number
    sign = "not negative" if zero_allowed else "positive"
    raise ValueError(f"{name} must be finite and {sign}; got {value!r}")


def check_flag(name, value):
    """Return `value`, True or False, as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def check_count(name, value, minimum):
    """Return `value` as an int of at least `minimum` that fits in 64 bits."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {value!r}") from None
    if not minimum <= count < 2**63:
        raise ValueError(f"{name} must be at least {minimum} and below 2**63; got {count}")
    return count


def check_n_steps(n_steps):
    """Return the number of steps, zero or more."""
    return check_count("n_steps", n_steps, 0)


def check_n_threads(n_threads):
    """Return the number of threads, one or more, or None for the default."""
    return None if n_threads is None else check_count("n_threads", n_threads, 1)


def check_rng(rng):
    """Return a numpy Generator: `rng` itself, or a new one from a seed (SPEC 7)."""
    try:
        if not isinstance(rng, (bool, np.bool_)):
            return np.random.default_rng(rng)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"rng must be a seed or a numpy.random.Generator; got {rng!r}")


def check_callback(callback, callback_every):
    """Return a callable or None, and the number of steps between its calls."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable or None; got {callback!r}")
    every = 1 if callback_every is None else callback_every
    return callback, check_count("callback_every", every, 1)


def check_gram(gram, n, d, n_held_out=0, unless=None):
    """Return whether to run in Gram space; "auto" decides by the shapes alone.

    `unless` is what rules Gram space out, for the message, or None.
    """
    size = 8 * n * max(n, n_held_out)
    if isinstance(gram, str) and gram == "auto":
        pays = n * d >= GRAM_VALUES and d >= GRAM_FEATURES * n and size <= GRAM_BYTES
        return pays and unless is None
    if not isinstance(gram, (bool, np.bool_)):
        raise TypeError(f'gram must be "auto", True or False; got {gram!r}')
    if gram and unless is not None:
        raise ValueError(f"gram=True is not supported for {unless}; pass gram=False")
    if gram and size > half_of_memory():
        raise ValueError(
            f"gram=True needs {size / 2**30:.3g} GiB for the Gram matrix of {n} rows, more than "
            "half of this machine's memory; pass gram=False"
        )
    return bool(gram)


def half_of_memory():
    """Return half of the memory of this machine, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def raise_not_finite(value, scaled_value, column, row=None):
    """Raise ValueError for a value of X that is not finite, or not with `center` and `scale`."""
    where = f"in column {column}" if row is None else f"in row {row}, column {column}"
    if np.isfinite(value):
        raise ValueError(
            f"(X - center) * scale must be finite; {value} {where} becomes {scaled_value}: take a "
            "smaller scale"
        )
    raise ValueError(
        f"X must be finite as float64; found {value} {where}: drop the row or fill the gap"
    )
