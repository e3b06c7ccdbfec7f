"""Gradient descent in tasks of Spark: TorchDistributor places them, and torch's gloo joins them.

    python on_spark.py [MASTER [SIZE]]

starts SIZE tasks, two by default, on MASTER, by default ``local[2]``. Needs ``pyspark``,
``pandas``, ``pyarrow``, Java and ``torch``. It was run with Spark 4.3 on one machine only, with two
tasks in barrier mode.

If a task dies, the others raise within two seconds, Spark ends all of them, and ``run`` raises.
"""

import os
import sys
from datetime import timedelta

import numpy as np
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession

import lsgd_fast as lsgd

N, D, STEPSIZE, N_STEPS = 20_000, 20, 8.0, 200
SECONDS = 60.0  # that a task waits for the others


def read(first, last):
    """Return some rows and their labels: here you may slice a memory map."""
    rng = np.random.default_rng(0)
    X, noise = rng.standard_normal((N, D)), rng.standard_normal(N)
    return X[first:last], (X[:, 0] + noise > 0.0)[first:last]


def descend():
    """Run in one task, with its rows; the run of the first one is returned to the driver."""
    from torch import distributed

    distributed.init_process_group("gloo", timeout=timedelta(seconds=SECONDS))
    try:
        rank, size = distributed.get_rank(), distributed.get_world_size()
        cuts = lsgd.distributed.boundaries(N, D, size)
        X, y = read(cuts[rank], cuts[rank + 1])
        X = lsgd.distributed.rows(X, distributed.group.WORLD, timeout=SECONDS)
        return lsgd.gradient_descent(X, y, STEPSIZE, N_STEPS)
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    master = sys.argv[1] if len(sys.argv) > 1 else "local[2]"
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master(master).getOrCreate()
    try:
        run = TorchDistributor(size, local_mode=False, use_gpu=False).run(descend)
    finally:
        spark.stop()
    alone = lsgd.gradient_descent(*read(0, N), STEPSIZE, N_STEPS)
    print(f"{size} tasks, {run.n_steps} steps, loss {run.trace.loss[-1]:.6f}")
    print(f"the bytes of one process: {run.weights.tobytes() == alone.weights.tobytes()}")
