"""Proofs about separation, from guesses: directions, and row weights that cancel.

A guess says which margins no direction makes positive without making another one negative: the
*tied* margins. A direction that is zero on these, exactly, and positive on the others proves half
of that; positive weights of the tied rows whose weighted sum is zero prove the other half, because
the weighted sum of the margins of any direction is then zero. Here a guess becomes a proof, or is
rejected; `lsgd_fast.separation` explains what is claimed.
"""

from dataclasses import dataclass

import numpy as np

from lsgd_fast._constants import EPSILON
from lsgd_fast._methods.exact import independent, null_vectors, to_integers, without_factor

__all__ = [
    "MAX_VALUES",
    "Cancelling",
    "find_cancelling_weights",
    "find_direction",
    "independent_columns",
]

# Rows of A that a proof holds as dense float64 at a time: 512 MiB.
MAX_VALUES = 1 << 26

# Exact systems have at most this rank, which takes half a second, and this many integers.
MAX_EXACT_RANK = 64
MAX_EXACT_VALUES = 1 << 21

# Columns are taken for dependent on others if what is left of them is smaller by this factor. A
# wrong guess costs a proof, but makes none false.
DEPENDENT = 1e-9

# Coefficients of dependent columns are looked for among the multiples of 1 / DENOMINATOR, the least
# common multiple of 1 to 16.
DENOMINATOR = 720720
CLOSE = 1e-4  # of a multiple, to count as one

# A direction is rounded to integers of so many bits: the first number that leaves it its signs.
BITS = (0, 3, 6, 16, 53)

# The weights of rows are rounded to so many significant bits.
WEIGHT_BITS = (8, 53)

# Weights are corrected so many times, each time with another triangular factor.
MAX_CORRECTIONS = 3

TINY = 1e-140  # far above what products that underflow may add to a sum, or to the root of one


@dataclass(frozen=True, eq=False)
class Cancelling:
    """Positive weights of rows whose weighted sum is nearly zero.

    Attributes
    ----------
    weights : ndarray of shape (k,)
        The largest is 1.
    change : float
        Below 1: weights that differ from these by at most this fraction cancel exactly.
    """

    weights: np.ndarray
    change: float


def find_direction(rows, tied, guess):
    """Return a direction that is zero on the tied margins and positive on the others, exactly.

    Parameters
    ----------
    rows : MarginRows
    tied : ndarray of bool, of shape (m,)
    guess : ndarray of shape (q,)
        A direction that is about right.

    Returns
    -------
    ndarray of shape (q,), of dtype object; or None
        Python integers without a common factor.
    """
    if not guess.any():
        return None
    wanted = [_rounded(guess, bits) for bits in BITS]
    for candidate in _directions(rows.take(tied), wanted) if tied.any() else wanted:
        if candidate.any() and rows.signs(candidate, tied):
            return without_factor(candidate)
    return None


def _rounded(guess, bits):
    """Return numbers over the largest of them, rounded to integers of so many bits."""
    whole = np.rint(np.ldexp(guess / np.abs(guess).max(), bits))
    return np.array([int(x) for x in whole], dtype=object)


def _directions(A, wanted):
    """Yield directions that are zero on all rows of A, near to those that are wanted.

    Some entries are free and those that are wanted, up to a factor; the rows determine the others.
    """
    columns = independent_columns(A)
    for u in wanted:
        found = _simple_direction(A, columns, u)
        if found is not None:
            yield found
    if A.size <= MAX_EXACT_VALUES:
        rows, columns = independent(A, MAX_EXACT_RANK)
        if rows:
            free = np.delete(np.column_stack(wanted), columns, axis=0)
            yield from null_vectors(A[rows], columns, free).T


def _simple_direction(A, columns, u):
    """Return a direction whose entries are multiples of 1 / DENOMINATOR, or None."""
    free = np.delete(np.arange(len(u)), columns)
    right = -A[:, free] @ u[free].astype(np.float64)
    solution = np.zeros(len(columns))
    if right.any():
        solution = DENOMINATOR * np.linalg.lstsq(A[:, columns], right)[0]
    whole = np.rint(solution)
    if not (np.abs(solution - whole) < CLOSE).all():
        return None
    found = DENOMINATOR * u
    found[columns] = [int(x) for x in whole]
    return without_factor(found)


def independent_columns(A):
    """Return the numbers of as many columns of A as its rank, which are independent numerically."""
    columns = np.flatnonzero(A.any(axis=0))
    left = A[:, columns] / np.linalg.norm(A[:, columns], axis=0)
    if left.shape[0] > left.shape[1]:
        left = np.linalg.qr(left, mode="r")
    found = []
    while len(found) < min(left.shape):
        sizes = np.square(left).sum(axis=0)
        column = int(sizes.argmax())
        if not sizes[column] > DEPENDENT**2:
            break
        found.append(column)
        unit = left[:, column] / np.sqrt(sizes[column])
        left -= np.outer(unit, unit @ left)
        left[:, column] = 0.0
    return columns[sorted(found)]


def find_cancelling_weights(A, guess):
    """Return positive weights of rows whose weighted sum is zero, exactly, or None.

    Parameters
    ----------
    A : ndarray of shape (k, q)
    guess : ndarray of shape (k,)
        Positive weights that are about right.

    Returns
    -------
    Cancelling or None
    """
    guess = guess / guess.max()
    if not guess.min() > 1e-100:
        return None
    columns = np.flatnonzero(A.any(axis=0))
    if len(columns) == 0:
        return Cancelling(guess, 0.0)
    found = _corrected(A[:, columns], guess)
    if found is None:
        columns = independent_columns(A)
        found = _corrected(A[:, columns], guess)
        if found is not None and not _are_dependent(A, columns):
            found = None
    return _exact_weights(A, guess) if found is None else found


def _are_dependent(A, columns):
    """Return whether the other columns of A are combinations of these, exactly."""
    others = np.ones(A.shape[1], dtype=bool)
    others[columns] = False
    others &= A.any(axis=0)
    if A.shape[0] * others.sum() > MAX_EXACT_VALUES:
        return False
    others = np.flatnonzero(others)
    if len(others) == 0:
        return True
    coefficients = DENOMINATOR * np.linalg.lstsq(A[:, columns], A[:, others])[0]
    whole = np.rint(coefficients)
    if not (np.abs(coefficients - whole) < CLOSE).all():
        return False
    for other, combination in zip(others, whole.T, strict=True):
        support = np.flatnonzero(combination)
        integers = to_integers(A[:, [other, *columns[support]]])
        factors = [-DENOMINATOR, *(int(x) for x in combination[support])]
        if (integers @ np.array(factors, dtype=object)).any():
            return False
    return True


def _corrected(A, v):
    """Return weights near v that cancel, with a proof in float64; None without one.

    A is to have independent columns. With V = diag(v) and T near the inverse of the triangular
    factor of ``sqrt(V) A``, the columns of B = A T are nearly orthonormal in the inner product of
    V. The changed weights ``v * (1 + B h)`` cancel exactly if ``A^T V B h = -A^T v``, or,
    multiplied by T, ``K h = -T^T A^T v`` with ``K = T^T A^T V B``. Where K differs from the
    identity by less than 1 in the norm of row sums, it is regular, h exists, and no entry of it is
    above the largest of ``T^T A^T v`` over 1 less that difference. All of this is bounded with the
    rounding of every product: a sum of n of them is wrong by less than ``n * 2^-52`` times the sum
    of their sizes, in whatever order it is taken (Higham, Accuracy and Stability, eq. 3.5).
    """
    if not 0 < A.shape[1] < A.shape[0]:
        return None
    for _ in range(MAX_CORRECTIONS):
        found = _orthonormalizing(A, v)
        if found is None:
            return None
        (T, B), before = found, v
        for _ in range(2):  # the second one leaves the rounding of the sum
            step = A @ (T @ (T.T @ (v @ A)))
            if not np.abs(step).max() < 0.9:
                return None
            v = v * (1.0 - step)
        v /= v.max()
        change = _largest_change(A, v, T, B)
        if change < 1.0:
            return Cancelling(v, change)
        if np.abs(v - before).max() < 1e-12:
            break
    return None


def _orthonormalizing(A, v):
    """Return T such that the columns of A T are nearly orthonormal, in the inner product of v.

    By Cholesky factors of the Gram matrix, again for A T if that is not near the identity (shifted
    Cholesky QR; Fukaya and others, SIAM J. Sci. Comput. 42, 2020). Also returns
    A T. None if A is too near to dependent columns.
    """
    k, r = A.shape
    T, B = np.eye(r), A
    for _ in range(5):
        gram = _gram(B, v)
        if np.abs(np.eye(r) - gram).sum(axis=1).max() < 0.1:
            return T, B
        for shift in (0.0, 4.0 * EPSILON * (k + r) * np.trace(gram)):
            try:
                factor = np.linalg.cholesky(gram + shift * np.eye(r))
                break
            except np.linalg.LinAlgError:
                continue
        else:
            return None
        T = T @ np.linalg.inv(factor).T
        B = A @ T
    return None


def _gram(B, v):
    """Return ``B^T diag(v) B``."""
    rooted = np.sqrt(v)[:, None] * B
    return rooted.T @ rooted


def _largest_change(A, v, T, B):
    """Return a bound of the relative change after which v cancels exactly, or infinity.

    B is A T as computed.
    """
    k, r = A.shape
    n_roundings = k + r + 16
    residual = v @ A
    # norms of the columns in the inner product of V, rounded up
    a, b = (np.sqrt(v @ np.square(M)) * (1.0 + 1e-6) + TINY for M in (A, B))
    lost = EPSILON * n_roundings * (np.outer(b, b) + np.outer(np.abs(T).T @ a, b)) + k * TINY
    deficiency = (np.abs(np.eye(r) - _gram(B, v)) + lost).sum(axis=1).max() * (1.0 + 1e-6)
    rounding = EPSILON * n_roundings * (np.abs(residual) + v @ np.abs(A)) + k * TINY
    right = (np.abs(T.T @ residual) + np.abs(T).T @ rounding).max() * (1.0 + 1e-6)
    if not deficiency < 0.5:
        return np.inf
    # h multiplies the numbers of B, however they were rounded
    change = np.abs(B).sum(axis=1).max() * right / (1.0 - deficiency) * (1.0 + 1e-6)
    return float(change) if change < np.inf else np.inf  # also for NaN


def _exact_weights(A, guess):
    """Return weights that solve a regular system in exact arithmetic, or None."""
    if A.size > MAX_EXACT_VALUES:
        return None
    order = np.argsort(-guess, kind="stable")
    columns, rows = independent(A[order].T, MAX_EXACT_RANK)
    if columns is None or len(rows) == len(A):
        return None
    transposed = np.ascontiguousarray(A[order].T)
    integers = to_integers(transposed)
    free = [np.delete(_to_bits(guess[order], bits), rows) for bits in WEIGHT_BITS]
    for v in null_vectors(transposed[columns], rows, np.column_stack(free)).T:
        if (v > 0).all() and not (integers @ v).any():
            weights, largest = np.empty(len(v)), max(v)
            weights[order] = [number / largest for number in v]
            if weights.min() > 0.0:
                return Cancelling(weights, EPSILON)
    return None


def _to_bits(values, bits):
    """Return positive numbers, rounded to so many bits each, as integers of a common unit."""
    mantissa, exponent = np.frexp(values)
    whole = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - exponent.min())
    return np.array([int(x) for x in whole], dtype=object)
