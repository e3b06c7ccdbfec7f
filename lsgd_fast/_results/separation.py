"""What `separation` returns: the kind of separation, its proof, and a report in plain words."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._arrays import column_names
from lsgd_fast._checks import set_fields
from lsgd_fast._results.arrays import ReadOnlyArrays
from lsgd_fast._text import WIDTH, counted
from lsgd_fast._typing import FloatArray

__all__ = [
    "INTERCEPT",
    "Certificate",
    "Separation",
    "SeparationKind",
    "SeparationWarning",
    "feature_names",
    "growing_names",
]

MAX_NAMES = 8  # of features in a report or a warning
INTERCEPT = "the intercept"  # among the names


class SeparationWarning(UserWarning):
    """Without a penalty the loss has no minimum: some coefficients go to infinity."""


class SeparationKind(StrEnum):
    """How a linear model can separate the classes. A member is also a string.

    Attributes
    ----------
    complete
        Some direction makes all margins positive.
    quasi_complete
        ``"quasi-complete"``: some direction makes some margins positive and none negative, and none
        makes all of them positive.
    none
        Every direction that makes a margin positive makes another one negative.
    undecided
        Nothing is proved.
    """

    complete = "complete"
    quasi_complete = "quasi-complete"
    none = "none"
    undecided = "undecided"


@dataclass(frozen=True, eq=False, repr=False)
class Certificate(ReadOnlyArrays):
    """The proof of a `Separation`; the notes of `lsgd_fast.separation` say what it proves.

    Attributes
    ----------
    direction : ndarray of shape (d,) or (d + 1,), or None
        The direction, exactly, the intercept last; with softmax of shape (d, K) or (d + 1, K). It
        is of float64 where these numbers are exact, and else of dtype object with Python integers:
        ``X.astype(object) @ direction`` is exact where X holds integers, too.
    weights : ndarray of shape (n,), or (n, K) with softmax, or None
        Weights of the margins that no direction makes positive without making another one
        negative, positive for these and 0 elsewhere. The sum of the rows times their weights, with
        softmax ``sum_i,c weights[i, c] * (e_y_i - e_c) x_i``, is zero up to rounding.
    change : float or None
        A fraction below 1: weights that differ from `weights` by at most this much, and so are
        positive, cancel exactly.
    residual : float or None
        The largest entry of the sum of the rows times their weights, over the sum of the absolute
        values of its terms.
    """

    direction: NDArray[Any] | None = None
    weights: FloatArray | None = None
    change: float | None = None
    residual: float | None = None

    def __repr__(self) -> str:
        held = [name for name in ("direction", "weights") if getattr(self, name) is not None]
        change = "" if self.change is None else f", change {self.change:.2g}"
        return f"Certificate({' and '.join(held) or 'nothing'}{change})"


@dataclass(frozen=True, eq=False, repr=False)
class Separation(ReadOnlyArrays):
    """Whether a linear model separates the classes, by what, and the proof. Prints as a report.

    Attributes
    ----------
    kind : SeparationKind
        It equals a string: ``"complete"``, ``"quasi-complete"``, ``"none"`` or ``"undecided"``.
    direction : ndarray of shape (d,), with softmax (d, K), or None
        A direction of weights along which the loss falls for ever, each entry rounded to float64.
        None if there is none, or none was found.
    intercept : float, with softmax ndarray of shape (K,), or None
        The intercept of the direction, 0 if none is fitted; None without a direction.
    rows : ndarray of int
        The rows on which every such direction is zero, against some other class at least: all rows
        of positive weight if the kind is "none", no row if it is "complete". Empty if undecided.
    features : ndarray of int
        The features whose weights in `direction` are not zero: their coefficients go to infinity
        along it.
    names : tuple of str
        The names of these features, and "the intercept" where it takes part.
    certificate : Certificate
        The proof.
    reason : str
        What decided, or why nothing did.
    """

    kind: SeparationKind
    direction: FloatArray | None
    intercept: float | FloatArray | None
    rows: NDArray[np.intp]
    features: NDArray[np.intp]
    names: tuple[str, ...]
    certificate: Certificate = field(repr=False)
    reason: str

    def __post_init__(self) -> None:
        set_fields(self, kind=SeparationKind(self.kind))
        super().__post_init__()

    @property
    def has_minimum(self) -> bool | None:
        """Whether the loss has a minimum without a penalty; None if that is not known."""
        if self.direction is not None:
            return False
        return True if self.kind is SeparationKind.none else None

    @property
    def growing(self) -> str | None:
        """What goes to infinity along the direction, in words; None without a direction."""
        if self.direction is None:
            return None
        return growing_names(self.names)

    def __str__(self) -> str:
        text = " ".join([*self._describe(), self.reason])
        indent = 2 * " "
        text = textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
        return f"Separation: {self.kind}\n{text}"

    __repr__ = __str__

    def _describe(self):
        if self.kind is SeparationKind.complete:
            yield "A direction of weights makes every margin positive: it classifies all rows."
        elif self.kind is SeparationKind.quasi_complete:
            yield (
                "A direction of weights makes some margins positive and none negative. It is zero "
                f"on {counted(len(self.rows), 'row')}, as every such direction is."
            )
        elif self.kind is SeparationKind.none:
            yield (
                "Every direction of weights that makes one margin positive makes another one "
                "negative: the loss has a minimum without a penalty."
            )
        elif self.direction is not None:
            yield (
                "A direction of weights makes some margins positive and none negative. Whether "
                "another one makes more of them positive is not proved."
            )
        if self.direction is not None:
            yield (
                f"Along it {self.growing} to infinity and the loss falls for ever: without a "
                "penalty it has no minimum."
            )


def growing_names(names):
    """Return names, the first `MAX_NAMES` of them, as the subject of "to infinity"."""
    shown, more = names[:MAX_NAMES], len(names) - MAX_NAMES
    *first, last = [*shown, f"{more} more"] if more > 0 else shown
    if not first:
        return f"{'' if last == INTERCEPT else 'the coefficient of '}{last} goes"
    return f"the coefficients of {', '.join(first)} and {last} go"


def feature_names(X, d, attribute=None):
    """Return the names of features: those of a frame or in an attribute, or their numbers."""
    names = column_names(X, d) if attribute is None else getattr(X, attribute, ())
    if names is not None and len(names) == d and all(isinstance(name, str) for name in names):
        return list(names)
    return [f"feature {j}" for j in range(d)]
