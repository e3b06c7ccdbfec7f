"""Print what a sweep costs beside one run of the same steps, and beside batched NumPy.

    python benchmarks/sweep_cost.py [--dtype float64] [--rounds 5] [--shapes 1000x784,...]

Times are those of one step, the difference of two run lengths; sweeps and single runs take turns in
one process, NumPy batches the same stepsizes by two matrix products in a process of its own. The
losses of both are compared before anything is timed.
"""

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np
import problems

import lsgd_fast as lsgd

SHAPES = [(100_000, 384), (1_000_000, 20), (1000, 784), (20_000, 100), (1187, 384)]
COUNTS = (16, 32)


def stepsizes(k, stepsize):
    """Return k stepsizes around one that does not oscillate."""
    return stepsize * np.geomspace(0.25, 1.0, k)


def batched_numpy(X, y, etas, n_steps):
    """Return the losses (n_steps + 1, k) of k descents by two matrix products a step."""
    W, losses = np.zeros((X.shape[1], len(etas)), X.dtype), []
    etas = np.asarray(etas, X.dtype)
    sign = y[:, None].astype(X.dtype)
    for t in range(n_steps + 1):
        Z = X @ W
        Z *= sign
        E = np.exp(-np.abs(Z))
        losses.append((np.maximum(-Z, 0.0) + np.log1p(E)).mean(axis=0, dtype=np.float64))
        if t == n_steps:
            return np.array(losses)
        S = np.where(Z > 0.0, E, X.dtype.type(1.0)) / (1.0 + E)
        S *= -sign
        W -= etas * (X.T @ S) / X.dtype.type(len(X))


def sweep(X, y, etas, n_steps):
    """Return the losses of a sweep."""
    runs = lsgd.stepsize_sweep(X, y, etas, n_steps, gram=False)
    return np.array([run.trace.loss for run in runs]).T


def step_seconds(run, X, y, etas, seconds):
    """Return the time of a step of `run`, from runs that take about `seconds`."""

    def timed(n_steps):
        began = time.perf_counter()
        run(X, y, etas, n_steps)
        return time.perf_counter() - began

    timed(1)
    one = max((timed(5) - timed(1)) / 4, 1e-7)
    n_steps = int(min(20_000, max(4, seconds / one)))
    return (timed(1 + n_steps) - timed(1)) / n_steps


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--shapes", help="such as 1000x784,20000x100; all by default")
    parser.add_argument("--numpy", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.numpy:
        n, d, k = map(int, asked.numpy)
        X, y, eta = problems.problem(n, d, asked.dtype)
        etas = stepsizes(k, eta)
        print(step_seconds(batched_numpy, X, y, etas, asked.seconds))
        return
    shapes = SHAPES
    if asked.shapes:
        shapes = [tuple(map(int, shape.split("x"))) for shape in asked.shapes.split(",")]
    print(f"milliseconds a step, {asked.dtype}, medians of {asked.rounds}")
    print(f"{'shape':>15} {'one':>9} {'16':>9} {'ratio':>6} {'NumPy':>9} "
          f"{'32':>9} {'ratio':>6} {'NumPy':>9}")  # fmt: skip
    for n, d in shapes:
        X, y, eta = problems.problem(n, d, asked.dtype)
        small = stepsizes(4, eta)
        np.testing.assert_allclose(
            sweep(X, y, small, 3), batched_numpy(X, y, small, 3), rtol=1e-3 if X.itemsize == 4 else 1e-9
        )  # fmt: skip
        calls = {1: [eta], 16: stepsizes(16, eta), 32: stepsizes(32, eta)}
        found = {k: [] for k in calls}
        numpy = {k: [] for k in COUNTS}
        for _ in range(asked.rounds):
            for k, etas in calls.items():
                found[k].append(step_seconds(sweep, X, y, etas, asked.seconds))
        for k in COUNTS:
            command = [sys.executable, __file__, "--dtype", asked.dtype, "--numpy", n, d, k]
            for _ in range(min(3, asked.rounds)):
                done = subprocess.run(
                    list(map(str, command)), check=True, capture_output=True, text=True
                )
                numpy[k].append(float(done.stdout))
        one, *several = (1e3 * statistics.median(times) for times in found.values())
        line = f"{n:>8} x {d:<4} {one:>9.4g}"
        for k, time_k in zip(COUNTS, several, strict=True):
            line += (
                f" {time_k:>9.4g} {time_k / one:>6.2f} {1e3 * statistics.median(numpy[k]):>9.4g}"
            )
        print(line, flush=True)


if __name__ == "__main__":
    main()
