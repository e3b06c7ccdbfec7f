"""Gradient descent on workers of Dask: it places a task on each, and torch's gloo joins them.

    python on_dask.py [ADDRESS]

ADDRESS is that of a scheduler; without one, two processes are started here. Needs
``dask[distributed]`` and ``torch``.

If a worker dies, the others raise within two seconds, and so does this. Run it again then: where
the workers are, and which of them has which rows, is found anew each time.
"""

import socket
import sys
from contextlib import nullcontext
from datetime import timedelta

import numpy as np
from dask.distributed import Client, LocalCluster, as_completed, get_worker

import lsgd_fast as lsgd

N, D, STEPSIZE, N_STEPS = 20_000, 20, 8.0, 200
SECONDS = 60.0  # that a worker waits for the others
RUN_SECONDS = 600.0  # for the whole run


def read(first, last):
    """Return some rows and their labels: here you may slice a memory map."""
    rng = np.random.default_rng(0)
    X, noise = rng.standard_normal((N, D)), rng.standard_normal(N)
    return X[first:last], (X[:, 0] + noise > 0.0)[first:last]


def free_address():
    """Return an address of this worker where nobody listens."""
    host = get_worker().address.rpartition(":")[0].rpartition("/")[2]
    with socket.socket() as port:
        port.bind((host, 0))
        return f"tcp://{host}:{port.getsockname()[1]}"


def descend(rank, size, address):
    """Run on one worker, with its rows."""
    from torch import distributed

    distributed.init_process_group(
        "gloo", address, rank=rank, world_size=size, timeout=timedelta(seconds=SECONDS)
    )
    try:
        cuts = lsgd.distributed.boundaries(N, D, size)
        X, y = read(cuts[rank], cuts[rank + 1])
        X = lsgd.distributed.rows(X, distributed.group.WORLD, timeout=SECONDS)
        return lsgd.gradient_descent(X, y, STEPSIZE, N_STEPS)
    finally:
        distributed.destroy_process_group()


def on_workers(client):
    """Return the run of each worker."""
    workers = list(client.ncores())
    address = client.submit(free_address, workers=workers[:1], pure=False).result(SECONDS)
    futures = [
        client.submit(descend, rank, len(workers), address, workers=[worker], pure=False)
        for rank, worker in enumerate(workers)
    ]
    try:
        return [done.result() for done in as_completed(futures, timeout=RUN_SECONDS)]
    finally:  # after an error, Dask would wait for a worker that is gone
        client.cancel(futures)


if __name__ == "__main__":
    cluster = (
        nullcontext(sys.argv[1]) if len(sys.argv) > 1 else LocalCluster(2, threads_per_worker=1)
    )
    with cluster as scheduler, Client(scheduler, timeout=SECONDS) as client:
        runs = on_workers(client)
    alone = lsgd.gradient_descent(*read(0, N), STEPSIZE, N_STEPS)
    same = all(run.weights.tobytes() == alone.weights.tobytes() for run in runs)
    print(f"{len(runs)} workers, {runs[0].n_steps} steps, loss {runs[0].trace.loss[-1]:.6f}")
    print(f"the bytes of one process: {same}")
