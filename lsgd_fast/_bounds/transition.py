"""Bounds of `theory` on the transition to the stable phase that do not grow with the stepsize."""

from __future__ import annotations

import math
from typing import overload

import numpy as np

from lsgd_fast._bounds.parts import unwrapped
from lsgd_fast._bounds.units import check_steps, paper_stepsize
from lsgd_fast._checks import check_count, check_margin, check_real
from lsgd_fast._docstrings import documented
from lsgd_fast._typing import Count, FloatArray, Real, Steps

__all__ = ["later_loss", "plane_transition_steps", "worst_transition_steps"]


@documented
def plane_transition_steps(n: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0) -> float:
    """Return an upper bound of the steps of the transition that is free of the stepsize.

    It holds for rows of two features, an intercept counted as one. With ``g = margin / R`` and
    ``eta = stepsize R^2``, some step of at most ``2 + 4 n / g + 280 log(2 / g^2) / g^2`` has a
    loss of at most ``1 / (8 eta)``, and no negative margin, for every ``eta`` of at least
    ``max(n, 32 log(256 / g^2) / g^2)``. For rows of three features or more no such bound exists:
    the steps may grow with powers of ``log(eta)`` [2]_.

    Parameters
    ----------
    {n}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        The bound, not rounded; infinite for smaller stepsizes, of which the theorem says nothing.

    References
    ----------
    .. [1] M. Crawshaw, M. Liu, "Tight Bounds for Logistic Regression with Large Stepsize Gradient
       Descent in Low Dimension", COLT 2026, arXiv:2602.12471.
    .. [2] Wen, Wen, Teng, arXiv:2610.01459, 2026.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.plane_transition_steps(4, margin=0.1, stepsize=1e9))
    148515
    >>> f"{lsgd.theory.transition_steps(4, margin=0.1, stepsize=1e9):.0e}"
    '6e+12'
    """
    n, g, eta = check_count("n", n, 1), *_paper_units(margin, stepsize, radius)
    if g == 0.0 or eta < max(n, 32.0 * (math.log(256.0) - 2.0 * math.log(g)) / g / g):
        return math.inf
    return 2.0 + 4.0 * n / g + 280.0 * (math.log(2.0) - 2.0 * math.log(g)) / g / g


@documented
def worst_transition_steps(n: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0) -> float:
    """Return a lower bound of the steps of the transition on the worst data of this margin.

    With ``g = margin / R`` and ``eta = stepsize R^2``, there are n rows of two features on which
    the loss is above ``1 / (8 eta)`` for ``(n / g + 1 / g^2) / 118`` steps, if n is at least 2, g
    at most 1/6, and eta at least ``max(n, 32 log(3 / g) / g^2)``: those of
    `datasets.hard_imbalanced` or those of `datasets.hard_balanced`.

    Parameters
    ----------
    {n}
    margin : float
        The margin of the data.
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        The bound, not rounded; 0 where the theorem says nothing.

    References
    ----------
    M. Crawshaw, M. Liu, "Tight Bounds for Logistic Regression with Large Stepsize Gradient
    Descent in Low Dimension", COLT 2026, arXiv:2602.12471.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.worst_transition_steps(1000, margin=0.01, stepsize=1e9))
    932
    """
    n, g, eta = check_count("n", n, 1), *_paper_units(margin, stepsize, radius)
    if n < 2 or not 0.0 < g <= 1.0 / 6.0:
        return 0.0
    if eta < max(n, 32.0 * (math.log(3.0) - math.log(g)) / g / g):
        return 0.0
    return (n + 1.0 / g) / g / 118.0


@overload
def later_loss(
    t: Real,
    n: Count,
    margin: Real,
    stepsize: Real,
    *,
    loss: Real | None = ...,
    radius: Real = ...,
) -> float: ...


@overload
def later_loss(
    t: Steps,
    n: Count,
    margin: Real,
    stepsize: Real,
    *,
    loss: Real | None = ...,
    radius: Real = ...,
) -> float | FloatArray: ...


@documented
def later_loss(
    t: Steps | Real,
    n: Count,
    margin: Real,
    stepsize: Real,
    *,
    loss: Real | None = None,
    radius: Real = 1.0,
) -> float | FloatArray:
    """Return an upper bound of the loss t steps after it was `loss`, without a logarithm.

    With ``eta = stepsize R^2``, ``a = n loss`` and
    ``c = (1 - eta loss / 2) ((1 - exp(-a)) / a)^2`` the bound is
    ``1 / (1 / loss + c margin^2 stepsize t)``, and infinite for a loss above
    ``2 / eta = monotone_threshold(stepsize)``. The factor c is at least 0.19 from `certified_loss`
    on, if eta is at least n, and 2/3 from a loss of ``1 / (4 max(eta, n))`` on; it tends to 1.
    `stable_loss` is the sharper one for few steps, and while eta is far below n. The page of these
    functions derives the bound.

    Parameters
    ----------
    t : float or array-like
        The number of steps since then, 0 or more.
    {n}
    {margin}
    {constant_stepsize}
    loss : float, optional
        The loss then, or an upper bound of it. The default is `certified_loss`.
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    References
    ----------
    M. Crawshaw, M. Liu, "Tight Bounds for Logistic Regression with Large Stepsize Gradient
    Descent in Low Dimension", COLT 2026, arXiv:2602.12471, prove it with 1/8 in place of c, for
    losses of at most ``1 / (8 eta)`` at which no margin is negative.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> t = 100_000
    >>> f"{lsgd.theory.later_loss(t, 4, margin=0.1, stepsize=32.0):.3g}"
    '7.06e-05'
    >>> f"{lsgd.theory.stable_loss(t, margin=0.1, stepsize=32.0):.3g}"
    '0.00343'
    """
    g, eta = _paper_units(margin, stepsize, radius)
    n, t = check_count("n", n, 1), check_steps("t", t)
    loss = 1.0 / eta if loss is None else check_real("loss", loss, zero_allowed=True)
    if not loss * eta <= 2.0:
        bound = np.full(t.shape, math.inf)
    elif loss * eta == 2.0 or g == 0.0 or loss == 0.0:
        bound = np.full(t.shape, loss)
    else:
        log_loss = math.log(loss)
        log_c = math.log1p(-0.5 * loss * eta)
        log_c += 2.0 * (math.log(-math.expm1(-n * loss)) - math.log(n) - log_loss)
        with np.errstate(divide="ignore"):
            log_gain = log_c + 2.0 * math.log(g) + math.log(eta) + np.log(t)
        with np.errstate(under="ignore"):
            bound = np.minimum(loss, np.exp(-np.logaddexp(-log_loss, log_gain)))
    return unwrapped(bound)


def _paper_units(margin, stepsize, radius):
    """Return the margin and the stepsize for rows divided by the radius."""
    margin, radius = check_margin(margin, radius)
    return margin / radius, paper_stepsize(stepsize, radius)
