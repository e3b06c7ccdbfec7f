"""The toy set with rows of at most unit norm."""

import math

from lsgd_fast import datasets


def toy():
    """Return the toy set with rows of norm at most 1, and its margin (the paper's gamma)."""
    X, y = datasets.toy()
    return X / math.sqrt(4.04), y, 0.2 / math.sqrt(4.04)
