"""Compare what a staged trial recommends with the best stepsize of a dense grid.

    python benchmarks/quality_trial.py [--reference] [embeddings.npz]

The grid has 25 stepsizes, from 1 over the smoothness in factors of 2, and runs on all rows with the
budget of the trial.  Where it separates the data, passes to separation are compared, otherwise the
losses after the budget, of stable runs on either side.  Both ratios should be at most 2.  The file,
if one is given, holds `X` and `y`, two classes.
"""

import argparse
import sys

import numpy as np
from sklearn.datasets import load_breast_cancer

import lsgd_fast

N_STEPS = 1000
LIMIT = 2.0


def main():
    """Run the command line; the exit code is 1 if a recommendation is worse than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--reference", action="store_true", help="use lsgd_fast.reference")
    parser.add_argument("file", nargs="?", help="an .npz with X and y")
    arguments = parser.parse_args()
    backend = lsgd_fast.reference if arguments.reference else lsgd_fast
    print(
        f"{'data':<28} {'recommended':>12} {'verdict':>9} {'passes':>7} {'loss':>10}"
        f" {'grid: best':>12} {'passes':>7} {'loss':>10} {'ratio':>6}"
    )
    misses = [name for name, X, y in problems(arguments.file) if not compare(backend, name, X, y)]
    if misses:
        print(f"worse than {LIMIT} times the grid's best: {', '.join(misses)}")
    return 1 if misses else 0


def problems(file):
    """Yield (name, X, y)."""
    X, y = lsgd_fast.datasets.digits_0_vs_8()
    yield "digits 0 v 8", X, y
    flipped = y.copy()
    flipped[np.random.default_rng(0).choice(len(y), round(0.05 * len(y)), replace=False)] *= -1.0
    features, labels = load_breast_cancer(return_X_y=True)
    yield "breast_cancer, standardised", (features - features.mean(0)) / features.std(0), labels
    if file is not None:
        with np.load(file) as stored:
            yield "embeddings", stored["X"], stored["y"]
    yield "digits, 5 % flipped", X, flipped
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 384))
    y = np.where(X @ rng.standard_normal(384) > 0.0, 1.0, -1.0)
    y[rng.random(3000) < 0.2] *= -1.0
    yield "3000 x 384, 20 % flipped", X, y


def compare(backend, name, X, y):
    """Print one row of the table; return whether the ratio is within the limit."""
    trial = backend.staged_trial(X, y, n_steps=N_STEPS)
    grid = [2.0**i / trial.smoothness for i in range(25)]
    stop = lsgd_fast.Stop(cycling=True)
    runs = backend.stepsize_sweep(X, y, grid, N_STEPS, stop=stop, record_every=N_STEPS)
    found = trial.confirmed
    if any(run.separable for run in runs):
        best = min((run.separated_at, i) for i, run in enumerate(runs) if run.separable)[1]
        passes = found.separated_at if found and found.separated_at is not None else np.inf
        # Step t is seen by pass t + 1.
        ratio = (passes + 1) / (runs[best].separated_at + 1)
    else:
        stable = [i for i, run in enumerate(runs) if run.verdict == "stable"]
        best = min(stable, key=lambda i: runs[i].trace.ln_loss[-1])
        held = found is not None and found.verdict == "stable"
        ratio = found.loss / float(runs[best].trace.loss[-1]) if held else np.inf
    if found is None:
        print(f"{name:<28} {'none':>12}")
        return False
    run = runs[best]
    print(
        f"{name:<28} {found.stepsize:>12.4g} {found.verdict:>9} {_passes(found.separated_at):>7}"
        f" {found.loss:>10.3g} {grid[best]:>12.4g} {_passes(run.separated_at):>7}"
        f" {run.trace.loss[-1]:>10.3g} {ratio:>6.2f}",
        flush=True,
    )
    return ratio <= LIMIT


def _passes(separated_at):
    return "-" if separated_at is None else separated_at + 1


if __name__ == "__main__":
    sys.exit(main())
