"""Compare what staged trials recommend with the best of 25 stepsizes, by the goals of the trials.

    python benchmarks/trial_recommendations.py [--reference] [--goals GOAL ...] [--sets WORD ...]

The stepsizes are 1 over the smoothness in factors of 2. They run with the steps of the trial, and
those count that hold, as in a trial: they separate the rows or are stable. Losses and margins are
those on all rows; losses below 2.2e-16 count as equal. For what is held out, a quarter of the rows
is not given to the trial and judges what it recommends, by the mean over three divisions; one row
on the boundary is added to it, because a ratio to no errors and no loss says nothing.

A ratio says how much better the best of the stepsizes is: at most 2, or the report says what to ask
for. The table then has the ratio with that, too. What is held out must not be worse than with the
conservative stepsize by more than its range over the divisions. If anything else is found, the exit
code is 1. It takes some minutes.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import lsgd_fast
from support.trials import flipped, texts

ROOT = Path(__file__).parents[1]
GOALS = ("loss", "margin", "held_out_loss", "held_out_error")
N_STEPS, N_DIVISIONS, GRID = 1000, 3, 2.0 ** np.arange(25)
LIMIT = 2.0
EPSILON = np.finfo(float).eps


def text(*shape, share=0.0, **options):
    """Return sparse texts of which a share has the wrong label."""
    X, y = texts(*shape, **options)
    return sparse.csr_array((X.data, X.indices, X.indptr), X.shape), flipped(y, share)


def embeddings(share=0.0):
    """Return embeddings of paragraphs, of which a share has the wrong label."""
    with np.load(ROOT / "examples" / "data" / "docstrings.npz") as stored:
        return stored["X"], flipped(np.where(stored["y"] == 1, 1.0, -1.0), share)


def planted(n, d, n_used, share=0.0):
    """Return Gaussian rows labelled by some of the features, a share of the labels flipped."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    return X, flipped(np.where(X[:, :n_used] @ rng.standard_normal(n_used) > 0.0, 1.0, -1.0), share)


def table(load, threshold):
    """Return a table with standardised columns, and whether its target is above a threshold."""
    X, y = load(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), np.where(y > threshold, 1.0, -1.0)


def digits(share=0.0):
    """Return digits 0 and 8, of which a share has the wrong label."""
    X, y = lsgd_fast.datasets.digits_0_vs_8()
    return X, flipped(y, share)


SETS = {
    "bag of words, 500 x 2000": lambda: text(500, 2000, 200, contrast=0.02),
    "TF-IDF, 4000 x 10,000": lambda: text(4000, 10_000, 80, contrast=0.1, idf=True),
    "TF-IDF, 4000 x 10,000, 5 % flipped": lambda: text(4000, 10_000, 80, idf=True, share=0.05),
    "embeddings, 1750 x 384": embeddings,
    "embeddings, 5 % flipped": lambda: embeddings(0.05),
    "p >> n, 100 x 5000": lambda: planted(100, 5000, 20),
    "p >> n, 60 x 2000, 10 % flipped": lambda: planted(60, 2000, 5, 0.1),
    "table: breast cancer": lambda: table(load_breast_cancer, 0.5),
    "table: diabetes": lambda: table(load_diabetes, 140.0),
    "digits 0 v 8": digits,
    "noise: digits, 5 % flipped": lambda: digits(0.05),
    "noise: 3000 x 50, 20 % flipped": lambda: planted(3000, 50, 50, 0.2),
}


class Division:
    """Rows for a trial and a grid, and rows kept from them; without a seed none are."""

    def __init__(self, backend, X, y, seed):
        self.backend, chosen = backend, np.ones(len(y), bool)
        if seed is not None:
            rng = np.random.default_rng(seed)
            for label in (-1.0, 1.0):
                rows = np.flatnonzero(y == label)
                chosen[rng.choice(rows, len(rows) // 4, replace=False)] = False
        self.rows, self.others = (X[chosen], y[chosen]), (X[~chosen], y[~chosen])
        self.found = {}

    def trial(self, goal, **options):
        return self.backend.staged_trial(*self.rows, goal=goal, **({"n_steps": N_STEPS} | options))

    def values(self, stepsizes, goal, n_steps=N_STEPS):
        """Return what each stepsize has by the goal, less is better; NaN if it does not hold."""
        key = (tuple(stepsizes), n_steps)
        if key not in self.found:
            stop = lsgd_fast.Stop(cycling=True)
            options = {"stop": stop, "record_every": n_steps}
            self.found[key] = self.backend.stepsize_sweep(*self.rows, stepsizes, n_steps, **options)
        return np.array([self._value(run, goal) for run in self.found[key]])

    def _value(self, run, goal):
        if not (run.separable or run.verdict == "stable"):
            return np.nan
        if goal == "loss":
            return max(float(run.trace.loss[-1]), EPSILON)
        if goal == "margin":
            return -float(run.trace.min_margin[-1] / run.trace.weight_norm[-1])
        X, y = self.others
        margins = y * (X @ run.weights)
        margins = np.append(margins, 0.0)
        return (np.logaddexp(0.0, -margins) if goal == "held_out_loss" else margins <= 0.0).mean()


def ratio_of(value, best, goal):
    """Return how much better the best is; margins of data that are not separated are all alike."""
    if goal == "margin":
        return 1.0 if best >= 0.0 else best / value if value < 0.0 else np.inf
    return value / best


def recommend(divisions, goal, **options):
    """Return the trials, and the means of what they recommend and of the conservative stepsize."""
    trials = [division.trial(goal, **options) for division in divisions]
    n_steps = options.get("n_steps", N_STEPS)
    pairs = [
        division.values(
            [trial.conservative, trial.recommended or trial.conservative], goal, n_steps
        )
        for division, trial in zip(divisions, trials, strict=True)
    ]
    return trials, np.array(pairs)


def compare(name, divisions, goal):
    """Print one row of the table; return whether it is as promised."""
    trials, pairs = recommend(divisions, goal)
    smoothness = trials[0].smoothness
    grids = [division.values(GRID / smoothness, goal) for division in divisions]
    means = np.mean(grids, axis=0)
    best = int(np.nanargmin(means))
    (small, value), spread = pairs.mean(axis=0), np.ptp(pairs[:, 0])
    ratio, advice, advised = ratio_of(value, means[best], goal), {}, np.nan
    if not ratio <= LIMIT:
        for trial in trials:
            advice |= {n: int(v) for n, v in re.findall(r"(n_st\w+)=(\d+)", trial.report())}
        if advice:
            advised = ratio_of(
                recommend(divisions, goal, **advice)[1][:, 1].mean(), means[best], goal
            )
    is_safe = not goal.startswith("held_out") or value <= small + spread
    is_good = ratio <= LIMIT or bool(advice)
    passes = np.mean([trial.passes for trial in trials])
    asks = " ".join(f"{k}={v}: {advised:.2f}" for k, v in advice.items())
    sign = -1.0 if goal == "margin" else 1.0
    has, best_has, conservative_has = (f"{sign * v:.3g}" for v in (value, means[best], small))
    print(
        f"| {name} | {goal} | {trials[0].recommended or np.nan:.4g} | {has} "
        f"| {GRID[best] / smoothness:.4g} | {best_has} | {ratio:.2f} | {asks or '-'} "
        f"| {conservative_has} | {passes:.0f} |",
        flush=True,
    )
    return is_good and is_safe


def main():
    """Run the command line; the exit code is 1 if a recommendation is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--reference", action="store_true", help="use lsgd_fast.reference")
    parser.add_argument("--goals", nargs="+", choices=GOALS, default=GOALS)
    parser.add_argument("--sets", nargs="+", default=[""], help="words in the names of sets")
    options = parser.parse_args()
    backend = lsgd_fast.reference if options.reference else lsgd_fast
    head = ["data", "goal", "recommended", "has", "best of 25", "has", "ratio", "if asked for"]
    head += ["conservative has", "passes"]
    print("|", " | ".join(head), "|")
    print("|---" * len(head) + "|")
    bad = []
    for name in [name for name in SETS if any(word in name for word in options.sets)]:
        X, y = SETS[name]()
        seeds = {False: [None], True: range(N_DIVISIONS)}
        made = {}
        for goal in options.goals:
            held_out = goal.startswith("held_out")
            if held_out not in made:
                made[held_out] = [Division(backend, X, y, seed) for seed in seeds[held_out]]
            if not compare(name, made[held_out], goal):
                bad.append(f"{name}, {goal}")
    if bad:
        print(f"\nnot as promised: {'; '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
