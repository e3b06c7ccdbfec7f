"""Weights of a run that are not its last ones, or not these alone, with what a pass measures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import set_fields
from lsgd_fast._constants import UNDERFLOW_LOSS
from lsgd_fast._results.arrays import ReadOnlyArrays
from lsgd_fast._results.diagnostics import check_type
from lsgd_fast._text import exp_text
from lsgd_fast._typing import FloatArray

__all__ = ["Iterate"]


@dataclass(frozen=True, eq=False)
class Iterate(ReadOnlyArrays):
    """Weights and their loss, error rate and smallest margin over all rows.

    Attributes
    ----------
    weights : ndarray of shape (d,); with softmax (d, K), for a network (d, width)
        The weights without the intercept, read-only.
    intercept : float; with softmax ndarray of shape (K,)
        The intercept; 0.0 if none was fitted.
    loss, ln_loss : float
        The weighted mean loss over all rows, without the penalty, and its logarithm.
    error_rate : float
        The weighted share of the rows with a margin of at most 0.
    min_margin : float
        The smallest margin of a row of positive weight.
    weight_norm : float
        The Euclidean norm of the weights, without the intercept.
    """

    weights: FloatArray
    intercept: float | FloatArray
    loss: float
    ln_loss: float
    error_rate: float
    min_margin: float
    weight_norm: float

    def __post_init__(self) -> None:
        numbers = {name: float(getattr(self, name)) for name in _NUMBERS}
        intercept = self.intercept
        if not isinstance(intercept, np.ndarray):
            intercept = float(intercept)
        weights = np.asarray(self.weights, dtype=np.float64)
        set_fields(self, weights=weights, intercept=intercept, **numbers)
        super().__post_init__()

    def to_archive(self, name: str) -> tuple[dict[str, float], dict[str, FloatArray]]:
        """Return the numbers and the arrays of a file, whose names begin with `name`."""
        numbers = {number: getattr(self, number) for number in _NUMBERS}
        arrays = {f"{name}_weights": self.weights}
        if isinstance(self.intercept, np.ndarray):
            return numbers, arrays | {f"{name}_intercept": self.intercept}
        return numbers | {"intercept": self.intercept}, arrays

    @classmethod
    def from_archive(
        cls, name: str, numbers: dict[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> Self:
        """Return the iterate that `to_archive` converted, and take its arrays out of `arrays`.

        KeyError, TypeError or ValueError for other numbers and arrays.
        """
        for number, value in numbers.items():
            check_type(number, value, float)
        weights = arrays.pop(f"{name}_weights")
        intercept = {}
        if f"{name}_intercept" in arrays:
            intercept["intercept"] = arrays.pop(f"{name}_intercept")
        for array in (weights, *intercept.values()):
            if array.dtype != np.float64 or array.ndim not in (1, 2) or 0 in array.shape:
                raise ValueError("weights must be of dtype float64 and of shape (d,) or (d, k)")
        found = cls(weights=weights, **numbers, **intercept)
        if np.shape(found.intercept) not in ((), weights.shape[1:]):
            raise ValueError("the intercepts do not fit the weights")
        return found

    def __str__(self) -> str:
        loss = f"loss {self.loss:.6g}"
        if self.loss < UNDERFLOW_LOSS:
            loss = f"loss {exp_text(self.ln_loss, 6)}"
        return f"{loss}, error rate {self.error_rate:.6g}, min margin {self.min_margin:z.6g}"


_NUMBERS = tuple(
    field.name for field in fields(Iterate) if field.name not in ("weights", "intercept")
)
