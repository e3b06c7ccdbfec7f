"""Curves of many points are thinned without losing a spike or a gap."""

import numpy as np

from lsgd_fast import _drawing as drawing


def test_thinning_keeps_every_spike():
    n = 1 << 17
    rng = np.random.default_rng(0)
    step, height = np.arange(n), rng.uniform(1.0, 2.0, n)
    spikes = rng.choice(n, 40, replace=False)
    height[spikes[:20]], height[spikes[20:]] = 9.0, 0.1
    kept = drawing.thin(step, height)
    assert {0, n - 1} <= set(kept) and (np.diff(kept) > 0).all()
    assert len(kept) <= 4 * drawing.COLUMNS
    edges = np.geomspace(1, n, 1 + drawing.COLUMNS // 2)  # half as many columns of the picture
    for a, b in zip(np.ceil(edges[:-1]).astype(int), np.ceil(edges[1:]).astype(int), strict=True):
        drawn = height[kept[(a <= kept) & (kept < b)]]
        if a < b and b - a > 100:
            assert (drawn.min(), drawn.max()) == (height[a:b].min(), height[a:b].max())
    assert kept[:50].tolist() == list(range(50))  # where columns are less than a step apart


def test_thinning_leaves_gaps_as_they_are():
    n = 1 << 15
    step, height = np.arange(n), np.ones(n)
    height[100:20_000] = np.nan
    height[15_000] = 7.0
    kept = drawing.thin(step, height)
    assert 15_000 in kept and np.isnan(height[kept]).any()
    assert len(drawing.thin(step[:8192], height[:8192])) == 8192
