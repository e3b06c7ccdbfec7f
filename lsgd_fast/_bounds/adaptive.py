"""The bound of adaptive stepsizes, which docs/losses_and_rules.md derives."""

from __future__ import annotations

import math
from typing import overload

import numpy as np

from lsgd_fast._bounds.parts import unwrapped
from lsgd_fast._bounds.units import check_steps
from lsgd_fast._checks import check_margin, check_real
from lsgd_fast._docstrings import documented
from lsgd_fast._typing import FloatArray, Real, Steps

__all__ = ["adaptive_ln_loss", "adaptive_loss"]


@overload
def adaptive_ln_loss(
    t: Real, margin: Real, eta: Real, lipschitz: Real = ..., *, radius: Real = ...
) -> float: ...


@overload
def adaptive_ln_loss(
    t: Steps, margin: Real, eta: Real, lipschitz: Real = ..., *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def adaptive_ln_loss(
    t: Steps | Real, margin: Real, eta: Real, lipschitz: Real = 1.0, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return the logarithm of `adaptive_loss`, also where that underflows or overflows.

    It is ``-eta (margin^2 t - lipschitz^2 R^2) / 2``, and infinite for ``t = 0``.

    Parameters
    ----------
    {t}
    {margin}
    eta : float
        The parameter of `stepsizes.RiskAdaptive`.
    lipschitz : float, default 1.0
        See `adaptive_loss`.
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The logarithm of the bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.adaptive_ln_loss(1000, margin=0.1, eta=1000.0)
    -4500.0
    """
    t = check_steps("t", t)
    margin, radius = check_margin(margin, radius)
    eta, lipschitz = check_real("eta", eta), check_real("lipschitz", lipschitz)
    relative = margin / radius
    with np.errstate(over="ignore", under="ignore"):
        gain = relative * (relative * t) - lipschitz * lipschitz
        found = np.where(t > 0.0, -(eta * (0.5 * gain) * radius * radius), math.inf)
    return unwrapped(found)


@overload
def adaptive_loss(
    t: Real, margin: Real, eta: Real, lipschitz: Real = ..., *, radius: Real = ...
) -> float: ...


@overload
def adaptive_loss(
    t: Steps, margin: Real, eta: Real, lipschitz: Real = ..., *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def adaptive_loss(
    t: Steps | Real, margin: Real, eta: Real, lipschitz: Real = 1.0, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return an upper bound of the loss of the best and of the mean weights, with `RiskAdaptive`.

    After t steps of `stepsizes.RiskAdaptive` with the exponential loss, any weights of the rows and
    zero initial weights, the loss of the best of ``w_0`` to ``w_{t-1}`` and that of their mean are
    at most ``exp(-eta (margin^2 t - lipschitz^2 R^2) / 2)``. It is no bound of the last loss.
    docs/losses_and_rules.md has the proof.

    Parameters
    ----------
    {t}
    {margin}
    eta : float
        The parameter of `stepsizes.RiskAdaptive`.
    lipschitz : float, default 1.0
        A Lipschitz constant of ``-loss^-1(L(w))`` for R = 1: 1 for the exponential loss. The bound
        holds for other losses of at most ``exp(-z)``, if this function is convex.
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.adaptive_loss(1000, margin=0.1, eta=1.0), 6)
    0.011109
    """
    with np.errstate(over="ignore", under="ignore"):
        found = np.exp(adaptive_ln_loss(t, margin, eta, lipschitz, radius=radius))
    return unwrapped(found)
