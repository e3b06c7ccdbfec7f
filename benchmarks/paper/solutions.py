"""Where runs should end: the minimiser of an objective that has one."""

import numpy as np

__all__ = ["minimiser", "objective"]


def objective(X, y, w, l2=0.0):
    """Return the mean logistic loss with its penalty."""
    return float(np.logaddexp(0.0, -y * (X @ w)).mean() + 0.5 * l2 * (w @ w))


def minimiser(X, y, l2=0.0, max_steps=200):
    """Return the minimiser of least norm by Newton's method, or None if none is found.

    Data that are separable have none without a penalty. Steps are halved until they help; at the
    end they are as small as rounding lets them be.
    """
    _, sizes, axes = np.linalg.svd(X, full_matrices=False)
    axes = axes[sizes > 1e-10 * sizes[0]]  # elsewhere no row says anything
    A, w = X @ axes.T, np.zeros(len(axes))
    value = objective(A, y, w, l2)
    for _ in range(max_steps):
        z = y * (A @ w)
        p = 1.0 / (1.0 + np.exp(np.minimum(z, 700.0)))
        gradient = -(A.T @ (y * p)) / len(y) + l2 * w
        curvature = (A.T * (p * (1.0 - p))) @ A / len(y) + l2 * np.eye(len(w))
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        share = 1.0
        while share > 1e-12 and objective(A, y, w - share * step, l2) > value:
            share /= 2.0
        w, before = w - share * step, value
        value = objective(A, y, w, l2)
        if np.linalg.norm(step) <= 1e-9 * max(1.0, np.linalg.norm(w)) or value < 1e-12:
            break
        if share <= 1e-12 and before <= value:
            break
    return None if value < 1e-9 else axes.T @ w
