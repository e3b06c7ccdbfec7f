"""Ranks that are processes of a process group of torch, and what each of them does in the tests.

    python -m support.torch_ranks FOLDER SIZE RANK TASK [ARGUMENT ...]

Each rank writes what it has found to a file of its number in the folder.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import distributed
from support.hashes import content
from support.ranks import Case

TIMEOUT = 100.0  # seconds for what takes a few
LIMIT = 2.0  # seconds in which ranks are to answer where one of them sleeps
KILLED_AT = 50  # the step of the one that dies, sleeps or raises: rank 1
STEPSIZE = 8.0


def run_ranks(folder, size, task, *arguments):
    """Run a task on some ranks; return what each has found, None for one that has died."""
    path = os.pathsep.join(path for path in sys.path if path)
    ranks = [
        # -P: not from the current folder, which may be a checkout
        subprocess.Popen(
            [sys.executable, "-P", "-m", "support.torch_ranks"]
            + [str(one) for one in (folder, size, rank, task, *arguments)],
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(size)
    ]
    try:
        end = time.monotonic() + TIMEOUT
        for rank in ranks:
            rank.wait(end - time.monotonic())
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
    found = [Path(folder, f"{rank}.json") for rank in range(size)]
    return [json.loads(path.read_text()) if path.exists() else None for path in found]


def fingerprint(found):
    """Return a hash of the contents of runs, or of the type of an error."""
    return hashlib.sha256(repr(found).encode()).hexdigest()


def problem():
    """Return X of shape (20000, 8), and labels that do not separate."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 8))
    return X, (X[:, 0] + rng.standard_normal(len(X)) > 0.0).astype(int)


def wide_problem():
    """Return X of shape (4200, 420), and labels of 40 classes."""
    return np.random.default_rng(0).standard_normal((4200, 420)), np.arange(4200) % 40


def own_rows(world, X, y, **options):
    """Return the rows of this rank, with their labels."""
    cuts = distributed.boundaries(*X.shape, world.size())
    mine = slice(*cuts[world.rank() : world.rank() + 2])
    return distributed.rows(X[mine], world, **options), y[mine]


# --- tasks ----------------------------------------------------------------------------------------


def random_runs(world, folder, first, count):
    """Return hashes of random runs by all processes, and by a group without the first one."""
    from torch.distributed import new_group

    group = new_group(range(1, world.size()))
    found = {"all": _runs(world, first, count)}
    if world.rank() > 0:
        return found | {"others": _runs(group, first, count)}
    try:
        distributed.rows(np.eye(3), group)
    except TypeError as error:
        return found | {"others": str(error)}


def _runs(group, first, count):
    from lsgd_fast._inputs.torch_communicator import TorchCommunicator

    comm = TorchCommunicator(group, TIMEOUT)
    seeds = range(int(first), int(first) + int(count))
    return [fingerprint(Case(seed, comm.size).share(comm)) for seed in seeds]


def long_gradient(world, folder):
    """Return the hash of a run whose gradient has 16800 entries, of which ranks sum up slices."""
    rows, y = own_rows(world, *wide_problem())
    return fingerprint(content(lsgd.gradient_descent(rows, y, STEPSIZE, 3, loss="softmax")))


def refused(world, folder):
    """Return what is raised for a group whose tensors of the CPU do not go by gloo."""
    from torch import distributed as of_torch

    of_torch.get_backend_config = lambda group: "cuda:nccl"
    try:
        distributed.rows(np.eye(3), world)
    except ValueError as error:
        return str(error)


def descend(world, folder, trouble):
    """Descend until a trouble on rank 1; return what comes of it on this rank."""

    def callback(state):
        if world.rank() == 1 and state.n_steps == KILLED_AT:
            Path(folder, "began").write_text(str(time.monotonic()))
            TROUBLES[trouble]()

    limit = LIMIT if trouble == "sleep" else TIMEOUT
    rows, y = own_rows(world, *problem(), timeout=limit)
    descent = lsgd.Descent(rows, y, STEPSIZE, callback=callback)
    descent.step(KILLED_AT - 10)
    descent.save(Path(folder, "before.npz"))
    try:
        descent.step(100)
    except Exception as error:
        began = float(Path(folder, "began").read_text())
        found = {"seconds": time.monotonic() - began, "error": type(error).__name__}
        found |= {"message": str(error), "step": descent.n_steps}
    descent.save(Path(folder, f"{world.rank()}.npz"))
    if trouble == "sleep":  # an end of this rank would be an error for one that waits still
        time.sleep(LIMIT)
    return found


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def sleep():
    time.sleep(3 * LIMIT)
    os._exit(0)


def fail():
    raise ZeroDivisionError("on purpose")


TROUBLES = {"die": die, "sleep": sleep, "fail": fail}


# --- the program ----------------------------------------------------------------------------------


def main(folder, size, rank, task, *arguments):
    """Join the process group, and run a task."""
    from torch import distributed as of_torch

    of_torch.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=int(rank), world_size=int(size),
        timeout=timedelta(seconds=TIMEOUT),
    )  # fmt: skip
    found = globals()[task](of_torch.group.WORLD, folder, *arguments)
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    of_torch.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
