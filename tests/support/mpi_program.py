"""What each rank does in the tests of MPI: a task by its name.

    mpiexec -n SIZE python -m mpi4py -m support.mpi_program FOLDER TASK [ARGUMENT ...]

Each rank writes what it has found to a file of its number in the folder.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
from mpi4py import MPI

import lsgd_fast as lsgd
from lsgd_fast import distributed
from support.mpi import fingerprint, problem
from support.ranks import Case

STEPSIZE = 8.0


class Preempted(Exception):
    """What a handler of a signal raises."""


def own_rows(comm, X, y, **options):
    """Return the rows of this rank, with their labels."""
    cuts = distributed.boundaries(*X.shape, comm.size)
    mine = slice(cuts[comm.rank], cuts[comm.rank + 1])
    return distributed.rows(X[mine], comm, **options), y[mine]


def cases(comm, first, count):
    """Make random runs; return the seeds of those that differ from the run of one process."""
    different = []
    for seed in range(int(first), int(first) + int(count)):
        case = Case(seed, comm.size)
        found = comm.allgather(case.share(comm))
        if comm.rank == seed % comm.size and any(one != case.alone() for one in found):
            different.append(seed)
    return different


def long_gradients(comm):
    """Return whether a run whose gradients are exchanged by slices has the bytes of one process."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4200, 420)), np.arange(4200) % 40
    options = {"loss": "softmax", "n_threads": 1}
    found = lsgd.gradient_descent(*own_rows(comm, X, y), STEPSIZE, 3, **options)
    return fingerprint(found) == fingerprint(lsgd.gradient_descent(X, y, STEPSIZE, 3, **options))


# --- what stops a run on one rank -----------------------------------------------------------------


def step_until_stopped(descent):
    """Return what a descent raises that has all the time in the world, or None if it ends."""
    try:
        descent.step(10**7)
    except (Exception, KeyboardInterrupt) as error:
        return error


def report(descent, error, step, alone):
    """Return what stopped a run at which step, and whether it then has the bits of another one."""
    return {
        "error": type(error).__name__,
        "message": str(error),
        "step": step,
        "same": fingerprint(descent.result()) == fingerprint(alone),
    }


def send_signal(comm, number, target, delay):
    """Send a signal to one of the ranks after a delay in seconds; return the list of its times."""
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), number)

    if comm.rank == target:
        threading.Timer(delay, send).start()
    return sent


def signals(comm, count):
    """Send a signal to one of the ranks so many times; return what each time came of it."""
    rng = random.Random(0)  # the same on all ranks
    ways = [stop_by_interrupt, stop_by_exception, stop_by_flag]
    return [
        ways[i % 3](
            comm, rng.choice([2000, 20_000]), rng.randrange(comm.size), rng.uniform(0.02, 0.1)
        )
        for i in range(int(count))
    ]


def stop_by_interrupt(comm, n, target, delay):
    """Press Ctrl-C on one rank, and go on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return stop_and_go_on(comm, n, signal.SIGINT, target, delay)


def stop_by_exception(comm, n, target, delay):
    """Send SIGUSR1 to a rank, whose handler raises an exception, and go on."""

    def handle(number, frame):
        raise Preempted("the machine is needed")

    signal.signal(signal.SIGUSR1, handle)
    return stop_and_go_on(comm, n, signal.SIGUSR1, target, delay)


def stop_and_go_on(comm, n, number, target, delay):
    X, y = problem(n)
    descent = lsgd.Descent(*own_rows(comm, X, y), STEPSIZE, n_threads=1)
    sent = send_signal(comm, number, target, delay)
    error = step_until_stopped(descent)
    seconds, step = time.monotonic(), descent.n_steps
    descent.step(10)
    found = report(descent, error, step, lsgd.gradient_descent(X, y, STEPSIZE, step + 10))
    return found | {"target": target, "seconds": seconds - comm.bcast(sent, target)[0]}


def stop_by_flag(comm, n, target, delay):
    """Send SIGUSR1 to a rank, whose handler sets a flag that its callback returns."""
    X, y = problem(n)
    flags, every = [], {"callback_every": 10}
    signal.signal(signal.SIGUSR1, lambda number, frame: flags.append(number))
    descent = lsgd.Descent(
        *own_rows(comm, X, y), STEPSIZE, n_threads=1, callback=lambda state: bool(flags), **every
    )
    sent = send_signal(comm, signal.SIGUSR1, target, delay)
    error = step_until_stopped(descent)
    seconds, step = time.monotonic(), descent.n_steps
    alone = lsgd.gradient_descent(
        X, y, STEPSIZE, step + 1, callback=lambda state: state.n_steps == step, **every
    )
    found = report(descent, error, step, alone)
    return found | {"target": target, "seconds": seconds - comm.bcast(sent, target)[0]}


def callback_error(comm):
    """Raise an exception in the callback of rank 1 alone, and go on."""
    X, y = problem(20_000)
    done = []

    def callback(state):
        if comm.rank == 1 and state.n_steps == 30 and not done:
            done.append(True)
            raise ZeroDivisionError("on purpose")

    descent = lsgd.Descent(*own_rows(comm, X, y), STEPSIZE, n_threads=1, callback=callback)
    error, step = step_until_stopped(descent), descent.n_steps
    descent.step(10)
    return report(descent, error, step, lsgd.gradient_descent(X, y, STEPSIZE, step + 10))


def not_a_number(comm):
    """Return the error where the last rank has a NaN in its third row."""
    X, y = problem(20_000)
    cuts = distributed.boundaries(*X.shape, comm.size)
    X[cuts[-2] + 2, 7] = np.nan
    try:
        lsgd.gradient_descent(*own_rows(comm, X, y), STEPSIZE, 10)
    except ValueError as error:
        return {"message": str(error), "row": int(cuts[-2] + 2)}


# --- ranks that sleep or die ----------------------------------------------------------------------


def sleeping_rank(comm):
    """Return what the others raise, and when, while rank 1 sleeps in a callback."""
    X, y = problem(20_000)

    def callback(state):
        if comm.rank == 1 and state.n_steps == 20:
            time.sleep(1000.0)

    descent = lsgd.Descent(*own_rows(comm, X, y, timeout=1.0), STEPSIZE, callback=callback)
    began = time.monotonic()
    error = step_until_stopped(descent)
    seconds, step = time.monotonic() - began, descent.n_steps
    return {
        "error": type(error).__name__,
        "message": str(error),
        "seconds": seconds,
        "step": step,
    }


def descend(comm, folder, n_steps, dying_at):
    """Go on from a checkpoint if there is one, and save one every ten steps.

    Rank 1 kills itself at step `dying_at`.
    """
    X, y = problem(20_000)
    checkpoint = Path(folder, "checkpoint.npz")

    def callback(state):
        if comm.rank == 1 and state.n_steps == int(dying_at):
            Path(folder, "killed").write_text(str(time.monotonic()))
            os.kill(os.getpid(), signal.SIGKILL)

    data = own_rows(comm, X, y)
    if checkpoint.exists():
        descent = lsgd.Descent.load(checkpoint, *data, callback=callback)
    else:
        descent = lsgd.Descent(*data, STEPSIZE, callback=callback)
    while descent.n_steps < int(n_steps):
        descent.step(10)
        descent.save(checkpoint)
    return fingerprint(descent.result())


# --- the program ----------------------------------------------------------------------------------


def file_of(rank, folder):
    """Return the file that a rank writes what it has found to."""
    return Path(folder, f"{rank}.json")


def write(comm, folder, found):
    """Write what this rank has found, at once."""
    unfinished = Path(folder, f"{comm.rank}.unfinished")
    unfinished.write_text(json.dumps(found))
    unfinished.rename(file_of(comm.rank, folder))


def main(folder, task, *arguments):
    """Run a task on this rank."""
    comm = MPI.COMM_WORLD
    if task == "descend":
        arguments = (folder, *arguments)
    write(comm, folder, globals()[task](comm, *arguments))
    if task == "sleeping_rank":  # no rank ends in good order without the one that sleeps
        while not all(file_of(rank, folder).exists() for rank in range(comm.size) if rank != 1):
            time.sleep(0.01)
        comm.Abort(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
