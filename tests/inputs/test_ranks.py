"""Handlers of signals, while ranks only note signals and when they do so no longer."""

import signal

import pytest

from lsgd_fast._inputs.ranks import Ranks

NUMBERS = (signal.SIGUSR1, signal.SIGUSR2)


class Pair:
    """What `Ranks` knows of two ranks."""

    rank, size = 0, 2


class Raised(Exception):
    pass


def raise_it(number, frame):
    raise Raised


@pytest.fixture
def handlers():
    before = {number: signal.signal(number, raise_it) for number in NUMBERS}
    yield {number: signal.getsignal(number) for number in NUMBERS}
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("sent", NUMBERS)
@pytest.mark.parametrize("entering", [True, False])
def test_a_handler_that_raises_between_leaves_all_as_they_were(
    handlers, monkeypatch, sent, entering
):
    set_one, left = signal.signal, [sent]

    def set_and_send(number, handler):
        set_one(number, handler)
        if number == signal.SIGUSR1 and left:  # the other one is set later
            signal.raise_signal(left.pop())

    with pytest.raises(Raised), monkeypatch.context() as patches:
        if entering:
            patches.setattr(signal, "signal", set_and_send)
        with Ranks(Pair()).deferring_signals():
            patches.setattr(signal, "signal", set_and_send)
    assert left == []
    assert {number: signal.getsignal(number) for number in NUMBERS} == handlers


def test_signals_are_noted_and_handled_afterwards(handlers):
    reached = []
    with pytest.raises(Raised):
        with Ranks(Pair()).deferring_signals():
            signal.raise_signal(signal.SIGUSR1)
            reached.append(True)
    assert reached
    assert {number: signal.getsignal(number) for number in NUMBERS} == handlers
