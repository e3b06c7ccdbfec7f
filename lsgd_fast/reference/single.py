"""The objective and its gradient in plain NumPy."""

import numpy as np

from lsgd_fast import problem as checks
from lsgd_fast.problem import Problem
from lsgd_fast.reference.rows import Rows

__all__ = ["logistic_loss", "logistic_loss_gradient"]


def logistic_loss(
    X, y, w, *, sample_weight=None, l2=0.0, fit_intercept=False, center=None, scale=None,
    n_threads=None,
):  # fmt: skip
    """Return the objective at `w`; see `lsgd_fast.logistic_loss`."""
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    options |= {"center": center, "scale": scale}
    return logistic_loss_gradient(X, y, w, **options, n_threads=n_threads)[0]


def logistic_loss_gradient(
    X, y, w, *, sample_weight=None, l2=0.0, fit_intercept=False, center=None, scale=None,
    n_threads=None,
):  # fmt: skip
    """Return the objective and its gradient at `w`; see `lsgd_fast.logistic_loss_gradient`."""
    checks.check_n_threads(n_threads)
    options = {"sample_weight": sample_weight, "l2": l2, "fit_intercept": fit_intercept}
    problem = Problem.check(X, y, **options, center=center, scale=scale)
    w = checks.check_weights(w, problem)
    rows = Rows(problem)
    found = [rows.measure(np.ascontiguousarray(column)) for column in np.atleast_2d(w.T)]
    if w.ndim == 1:
        return found[0].objective, found[0].direction
    return np.array([m.objective for m in found]), np.stack([m.direction for m in found], axis=1)
