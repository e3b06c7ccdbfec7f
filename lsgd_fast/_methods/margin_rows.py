"""The rows whose products with the weights are the margins, and the signs of these, proved."""

import numpy as np

from lsgd_fast._constants import EPSILON, SMALLEST_FLOAT
from lsgd_fast._inputs.dense import BLOCK_SIZE
from lsgd_fast._inputs.sparse import SparseRows, is_sparse
from lsgd_fast._methods.exact import to_integers, to_nearest

__all__ = ["MarginRows"]

SMALLEST_EXPONENT = -1074  # of a bit of a float64

# Products in exact arithmetic take some 0.2 microseconds for each term.
MAX_EXACT_TERMS = 1 << 23
EXACT_TERMS_AT_A_TIME = 1 << 17


class MarginRows:
    """The matrix A whose product with the weights holds the margins of the rows of positive weight.

    With two classes its rows are ``y_i * (x_i, 1)``. With K classes row i has K - 1 margins, its
    own score less each of the others, and the weights of the last class are zero, which changes no
    margin. Columns are scaled by powers of two so that their largest entries are near 1.

    Attributes
    ----------
    row : ndarray of int, of shape (m,)
        The row of X that each margin belongs to.
    own, other : ndarray of int, of shape (m,)
        The columns of the two scores that a margin is the difference of.
    shape : tuple of int
        That of A: m margins, q weights.
    weight : ndarray of shape (m,)
        The sample weights.
    offset : ndarray of shape (m,), or 0.0
        What the offsets of the problem add to the margins.
    """

    def __init__(self, problem):
        self.problem = problem
        used = np.flatnonzero(problem.weight > 0.0)
        self.n_classes = problem.model.columns if problem.is_multi else 2
        labels = problem.y[used]
        numbers = labels.astype(np.intp) if problem.is_multi else (labels < 0.0).astype(np.intp)
        is_other = np.arange(self.n_classes) != numbers[:, None]
        which, self.other = np.nonzero(is_other)
        self.row, self.own = used[which], numbers[which]
        self.weight, self.offset = problem.weight[self.row], 0.0
        if problem.offset is not None:
            self.offset = problem.y[self.row] * problem.offset[self.row]
        self.height = problem.d + problem.fit_intercept
        self.shape = (len(self.row), self.height * (self.n_classes - 1))
        self.exponent = self._exponents(used)

    def _exponents(self, used):
        """Return for each column the exponent of its largest entry, or more to keep all digits."""
        problem, d = self.problem, self.problem.d
        largest, smallest = np.full(self.height, 0.5), np.full(self.height, np.inf)
        largest[:d] = 0.0
        if is_sparse(problem.X) and problem.scale is None:
            for _, columns, values in problem.X[used].blocks():
                np.maximum.at(largest, columns, np.abs(values))
                np.minimum.at(smallest, columns, np.abs(values))
        else:
            for rows in _blocks(used, d, BLOCK_SIZE):
                x = np.abs(problem.features(rows))
                largest[:d] = np.maximum(largest[:d], x.max(axis=0))
                smallest[:d] = np.minimum(smallest[:d], np.where(x > 0.0, x, np.inf).min(axis=0))
        lowest_bit = np.maximum(np.frexp(smallest)[1] - 53, SMALLEST_EXPONENT)
        lowest_bit[smallest == np.inf] = 0
        return np.minimum(np.frexp(largest)[1], lowest_bit - SMALLEST_EXPONENT)

    def take(self, margins):
        """Return rows of A as a dense float64 array.

        Parameters
        ----------
        margins : ndarray of int or bool
            Which of the m rows.
        """
        row, own, other = self.row[margins], self.own[margins], self.other[margins]
        x = np.ones((len(row), self.height))
        x[:, : self.problem.d] = self.problem.features(row)
        x = np.ldexp(x, -self.exponent)
        A = np.zeros((len(row), self.height, self.n_classes))
        at = np.arange(len(row))
        A[at, :, own] = x
        A[at, :, other] = -x
        return A[:, :, :-1].reshape(len(row), self.shape[1])

    def to_columns(self, weights):
        """Return weights of the features, ``(height, K - 1)``, as those of A's columns."""
        return np.ldexp(weights, self.exponent[:, None]).ravel()

    def to_weights(self, u):
        """Return weights of A's columns as those of the features, ``(height, K - 1)``."""
        return np.ldexp(u.reshape(self.height, -1), -self.exponent[:, None])

    def margins(self, u):
        """Return the margins of float64 weights of A's columns, and bounds of their rounding."""
        with np.errstate(all="ignore"):
            w = self.to_weights(u)
            if not np.array_equal(self.to_columns(w), u):
                return np.zeros(self.shape[0]), np.full(self.shape[0], np.inf)
            w = np.column_stack([w, np.zeros(self.height)])
            scores, sizes = self._scores(w)
            margins = scores[self.row, self.own] - scores[self.row, self.other]
            terms = sizes[self.row, self.own] + sizes[self.row, self.other]
            n_terms = self.height + 6  # and the rounding of u, of this bound, and the difference
            return margins, n_terms * (EPSILON * terms + SMALLEST_FLOAT)

    def _scores(self, w):
        """Return ``X @ w``, with the intercept, and the sums of the sizes of its terms."""
        problem, d = self.problem, self.problem.d
        X, scores = problem.X, np.zeros((problem.n, w.shape[1]))
        sizes = scores.copy()
        if is_sparse(X) and problem.scale is None:
            absolute = SparseRows(X.shape, np.abs(X.data), X.indices, X.indptr)
            for k, column in enumerate(w[:d].T):
                scores[:, k], sizes[:, k] = X.multiply(column), absolute.multiply(np.abs(column))
        else:
            for rows in _blocks(np.arange(problem.n), d, BLOCK_SIZE):
                x = problem.features(rows)
                scores[rows], sizes[rows] = x @ w[:d], np.abs(x) @ np.abs(w[:d])
        if problem.fit_intercept:
            scores, sizes = scores + w[d], sizes + np.abs(w[d])
        return scores, sizes

    def row_gradients(self, margins):
        """Return the size of the derivative of the loss by each margin, with offsets added."""
        k = self.n_classes - 1
        z, weight = (margins + self.offset).reshape(-1, k), self.weight.reshape(-1, k)
        shift = np.maximum(0.0, -z.min(axis=1, keepdims=True))
        terms = np.exp(-z - shift)
        return (weight * terms / (np.exp(-shift) + terms.sum(axis=1, keepdims=True))).ravel()

    def signs(self, u, zero):
        """Return whether the margins of weights have the signs that are expected, exactly.

        Parameters
        ----------
        u : ndarray of shape (q,), of dtype object
            Python integers: weights of A's columns.
        zero : ndarray of bool, of shape (m,)
            The margins that are to be zero; the others are to be positive.

        Returns
        -------
        bool
            Also False if this is not clear from products in float64, and too many are unclear.
        """
        margins, bounds = self.margins(to_nearest(u)[0])
        if not (margins[~zero] >= -bounds[~zero]).all() or (np.abs(margins) > bounds)[zero].any():
            return False
        unclear = np.flatnonzero(zero | ~(margins > bounds))
        support = np.flatnonzero(u)
        if len(unclear) * len(support) > MAX_EXACT_TERMS:
            return False
        for some in _blocks(unclear, max(1, len(support)), EXACT_TERMS_AT_A_TIME):
            products = to_integers(self.take(some)[:, support]) @ u[support]
            if not ((products == 0) == zero[some]).all() or (products < 0).any():
                return False
        return True


def _blocks(rows, width, size):
    """Yield the rows a few at a time, of at most `size` values of `width` for each."""
    height = max(1, size // width)
    for i in range(0, len(rows), height):
        yield rows[i : i + height]
