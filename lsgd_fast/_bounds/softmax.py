"""Bounds of `theory` for softmax, which docs/losses_and_rules.md derives."""

from __future__ import annotations

import math
from typing import overload

from lsgd_fast._bounds.parts import first, log_progress, over_progress
from lsgd_fast._bounds.units import check_steps, paper_stepsize
from lsgd_fast._checks import check_count, check_real
from lsgd_fast._constants import SLACK
from lsgd_fast._docstrings import documented
from lsgd_fast._typing import Count, FloatArray, Real, Steps

__all__ = ["softmax_mean_loss", "softmax_transition_steps"]


@overload
def softmax_mean_loss(
    t: Real, n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float: ...


@overload
def softmax_mean_loss(
    t: Steps, n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def softmax_mean_loss(
    t: Steps | Real, n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return an upper bound of the mean of the first t losses of a run with softmax.

    With K classes and ``x = margin^2 stepsize t`` it is
    ``(K - 1 + log(x)^2 + (stepsize R^2)^2) / x``, and infinite for ``x < 1``. It holds in any
    phase, and with sample weights, too.

    Parameters
    ----------
    {t}
    {n_classes}
    {margin_of_classes}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.softmax_mean_loss(100, 10, margin=0.1, stepsize=1.0), 6)
    10.0
    """
    bound, _ = _mean_loss(n_classes, margin, stepsize, radius)
    return bound(check_steps("t", t))


@documented
def softmax_transition_steps(
    n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float:
    """Return an upper bound of `Run.certified_at` of a run with softmax.

    It is the first t for which `softmax_mean_loss` is at most `certified_loss`: then a loss before
    t is, and from there on the loss never increases.

    Parameters
    ----------
    {n_classes}
    {margin_of_classes}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        A whole number, exact below 2**53 and rounded above; infinite beyond 1e300.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.softmax_transition_steps(10, margin=0.1, stepsize=32.0)
    114341.0
    """
    bound, eta = _mean_loss(n_classes, margin, stepsize, radius)
    return first(lambda t: bound(t) <= 1.0 / eta)


def _mean_loss(n_classes, margin, stepsize, radius):
    """Return `softmax_mean_loss` as a function of t alone, not checked, and ``stepsize R^2``."""
    others = check_count("n_classes", n_classes, 2) - 1.0
    margin, radius = check_real("margin", margin), check_real("radius", radius)
    if margin > math.sqrt(2.0) * radius * (1.0 + SLACK):
        raise ValueError(
            f"margin must be at most sqrt(2) times the radius, {radius!r}; got {margin!r}"
        )
    stepsize = check_real("stepsize", stepsize)
    eta = paper_stepsize(stepsize, radius)

    def bound(t):
        log_x = log_progress(t, margin, stepsize)
        return over_progress(others + log_x**2, log_x, eta)

    return bound, eta
