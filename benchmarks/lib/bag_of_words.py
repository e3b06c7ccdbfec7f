"""Sparse rows in the shape of the bag of words of 20 Newsgroups."""

import numpy as np

__all__ = ["ENTRIES", "D", "N", "matrix"]

N, D, ENTRIES = 11_293, 73_686, 1_500_000


def matrix(n, d, n_entries, dtype, seed=0):
    """Return (data, indices, indptr) of rows whose columns are drawn by Zipf's law.

    Rows are of lognormal lengths, and have the norm 1; columns come in no order of use.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.lognormal(0.0, 0.8, n)
    lengths *= 1.35 * n_entries / lengths.sum()  # words that are drawn again make no new entry
    rows = np.repeat(np.arange(n), np.ceil(lengths).astype(np.int64))
    share = 1.0 / (np.arange(d) + 2.7)
    words = rng.permutation(d)[rng.choice(d, len(rows), p=share / share.sum())]
    places, counts = np.unique(rows * d + words, return_counts=True)
    kept = np.sort(rng.permutation(len(places))[:n_entries])
    rows, indices = np.divmod(places[kept], d)
    data = 1.0 + np.log(counts[kept])
    data /= np.sqrt(np.bincount(rows, data * data, minlength=n))[rows]
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
    return data.astype(dtype), indices.astype(np.int32), indptr
