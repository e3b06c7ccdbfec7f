"""The digest of a problem: a tree of hashes of its rows, of which parts can be made apart.

A *leaf* is the hash of some rows, with their labels, weights and offsets; how many depends on the
number of features alone. Leaves are joined in pairs, 0 + 1, 2 + 3, ..., then these hashes in pairs,
and so on; a last one without a partner is joined as it is. So whoever has the rows of some leaves
makes the *nodes* above them without the other rows, and a few nodes make the tree.

Values are hashed in the narrowest dtype that holds all values of a block exactly: the digest does
not depend on the dtype and layout in which they are stored. -0.0 equals 0.0.
"""

import hashlib
import itertools

import numpy as np

from lsgd_fast._arrays import BFLOAT16
from lsgd_fast._cpus import on_threads
from lsgd_fast._inputs.dense import to_float64
from lsgd_fast._inputs.sparse import is_sparse

__all__ = ["join", "leaf_rows", "nodes", "top"]

BLOCK_SIZE = 1 << 17  # values that are hashed at once
LEAF_ROWS = 512  # a leaf has 2^i times as many rows
SPARSE_LEAF_ROWS = 8 * LEAF_ROWS
FORMS = [np.dtype(name) for name in ("<u1", "<i1", "<f2", "<f4", "<f8")]  # narrowest first
SAMPLE = 64  # values of a block that mostly show that a form is too narrow
BLOCKS_AT_A_TIME = 16  # that a thread takes


def leaf_rows(X):
    """Return the number of rows of a leaf, a power of two."""
    if is_sparse(X):
        return SPARSE_LEAF_ROWS
    return max(LEAF_ROWS, _block_rows(X.shape[1]))


def nodes(X, vectors, first=0, n_threads=None):
    """Return the nodes above rows of a problem, as few as there can be.

    Parameters
    ----------
    X : ndarray or SparseRows of shape (k, d)
        Adjacent rows, up to the end of a leaf or to the last row of the problem.
    vectors : sequence of ndarray of shape (k,)
        Their labels, weights, and offsets if they have any.
    first : int, default 0
        The first of these rows in the problem, a multiple of `leaf_rows`.
    n_threads : int, optional
        By default as many as there are processors.

    Returns
    -------
    list of (level, number, hash)
        ``hash`` covers the leaves from ``number * 2**level`` to ``(number + 1) * 2**level``, that
        one excluded.
    """
    rows = SPARSE_LEAF_ROWS if is_sparse(X) else _block_rows(X.shape[1])
    columns = range(0, 1 if is_sparse(X) else X.shape[1], BLOCK_SIZE)
    blocks = [(i, j) for i in range(0, len(X), rows) for j in columns]

    def hashes_from(k):
        return [
            _hash_block(X, vectors, slice(i, i + rows), slice(j, j + BLOCK_SIZE))
            for i, j in blocks[k : k + BLOCKS_AT_A_TIME]
        ]

    parts = on_threads(hashes_from, range(0, len(blocks), BLOCKS_AT_A_TIME), n_threads)
    hashes = [block for part in parts for block in part]
    size = leaf_rows(X) // rows * len(columns)  # blocks of a leaf
    leaves = [_hash(*hashes[k : k + size]) for k in range(0, len(hashes), size)]
    number = first // leaf_rows(X)
    return join((0, number + i, leaf) for i, leaf in enumerate(leaves))


def join(nodes):
    """Return nodes that follow one another, with all pairs among them joined."""
    joined = []
    for level, number, value in nodes:
        while joined and joined[-1][:2] == (level, number - 1) and number % 2:
            level, number, value = level + 1, number // 2, _hash(joined.pop()[2], value)
        joined.append((level, number, value))
    return joined


def top(nodes):
    """Return the hash over all leaves from the nodes above them, which follow one another."""
    *others, last = [value for _, _, value in join(nodes)]
    for value in reversed(others):
        last = _hash(value, last)
    return last


def _hash(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def _block_rows(d):
    """Return the number of rows of a block: a power of two, and BLOCK_SIZE values if it can be."""
    return 1 << max(0, (BLOCK_SIZE // d).bit_length() - 1)


def _hash_block(X, vectors, rows, columns):
    hasher = hashlib.sha256()
    parts = _parts_of_sparse(X, rows) if is_sparse(X) else [X[rows, columns]]
    for values in itertools.chain(parts, (vector[rows] for vector in vectors)):
        _update(hasher, values)
    return hasher.digest()


def _parts_of_sparse(X, rows):
    """Yield the lengths of rows, then the features and values of their entries."""
    indptr = X.indptr[rows.start : rows.stop + 1]
    yield np.diff(indptr)
    for i in range(indptr[0], indptr[-1], BLOCK_SIZE):
        entries = slice(i, min(i + BLOCK_SIZE, indptr[-1]))
        yield from (X.indices[entries], X.data[entries])


def _update(hasher, values):
    """Update a hash with values in the first form that holds them exactly."""
    if values.dtype.name == BFLOAT16:
        values = to_float64(values)
    with np.errstate(all="ignore"):  # a form may be too narrow
        form = next(form for form in FORMS if form == FORMS[-1] or _is_exact(values, form))
        same = np.add(values, 0, dtype=form, casting="unsafe", order="C")
    hasher.update(form.str.encode())
    hasher.update(same.astype(form, copy=False).reshape(-1).view(np.uint8))


def _is_exact(values, form):
    if np.can_cast(values.dtype, form):
        return True
    sample = values[:1].ravel()[:SAMPLE]
    return all((some.astype(form) == some).all() for some in (sample, values))
