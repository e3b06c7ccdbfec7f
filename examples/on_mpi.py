"""Gradient descent on rows that are spread over the processes of an MPI job.

    mpiexec -n 4 python -m mpi4py examples/on_mpi.py --folder results

One process will do as well: `python examples/on_mpi.py`. The weights are the same, byte for byte,
on any number of processes. With `-m mpi4py` an error on one of them ends the job. Each process
maps its rows of X.npy and y.npy in the folder, or makes them if there are no such files.

Every so many steps a checkpoint is written, from which the next job goes on, on any number of
processes. A process that gets SIGUSR1, as by Slurm before the time is up, ends all in good order.
Needs mpi4py and an MPI: `pip install mpi4py mpich`.
"""

import argparse
import signal
from pathlib import Path

import numpy as np
from mpi4py import MPI

import lsgd_fast as lsgd

N_FEATURES = 50  # of data that are made
BLOCK = 1000  # rows that are drawn at once, whichever process needs them


def make_rows(first, last):
    """Return rows first, ..., last - 1 of made data, and their labels."""
    blocks = []
    for number in range(first // BLOCK, -(-last // BLOCK)):
        rng = np.random.default_rng([0, number])
        X = rng.standard_normal((BLOCK, N_FEATURES), np.float32)
        score = X @ np.linspace(-1.0, 1.0, N_FEATURES, dtype=np.float32)
        blocks.append((X, score + 2.0 * rng.standard_normal(BLOCK) > 0.0))
    X, y = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    start = first - first // BLOCK * BLOCK
    return X[start : start + last - first], y[start : start + last - first]


def own_rows(comm, folder, n_made):
    """Return the rows of this process, as part of those of all, and their labels."""
    made = not (folder / "X.npy").exists()
    if not made:
        X, y = (np.load(folder / name, mmap_mode="r") for name in ("X.npy", "y.npy"))
    shape = (n_made, N_FEATURES) if made else X.shape
    cuts = lsgd.distributed.boundaries(*shape, comm.size)  # where to cut, so that no row is copied
    first, last = (int(cut) for cut in cuts[comm.rank : comm.rank + 2])
    X, y = make_rows(first, last) if made else (X[first:last], y[first:last])
    return lsgd.distributed.rows(X, comm), y


def main():
    """Descend, from the checkpoint if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("."), help="of the data and results")
    parser.add_argument("--rows", type=int, default=100_000, help="to make, if there is no X.npy")
    parser.add_argument("--stepsize", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=50, help="steps between two checkpoints")
    asked = parser.parse_args()
    comm, leaving = MPI.COMM_WORLD, []
    signal.signal(signal.SIGUSR1, lambda number, frame: leaving.append(number))
    X, y = own_rows(comm, asked.folder, asked.rows)
    checkpoint = asked.folder / "checkpoint.npz"
    if comm.bcast(checkpoint.exists()):
        descent = lsgd.Descent.load(checkpoint, X, y)
    else:
        descent = lsgd.Descent(X, y, asked.stepsize)

    def say(text):  # once: all processes have the same numbers
        if comm.rank == 0:
            print(text, flush=True)

    say(f"{X.shape[0]} rows on {comm.size} processes, from step {descent.n_steps}")
    while descent.n_steps < asked.steps and descent.stop_reason is None:
        descent.step(min(asked.every, asked.steps - descent.n_steps))
        descent.save(checkpoint)  # all of them call it, the first one writes
        say(f"step {descent.n_steps}: loss {descent.loss:.6f}, {descent.verdict}")
        if any(comm.allgather(len(leaving))):
            say("saved: run this again to go on")
            return
    run = descent.result()
    if comm.rank == 0:
        np.save(asked.folder / "weights.npy", run.weights)
    say(run)


if __name__ == "__main__":
    main()
