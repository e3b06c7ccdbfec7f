"""Print how long `separation` takes beside a linear program alone.

    python benchmarks/separation.py [--shape 12000 784] [--problems separable] [--patience 300]

The program is the plain one, by SciPy's HiGHS: weights with ``y_i (x_i . w + b) >= 1`` for all
rows, or none if the rows are not separable; it answers yes or no, without a proof. `separation`
answers with one, which is checked here by one product. Each contender has a process of its own, one
thread and one call; one that takes more than --patience seconds is stopped.
"""

import argparse
import json
import subprocess
import time

import numpy as np
from scipy.optimize import linprog

import lsgd_fast as lsgd
import solvers

CONTENDERS = ("lsgd_fast", "program")
ANSWERS = {"separable": "complete", "noisy": "none"}


def load(problem, shape):
    """Return X and the labels of a problem: with a margin, or with a tenth of the labels wrong."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape)
    scores = X @ rng.standard_normal(shape[1]) / np.sqrt(shape[1])
    y = scores > 0.0
    if problem == "separable":
        X[:, 0] += np.where(y, 0.5, -0.5)
        return X, y
    return X, y ^ (rng.random(shape[0]) < 0.1)


def answer_and_check(name, X, y):
    """Return what a contender finds, and whether its proof holds (None if it has none)."""
    if name == "lsgd_fast":
        found = lsgd.separation(X, y, fit_intercept=True, n_threads=1)
        return str(found.kind), lambda: proof_holds(X, y, found)
    signs = np.where(y, -1.0, 1.0)[:, None]
    A = signs * np.column_stack([X, np.ones(len(y))])
    found = linprog(
        np.zeros(A.shape[1]), A_ub=A, b_ub=-np.ones(len(y)), bounds=(None, None), method="highs"
    )
    return {0: "complete", 2: "none"}.get(found.status, found.message), lambda: None


def proof_holds(X, y, found):
    """Return whether the certificate of a `Separation` proves its kind, by one product."""
    Z = np.where(y, 1.0, -1.0)[:, None] * np.column_stack([X, np.ones(len(y))])
    if found.kind == "complete":
        return bool((Z @ np.append(found.direction, found.intercept) > 0.0).all())
    weights = found.certificate.weights
    cancels = np.abs(weights @ Z) <= 1e-10 * (weights @ np.abs(Z))
    return bool((weights > 0.0).all() and cancels.all())


def run_one(problem, name, shape):
    """Print the answer of a contender and its seconds, as JSON."""
    X, y = load(problem, shape)
    began = time.perf_counter()
    answer, check = answer_and_check(name, X, y)
    seconds = time.perf_counter() - began
    print(json.dumps({"answer": answer, "proof": check(), "seconds": seconds}))


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--shape", type=int, nargs=2, default=(12_000, 784))
    parser.add_argument("--problems", default=",".join(ANSWERS))
    parser.add_argument("--patience", type=float, default=300.0, help="seconds of one call")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.shape[0] < 4 * asked.shape[1]:
        parser.error("--shape: take 4 rows a feature at least, else noise is separable, too")
    if asked.one:
        run_one(*asked.one, asked.shape)
        return
    print(f"{'problem':>10} {'shape':>14} {'contender':>10} {'s':>8}  answer")
    for problem in asked.problems.split(","):
        for name in CONTENDERS:
            shape = f"{asked.shape[0]} x {asked.shape[1]}"
            head = f"{problem:>10} {shape:>14} {name:>10}"
            try:
                found = solvers.elsewhere(__file__, problem, name, patience=asked.patience)
            except subprocess.TimeoutExpired:
                print(f"{head} {'':>8}  stopped after {asked.patience:.0f} s", flush=True)
                continue
            if found["answer"] != ANSWERS[problem] or found["proof"] is False:
                raise SystemExit(f"{head}: {found}")
            proof = "proved" if found["proof"] else "without a proof"
            print(f"{head} {found['seconds']:>8.2f}  {found['answer']}, {proof}", flush=True)


if __name__ == "__main__":
    main()
