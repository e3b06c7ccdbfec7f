"""10,000 random calls, good and bad: each is as right as the reference, or refused as it does."""

import json

import pytest

from support.fresh import run_python

CALLS, PROCESSES = 10_000, 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(PROCESSES))
def test_random_calls(seed):
    """0 crashes, 0 warnings, 0 inputs modified; enough good calls, and enough bad ones."""
    calls = CALLS // PROCESSES
    done = run_python(f"from support import fuzz; fuzz.main({calls}, {seed})")
    assert done.returncode == 0, done.stderr[-4000:]
    counts = json.loads(done.stdout)
    assert sum(counts.values()) == calls
    assert counts["compared"] >= 0.35 * calls and counts["refused"] >= 0.1 * calls
