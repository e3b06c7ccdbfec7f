"""The monitor of the reference, step by step."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np

from lsgd_fast import reference
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.numerics import separates
from lsgd_fast.reference._monitor import Monitor
from lsgd_fast.stepsizes import Constant


def test_looking_twice_changes_nothing():
    problem = Problem.check([[1.0], [1.0]], [1, 0])
    once, twice = Monitor(problem, Constant(12.0)), Monitor(problem, Constant(12.0))
    rng = np.random.default_rng(0)
    for t in range(200):
        loss = float(rng.uniform(0.5, 1.0))
        now = SimpleNamespace(objective=loss, loss=loss, ln_loss=math.log(loss))
        w, norm = rng.standard_normal(1), float(rng.uniform(0.1, 1.0))
        taken = {"length": 12.0 * norm, "promise": 12.0 * norm * norm}
        for monitor, looks in ((once, 1), (twice, 2)):
            for _ in range(looks):
                monitor.observe(t, now)
            monitor.observe_step(w, norm, SimpleNamespace(stepsize=12.0, **taken))
    assert once.diagnostics(200, None, None) == twice.diagnostics(200, None, None)


def test_margins_within_rounding_prove_nothing():
    """Three rows that sum to zero, and weights far out at right angles to them."""
    claimed = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        rows = rng.integers(-(2**20), 2**20, (2, 3)).astype(float)
        w = np.cross(*rows) / 3.0
        rows = np.vstack([rows, -rows.sum(axis=0)])
        z = np.cumsum(rows * w, axis=1)[:, -1]  # in one order, whatever the machine
        claimed += z.min() > 0.0  # wrong: exactly, one is not
        exact = [
            sum(Fraction(a) * Fraction(b) for a, b in zip(row, w, strict=True)) for row in rows
        ]
        assert min(exact) <= 0
        y = np.array([1.0, -1.0, 1.0])
        run = reference.gradient_descent(rows * y[:, None], y, 1e-20, 1, start=w)
        assert run.separable is None
    assert claimed > 0
    assert separates(1e-9, 1.0, 1.0, 3) and not separates(1e-16, 1.0, 1.0, 3)
    assert not separates(math.nan, 1.0, 1.0, 3) and not separates(1.0, 1e200, 1e200, 3)
