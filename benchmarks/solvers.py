"""Print how long `minimize` takes beside the solvers of scikit-learn, to the same objective.

    python benchmarks/solvers.py [--rounds 9] [--problems digits,cancer] [--embeddings emb_sci.npz]

Each solver runs at the loosest tolerance with which it reaches the best objective known, that of
`minimize` or newton-cg at their tightest, within 1e-7 of it; a solver that does not with any, or
that takes more than --patience seconds on the way there, is left out. Objectives are computed by
one function for all, in float64, from the weights. Every solver has a process of its own for each
problem; seconds are medians of whole calls, validation of the data included. Solvers that are named
with a 64 are given float32 data converted to float64, and the conversion is timed.

Intercepts are left out, because liblinear would penalise them.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lib import bag_of_words

WITHIN = 1e-7
TOLERANCES = 10.0 ** np.arange(-1.0, -12.5, -0.5)


def _digits():
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X / 16.0, y, 1.0 / len(y)


def _cancer():
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y, 1.0 / len(y)


def _embeddings(path):
    with np.load(path) as data:
        X = data["X"].astype(np.float32)  # scikit-learn would take float64 for float16
        return X, (data["y"] == data["y"].max()).astype(int), 1.0 / len(data["y"])


def _noisy():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 384), dtype=np.float32)
    y = (X @ rng.standard_normal(384, dtype=np.float32) > 0.0).astype(int)
    return X, np.where(rng.random(len(y)) < 0.1, 1 - y, y), 1.0 / len(y)


def _wide():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 20_000))
    y = (X[:, :50].sum(axis=1) + rng.standard_normal(200) > 0.0).astype(int)
    return X, y, 1.0 / len(y)


def _text():
    from scipy.sparse import csr_array

    n, d, entries = bag_of_words.N, bag_of_words.D, bag_of_words.ENTRIES
    X = csr_array(bag_of_words.matrix(n, d, entries, np.float64), shape=(n, d))
    rng = np.random.default_rng(2)
    scores = X @ rng.standard_normal(d)
    y = (scores + 0.5 * scores.std() * rng.standard_normal(n) > 0.0).astype(int)
    return X, y, 1.0 / n


PROBLEMS = {
    "digits": _digits,
    "cancer": _cancer,
    "embeddings": _embeddings,
    "noisy": _noisy,
    "wide": _wide,
    "text": _text,
}
SOLVERS = ("minimize", "lbfgs", "newton-cholesky", "newton-cg", "liblinear", "saga")


def load(problem, embeddings):
    """Return X, y (numbers of classes) and l2 of a problem."""
    return PROBLEMS[problem](embeddings) if problem == "embeddings" else PROBLEMS[problem]()


def solvers_of(problem, X, y):
    """Return the names of the solvers that are apt for a problem."""
    n_classes = len(np.unique(y))
    names = list(SOLVERS)
    if n_classes > 2:
        names.remove("liblinear")
    if X.shape[1] * n_classes > 5000:
        names.remove("newton-cholesky")  # its Hessian
    if X.dtype == np.float32:
        names += [f"{name}64" for name in names if name != "minimize"]
    return names


def solve(name, X, y, l2, tol):
    """Return the weights (d,) or (d, K) that a solver finds."""
    n_classes = len(np.unique(y)) if y.max() > 1 else 2
    if name == "minimize":
        loss = "logistic" if n_classes == 2 else "softmax"
        return lsgd.minimize(X, y, l2=l2, tol=tol, loss=loss, max_passes=20_000).weights
    from sklearn.linear_model import LogisticRegression

    if name.endswith("64"):
        name, X = name.removesuffix("64"), X.astype(np.float64)
    classifier = LogisticRegression(
        C=1.0 / (l2 * len(y)), solver=name, tol=tol, fit_intercept=False, max_iter=10_000
    )
    weights = classifier.fit(X, y).coef_
    return weights[0] if n_classes == 2 else weights.T


def tightest(X, y, l2):
    """Return arguments of `solve` that should all get to the minimum."""
    return [(name, X, y, l2, tol) for name, tol in (("minimize", 1e-13), ("newton-cg", 1e-10))]


def objective(X, y, l2, weights):
    """Return the objective at weights, in float64."""
    weights = np.asarray(weights, dtype=np.float64)
    scores = X.astype(np.float64) @ weights
    if scores.ndim == 1:
        scores = np.column_stack([np.zeros(len(y)), scores])
    own = scores[np.arange(len(y)), y]
    losses = np.logaddexp.reduce(scores - own[:, None], axis=1)
    return losses.mean() + 0.5 * l2 * np.square(weights).sum()


def time_solver(name, data, best, asked):
    """Return tolerance, seconds and objective of a solver, or why it is left out."""
    for tol in TOLERANCES:
        began = time.perf_counter()
        weights = solve(name, *data, tol)
        taken = time.perf_counter() - began
        found = objective(*data, weights)
        if found < best * (1.0 - WITHIN):
            raise SystemExit(f"{name} finds {found!r}, less than the best known, {best!r}")
        if found <= best * (1.0 + WITHIN):
            break
        if taken > asked.patience:
            return {"left out": f"slow: {found / best - 1.0:.1e} above at tol {tol:.1e}"}
    else:
        return {"left out": f"{found / best - 1.0:.1e} above at its tightest"}
    seconds = []
    for _ in range(asked.rounds):
        began = time.perf_counter()
        solve(name, *data, tol)
        seconds.append(time.perf_counter() - began)
    return {"tol": tol, "seconds": statistics.median(seconds), "gap": found / best - 1.0}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--patience", type=float, default=20.0, help="seconds of one call")
    parser.add_argument("--problems", default=",".join(PROBLEMS))
    parser.add_argument("--embeddings", type=Path, help="the .npz file of that problem")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.one:
        problem, name, best = asked.one
        print(json.dumps(time_solver(name, load(problem, asked.embeddings), float(best), asked)))
        return
    print(f"{'problem':>12} {'shape':>14} {'solver':>18} {'tol':>8} {'gap':>8} {'ms':>10}")
    for problem in asked.problems.split(","):
        if problem == "embeddings" and asked.embeddings is None:
            continue
        X, y, l2 = load(problem, asked.embeddings)
        best = float(min(objective(X, y, l2, solve(*tight)) for tight in tightest(X, y, l2)))
        names = solvers_of(problem, X, y)
        found = {name: elsewhere(__file__, problem, name, best) for name in names}
        for name, row in found.items():
            head = f"{problem:>12} {f'{X.shape[0]} x {X.shape[1]}':>14} {name:>18}"
            if "left out" in row:
                print(f"{head} {row['left out']}")
            else:
                print(f"{head} {row['tol']:>8.1e} {row['gap']:>8.1e} {1e3 * row['seconds']:>10.4g}")
        seconds = {name: row["seconds"] for name, row in found.items() if "seconds" in row}
        ours = seconds.pop("minimize", None)
        if ours and seconds:
            peer = min(seconds, key=seconds.get)
            print(f"{problem:>12} minimize is {seconds[peer] / ours:.2f} times as fast as {peer}")
        sys.stdout.flush()


def elsewhere(script, *one, patience=None):
    """Return what a script prints about one contender, in a process of its own.

    Raise subprocess.TimeoutExpired after `patience` seconds, if it is given.
    """
    command = [sys.executable, script, *sys.argv[1:], "--one", *map(str, one)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=patience)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
