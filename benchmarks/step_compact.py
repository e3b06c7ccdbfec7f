"""Print what a step costs by the dtype of X: the same values, in fewer and fewer bytes.

    python benchmarks/step_compact.py [--rounds 7] [--shapes 100000x384] [--threads 2]

The values are small integers, which every dtype holds. Before anything is timed, loss and gradient
are compared with NumPy's on the decoded values, and a run of each dtype with that of float64, bit
for bit; so is a run with `center` and `scale` with NumPy's on the features that they stand for. A
step is timed in rounds: the dtypes take turns, one descent of each is kept going, and the medians
are printed. bfloat16 takes part where ml_dtypes is installed.
"""

import argparse
import statistics
import time

import numpy as np

import lsgd_fast as lsgd
from lib.arguments import shapes_of

SHAPES = [(100_000, 384), (200_000, 784), (1_000_000, 20), (1000, 784)]
CHECKED = 2000  # rows that are compared with NumPy
STEPSIZE = 1e-9  # leads nowhere: a step costs the same wherever it is taken


def dtypes():
    """Return {name: dtype}."""
    found = {name: np.dtype(name) for name in ("float64", "float32", "float16", "uint8", "int8")}
    try:
        import ml_dtypes
    except ImportError:
        return found
    return found | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}


def expected(X, y, w):
    """Return the loss and its gradient by NumPy, for labels -1 and +1."""
    z = y * (X @ w)
    return np.logaddexp(0.0, -z).mean(), X.T @ (-y * np.exp(-np.logaddexp(0.0, z))) / len(X)


def check(X, exact, y):
    """Compare X, in whatever dtype, with the values that it stands for."""
    d = X.shape[1]
    w = np.random.default_rng(1).standard_normal(d) / (100.0 * np.sqrt(d))
    center, scale = exact.mean(axis=0), 1.0 / (1.0 + exact.std(axis=0))
    for factors, features in (
        ({}, exact),
        ({"center": center, "scale": scale}, (exact - center) * scale),
    ):
        loss, gradient = lsgd.logistic_loss_gradient(X, y, w, **factors)
        right_loss, right = expected(features, y, w)
        np.testing.assert_allclose(loss, right_loss, rtol=1e-12)
        np.testing.assert_allclose(gradient, right, rtol=1e-12, atol=1e-12 * np.abs(right).max())
    run, plain = (lsgd.gradient_descent(A, y, 1e-4, 5, gram=False) for A in (X, exact))
    assert run.weights.tobytes() == plain.weights.tobytes()


def measure(n, d, asked):
    """Return {name: median seconds of a step} for X of shape (n, d)."""
    rng = np.random.default_rng(n + d)
    values = rng.integers(0, 101, (n, d), dtype=np.int8)
    y = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    descents = {}
    for name, dtype in dtypes().items():
        X = values.astype(dtype)
        check(X[:CHECKED], values[:CHECKED].astype(np.float64), y[:CHECKED])
        descents[name] = lsgd.Descent(
            X, y, STEPSIZE, gram=False, record=["loss"], n_threads=asked.threads
        )
    centred = lsgd.Descent(
        values.view(np.uint8), y, STEPSIZE, record=["loss"], n_threads=asked.threads,
        center=values.mean(axis=0), scale=1 / 100, gram=False,
    )  # fmt: skip
    descents["uint8, centred"] = centred
    found = {name: [] for name in descents}
    steps = {}
    for name, descent in descents.items():
        descent.step(2)
        began = time.perf_counter()
        descent.step(3)
        steps[name] = max(3, int(3 * asked.seconds / (time.perf_counter() - began)))
    for _ in range(asked.rounds):
        for name, descent in descents.items():
            began = time.perf_counter()
            descent.step(steps[name])
            found[name].append((time.perf_counter() - began) / steps[name])
    return {name: statistics.median(times) for name, times in found.items()}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a timed advance")
    parser.add_argument("--shapes", type=shapes_of, default=SHAPES, help="100000x384,1000x784")
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    names = [*dtypes(), "uint8, centred"]
    print(f"milliseconds a step, medians of {asked.rounds}")
    print(f"{'shape':>15}" + "".join(f" {name:>14}" for name in names))
    for n, d in asked.shapes:
        found = measure(n, d, asked)
        line = "".join(f" {1e3 * found[name]:>14.4g}" for name in names)
        print(f"{n:>8} x {d:<4}{line}", flush=True)


if __name__ == "__main__":
    main()
