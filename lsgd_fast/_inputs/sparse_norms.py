"""The largest norm of sparse rows, also centred and scaled, computed from their entries alone."""

import math

import numpy as np

from lsgd_fast._arrays import raise_not_finite
from lsgd_fast._cpus import on_threads
from lsgd_fast._inputs.sparse import SAFE_SQUARE, add_to_rows

__all__ = ["largest_norm"]


def largest_norm(X, weight, center=None, scale=None, n_threads=None, first_row=0, names=None):
    """Return the largest norm of the rows of positive weight; raise for values not finite.

    With center and scale, the rows are those of ``(X - center) * scale``.

    Parameters
    ----------
    X : SparseRows
    weight : ndarray of shape (n,)
    center, scale : ndarray of shape (d,), or both None
    n_threads : int, optional
        By default as many as there are processors; the result has the same bits.
    first_row : int, default 0
        Added to the number of a row in an error.
    names : list, optional
        The names of the columns, for errors.
    """
    used = weight > 0.0
    with np.errstate(all="ignore"):
        absent = None if scale is None else _absent_norms(X, center, scale, names)
        sums = _square_sums(X, center, scale, absent, None, n_threads)
        largest = sums.max(where=used, initial=0.0)
        if np.isfinite(sums).all() and largest > SAFE_SQUARE:
            return math.sqrt(largest)
        norms = _scaled_norms(X, center, scale, absent, n_threads, first_row, names)
        return float(norms.max(where=used, initial=0.0))


def _blocks(X, center, scale):
    """Yield (rows, columns, values) of all entries, with center and scale applied."""
    for i in X.block_starts():
        yield _block(X, i, center, scale)


def _block(X, i, center, scale):
    rows, columns, values = X.block(i)
    if scale is not None:
        values = (values - center[columns]) * scale[columns]
    return rows, columns, values


def _square_sums(X, center, scale, absent, exponents, n_threads):
    """Return the sum of squares of each row divided by 2**exponent."""
    sums = np.zeros(len(X))
    if absent is not None:
        sums += np.square(absent if exponents is None else np.ldexp(absent, -exponents))

    def sums_from(i):
        with np.errstate(all="ignore"):
            rows, _, values = _block(X, i, center, scale)
            if exponents is not None:
                values = np.ldexp(values, -exponents[rows])
            return rows[0], np.bincount(rows - rows[0], values * values)

    # blocks may share a row, to which their sums are added in order
    for first, added in on_threads(sums_from, X.block_starts(), n_threads):
        sums[first : first + len(added)] += added
    return sums


def _scaled_norms(X, center, scale, absent, n_threads, first_row, names):
    """Return the row norms without overflow or underflow."""
    largest = np.zeros(len(X)) if absent is None else absent.copy()
    start = 0
    for rows, columns, values in _blocks(X, center, scale):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            i = bad[0]
            row = first_row + rows[i]
            raise_not_finite(float(X.data[start + i]), values[i], columns[i], row, names)
        np.maximum.at(largest, rows, np.abs(values))
        start += len(values)
    exponents = np.frexp(largest)[1]
    return np.ldexp(
        np.sqrt(_square_sums(X, center, scale, absent, exponents, n_threads)), exponents
    )


def _absent_norms(X, center, scale, names):
    """Return for each row the norm of ``center * scale`` in the columns where it has no entry.

    The sum over these columns is that over all columns minus that over the columns of entries. A
    plain difference would cancel where a row has entries in the large columns. So the squares are
    split into three slices, of which the sums of the first two are exact.
    """
    shifts = np.abs(center * scale)
    column = int(np.argmax(shifts))  # that of a NaN, if any
    if not np.isfinite(shifts[column]):
        raise_not_finite(0.0, -center[column] * scale[column], column, names=names)
    exponent = math.frexp(shifts[column])[1]
    squares = np.square(np.ldexp(shifts, -exponent))
    sums = np.zeros(len(X))
    for part in _slices(squares):
        covered = np.zeros(len(X))
        for rows, columns, _ in X.blocks():
            add_to_rows(covered, rows, part[columns])
        sums += part.sum() - covered
    return np.ldexp(np.sqrt(np.maximum(sums, 0.0)), exponent)


def _slices(squares):
    """Return numbers from 0 to 1 as sums of three slices; sums of the first two are exact."""
    bits = len(squares).bit_length()  # sums have fewer than 2**bits terms
    unit = math.ldexp(1.0, bits)
    first = (squares + unit) - unit  # multiples of 2**(bits - 52)
    rest = squares - first
    unit = math.ldexp(unit, bits - 52)
    second = (rest + unit) - unit
    return first, second, rest - second
