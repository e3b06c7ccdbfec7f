"""Numba: one fused loop, in which a row is read once; parallel over chunks of rows, fastmath."""

import numpy as np
from numba import get_num_threads, njit, prange

PARALLEL_SIZE = 10_000  # elements of X from which a second thread pays
LINE = 16  # elements that keep what two threads write apart


def run(X, y, stepsize, n_steps):
    """Take `n_steps` steps; see the package of peers."""
    y = y.astype(X.dtype)
    share = X.dtype.type(stepsize / len(X))
    if X.size < PARALLEL_SIZE:
        return _serial(X, y, share, n_steps)
    return _parallel(X, y, share, n_steps, get_num_threads())


@njit(fastmath=True, error_model="numpy", cache=True)
def _loss(z):
    one = type(z)(1.0)
    e = np.exp(-abs(z))
    loss = np.log1p(e) - min(z, type(z)(0.0))
    return loss, (e if z > 0.0 else one) / (one + e)


@njit(fastmath=True, error_model="numpy", cache=True)
def _rows(X, y, w, gradient, first, last):
    """Add rows to the gradient, four at a time while they are hot; return the sum of losses."""
    d = X.shape[1]
    zero = X.dtype.type(0.0)
    total = 0.0  # a float64, as a float32 loses a million losses in a row
    gradient[:] = zero
    i = first
    while i + 4 <= last:
        x0, x1, x2, x3 = X[i], X[i + 1], X[i + 2], X[i + 3]
        z0 = z1 = z2 = z3 = zero
        for j in range(d):
            z0 += x0[j] * w[j]
            z1 += x1[j] * w[j]
            z2 += x2[j] * w[j]
            z3 += x3[j] * w[j]
        loss0, s0 = _loss(z0 * y[i])
        loss1, s1 = _loss(z1 * y[i + 1])
        loss2, s2 = _loss(z2 * y[i + 2])
        loss3, s3 = _loss(z3 * y[i + 3])
        total += loss0 + loss1 + loss2 + loss3
        s0 *= y[i]
        s1 *= y[i + 1]
        s2 *= y[i + 2]
        s3 *= y[i + 3]
        for j in range(d):
            gradient[j] += s0 * x0[j] + s1 * x1[j] + s2 * x2[j] + s3 * x3[j]
        i += 4
    while i < last:
        x = X[i]
        z = zero
        for j in range(d):
            z += x[j] * w[j]
        loss, s = _loss(z * y[i])
        total += loss
        s *= y[i]
        for j in range(d):
            gradient[j] += s * x[j]
        i += 1
    return total


@njit(fastmath=True, error_model="numpy", cache=True)
def _serial(X, y, share, n_steps):
    n, d = X.shape
    w = np.zeros(d, X.dtype)
    gradient = np.empty(d, X.dtype)
    losses = np.empty(n_steps)
    for t in range(n_steps):
        losses[t] = _rows(X, y, w, gradient, 0, n) / n
        for j in range(d):
            w[j] += share * gradient[j]
    return losses, w


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def _parallel(X, y, share, n_steps, n_chunks):
    n, d = X.shape
    w = np.zeros(d, X.dtype)
    gradients = np.empty((n_chunks, d + 2 * LINE - d % LINE), X.dtype)
    totals = np.empty((n_chunks, LINE))
    losses = np.empty(n_steps)
    for t in range(n_steps):
        for c in prange(n_chunks):
            first, last = n * c // n_chunks, n * (c + 1) // n_chunks
            totals[c, 0] = _rows(X, y, w, gradients[c, :d], first, last)
        losses[t] = totals[:, 0].sum() / n
        for c in range(n_chunks):
            for j in range(d):
                w[j] += share * gradients[c, j]
    return losses, w


@njit(parallel=True, fastmath=True, error_model="numpy", cache=True)
def parallel_sum(flat):
    """Return the sum of a 1-d array, which costs little more than reading it."""
    total = flat.dtype.type(0.0)
    for i in prange(len(flat)):
        total += flat[i]
    return total
