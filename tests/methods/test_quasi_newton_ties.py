"""Numbers that are equal in exact arithmetic: no step and no ending is left to their rounding."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference
from support.backends import every_backend

ROWS = 3  # of the trace that are compared; later ones multiply any rounding


def problem(seed):
    """Return X, y and options of a random problem with a start, near or far out."""
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(4, 40)), int(rng.integers(1, 8)), int(rng.choice([2, 2, 3]))
    X, y = rng.standard_normal((n, d)), np.r_[np.arange(k), rng.integers(0, k, n - k)]
    options = {
        "fit_intercept": bool(rng.integers(2)), "l2": float(rng.choice([0.0, 1e-6, 1e-3, 0.1])),
        "loss": "softmax" if k > 2 else "logistic", "max_passes": 60,
    }  # fmt: skip
    shape = (d + options["fit_intercept"], k)[: 1 + (k > 2)]
    options["start"] = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)
    return X, y, options


@pytest.mark.parametrize("first", range(20, 120, 20))
def test_both_implementations_take_the_same_steps(first):
    differing = []
    for seed in range(first, first + 20):
        X, y, options = problem(seed)
        runs = [backend.minimize(X, y, **options).trace for backend in (lsgd, reference)]
        for name in ("loss", "stepsize"):
            found, expected = (getattr(trace, name)[:ROWS] for trace in runs)
            if not np.allclose(found, expected, rtol=1e-3, atol=1e-9, equal_nan=True):
                differing.append((seed, name))
    assert differing == []


@every_backend
@pytest.mark.parametrize("n", [4, 6, 8, 10, 20, 30])
@pytest.mark.parametrize("value", [0.1, 1.0, 3.0])
def test_a_gradient_of_exactly_the_tolerance(backend, value, n):
    """A gradient of 2 / n of what the rows would make, in exact arithmetic."""
    X, y = np.full((n, 3), value), np.arange(n) % 2 == 0
    y[1] = True
    for l2 in (0.0, 1.0):
        assert backend.minimize(X, y, tol=2.0 / n, l2=l2).n_steps == 0


@every_backend
@pytest.mark.parametrize("weight", [[1.0, 1.0, 1.0], [0.1, 0.1, 0.7], [0.1, 0.3, 0.7]])
def test_a_start_on_the_limit_is_kept(backend, weight):
    X, y = [[1.0], [-1.0], [1.0]], [1, 0, 1]
    run = backend.minimize(X, y, start=[-1e8], max_passes=1, sample_weight=weight)
    assert run.weights == [-1e8] and run.trace.loss[0] == pytest.approx(1e8)
