"""The centre and the scale that give each feature the mean 0 and the standard deviation 1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._constants import EPSILON
from lsgd_fast._cpus import on_threads
from lsgd_fast._inputs.dense import BLOCK_SIZE, to_float64
from lsgd_fast._inputs.sparse import is_sparse

__all__ = ["CONSTANT", "Units", "center_and_scale"]

# A column is constant where its deviations from the mean are at most this share of its largest
# value: they are rounding, of which a scale would make the largest feature of all.
CONSTANT = 64 * EPSILON


class Units(NamedTuple):
    """The units of standardised features: ``(X - center) * scale``, each of shape (d,)."""

    center: NDArray[np.float64]
    scale: NDArray[np.float64]

    def to_raw(
        self, weights: NDArray[np.float64], intercept: float | NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float | NDArray[np.float64]]:
        """Return the weights and the intercept that give the same scores on X itself.

        Parameters
        ----------
        weights : ndarray of shape (d,) or (d, K)
        intercept : float or ndarray of shape (K,)

        Returns
        -------
        weights : ndarray
        intercept : float or ndarray
        """
        raw = (self.scale * weights.T).T
        shift = self.center @ raw
        return raw, intercept - (shift if raw.ndim > 1 else float(shift))

    def from_raw(
        self, weights: NDArray[np.float64], intercept: float | NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float | NDArray[np.float64]]:
        """Return the weights and the intercept on the standardised features; see `to_raw`."""
        shift = self.center @ weights
        return (weights.T / self.scale).T, intercept + shift


class _Columns(NamedTuple):
    """What one look at some rows of positive weight finds of each column; weights sum to 1."""

    mean: np.ndarray  # their part of the mean
    low: np.ndarray
    high: np.ndarray


def center_and_scale(X, weight=None, *, centered=True, n_threads=None):
    """Return the mean of each column, and the reciprocal of its standard deviation.

    Parameters
    ----------
    X : ndarray or SparseRows of shape (n, d)
        Finite, of any real dtype; read twice, block by block, without a copy.
    weight : array-like of shape (n,), optional
        Weights of the rows, not negative and not all zero; rows of weight zero take no part.
    centered : bool, default True
        Whether to return the means, or zeros in their place.
    n_threads : int, optional
        By default as many as there are processors; the results do not depend on it.

    Returns
    -------
    Units
        The variance is the weighted mean of the squared deviations, as that of scikit-learn's
        `StandardScaler`. A column that is constant but for rounding has the scale 1, and so has one
        whose deviations are too small for a reciprocal in float64. Equal values are centred to 0
        exactly.
    """
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=np.float64)
    weight = weight / weight.max()
    weight /= weight.sum()
    with np.errstate(all="ignore"):
        look = _look_at_entries if is_sparse(X) else _look_at_rows
        found = look(X, weight, n_threads)
        mean = np.clip(found.mean, found.low, found.high)
        largest, exponents = np.frexp(np.maximum(np.abs(found.low), np.abs(found.high)))
        square = _squares_of_entries if is_sparse(X) else _squares_of_rows
        # of deviations over 2**exponents, which keeps squares in range
        deviation = np.sqrt(square(X, weight, mean, exponents, n_threads))
        scale = 1.0 / np.ldexp(deviation, exponents)
    scale[(deviation <= CONSTANT * largest) | ~((scale > 0.0) & (scale < np.inf))] = 1.0
    return Units(mean if centered else np.zeros_like(mean), scale)


def _in_blocks(X, weight, find, n_threads):
    """Yield what `find(block, weights)` finds for the rows of positive weight, block by block."""
    height = max(1, BLOCK_SIZE // X.shape[1])

    def find_from(first):
        weights = weight[first : first + height]
        used = weights > 0.0
        rows = X[first : first + height]
        with np.errstate(all="ignore"):
            rows = rows if used.all() else rows[used]
            return find(to_float64(rows), weights[used, None]) if used.any() else None

    found = on_threads(find_from, range(0, len(X), height), n_threads)
    return (one for one in found if one is not None)


def _look_at_rows(X, weight, n_threads):
    def find(block, weights):
        return _Columns((weights * block).sum(axis=0), block.min(axis=0), block.max(axis=0))

    total = None
    for one in _in_blocks(X, weight, find, n_threads):
        total = one if total is None else _Columns(
            total.mean + one.mean, np.minimum(total.low, one.low), np.maximum(total.high, one.high)
        )  # fmt: skip
    return total


def _squares_of_rows(X, weight, mean, exponents, n_threads):
    def find(block, weights):
        return (weights * np.square(np.ldexp(block - mean, -exponents))).sum(axis=0)

    return sum(_in_blocks(X, weight, find, n_threads))


def _entries(X, weight):
    """Yield (weights, columns, values) of the entries of rows of positive weight."""
    for rows, columns, values in X.blocks():
        weights = weight[rows]
        used = weights > 0.0
        yield weights[used], columns[used], values[used]


def _look_at_entries(X, weight, _):
    d = X.shape[1]
    mean, counts = np.zeros(d), np.zeros(d, np.int64)
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for weights, columns, values in _entries(X, weight):
        mean += np.bincount(columns, weights * values, d)
        counts += np.bincount(columns, minlength=d)
        np.minimum.at(low, columns, values)
        np.maximum.at(high, columns, values)
    has_zeros = counts < np.count_nonzero(weight)
    low[has_zeros] = np.minimum(low[has_zeros], 0.0)
    high[has_zeros] = np.maximum(high[has_zeros], 0.0)
    return _Columns(mean, low, high)


def _squares_of_entries(X, weight, mean, exponents, _):
    d = X.shape[1]
    total, present, counts = np.zeros(d), np.zeros(d), np.zeros(d, np.int64)
    for weights, columns, values in _entries(X, weight):
        deviations = np.ldexp(values - mean[columns], -exponents[columns])
        total += np.bincount(columns, weights * np.square(deviations), d)
        present += np.bincount(columns, weights, d)
        counts += np.bincount(columns, minlength=d)
    absent = np.where(counts < np.count_nonzero(weight), 1.0 - present, 0.0)  # weight of the zeros
    return total + absent * np.square(np.ldexp(mean, -exponents))
