"""Times one contender on one problem, in a process of its own.

The time of a step is the difference of two run lengths over their difference in steps, so that
validation, set-up and the final forward pass do not blur it; they are the rest of the short run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lib import contenders
from lib.problems import WIDE

__all__ = ["elsewhere", "save_problem", "step_seconds"]

SHORT = 2  # steps of the short run
FEWEST_STEPS, MOST_STEPS = 3, 200_000
REPEATS = 3


def save_problem(folder, X, y, stepsize):
    """Write a problem, and what the NumPy reference says about its first steps."""
    losses, weights = contenders.load("reference")(X, y, stepsize, contenders.N_CHECKED)
    np.save(folder / "X.npy", X)
    np.savez(folder / "rest.npz", y=y, stepsize=stepsize, losses=losses, weights=weights)


def load_problem(folder):
    """Return X, y, stepsize, and the losses and weights that are expected."""
    with np.load(folder / "rest.npz") as rest:
        expected = rest["losses"], rest["weights"]
        return np.load(folder / "X.npy"), rest["y"], float(rest["stepsize"]), expected


def step_seconds(run, X, y, stepsize, seconds):
    """Return the seconds of one step and of all that is not a step: validation, set-up, the end.

    Medians over pairs of runs, of which the long one takes about `seconds`.
    """

    def timed(n_steps):
        start = time.perf_counter()
        run(X, y, stepsize, n_steps)
        return time.perf_counter() - start

    timed(SHORT)  # a new length may be compiled
    short = timed(SHORT)
    n_steps = min(MOST_STEPS, max(FEWEST_STEPS, int(seconds * SHORT / short)))
    while True:
        timed(SHORT + n_steps)
        taken = timed(SHORT + n_steps) - short
        if taken > 0.5 * seconds or n_steps == MOST_STEPS:
            break
        n_steps = min(MOST_STEPS, int(n_steps * seconds / max(taken, 0.05 * seconds)))
    shorts, steps = [], []
    for _ in range(REPEATS):
        shorts.append(timed(SHORT))
        steps.append((timed(SHORT + n_steps) - shorts[-1]) / n_steps)
    step = statistics.median(steps)
    return {"step": step, "rest": max(statistics.median(shorts) - SHORT * step, 0.0)}


def gram_seconds(X, y, stepsize, n_steps):
    """Return the seconds of one step in Gram space, of building it, and of a whole run.

    Medians; the whole run includes validation, building and the last weights.
    """

    def timed(work, *arguments, **options):
        start = time.perf_counter()
        found = work(*arguments, **options)
        return found, time.perf_counter() - start

    found = {"step": [], "build": [], "whole": []}
    for _ in range(REPEATS):
        _, without = timed(lsgd.Descent, X, y, stepsize, gram=False)
        descent, with_gram = timed(lsgd.Descent, X, y, stepsize)
        found["build"].append(max(with_gram - without, 0.0))
        found["step"].append(timed(descent.step, n_steps)[1] / n_steps)
        found["whole"].append(timed(lsgd.gradient_descent, X, y, stepsize, n_steps)[1])
    return {what: statistics.median(seconds) for what, seconds in found.items()}


def read_seconds(X):
    """Return the seconds of a vectorised sum over X, by the faster of two ways to write it."""
    ways = [_numpy_sum]
    if contenders.installed("numba"):
        from peers.numba_loop import parallel_sum

        ways.append(parallel_sum)
    times = []
    for way in ways:
        found = []
        for _ in range(1 + 3 * REPEATS):
            start = time.perf_counter()
            way(X.ravel())
            found.append(time.perf_counter() - start)
        times.append(statistics.median(found[1:]))
    return min(times)


def _numpy_sum(flat):
    """Sum in as many threads as there are cores; NumPy lets go of the interpreter meanwhile."""
    from peers import THREADS

    team = [threading.Thread(target=part.sum) for part in np.array_split(flat, THREADS)]
    for member in team:
        member.start()
    for member in team:
        member.join()


def elsewhere(contender, folder, seconds, environment):
    """Return the seconds of a contender, by name, as `main` prints them in a process of its own."""
    command = [sys.executable, "-m", "lib.stopwatch", contender, folder, str(seconds)]
    benchmarks = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=benchmarks, env=environment, check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    return json.loads(done.stdout)


def main():
    """Run the command line: a contender, a folder that `save_problem` wrote, and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("contender")
    parser.add_argument("folder", type=Path)
    parser.add_argument("seconds", type=float)
    arguments = parser.parse_args()
    X, y, stepsize, expected = load_problem(arguments.folder)
    if arguments.contender == "read":
        found = {"step": read_seconds(X)}
    else:
        run = contenders.load(arguments.contender)
        contenders.check(run, X, y, stepsize, expected)
        if arguments.contender == "gram":
            found = gram_seconds(X, y, stepsize, WIDE[X.shape])
        else:
            found = step_seconds(run, X, y, stepsize, arguments.seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
