"""When a callback is called, and that one which displays progress is closed in the end."""

import numbers
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

from lsgd_fast._inputs.ranks import ALONE
from lsgd_fast._inputs.stopping import ends_run

__all__ = [
    "FitsRelay",
    "Pace",
    "Relay",
    "Reports",
    "closing",
    "due_steps",
    "interval_of",
    "pace_of",
]


def interval_of(callback):
    """Return the seconds between two calls that a callback asks for, or None.

    A callback says so by an attribute `interval`, a positive number; anything else is ignored.
    """
    interval = getattr(callback, "interval", None)
    is_number = isinstance(interval, numbers.Real) and not isinstance(interval, bool)
    return float(interval) if is_number and 0.0 < interval <= sys.float_info.max else None


def pace_of(callback, every, ranks=ALONE):
    """Return the `Pace` of a run, or None if no rank has a callback.

    Parameters
    ----------
    callback : callable or None
        That of this rank.
    every : int
    ranks : Ranks
        Those of the run, which are called together.
    """
    if isinstance(callback, FitsRelay):
        return callback.pace
    asked = None if callback is None else interval_of(callback) or 0.0
    found = [interval for interval in ranks.gather(asked, "callback") if interval is not None]
    return Pace(every, min(found) or None, ranks) if found else None


def due_steps(callback, every):
    """Return `Pace.is_due` of the steps after the first weights; without a callback none is due."""
    pace = pace_of(callback, every)
    return lambda step, is_last: pace is not None and step > 0 and pace.is_due(step, is_last)


@contextmanager
def closing(callback):
    """Call `close` of a callback with an interval, if it has it, however this block ends."""
    is_display = interval_of(callback) is not None and callable(getattr(callback, "close", None))
    try:
        yield
    finally:
        if is_display:
            callback.close()


class Pace:
    """When the callback of a run is due: every so many steps, or about once in so many seconds.

    A run that is to be called back by the clock takes many steps between two looks at it. How many
    follows from the steps since the last call, and at most doubles, because their time may change.

    Parameters
    ----------
    every : int
        The callback is due at multiples of it only.
    interval : float, optional
        The seconds between two calls; None if every multiple is due.
    ranks : Ranks
        They follow the clock of the first.
    """

    def __init__(self, every, interval=None, ranks=ALONE):
        self.every, self.interval, self.ranks = every, interval, ranks
        self.begin(0)

    def begin(self, step):
        """Begin with steps after this one."""
        self.step, self.stride = step, 1
        self.time = None if self.interval is None else self._now()

    def _now(self):
        return self.ranks.first(time.monotonic(), "the clock")

    def is_due(self, step, is_last=False):
        """Return whether the callback is due at a step, the last of a run even before its time."""
        if step % self.every:
            return False
        if self.interval is None:
            return True
        now = self._now()
        taken, elapsed = max(1, step - self.step), now - self.time
        due = is_last or elapsed >= self.interval
        left = self.interval if due else self.interval - elapsed
        self.stride = 1 + int(min(taken, taken * left / elapsed if elapsed > 0.0 else taken))
        if due:
            self.step, self.time = step, now
        return due

    def next_look(self, step):
        """Return the next step at which the callback may be due."""
        after = step + (1 if self.interval is None else self.stride)
        return after + -after % self.every


class Relay:
    """A callback that calls the one of a user, at its pace, and knows whether that has ended all.

    Parameters
    ----------
    callback : callable
        The user's.
    phase : str, optional
        Becomes the attribute of this name of the states that it is called with.
    """

    def __init__(self, callback, phase=None):
        self.callback, self.phase, self.ended = callback, phase, False
        self.interval = interval_of(callback)

    def __call__(self, state):
        if not self.ended:
            if self.phase is not None:
                state.phase = self.phase
            self.ended = ends_run(self.callback(state))
        return self.ended


class FitsRelay(Relay):
    """A `Relay` of several fits in turn, which counts the steps of all of them."""

    def __init__(self, callback, phase):
        super().__init__(callback, phase)
        self.pace = _PaceOfFits(1, self.interval)

    def __call__(self, state):
        state.n_steps = self.pace.n_steps
        self.pace.ended = super().__call__(state)
        return self.ended


class _PaceOfFits(Pace):
    """The pace of several fits in turn, each of which comes to know that the callback ended all."""

    n_steps, ended = 0, False

    def is_due(self, step, is_last=False):
        """Return whether the callback is due at a step of one of the fits."""
        self.n_steps += 1
        return self.ended or super().is_due(self.n_steps)


class Reports:
    """Calls of a user's callback between pieces of work, of several steps each.

    Parameters
    ----------
    callback : callable or None
    every : int
        The least number of steps between two calls.
    """

    def __init__(self, callback, every):
        self.callback, self.every, self.due_at = callback, every, every
        self.pace, self.ended = pace_of(callback, 1), False

    def __call__(self, n_steps, **facts):
        """Call the callback with these facts if it is due; return whether it has ended the work."""
        is_due = self.pace is not None and not self.ended and n_steps >= self.due_at
        if is_due and self.pace.is_due(n_steps):
            self.due_at = n_steps + self.every
            self.ended = ends_run(self.callback(SimpleNamespace(n_steps=n_steps, **facts)))
        return self.ended
