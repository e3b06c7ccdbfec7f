"""Losses as functions of the margin z = y * (x . w + b), exact at both ends of float64."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

__all__ = ["Logistic", "Softmax", "resolve"]

# Beyond z = 36, log(loss(z)) = -z - exp(-z)/2 + ... equals -z to 4e-18 relative.
LOG_VALUE_IS_LINEAR = 36.0


@dataclass(frozen=True)
class Logistic:
    """The logistic loss, ``log(1 + exp(-z))``.

    All methods take float64 arrays of any shape and return new ones. Infinite margins give the
    limits, NaN gives NaN, and nothing warns.

    References
    ----------
    The forms that neither overflow nor cancel: M. Maechler, "Accurately computing
    log(1 - exp(-|a|))", vignette of the R package Rmpfr, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> Logistic().value(np.array([0.0, -1e308])).tolist()
    [0.6931471805599453, 1e+308]
    """

    name: ClassVar[str] = "logistic"

    def value(self, z):
        """Return the loss at each margin.

        Parameters
        ----------
        z : ndarray of float64
            Margins.

        Returns
        -------
        ndarray of float64
            ``log(1 + exp(-z))``; 0 where that underflows (z > 745).
        """
        with np.errstate(under="ignore"):
            return np.maximum(-z, 0.0) + np.log1p(np.exp(-np.abs(z)))

    def log_value(self, z):
        """Return the logarithm of the loss at each margin, finite where `value` underflows.

        Parameters
        ----------
        z : ndarray of float64
            Margins.

        Returns
        -------
        ndarray of float64
            ``log(log(1 + exp(-z)))``.
        """
        near = np.log(self.value(np.minimum(z, LOG_VALUE_IS_LINEAR)))
        return np.where(z > LOG_VALUE_IS_LINEAR, -z, near)

    def derivative(self, z):
        """Return the derivative of the loss at each margin.

        Parameters
        ----------
        z : ndarray of float64
            Margins.

        Returns
        -------
        ndarray of float64
            ``-1 / (1 + exp(z))``, from -1 to 0.
        """
        with np.errstate(under="ignore"):
            small = np.exp(-np.abs(z))  # never overflows
            return -np.where(z > 0.0, small, 1.0) / (1.0 + small)


@dataclass(frozen=True)
class Softmax(Logistic):
    """The loss of several classes, ``logsumexp(z) - z_y``, with z a product for each class.

    It is the logistic loss of ``z_y - logsumexp(z without z_y)``, and of that the methods are
    functions.

    Examples
    --------
    >>> import numpy as np
    >>> Softmax().value(np.array([1.0 - np.log(np.exp(0.5) + np.exp(0.25))])).round(12).tolist()
    [0.727187855772]
    """

    name: ClassVar[str] = "softmax"


_BY_NAME = {loss.name: loss for loss in (Logistic, Softmax)}


def resolve(loss):
    """Return the loss object that a name stands for, or the object itself.

    Parameters
    ----------
    loss : str or object
        ``"logistic"``, ``"softmax"`` or an object of this module.

    Returns
    -------
    Logistic

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If `loss` is neither a name nor a loss of this module.
    """
    if isinstance(loss, Logistic):
        return loss
    if not isinstance(loss, str):
        raise TypeError(f"loss must be a name or an object of lsgd_fast.losses; got {loss!r}")
    if loss not in _BY_NAME:
        known = ", ".join(repr(name) for name in _BY_NAME)
        raise ValueError(f"loss {loss!r} is unknown; known names: {known}")
    return _BY_NAME[loss]()
