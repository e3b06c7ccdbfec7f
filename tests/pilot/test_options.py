"""Arguments of a pilot."""

import pytest

from lsgd_fast import Budget


def test_a_budget_checks_its_limits():
    assert Budget() == Budget(seconds=None, memory=None)
    assert Budget(seconds=2, memory=10).seconds == 2.0
    with pytest.raises(ValueError, match="budget.seconds must be finite and positive"):
        Budget(seconds=0.0)
    with pytest.raises(ValueError, match="budget.memory must be at least 1"):
        Budget(memory=0)
    with pytest.raises(TypeError, match="budget.memory must be an integer"):
        Budget(memory=1.5)
