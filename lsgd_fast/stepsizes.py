"""Stepsize rules, which choose the length of each step. Each rule cites its source.

`g_t` is the gradient of the objective at w_t, `L` the loss, `G` the weighted mean over rows of
``|loss'(z_i)|``. The weights of rules that divide by a loss or a norm are computed in the log
domain: neither eta / L nor the gradient itself is ever formed, so steps stay right where both
underflow. The trace holds the effective stepsize, the factor of g_t, which may overflow to inf.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from lsgd_fast._checks import as_list, check_real, set_fields, shown
from lsgd_fast.losses import Logistic, Softmax

__all__ = [
    "AdGD",
    "Anytime",
    "Armijo",
    "BarzilaiBorwein",
    "Constant",
    "DualMomentum",
    "InverseLoss",
    "Nesterov",
    "NormalizedGradient",
    "Polyak",
    "RiskAdaptive",
    "Schedule",
    "Silver",
    "Tyurin",
    "resolve",
]


class _Rule:
    """The properties of a rule, with the values of most rules."""

    adaptive: ClassVar[bool] = False  # whether it needs gradients in the log domain
    takes_l2: ClassVar[bool] = True
    n_vectors: ClassVar[int] = 0  # the number of vectors that it keeps from step to step
    searches: ClassVar[bool] = False  # whether it tries stepsizes along the gradient


class _WithSmoothness(_Rule):
    """A rule with the one parameter smoothness."""

    def __post_init__(self) -> None:
        if self.smoothness is not None:
            set_fields(self, smoothness=check_real("smoothness", self.smoothness))


class _WithEta(_Rule):
    """A rule with the one parameter eta."""

    adaptive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        set_fields(self, eta=check_real("eta", self.eta))


@dataclass(frozen=True)
class Constant(_Rule):
    """The same stepsize at every step.

    On linearly separable data every ``eta > 0`` works with the logistic loss: the loss may
    oscillate at first, but once ``eta * R^2 * L(w_t) <= 1`` it decreases at every step.

    Parameters
    ----------
    eta : float
        The factor of the gradient, in the units of X; finite and positive.

    References
    ----------
    J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic
    Loss: Non-Monotonicity of the Loss Improves Optimization Efficiency", COLT 2024,
    arXiv:2402.15926, Theorem 1.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.stepsizes.Constant(32)
    Constant(eta=32.0)
    """

    name: ClassVar[str] = "constant"
    eta: float

    def __post_init__(self) -> None:
        set_fields(self, eta=check_real("eta", self.eta))


@dataclass(frozen=True)
class Schedule(_Rule):
    """A given sequence of stepsizes, one for each step; the last one is used for all later steps.

    Parameters
    ----------
    values : sequence of float
        The stepsizes, at least one; finite and positive.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.stepsizes.Schedule([1, 10, 100])
    Schedule(values=(1.0, 10.0, 100.0))
    """

    name: ClassVar[str] = "schedule"
    values: Sequence[float]

    def __post_init__(self) -> None:
        values = enumerate(as_list("values", self.values))
        set_fields(self, values=tuple(check_real(f"values[{i}]", value) for i, value in values))


@dataclass(frozen=True)
class Silver(_WithSmoothness):
    """The silver schedule, ``(1 + rho^(nu(t + 1) - 1)) / smoothness`` with ``rho = 1 + sqrt(2)``.

    nu(i) is the exponent of 2 in i: sqrt(2), 2, sqrt(2), 2 + sqrt(2), and so on. Some steps are far
    above 2 / smoothness; over 2^k - 1 steps the loss falls faster than any constant stepsize
    without oscillation makes it.

    Parameters
    ----------
    smoothness : float, optional
        The largest curvature of the objective. By default it is the bound ``c R^2 + l2``, where c
        is the largest second derivative of the loss (1/4 for the logistic loss).

    References
    ----------
    J. M. Altschuler, P. A. Parrilo, "Acceleration by Stepsize Hedging II: Silver Stepsize Schedule
    for Smooth Convex Optimization", 2023, arXiv:2309.16530.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Silver(), 100)
    >>> run.separated_at
    10
    """

    name: ClassVar[str] = "silver"
    smoothness: float | None = None


@dataclass(frozen=True)
class Anytime(_WithSmoothness):
    """Blocks of silver steps with steps between them, for any number of steps.

    If the objective has a minimiser w*, it is within a constant times
    ``smoothness |w_0 - w*|^2 / T^1.119`` of its least value after T steps, for *every* T. `Silver`
    has a smaller bound where T is 2^k - 1, but none elsewhere: right after a long step its
    objective is, on some problems, far above this one.

    Where steps of the sum x are followed by steps of the sum y, both over 1 / smoothness, the step
    between them is ``(sqrt((x + y + 2)^2 + 4 (x + 1) (y + 1)) - (x + y)) / 2``. S_0 has no steps,
    and S_j is S_{j-1} twice, with that step between; these are the silver steps, and their sum is
    ``rho^j - 1`` with ``rho = 1 + sqrt(2)``. The schedule is S_1 ``floor(2 rho)`` times, then S_2
    ``floor(2 rho^2)`` times, and so on, with such a step before each.

    Parameters
    ----------
    smoothness : float, optional
        The largest curvature of the objective. By default it is the bound ``c R^2 + l2``, where c
        is the largest second derivative of the loss (1/4 for the logistic loss).

    References
    ----------
    Z. Zhang, J. D. Lee, S. S. Du, Y. Chen, "Anytime Acceleration of Gradient Descent", COLT 2025,
    arXiv:2411.17668. Their equation 15 prints a sum of k_i for that of k_j, the number of blocks.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Anytime(), 100)
    >>> run.separated_at
    11
    """

    name: ClassVar[str] = "anytime"
    smoothness: float | None = None


@dataclass(frozen=True)
class RiskAdaptive(_WithEta):
    """Eta divided by the slope of the loss at the margin where one row would have the loss of all.

    The step is ``eta g_t / s``, where s is ``|loss'(z)|`` at the z with ``loss(z) = L(w_t)``: L for
    the exponential loss, ``1 - exp(-L)`` for the logistic loss and for softmax, ``a min(L, 1)`` and
    ``a min(L, 1)^((a + 1) / a)`` for the flattened exponential and polynomial losses. It is
    gradient descent on ``-loss^-1(L(w))``. Softmax, which is not in the paper, has the form of the
    logistic loss, as its loss is the logistic one of a margin.

    With `Exponential` the rows are weighted by ``softmax(-z)``. Then, with zero initial weights,
    R = 1 and gamma the margin of the data, the best of ``w_0`` to ``w_{T-1}`` and their mean have
    ``ln L <= -eta (gamma^2 T - 1) / 2``, so that the best one has separated n rows of equal weight
    if ``T > 1/gamma^2 + 2 ln(n) / (eta gamma^2)``; see `theory.adaptive_loss`. Nothing is claimed
    of the last iterate.

    Parameters
    ----------
    eta : float
        The factor of the step, in units of 1 / R^2; finite and positive.

    References
    ----------
    R. Zhang, J. Wu, L. Lin, P. L. Bartlett, "Minimax Optimal Convergence of Gradient Descent in
    Logistic Regression via Large and Adaptive Stepsizes", ICML 2025, arXiv:2504.04105, equation 2
    for the rule. The bound is derived in docs/losses_and_rules.md; theirs has the exponent
    ``-eta (x^2 - 1) / (4 x)`` with ``x = gamma^2 T``, down to half of it.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.RiskAdaptive(1.0), 100)
    >>> run.separated_at
    10
    """

    name: ClassVar[str] = "risk_adaptive"
    takes_l2: ClassVar[bool] = False
    eta: float


@dataclass(frozen=True)
class InverseLoss(_WithEta):
    """Eta divided by the loss: ``w_{t+1} = w_t - eta g_t / L(w_t)``, gradient descent on ln L.

    With `Exponential` it is `RiskAdaptive`. With the other losses steps are short where the loss is
    large: with a large eta that is far slower at first.

    Parameters
    ----------
    eta : float
        The factor of the step, in units of 1 / R^2; finite and positive.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.InverseLoss(1.0), 100)
    >>> run.separated_at
    13
    """

    name: ClassVar[str] = "inverse_loss"
    takes_l2: ClassVar[bool] = False
    eta: float


@dataclass(frozen=True)
class Tyurin(_WithEta):
    """Eta divided by G: ``w_{t+1} = w_t - eta g_t / G(w_t)``; G is the mean of sigmoid(-z).

    With the logistic loss, R = 1 and rows of equal weight it separates data of margin gamma within
    ``1/gamma^2 + 2 ln(2n - 1) / (eta gamma^2)`` steps.

    Parameters
    ----------
    eta : float
        The factor of the step, in units of 1 / R^2; finite and positive.

    References
    ----------
    A. Tyurin, "From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent
    with Large Step Sizes", 2024, arXiv:2412.08424, Theorem 6.1.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Tyurin(1.0), 100)
    >>> run.separated_at
    10
    """

    name: ClassVar[str] = "tyurin"
    takes_l2: ClassVar[bool] = False
    eta: float


@dataclass(frozen=True)
class NormalizedGradient(_WithEta):
    """Steps of length eta: ``w_{t+1} = w_t - eta g_t / |g_t|``.

    No step is taken at a gradient of exactly zero.

    Parameters
    ----------
    eta : float
        The length of each step; finite and positive.

    References
    ----------
    N. Z. Shor, "Minimization Methods for Non-Differentiable Functions", Springer, 1985; for
    separable data M. S. Nacson et al., "Convergence of Gradient Descent on Separable Data",
    AISTATS 2019, arXiv:1803.01905.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.NormalizedGradient(1.0), 100)
    >>> run.separated_at
    2
    """

    name: ClassVar[str] = "normalized_gradient"
    eta: float


@dataclass(frozen=True)
class Polyak(_Rule):
    """Polyak's step towards a loss of zero: ``L(w_t) / |g_t|^2``.

    Zero is the infimum on separable data only; on others it may not converge. At a gradient of
    exactly zero no step is taken.

    References
    ----------
    B. T. Polyak, "Introduction to Optimization", Optimization Software, 1987, section 5.3.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Polyak(), 100)
    >>> run.separated_at
    2
    """

    name: ClassVar[str] = "polyak"
    adaptive: ClassVar[bool] = True
    takes_l2: ClassVar[bool] = False


@dataclass(frozen=True)
class AdGD(_Rule):
    """Adaptive gradient descent without descent.

    ``eta_t = min(sqrt(1 + theta) eta_{t-1}, |w_t - w_{t-1}| / (2 |g_t - g_{t-1}|))`` with
    ``theta = eta_{t-1} / eta_{t-2}``; theta is infinite at t = 1. Where both are infinite, because
    the gradient did not change in the first step, eta_0 is kept.

    ``eta_0 = 1 / (c R^2 + l2)``, c the largest second derivative of the loss; for a loss without
    one (`Exponential`) c is the loss at w_0, which is at least its second derivative there.

    References
    ----------
    Y. Malitsky, K. Mishchenko, "Adaptive Gradient Descent without Descent", ICML 2020,
    arXiv:1910.09529, Algorithm 1.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.AdGD(), 100)
    >>> run.separated_at
    8
    """

    name: ClassVar[str] = "adgd"
    adaptive: ClassVar[bool] = True
    n_vectors: ClassVar[int] = 2


@dataclass(frozen=True)
class BarzilaiBorwein(_Rule):
    """The long Barzilai-Borwein step ``|s|^2 / s.y``, with a non-monotone safeguard.

    s and y are the changes of weights and gradient between the last two accepted weights. Weights
    are accepted if the objective is at most the largest one at the last 10 accepted weights, minus
    1e-4 times the decrease to first order. Otherwise the step is a *failed trial*: the run returns
    to the accepted weights and takes a step 0.1 to 0.5 times as long (the minimiser of an
    interpolating parabola) along the same gradient.

    Every trial is a step and takes one pass. It has a row in the trace as any step, and counts for
    `n_steps`, `n_increases` and `separated_at`; its `stepsize` is that of the shorter step, from
    the accepted weights. If the last step of a run is a failed trial, the weights returned are
    those of the trial. A window of the monitor with a failed trial gives no bound of the margin,
    and no cycle is found in it.

    The first step is that of `AdGD`. If the gradient did not change along a step, the next stepsize
    is ten times as large.

    References
    ----------
    J. Barzilai, J. M. Borwein, "Two-Point Step Size Gradient Methods", IMA J. Numer. Anal. 8, 1988.
    L. Grippo, F. Lampariello, S. Lucidi, "A Nonmonotone Line Search Technique for Newton's Method",
    SIAM J. Numer. Anal. 23, 1986. M. Raydan, SIAM J. Optim. 7, 1997, puts the two together.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.BarzilaiBorwein(), 100)
    >>> run.separated_at
    4
    """

    name: ClassVar[str] = "barzilai_borwein"
    adaptive: ClassVar[bool] = True
    n_vectors: ClassVar[int] = 2


@dataclass(frozen=True)
class Nesterov(_Rule):
    """Nesterov's accelerated gradient with gradient restart.

    With ``x_{t+1} = w_t - eta g_t`` the end of a gradient step,
    ``w_{t+1} = x_{t+1} + (a_t - 1) / a_{t+1} * (x_{t+1} - x_t)``, where ``a_0 = 1`` and
    ``a_{t+1} = (1 + sqrt(1 + 4 a_t^2)) / 2``. Where ``<g_t, x_{t+1} - x_t> > 0``, the momentum
    points uphill and is restarted: ``w_{t+1} = x_{t+1}`` and ``a_{t+1} = 1``.

    Parameters
    ----------
    eta : float, optional
        The stepsize of the gradient steps, finite and positive. By default it is 1 over the bound
        ``c R^2 + l2`` of the smoothness, where c is the largest second derivative of the loss (1/4
        for the logistic loss). Acceleration is proved for at most 1 / smoothness.

    References
    ----------
    Y. Nesterov, "A method for solving the convex programming problem with convergence rate
    O(1/k^2)", 1983. B. O'Donoghue, E. Candes, "Adaptive Restart for Accelerated Gradient Schemes",
    Found. Comput. Math. 15, 2015, arXiv:1204.3982, for the gradient scheme.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Nesterov(), 100)
    >>> run.separated_at
    10
    """

    name: ClassVar[str] = "nesterov"
    n_vectors: ClassVar[int] = 1
    eta: float | None = None

    def __post_init__(self) -> None:
        if self.eta is not None:
            set_fields(self, eta=check_real("eta", self.eta))


@dataclass(frozen=True)
class DualMomentum(_Rule):
    """The accelerated dual method for the largest margin, the method of `max_margin`.

    With q_t the shares of the rows in G and ``p_t = sum_i q_i y_i x_i`` (so ``g_t = -G p_t``),
    ``m_t = t / (t + 1) * (m_{t-1} + p_t)`` and ``w_{t+1} = w_t + (m_t + p_t) / R^2``. With
    `Exponential`, whose shares are ``softmax(-z)``, the margin ``min z / |w|`` comes within
    O(log(n) / t^2) of that of the data, the largest there is. With other losses the shares are
    much the same once the losses are small.

    The norm of every weighted mean of the rows ``y_i x_i`` is an upper bound of the margin; p_t and
    ``2 m_t / t`` are such means, and the smallest norm so far is `margin_bound` of a `Descent`.
    With softmax the gradients of ``z_y - logsumexp(z of the other classes)`` take the place of
    ``y_i x_i``, and their largest norm that of R; the bound is of the margin to every other class.

    References
    ----------
    Z. Ji, N. Srebro, M. Telgarsky, "Fast Margin Maximization via Dual Acceleration", ICML 2021,
    arXiv:2107.00595.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.DualMomentum(), 100)
    >>> run.separated_at
    11
    """

    name: ClassVar[str] = "dual_momentum"
    adaptive: ClassVar[bool] = True
    takes_l2: ClassVar[bool] = False
    n_vectors: ClassVar[int] = 1


@dataclass(frozen=True)
class Armijo(_Rule):
    """Backtracking from eta_max in every step, until the objective f has decreased enough.

    The stepsize is the first of eta_max, eta_max / 2, eta_max / 4, ... with
    ``f(w_t - eta g_t) <= f(w_t) - decrease * eta * |g_t|^2``. Near a minimum, where rounding hides
    such a decrease, the slope of f along the step decides. There are 2,100 halvings at most, down
    to the smallest float; at a gradient of exactly zero no step is taken.

    A step takes two reads of X, however many stepsizes are tried: the pass at w_t, and the scores
    of g_t. The losses of all trials are computed from scores. As f is convex, every stepsize
    smaller than one that is accepted is accepted too, and the number of halvings is found by
    bisection, with two trials for each of its binary digits.

    It is for the logistic loss and softmax, in one process. In a sweep its runs do not share their
    passes with other runs.

    Parameters
    ----------
    eta_max : float
        The stepsize that every search starts from, in the units of X; finite and positive. On
        separable data the steps that will do grow like 1 / loss, so that 1e12 is no bad choice.
    decrease : float, default 0.5
        The share of the decrease to first order that a step must make, between 0 and 1. With 0.5
        the minimum along the gradient is still accepted where f is quadratic.

    References
    ----------
    S. Vaswani, R. Babanezhad, "Armijo Line-search Can Make (Stochastic) Gradient Descent Provably
    Faster", ICML 2025, arXiv:2503.00229. L. Armijo, Pacific J. Math. 16, 1966. The test by slopes
    is that of W. W. Hager, H. Zhang, SIAM J. Optim. 16, 2005.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Armijo(1e6), 100)
    >>> run.separated_at
    3
    """

    name: ClassVar[str] = "armijo"
    adaptive: ClassVar[bool] = True
    searches: ClassVar[bool] = True
    eta_max: float
    decrease: float = 0.5

    def __post_init__(self) -> None:
        set_fields(self, eta_max=check_real("eta_max", self.eta_max))
        set_fields(self, decrease=check_real("decrease", self.decrease))
        if not self.decrease < 1.0:
            raise ValueError(f"decrease must be less than 1; got {shown(self.decrease)}")


Rule = (
    Constant
    | Schedule
    | Silver
    | Anytime
    | RiskAdaptive
    | InverseLoss
    | Tyurin
    | NormalizedGradient
    | Polyak
    | AdGD
    | BarzilaiBorwein
    | Nesterov
    | DualMomentum
    | Armijo
)
RULES = {rule.name: rule for rule in Rule.__args__}


def resolve(stepsize: float | Rule) -> Rule:
    """Return a constant rule for a number, or the rule itself.

    Parameters
    ----------
    stepsize : float or rule
        A positive number is a constant stepsize.

    Returns
    -------
    rule
        The rule.

    Raises
    ------
    TypeError, ValueError
        If `stepsize` is neither a rule of this module nor a finite positive number.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.stepsizes.resolve(32)
    Constant(eta=32.0)
    """
    if type(stepsize) in Rule.__args__:  # not a derived class: compiled code would not know of it
        return stepsize
    if isinstance(stepsize, numbers.Real):
        return Constant(check_real("stepsize", stepsize))
    raise TypeError(
        f"stepsize must be a number or a rule of lsgd_fast.stepsizes; got {shown(stepsize)}"
    )


def as_passed(stepsize: float | Rule) -> float | Rule:
    """Return a stepsize that `resolve` accepts, numbers other than int and float as a float."""
    rule = resolve(stepsize)
    return stepsize if rule is stepsize or type(stepsize) in (int, float) else rule.eta


def number_or_rule(rule: Rule) -> float | Rule:
    """Return the number of a `Constant`, and any other rule as it is."""
    return rule.eta if isinstance(rule, Constant) else rule


def check_nesterov(stepsize: float | None) -> Nesterov:
    """Return the rule `Nesterov` of a stepsize, a number or None."""
    return Nesterov(None if stepsize is None else check_real("stepsize", stepsize))


def check_rule(rule: Rule, problem: Any) -> None:
    """Raise ValueError if a rule does not apply to a problem; the message names the argument.

    Parameters
    ----------
    rule : rule
        A rule of this module.
    problem : Problem
        The data and the objective, checked.

    Raises
    ------
    ValueError
        If the rule does not apply: to a penalty, to a network, or where the smoothness that it
        needs has no bound.
    """
    if problem.l2 > 0.0 and not rule.takes_l2:
        raise ValueError(
            f"l2 must be 0 with {type(rule).__name__}, which assumes an infimum of zero; "
            f"got {problem.l2!r}"
        )
    if isinstance(rule, RiskAdaptive) and getattr(problem.loss, "log_slope_at", None) is None:
        raise ValueError(
            f"loss must be one with `log_slope_at` for RiskAdaptive; got {problem.loss!r}"
        )
    if rule.adaptive and problem.model.name == "network":
        raise ValueError(
            f"stepsize must not be {type(rule).__name__} for a network: it is for linear models"
        )
    if rule.searches:
        check_search(rule, problem)
    missing = (isinstance(rule, _WithSmoothness) and rule.smoothness is None and "smoothness") or (
        isinstance(rule, Nesterov) and rule.eta is None and "eta"
    )
    if missing and not 0.0 < smoothness_bound(problem) < math.inf:
        raise ValueError(
            f"stepsize: {type(rule).__name__} needs its {missing}: the smoothness has no bound for "
            f"a {problem.model.name} model, the loss {problem.loss!r} and rows of radius "
            f"{problem.radius!r}"
        )


def check_search(rule: Rule, problem: Any) -> None:
    """Raise ValueError if a rule cannot search along the gradients of a problem."""
    name = type(rule).__name__
    if not isinstance(problem.loss, (Logistic, Softmax)):
        raise ValueError(
            f"stepsize must not be {name} with the loss {problem.loss!r}: it is for the logistic "
            f"loss and softmax; BarzilaiBorwein takes any"
        )
    if problem.ranks.size > 1:
        raise ValueError(
            f"stepsize must not be {name} for distributed rows: it is for those of one process; "
            f"BarzilaiBorwein takes both"
        )


def smoothness_bound(problem: Any) -> float:
    """Return ``c R^2 + l2``, a bound of the curvature of the objective; inf where there is none."""
    if problem.model.name == "network":
        return math.inf
    return problem.loss.curvature * problem.margin_slope * problem.margin_slope + problem.l2


def eta_of(rule: Rule, problem: Any) -> float:
    """Return the parameter eta of a rule, 1 / smoothness of `Anytime`, 0.0 if it has none."""
    if isinstance(rule, Anytime):
        return 1.0 / _smoothness_of(rule, problem)
    if isinstance(rule, Nesterov) and rule.eta is None:
        return 1.0 / smoothness_bound(problem)
    return getattr(rule, "eta", 0.0)


def known_values(rule: Rule, problem: Any) -> list[float]:
    """Return the stepsizes that are known before the run, as a list of floats.

    They are those of a `Schedule`, the one of `Constant`, or those of `Silver` by the exponent of 2
    in t + 1, which are steps of `Anytime`, too. Other rules have none.
    """
    if isinstance(rule, Constant):
        return [rule.eta]
    if isinstance(rule, Schedule):
        return list(rule.values)
    if not isinstance(rule, _WithSmoothness):
        return []
    smoothness = _smoothness_of(rule, problem)
    growth = 1.0 + math.sqrt(2.0)
    return [(1.0 + growth ** (nu - 1)) / smoothness for nu in range(64)]


def _smoothness_of(rule, problem):
    return smoothness_bound(problem) if rule.smoothness is None else rule.smoothness


def largest(rule: Rule, problem: Any) -> float:
    """Return the largest stepsize of a rule, inf if it is not known."""
    return max(known_values(rule, problem), default=math.inf)


def to_plain(rule: Rule) -> float | dict[str, Any]:
    """Return a rule as plain data for `from_plain`: a number or a dict."""
    if isinstance(rule, Constant):
        return rule.eta
    return {"rule": rule.name} | {field.name: getattr(rule, field.name) for field in fields(rule)}


def from_plain(data: Any) -> Rule:
    """Return the rule of data from `to_plain`; raise TypeError or ValueError for other data."""
    if not isinstance(data, dict):
        return resolve(data)
    data = dict(data)
    name = data.pop("rule", None)
    rule = RULES.get(name)
    if rule is None:
        raise ValueError(f"unknown stepsize rule {name!r}")
    return rule(**data)
