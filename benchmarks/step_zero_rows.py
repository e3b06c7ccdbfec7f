"""Print what a step costs with the loss Tsallis 2, by the share of rows that have a gradient.

    python benchmarks/step_zero_rows.py [--rounds 7] [--shapes 20000x100] [--threads 2]

Rows beyond the separation margin have none, and panels of eight such rows are left out of the
backward product. The rows with a gradient lie side by side, as after a sort, or anywhere. Before
anything is timed, the weights of a few steps are compared, bit for bit, with those of a run beside
three others that have gradients in all rows, so that nothing is left out. A step is timed in
rounds: the shares take turns, and the medians are printed.
"""

import argparse
import statistics
import time

import numpy as np

import lsgd_fast as lsgd
from lib.arguments import shapes_of

SHAPES = [(20_000, 100), (100_000, 20), (1000, 784)]
SHARES = {"all": 1.0, "a half": 0.5, "a tenth": 0.1, "a tenth, anywhere": 0.1, "8 rows": 0.0}
STEPSIZE = 1e-9  # leads nowhere: a step costs the same wherever it is taken
LOSS = lsgd.losses.Tsallis(2.0)


def problem(n, d, name, rng):
    """Return X, y and weights w: margins are 1 for the rows with a gradient, and 3 for the rest."""
    X = rng.standard_normal((n, d))
    w = rng.standard_normal(d)
    y = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    active = np.arange(n) < max(8, round(SHARES[name] * n))
    if "anywhere" in name:
        rng.shuffle(active)
    X += np.outer(y * np.where(active, 1.0, 3.0) - X @ w, w) / (w @ w)
    return X, y, w


def check(X, y, w):
    """Compare the weights of a run with those of the same run where nothing is left out."""
    options = {"loss": LOSS, "gram": False}
    alone = lsgd.gradient_descent(X, y, 0.125, 3, start=w, **options)
    zero = np.zeros_like(w)
    beside = lsgd.stepsize_sweep(
        X, y, [0.125] * 4, 3, start=np.array([w, zero, zero, zero]).T, loss=LOSS
    )
    assert alone.weights.tobytes() == beside[0].weights.tobytes()


def measure(n, d, asked):
    """Return {share: median seconds of a step} for X of shape (n, d)."""
    descents, steps, found = {}, max(3, 20_000_000 // (n * d)), {name: [] for name in SHARES}
    for name in SHARES:
        X, y, w = problem(n, d, name, np.random.default_rng(n + d))
        check(X, y, w)
        descents[name] = lsgd.Descent(
            X, y, STEPSIZE, start=w, loss=LOSS, record=["loss"], record_every=1000,
            n_threads=asked.threads,
        )  # fmt: skip
        descents[name].step(2)
    for _ in range(asked.rounds):
        for name, descent in descents.items():
            began = time.perf_counter()
            descent.step(steps)
            found[name].append((time.perf_counter() - began) / steps)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def main():
    """Measure and print a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shapes", type=shapes_of, default=SHAPES)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    print("ms a step, and what it is of that with all rows; rows with a gradient:")
    print("| n x d | " + " | ".join(SHARES) + " |")
    for n, d in asked.shapes:
        found = measure(n, d, asked)
        cells = [f"{1e3 * s:.3g} ({s / found['all']:.2f})" for s in found.values()]
        print(f"| {n} x {d} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
