"""What the weights of runs say on rows that no run has seen."""

from dataclasses import dataclass

import numpy as np

from lsgd_fast._api.scores import scores_of_rows
from lsgd_fast._results.predictions import Model

__all__ = ["HeldOut", "Measured", "mean_and_error"]


@dataclass(frozen=True)
class Measured:
    """Weights on the held-out rows.

    Attributes
    ----------
    losses, errors : ndarray of shape (n_held_out,)
        The loss of each row, and 1.0 where it is classified wrongly.
    loss, error : float
        Their weighted means.
    """

    losses: np.ndarray
    errors: np.ndarray
    loss: float
    error: float


class HeldOut:
    """Rows that measure weights.

    Parameters
    ----------
    problem : Problem
        Of all rows.
    rows : ndarray of int
        The numbers of the held-out rows.
    n_threads : int or None
    """

    def __init__(self, problem, rows, n_threads):
        self.problem, self.rows, self.n_threads = problem, rows, n_threads
        self.units = Model.of(problem).units
        self.y = problem.y[rows]
        self.share = problem.weight[rows] / problem.weight[rows].sum()

    def measure(self, weights, intercept):
        """Return what the rows say of weights, in one pass over X."""
        problem = self.problem
        with np.errstate(all="ignore"):  # weights may have left float64
            if self.units is not None:
                weights, intercept = self.units.to_raw(weights, intercept)
            scores = scores_of_rows(problem.X, weights[:, None], self.n_threads)[self.rows, 0]
            scores = scores + intercept
            if problem.offset is not None:
                scores += problem.offset[self.rows]
            margins = self.y * scores
            margins[np.isnan(margins)] = -np.inf  # as in a run
            losses, errors = problem.loss.value(margins), (margins <= 0.0).astype(np.float64)
            return Measured(losses, errors, float(self.share @ losses), float(self.share @ errors))

    def compare(self, first, second):
        """Return mean and standard error of the differences ``second - first`` of the rows."""
        return mean_and_error(first, second, self.share)

    def compare_errors(self, first, second):
        """Return mean and standard error of the differences of errors, 0 or 1 for each row.

        Two rows more, of which one speaks for either, keep the standard error from vanishing where
        few rows differ, after D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for
        a difference of binomial proportions based on paired data", 2012.
        """
        mean, error = self.compare(first, second)
        n = 1.0 / float(self.share @ self.share)  # rows of one weight that would say as much
        return mean, float(np.hypot(error, np.sqrt(2.0) / (n + 2.0)))


def mean_and_error(first, second, share):
    """Return the weighted mean of ``second - first``, and its standard error.

    Parameters
    ----------
    first, second, share : ndarray of shape (n,)
        Paired numbers, and weights that sum to 1.

    Returns
    -------
    mean, error : float
        The error is 0 where the mean is infinite. Two infinite numbers count as equal.
    """
    with np.errstate(all="ignore"):
        change = second - first
        change[np.isnan(change)] = 0.0
        mean = float(share @ change)
        n = 1.0 / float(share @ share)  # rows of one weight that would say as much
        error = float(np.sqrt(np.square(share * (change - mean)).sum() * n / max(1.0, n - 1.0)))
    return mean, error if np.isfinite(mean) else 0.0
