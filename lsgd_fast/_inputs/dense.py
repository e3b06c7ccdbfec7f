"""Validation of dense data, block by block: real dtype, finite values, the largest row norm."""

import functools
import math

import numpy as np

from lsgd_fast._arrays import BFLOAT16, as_real_array, raise_not_finite, without_frame
from lsgd_fast._cpus import on_threads
from lsgd_fast._inputs import sparse_norms
from lsgd_fast._inputs.sparse import SAFE_SQUARE, check_sparse, is_sparse

__all__ = [
    "BLOCK_SIZE",
    "MAX_FEATURES",
    "check_matrix",
    "exports_of",
    "finite_float64",
    "largest_norm",
    "memory_of_check",
    "scaled",
    "to_float64",
]

BLOCK_SIZE = 1 << 17  # values of X in a block: 1 MiB of float64
SLAB_SIZE = 1 << 20  # values of X that a thread looks at at once, block by block
SHORT_ROW = 16  # NumPy adds the values of rows shorter than this slowly
MAX_FEATURES = 1 << 40  # 8 TiB of weights


def finite_float64(name, array):
    """Return `array` as float64 in C order, itself where it is; raise unless it is finite."""
    with np.errstate(all="ignore"):  # a longdouble may overflow: the error is raised below
        array = np.require(array, np.float64, ["C", "A"])
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite as float64; it holds NaN or infinity")
    return array


def check_matrix(X, n_threads=None):
    """Return X, an ndarray of a real dtype or `SparseRows`, with at least one row and feature."""
    if getattr(X, "is_distributed", False) is True:  # tensors of torch have a method of that name
        raise TypeError(
            f"X is spread over {X.ranks.size} ranks, but here it must have all rows in this "
            "process; pass some of them as an array"
        )
    X = without_frame(X)
    X = check_sparse(X, n_threads) if is_sparse(X) else as_real_array("X", X)
    if X.ndim != 2:
        hint = "; pass X.reshape(-1, 1) if it is one feature" if X.ndim == 1 else ""
        raise ValueError(f"X must be 2-d (rows, features); got shape {X.shape}{hint}")
    if 0 in X.shape:
        raise ValueError(f"X must have at least one row and one feature; got shape {X.shape}")
    if X.shape[1] > MAX_FEATURES:
        raise ValueError(
            f"X has too many features: weights do not fit in memory; got shape {X.shape}"
        )
    return X


def exports_of(X):
    """Return exports of the buffers that the arrays of X lie in, where these are not NumPy's own.

    While they live, a memory map cannot be closed, and a bytearray cannot be resized.
    """
    return [_export_of(array) for array in ((X.data, X.indices) if is_sparse(X) else (X,))]


def _export_of(array):
    while isinstance(array, np.ndarray):
        array = array.base
    try:
        return memoryview(array)
    except (TypeError, BufferError):  # NumPy's own memory, or that of an object without buffers
        return None
    except ValueError as error:
        raise ValueError(f"X cannot be read: {error}") from None  # a memory map that is closed


def memory_of_check(n, d, in_place, n_threads=1):
    """Return the bytes that a `Problem` keeps besides X, and those that its validation takes.

    Parameters
    ----------
    n, d : int
        Shape of X; rows have no weights of their own.
    in_place : bool
        Whether X is float64 in C order, so that blocks of rows that are not short are not
        converted.
    n_threads : int, default 1

    Returns
    -------
    kept, passing : int
    """
    slab = min(n, max(1, SLAB_SIZE // d))
    rows = min(n, max(1, BLOCK_SIZE // d))
    block = 8 * rows * min(d, BLOCK_SIZE)
    squares = block if in_place and d >= SHORT_ROW else 2 * block
    squares += 8 * rows * _columns_of_row_sums(d)
    # sums of squares and two masks; masks of labels
    return n, max(min(n_threads, -(-n // slab)) * (squares + 10 * slab), 2 * n)


def to_float64(array):
    """Return `array`, or `SparseRows`, as a float64 ndarray in C order, itself where it is one."""
    if is_sparse(array):
        return array.toarray()
    if array.dtype.name == BFLOAT16:  # the upper half of a float32
        words = array.view(np.uint16)
        words = words if array.dtype.isnative else words.byteswap()
        array = (words.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(all="ignore"):  # a longdouble may overflow
        return np.ascontiguousarray(array, dtype=np.float64)


def scaled(X, center, scale):
    """Return ``(X - center) * scale`` for float64 X, or X itself where `scale` is None."""
    if scale is None:
        return X
    with np.errstate(all="ignore"):  # validation raises where it overflows
        return (X - center) * scale


def _blocks(X, center=None, scale=None):
    """Yield (row, column, block): X as float64, block by block, as views if possible.

    Blocks are in C order, but those of short rows in F order. With center and scale, they are of
    ``(X - center) * scale``.
    """
    n, d = X.shape
    height, width = max(1, BLOCK_SIZE // d), min(d, BLOCK_SIZE)
    for i in range(0, n, height):
        for j in range(0, d, width):
            block = X[i : i + height, j : j + width]
            block = to_float64(block.T).T if d < SHORT_ROW else to_float64(block)
            if scale is not None:
                block = scaled(block, center[j : j + width], scale[j : j + width])
            yield i, j, block


def _row_sums(terms):
    """Return ``terms.sum(axis=1)``; for short rows, column by column, with the same bits."""
    if terms.shape[1] >= SHORT_ROW:
        return terms.sum(axis=1)
    columns = list(terms.T)
    if len(columns) >= 8:  # as NumPy adds them
        pairs = [a + b for a, b in zip(columns[:8:2], columns[1:8:2], strict=True)]
        columns[:8] = [(pairs[0] + pairs[1]) + (pairs[2] + pairs[3])]
    return functools.reduce(np.add, columns)


def _columns_of_row_sums(d):
    """Return how many columns `_row_sums` holds at a time for rows of length d.

    Of eight columns and more these are four pairs, two sums of them, and the sum of both.
    """
    if d >= SHORT_ROW:
        return 0
    return 7 if d >= 8 else min(d - 1, 2)


def _square_sums(X, factors, exponents=None):
    """Return the sum of squares of each row divided by 2**exponent."""
    sums = np.zeros(len(X))
    for i, _, block in _blocks(X, *factors):
        rows = slice(i, i + len(block))
        if exponents is not None:
            block = np.ldexp(block, -exponents[rows, None])
        # not by einsum or BLAS, whose order of sums depends on the machine
        sums[rows] += _row_sums(np.square(block))
    return sums


def _largest_square(X, used, factors, _):
    """Return the largest sum of squares of a used row; inf if any sum is not finite."""
    sums = _square_sums(X, factors)
    largest = sums.max(where=used, initial=0.0)
    return largest if np.isfinite(sums).all() else math.inf


def _largest_scaled_norm(X, used, factors, first, names):
    """Return the largest norm of a used row, which neither overflows nor underflows.

    Raise for values that are not finite; `first` is the number of the first row, and `names` are
    those of the columns, or None.
    """
    largest = np.zeros(len(X))
    for i, j, block in _blocks(X, *factors):
        bad = np.argwhere(~np.isfinite(block))
        if len(bad):
            row, column = bad[0]
            row, column, scaled_value = i + row, j + column, block[row, column]
            value = to_float64(X[row : row + 1, column : column + 1])[0, 0]
            raise_not_finite(value, scaled_value, column, first + row, names)
        rows = slice(i, i + len(block))
        largest[rows] = np.maximum(largest[rows], np.abs(block).max(axis=1))
    exponents = np.frexp(largest)[1]
    norms = np.ldexp(np.sqrt(_square_sums(X, factors, exponents)), exponents)
    return norms.max(where=used, initial=0.0)


def _largest(find, X, weight, factors, n_threads, first_row):
    """Return the largest number that `find` finds for some rows, on several threads."""
    height = max(1, SLAB_SIZE // X.shape[1])

    def find_from(first):
        rows = slice(first, first + height)
        with np.errstate(all="ignore"):
            return find(X[rows], weight[rows] > 0.0, factors, first_row + first)

    return float(max(on_threads(find_from, range(0, len(X), height), n_threads)))


def largest_norm(X, weight, center=None, scale=None, n_threads=None, first_row=0, names=None):
    """Return the largest norm of the rows of positive weight; raise for values not finite.

    With center and scale, the rows are those of ``(X - center) * scale``. Rows are looked at on as
    many threads as there are processors, unless `n_threads` is given; the result has the same bits.
    `first_row` is added to the number of a row in an error, which has the `names` of columns.

    Finite sums of squares show that all values are finite. So one pass is enough, unless some
    values are not finite or their squares overflow or underflow.
    """
    if is_sparse(X):
        return sparse_norms.largest_norm(X, weight, center, scale, n_threads, first_row, names)
    factors = (center, scale)
    square = _largest(_largest_square, X, weight, factors, n_threads, first_row)
    if SAFE_SQUARE < square < math.inf:
        return math.sqrt(square)
    find = functools.partial(_largest_scaled_norm, names=names)
    return _largest(find, X, weight, factors, n_threads, first_row)
