"""Print what a step of a two-layer network costs, beside full-batch NumPy and PyTorch.

    python benchmarks/step_two_layer.py [--dtype float64] [--rounds 5] [--shapes 1000x50x4096,...]

Shapes are rows x features x units. Times are those of one step, the difference of two run lengths,
medians; contenders take turns. Each peer runs in processes of its own, on the same data and from
the same first weights, and its losses are compared with ours before anything is timed.
"""

import argparse
import math
import statistics
import subprocess
import sys

import numpy as np

import lsgd_fast as lsgd
from lib import contenders, stopwatch

SHAPES = ["1000x50x4096", "1000x50x256", "1000x784x1024", "20000x50x512"]
STEPSIZE = 4.0


def problem(n, d, width, dtype):
    """Return data that a linear function with noise labels, and first weights."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    y = np.where(X @ rng.standard_normal(d) + 0.1 * rng.standard_normal(n) > 0.0, 1.0, -1.0)
    return X.astype(dtype), y, rng.standard_normal((d, width))


def ours(X, y, start, n_steps):
    """Return the losses of a run."""
    options = {"width": start.shape[1], "start": start}
    return lsgd.two_layer_gradient_descent(X, y, STEPSIZE, n_steps, **options).trace.loss


def by_numpy(X, y, start, n_steps):
    """Return the losses of the obvious loop, which keeps the products of all rows and units."""
    width = start.shape[1]
    signs = (1.0 - 2.0 * (np.arange(width) % 2)).astype(X.dtype) / math.sqrt(width)
    W, y, losses = start.astype(X.dtype), y.astype(X.dtype), []
    for t in range(n_steps + 1):
        Z = X @ W
        active = Z > 0.0
        np.maximum(Z, 0.0, out=Z)
        z = y * (Z @ signs)
        e = np.exp(-np.abs(z))
        losses.append((np.maximum(-z, 0.0) + np.log1p(e)).mean(dtype=np.float64))
        if t == n_steps:
            return np.array(losses)
        s = -y * np.where(z > 0.0, e, 1.0) / (1.0 + e) / len(X)
        np.multiply(active, s[:, None].astype(X.dtype), out=Z)
        Z *= signs
        W -= X.dtype.type(STEPSIZE) * (X.T @ Z)


def by_torch(X, y, start, n_steps):
    """Return the losses of a loop with automatic derivatives."""
    import torch

    width = start.shape[1]
    signs = (1.0 - 2.0 * (np.arange(width) % 2)) / math.sqrt(width)
    data, labels, signs = (torch.from_numpy(a.astype(X.dtype)) for a in (X, y, signs))
    W = torch.from_numpy(start.astype(X.dtype)).requires_grad_()
    losses = []
    for t in range(n_steps + 1):
        loss = torch.nn.functional.softplus(-labels * (torch.relu(data @ W) @ signs)).mean()
        losses.append(loss.detach())
        if t == n_steps:
            return torch.stack(losses).double().numpy()
        (gradient,) = torch.autograd.grad(loss, W)
        with torch.no_grad():
            W -= STEPSIZE * gradient


CONTENDERS = {"lsgd_fast": ours, "numpy": by_numpy, "torch": by_torch}


def measure(name, X, y, start, seconds):
    """Check the losses of a contender, and return its seconds of a step."""
    run = CONTENDERS[name]
    tolerance = 1e-3 if X.itemsize == 4 else 1e-9
    np.testing.assert_allclose(run(X, y, start, 5), ours(X, y, start, 5), rtol=tolerance)
    return stopwatch.step_seconds(run, X, y, start, seconds)["step"]


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="rows x features x units, ...")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    shapes = [tuple(map(int, shape.split("x"))) for shape in asked.shapes.split(",")]
    if asked.only:
        print(measure(asked.only, *problem(*shapes[0], asked.dtype), asked.seconds))
        return
    names = [name for name in CONTENDERS if name == "lsgd_fast" or contenders.installed(name)]
    print(f"milliseconds a step, {asked.dtype}, medians of {asked.rounds}")
    print(f"{'shape':>18}" + "".join(f" {name:>10} {'times':>6}" for name in names))
    for n, d, width in shapes:
        found = {name: [] for name in names}
        for _ in range(asked.rounds):
            for name in names:
                command = [sys.executable, __file__, "--only", name, "--dtype", asked.dtype]
                command += ["--shapes", f"{n}x{d}x{width}", "--seconds", str(asked.seconds)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[name].append(float(done.stdout))
        times = {name: statistics.median(values) for name, values in found.items()}
        line = f"{n:>8} x {d} x {width:<4}"
        for name in names:
            line += f" {1e3 * times[name]:>10.4g} {times[name] / times['lsgd_fast']:>6.3g}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
