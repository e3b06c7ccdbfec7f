"""Print what a sweep costs beside one run of the same steps, and beside batched NumPy and JAX.

    python benchmarks/sweep_cost.py [--dtype float64] [--rounds 5] [--shapes 1000x784,...]

Times are those of one step, the difference of two run lengths; sweeps and single runs take turns in
one process; NumPy and, where it is installed, JAX batch the same stepsizes by two matrix products,
in processes of their own. The losses of all are compared before anything is timed.
"""

import argparse
import statistics
import subprocess
import sys

import contenders
import numpy as np
import problems
import stopwatch
from report import shapes_of

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
    parser.add_argument("--batched", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.batched:
        n, d, k = map(int, asked.batched[1:])
        X, y, eta = problems.problem(n, d, asked.dtype)
        etas = stepsizes(k, eta)
        run = BATCHED[asked.batched[0]]
        expected, found = (call(X[:500], y[:500], etas, 3) for call in (sweep, run))
        np.testing.assert_allclose(found, expected, rtol=1e-3 if X.itemsize == 4 else 1e-9)
        print(stopwatch.step_seconds(run, X, y, etas, asked.seconds)["step"])
        return
    peers = [name for name in BATCHED if contenders.installed(name)]
    print(f"milliseconds a step, {asked.dtype}, medians of {asked.rounds}")
    head = "".join(f" {k:>9} {'ratio':>6}" + "".join(f" {p:>9}" for p in peers) for k in COUNTS)
    print(f"{'shape':>15} {'one':>9}{head}")
    for n, d in asked.shapes:
        X, y, eta = problems.problem(n, d, asked.dtype)
        calls = {1: [eta], **{k: stepsizes(k, eta) for k in COUNTS}}
        found = {k: [] for k in calls}
        for _ in range(asked.rounds):
            for k, etas in calls.items():
                timed = stopwatch.step_seconds(sweep, X, y, etas, asked.seconds)
                found[k].append(timed["step"])
        one, *several = (1e3 * statistics.median(times) for times in found.values())
        line = f"{n:>8} x {d:<4} {one:>9.4g}"
        for k, time_k in zip(COUNTS, several, strict=True):
            others = "".join(f" {1e3 * elsewhere(p, n, d, k, asked):>9.4g}" for p in peers)
            line += f" {time_k:>9.4g} {time_k / one:>6.2f}{others}"
        print(line, flush=True)


def elsewhere(name, n, d, k, asked):
    """Return the seconds of a step of a peer, the median of runs in processes of their own."""
    command = [sys.executable, __file__, "--dtype", asked.dtype, "--seconds", asked.seconds]
    command += ["--batched", name, n, d, k]
    done = [
        subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        for _ in range(min(3, asked.rounds))
    ]
    return statistics.median(float(process.stdout) for process in done)


BATCHED = {"numpy": batched_numpy, "jax": batched_jax}


if __name__ == "__main__":
    main()
