"""Fixtures of the tests of plans."""

import pytest

from lsgd_fast._planning import plan as planning
from lsgd_fast._planning import timing
from support.plans import RADIUS


@pytest.fixture
def no_measuring(monkeypatch):
    """Make a step take 2 s and the set-up 0.5 s; return the arguments of each measurement."""
    calls = []

    def measure(X, y, record_every, n_threads, gram="auto"):
        calls.append((X, record_every, n_threads, gram))
        return timing.Timing(step_seconds=2.0, set_up_seconds=0.5, radius=RADIUS)

    monkeypatch.setattr(planning, "measure", measure)
    return calls
