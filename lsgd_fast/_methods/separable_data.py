"""What a minimisation without a penalty does on separable data, where the loss has no minimum."""

import math

import numpy as np

from lsgd_fast._constants import EPSILON
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._methods.line_search import MAX_STEP
from lsgd_fast._methods.minimize_result import shaped
from lsgd_fast._methods.numerics import norm, ratio, separates
from lsgd_fast._results.separation import SeparationKind

__all__ = ["OnSeparableData"]

# A margin from which on exp(-margin), and so the loss of a row, is zero in float64.
ZERO_LOSS_MARGIN = 746.0


class OnSeparableData:
    """A part of the class of `quasi_newton.py`, whose attributes it uses."""

    def _note_separation(self):
        if self.separated_at is None and self._separates():
            self.separated_at = self.n_steps
            self.separating_weights = shaped(self.lbfgs.weights.copy(), self.request)

    def _separates(self):
        """Return whether the current weights separate the data, beyond rounding."""
        # each step rounds scores and weights once more
        n_roundings = self.height + 2 * self.n_steps
        offset = self.problem.largest_offset
        margin, length = self.values.min_margin, self.path_length
        if separates(margin, length, self.reach, n_roundings, offset=offset):
            return True
        # row by row the rounding may be far smaller, which costs more to find
        if self.growth is None or self.n_steps < self.next_look or not margin > offset:
            return False
        self.next_look = 2 * self.n_steps + 1
        return self.growth.separates(self)

    def _look_for_growth(self, reason):
        """Return why the run ends after a last look at whether the loss falls for ever."""
        self.next_look = 0
        self._note_separation()
        if self.separated_at is None and self.separation is None:
            self.separation = self.growth.find(self, reason)
        if self.separated_at is None and self.separation is not None:
            reason = StopReason.no_minimum
            yield from self._take_separation()
        if self.separated_at is None or reason in (StopReason.loss, StopReason.diverged):
            return reason
        return StopReason.separated

    def _take_separation(self):
        """Go to weights that are proved to separate the data, if float64 has such."""
        is_complete = self.separation.kind is SeparationKind.complete
        if not is_complete or self.n_passes >= self.options.max_passes:
            return
        found, margin = self.growth.separating(self.separation)
        before, offset = self.values, self.problem.largest_offset
        needed = max(self._margin_for(before.loss), 2.0 * offset + 1.0)
        # times a power of two, which leaves the proof as it is
        found = np.ldexp(found.ravel(), math.frexp(ratio(needed, margin))[1])
        if not (margin > 0.0 and np.abs(found).max() < MAX_STEP):
            return
        kept = self.lbfgs.weights.copy(), self.line.scores.copy(), self.path_length
        self.lbfgs.weights[:] = found
        yield from self._refresh_scores(self.lbfgs.size())
        if not (self.values.min_margin > offset and self.values.loss <= before.loss):
            self.lbfgs.weights[:], self.line.scores[:], self.path_length = kept
            self.values = self.line.evaluate(0.0)
            return
        self._record(before, self.weight_norm, math.nan)
        self.weight_norm = norm(found[: self.request.n_penalised])
        self._count_step(before, before.loss)
        self.gradient_norm = math.nan
        self.separated_at, self.separating_weights = self.n_steps, shaped(found, self.request)

    def _has_target(self):
        """Return whether weights that separate are to be scaled until the loss is `stop.loss`."""
        return self.stop.loss is not None and self.problem.l2 == 0.0 and not self.stop.separated

    def _margin_for(self, target):
        """Return a margin without offset from which on no loss is above `target`.

        A row of margin z has a loss of at most ``(k - 1) * exp(-z)``.
        """
        needed = min(ZERO_LOSS_MARGIN, -math.log(target)) if target > 0.0 else ZERO_LOSS_MARGIN
        return needed + math.log(max(1, self.request.k - 1)) + self.problem.largest_offset

    def _scale_to_target(self):
        """Scale weights that separate until the loss is at most `stop.loss`, but for offsets."""
        before, target = self.values, self.stop.loss
        margin = before.min_margin - self.problem.largest_offset
        factor = ratio(self._margin_for(target), margin) * (1.0 + 16 * EPSILON)
        if not factor * max(norm(self.lbfgs.weights), 1.0) < MAX_STEP:
            return StopReason.separated
        self._record(before, self.weight_norm, factor - 1.0)
        for array in (self.lbfgs.weights, self.line.scores):
            array *= factor
        self.weight_norm *= factor
        self.values = self.line.evaluate(0.0)
        self._count_step(before, before.loss)  # without a penalty
        self.gradient_norm = math.nan
        return StopReason.loss if self.values.loss <= target else StopReason.separated
