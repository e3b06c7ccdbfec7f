"""NumPy: two BLAS products a step; many rows by blocks, so that vectors stay in the cache."""

import numpy as np

BLOCK = 1 << 15  # rows


def run(X, y, stepsize, n_steps):
    """Take `n_steps` steps; see the package of peers."""
    n, d = X.shape
    y = y.astype(X.dtype)
    blocks = [(X[i : i + BLOCK], y[i : i + BLOCK]) for i in range(0, n, BLOCK)]
    w, gradient = np.zeros((2, d), X.dtype)
    buffers = np.empty((3, min(n, BLOCK)), X.dtype)
    losses = np.zeros(n_steps)
    for t in range(n_steps):
        gradient[:] = 0.0
        for block, labels in blocks:
            z, s, least = buffers[:, : len(block)]
            np.dot(block, w, out=z)
            z *= labels
            np.abs(z, out=s)
            np.negative(s, out=s)
            np.exp(s, out=s)
            np.log1p(s, out=s)
            s -= np.minimum(z, 0.0, out=least)  # log(1 + exp(-z))
            losses[t] += s.sum() / n
            s += z
            np.negative(s, out=s)
            np.exp(s, out=s)  # 1 / (1 + exp(z)): faster than a division with a mask
            s *= labels
            gradient += np.dot(s, block)
        gradient *= stepsize / n
        w += gradient
    return losses, w
