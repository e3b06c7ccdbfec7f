"""Fenchel-Young losses of two classes, most of which are exactly zero from a margin on.

Of a convex potential phi on [0, 1] that is 0 at both ends, the loss is
``max over p in [0, 1] of -z p - phi(p)``; the p that attains it is g(z) = -loss'(z). Where the
slope of phi at 0 is finite, its negative m is the *separation margin*: for z >= m the loss is
exactly 0, and for z <= -m it is -z.

Between the two, loss and slope are sums of positive terms in the distance h = m - z, which is exact
near m: they are right to a few units in the last place, however small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import check_real, set_fields
from lsgd_fast._docstrings import documented

__all__ = ["Renyi2", "SemiCircle", "Tsallis", "check_lam"]

# Below this logarithm of the loss, the leading term of slope over loss is right to the last bit.
LOG_VALUE_IS_SMALL = -120.0
N_ITERATIONS = 8  # of Newton's method; five are enough

# From here on sqrt(z^2 + 4) equals |z| to the last bit.
SQUARE_IS_LARGE = 1e9


@documented
class _SeparatingLoss:
    """What the losses with a separation margin share; each has its `_terms`."""

    # a ClassVar would not do: that of `Tsallis` depends on its parameter
    separation_margin: Any

    def _terms(self, h, rest):
        """Return loss and slope at the distances h from m, and ``rest = 2 m - h`` from -m."""
        raise NotImplementedError

    def _at(self, z):
        """Return loss and slope of margins, taken as m or -m beyond these; NaN passes through."""
        m = self.separation_margin
        within = np.clip(z, -m, m)
        return self._terms(m - within, m + within)

    def rho(self, lam: float) -> float:
        """Return an upper bound of ``min_z lam * loss(z) + z^2``.

        Parameters
        ----------
        {lam}

        Returns
        -------
        float
            The square of the separation margin, where the loss is 0.
        """
        check_lam(lam)
        return self.separation_margin**2

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            The loss; exactly 0 from the separation margin on.
        """
        m = self.separation_margin
        return np.where(z < -m, -z, self._at(z)[0])

    def log_value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            The logarithm; -inf where the loss is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.value(z))

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            From -1 to 0; exactly 0 from the separation margin on.
        """
        return 0.0 - self._at(z)[1]

    def log_slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            The logarithm; -inf where the derivative is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self._at(z)[1])

    # near the margin loss = factor * h^power, and slope = its derivative
    _factor: Any
    _power: Any

    def log_slope_at(self, log_value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative where the loss has given logarithms.

        Parameters
        ----------
        {log_value}

        Returns
        -------
        ndarray of float64
            The logarithm, 0 for losses from the separation margin on.
        """
        m, power = self.separation_margin, self._power
        log_h = (log_value - math.log(self._factor)) / power
        small = log_value < LOG_VALUE_IS_SMALL
        far = math.log(power * self._factor) + (power - 1.0) * log_h
        # ln loss is nearly linear in ln h, with a slope between `power` and 2
        with np.errstate(all="ignore"):
            h = np.minimum(np.exp(log_h), 2.0 * m)
            for _ in range(N_ITERATIONS):
                value, slope = self._terms(h, 2.0 * m - h)
                change = (log_value - np.log(value)) * value / (h * slope)
                h = np.minimum(h * np.exp(change), 2.0 * m)
            near = np.minimum(np.log(self._terms(h, 2.0 * m - h)[1]), 0.0)
            return np.where(small, far, np.where(log_value >= math.log(m), 0.0, near))


@documented
@dataclass(frozen=True)
class Tsallis(_SeparatingLoss):
    """The loss of the Tsallis entropy of order q, exactly 0 from a margin on.

    For q = 2 it is ``(2 - z)^2 / 8`` for -2 <= z <= 2, a smoothed hinge loss: that of sparsemax,
    and up to scale the modified Huber loss. For q = 1.5 it is that of 1.5-entmax, for
    -3 <= z <= 3, and of third order at its end. Beyond, both are 0 for positive margins, and -z for
    negative ones.

    Parameters
    ----------
    q : {1.5, 2.0}, default 2.0
        The order of the entropy.

    Attributes
    ----------
    separation_margin : float
        The least margin z of which the loss is exactly 0: 3 for q = 1.5 and 2 for q = 2.

    References
    ----------
    M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young Losses", JMLR 21, 2020,
    arXiv:1901.02324, for the losses. H. Bao, S. Sakaue, Y. Takezawa, "Any-stepsize Gradient Descent
    for Separable Data under Fenchel-Young Losses", NeurIPS 2025, arXiv:2502.04889, for large
    stepsizes.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.Tsallis(2).value(np.array([-3.0, 0.0, 1.0, 2.0])).tolist()
    [3.0, 0.5, 0.125, 0.0]
    """

    name: ClassVar[str] = "tsallis"
    C_g: ClassVar[float] = 1.0
    C_beta: ClassVar[float] = math.inf
    curvature_ratio: ClassVar[float] = math.inf
    q: float = 2.0

    def __post_init__(self) -> None:
        q = check_real("q", self.q)
        if q not in (1.5, 2.0):
            raise ValueError(f"q must be 1.5 or 2; got {q!r}")
        set_fields(self, q=q)

    @property
    def separation_margin(self) -> float:
        """``q / (q - 1)``, the slope of the entropy at 0."""
        return self.q / (self.q - 1.0)

    @property
    def C_e(self) -> float:
        """The ratio of loss and slope at 0, which falls from there on."""
        return 1.0 if self.q == 2.0 else 4.0 - 2.0 * math.sqrt(2.0)

    @property
    def curvature(self) -> float:
        """1 over the least second derivative of the potential."""
        return 0.25 if self.q == 2.0 else math.sqrt(2.0) / 6.0

    @property
    def _factor(self) -> float:
        return 0.125 if self.q == 2.0 else 1.0 / 27.0

    @property
    def _power(self) -> float:
        return 2.0 if self.q == 2.0 else 3.0

    def _terms(self, h, rest):
        if self.q == 2.0:
            return h * h / 8.0, h / 4.0
        # a and b are the square roots of p and 1 - p, with b - a = z / 3
        t = h / 3.0
        u, product = 1.0 - t, t * (2.0 - t)
        root = np.sqrt(1.0 + product)
        a = np.where(u > 0.0, product / (root + np.abs(u)), (root - u) / 2.0)
        b = a + u
        square = a * a
        return square * a * (1.0 + a * (2.0 + b) / ((1.0 + b) * (1.0 + b))), square


@documented
@dataclass(frozen=True)
class Renyi2(_SeparatingLoss):
    """The loss of the Renyi entropy of order 2, exactly 0 for z >= 2.

    Its slope ends like a square root, so that its second derivative is not bounded: no stepsize is
    small. For z <= -2 the loss is -z.

    References
    ----------
    H. Bao, S. Sakaue, Y. Takezawa, "Any-stepsize Gradient Descent for Separable Data under
    Fenchel-Young Losses", NeurIPS 2025, arXiv:2502.04889.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.Renyi2().value(np.array([-3.0, 0.0, 1.0, 2.0])).round(3).tolist()
    [3.0, 0.693, 0.258, 0.0]
    """

    name: ClassVar[str] = "renyi2"
    C_g: ClassVar[float] = 1.0
    C_beta: ClassVar[float] = math.inf
    C_e: ClassVar[float] = 2.0 * math.log(2.0)
    curvature: ClassVar[float] = math.inf
    curvature_ratio: ClassVar[float] = math.inf
    separation_margin: ClassVar[float] = 2.0
    _factor: ClassVar[float] = 1.0 / 3.0
    _power: ClassVar[float] = 1.5

    def _terms(self, h, rest):
        # With k = h / 2 and r^2 = h rest / 4, the loss is log(1 + r) - r + k, and k is
        # (r^2 + k^2) / 2. As in log1p, s = r / (2 + r) takes the first terms of the logarithm off.
        k = h / 2.0
        r = np.sqrt(h * rest) / 2.0
        s = r / (2.0 + r)
        w = s * s
        tail = np.zeros_like(w)
        for i in range(20, -1, -1):
            tail = tail * w + 2.0 / (2 * i + 3)
        value = r * r * r / (2.0 * (2.0 + r)) + s * w * tail + k * k / 2.0
        return value, (k + r) / (2.0 * (1.0 + r))


@documented
@dataclass(frozen=True)
class SemiCircle:
    """The semi-circle loss, ``(sqrt(z^2 + 4) - z) / 2``: without a separation margin.

    For large margins it is 1 / z.

    References
    ----------
    H. Bao, S. Sakaue, Y. Takezawa, "Any-stepsize Gradient Descent for Separable Data under
    Fenchel-Young Losses", NeurIPS 2025, arXiv:2502.04889.

    Examples
    --------
    >>> import numpy as np
    >>> import lsgd_fast as lsgd
    >>> lsgd.losses.SemiCircle().value(np.array([-1.5, 0.0, 1.5])).tolist()
    [2.0, 1.0, 0.5]
    """

    name: ClassVar[str] = "semi_circle"
    C_g: ClassVar[float] = 1.0
    # as loss'' <= c g with c = 3 sqrt(3) / 8, also (ln g)' >= -c: over length 1, c e^c / 2
    C_beta: ClassVar[float] = 3.0 * math.sqrt(3.0) / 16.0 * math.exp(3.0 * math.sqrt(3.0) / 8.0)
    C_e: ClassVar[float] = math.inf
    curvature: ClassVar[float] = 0.25
    curvature_ratio: ClassVar[float] = 8.0 / 27.0

    @staticmethod
    def rho(lam: float) -> float:
        """Return an upper bound of ``min_z lam * loss(z) + z^2``.

        Parameters
        ----------
        {lam}

        Returns
        -------
        float
            ``3 (lam / 2)^(2 / 3)``, the least ``lam / z + z^2``.
        """
        return 3.0 * (check_lam(lam) / 2.0) ** (2.0 / 3.0)

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``(sqrt(z^2 + 4) - z) / 2``.
        """
        half = 0.5 * _length(z) + 0.5 * np.abs(z)  # neither term overflows
        with np.errstate(under="ignore", over="ignore"):
            return np.where(z > 0.0, 1.0 / half, half)

    def log_value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-arsinh(z / 2)``.
        """
        return -np.arcsinh(z / 2.0)

    def derivative(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-1 / (1 + 1 / loss^2)``, from -1 to 0.
        """
        with np.errstate(under="ignore"):
            small = self.value(np.abs(z)) ** 2
            return -np.where(z > 0.0, small, 1.0) / (1.0 + small)

    def log_slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative.

        Parameters
        ----------
        {z}

        Returns
        -------
        ndarray of float64
            ``-log(1 + 1 / loss^2)``.
        """
        with np.errstate(under="ignore"):
            small = self.value(np.abs(z)) ** 2
            return -2.0 * np.arcsinh(np.maximum(z, 0.0) / 2.0) - np.log1p(small)

    def log_slope_at(self, log_value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of minus the derivative where the loss has given logarithms.

        Parameters
        ----------
        {log_value}

        Returns
        -------
        ndarray of float64
            ``-log(1 + exp(-2 log_value))``.
        """
        with np.errstate(under="ignore"):
            small = np.log1p(np.exp(-2.0 * np.abs(log_value)))
            return 2.0 * np.minimum(log_value, 0.0) - small


def _length(z):
    """Return ``sqrt(z^2 + 4)``."""
    near = np.clip(z, -SQUARE_IS_LARGE, SQUARE_IS_LARGE)
    return np.where(np.abs(z) > SQUARE_IS_LARGE, np.abs(z), np.sqrt(near * near + 4.0))


def check_lam(lam: float) -> float:
    """Return the argument of `rho`, a number of at least 1."""
    lam = check_real("lam", lam)
    if lam < 1.0:
        raise ValueError(f"lam must be finite and at least 1; got {lam!r}")
    return lam
