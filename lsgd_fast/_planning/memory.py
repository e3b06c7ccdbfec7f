"""The memory of a descent in bytes, from the shape of its data alone."""

from dataclasses import dataclass

import numpy as np

from lsgd_fast._checks import check_gram
from lsgd_fast._engine.batch import vectors_of_batch
from lsgd_fast._engine.dataset import (
    memory_of_columns,
    memory_of_packing,
    memory_of_pass,
    memory_of_sparse_pass,
)
from lsgd_fast._engine.gram import memory_of_gram
from lsgd_fast._inputs.dense import memory_of_check
from lsgd_fast._inputs.labels import memory_of_class_numbers
from lsgd_fast._inputs.requests import check_record
from lsgd_fast._inputs.sparse import memory_of_sparse_check

__all__ = ["Memory", "dense_memory", "in_gram_space", "sparse_memory"]

# A row of the trace while the result is made: three copies (from the loop, with the last row added,
# as columns) and `step` once more as integers.
TRACE_ROW_BYTES = 8 * (3 * len(check_record(None)) + 1)

# Vectors besides those of the run and its pass: three copies of the first weights, one of several
# columns, and two of the result.
OTHER_VECTORS = 3 + 2
OTHER_VECTORS_OF_SEVERAL = 1 + 2


def in_gram_space(n, d, n_classes=None):
    """Return whether a descent on dense X of shape (n, d) runs in Gram space by default."""
    return check_gram("auto", n, d, unless=None if n_classes is None else "softmax")


def vectors(gram, n_classes=None):
    """Return how many vectors a descent and its result take, in Gram space, outside, or softmax."""
    if n_classes is not None:
        return vectors_of_batch(False, True) + OTHER_VECTORS_OF_SEVERAL
    return vectors_of_batch(gram) + OTHER_VECTORS


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of a descent, at most, besides X itself.

    Attributes
    ----------
    labels : int
        Labels, a byte each; eight of more than 128 classes.
    packed : int
        The copy of X in panels, or the Gram matrix; 0 where X is read in place. For sparse X the
        copy sorted by columns, and the entries that were converted or sorted.
    workspace : int
        The sums of each chunk of a pass, and for each thread those that wait for others, and a
        tile of decoded rows.
    weights : int
        The vectors of the run and of its result.
    trace_row : int
        A row of the trace while the result is made.
    set_up : int
        The most that validating X, packing it or making the Gram matrix takes before the descent.
    """

    labels: int
    packed: int
    workspace: int
    weights: int
    trace_row: int
    set_up: int

    def peak(self, n_rows: int) -> int:
        """Return the most that is in use at a time, with `n_rows` rows of the trace."""
        descent = self.packed + self.workspace + self.weights + self.trace_row * n_rows
        return self.labels + max(self.set_up, descent)


def dense_memory(n, d, dtype, n_threads, plain=True, n_classes=None):
    """Return what `gradient_descent` allocates for X of shape (n, d).

    Parameters
    ----------
    n, d : int
    dtype : numpy.dtype
    n_threads : int
        As chosen for the run.
    plain : bool, default True
        Whether X is in C order and aligned.
    n_classes : int, optional
        The number of classes with softmax.

    Returns
    -------
    Memory
    """
    labels, validation = memory_of_check(n, d, plain and dtype == np.float64, n_threads)
    if in_gram_space(n, d, n_classes):
        matrix, making, rebuilding = memory_of_gram(n, d, n_threads)
        return Memory(
            labels=labels,
            packed=matrix,
            workspace=memory_of_pass(n, n, 1, n_threads, True),
            weights=8 * vectors(True) * (n + 1) + 8 * 3 * d + rebuilding,
            trace_row=TRACE_ROW_BYTES,
            set_up=max(validation, matrix + making),
        )
    packed, packing = memory_of_packing(n, d, dtype, plain)
    columns, several = _columns(n_classes)
    if several:
        labels, of_labels = memory_of_class_numbers(n, n_classes)
        validation = max(validation, of_labels)
    return Memory(
        labels=labels,
        packed=packed,
        workspace=memory_of_pass(n, d, columns, n_threads, packed > 0, several),
        weights=8 * vectors(False, n_classes) * columns * (d + 1),
        trace_row=TRACE_ROW_BYTES,
        set_up=max(validation, packed + packing),
    )


def sparse_memory(X, n_threads, n_classes=None):
    """Return what `gradient_descent` allocates for sparse X.

    Parameters
    ----------
    X : SparseRows
    n_threads : int
        As chosen for the run.
    n_classes : int, optional
        The number of classes with softmax.

    Returns
    -------
    Memory
    """
    n, d = X.shape
    copy, making = memory_of_columns(n, d, X.size, X.dtype)
    labels, validation = n, memory_of_sparse_check(X, n_threads)
    columns, several = _columns(n_classes)
    if several:
        labels, of_labels = memory_of_class_numbers(n, n_classes)
        validation = max(validation, of_labels)
    return Memory(
        labels=labels,
        packed=copy + X.copied,
        workspace=memory_of_sparse_pass(X, columns, n_threads, several),
        weights=8 * vectors(False, n_classes) * columns * (d + 1),
        trace_row=TRACE_ROW_BYTES,
        set_up=max(validation, copy + X.copied + making),
    )


def _columns(n_classes):
    """Return the number of columns of weights, and whether they are those of softmax."""
    return (1, False) if n_classes is None else (n_classes, True)
