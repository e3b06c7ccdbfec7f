"""The margin of small data by another method: the nearest point of a polytope, by an active set."""

import numpy as np


def exact_margin(Z):
    """Return a direction and a mean of the rows of Z that prove its margin, or None where it is 0.

    Lawson's and Hanson's algorithm for ``min |[Z' ; 1'] a - [0 ; 1]|`` over a >= 0: a over its sum
    weighs the rows to the point of their convex hull that is nearest to zero, and that is the
    direction of the largest margin, times the margin.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Rows ``y_i x_i``.

    Returns
    -------
    direction : ndarray of shape (d,), or None
        Of norm 1.
    lower, upper : float
        Its least margin; the length of the mean.
    """
    size = np.linalg.norm(Z, axis=1).max()
    A = np.vstack([Z.T / size, np.ones(len(Z))])
    b = np.append(np.zeros(Z.shape[1]), 1.0)
    a, used = np.zeros(len(Z)), np.zeros(len(Z), dtype=bool)
    for _ in range(20 * len(Z)):
        slope = np.where(used, -np.inf, A.T @ (b - A @ a))
        if slope.max() <= 1e-13:
            break
        used[slope.argmax()] = True
        while True:
            found = np.zeros(len(Z))
            found[used] = np.linalg.lstsq(A[:, used], b, rcond=None)[0]
            if found[used].min() > 0.0:
                break
            low = used & (found <= 0.0)
            a += (a[low] / (a[low] - found[low])).min() * (found - a)
            used &= a > 1e-15
        a = found
    mean = Z.T @ (a / a.sum())
    upper = float(np.linalg.norm(mean))
    if upper <= 1e-9 * size:
        return None, 0.0, upper
    direction = mean / upper
    return direction, float((Z @ direction).min()), upper
