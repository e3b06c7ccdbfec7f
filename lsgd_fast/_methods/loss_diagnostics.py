"""Diagnostics of a sequence of losses: what the verdict on it depends on, and its evidence.

They have the fields of `Diagnostics` that the rules of verdicts look at. What only the weights or
the data tell has a substitute, or none:

* The *promise* of a step is ``stepsize * gradient_norm^2``. Where these are not known, the *path*
  of the loss stands for it, the sum of its changes up and down. A loss that falls covers its path,
  one that cycles gets nowhere on it.
* The *drift* is that of the loss, not of weights: the difference between the first four losses of a
  window and four in a row among the next ones, which is 0 when a short cycle closes, or between the
  means over two whole windows; divided by the path between them. It bounds no margin.
* Nothing is proved: neither by a small stepsize, nor by the rows, nor by a gradient of zero.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from lsgd_fast._results.diagnostics import observed
from lsgd_fast._results.verdict import (
    MIN_QUIET_STEPS,
    MIN_STATIONARY_STEPS,
    MIN_STEPS,
    STEADY_PROMISE,
    Verdict,
    find_observed_verdict,
    is_stationary,
    promise_per_step,
)

__all__ = ["LossDiagnostics"]


@dataclass(kw_only=True)
class LossDiagnostics:
    """The diagnostics of a sequence of losses. Fields without a word here: see `Diagnostics`.

    Attributes
    ----------
    n_steps : int
        The number of losses, less one.
    n_averaged : int
        The number of losses of training that each of these losses is the mean of.
    tolerance : float
        The relative change of a loss that may be rounding.
    first, lowest : float
        The first loss, and the least one of all.
    noise : float
        The largest difference of two losses of the window that may be noise.
    has_promise : bool
        Whether `promise` and `earlier_promise` are promises; otherwise they are paths.
    """

    # of these nothing is known
    penalised: ClassVar = False
    separated_at: ClassVar = None
    sharpness: ClassVar = 0.0

    n_steps: int
    n_averaged: int
    tolerance: float
    first: float
    lowest: float
    noise: float
    n_increases: int
    last_increase: int
    largest_increase: float
    window: int
    window_increases: int
    low: float
    high: float
    fall: float
    has_promise: bool
    promise: float
    earlier_promise: float
    drift: float

    @property
    def n_seen(self):
        """The number of losses, which is what must not be too small for a verdict."""
        return self.n_steps + 1

    @property
    def rounding(self):
        """The difference of two losses of the window that may be rounding."""
        return self.tolerance * max(abs(self.low), abs(self.high))

    @property
    def verdict(self):
        """The `Verdict` on the losses."""
        found = find_observed_verdict(self)
        if found is Verdict.stable and self._doubt() is not None:
            return Verdict.undecided
        return found

    def _doubt(self):
        """Return as a fact why losses that look settled may not be, or None."""
        if is_stationary(self) and self.noise > self.rounding:
            return "open_noise", {"noise": self.noise}
        if self.has_promise:
            is_growing = STEADY_PROMISE * promise_per_step(self) > self.earlier_promise
            return ("open_saddle", {}) if is_growing else None
        if self.first - self.low <= self.rounding:
            return "open_not_fallen", {}
        if is_stationary(self) and self.low - self.lowest > self.rounding:
            return "open_above_lowest", {"lowest": self.lowest}
        return None

    @property
    def evidence(self):
        """The evidence for the verdict, a few sentences; all of it is observed."""
        return observed(self.facts)

    @property
    def facts(self):
        """The evidence as facts, see `find_evidence`."""
        if self.n_seen < MIN_STEPS:
            return [(f"open_few_{self._noun}", {"n_steps": self.n_seen, "least": MIN_STEPS})]
        verdict = self.verdict
        if verdict is Verdict.stable:
            last = self._settling(), {}
        elif verdict is Verdict.undecided:
            last = self._why_undecided()
        else:
            last = self._window()
        return [self._increases(), last]

    @property
    def _noun(self):
        return "losses" if self.n_averaged == 1 else "means"

    def _increases(self):
        key = "seen_calm" if self.n_increases == 0 else "seen_increases"
        fields = {"n_steps": self.n_steps}
        if self.n_averaged == 1:
            fields["name"] = "loss"
        else:
            key, fields["n_averaged"] = f"{key}_means", self.n_averaged
        if self.n_increases == 0:
            return key, fields
        fields |= {"n_increases": self.n_increases, "last": self.last_increase}
        if self.largest_increase == math.inf:  # from a loss that was not positive
            return f"{key}_signed", fields
        return key, fields | {"most": self.largest_increase}

    def _window(self):
        fields = {"n_steps": self.n_steps - self.window, "n_increases": self.window_increases}
        fields |= {"low": self.low, "high": self.high, "promise": self.promise}
        key = "seen_window" if self.has_promise else "seen_window_path"
        if self.fall <= 0.0:
            return f"{key}_no_fall", fields
        return key, fields | {"fall": self.fall}

    def _settling(self):
        if is_stationary(self):
            return "seen_vanished" if self.has_promise else "seen_changes_vanished"
        return "seen_settling" if self.has_promise else "seen_falling"

    def _why_undecided(self):
        least = MIN_STATIONARY_STEPS if is_stationary(self) else MIN_QUIET_STEPS
        if self.n_seen < least:
            return f"open_short_{self._noun}", {"least": least}
        if self.last_increase > self.window // 2:
            return "open_short_calm", {}
        return self._doubt() or ("open_hardly_shorter", {})
