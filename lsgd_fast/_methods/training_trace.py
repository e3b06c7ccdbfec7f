"""The trace of a training loop: bounded memory, whatever its length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsgd_fast._results.columns import ColumnFields
from lsgd_fast._typing import FloatArray, IntArray

__all__ = ["BITS", "TraceRows", "TrainingTrace"]

BITS = 7  # 2^7 buckets for each doubling of the number of steps, of two rows each


@dataclass(frozen=True, eq=False, repr=False)
class TrainingTrace(ColumnFields):
    """The observations of a `TrainingMonitor`: read-only arrays of equal length.

    It is a dict of the columns that are not None, which pandas and polars turn into a frame, and
    its ``len`` is the number of rows, as with `Trace`.

    The first 256 observations are all kept. Of later ones there are at most 256 for each doubling
    of their number: the lowest and the highest loss of each of 128 stretches, so that no spike is
    lost, and the latest one.

    Attributes
    ----------
    step : ndarray of int64
        The number of the update, from 0 on; of a mean over several, that of the last one.
    loss : ndarray of float64
        The loss, or the mean of `updates_per_epoch` losses.
    stepsize, gradient_norm, held_out_loss : ndarray of float64 or None
        What was given with the update, NaN where it was not; None if it never was.
    """

    step: IntArray
    loss: FloatArray
    stepsize: FloatArray | None = None
    gradient_norm: FloatArray | None = None
    held_out_loss: FloatArray | None = None

    def __repr__(self) -> str:
        steps = f", steps {self.step[0]} to {self.step[-1]}" if len(self) else ""
        return f"TrainingTrace({len(self)} rows{steps})"


class TraceRows:
    """The rows of a trace: tuples of step, loss, stepsize, gradient norm and held-out loss."""

    def __init__(self):
        self.rows = []  # of buckets that are over
        self.low = self.high = self.latest = None  # of the bucket
        self.count = 0

    def add(self, row):
        """Add a row."""
        loss = row[1]
        if self.low is None or loss < self.low[1]:
            self.low = row
        if self.high is None or not loss <= self.high[1]:  # also for NaN
            self.high = row
        self.latest = row
        self.count += 1
        if self.count & ((1 << max(0, self.count.bit_length() - BITS - 1)) - 1) == 0:
            self._end_bucket()

    def _end_bucket(self):
        self.rows += self._bucket()
        self.low = self.high = None

    def _bucket(self):
        found = [row for row in (self.low, self.high) if row is not None]
        if len(found) == 2 and found[0][0] == found[1][0]:
            found.pop()
        return sorted(found, key=lambda row: row[0])

    def to_trace(self):
        """Return the `TrainingTrace`."""
        rows = self.rows + self._bucket()
        if self.latest is not None and rows[-1][0] != self.latest[0]:
            rows.append(self.latest)
        columns = list(zip(*rows, strict=True)) or [()] * 5
        step, loss, *others = columns
        others = [np.array(column, dtype=np.float64) for column in others]
        others = [None if np.isnan(column).all() else column for column in others]
        return TrainingTrace(np.array(step, dtype=np.int64), np.array(loss, np.float64), *others)

    def state(self):
        """Return the state as a dict of numbers and lists."""
        single = {name: getattr(self, name) for name in ("low", "high", "latest")}
        single = {name: None if row is None else list(row) for name, row in single.items()}
        return {"rows": [list(row) for row in self.rows], "count": self.count, **single}

    @classmethod
    def from_state(cls, values):
        """Return the rows whose state this is, which has been checked."""
        found = cls()
        found.rows = [tuple(row) for row in values["rows"]]
        found.count = values["count"]
        for name in ("low", "high", "latest"):
            setattr(found, name, None if values[name] is None else tuple(values[name]))
        return found
