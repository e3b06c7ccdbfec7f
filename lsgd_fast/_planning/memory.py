"""How many bytes a descent takes, from the shape of its data alone."""

from dataclasses import dataclass

import numpy as np

from lsgd_fast._checks import check_gram
from lsgd_fast._engine.dataset import (
    memory_of_columns,
    memory_of_packing,
    memory_of_pass,
    memory_of_sparse_pass,
)
from lsgd_fast._engine.gram import memory_of_gram
from lsgd_fast._inputs.dense import memory_of_check
from lsgd_fast._inputs.requests import check_record
from lsgd_fast._inputs.sparse import memory_of_sparse_check

__all__ = ["Memory", "dense_memory", "sparse_memory"]

# A row of the trace while the result is made: as the loop wrote it, with the last row added, and as
# columns, of which `step` once more as integers.
TRACE_ROW_BYTES = 8 * (3 * len(check_record(None)) + 1)

# Vectors of a run: seven that make up its state (weights, gradient, those that separated, the best
# ones, and three of the monitor), two that the pass reads and writes, the first weights three
# times, two of the result. In Gram space five more, and the products and row_gradients.
VECTORS = 14
GRAM_VECTORS = VECTORS + 5 + 2


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of a descent, at most, besides X itself.

    Attributes
    ----------
    labels : int
        Labels and sample weights, as float64.
    packed : int
        The copy of X in panels, or the Gram matrix; 0 where X is read in place. Of sparse X the
        copy in the order of columns, and what was converted or put in order.
    workspace : int
        Sums of the parts of a pass, and a tile of decoded rows for each thread.
    weights : int
        The vectors of the run and of its result.
    trace_row : int
        Each row of the trace, at the moment that the result is made.
    set_up : int
        What validating X, packing it, or making the Gram matrix takes before the descent and gives
        back; at most.
    """

    labels: int
    packed: int
    workspace: int
    weights: int
    trace_row: int
    set_up: int

    def peak(self, n_rows):
        """Return the most that is in use at a time, with `n_rows` rows of the trace."""
        descent = self.packed + self.workspace + self.weights + self.trace_row * n_rows
        return self.labels + max(self.set_up, descent)


def dense_memory(n, d, dtype, n_threads, plain=True):
    """Return what `gradient_descent` allocates for X of shape (n, d).

    Parameters
    ----------
    n, d : int
    dtype : numpy.dtype
    n_threads : int
        As chosen for the run.
    plain : bool, default True
        Whether X is in C order and aligned.

    Returns
    -------
    Memory
    """
    labels, validation = memory_of_check(n, d, plain and dtype == np.float64)
    if check_gram("auto", n, d):
        matrix, making, rebuilding = memory_of_gram(n, d, n_threads)
        return Memory(
            labels=labels,
            packed=matrix,
            workspace=memory_of_pass(n, n, 1, n_threads, True),
            weights=8 * GRAM_VECTORS * (n + 1) + 8 * 3 * d + rebuilding,
            trace_row=TRACE_ROW_BYTES,
            set_up=max(validation, matrix + making),
        )
    packed, packing = memory_of_packing(n, d, dtype, plain)
    return Memory(
        labels=labels,
        packed=packed,
        workspace=memory_of_pass(n, d, 1, n_threads, packed > 0),
        weights=8 * VECTORS * (d + 1),
        trace_row=TRACE_ROW_BYTES,
        set_up=max(validation, packed + packing),
    )


def sparse_memory(X):
    """Return what `gradient_descent` allocates for sparse X.

    Parameters
    ----------
    X : SparseRows

    Returns
    -------
    Memory
    """
    n, d = X.shape
    columns, making = memory_of_columns(n, d, X.size, X.dtype)
    return Memory(
        labels=16 * n,
        packed=columns + X.copied,
        workspace=memory_of_sparse_pass(n, X.size, 1),
        weights=8 * VECTORS * (d + 1),
        trace_row=TRACE_ROW_BYTES,
        set_up=max(memory_of_sparse_check(X), columns + X.copied + making),
    )
