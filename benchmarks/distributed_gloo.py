"""What the exchange between processes costs by torch's gloo, on this machine.

python benchmarks/distributed_gloo.py [--size 2] [--doubles 1000,10000,...] [--shape 200000x100]
"""

import argparse
import multiprocessing
import tempfile
from pathlib import Path

import torch
from torch import distributed

from lib.exchanges import exchange_seconds, step_seconds
from lsgd_fast._inputs.torch_communicator import TorchCommunicator

SECONDS = 60.0  # that a process waits for the others


def measure(rank, size, doubles, shape, store):
    """Print what the first rank has measured."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=size)
    comm = TorchCommunicator(distributed.group.WORLD, SECONDS)
    rows = {f"allgather of {count} doubles": exchange_seconds(comm, count) for count in doubles}
    names = ["step on its rows", "step on all rows", "exchange in it"]
    rows |= zip(names, step_seconds(comm, *shape), strict=True)
    if rank == 0:
        print(f"{size} processes, rows {'x'.join(map(str, shape))}: least, median microseconds")
        for name, (least, median) in rows.items():
            print(f"  {name:<30} {1e6 * least:>8.0f} {1e6 * median:>8.0f}")
    distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2)
    parser.add_argument("--doubles", default="1000,10000,100000,1000000")
    parser.add_argument("--shape", default="200000x100")
    options = parser.parse_args()
    doubles = [int(count) for count in options.doubles.split(",")]
    shape = [int(count) for count in options.shape.split("x")]
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        ranks = [
            context.Process(
                target=measure,
                args=(rank, options.size, doubles, shape, Path(folder, "store")),
            )
            for rank in range(options.size)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()


if __name__ == "__main__":
    main()
