"""Gradient descent in actors of Ray: it places them, and torch's gloo joins them.

    python on_ray.py [SIZE]

starts SIZE actors, two by default, on the cluster that ``ray.init()`` finds, or on this machine.
Needs ``ray`` and ``torch``.

If an actor dies, the others raise within two seconds, and so does this. Run it again then: Ray
does not restart an actor unless it is told to.
"""

import socket
import sys
from datetime import timedelta

import numpy as np
import ray

import lsgd_fast as lsgd

N, D, STEPSIZE, N_STEPS = 20_000, 20, 8.0, 200
SECONDS = 60.0  # that an actor waits for the others
RUN_SECONDS = 600.0  # for the whole run


def read(first, last):
    """Return some rows and their labels: here you may slice a memory map."""
    rng = np.random.default_rng(0)
    X, noise = rng.standard_normal((N, D)), rng.standard_normal(N)
    return X[first:last], (X[:, 0] + noise > 0.0)[first:last]


@ray.remote(num_cpus=1)
class Rank:
    """One of the processes."""

    def free_address(self):
        """Return an address of this actor where nobody listens."""
        host = ray.util.get_node_ip_address()
        with socket.socket() as port:
            port.bind((host, 0))
            return f"tcp://{host}:{port.getsockname()[1]}"

    def descend(self, rank, size, address):
        """Run with the rows of this rank."""
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


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    ray.init()
    actors = [Rank.remote() for _ in range(size)]
    address = ray.get(actors[0].free_address.remote(), timeout=SECONDS)
    pending = [actor.descend.remote(rank, size, address) for rank, actor in enumerate(actors)]
    runs = ray.get(pending, timeout=RUN_SECONDS)
    alone = lsgd.gradient_descent(*read(0, N), STEPSIZE, N_STEPS)
    same = all(run.weights.tobytes() == alone.weights.tobytes() for run in runs)
    print(f"{size} actors, {runs[0].n_steps} steps, loss {runs[0].trace.loss[-1]:.6f}")
    print(f"the bytes of one process: {same}")
