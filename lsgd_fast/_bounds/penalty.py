"""The large stepsize for a penalty, which `theory` offers."""

from __future__ import annotations

import math

from lsgd_fast._checks import check_count, check_margin, check_real
from lsgd_fast._docstrings import documented
from lsgd_fast._typing import Count, Real

__all__ = ["penalty_stepsize"]


@documented
def penalty_stepsize(l2: Real, n: Count, margin: Real, *, radius: Real = 1.0) -> float:
    """Return a large stepsize for the penalty ``l2/2 |w|^2``, of the order that theorems allow.

    With ``R = 1``, l2 at most ``margin^2``, and constants C that are not known to us, Wu, Marion
    and Bartlett prove that the objective converges to its least value in the end, whatever it does
    at first, for stepsizes up to

    * ``(margin^2 / (C l2))^(1/3)``, whatever n is (Theorem 4);
    * ``min(margin / sqrt(C l2), margin^2 / (C n l2))`` if l2 is at most
      ``margin^2 / (C n log(n))`` (Theorem 1).

    This is the larger of the two with 1 in place of each C, or ``1 / (1/4 + l2)`` if that is larger
    or l2 is above ``margin^2``. The latter never increases the objective, on any data. As C is left
    out, **nothing is proved for the others**: look at `Run.verdict`, and halve the stepsize of a
    run that does not settle. With l2 = 1 / n it grows like ``n^(1/3)``.

    Parameters
    ----------
    l2 : float
        The strength of the penalty, finite and positive. Without a penalty see
        `corollary2_stepsize`.
    {n}
    {margin}
    {radius}

    Returns
    -------
    float
        The stepsize, in the units of X.

    References
    ----------
    J. Wu, P. Marion, P. L. Bartlett, "Large Stepsizes Accelerate Gradient Descent for Regularized
    Logistic Regression", NeurIPS 2025, arXiv:2506.02336.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.penalty_stepsize(1e-6, 100, margin=0.1), 6)
    100.0
    """
    l2, n = check_real("l2", l2), check_count("n", n, 1)
    margin, radius = check_margin(margin, radius)
    # In the units of the papers l2 is l2 / R^2. Where the second stepsize is the larger one, l2 is
    # below margin^2 / n^1.5, and so below margin^2 / (n log(n)).
    root = math.sqrt(l2) / radius
    stepsize = 1.0 / (0.25 + root * root)
    if 0.0 < root <= margin / radius:
        ratio = margin / radius / root
        stepsize = max(stepsize, ratio ** (2.0 / 3.0), min(ratio, ratio * ratio / n))
    stepsize = stepsize / radius / radius
    if not (root > 0.0 and 0.0 < stepsize < math.inf):
        raise ValueError(
            f"the stepsize for l2 {l2!r}, margin {margin!r} and radius {radius!r} leaves float64; "
            "rescale X"
        )
    return stepsize
