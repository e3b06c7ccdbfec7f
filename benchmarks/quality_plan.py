"""Print what plans predict against what runs then take: seconds, and memory at its peak.

    python benchmarks/quality_plan.py [--seconds 2]

Each plan, each run and each look at memory has a process of its own; the plan comes first.  Memory
is what becomes resident during the run (Linux only), beside X.
"""

import argparse
import ctypes
import json
import subprocess
import sys
import time

import numpy as np

import lsgd_fast as lsgd
from lib import problems

SHAPES = [
    (100, 2, "float64"),
    (2000, 20, "float64"),
    (1000, 784, "float32"),
    (20_000, 100, "float64"),
    (38, 5000, "float64"),
    (100_000, 384, "float32"),
    (1_000_000, 20, "float64"),
    (2000, 20_000, "float32"),
]
MAX_STEPS = 500_000  # more would say the same


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of a run, about")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, *task = json.loads(arguments.worker)
        print(json.dumps({"plan": planned, "run": taken, "memory": grown}[name](*task)))
        return
    print(f"{'':>26} {'seconds':^28} {'MB at the peak':^28}")
    columns = f"{'predicted':>10} {'measured':>9} {'ratio':>7}"
    print(f"{'shape':>16} {'':>9} {columns} {columns} {'steps':>8}")
    factors, shares = [], []
    for n, d, dtype in SHAPES:
        n_steps, *predicted = work("plan", n, d, dtype, arguments.seconds)
        measured = work("run", n, d, dtype, n_steps), work("memory", n, d, dtype, n_steps)
        times, sizes = zip(predicted, measured, strict=True)
        factors.append(max(times[0] / times[1], times[1] / times[0]))
        shares.append(abs(sizes[0] / sizes[1] - 1.0))
        sizes = [size / 1e6 for size in sizes]
        cells = [f"{a:>10.4g} {b:>9.4g} {a / b:>7.2f}" for a, b in (times, sizes)]
        print(f"{n:>8} x {d:<5} {dtype:>9} {' '.join(cells)} {n_steps:>8}", flush=True)
    print(f"seconds: within a factor of {max(factors):.2f} (promised: 1.5)")
    print(f"memory: within {max(shares):.0%} (promised: 20%)")


def work(*task):
    """Do a task in a process of its own."""
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def planned(n, d, dtype, seconds):
    """Return a number of steps that takes about `seconds`, and the plan's prediction for it."""
    X, y, stepsize = problems.problem(n, d, np.dtype(dtype))
    n_steps = int(np.clip(seconds / lsgd.plan(X, y).step_seconds, 3, MAX_STEPS))
    plan = lsgd.plan(X, y, n_steps=n_steps)
    return n_steps, plan.seconds, plan.peak_bytes


def taken(n, d, dtype, n_steps):
    """Return the seconds of a run, its set-up included."""
    X, y, stepsize = problems.problem(n, d, np.dtype(dtype))
    began = time.perf_counter()
    lsgd.gradient_descent(X, y, stepsize, n_steps)
    return time.perf_counter() - began


def grown(n, d, dtype, n_steps):
    """Return by how many bytes the resident memory grew, at the most, during a run."""
    X, y, stepsize = problems.problem(n, d, np.dtype(dtype))
    lsgd.gradient_descent(*lsgd.datasets.toy(), 1.0, 2, n_threads=2)  # loads what is loaded once
    ctypes.CDLL(None).malloc_trim(0)  # what malloc keeps would be used again, and not seen
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the peak so far
    before = status("VmRSS")
    lsgd.gradient_descent(X, y, stepsize, n_steps)
    return status("VmHWM") - before


def status(name):
    """Return an entry of /proc/self/status, in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(name))


if __name__ == "__main__":
    main()
