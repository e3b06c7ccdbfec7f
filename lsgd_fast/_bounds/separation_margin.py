"""The bound of losses with a separation margin; part of `theory`."""

from __future__ import annotations

import math

import numpy as np

from lsgd_fast._bounds.units import paper_stepsize
from lsgd_fast._checks import check_count, check_margin, check_real, shown
from lsgd_fast._docstrings import documented
from lsgd_fast._separating_losses import Renyi2, Tsallis
from lsgd_fast._typing import Count, Real

__all__ = ["separation_margin_steps"]

LARGEST_STEPS = 1e300  # of a bound; beyond it is infinite


@documented
def separation_margin_steps(
    loss: Real, n: Count, margin: Real, stepsize: Real, *, function: Tsallis | Renyi2,
    radius: Real = 1.0,
) -> float:  # fmt: skip
    """Return a number of steps within which a loss with a separation margin gets to `loss`.

    This is Corollary 6 of arXiv:2502.04889: with any stepsize, the least loss of w_0, ..., w_T is
    at most `loss`. It says nothing of the last one, nor of a loss of exactly 0.

    Parameters
    ----------
    {loss_to_reach}
    {n}
    {margin}
    {constant_stepsize}
    function : Tsallis or Renyi2
        The loss that is minimised, an object of `lsgd_fast.losses`.
    {radius}

    Returns
    -------
    float
        The least whole number T above ``n (4 m / eta + R^2) / (gamma^2 g)``, where m is the
        separation margin and g is minus the derivative where the loss of a row is `loss`. The paper
        writes ``C_phi loss^alpha`` for g.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> renyi = lsgd.losses.Renyi2()
    >>> lsgd.theory.separation_margin_steps(1e-6, 4, margin=0.1, stepsize=32.0, function=renyi)
    69710.0
    """
    loss, n = check_real("loss", loss), check_count("n", n, 1)
    margin, radius = check_margin(margin, radius)
    eta = paper_stepsize(stepsize, radius)
    if type(function) not in (Tsallis, Renyi2):
        raise TypeError(
            "function must be a loss with a separation margin, lsgd_fast.losses.Tsallis or Renyi2; "
            f"got {shown(function)}"
        )
    share = margin / radius
    slope = math.exp(float(function.log_slope_at(np.log(loss))))
    bound = 4.0 * function.separation_margin / eta + function.C_g
    steps = _over(_over(n * bound, slope), share * share)
    return math.floor(steps) + 1.0 if steps <= LARGEST_STEPS else math.inf


def _over(x, y):
    """Return x / y, infinity where y is 0."""
    return x / y if y > 0.0 else math.inf
