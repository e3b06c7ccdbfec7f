"""Gradient descent in tasks of Spark: a barrier stage places them, and torch's gloo joins them.

    python on_spark.py [MASTER [SIZE]]

starts SIZE tasks, two by default, on MASTER, by default ``local[2]``. Needs ``pyspark``, Java and
``torch``. It was run with Spark 4.3 on one machine only, with two tasks. So was TorchDistributor in
the place of the barrier stage, which took twice as long, and needs pandas and pyarrow.

If a task dies, Spark ends the others, and this raises.
"""

import os
import socket
import sys
from datetime import timedelta

import numpy as np
from pyspark import BarrierTaskContext
from pyspark.sql import SparkSession

import lsgd_fast as lsgd

N, D, STEPSIZE, N_STEPS = 20_000, 20, 8.0, 200
SECONDS = 60.0  # that a task waits for the others


def read(first, last):
    """Return some rows and their labels: here you may slice a memory map."""
    rng = np.random.default_rng(0)
    X, noise = rng.standard_normal((N, D)), rng.standard_normal(N)
    return X[first:last], (X[:, 0] + noise > 0.0)[first:last]


def free_address(context):
    """Return an address of this task where nobody listens."""
    host = context.getTaskInfos()[context.partitionId()].address.partition(":")[0]
    with socket.socket() as port:
        port.bind((host, 0))
        return f"tcp://{host}:{port.getsockname()[1]}"


def descend(_):
    """Run in one task, with its rows."""
    from torch import distributed

    context = BarrierTaskContext.get()
    rank, size = context.partitionId(), len(context.getTaskInfos())
    address = context.allGather(free_address(context))[0]
    distributed.init_process_group(
        "gloo", address, rank=rank, world_size=size, timeout=timedelta(seconds=SECONDS)
    )
    try:
        cuts = lsgd.distributed.boundaries(N, D, size)
        X, y = read(cuts[rank], cuts[rank + 1])
        X = lsgd.distributed.rows(X, distributed.group.WORLD, timeout=SECONDS)
        yield lsgd.gradient_descent(X, y, STEPSIZE, N_STEPS)
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    master = sys.argv[1] if len(sys.argv) > 1 else "local[2]"
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    limit = {"spark.barrier.sync.timeout": int(SECONDS)}
    spark = SparkSession.builder.master(master).config(map=limit).getOrCreate()
    try:
        tasks = spark.sparkContext.parallelize(range(size), size)
        runs = tasks.barrier().mapPartitions(descend).collect()
    finally:
        spark.stop()
    alone = lsgd.gradient_descent(*read(0, N), STEPSIZE, N_STEPS)
    same = all(run.weights.tobytes() == alone.weights.tobytes() for run in runs)
    print(f"{size} tasks, {runs[0].n_steps} steps, loss {runs[0].trace.loss[-1]:.6f}")
    print(f"the bytes of one process: {same}")
