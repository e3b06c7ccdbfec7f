"""Separation decided by a simplex method on integers: slow, short and exact."""

from fractions import Fraction
from math import lcm

import numpy as np


def margin_rows(X, y, fit_intercept, n_classes=None):
    """Return the rows whose products with the weights are the margins, and the row of X of each.

    They are integers: each row times a positive number. With `n_classes`, labels are class numbers.
    """
    rows, numbers = [], []
    for i, (x, label) in enumerate(zip(X, y, strict=True)):
        x = _integers([*x, 1.0] if fit_intercept else x)
        zero = [0] * len(x)
        for other in range(n_classes or 1):
            if n_classes is None:
                rows.append(x if label == 1 else [-a for a in x])
            elif other != int(label):
                blocks = {int(label): x, other: [-a for a in x]}
                rows.append([a for c in range(n_classes) for a in blocks.get(c, zero)])
            else:
                continue
            numbers.append(i)
    return np.array(rows, dtype=object), np.array(numbers)


def _integers(x):
    exact = [Fraction(float(a)) for a in x]
    unit = lcm(*(a.denominator for a in exact))
    return [int(a * unit) for a in exact]


def tied_margins(rows):
    """Return which margins no direction makes positive without making another one negative.

    A direction is looked for that makes no margin of some rows negative and the sum of them
    positive. The rows where it is positive are left out, until there is none. The sum of these
    directions, each much longer than the next, is zero on the rows that are left alone.
    """
    tied = np.ones(len(rows), dtype=bool)
    while tied.any():
        u = _direction(rows[tied])
        if u is None:
            break
        margins = rows[tied] @ u
        assert (margins >= 0).all() and (margins > 0).any()
        tied[np.flatnonzero(tied)[margins > 0]] = False
    return tied


def _direction(A):
    """Return u with ``A u >= 0`` and ``sum(A u) > 0``, of integers, or None.

    The simplex method maximises ``sum(A u)`` where ``-A u + s = 0`` and ``sum(A u) + t = 1``
    with Bland's rule. The tableau holds integers, minors of the first one, over `unit`.
    """
    m, q = A.shape
    total = A.sum(axis=0)
    above = np.vstack([-A, total])
    table = np.zeros((m + 2, 2 * q + m + 2), dtype=object)
    table[: m + 1, :q], table[: m + 1, q : 2 * q] = above, -above
    table[: m + 1, 2 * q : -1] = np.array(
        [[int(i == j) for j in range(m + 1)] for i in range(m + 1)], dtype=object
    )
    table[m, -1] = 1
    table[m + 1, :q], table[m + 1, q : 2 * q] = -total, total  # the reduced costs
    basis = list(range(2 * q, 2 * q + m + 1))
    unit = 1
    while True:
        entering = next((j for j in range(2 * q + m + 1) if table[-1, j] < 0), None)
        if entering is None:
            break
        column = table[:-1, entering]
        rows = [i for i in range(m + 1) if column[i] > 0]
        leaving = min(rows, key=lambda i: (Fraction(table[i, -1], column[i]), basis[i]))
        pivot, row = table[leaving, entering], table[leaving].copy()
        table = (pivot * table - np.outer(table[:, entering], row)) // unit
        table[leaving], unit = row, pivot
        basis[leaving] = entering
    if table[-1, -1] == 0:
        return None
    solution = np.zeros(2 * q, dtype=object)
    for i, j in enumerate(basis):
        if j < 2 * q:
            solution[j] = table[i, -1]
    return solution[:q] - solution[q:]
