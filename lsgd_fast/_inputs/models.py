"""Models: how the columns of weights make the margin of a row, and the constants of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import check_choice, check_count
from lsgd_fast._constants import LEAKY_SLOPE

__all__ = ["ACTIVATIONS", "Linear", "Softmax", "TwoLayer", "check_network"]

# The slope of an activation left of 0; None where it has no kink there.
ACTIVATIONS = {"relu": 0.0, "leaky_relu": LEAKY_SLOPE, "softplus": None}


@dataclass(frozen=True)
class Linear:
    """One column of weights; margins are ``y_i (x_i . w + b)``.

    Attributes
    ----------
    columns : int
        Columns of weights, each with an intercept if one is fitted.
    spread : float
        Bound of the norm of the gradient of a margin, divided by the norm of the row.
    at_zero : float
        Bound of the terms of a margin at zero weights, without an offset: they add up to at most
        ``spread * |x| * |w| + at_zero``.
    name : str
    """

    columns: ClassVar[int] = 1
    spread: ClassVar[float] = 1.0
    at_zero: ClassVar[float] = 0.0
    name: ClassVar[str] = "linear"

    def n_terms(self, n_features: int) -> int:
        """Return the number of roundings in a margin, see `numerics.separates`."""
        return n_features


@dataclass(frozen=True)
class Softmax:
    """A column for each class; the margin is the score of the row's class minus the largest other.

    The loss is ``logsumexp(z) - z_y`` of the scores z. Its gradient by z is ``p - e_y``, whose norm
    is at most ``sqrt(2) (1 - p_y)``; its second derivative ``diag(p) - p p^T`` is at most 1/2 and
    ``2 (1 - p_y)``. These are the bounds of linear models with the radius multiplied by sqrt(2).

    Attributes
    ----------
    columns : int
        Number of classes, two or more.
    """

    columns: int
    spread: ClassVar[float] = math.sqrt(2.0)
    at_zero: ClassVar[float] = 0.0
    name: ClassVar[str] = "softmax"

    def n_terms(self, n_features: int) -> int:
        """Return the number of roundings in a margin, see `numerics.separates`."""
        return n_features + 1


@dataclass(frozen=True)
class TwoLayer:
    """A two-layer network, ``f(x) = columns^(-1/2) sum_s a_s activation(x . w_s)``; margin y f(x).

    Attributes
    ----------
    columns : int
        Number of units, one or more.
    activation : str
        One of `ACTIVATIONS`.
    """

    columns: int
    activation: str
    spread: ClassVar[float] = 1.0
    name: ClassVar[str] = "network"

    @property
    def slope(self) -> float | None:
        """The slope of the activation left of 0, or None."""
        return ACTIVATIONS[self.activation]

    @property
    def at_zero(self) -> float:
        """Bound of the terms of f at zero weights, where softplus is log 2."""
        return math.sqrt(self.columns) if self.slope is None else 0.0

    def n_terms(self, n_features: int) -> int:
        """Return the number of roundings in a margin, see `numerics.separates`."""
        return n_features + self.columns + 8

    @property
    def output_factor(self) -> float:
        """The factor of the sum over the units."""
        return 1.0 / math.sqrt(self.columns)

    @property
    def output_weights(self) -> NDArray[np.float64]:
        """The fixed weights (columns,) of the second layer: +1, -1, +1, ..."""
        return 1.0 - 2.0 * (np.arange(self.columns) % 2)


def check_network(columns, activation):
    """Return the network of the arguments `width` and `activation`.

    Returns
    -------
    TwoLayer

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; the message names the argument.
    """
    columns = check_count("width", columns, 1)
    return TwoLayer(columns, check_choice("activation", activation, ACTIVATIONS))
