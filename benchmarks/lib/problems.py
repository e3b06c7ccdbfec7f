"""What is timed: the shapes, and for each the data and a stepsize."""

import math

import numpy as np

import lsgd_fast as lsgd

__all__ = ["LARGE", "SHAPES", "TOY", "WIDE", "problem"]

TOY = (4, 2)  # the toy set of the paper
LARGE = [(100_000, 384), (1_000_000, 20), (2000, 20_000)]  # X is read from memory
WIDE = {(38, 5000): 2000, (2000, 20_000): 500}  # d far above n; steps of a whole run
SHAPES = [
    TOY,
    (100, 2),
    (569, 30),
    (2000, 20),
    (20_000, 100),
    (1000, 784),
    (1187, 384),
    (100_000, 384),
    (1_000_000, 20),
    (38, 5000),
    (2000, 20_000),
]


def problem(n, d, dtype):
    """Return X, y and a stepsize.

    Gaussian X and the labels of a planted direction, a tenth of them flipped. The stepsize is about
    1 over the smoothness, so that rounding errors do not grow and float32 can be compared.
    """
    stepsize = 4.0 / (1.0 + math.sqrt(d / n)) ** 2
    if (n, d) == TOY:
        X, y = lsgd.datasets.toy()
        return X.astype(dtype), y, stepsize
    rng = np.random.default_rng(n + d)
    X = rng.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)
    y = np.sign(X @ rng.standard_normal(d) + 1e-9)
    return X, np.where(rng.random(n) < 0.1, -y, y), stepsize
