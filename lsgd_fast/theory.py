"""Bounds that the papers prove for large stepsizes, as functions of numbers.

All quantities are in the units of X as passed. `margin` is the margin of the data, the largest
``min_i y_i (x_i . v)`` over unit vectors v, and `radius` is R, the largest norm of a row. The
papers divide X by R first: their margin is ``margin / R``, their stepsize ``stepsize * R^2``, their
weights are ``R`` times ours, and the losses are the same. With the default ``radius=1`` the
functions are those of the papers. With an intercept, each row has one more entry, which is 1.

Each bound holds for the logistic loss (that of `adaptive_loss` for the exponential one, that of
`separation_margin_steps` for the loss it is given) without a penalty, equal sample weights, zero
initial weights, and data that are linearly separable with at least this margin, so a lower bound of
the margin is enough. The bounds are for the worst such data and usually far above what happens.
`penalty_stepsize` is for a penalty, and no bound.

With softmax the loss of a row is as steep and as curved as with two classes and rows of norm
``sqrt(2) R``: `smoothness`, `monotone_stepsize` and `monotone_threshold` take that for `radius`.
`certified_loss` takes R, and four functions are for softmax alone. These are no theorems of the
paper: the guide on losses and rules derives them.

A bound is infinite where the theorem says nothing. Arguments that are out of range raise
ValueError. `t` may be an array of any shape; the result then has this shape.

References
----------
J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic Loss:
Non-Monotonicity of the Loss Improves Optimization Efficiency", COLT 2024, arXiv:2402.15926: the
theorems, corollaries and lemmas by number. Functions that are of other papers name their own.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np

from lsgd_fast._bounds.adaptive import adaptive_ln_loss, adaptive_loss
from lsgd_fast._bounds.parts import first as _first
from lsgd_fast._bounds.parts import log_progress as _log_progress
from lsgd_fast._bounds.parts import over_progress as _over_progress
from lsgd_fast._bounds.parts import unwrapped as _unwrapped
from lsgd_fast._bounds.penalty import penalty_stepsize
from lsgd_fast._bounds.separation_margin import separation_margin_steps
from lsgd_fast._bounds.softmax import (
    softmax_last_loss,
    softmax_mean_loss,
    softmax_steps_for_loss,
    softmax_transition_steps,
)
from lsgd_fast._bounds.transition import (
    later_loss,
    plane_transition_steps,
    worst_transition_steps,
)
from lsgd_fast._bounds.units import check_steps as _check_steps
from lsgd_fast._bounds.units import paper_stepsize as _paper_stepsize
from lsgd_fast._checks import check_count, check_real
from lsgd_fast._checks import check_margin as _check_margin
from lsgd_fast._constants import SLACK, SMALLEST_FLOAT
from lsgd_fast._docstrings import documented
from lsgd_fast._typing import Count, FloatArray, Real, Steps

__all__ = [
    "adaptive_ln_loss",
    "adaptive_loss",
    "certified_loss",
    "corollary2_loss",
    "corollary2_min_steps",
    "corollary2_steps_for_loss",
    "corollary2_stepsize",
    "last_loss",
    "later_loss",
    "mean_loss",
    "monotone_loss",
    "monotone_stepsize",
    "monotone_threshold",
    "network_width",
    "penalty_stepsize",
    "plane_transition_steps",
    "separation_margin_steps",
    "smoothness",
    "softmax_last_loss",
    "softmax_mean_loss",
    "softmax_steps_for_loss",
    "softmax_transition_steps",
    "stable_loss",
    "steps_for_loss",
    "transition_steps",
    "weight_norm",
    "worst_transition_steps",
]


# --- one step -------------------------------------------------------------------------------------


@documented
def smoothness(radius: Real = 1.0) -> float:
    """Return an upper bound of the smoothness of the loss, ``R^2 / 4``.

    No eigenvalue of the Hessian exceeds it, because the second derivative of ``log(1 + exp(-z))``
    is at most 1/4. The smoothness on a given X is often far smaller.

    Parameters
    ----------
    {radius}

    Returns
    -------
    float
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.smoothness(radius=2.0)
    1.0
    """
    radius = check_real("radius", radius)
    return radius * radius / 4.0


@documented
def monotone_stepsize(radius: Real = 1.0) -> float:
    """Return ``8 / R^2``, 2 over `smoothness`: up to this stepsize no step increases the loss.

    This is the descent lemma; it holds for any data.

    Parameters
    ----------
    {radius}

    Returns
    -------
    float
        The stepsize, in the units of X.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.monotone_stepsize(radius=2.0)
    2.0
    """
    radius = check_real("radius", radius)
    return 8.0 / radius / radius


@documented
def monotone_threshold(stepsize: Real, *, radius: Real = 1.0) -> float:
    """Return ``2 / (stepsize * R^2)``: once the loss is this low, it never increases.

    This is Lemma 10. It assumes neither a margin nor separable data, but on data that are not
    separable the loss does not get this low with a large stepsize. The constant 2 is the largest.

    Parameters
    ----------
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        The loss.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.monotone_threshold(stepsize=32.0)
    0.0625
    """
    return 2.0 / _paper_stepsize(stepsize, radius)


@documented
def certified_loss(stepsize: Real, *, radius: Real = 1.0) -> float:
    """Return ``1 / (stepsize * R^2)``: a loss this low certifies the stable phase.

    This is equation 2 of Theorem 1, and the condition for `Run.certified_at`. From there on the
    loss never increases, and `stable_loss` and `later_loss` bound it. With softmax it is the
    threshold itself, 2 over ``stepsize * (sqrt(2) R)^2``, and `stable_loss` bounds a loss once it
    is half as high.

    Parameters
    ----------
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        The loss.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.certified_loss(stepsize=32.0)
    0.03125
    """
    return 1.0 / _paper_stepsize(stepsize, radius)


# --- phases of a run with a constant stepsize -----------------------------------------------------


@overload
def mean_loss(t: Real, margin: Real, stepsize: Real, *, radius: Real = ...) -> float: ...


@overload
def mean_loss(
    t: Steps, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def mean_loss(
    t: Steps | Real, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return an upper bound of the mean of the first t losses, ``L(w_0)`` to ``L(w_{t-1})``.

    The bound of Theorem 1 holds in any phase. With ``x = margin^2 stepsize t`` it is
    ``(1 + log(x)^2 + (stepsize R^2)^2 / 4) / x``, and infinite for ``x < 1``. By Lemma 17 it also
    bounds the mean of the losses of t batches of stochastic descent, each before its step.

    Parameters
    ----------
    {t}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.mean_loss(100, margin=0.1, stepsize=1.0), 6)
    1.25
    """
    t, margin, stepsize, radius = _check_run(t, margin, stepsize, radius)
    return _mean_loss(t, margin, stepsize, _paper_stepsize(stepsize, radius))


@documented
def transition_steps(n: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0) -> float:
    """Return an upper bound of the number of steps in the unstable phase, tau.

    Theorem 1: with ``eta = stepsize R^2``, ``r = (eta + n) / eta`` and
    ``tau = 60 R^2 / margin^2 * max(eta, n, e, r log(r))``, at some step s of at most tau the loss
    is at most `certified_loss` and the mean of ``exp(-z_i)`` at most 1.
    For large stepsizes it is not sharp, see `plane_transition_steps`.

    Parameters
    ----------
    {n}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        The bound, not rounded.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.transition_steps(4, margin=0.1, stepsize=32.0))
    192000
    """
    n = check_count("n", n, 1)
    margin, radius = _check_margin(margin, radius)
    eta = _paper_stepsize(stepsize, radius)
    ratio = 1.0 + n / eta
    return 60.0 * max(eta, n, math.e, ratio * math.log(ratio)) * _square(radius / margin)


@overload
def stable_loss(
    t: Real, margin: Real, stepsize: Real, *, mean_exponential: Real = ...
) -> float: ...


@overload
def stable_loss(
    t: Steps, margin: Real, stepsize: Real, *, mean_exponential: Real = ...
) -> float | FloatArray: ...


@documented
def stable_loss(
    t: Steps | Real, margin: Real, stepsize: Real, *, mean_exponential: Real = 1.0
) -> float | FloatArray:
    """Return an upper bound of the loss t steps after the stable phase was certified.

    Theorem 1: with ``x = margin^2 stepsize t`` and F the mean of ``exp(-z_i)`` at the step s of
    `certified_loss`, ``L(w_{s+t}) <= (2 F + log(x)^2) / x``. The bound is infinite for ``x < 1``.

    Parameters
    ----------
    t : float or array-like
        The number of steps since then, 0 or more.
    margin : float
        The margin of the data, or a lower bound of it.
    {constant_stepsize}
    mean_exponential : float, default 1.0
        F, or an upper bound of it. It is at most 1 at the step that `transition_steps` bounds.

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.stable_loss(100, margin=0.1, stepsize=1.0), 6)
    2.0
    """
    mean_exponential = check_real("mean_exponential", mean_exponential, zero_allowed=True)
    margin, stepsize = check_real("margin", margin), check_real("stepsize", stepsize)
    return _stable_loss(_check_steps("t", t), margin, stepsize, mean_exponential)


@overload
def monotone_loss(t: Real, margin: Real, stepsize: Real, *, radius: Real = ...) -> float: ...


@overload
def monotone_loss(
    t: Steps, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def monotone_loss(
    t: Steps | Real, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return an upper bound of ``L(w_t)`` for stepsizes so small that the loss never increases.

    With ``x = margin^2 stepsize t`` and ``eta = stepsize R^2`` the bound is

    * ``(1 + log(x)^2 / 2) / x`` for eta up to 4. For any convex function and stepsizes up to 1 over
      the smoothness, ``L(w_t) <= L(u) + |u|^2 / (2 stepsize t)`` for every u, and
      ``u = log(x) / margin * v`` with v the direction of the margin has ``L(u) <= 1 / x``;
    * `mean_loss` for eta up to 8, because ``L(w_t)`` is at most each loss that it averages;
    * infinite for larger eta, and for ``x < 1``.

    Parameters
    ----------
    {t}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.monotone_loss(1000, margin=0.1, stepsize=4.0), 6)
    0.195098
    """
    t, margin, stepsize, radius = _check_run(t, margin, stepsize, radius)
    return _monotone_loss(t, margin, stepsize, _paper_stepsize(stepsize, radius))


@overload
def last_loss(t: Real, n: Count, margin: Real, stepsize: Real, *, radius: Real = ...) -> float: ...


@overload
def last_loss(
    t: Steps, n: Count, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def last_loss(
    t: Steps | Real, n: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return the least upper bound of ``L(w_t)`` that these functions give.

    They are `monotone_loss` and, from `transition_steps` on, the `stable_loss` and the `later_loss`
    of the steps since then. The latter two hold from the first certified step on, which is no
    later.

    Parameters
    ----------
    {t}
    {n}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        Infinite in the unstable phase of a large stepsize, in which only the mean is bounded.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.last_loss(10**6, 4, margin=0.1, stepsize=32.0), 6)
    9e-06
    """
    t, margin, stepsize, radius = _check_run(t, margin, stepsize, radius)
    return _last_loss(check_count("n", n, 1), margin, stepsize, radius)(t)


@documented
def steps_for_loss(
    loss: Real, n: Count, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float:
    """Return the least number of steps t for which `last_loss` is at most `loss`.

    Parameters
    ----------
    {loss_to_reach}
    {n}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float
        A whole number, exact below 2**53 and rounded above; infinite beyond 1e300.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.steps_for_loss(1e-3, 4, margin=0.1, stepsize=32.0)
    198847.0
    """
    loss, n = check_real("loss", loss), check_count("n", n, 1)
    _, margin, stepsize, radius = _check_run(0, margin, stepsize, radius)
    bound = _last_loss(n, margin, stepsize, radius)
    return _first(lambda t: bound(t) <= loss)


@overload
def weight_norm(t: Real, margin: Real, stepsize: Real, *, radius: Real = ...) -> float: ...


@overload
def weight_norm(
    t: Steps, margin: Real, stepsize: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def weight_norm(
    t: Steps | Real, margin: Real, stepsize: Real, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return an upper bound of ``|w_t|``, in the units of ``1 / X``.

    Lemma 8: with ``x = margin^2 stepsize t`` the bound is
    ``(sqrt(2) + 2 log(x) + stepsize R^2) / margin``, and infinite for ``x < 1``.

    Parameters
    ----------
    {t}
    {margin}
    {constant_stepsize}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `t`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.weight_norm(1000, margin=0.1, stepsize=4.0), 6)
    127.919725
    """
    t, margin, stepsize, radius = _check_run(t, margin, stepsize, radius)
    eta = _paper_stepsize(stepsize, radius)
    log_x = _log_progress(t, margin, stepsize)
    with np.errstate(over="ignore"):  # a tiny margin
        bound = (math.sqrt(2.0) + 2.0 * log_x + eta) / margin
    return _unwrapped(np.where(log_x >= 0.0, bound, math.inf))


# --- the stepsize for a budget of steps -----------------------------------------------------------


@documented
def corollary2_stepsize(n_steps: Count, margin: Real, *, radius: Real = 1.0) -> float:
    """Return the stepsize of Corollary 2 for a budget of steps, ``margin^2 T / (120 R^4)``.

    For budgets of at least `corollary2_min_steps`, `corollary2_loss` bounds the last loss of a run
    with this stepsize.

    Parameters
    ----------
    n_steps : int
        The budget of steps T, 1 or more.
    {margin}
    {radius}

    Returns
    -------
    float
        The stepsize, in the units of X.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.corollary2_stepsize(120_000, margin=0.5)
    250.0
    """
    n_steps = check_count("n_steps", n_steps, 1)
    margin, radius = _check_margin(margin, radius)
    stepsize = _square(margin / radius) * n_steps / 120.0 / radius / radius
    if not 0.0 < stepsize < math.inf:
        raise ValueError(
            f"the stepsize for margin {margin!r} and radius {radius!r} leaves float64; rescale X"
        )
    return stepsize


@documented
def corollary2_min_steps(n: Count, margin: Real, *, radius: Real = 1.0) -> float:
    """Return the least budget of steps of Corollary 2, ``120 max(e, n) R^2 / margin^2``.

    Parameters
    ----------
    {n}
    {margin}
    {radius}

    Returns
    -------
    float
        The least budget, not rounded.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> round(lsgd.theory.corollary2_min_steps(4, margin=0.1))
    48000
    """
    n = check_count("n", n, 1)
    margin, radius = _check_margin(margin, radius)
    return 120.0 * max(math.e, n) * _square(radius / margin)


@overload
def corollary2_loss(n_steps: Real, n: Count, margin: Real, *, radius: Real = ...) -> float: ...


@overload
def corollary2_loss(
    n_steps: Steps, n: Count, margin: Real, *, radius: Real = ...
) -> float | FloatArray: ...


@documented
def corollary2_loss(
    n_steps: Steps | Real, n: Count, margin: Real, *, radius: Real = 1.0
) -> float | FloatArray:
    """Return the upper bound of Corollary 2 for the last loss, ``480 log(x^2)^2 / x^2``.

    Here ``x = (margin / R)^2 T`` for the budget T, and the stepsize is `corollary2_stepsize`. The
    bound is infinite for budgets below `corollary2_min_steps`.

    Parameters
    ----------
    n_steps : float or array-like
        The budget of steps T, 0 or more.
    {n}
    {margin}
    {radius}

    Returns
    -------
    float or ndarray of the shape of `n_steps`
        The bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> f"{lsgd.theory.corollary2_loss(1_000_000, 4, margin=0.1):.3g}"
    '0.00163'
    """
    n_steps = _check_steps("n_steps", n_steps)
    margin, radius = _check_margin(margin, radius)
    return _corollary2_loss(n, margin, radius)(n_steps)


@documented
def corollary2_steps_for_loss(loss: Real, n: Count, margin: Real, *, radius: Real = 1.0) -> float:
    """Return the least budget of steps for which `corollary2_loss` is at most `loss`.

    Parameters
    ----------
    {loss_to_reach}
    {n}
    {margin}
    {radius}

    Returns
    -------
    float
        A whole number, exact below 2**53 and rounded above; infinite beyond 1e300.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.theory.corollary2_steps_for_loss(1e-3, 4, margin=0.1)
    1314068.0
    """
    loss, n = check_real("loss", loss), check_count("n", n, 1)
    margin, radius = _check_margin(margin, radius)
    bound = _corollary2_loss(n, margin, radius)
    return _first(lambda t: bound(t) <= loss)


# --- two-layer networks ---------------------------------------------------------------------------


@documented
def network_width(
    n_steps: Count,
    n: Count,
    margin: Real,
    stepsize: Real,
    *,
    radius: Real = 1.0,
    failure: Real = 0.01,
    imbalance: Real = 0.0,
) -> float:
    """Return the width m of a two-layer ReLU network from which on Theorem 6 holds.

    The network is ``m^{-1/2} sum_s a_s ReLU(x . w_s)`` with fixed signs a_s. Only its weights w_s
    are trained; initially they are normal with standard deviation ``1 / R``. With probability
    ``1 - failure`` the network behaves for T steps as a linear model does by Theorem 1, if

    ``m >= ((30 D^{1/3} + 10 log(n / failure)^{1/4}) / g)^6``, where
    ``D = 6 (sqrt(rho) + imbalance + sqrt(2 log(2 n / failure)) + eta) / g`` bounds how far the
    weights move, ``rho = 1 + log(g^2 eta T)^2``, ``eta = stepsize R^2``, ``g = margin / R``.

    Parameters
    ----------
    n_steps : int
        The number of steps T, 1 or more.
    {n}
    margin : float
        The margin of the neural tangent features of the rows, which is not the margin of the data.
        It is at least half of the latter: each initial w_s is active on a row with probability
        1/2, so that moving all of them along the direction of the margin attains this much.
    {constant_stepsize}
    {radius}
    failure : float, default 0.01
        The probability that the theorem allows for failure, above 0 and below 1.
    imbalance : float, default 0.0
        An upper bound of ``|sum_s a_s| / sqrt(m)``: 0 if half of the signs are +1.

    Returns
    -------
    float
        The width, usually astronomical; infinite beyond 1e300. Networks that are narrower by many
        orders of magnitude were observed to behave in this way. The paper states the condition
        as width Omega(eta^2).

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> f"{lsgd.theory.network_width(1000, 40, margin=0.1, stepsize=16.0):.0e}"
    '2e+21'
    """
    n_steps, n = check_count("n_steps", n_steps, 1), check_count("n", n, 1)
    _, margin, stepsize, radius = _check_run(0, margin, stepsize, radius)
    failure = check_real("failure", failure)
    if failure >= 1.0:
        raise ValueError(f"failure must be a probability below 1; got {failure!r}")
    imbalance = check_real("imbalance", imbalance, zero_allowed=True)
    eta, g = _paper_stepsize(stepsize, radius), margin / radius
    if g == 0.0:
        return math.inf
    log_x = max(float(_log_progress(n_steps, margin, stepsize)), 0.0)
    log_odds = math.log(n) - math.log(failure)
    distance = math.sqrt(1.0 + log_x**2) + imbalance
    distance += math.sqrt(2.0 * (math.log(2.0) + log_odds))
    distance = 6.0 * (distance + eta) / g
    base = (30.0 * distance ** (1.0 / 3.0) + 10.0 * log_odds**0.25) / g
    return base**6 if base < 1e50 else math.inf


# --- parts ----------------------------------------------------------------------------------------


def _check_run(t, margin, stepsize, radius):
    """Return t as an array and the other numbers as floats."""
    margin, radius = _check_margin(margin, radius)
    return _check_steps("t", t), margin, check_real("stepsize", stepsize), radius


def _mean_loss(t, margin, stepsize, eta):
    log_x = _log_progress(t, margin, stepsize)
    return _over_progress(1.0 + log_x**2, log_x, eta / 2.0)


def _stable_loss(t, margin, stepsize, mean_exponential=1.0):
    log_x = _log_progress(t, margin, stepsize)
    bound = _over_progress(mean_exponential + log_x**2 / 2.0, log_x)
    with np.errstate(over="ignore"):
        return 2.0 * bound


def _monotone_loss(t, margin, stepsize, eta):
    if eta > 8.0 * (1.0 + SLACK):
        return _unwrapped(np.full(np.shape(t), math.inf))
    if eta > 4.0 * (1.0 + SLACK):
        return _mean_loss(t, margin, stepsize, eta)
    log_x = _log_progress(t, margin, stepsize)
    return _over_progress(1.0 + log_x**2 / 2.0, log_x)


def _last_loss(n, margin, stepsize, radius):
    """Return `last_loss` as a function of t alone, which is not checked."""
    tau = np.floor(transition_steps(n, margin, stepsize, radius=radius) * (1.0 + SLACK))
    eta = _paper_stepsize(stepsize, radius)

    def bound(t):
        since = np.maximum(t - tau, 0.0)
        later = later_loss(since, n, margin, stepsize, radius=radius)
        later = np.minimum(later, _stable_loss(since, margin, stepsize))
        later = np.where(t >= tau, later, math.inf)
        return _unwrapped(np.minimum(later, _monotone_loss(t, margin, stepsize, eta)))

    return bound


def _corollary2_loss(n, margin, radius):
    """Return `corollary2_loss` as a function of the budget alone, which is not checked."""
    enough = corollary2_min_steps(n, margin, radius=radius) * (1.0 - SLACK)
    relative = max(margin / radius, SMALLEST_FLOAT)

    def bound(n_steps):
        log_x = _log_progress(n_steps, relative, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):  # too small a budget
            loss = 480.0 * (2.0 * log_x) ** 2 * np.exp(-2.0 * log_x)
        return _unwrapped(np.where(n_steps >= enough, loss, math.inf))

    return bound


def _square(x):
    return x * x  # x**2 would raise OverflowError
