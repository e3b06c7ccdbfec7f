"""Exact arithmetic on float64 values: integers of any size, and linear systems of them."""

import math
import operator

import numpy as np

__all__ = ["independent", "null_vectors", "to_integers", "to_nearest", "without_factor"]

# Ranks are computed modulo this prime. They are never too large, and too small only by an unlikely
# chance, which costs a proof but makes none false. Powers of 2 have long periods modulo it, which
# they have not modulo 2**31 - 1.
PRIME = 2**31 - 19

_shift_left = np.frompyfunc(operator.lshift, 2, 1)


def to_integers(values):
    """Return each row of a float64 matrix times a power of two of its own, as Python integers.

    Parameters
    ----------
    values : ndarray of shape (k, q)
        Finite.

    Returns
    -------
    ndarray of shape (k, q), of dtype object
        The smallest integers with the ratios of the row.
    """
    whole, shift = _split(values)
    return _shift_left(whole.astype(object), shift.astype(object))


def _split(values):
    """Return integers and shifts: row by row the values are proportional to whole * 2**shift."""
    mantissa, exponent = np.frexp(values)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(np.float64))[1] - 1  # trailing ones of the binary form
    zeros = np.where(whole == 0, 0, zeros)
    exponent = np.where(whole == 0, np.iinfo(np.int32).max, exponent + zeros)
    least = exponent.min(axis=1, keepdims=True)
    return whole >> zeros, np.where(whole == 0, 0, exponent - least)


def to_nearest(integers):
    """Return Python integers times a power of two as float64, and whether that is exact."""
    largest = max(abs(number) for number in integers)
    unit = 1 << max(0, largest.bit_length() - 1000)
    rounded = np.array([number / unit for number in integers])
    exact = all(int(x) * unit == number for x, number in zip(rounded, integers, strict=True))
    return np.ldexp(rounded, -math.frexp(float(np.abs(rounded).max()))[1]), exact


def without_factor(integers):
    """Return Python integers divided by what they have in common."""
    common = math.gcd(*integers)
    return integers // common if common > 1 else integers


def independent(values, limit):
    """Return as many independent rows and columns of a matrix as its rank, the first ones possible.

    Parameters
    ----------
    values : ndarray of shape (k, q)
        float64, finite. The rank is that of the exact values, not up to rounding.
    limit : int

    Returns
    -------
    rows, columns : list of int; or None twice if the rank is above `limit`
    """
    whole, shift = _split(values)
    powers, which = np.unique(shift, return_inverse=True)
    factors = np.array([pow(2, int(power), PRIME) for power in powers])
    table = (whole % PRIME) * factors[which].reshape(shift.shape) % PRIME
    rows, columns = [], []
    for column in range(table.shape[1]):
        candidates = np.flatnonzero(table[:, column])
        if len(candidates) == 0:
            continue
        row = candidates[0]
        if len(rows) == limit:
            return None, None
        rows.append(int(row))
        columns.append(column)
        pivot = table[row, column:] * pow(int(table[row, column]), -1, PRIME) % PRIME
        table[candidates, column:] -= table[candidates, column, None] * pivot % PRIME
        table[candidates, column:] %= PRIME
    return rows, columns


def null_vectors(values, columns, free):
    """Return vectors of integers that are orthogonal to all rows of a matrix, exactly.

    Parameters
    ----------
    values : ndarray of shape (r, q)
        float64.
    columns : list of int
        r columns that make `values` a regular matrix.
    free : ndarray of shape (q - r, k), of dtype object
        Python integers: the entries of each vector in the other columns, up to a positive factor.

    Returns
    -------
    ndarray of shape (q, k), of dtype object
    """
    table, others = to_integers(values), np.ones(values.shape[1], dtype=bool)
    others[columns] = False
    solved, determinant = _solve(table[:, columns], -(table[:, others] @ free))
    vectors = np.zeros((values.shape[1], free.shape[1]), dtype=object)
    vectors[columns], vectors[others] = solved, determinant * free
    return vectors


def _solve(matrix, right):
    """Return integers x and a positive d with ``matrix @ x = d * right`` (Bareiss, 1968)."""
    table = np.column_stack([matrix, right])
    r, previous = len(table), 1
    for k in range(r):
        row = k + int(np.flatnonzero(table[k:, k])[0])
        table[[k, row]] = table[[row, k]]
        kept = table[k].copy()
        table = (kept[k] * table - np.outer(table[:, k], kept)) // previous
        table[k], previous = kept, kept[k]
    sign = 1 if previous > 0 else -1
    return sign * table[:, r:], sign * previous
