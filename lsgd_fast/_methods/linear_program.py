"""The linear program that tells which margins can be positive, by SciPy's HiGHS."""

import numpy as np

__all__ = ["solve_program"]


def solve_program(A):
    """Return the direction that makes most margins positive and none negative, and its dual.

    The program is to maximise ``sum s`` where ``A u >= s`` and ``0 <= s <= 1`` (Freund, Roundy and
    Todd, 1985). As u may have any length, s is 1 for each margin that some direction makes
    positive without making another one negative, and 0 for the others, which are tied. The dual
    variables are at least 1 for these and cancel A.

    Parameters
    ----------
    A : ndarray of shape (m, q)

    Returns
    -------
    u : ndarray of shape (q,)
    s, v : ndarray of shape (m,)
        Up to the tolerances of the solver, some 1e-7.

    Raises
    ------
    ModuleNotFoundError
        Without SciPy.
    RuntimeError
        If the solver fails, with its message.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, eye, hstack

    m, q = A.shape
    norms = np.abs(A).max(axis=1)
    norms[norms == 0.0] = 1.0
    matrix = hstack([csr_matrix(-A / norms[:, None]), eye(m)], format="csr")
    cost = np.concatenate([np.zeros(q), -np.ones(m)])
    bounds = np.array([[-np.inf, np.inf]] * q + [[0.0, 1.0]] * m)
    found = linprog(cost, A_ub=matrix, b_ub=np.zeros(m), bounds=bounds, method="highs")
    if found.x is None:
        raise RuntimeError(found.message)
    return found.x[:q], found.x[q:], -found.ineqlin.marginals / norms
