"""Print false verdicts over generated problems, and the numbers behind the limits in verdicts.py.

    python benchmarks/quality_verdict.py [--problems 200]

Half of the problems have a planted direction that separates them, half hold a row with both labels,
so that nothing does.  Each runs with stepsizes from 0.5 to 5000 over the smoothness, once to be
judged and once more, eight times as long, to see what became of it.  False is: `diverged` on any,
`cycling` on separable data or where the long run has a calm end, `stable` where the loss increased
later, `unstable` or `cycling` with a stepsize below 2 over the smoothness, and `separable` without
need.  The limits need scikit-learn, for one data set.
"""

import argparse
import collections

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast._results.verdict import CYCLE_DRIFT

FACTORS = (0.5, 1.8, 5.0, 50.0, 500.0, 5000.0)  # stepsizes over 1/smoothness
N_STEPS = 2000


def main():
    """Run the command line; the exit code is 1 if any verdict is false."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--problems", type=int, default=200)
    arguments = parser.parse_args()
    told, false = collections.Counter(), collections.Counter()
    for seed in range(arguments.problems):
        kind = ("separable", "inseparable")[seed % 2]
        X, y = problem(seed, kind)
        smoothness = 0.25 * np.linalg.norm(X, 2) ** 2 / len(X)
        etas = [factor / smoothness for factor in FACTORS]
        short, long = (lsgd.stepsize_sweep(X, y, etas, n) for n in (N_STEPS, 8 * N_STEPS))
        for factor, run, later in zip(FACTORS, short, long, strict=True):
            told[kind, run.verdict] += 1
            false[kind, run.verdict] += is_false(kind, factor, run, later)
    for (kind, verdict), count in sorted(told.items()):
        print(f"{kind:<12} {verdict:<10} {count:>5}, false {false[kind, verdict]}")
    print_limits()
    return 1 if sum(false.values()) else 0


def problem(seed, kind):
    """Return X and y of a kind, which is known by construction."""
    rng = np.random.default_rng([seed, 1])
    n, d = int(rng.integers(2, 80)), int(rng.integers(1, 20))
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-2.0, 2.0)
    direction = rng.standard_normal(d)
    y = np.where(X @ direction > 0.0, 1.0, -1.0)
    if kind == "inseparable":
        y[rng.random(n) < rng.uniform(0.0, 0.5)] *= -1.0
        X, y = np.vstack([X, X[0]]), np.append(y, -y[0])
    else:
        X += (
            10.0 ** rng.uniform(-4.0, 0.0)
            * np.abs(X).max()
            * y[:, None]
            * direction
            / np.linalg.norm(direction)
        )
    if len(set(y)) == 1:  # a mirrored row has the same margins
        X[0], y[0] = -X[0], -y[0]
    return X, y


def is_false(kind, factor, run, later):
    """Return whether a verdict is wrong, by what is known and by the longer run."""
    calm = (later.stable_at or 0) <= run.n_steps and later.stable_at is not None
    wrong = run.separable is True and kind == "inseparable"
    wrong |= run.verdict == "diverged" or (run.verdict == "stable" and not calm)
    wrong |= run.verdict == "cycling" and (kind == "separable" or calm)
    return wrong or (factor < 2.0 and run.verdict in ("cycling", "unstable"))


def print_limits():
    """Print what the limits of verdicts.py were chosen by."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    loss = lsgd.gradient_descent(X, y, 20.0, 400).trace.loss
    steps = 1 + np.flatnonzero(np.diff(loss) > 0.0)
    gap = np.argmax(np.diff(steps))
    print(f"MIN_QUIET_STEPS: breast_cancer, stepsize 20: increases at step {steps[gap]} and not "
          f"again before {steps[gap + 1]}")  # fmt: skip
    etas = [1.0, 20.0, 100.0, 1e3, 1e5]
    runs = lsgd.stepsize_sweep(X, y, etas, 100_000, record_every=100_000)
    drift = min(run.signs.drift for run in runs)
    print(f"CYCLE_DRIFT: least drift there after 10^5 steps: {drift:.2g}, and it is separable")
    pair = [[1.0], [1.0]], [1, 0]  # critical: 8
    drift = lsgd.gradient_descent(*pair, 12.0, 1000, start=[1.0]).signs.drift
    print(f"CYCLE_DRIFT: drift of a cycle of two after 1000 steps: {drift:.2g}")
    rng = np.random.default_rng(0)
    for d in (1, 100):
        X, y = rng.standard_normal((10 * d, d)), rng.integers(0, 2, 10 * d)
        X, y = np.vstack([X, X[:1]]), np.append(y, 1 - y[0])
        eta = 100.0 / (0.25 * np.linalg.norm(X, 2) ** 2 / len(X))
        found = [
            n for n in 2 ** np.arange(6, 18)
            if lsgd.gradient_descent(X, y, eta, n, record_every=n).signs.drift <= CYCLE_DRIFT
        ]  # fmt: skip
        when = f"after {found[0]} steps" if found else "never"
        print(f"CYCLE_DRIFT: met by an orbit in {d} dimensions {when}")
    for share, what in ((0.1, "smooth descent"), (0.95, "5 % below critical"), (1.5, "a cycle")):
        signs = lsgd.gradient_descent(*pair, 8.0 * share, 200, start=[1.0]).signs
        kept = signs.fall / signs.promise if signs.promise else float("nan")
        print(f"KEPT_PROMISE, BROKEN_PROMISE: fall over promise, {what}: {kept:.2g}")


if __name__ == "__main__":
    raise SystemExit(main())
