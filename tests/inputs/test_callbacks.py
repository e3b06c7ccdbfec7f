"""When callbacks are called: by steps or by a clock, which is not that of the machine here."""

from types import SimpleNamespace

import pytest

from lsgd_fast._inputs import callbacks
from lsgd_fast._inputs.callbacks import (
    FitsRelay,
    Pace,
    Relay,
    Reports,
    closing,
    due_steps,
    interval_of,
    pace_of,
)


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class Paced:
    """A callback that is called by the clock, and notes the states and its end."""

    def __init__(self, interval=1.0, ends_at=None):
        self.interval, self.ends_at, self.states, self.closed = interval, ends_at, [], 0

    def __call__(self, state):
        self.states.append(state)
        return len(self.states) == self.ends_at

    def close(self):
        self.closed += 1


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(callbacks, "time", found)
    return found


@pytest.mark.parametrize(
    "interval", [None, 0, -1.0, True, "1", float("inf"), float("nan"), 10**400, print]
)
def test_what_is_no_interval_is_ignored(interval):
    callback = Paced(interval)
    assert interval_of(callback) is None and interval_of(print) is None
    with closing(callback):
        pass
    assert callback.closed == 0


def test_by_steps_every_multiple_is_due():
    pace = Pace(3)
    assert [step for step in range(1, 10) if pace.is_due(step)] == [3, 6, 9]
    assert [pace.next_look(step) for step in (0, 1, 2, 3)] == [3, 3, 3, 6]
    assert not pace.is_due(10, is_last=True)


def looks(pace, clock, n_steps, seconds):
    """Take steps of some seconds each like a run; return where it looked and where it called."""
    looked, called, step = [], [], 0
    while step < n_steps:
        after = min(n_steps, pace.next_look(step))
        clock.now += seconds * (after - step)
        step = after
        looked.append(step)
        if pace.is_due(step, step == n_steps):
            called.append(step)
    return looked, called


@pytest.mark.parametrize(
    ("seconds", "every"), [(1e-5, 1), (1e-3, 1), (1e-3, 7), (0.3, 1), (5.0, 1)]
)
def test_by_the_clock_few_looks_and_calls_in_time(clock, seconds, every):
    n_steps = max(20, int(10.0 / seconds)) // every * every
    looked, called = looks(Pace(every, 1.0), clock, n_steps, seconds)
    assert called[-1] == n_steps and all(step % every == 0 for step in looked)
    pauses = [(b - a) * seconds for a, b in zip([0, *called], called, strict=False)]
    longest = max(1.0, seconds * every)
    assert all(pause >= 1.0 - 1e-9 for pause in pauses[:-1])
    assert max(pauses) <= longest + 0.1 + seconds * every
    assert len(looked) <= 3 * len(called) + 20


def test_steps_that_become_slow_are_looked_at_soon(clock):
    pace = Pace(1, 1.0)
    looks(pace, clock, 4096, 1e-6)
    ahead = pace.next_look(4096) - 4096
    pace.begin(4096)
    assert pace.next_look(4096) == 4097 and ahead <= 4097


def test_a_clock_that_stands_still(clock):
    looked, called = looks(Pace(1, 1.0), clock, 1000, 0.0)
    assert called == [1000] and len(looked) < 15


def test_ranks_follow_one_clock_and_the_shortest_interval(clock):
    ranks = SimpleNamespace(gather=lambda thing, place: [thing, 3.0, None], first=lambda x, _: x)
    assert pace_of(Paced(5.0), 1, ranks).interval == 3.0
    assert pace_of(print, 1, ranks).interval is None
    assert pace_of(None, 1, ranks).interval == 3.0
    assert pace_of(None, 1) is None and not due_steps(None, 1)(5, True)


def test_a_display_is_closed_however_a_block_ends():
    callback = Paced()
    with pytest.raises(KeyboardInterrupt), closing(callback):
        raise KeyboardInterrupt
    with closing(callback):
        pass
    assert callback.closed == 2
    with closing(callback):
        callback.interval = None  # what it was at the beginning counts
    assert callback.closed == 3
    bare = SimpleNamespace(interval=1.0)
    with closing(bare), closing(None):
        pass


def test_a_relay_has_the_pace_of_its_callback_and_remembers_the_end():
    callback = Paced(2.0, ends_at=2)
    relay = Relay(callback, "here")
    assert relay.interval == 2.0
    answers = [relay(SimpleNamespace(n_steps=i)) for i in range(4)]
    assert answers == [False, True, True, True] and relay.ended
    assert [(state.n_steps, state.phase) for state in callback.states] == [(0, "here"), (1, "here")]


def test_a_relay_of_fits_counts_all_steps(clock):
    callback = Paced(1.0, ends_at=3)
    relay = FitsRelay(callback, "folds")
    paces = [pace_of(relay, 1) for _ in range(2)]  # those of two fits
    ended = []
    for i in range(60):
        clock.now += 0.1
        if paces[i % 2].is_due(1 + i // 2):
            ended.append(relay(SimpleNamespace(n_steps=1 + i // 2)))
    found = [state.n_steps for state in callback.states]
    assert len(found) == 3 and found[0] in (10, 11) and 30 <= found[2] <= 33
    assert ended[:3] == [False, False, True] and all(ended[3:]) and len(ended) > 25


def test_reports_between_pieces_of_work():
    seen = []
    reports = Reports(lambda state: seen.append((state.n_steps, state.gap)) or len(seen) == 3, 4)
    answers = [reports(n, gap=0.5) for n in (2, 4, 6, 8, 20, 22, 30)]
    assert [n for n, _ in seen] == [4, 8, 20]
    assert answers == [False] * 4 + [True] * 3
    assert Reports(None, 1)(5) is False
