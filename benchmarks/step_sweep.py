"""Print what a sweep costs beside one run of the same steps, and beside batched NumPy and JAX.

    python benchmarks/step_sweep.py [--dtype float64] [--rounds 5] [--shapes 1000x784,...]

NumPy and, where it is installed, JAX batch the same stepsizes by two matrix products a step. Peers
`f64` compute in float64, as the package does: of float32 data they make a float64 copy, before the
clock starts, so that they read twice the bytes. Peers `f32`, for float32 data only, compute in
float32, which the package does not.

Times are those of one step, the difference of two run lengths. Each contender has a process of its
own, and compares its losses with those of the package before anything is timed.
"""

import argparse
import statistics
import subprocess
import sys

import numpy as np

import lsgd_fast as lsgd
from lib import contenders, problems, stopwatch
from lib.arguments import shapes_of

SHAPES = [(100_000, 384), (1_000_000, 20), (1000, 784), (20_000, 100), (1187, 384)]
COUNTS = (16, 32)


def stepsizes(k, stepsize):
    """Return k stepsizes around one that does not oscillate."""
    return stepsize * np.geomspace(0.25, 1.0, k)


def batched_numpy(X, y, etas, n_steps):
    """Return the losses (n_steps + 1, k) of k descents by two matrix products a step, as X is."""
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


def batched_jax(X, y, etas, n_steps):
    """Return the same losses by a jitted scan."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", X.itemsize == 8)
    if (n_steps, len(etas)) not in _JITTED:

        def descend(X, sign, etas):
            def step(W, _):
                Z = sign * (X @ W)
                losses = jnp.logaddexp(0.0, -Z).mean(axis=0)
                return W - etas * (X.T @ (-sign * jax.nn.sigmoid(-Z))) / len(X), losses

            W, losses = jax.lax.scan(step, jnp.zeros((X.shape[1], len(etas)), X.dtype), None,
                                     length=n_steps)  # fmt: skip
            last = jnp.logaddexp(0.0, -sign * (X @ W)).mean(axis=0)
            return jnp.vstack([losses, last])

        _JITTED[n_steps, len(etas)] = jax.jit(descend)
    arguments = X, y[:, None].astype(X.dtype), np.asarray(etas, X.dtype)
    return np.asarray(_JITTED[n_steps, len(etas)](*arguments))


_JITTED = {}


def sweep(X, y, etas, n_steps):
    """Return the losses of a sweep."""
    runs = lsgd.stepsize_sweep(X, y, etas, n_steps, gram=False)
    return np.array([run.trace.loss for run in runs]).T


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--shapes", type=shapes_of, default=SHAPES, help="1000x784,20000x100")
    parser.add_argument("--contender", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contender:
        print(time_contender(asked))
        return
    peers = [
        f"{name} {kind}"
        for kind in (["f64", "f32"] if asked.dtype == "float32" else ["f64"])
        for name in PEERS
        if contenders.installed(name)
    ]
    print(f"milliseconds a step, X of {asked.dtype}, medians of {asked.rounds}")
    print("in brackets: times the cost of one run; times the cost of the sweep")
    heads = "".join(f"{contenders.PEERS[p[:-4]].title + p[-4:]:>19}" for p in peers)
    print(f"{'shape':>15} {'runs':>5} {'lsgd_fast':>19}{heads}")
    for n, d in asked.shapes:
        one = elsewhere("lsgd f64", n, d, 1, asked)
        print(f"{n:>8} x {d:<4} {1:>5} {1e3 * one:>10.4g}")
        for k in COUNTS:
            ours = elsewhere("lsgd f64", n, d, k, asked)
            cells = cell(ours, ours / one)
            for peer in peers:
                theirs = elsewhere(peer, n, d, k, asked)
                cells += cell(theirs, theirs / ours)
            print(f"{'':>15} {k:>5} {cells}", flush=True)


def cell(seconds, ratio):
    """Return a time and a ratio as text."""
    return f"{1e3 * seconds:>10.4g} {f'({ratio:.2f})':>8}"


def time_contender(asked):
    """Return the seconds of a step of one contender, in this process."""
    contender, *sizes = asked.contender
    name, kind = contender.split()
    n, d, k = map(int, sizes)
    X, y, eta = problems.problem(n, d, asked.dtype)
    etas, run = stepsizes(k, eta), sweep
    if name in PEERS:
        run, own = PEERS[name], X.astype({"f64": np.float64, "f32": np.float32}[kind], copy=False)
        expected, found = sweep(X[:500], y[:500], etas, 3), run(own[:500], y[:500], etas, 3)
        np.testing.assert_allclose(found, expected, rtol=1e-3 if kind == "f32" else 1e-9)
        X = own
    return stopwatch.step_seconds(run, X, y, etas, asked.seconds)["step"]


def elsewhere(contender, n, d, k, asked):
    """Return the seconds of a step, the median of runs in processes of their own."""
    command = [sys.executable, __file__, "--dtype", asked.dtype, "--seconds", asked.seconds]
    command += ["--contender", contender, n, d, k]
    done = [
        subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        for _ in range(asked.rounds)
    ]
    return statistics.median(float(process.stdout) for process in done)


PEERS = {"numpy": batched_numpy, "jax": batched_jax}


if __name__ == "__main__":
    main()
