"""Small problems whose verdicts are known."""

import numpy as np

from lsgd_fast import datasets

X, Y = datasets.toy()
PAIR = {"X": [[1.0], [1.0]], "y": [1, 0]}  # minimiser 0, critical stepsize 8
THREE_TO_ONE = {"X": [[1.0]] * 4, "y": [1, 1, 1, 0]}  # ln 3, 32/3


def inseparable(seed):
    """Return data whose rows, signed and in part, sum to exactly zero: integers do."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.choice([2, 4, 8, 20, 60])), int(rng.choice([1, 2, 3, 5, 10]))
    Z = rng.integers(-(2**12), 2**12, (n, d)).astype(float)
    if seed % 3 == 1:
        Z[:, 0] = np.abs(Z[:, 0]) + 1.0  # all but a few rows are separable
    if seed % 3 == 2:
        Z *= 2.0 ** -rng.integers(0, 9, d)
    k = int(rng.integers(1, n // 2 + 1))
    Z = np.vstack([Z, -Z[:k].sum(axis=0)])
    assert not np.vstack([Z[:k], Z[-1:]]).sum(axis=0).any()
    y = rng.choice([-1.0, 1.0], n + 1)
    y[1] = -y[0]
    return 2.0 ** int(rng.integers(-15, 5)) * Z * y[:, None], y
