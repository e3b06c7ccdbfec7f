"""Random calls of every function, with storage, losses, rules, models and held-out rows mixed."""

import pytest

from support import mixed


@pytest.mark.parametrize("seed", range(4))
def test_mixed_calls(seed, tmp_path):
    """Same numbers on both twins, same bits for all threads and instruction sets, same inputs."""
    counts = mixed.main(60, seed, tmp_path)
    compared = {kind for kind, ended in counts if ended == "compared"}
    assert compared == set(mixed.KINDS)
    refused = sum(count for (_, ended), count in counts.items() if ended == "refused")
    assert refused <= 0.4 * sum(counts.values())
