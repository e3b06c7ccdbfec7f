"""Checks of labels, weights and offsets of the rows, of all ranks where there are several."""

import math

import numpy as np

from lsgd_fast._arrays import as_array, as_real_array
from lsgd_fast._checks import shown
from lsgd_fast._inputs.dense import finite_float64
from lsgd_fast._inputs.ranks import ALONE

__all__ = [
    "check_all_classes",
    "check_both_classes",
    "check_class_numbers",
    "check_labels",
    "check_offset",
    "check_sample_weight",
    "exact_sum",
    "label_values",
    "memory_of_class_numbers",
]

MAKE_NUMBERS = "numpy.unique(y, return_inverse=True)[1]"


def _check_vector(name, value, n):
    array = as_real_array(name, value)
    if array.ndim == 0:
        hint = "" if name == "y" else ": leave it out where all are equal"
        raise ValueError(f"{name} must have an entry for each of the {n} rows; got {array}{hint}")
    if array.ndim != 1:
        hint = f"numpy.ravel({name})"
        if name == "y" and array.ndim == 2 and array.shape[1] > 1:
            hint = "numpy.argmax(y, axis=1) if the labels are one-hot"
        raise ValueError(f"{name} must be 1-d; got shape {array.shape}: pass {hint}")
    if len(array) != n:
        raise ValueError(f"{name} has length {len(array)}, but X has {n} rows")
    return array


def _refuse_strings(y, advice):
    """Return labels as an array; raise TypeError if they are strings, which have no order here."""
    array = as_array("y", y)
    if array.size and array.dtype.kind in "OSUT" and isinstance(array.flat[0], (str, bytes)):
        found = sorted(set(map(shown, array.ravel().tolist())))
        raise TypeError(
            f"y must hold real numbers, and not strings; found {_listed(found)}: pass "
            f"{advice.format(found[-1])}, or use LogisticClassifier, which takes labels of any type"
        )
    return array


def _listed(labels):
    """Return the first of a list of labels for a message."""
    return ", ".join(map(str, labels[:5])) + (", ..." if len(labels) > 5 else "")


def check_labels(y, n, ranks=ALONE):
    """Return the labels of n rows, -1 and +1, as a new array of int8."""
    y = _check_vector("y", _refuse_strings(y, "numpy.asarray(y) == {}"), n)
    positive = y == 1
    possible = {other for other in (-1, 0) if (positive | (y == other)).all()}
    if not possible:
        found = np.unique(y).tolist()
        several = ', or loss="softmax" for classes 0, 1, ..., K - 1' if len(found) > 2 else ""
        raise ValueError(
            "y must hold the labels -1 and +1 (or 0 and 1, or bool), without NaN; "
            f"found {_listed(found)}: for one label against the rest, pass y == label{several}"
        )
    if not set.intersection(*ranks.gather(possible)):
        raise ValueError("y must hold the same two labels on all ranks: -1 and +1, or 0 and 1")
    return np.where(positive, np.int8(1), np.int8(-1))


def label_values(y, ranks=ALONE):
    """Return the two labels that checked labels had when they were passed, as a tuple."""
    y = as_real_array("y", y)
    if all(ranks.gather(y.dtype.kind == "b")):
        return (False, True)
    return (0, 1) if any(ranks.gather(bool((y == 0).any()))) else (-1, 1)


def check_class_numbers(y, n_given, n, n_classes=None):
    """Return class numbers of the given rows, of n in all, as a new array of int8 or float64."""
    y = _refuse_strings(y, MAKE_NUMBERS)
    y = _check_vector("y", y, n_given).copy()  # what is checked is what passes use as indices
    below = max(2, n if n_classes is None else n_classes)
    if not ((y >= 0) & (y < below)).all() or (y.dtype.kind == "f" and (y != np.floor(y)).any()):
        last = "K - 1" if n_classes is None else n_classes - 1
        raise ValueError(
            f"y must hold class numbers 0, 1, ..., {last}, without NaN; found "
            f"{_listed(np.unique(y).tolist())}: {MAKE_NUMBERS} makes them of any labels"
        )
    is_byte = y.max(initial=0) <= np.iinfo(np.int8).max
    return y.astype(np.int8 if is_byte else np.float64, copy=False)


def memory_of_class_numbers(n, n_classes):
    """Return the bytes of n class numbers, and those of checking them if each came as eight."""
    kept = n if n_classes - 1 <= np.iinfo(np.int8).max else 8 * n
    # a copy and three masks, the copy beside what is kept, and two copies of the latter and masks
    return kept, max(11 * n - kept, 8 * n, 2 * kept + 2 * n)


def check_all_classes(labels, weight, ranks):
    """Return the number of classes; raise unless each of two or more occurs."""
    seen = set().union(*ranks.gather(set(np.unique(labels[weight > 0.0]).tolist())))
    n_classes = int(max(ranks.gather(labels.max(initial=0.0)))) + 1
    if n_classes < 2 or len(seen) < n_classes:
        missing = min(set(range(max(n_classes, 2))) - seen)
        raise ValueError(
            f"y must hold every class from 0 to K - 1, and at least two, in rows of positive "
            f"sample_weight; class {missing} is missing"
        )
    return n_classes


def check_both_classes(labels, weight, ranks):
    """Raise unless both labels occur in rows of positive weight."""
    positive = weight > 0.0
    seen = {sign for sign in (-1.0, 1.0) if (positive & (labels == sign)).any()}
    seen = set().union(*ranks.gather(seen))
    if len(seen) < 2:
        where = " in rows of positive sample_weight"
        where = "" if all(ranks.gather(bool(positive.all()))) else where
        raise ValueError(f"y must hold both classes{where}; got only {seen.pop():+.0f}")


def check_sample_weight(sample_weight, n_given, n, ranks=ALONE):
    """Return the weights of the given rows, and the sum of those of all n rows."""
    if sample_weight is None:
        unit = 0.5 ** n.bit_length()
        return np.broadcast_to(unit, n_given), n * unit
    array = _check_vector("sample_weight", sample_weight, n_given)
    weight = finite_float64("sample_weight", array)
    largest = max(ranks.gather(weight.max(initial=0.0)))
    if min(ranks.gather(weight.min(initial=0.0))) < 0.0 or largest == 0.0:
        raise ValueError("sample_weight must not be negative or all zero")
    with np.errstate(under="ignore"):  # a weight 2**-1000 times the largest may become zero
        weight = np.ldexp(weight, -np.frexp(largest)[1])  # the largest is now in [1/2, 1)
        total, exponent = math.frexp(exact_sum(weight, ranks))
        return np.ldexp(weight, -exponent), total


def check_offset(offset, n):
    """Return the offsets of n rows as a new array of float64."""
    return finite_float64("offset", _check_vector("offset", offset, n).copy())


def exact_sum(values, ranks):
    """Return the sum of the values of all ranks, rounded once."""
    if ranks.size == 1:
        return math.fsum(values)
    # the sum of a rank as numbers that add up to it exactly: what is left after each, and so on
    parts = [math.fsum(values)]
    while parts[-1] != 0.0:
        parts.append(math.fsum([*values, *(-part for part in parts)]))
    return math.fsum(part for of_rank in ranks.gather(parts) for part in of_rank)
