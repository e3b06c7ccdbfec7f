"""Losses as functions of the margin z = y * (x . w + b), accurate over all of float64.

With g(z) = -loss'(z), each loss has the constants of Assumption 3 of Wu, Bartlett, Telgarsky, Yu
(COLT 2024, arXiv:2402.15926), under which the theory of large stepsizes holds:

``C_g``
    Bound of g: the loss is Lipschitz. inf where it is not.
``C_beta``
    Self-boundedness: ``g(z) <= C_beta * loss(z)``, and for ``|z - x| < 1`` the loss at z is at most
    its tangent at x plus ``C_beta * g(x) * (z - x)^2``.
``C_e``
    Exponential tail: ``loss(z) <= C_e * g(z)`` for z >= 0; inf where there is none.
``rho(lam)``
    Upper bound of ``min_z lam * loss(z) + z^2`` for lam >= 1.

and two that bound the curvature of the objective: ``curvature``, the largest second derivative, and
``curvature_ratio``, the largest ratio of the second derivative to the loss. Both are inf where
there is no bound.

`Tsallis` and `Renyi2` have a ``separation_margin`` as well, from which on they are exactly 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import check_real, set_fields, shown
from lsgd_fast._docstrings import documented
from lsgd_fast._separating_losses import Renyi2, SemiCircle, Tsallis, check_lam

__all__ = [
    "Exponential",
    "FlattenedExponential",
    "FlattenedPolynomial",
    "Logistic",
    "Renyi2",
    "SemiCircle",
    "Softmax",
    "Tsallis",
    "resolve",
]

# Beyond z = 36, log(loss(z)) = -z - exp(-z)/2 + ... equals -z to 4e-18 relative.
LOG_VALUE_IS_LINEAR = 36.0

# (1 - exp(-L)) / L is 1 to the last bit at this loss L and all smaller ones.
SMALLEST_LOSS = 1e-300

# The range of the parameter of the flattened losses: nothing overflows for margins up to 1e300.
SMALLEST_PARAMETER, LARGEST_PARAMETER = 1e-8, 1e8


@documented
@dataclass(frozen=True)
class Logistic:
    """The logistic loss, ``log(1 + exp(-z))``.

    All methods of a loss take float64 arrays of any shape and return new ones. Infinite margins
    give the limits, NaN gives NaN, and nothing warns.

    References
    ----------
    The forms that neither overflow nor cancel: M. Maechler, "Accurately computing
    ``log(1 - exp(-|a|))``", vignette of the R package Rmpfr, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.Logistic().value(np.array([0.0, -1e308])).tolist()
    [0.6931471805599453, 1e+308]
    """

    name: ClassVar[str] = "logistic"
    C_g: ClassVar[float] = 1.0
    C_beta: ClassVar[float] = math.e / 2.0
    C_e: ClassVar[float] = 2.0
    curvature: ClassVar[float] = 0.25
    curvature_ratio: ClassVar[float] = 1.0

    @staticmethod
    def rho(lam: float) -> float:
        """Return an upper bound of ``min_z lam * loss(z) + z^2``.

        Parameters
        ----------
        {lam}

        Returns
        -------
        float
            ``1 + ln(lam)^2``, which bounds the value at ``z = ln(lam)``.
        """
        return _rho_of_exponential_tail(lam)

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``log(1 + exp(-z))``; 0 where that underflows (z > 745).
        """
        with np.errstate(under="ignore"):
            return np.maximum(-z, 0.0) + np.log1p(np.exp(-np.abs(z)))

    def log_value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the loss at each margin, finite where `value` underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``log(log(1 + exp(-z)))``.
        """
        near = np.log(self.value(np.minimum(z, LOG_VALUE_IS_LINEAR)))
        return np.where(z > LOG_VALUE_IS_LINEAR, -z, near)

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-1 / (1 + exp(z))``, from -1 to 0.
        """
        with np.errstate(under="ignore"):
            small = np.exp(-np.abs(z))  # never overflows
            return -np.where(z > 0.0, small, 1.0) / (1.0 + small)

    def log_slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative, finite where the derivative underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-log(1 + exp(z))``.
        """
        return -self.value(-z)

    def log_slope_at(self, log_value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative where the loss has given logarithms.

        Parameters
        ----------
        {log_value}

        Returns
        -------
        ndarray of float64
            ``log(1 - exp(-L))``, which is `log_value` to the last bit for small losses L.
        """
        with np.errstate(under="ignore", over="ignore"):
            loss = np.exp(log_value)
            small = np.clip(loss, SMALLEST_LOSS, 1.0)
            near = log_value + np.log(-np.expm1(-small) / small)
            return np.where(loss < 1.0, near, np.log1p(-np.exp(-np.maximum(loss, 1.0))))


@documented
@dataclass(frozen=True)
class Softmax(Logistic):
    """The loss of several classes, ``logsumexp(z) - z_y``, where z has a score for each class.

    It is the logistic loss at ``z_y - logsumexp(z without z_y)``, the argument of the methods.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> z = np.array([1.0, 0.5, 0.25])  # the scores of a row whose class is the first
    >>> margin = z[0] - np.log(np.exp(z[1]) + np.exp(z[2]))
    >>> lsgd.losses.Softmax().value(np.array([margin])).round(6).tolist()
    [0.731838]
    >>> round(float(np.log(np.exp(z).sum()) - z[0]), 6)
    0.731838
    """

    name: ClassVar[str] = "softmax"


@documented
@dataclass(frozen=True)
class Exponential:
    """The exponential loss, ``exp(-z)``.

    It is not Lipschitz: no theorem covers large constant stepsizes, and runs with them diverge.
    With the rule `RiskAdaptive` the rows are weighted by a softmax of their negative margins.

    References
    ----------
    J. Wu, V. Braverman, J. D. Lee, "Implicit Bias of Gradient Descent for Logistic Regression at
    the Edge of Stability", NeurIPS 2023, arXiv:2305.11788, for its divergence.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.Exponential().log_value(np.array([-1e300, 1e300])).tolist()
    [1e+300, -1e+300]
    """

    name: ClassVar[str] = "exponential"
    C_g: ClassVar[float] = math.inf
    C_beta: ClassVar[float] = math.e / 2.0
    C_e: ClassVar[float] = 1.0
    curvature: ClassVar[float] = math.inf
    curvature_ratio: ClassVar[float] = 1.0

    @staticmethod
    def rho(lam: float) -> float:
        """Return an upper bound of ``min_z lam * loss(z) + z^2``.

        Parameters
        ----------
        {lam}

        Returns
        -------
        float
            ``1 + ln(lam)^2``, which bounds the value at ``z = ln(lam)``.
        """
        return _rho_of_exponential_tail(lam)

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``exp(-z)``; it may overflow to inf.
        """
        with np.errstate(under="ignore", over="ignore"):
            return np.exp(-z)

    def log_value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the loss at each margin, finite where `value` underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-z``.
        """
        return -z

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-exp(-z)``.
        """
        return -self.value(z)

    def log_slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative, finite where the derivative underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-z``.
        """
        return -z

    def log_slope_at(self, log_value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative where the loss has given logarithms.

        Parameters
        ----------
        {log_value}

        Returns
        -------
        ndarray of float64
            `log_value`: the loss is minus its own derivative.
        """
        return log_value


@documented
@dataclass(frozen=True)
class FlattenedExponential:
    """The exponential loss ``exp(-a z)`` for z > 0, and its tangent ``1 - a z`` for z <= 0.

    Parameters
    ----------
    a : float, default 1.0
        The rate of the exponential, from 1e-8 to 1e8.

    References
    ----------
    J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic
    Loss", COLT 2024, arXiv:2402.15926, Proposition 5. The constants are derived independently and
    may be smaller than in the paper.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.FlattenedExponential(2.0).value(np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [3.0, 1.0, 0.135]
    """

    name: ClassVar[str] = "flattened_exponential"
    a: float = 1.0

    def __post_init__(self) -> None:
        set_fields(self, a=_check_parameter(self.a))

    @property
    def C_g(self) -> float:
        """``a``, the slope of the tangent."""
        return self.a

    @property
    def C_beta(self) -> float:
        """``a * max(1, exp(a) / 2)``, by the growth of the second derivative over length 1."""
        return self.a * max(1.0, 0.5 * math.exp(self.a)) if self.a < 700.0 else math.inf

    @property
    def C_e(self) -> float:
        """``1 / a``."""
        return 1.0 / self.a

    @property
    def curvature(self) -> float:
        """``a^2``."""
        return self.a * self.a

    @property
    def curvature_ratio(self) -> float:
        """``a^2``."""
        return self.a * self.a

    def rho(self, lam: float) -> float:
        """Return an upper bound of ``min_z lam * loss(z) + z^2``.

        Parameters
        ----------
        {lam}

        Returns
        -------
        float
            ``1 + (ln(lam) / a)^2``, the value at ``z = ln(lam) / a``.
        """
        return 1.0 + (math.log(check_lam(lam)) / self.a) ** 2

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``exp(-a z)`` for z > 0, and ``1 - a z`` for z <= 0.
        """
        with np.errstate(under="ignore", over="ignore"):
            t = self.a * z
            return np.where(z > 0.0, np.exp(-np.maximum(t, 0.0)), 1.0 - t)

    def log_value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the loss at each margin, finite where `value` underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-a z`` for z > 0, and ``log(1 - a z)`` for z <= 0.
        """
        with np.errstate(over="ignore"):
            t = self.a * z
            return np.where(z > 0.0, -t, np.log1p(-np.minimum(t, 0.0)))

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-a exp(-a z)`` for z > 0, and ``-a`` for z <= 0.
        """
        with np.errstate(under="ignore", over="ignore"):
            return -self.a * np.exp(-np.maximum(self.a * z, 0.0))

    def log_slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative, finite where the derivative underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``log(a) - max(a z, 0)``.
        """
        with np.errstate(over="ignore"):
            return math.log(self.a) - np.maximum(self.a * z, 0.0)

    def log_slope_at(self, log_value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative where the loss has given logarithms.

        Parameters
        ----------
        {log_value}

        Returns
        -------
        ndarray of float64
            ``log(a) + min(log_value, 0)``.
        """
        return math.log(self.a) + np.minimum(log_value, 0.0)


@documented
@dataclass(frozen=True)
class FlattenedPolynomial:
    """The polynomial loss ``(1 + z)^-a`` for z > 0, and its tangent ``1 - a z`` for z <= 0.

    Parameters
    ----------
    a : float, default 1.0
        The power of the polynomial, from 1e-8 to 1e8.

    References
    ----------
    J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic
    Loss", COLT 2024, arXiv:2402.15926, Proposition 5 and Table 1. The constants are derived
    independently and may be smaller than in the paper.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.FlattenedPolynomial(2.0).value(np.array([-1.0, 0.0, 1.0])).tolist()
    [3.0, 1.0, 0.25]
    """

    name: ClassVar[str] = "flattened_polynomial"
    C_e: ClassVar[float] = math.inf
    a: float = 1.0

    def __post_init__(self) -> None:
        set_fields(self, a=_check_parameter(self.a))

    @property
    def C_g(self) -> float:
        """``a``, the slope of the tangent."""
        return self.a

    @property
    def C_beta(self) -> float:
        """``(a + 1) 2^a``, half the second derivative at 0 divided by g(1)."""
        return (self.a + 1.0) * 2.0**self.a if self.a < 1000.0 else math.inf

    @property
    def curvature(self) -> float:
        """``a (a + 1)``."""
        return self.a * (self.a + 1.0)

    @property
    def curvature_ratio(self) -> float:
        """``a (a + 1)``."""
        return self.a * (self.a + 1.0)

    def rho(self, lam: float) -> float:
        """Return an upper bound of ``min_z lam * loss(z) + z^2``.

        Parameters
        ----------
        {lam}

        Returns
        -------
        float
            ``2 lam^(2 / (a + 2))``, a bound of the value at ``z = lam^(1 / (a + 2))``.
        """
        return 2.0 * check_lam(lam) ** (2.0 / (self.a + 2.0))

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``(1 + z)^-a`` for z > 0, and ``1 - a z`` for z <= 0.
        """
        with np.errstate(under="ignore", over="ignore"):
            return np.where(z > 0.0, (1.0 + np.maximum(z, 0.0)) ** -self.a, 1.0 - self.a * z)

    def log_value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the loss at each margin, finite where `value` underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-a log(1 + z)`` for z > 0, and ``log(1 - a z)`` for z <= 0.
        """
        with np.errstate(over="ignore"):
            near = np.log1p(-self.a * np.minimum(z, 0.0))
            return np.where(z > 0.0, -self.a * np.log1p(np.maximum(z, 0.0)), near)

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-a (1 + z)^(-a - 1)`` for z > 0, and ``-a`` for z <= 0.
        """
        with np.errstate(under="ignore", over="ignore"):
            return -self.a * (1.0 + np.maximum(z, 0.0)) ** (-self.a - 1.0)

    def log_slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative, finite where the derivative underflows.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``log(a) - (a + 1) log(1 + max(z, 0))``.
        """
        return math.log(self.a) - (self.a + 1.0) * np.log1p(np.maximum(z, 0.0))

    def log_slope_at(self, log_value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative where the loss has given logarithms.

        Parameters
        ----------
        {log_value}

        Returns
        -------
        ndarray of float64
            ``log(a) + (a + 1) / a * min(log_value, 0)``.
        """
        return math.log(self.a) + (self.a + 1.0) / self.a * np.minimum(log_value, 0.0)


def _check_parameter(a):
    a = check_real("a", a)
    if not SMALLEST_PARAMETER <= a <= LARGEST_PARAMETER:
        raise ValueError(
            f"a must be from {SMALLEST_PARAMETER:g} to {LARGEST_PARAMETER:g}; got {a!r}"
        )
    return a


def _rho_of_exponential_tail(lam):
    """Return the value at ``z = ln(lam)`` where the loss is at most ``exp(-z)``."""
    return 1.0 + math.log(check_lam(lam)) ** 2


Loss = (
    Logistic | Exponential | FlattenedExponential | FlattenedPolynomial | Tsallis | Renyi2
    | SemiCircle
)  # fmt: skip
_BY_NAME = {loss.name: loss for loss in (Logistic, Exponential, Softmax, Renyi2, SemiCircle)}
_PARAMETERS = {FlattenedExponential: "a", FlattenedPolynomial: "a", Tsallis: "q"}
_TYPES = (*Loss.__args__, Softmax)


def resolve(
    loss: Literal["logistic", "exponential", "softmax", "renyi2", "semi_circle"] | Loss,
) -> Loss:
    """Return the loss of a name, or the object itself.

    Parameters
    ----------
    loss : str or object
        ``"logistic"``, ``"exponential"``, ``"softmax"``, ``"renyi2"``, ``"semi_circle"``, or an
        object of this module.

    Returns
    -------
    Loss
        The loss, an object of this module.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `loss` is neither a name nor a loss of this module.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.resolve("logistic")
    Logistic()
    """
    if type(loss) in _TYPES:  # not a derived class: compiled code would not know of its methods
        return loss
    if not isinstance(loss, str):
        raise TypeError(f"loss must be a name or an object of lsgd_fast.losses; got {shown(loss)}")
    name = str.__str__(loss)
    if name not in _BY_NAME:
        known = ", ".join(repr(name) for name in _BY_NAME)
        raise ValueError(
            f"loss {shown(name)} is unknown; known names: {known}; losses with a parameter are "
            "objects of lsgd_fast.losses"
        )
    return _BY_NAME[name]()


def to_plain(loss: Loss) -> str | dict[str, Any]:
    """Return a loss as plain data for `from_plain`: its name or a dict."""
    if loss.name in _BY_NAME:
        return loss.name
    parameter = _PARAMETERS[type(loss)]
    return {"name": loss.name, parameter: getattr(loss, parameter)}


def from_plain(data: Any) -> Loss:
    """Return the loss of data from `to_plain`; raise TypeError or ValueError for other data."""
    if not isinstance(data, dict):
        return resolve(data)
    for kind, parameter in _PARAMETERS.items():
        if set(data) == {"name", parameter} and data["name"] == kind.name:
            return kind(data[parameter])
    raise ValueError(f"unknown loss {data!r}")


def separation_margin(loss: Loss) -> float:
    """Return the margin from which on a loss is exactly 0, inf where there is none."""
    return getattr(loss, "separation_margin", math.inf)


def is_zero(loss: Loss, measured: Any) -> bool:
    """Return whether a loss is exactly 0, as no loss is but with a separation margin.

    Parameters
    ----------
    loss : Loss
    measured : object
        With attributes `loss` and `ln_loss`.

    Returns
    -------
    bool
    """
    can_be_zero = separation_margin(loss) < math.inf
    return can_be_zero and bool(measured.loss == 0.0 and measured.ln_loss == -math.inf)
