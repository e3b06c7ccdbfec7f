"""What is timed: one step of gradient descent with its full trace, compiled and in NumPy.

The time of a step is the difference of two run lengths over their difference in steps, so that
validation, set-up and the final forward pass do not blur it.
"""

import statistics
import time

import numpy as np

import lsgd_fast as lsgd

SHAPES = [
    (100, 2),
    (569, 30),
    (2000, 20),
    (20000, 100),
    (1000, 784),
    (1187, 384),
    (100_000, 384),
    (1_000_000, 20),
    (38, 5000),
    (2000, 20_000),
]
STEPSIZE = 1.0
CONTENDERS = {
    "fast": lsgd.gradient_descent,
    "numpy": lsgd.reference.gradient_descent,
}


def problem(n, d, dtype):
    """Return Gaussian X and labels of a planted direction, a tenth of them flipped."""
    rng = np.random.default_rng(n + d)
    X = rng.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)
    y = np.sign(X @ rng.standard_normal(d) + 1e-9)
    return X, np.where(rng.random(n) < 0.1, -y, y)


def check(n, d, dtype):
    """Raise AssertionError unless all contenders agree on a short run."""
    X, y = problem(n, d, dtype)
    runs = [run(X, y, STEPSIZE, 3) for run in CONTENDERS.values()]
    for found in runs[1:]:
        np.testing.assert_allclose(found.trace.loss, runs[0].trace.loss, rtol=1e-9)
        np.testing.assert_allclose(found.weights, runs[0].weights, rtol=1e-6, atol=1e-9)


def step_seconds(name, n, d, dtype, seconds=0.4, repeats=5):
    """Return the median time of one step of a contender, over `repeats` pairs of runs."""
    X, y = problem(n, d, dtype)
    run = CONTENDERS[name]

    def timed(n_steps):
        start = time.perf_counter()
        run(X, y, STEPSIZE, n_steps)
        return time.perf_counter() - start

    timed(2)
    one = max((timed(12) - timed(2)) / 10, 1e-7)
    n_steps = int(min(200_000, max(8, seconds / one)))
    return statistics.median((timed(2 + n_steps) - timed(2)) / n_steps for _ in range(repeats))
