"""Which rows make up each batch of stochastic gradient descent."""

import numpy as np

__all__ = ["ORDERS", "row_blocks"]

ORDERS = ("shuffle", "replacement", "once")
DRAWN = 1 << 16  # rows drawn at a time with replacement


def row_blocks(order, n, n_steps, batch_size, rng):
    """Yield the row numbers of all batches, some whole batches at a time.

    Memory does not grow with the number of steps, and fewer steps see the same rows first.

    Parameters
    ----------
    order : {"shuffle", "replacement", "once"}
        One permutation after another, each drawn when the rows of the one before are used up, cut
        into batches (a batch may hold the end of one and the start of the next); independent
        uniform draws; or a single permutation.
    n : int
        Rows to choose from.
    n_steps, batch_size : int
        How many batches, and of how many rows each; with "once" no more than n in all.
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of intp
    """
    left = n_steps * batch_size
    rest = np.empty(0, np.intp)
    while left > 0:
        if order == "replacement":
            drawn = max(1, DRAWN // batch_size) * batch_size
            rows = rng.integers(0, n, min(left, drawn), dtype=np.intp)
        else:
            rows = np.concatenate([rest, rng.permutation(n).astype(np.intp, copy=False)])
        size = min(left, len(rows) - len(rows) % batch_size)
        rest = rows[size:]
        left -= size
        yield rows[:size]
