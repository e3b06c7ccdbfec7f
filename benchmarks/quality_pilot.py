"""Print what pilots decide, beside what a dense grid of stepsizes and fresh rows say.

    python benchmarks/quality_pilot.py [--problems 60] [--kills 20] [--sets WORD ...]

*Sets*: digits, sentence embeddings, sparse texts, a table with 5 % flipped labels, 3000 x 384 with
20 % label noise, and 100,000 x 384 in float32. Each decision is beside the best of 17 stepsizes in
factors of 2 from the conservative one, which run on the same rows to the same step; those that hold
count. A go is true if the recommended run is not worse than the conservative one by more than the
spread, on the test rows; a no-go, if no stepsize of the grid is better by more than the spread.

*Problems*: generated, with fresh rows that measure each go. False is a go whose recommended run is
worse by its own goal than the conservative run, by more than the spread that the pilot states.

*Kills*: a process is killed at random moments and started again, until it is done; its JSON must be
that of one that was left alone, but for the times.

The exit code is 1 if anything is false.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import load_breast_cancer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import lsgd_fast as lsgd
from lsgd_fast._pilot import runs
from lsgd_fast._pilot.held_out import HeldOut
from lsgd_fast._results.trial import HELD_OUT_GOALS
from support.trials import flipped, texts

ROOT = Path(__file__).parents[1]
N_FRESH = 20_000
GRID = 2.0 ** np.arange(17)
LARGE = 10**7  # entries of a set with every second stepsize of the grid


def noisy(n, d, share, dtype=np.float64, seed=0):
    """Return Gaussian rows labelled by a direction, a share of the labels flipped."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)).astype(dtype)
    return X, flipped(np.where(X @ rng.standard_normal(d) > 0.0, 1.0, -1.0), share)


def cancer():
    """Return the table with standardised columns and 5 % flipped labels."""
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), flipped(np.where(y > 0.5, 1.0, -1.0), 0.05)


def text():
    """Return sparse texts."""
    X, y = texts(4000, 10_000, 80, contrast=0.1, idf=True)
    return sparse.csr_array((X.data, X.indices, X.indptr), X.shape), y


def embeddings():
    """Return embeddings of paragraphs."""
    with np.load(ROOT / "examples" / "data" / "docstrings.npz") as stored:
        return stored["X"], np.where(stored["y"] == 1, 1.0, -1.0)


SETS = {
    "digits 0 v 8": lsgd.datasets.digits_0_vs_8,
    "embeddings": embeddings,
    "text, CSR": text,
    "table, 5 % flipped": cancer,
    "3000 x 384, 20 % flipped": lambda: noisy(3000, 384, 0.2),
    "100,000 x 384, float32": lambda: noisy(100_000, 384, 0.0, np.float32),
}
GOALS = ("held_out_error", "held_out_loss", "loss")


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sets", nargs="*", help="words of the names of the sets to take")
    parser.add_argument("--killed", help=argparse.SUPPRESS)  # the folder of a process to kill
    asked = parser.parse_args()
    if asked.killed:
        pilot_to_kill(asked.killed)
        return 0
    false = 0
    print("| data | goal | decision | conservative | recommended | best of 17 | true | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for name, load in SETS.items():
        if asked.sets is None or any(word in name for word in asked.sets):
            false += show_set(name, *load())
    false += generated(asked.problems) + kills(asked.kills)
    return 1 if false else 0


def show_set(name, X, y):
    """Print a row of the table for each goal; return how many decisions are false."""
    sweep, false = None, 0
    for goal in GOALS:
        began = time.perf_counter()
        found = lsgd.pilot(X, y, goal=goal)
        seconds = time.perf_counter() - began
        test, learning = division(found, X, y)
        held_out = HeldOut(problem_of(X, y), test, None)
        first = found.trial.conservative
        if sweep is None:  # the same for each goal
            weight = np.zeros(len(y))
            weight[learning] = 1.0
            grid = GRID if X.size < LARGE else GRID[::2]
            sweep = lsgd.stepsize_sweep(
                X, y, (first * grid).tolist(), found.n_steps, sample_weight=weight,
                record_every=1000, stop=lsgd.Stop(cycling=True),
            )  # fmt: skip
        measured = [held_out.measure(run.weights, run.intercept) for run in sweep]
        values = [value(goal, run, one) for run, one in zip(sweep, measured, strict=True)]
        held = [i for i, run in enumerate(sweep) if run.verdict == "stable" or run.separable] or [0]
        at_best = min(held, key=lambda i: values[i])
        best, spread = values[at_best], spread_of(goal, held_out, measured, values, at_best)
        at, shown = found.trial.recommended, "-"
        is_true = found.decision == "no-go" and best >= values[0] - spread
        if at is not None:
            near = int(np.argmin(np.abs(np.log(grid * first / at))))
            shown = f"{at:.4g}: {values[near]:.4g}"
            if found.decision == "go":
                is_true = values[near] <= values[0] + spread
        print(
            f"| {name} | {goal} | {found.decision} | {first:.4g}: {values[0]:.4g} | {shown} | "
            f"{best:.4g} | {'yes' if is_true else '**no**'} | {seconds:.1f} |", flush=True
        )  # fmt: skip
        false += not is_true
    return false


def problem_of(X, y):
    """Return data as a problem."""
    from lsgd_fast._inputs.problem import Problem

    return Problem.check(X, y)


def division(found, X, y):
    """Return the numbers of the test rows of a pilot, and of all others, by its seed."""
    from lsgd_fast._pilot.pilot import divide

    test, _ = divide(problem_of(X, y), found.call["test_size"], np.random.default_rng(0))
    return test, np.setdiff1d(np.arange(len(y)), test)


def value(goal, run, measured):
    """Return what a goal is about: small is good."""
    if goal == "loss":
        return max(float(run.trace.loss[-1]), np.finfo(float).eps)
    return measured.error if goal == "held_out_error" else measured.loss


def spread_of(goal, held_out, measured, values, at_best):
    """Return the spread of the difference between the best run and the first one."""
    pair = measured[0], measured[at_best]
    if goal == "held_out_error":
        return 2.0 * held_out.compare_errors(*(one.errors for one in pair))[1]
    if goal == "held_out_loss":
        return 2.0 * held_out.compare(*(one.losses for one in pair))[1]
    return 0.01 * values[0]  # the least gain that counts


def generated(n_problems):
    """Print the decisions on generated problems; return how many a go are false."""
    told, false, worst = {}, 0, 0.0
    for seed in range(n_problems):
        rng = np.random.default_rng([seed, 21])
        n, d = int(rng.integers(60, 2000)), int(rng.integers(2, 100))
        share = (0.0, 0.02, 0.1, 0.3)[seed % 4]
        goal = GOALS[seed % 3]
        X, y = noisy(n + N_FRESH, d, share, seed=seed)
        X *= np.geomspace(1.0, 10.0 ** rng.uniform(0.0, 1.5), d)
        found = lsgd.pilot(X[:n], y[:n], goal=goal)
        told[str(found.decision)] = told.get(str(found.decision), 0) + 1
        if found.decision == "go":
            is_false, ratio = look_at_go(found, goal, X, y, n)
            false, worst = false + is_false, max(worst, ratio)
            if is_false:
                print(f"false: problem {seed}, {n} x {d}, {share:.0%} flipped, {goal}")
    print(f"\n{n_problems} generated problems: {told}; a go was false {false} times; the largest "
          f"excess over the conservative run was {worst:.2f} spreads")  # fmt: skip
    return false


def look_at_go(found, goal, X, y, n):
    """Return whether a go is false on fresh rows, and its excess in spreads."""
    if goal not in HELD_OUT_GOALS:
        return found.recommended.outcome.loss > found.conservative.outcome.loss, 0.0
    test, learning = division(found, X[:n], y[:n])
    weight = np.zeros(n)
    weight[learning] = 1.0
    other = lsgd.gradient_descent(
        X[:n], y[:n], found.trial.conservative, found.n_steps, sample_weight=weight
    )
    fresh = HeldOut(problem_of(X, y), np.arange(n, len(y)), None)
    first, second = (fresh.measure(run.weights, run.intercept) for run in (other, found.run))
    of = (first.error, second.error) if goal == "held_out_error" else (first.loss, second.loss)
    spread = found.difference.spread
    excess = of[1] - of[0]
    return excess > spread, excess / spread if spread else 0.0


def pilot_to_kill(folder):
    """Run a pilot of some seconds that keeps everything in a folder, with many checkpoints."""
    runs.BETWEEN_SAVES = 0.02
    X, y = noisy(6000, 40, 0.0, seed=3)
    X[5] *= 20.0
    lsgd.pilot(X, y, goal="loss", folder=folder, n_steps=20_000, n_threads=1)


def kills(n_kills):
    """Kill a pilot that many times at random moments; return whether its result is another."""
    if n_kills == 0:
        return 0
    rng, found = np.random.default_rng(0), []
    with tempfile.TemporaryDirectory() as parent:
        began = time.perf_counter()
        left_alone = os.path.join(parent, "left alone")
        subprocess.run([sys.executable, __file__, "--killed", left_alone], check=True)
        whole = time.perf_counter() - began
        n_killed, folder, rounds = 0, 0, 0
        while n_killed < n_kills:
            target = os.path.join(parent, str(folder))
            process = subprocess.Popen([sys.executable, __file__, "--killed", target])
            try:
                process.wait(rng.uniform(0.3, 1.0) * whole * 0.6)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                n_killed += 1
            else:
                found.append(read(target))
                folder += 1
            rounds += 1
        subprocess.run([sys.executable, __file__, "--killed", target], check=True)
        found.append(read(target))
        same = [one == read(left_alone) for one in found]
    print(f"{n_killed} kills at random moments of pilots of {whole:.1f} s, in {rounds} starts: "
          f"{sum(same)} of {len(same)} results are the same but for times")  # fmt: skip
    return sum(not one for one in same)


def read(folder):
    """Return the result in a folder, without its times."""
    return without_times(json.loads(Path(folder, "pilot.json").read_text()))


def without_times(value):
    """Return nested lists and dicts without what is measured in seconds."""
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if "seconds" not in name}
        return {name: without_times(one) for name, one in kept.items()}
    return [without_times(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    raise SystemExit(main())
