"""Print the time of one step, compiled against the NumPy twin, over a grid of shapes.

    python benchmarks/step_table.py [--dtype float64] [--rounds 3] [--shapes 569x30,1000x784]

Results are compared before anything is timed.  Each contender runs in a process of its own, so that
their thread pools do not disturb each other, and they take turns; the table shows medians over the
rounds and the ratio of the two.
"""

import argparse
import math
import platform
import statistics
import subprocess
import sys

import contenders
import numpy as np

import lsgd_fast
from lsgd_fast import kernel, threads


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", help="such as 569x30,1000x784; all by default")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, n, d = arguments.worker
        print(contenders.step_seconds(name, int(n), int(d), arguments.dtype))
        return
    shapes = contenders.SHAPES
    if arguments.shapes:
        shapes = [tuple(map(int, shape.split("x"))) for shape in arguments.shapes.split(",")]
    print(
        f"lsgd_fast {lsgd_fast.__version__} ({kernel.compiler()}, {kernel.instruction_set()}, "
        f"{threads.available_threads()} threads), NumPy {np.__version__}, "
        f"Python {platform.python_version()}, {processor()}"
    )
    print(f"microseconds a step with full trace, {arguments.dtype}, medians of {arguments.rounds}")
    print(f"{'shape':>16} {'fast':>10} {'numpy':>10} {'numpy/fast':>11}")
    ratios = []
    for n, d in shapes:
        contenders.check(n, d, arguments.dtype)
        times = {name: [] for name in contenders.CONTENDERS}
        for _ in range(arguments.rounds):
            for name, found in times.items():
                found.append(measure(name, n, d, arguments.dtype))
        fast, numpy = (1e6 * statistics.median(found) for found in times.values())
        ratios.append(numpy / fast)
        print(f"{n:>8} x {d:<5} {fast:>10.3g} {numpy:>10.3g} {numpy / fast:>11.2f}", flush=True)
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    print(f"geometric mean of the ratios {mean:.2f}, least {min(ratios):.2f}")


def measure(name, n, d, dtype):
    """Return the seconds of one step, measured in a process of its own."""
    command = [sys.executable, __file__, "--dtype", dtype, "--worker", name, str(n), str(d)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def processor():
    """Return the name of the processor, where the system tells."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


if __name__ == "__main__":
    main()
