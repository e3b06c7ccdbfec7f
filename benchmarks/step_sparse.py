"""Print what a step on sparse rows costs beside two products of scipy.sparse with NumPy between.

    python benchmarks/step_sparse.py [--dtype float64] [--rounds 5] [--threads 1,2] [--columns 1,16]

X has the shape of the bag of words of 20 Newsgroups: 11293 x 73686, 1.5 million entries, columns
that are used as words are, by Zipf's law. Every contender runs in processes of its own, in turns;
first the losses of all are compared, then times are taken: those of one step, the difference of
two run lengths.
"""

import argparse
import statistics
import subprocess
import sys

import numpy as np

import lsgd_fast as lsgd
from lib import stopwatch
from lib.bag_of_words import ENTRIES, D, N, matrix


class Rows:
    """CSR as the package takes it, without SciPy."""

    format = "csr"

    def __init__(self, data, indices, indptr, shape):
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape


def problem(dtype):
    """Return X, y and a stepsize that does not oscillate for long."""
    arrays = matrix(N, D, ENTRIES, dtype)
    y = np.where(np.random.default_rng(1).random(N) < 0.5, -1.0, 1.0)
    return Rows(*arrays, (N, D)), y, 4.0


def ours(X, y, etas, n_steps):
    """Return the losses (n_steps + 1, k) of k descents."""
    runs = lsgd.stepsize_sweep(X, y, etas, n_steps, n_threads=ours.n_threads)
    return np.array([run.trace.loss for run in runs]).T


def scipy(X, y, etas, n_steps):
    """Return the same by two sparse products a step."""
    from scipy.sparse import csr_array

    X = csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    return two_products(X, X.T, y, etas, n_steps)


def scipy_copy(X, y, etas, n_steps):
    """Return the same with a transposed copy, in CSR as well."""
    from scipy.sparse import csr_array

    X = csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    return two_products(X, X.T.tocsr(), y, etas, n_steps)


def two_products(X, XT, y, etas, n_steps):
    """Return the losses of gradient descent by `X @ W` and `XT @ S`."""
    single = len(etas) == 1
    W, losses = np.zeros(X.shape[1] if single else (X.shape[1], len(etas)), X.dtype), []
    etas = X.dtype.type(etas[0]) if single else np.asarray(etas, X.dtype)
    sign = (y if single else y[:, None]).astype(X.dtype)
    for t in range(n_steps + 1):
        Z = X @ W
        Z *= sign
        E = np.exp(-np.abs(Z))
        losses.append((np.maximum(-Z, 0.0) + np.log1p(E)).mean(axis=0, dtype=np.float64))
        if t == n_steps:
            return np.array(losses).reshape(n_steps + 1, -1)
        S = np.where(Z > 0.0, E, X.dtype.type(1.0)) / (1.0 + E)
        S *= -sign
        W -= etas * (XT @ S) / X.dtype.type(len(y))


CONTENDERS = {"ours": ours, "scipy": scipy, "scipy_copy": scipy_copy}


def measure(name, asked, k, n_threads):
    """Compare the losses of a contender, time it, and print the seconds of a step."""
    X, y, eta = problem(asked.dtype)
    etas = [eta] if k == 1 else (eta * np.geomspace(0.25, 1.0, k)).tolist()
    ours.n_threads = 1
    expected = ours(X, y, etas, 5)
    ours.n_threads = n_threads
    found = CONTENDERS[name](X, y, etas, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-4 if asked.dtype == "float32" else 1e-11)
    print(stopwatch.step_seconds(CONTENDERS[name], X, y, etas, asked.seconds)["step"])


def main():
    """Run the command line."""
    numbers = {"type": lambda text: [int(part) for part in text.split(",")]}
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--threads", default=[1, 2], **numbers)
    parser.add_argument("--columns", default=[1, 16], **numbers)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        measure(asked.one[0], asked, int(asked.one[1]), int(asked.one[2]))
        return
    calls = [("ours", threads) for threads in asked.threads] + [("scipy", 1), ("scipy_copy", 1)]
    print(f"{N} x {D}, {ENTRIES} entries, {asked.dtype}: milliseconds a step, medians of "
          f"{asked.rounds} processes")  # fmt: skip
    for k in asked.columns:
        found = {call: [] for call in calls}
        for _ in range(asked.rounds):
            for call in calls:
                found[call].append(elsewhere(*call, k, asked))
        medians = {call: statistics.median(times) for call, times in found.items()}
        for (name, threads), seconds in medians.items():
            over = medians["scipy", 1] / seconds
            print(f"{k:>3} columns  {name:<11} {threads} threads {1e3 * seconds:>9.4g}"
                  f"  {over:>5.2f} times scipy's two products", flush=True)  # fmt: skip


def elsewhere(name, threads, k, asked):
    """Return the seconds of a step, in a process of its own."""
    command = [sys.executable, __file__, "--dtype", asked.dtype, "--seconds", asked.seconds]
    command += ["--one", name, k, threads]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
