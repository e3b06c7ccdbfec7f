"""Fixtures of the tests of pages."""

import pytest

from support.plans import measure_nothing


@pytest.fixture
def no_measuring(monkeypatch):
    """Make a step take 2 s and the set-up 0.5 s; return the arguments of each measurement."""
    return measure_nothing(monkeypatch)
