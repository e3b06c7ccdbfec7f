"""The quasi-Newton method where floats end: whatever it is given, it ends honestly.

`python tools/random_calls.py extremes 1000` tries a thousand problems more.
"""

import math

import numpy as np
import pytest

from support.backends import every_backend
from support.fuzz import check


@pytest.mark.parametrize("seed", range(0, 120, 10))
def test_a_solver_that_never_fails(seed, tmp_path):
    for i in range(seed, seed + 10):
        check.check("extremes", i, tmp_path)


@every_backend
@pytest.mark.parametrize(("max_passes", "used"), [(1, 1), (2, 2), (3, 2), (4, 4)])
def test_a_start_counts_as_a_read(backend, max_passes, used):
    X = [[1.0], [1.0], [2.0]]
    run = backend.minimize(X, [1, 0, 1], start=[3.0], max_passes=max_passes, tol=0.0)
    assert run.stop_reason == "max_passes" and run.trace.passes[-1] == used
    # a gradient that was not computed is not told of
    assert math.isnan(run.diagnostics.share) == ("gradient" not in run.evidence) == (used == 1)


@every_backend
@pytest.mark.parametrize("scale", [1e-10, 1.0])
def test_a_penalty_beside_an_intercept(backend, scale):
    """Only the intercept may move, and the way that it moves is 1e300 times as long as another."""
    X = scale * np.random.default_rng(1).standard_normal((20, 3))
    y = np.arange(20) % 4 == 0
    run = backend.minimize(X, y, l2=1e300, fit_intercept=True)
    assert (np.diff(run.trace.objective) <= 1e-12).all() and np.abs(run.weights).max() < 1e-150


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@pytest.mark.parametrize("size", [1e154, 1e200, 1e300, 1e308])
def test_an_intercept_beside_rows_whose_squares_overflow(backend, size, loss):
    """At zero weights the gradient is a quarter of what it could be, and not the intercept's."""
    X, y = [[size], [1.0], [1.0], [1.0]], [1, 0, 0, 1]
    run = backend.minimize(X, y, fit_intercept=True, loss=loss, max_passes=2)
    share = 0.25 if loss == "logistic" else math.sqrt(0.125)  # of two columns
    assert run.diagnostics.share == pytest.approx(share) and run.stop_reason == "max_passes"


@every_backend
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e300, 1e308])
def test_a_direction_that_underflows(backend, size):
    """A step along the intercept, in the unit of far larger rows."""
    run = backend.minimize([[size], [1.0], [1.0]], [0, 1, 1], fit_intercept=True, max_passes=300)
    assert run.stop_reason in ("separated", "rounding", "max_passes")
    assert run.trace.loss[-1] < run.trace.loss[0]


@every_backend
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("start", [[1e200], [1e308], [-1e308]])
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_a_start_whose_scores_leave_float64(backend, loss, start):
    """It is left for zero weights, also where all margins would be infinite."""
    start = start if loss == "logistic" else [[0.0, *start]]
    run = backend.minimize([[1e200], [-1e200]], [1, 0], start=start, loss=loss)
    assert run.trace.loss[0] == pytest.approx(math.log(2.0)) and run.stop_reason != "diverged"


@every_backend
@pytest.mark.filterwarnings("error")
def test_weights_stay_in_float64(backend):
    """The rows are so short that a good step would leave it."""
    X = [[7e-309, 1e-308], [1e-308, 1e-308], [-7e-309, 1e-308]]
    run = backend.minimize(X, [0, 1, 2], loss="softmax")
    assert np.isfinite(run.weights).all() and run.stop_reason == "rounding"
