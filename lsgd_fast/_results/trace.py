"""The trace of a run: its measurements, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import set_fields
from lsgd_fast._inputs.problem import objective_of
from lsgd_fast._results.columns import ColumnFields
from lsgd_fast._typing import FloatArray, IntArray, Recorded

__all__ = ["Trace"]

_COUNTS = ("step", "passes")  # the columns of a trace that are not floats


@dataclass(frozen=True, eq=False, repr=False)
class Trace(ColumnFields):
    """The measurements of a run: read-only arrays of equal length, None if not recorded.

    Row t describes the weights w_t, before the step from them. The last row describes the weights
    that were returned; of a run that diverged it has infinities, see docs/monitor.md.

    A trace is a dict of the columns that were recorded, which cannot be changed:
    ``pandas.DataFrame(run.trace)`` and ``polars.DataFrame(run.trace)`` are frames of them, and
    ``"loss" in run.trace`` says whether one was recorded. ``len(run.trace)`` is the number of rows,
    as that of a frame is.

    Attributes
    ----------
    step : ndarray of int64
        The step number t.
    loss, ln_loss : ndarray of float64
        The weighted mean of the losses, without the penalty, and its logarithm. The logarithm is
        finite also where the loss underflows to 0, and with an adaptive rule also where the loss
        overflows.
    error_rate : ndarray of float64
        The weighted share of the rows whose margin is not positive.
    min_margin : ndarray of float64
        The smallest margin of a row of positive weight.
    gradient_norm : ndarray of float64
        The Euclidean norm of the gradient of the objective. It is NaN in the last row if the run
        took all its steps, unless `Stop.gradient_norm` asks for it: the pass after the last step
        computes no gradient that nothing needs.
    weight_norm : ndarray of float64
        The Euclidean norm of the weights, without the intercept.
    stepsize : ndarray of float64
        The stepsize of the step from w_t, the factor of the gradient. It may overflow to infinity
        where a rule divides by a loss or a gradient that underflows; the step itself was finite.
        NaN in the last row, from which no step was taken. With `minimize` it is the step length
        along the search direction.
    validation_loss, validation_error_rate : ndarray of float64 or None
        The loss and the error rate on the held-out data; None without such data.
    distance : ndarray of float64 or None
        The Euclidean norm of ``w_t - w_0``, for a network; None for other models.
    objective : ndarray of float64 or None
        ``loss + l2/2 * weight_norm^2``; None without a penalty.
    passes : ndarray of int64 or None
        With `minimize` the number of reads of X, forward or backward, before the next iteration;
        None for gradient descent.
    """

    step: IntArray
    loss: Recorded = None
    ln_loss: Recorded = None
    error_rate: Recorded = None
    min_margin: Recorded = None
    gradient_norm: Recorded = None
    weight_norm: Recorded = None
    stepsize: Recorded = None
    validation_loss: FloatArray | None = None
    validation_error_rate: FloatArray | None = None
    distance: FloatArray | None = None
    objective: FloatArray | None = None
    passes: IntArray | None = None

    def __post_init__(self) -> None:
        for name, column in self._given():
            dtype = np.int64 if name in _COUNTS else np.float64
            if column is not None:
                set_fields(self, **{name: np.asarray(column, dtype=dtype)})
        super().__post_init__()
        shapes = {column.shape for column in self.values()}
        if len(shapes) > 1 or self.step.ndim != 1 or len(self.step) == 0:
            raise ValueError(
                f"the columns of a trace must have one length; got shapes {sorted(shapes)}"
            )

    @classmethod
    def from_archive(cls, arrays: dict[str, NDArray[Any]], n_steps: int) -> Self:
        """Return the trace of a file, with each column under its name.

        Parameters
        ----------
        arrays : dict of str to ndarray
            The columns, by name.
        n_steps : int
            The number of steps that the run took.

        Returns
        -------
        Trace
            The trace.

        Raises
        ------
        TypeError, ValueError
            If these are not the columns of a trace that ends there.
        """
        for name, column in arrays.items():
            dtype = np.int64 if name in _COUNTS else np.float64
            if column.dtype != dtype:
                raise ValueError(f"trace_{name} must be of dtype {dtype.__name__}")
        trace = cls(**arrays)
        step = trace.step
        if step[0] < 0 or step[-1] != n_steps or (step[1:] <= step[:-1]).any():
            raise ValueError("the steps of the trace must increase to n_steps")
        return trace

    @classmethod
    def from_rows(cls, rows: FloatArray, names: Sequence[str], l2: float) -> Self:
        """Return the trace of an array with one row for each row of the trace.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            The measurements, in float64.
        names : sequence of str
            The names of the columns of `rows`.
        l2 : float
            Strength of the penalty; if it is positive, `objective` is computed where possible.

        Returns
        -------
        Trace
            The trace.
        """
        columns = {name: rows[:, i].copy() for i, name in enumerate(names)}
        if l2 > 0.0 and {"loss", "weight_norm"} <= columns.keys():
            with np.errstate(all="ignore"):  # the columns of a run that diverges
                norm = columns["weight_norm"]
                columns["objective"] = objective_of(columns["loss"], l2, norm)
        return cls(**columns)

    def __repr__(self) -> str:
        return f"Trace({len(self)} rows, steps {self.step[0]} to {self.step[-1]})"
