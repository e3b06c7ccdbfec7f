"""The windows of a sequence of losses: from losses, one by one, to their `LossDiagnostics`.

The windows are those of the monitor of a descent (reference/_monitor.py): they double in length,
and a window that has just begun is looked at together with the one before.
"""

import math

from lsgd_fast._constants import FIRST_WINDOW
from lsgd_fast._methods.loss_diagnostics import LossDiagnostics

__all__ = ["NOISE", "ROW", "SHORT_CYCLE", "LossWindows"]

# A change of a noisy loss counts from this many standard errors of the difference on.
NOISE = 5.0

# A short cycle is looked for among this many losses at the beginning of each window. One loss
# returns by chance soon; so many in a row do not.
SHORT_CYCLE = 64
ROW = 4


class _Window:
    """One window of losses; at most two of them are kept."""

    __slots__ = (
        "start", "loss", "low", "high", "promise", "path", "n_increases", "count", "total", "noise",
    )  # fmt: skip

    def __init__(self, start=0, loss=0.0):
        self.start, self.loss = start, loss  # at the start
        self.low, self.high = math.inf, -math.inf
        self.promise = self.path = 0.0
        self.n_increases = self.count = 0
        self.total = self.noise = 0.0  # sums of the losses, and of their squared errors

    @property
    def mean(self):
        return self.total / self.count


class LossWindows:
    """The windows of a sequence of losses, in constant memory.

    Parameters
    ----------
    tolerance : float
        The relative change of a loss that may be rounding. It may be changed at any time.
    n_averaged : int
        The number of losses of training that each loss is the mean of.
    """

    def __init__(self, tolerance, n_averaged):
        self.tolerance, self.n_averaged = tolerance, n_averaged
        self.n_steps = -1  # the number of the latest loss; the first one has the number 0
        self.level = self.error = math.nan  # the loss that the next one is compared with
        self.latest = self.first = math.nan
        self.lowest = math.inf
        self.n_increases = self.last_increase = 0
        self.largest_increase = 1.0
        self.end = FIRST_WINDOW  # of the window
        self.last, self.current = None, _Window()  # None if there is but one window
        self.earlier_promise = self.earlier_path = 0.0  # per step, in the window before the last
        self.behind = math.inf  # drift in the last window, and between the last two
        self.least = math.inf  # drift between the first losses of the window and later ones
        self.anchor, self.row = [], []  # the first losses of the window, and the latest

    def observe(self, loss, error, promise):
        """Update with a finite loss.

        Parameters
        ----------
        loss, error : float
            The loss, and its standard error; 0.0 for a loss without noise.
        promise : float
            The promise of the step to this loss; NaN if it is not known.

        Returns
        -------
        bool
            Whether the loss increased.
        """
        self.n_steps += 1
        increased = False
        if self.n_steps == 0:
            self.first = self.level = self.current.loss = loss
            self.error = error
        else:
            increased = self._move(loss, error)
            self.current.promise += promise
        if self.n_steps == self.end:
            self._begin_window(loss)
        window = self.current
        window.count += 1
        window.total += loss
        window.noise += error * error
        window.n_increases += increased
        if loss < window.low:
            window.low = loss
        if loss > window.high:
            window.high = loss
        if loss < self.lowest:
            self.lowest = loss
        if increased:
            self.n_increases += 1
            self.last_increase = self.n_steps
        if window.count <= SHORT_CYCLE:
            self._look_back(loss)
        self.latest = loss
        return increased

    def _noise(self):
        """Return the largest difference of two losses of the window that may be noise."""
        windows = [self.current] if self.last is None else [self.last, self.current]
        count, noise = sum(w.count for w in windows), sum(w.noise for w in windows)
        return NOISE * math.sqrt(2.0 * noise / max(1, count))

    def _move(self, loss, error):
        """Add a change beyond noise to the path; return whether it is an increase."""
        level, move = self.level, loss - self.level
        if self.n_averaged > 1:
            # errors of a few losses are too small at times: those of the window are not
            noise = NOISE * math.sqrt(error * error + self.error * self.error)
            if abs(move) <= max(noise, self._noise()):
                return False
        self.current.path += abs(move)
        self.level, self.error = loss, error
        if not move > self.tolerance * abs(level):
            return False
        factor = loss / level if level > 0.0 else math.inf
        self.largest_increase = max(self.largest_increase, factor)
        return True

    def _look_back(self, loss):
        """Compare the latest losses with the first ones of the window."""
        if len(self.anchor) < ROW:
            self.anchor.append(loss)
            return
        self.row = [*self.row[-ROW + 1 :], loss]
        if len(self.row) == ROW:
            far = max(abs(now - then) for now, then in zip(self.row, self.anchor, strict=True))
            path = self.current.path
            drift = 0.0 if path <= self.tolerance * abs(loss) else _share(far, path)
            self.least = min(self.least, drift)

    def _begin_window(self, loss):
        last, window = self.last, self.current
        self.behind, self.least = self.least, math.inf
        self.anchor, self.row = [], []
        if last is not None:
            low, high = min(last.low, window.low), max(last.high, window.high)
            far, path = abs(window.mean - last.mean), 0.5 * (last.path + window.path)
            is_flat = high - low <= self.tolerance * max(abs(low), abs(high))
            self.behind = 0.0 if is_flat else min(self.behind, _share(far, path))
            steps = window.start - last.start
            self.earlier_promise, self.earlier_path = last.promise / steps, last.path / steps
        self.last, self.current = window, _Window(self.n_steps, loss)
        self.end = 2 * self.n_steps

    def diagnostics(self):
        """Return the `LossDiagnostics` of the losses so far, of which there is at least one."""
        last, window = self.last, self.current
        start = window if last is None else last
        promise, path, increases = window.promise, window.path, window.n_increases
        low, high = window.low, window.high
        if last is not None:
            promise, path = promise + last.promise, path + last.path
            increases += last.n_increases
            low, high = min(low, last.low), max(high, last.high)
        has_promise = not math.isnan(promise + self.earlier_promise)
        return LossDiagnostics(
            n_steps=self.n_steps,
            n_averaged=self.n_averaged,
            tolerance=self.tolerance,
            first=self.first,
            lowest=self.lowest,
            noise=self._noise() if self.n_averaged > 1 else 0.0,
            n_increases=self.n_increases,
            last_increase=self.last_increase,
            largest_increase=self.largest_increase,
            window=start.start,
            window_increases=increases,
            low=low,
            high=high,
            fall=start.loss - self.latest,
            has_promise=has_promise,
            promise=promise if has_promise else path,
            earlier_promise=self.earlier_promise if has_promise else self.earlier_path,
            drift=min(self.behind, self.least),
        )

    def state(self):
        """Return the state as a dict of numbers, lists and dicts."""
        return vars(self) | {
            "anchor": list(self.anchor),
            "row": list(self.row),
            "last": self.last and _window_state(self.last),
            "current": _window_state(self.current),
        }

    @classmethod
    def from_state(cls, values):
        """Return the windows whose state this is, which has been checked."""
        found = cls(0.0, 1)
        vars(found).update(values)
        found.current = _window_of(values["current"])
        found.last = values["last"] and _window_of(values["last"])
        return found


def _share(far, path):
    """Return a distance as a share of the path."""
    return far / path if 0.0 < path < math.inf else math.inf


def _window_state(window):
    return {name: getattr(window, name) for name in _Window.__slots__}


def _window_of(values):
    """Return the window whose state this is."""
    found = _Window()
    for name in _Window.__slots__:
        setattr(found, name, values[name])
    return found
