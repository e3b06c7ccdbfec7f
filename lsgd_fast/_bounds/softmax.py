"""Bounds of `theory` for softmax, which docs/losses_and_rules.md derives."""

from __future__ import annotations

import math
from typing import overload

import numpy as np

from lsgd_fast._bounds.parts import first, log_progress, over_progress, unwrapped
from lsgd_fast._bounds.units import check_steps, paper_stepsize
from lsgd_fast._checks import check_class_margin, check_count, check_real
from lsgd_fast._constants import SLACK
from lsgd_fast._docstrings import documented
from lsgd_fast._typing import Count, FloatArray, Real, Steps

__all__ = [
    "softmax_last_loss",
    "softmax_mean_loss",
    "softmax_steps_for_loss",
    "softmax_transition_steps",
]


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
    return _Run(n_classes, margin, stepsize, radius).mean_loss(check_steps("t", t))


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
    run = _Run(n_classes, margin, stepsize, radius)
    return run.steps_for_mean(1.0 / run.eta)


@overload
def softmax_last_loss(
    t: Real, n: Count, n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float: ...


@overload
def softmax_last_loss(
    t: Steps, n: Count, n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def softmax_last_loss(
    t: Steps | Real,
    n: Count,
    n_classes: Count,
    margin: Real,
    stepsize: Real,
    *,
    radius: Real = 1.0,
) -> float | FloatArray:
    """Return the least upper bound of ``L(w_t)`` with softmax that is known here.

    With K classes, ``x = margin^2 stepsize t`` and ``eta = stepsize R^2`` it is

    * ``(K - 1 + log(x)^2 / 2) / x`` for eta up to 2;
    * `softmax_mean_loss` for eta up to 4, where the loss never increases, and for larger eta from
      `softmax_transition_steps` on;
    * ``(1 + log(y)^2) / (2 y)``, where that is less, with ``y = margin^2 stepsize (t - s)`` and s
      the first step for which `softmax_mean_loss` is at most ``1 / (2 eta)`` and
      ``log(1 + n / 2) / n``.

    Parameters
    ----------
    {t}
    {n}
    {n_classes}
    {margin_of_classes}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        Infinite in the unstable phase of a large stepsize, in which only the mean is bounded.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> f"{lsgd.theory.softmax_last_loss(10**6, 100, 10, margin=0.1, stepsize=32.0):.2g}"
    '0.00032'
    """
    bound = _Run(n_classes, margin, stepsize, radius).last_loss(n)
    return bound(check_steps("t", t))


@documented
def softmax_steps_for_loss(
    loss: Real, n: Count, n_classes: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float:
    """Return the least number of steps t for which `softmax_last_loss` is at most `loss`.

    Parameters
    ----------
    {loss_to_reach}
    {n}
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
    >>> lsgd.theory.softmax_steps_for_loss(1e-3, 100, 10, margin=0.1, stepsize=32.0)
    423158.0
    """
    loss = check_real("loss", loss)
    bound = _Run(n_classes, margin, stepsize, radius).last_loss(n)
    return first(lambda t: bound(t) <= loss)


class _Run:
    """A run of several classes: its arguments, checked, and bounds as functions of t alone."""

    def __init__(self, n_classes, margin, stepsize, radius):
        self.others = check_count("n_classes", n_classes, 2) - 1.0
        self.margin, radius = check_class_margin(margin, radius)
        self.stepsize = check_real("stepsize", stepsize)
        self.eta = paper_stepsize(self.stepsize, radius)

    def log_progress(self, t):
        return log_progress(t, self.margin, self.stepsize)

    def mean_loss(self, t):
        """Return `softmax_mean_loss`, which falls with t."""
        log_x = self.log_progress(t)
        return over_progress(self.others + log_x**2, log_x, self.eta)

    def steps_for_mean(self, loss):
        """Return the first t for which the bound of the mean is at most `loss`."""
        return first(lambda t: self.mean_loss(t) <= loss)

    def last_loss(self, n):
        """Return `softmax_last_loss` as a function of t, which falls with t."""
        eta, n = self.eta, check_count("n", n, 1)
        certified = 0.0 if eta <= 4.0 * (1.0 + SLACK) else self.steps_for_mean(1.0 / eta)
        start = self.steps_for_mean(min(0.5 / eta, math.log1p(0.5 * n) / n))

        def bound(t):
            if eta <= 2.0 * (1.0 + SLACK):
                log_x = self.log_progress(t)
                found = over_progress(self.others + log_x**2 / 2.0, log_x)
            else:
                found = np.where(t >= certified, self.mean_loss(t), math.inf)
            log_y = self.log_progress(np.maximum(t - start, 0.0))
            return unwrapped(np.minimum(found, over_progress(0.5 + log_y**2 / 2.0, log_y)))

        return bound
