"""The exact mean of the weights of all steps."""

import math
from fractions import Fraction

import numpy as np

__all__ = ["RunningMean"]


class RunningMean:
    """The mean of w_0, w_1, ..., from their sum and its error.

    The sum is kept over a power of two, so that it overflows nowhere, and each addition returns its
    rounding error (Knuth's two-sum), which is added to the error: _engine/mean.pxd has the bounds.
    """

    def __init__(self):
        self.count = 0
        self.unit = 0.5  # the sum is over 1 / unit
        self.sum = self.error = 0.0
        self.last = None  # the latest weights

    @np.errstate(all="ignore")
    def add(self, w):
        """Add the weights of the next step, an array that may change afterwards."""
        if self.count > 0 and self.count & (self.count - 1) == 0:
            self.unit, self.sum, self.error = 0.5 * self.unit, 0.5 * self.sum, 0.5 * self.error
        term, before = self.unit * w, self.sum
        total = before + term
        part = total - before
        error = ((before - (total - part)) + (term - part)) + self.error
        self.sum = total + error
        self.error = error - (self.sum - total)
        self.count += 1
        self.last = w.copy()

    def value(self):
        """Return the mean; where the latest weights are not finite, these."""
        count = Fraction(self.count) * Fraction(self.unit)
        each = zip(self.last.tolist(), self.sum.tolist(), self.error.tolist(), strict=True)
        return np.array([
            float((Fraction(sum_) + Fraction(error)) / count) if math.isfinite(last) else last
            for last, sum_, error in each
        ])  # fmt: skip
