"""Plans of the toy set, and a measurement that takes no time."""

import math

import lsgd_fast as lsgd
from lsgd_fast._planning import plan as planning
from lsgd_fast._planning import timing

RADIUS = math.sqrt(4.04)  # of the toy set, whose margin is 0.2


def toy_plan(**options):
    """Return a plan for the toy set."""
    return lsgd.plan(*lsgd.datasets.toy(), **options)


def measure_nothing(monkeypatch):
    """Make a step take 2 s and the set-up 0.5 s; return the arguments of each measurement."""
    calls = []

    def measure(X, y, record_every, n_threads, gram="auto", reports=None, loss="logistic"):
        calls.append((X, record_every, n_threads, gram))
        return timing.Timing(step_seconds=2.0, set_up_seconds=0.5, radius=RADIUS)

    monkeypatch.setattr(planning, "measure", measure)
    return calls
