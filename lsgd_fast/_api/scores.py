"""Scores of rows in place, whatever their dtype."""

import numpy as np

from lsgd_fast._core.threads import SERIAL_PASS_WORK, choose_threads
from lsgd_fast._engine.dataset import Rows
from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._inputs.problem import Problem
from lsgd_fast.losses import Logistic

__all__ = ["scores_of_rows"]


def scores_of_rows(X, weights, n_threads=None):
    """Return the scores ``X @ weights``, in one read of X and without a copy.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite, of any real dtype.
    weights : ndarray of shape (d, k)
    n_threads : int, optional

    Returns
    -------
    ndarray of shape (n, k)
        The same bits for every number of threads.
    """
    n, k = len(X), weights.shape[1]
    problem = Problem(
        X, np.ones(n, np.int8), np.broadcast_to(1.0, n), float(n), Logistic(), 0.0, False, 0.0
    )  # only X counts
    rows = Rows(problem, pack=False)
    n_threads = choose_threads(
        n_threads, n, X.shape[1], rows.n_leaves, k, serial_work=SERIAL_PASS_WORK
    )
    scores = np.empty((k, -(-n // 8) * 8))
    LinearMap(rows, k, n_threads).matvec(np.ascontiguousarray(weights).ravel(), scores)
    return scores[:, :n].T
