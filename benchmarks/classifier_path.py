"""Print how long paths of penalties take beside LogisticRegressionCV, to the same objectives.

    python benchmarks/classifier_path.py [--rounds 3] [--embeddings emb_sci.npz] [--share 0.1]

A path has 20 penalties for each of 5 folds, and a final fit. Each contender runs at the loosest
tolerance with which the objective of each of the 100 fits is within 1e-6 of the best known one, of
`LogisticClassifierCV` at its tightest; one that does not with any, or that takes more than
--patience seconds on the way there, is left out. Objectives are computed by one function for all,
in float64, from the weights of the folds. Every contender has a process of its own for each
problem; seconds are medians of whole calls. `--share` takes some of the rows only, for a quick
look.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
import solvers

WITHIN = 1e-6
TOLERANCES = 10.0 ** np.arange(-2.0, -9.5, -0.5)
PROBLEMS = ("embeddings", "text", "noisy")
CONTENDERS = ("lsgd_fast", "lbfgs", "newton-cg", "newton-cholesky")
MAX_HESSIAN = 1000  # features, for newton-cholesky
CS = np.logspace(-4.0, 4.0, 20)
N_FOLDS = 5


def load(problem, asked):
    """Return X and y of a problem, or of a share of its rows."""
    X, y, _ = solvers.load(problem, asked.embeddings)
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[: int(asked.share * len(y))])
    return (X, y) if asked.share == 1.0 else (X[rows], y[rows])


def fit(name, X, y, tol):
    """Return the weights of all folds, (n_folds, n_penalties, d + 1), the intercept last."""
    options = {"Cs": CS, "cv": N_FOLDS, "fit_intercept": True, "max_iter": 10_000}
    if name == "lsgd_fast":
        classifier = lsgd.LogisticClassifierCV(**options, path_tol=tol, tol=tol)
        return classifier.fit(X, y).coefs_paths_[:, :, 0]
    from sklearn.linear_model import LogisticRegressionCV

    if "use_legacy_attributes" in LogisticRegressionCV().get_params():
        options |= {"use_legacy_attributes": False, "l1_ratios": (0.0,), "scoring": "accuracy"}
    found = LogisticRegressionCV(**options, solver=name, tol=tol).fit(X, y).coefs_paths_
    found = found[1] if isinstance(found, dict) else found
    return np.reshape(found, (N_FOLDS, len(CS), X.shape[1] + 1))


def objectives(X, y, weights):
    """Return the objective of each fit, (n_folds, n_penalties), in float64."""
    from sklearn.model_selection import StratifiedKFold

    found = np.empty(weights.shape[:2])
    for fold, (train, _) in enumerate(StratifiedKFold(N_FOLDS).split(X, y)):
        w = weights[fold].T
        scores = np.vstack([
            X[rows].astype(np.float64) @ w[:-1] for rows in np.array_split(train, 20)
        ]) + w[-1]  # fmt: skip
        losses = np.logaddexp(0.0, np.where(y[train] == 1, -1.0, 1.0)[:, None] * scores)
        found[fold] = losses.mean(axis=0) + np.square(w[:-1]).sum(axis=0) / (2 * CS * len(train))
    return found


def time_contender(name, X, y, best, asked):
    """Return tolerance, seconds and the largest gap of a contender, or why it is left out."""
    for tol in TOLERANCES:
        began = time.perf_counter()
        weights = fit(name, X, y, tol)
        taken = time.perf_counter() - began
        gap = float((objectives(X, y, weights) / best - 1.0).max())
        if gap <= WITHIN:
            break
        if taken > asked.patience:
            return {"left out": f"slow: {taken:.1f} s, and {gap:.1e} above at tol {tol:.1e}"}
    else:
        return {"left out": f"{gap:.1e} above at its tightest"}
    seconds = [taken] if asked.rounds == 1 else []
    while len(seconds) < asked.rounds:
        began = time.perf_counter()
        fit(name, X, y, tol)
        seconds.append(time.perf_counter() - began)
    return {"tol": tol, "seconds": statistics.median(seconds), "gap": gap}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=200.0, help="seconds of one call")
    parser.add_argument("--problems", default=",".join(PROBLEMS))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--embeddings", type=Path, help="the .npz file of that problem")
    parser.add_argument("--share", type=float, default=1.0, help="of the rows")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.one:
        problem, name, path = asked.one
        print(json.dumps(time_contender(name, *load(problem, asked), np.load(path), asked)))
        return
    print(f"{'problem':>10} {'shape':>14} {'contender':>16} {'tol':>8} {'gap':>8} {'s':>8}")
    for problem in asked.problems.split(","):
        if problem == "embeddings" and asked.embeddings is None:
            continue
        compare(problem, asked)


def compare(problem, asked):
    """Print a line for each contender on a problem."""
    X, y = load(problem, asked)
    names = asked.contenders.split(",")
    if X.shape[1] > MAX_HESSIAN:
        names = [name for name in names if name != "newton-cholesky"]
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "best.npy"
        np.save(best, objectives(X, y, fit("lsgd_fast", X, y, 1e-11)))
        found = {name: solvers.elsewhere(__file__, problem, name, best) for name in names}
    for name, row in found.items():
        head = f"{problem:>10} {f'{X.shape[0]} x {X.shape[1]}':>14} {name:>16}"
        if "left out" in row:
            print(f"{head} {row['left out']}")
        else:
            print(f"{head} {row['tol']:>8.1e} {row['gap']:>8.1e} {row['seconds']:>8.3f}")
    seconds = {name: row["seconds"] for name, row in found.items() if "seconds" in row}
    ours = seconds.pop("lsgd_fast", None)
    for name, theirs in seconds.items():
        print(f"{problem:>10} lsgd_fast is {theirs / ours:.2f} times as fast as {name}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
