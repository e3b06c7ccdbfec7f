"""Print what rows on several ranks cost, by MPI on this machine, and what a model says of clusters.

    python benchmarks/distributed.py [--mpiexec "mpiexec"] [--rounds 5] [--parts step,sweep,...]

* step: how much longer a step of 2 ranks takes than the pass of each over its own rows (below 4096
  rows over all, as there), in step with each other: a barrier after each pass waits for the slower
  one. What waiting costs is the difference to passes without barriers.
* sweep: steps of 16 stepsizes on 2 ranks, beside one process.
* exchange: the messages of a step against the features, and the prediction of the model from the
  latency and the bandwidth that are measured in the same job.
* model: predictions for networks that are not here.

Each measurement is a job of its own, a thread a rank, which first compares the bytes of its weights
with those of one process. The time of ranks is that of the slowest. Needs mpi4py and an `mpiexec`.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time

import numpy as np

import lsgd_fast as lsgd
from lib import problems
from lib.arguments import names_of

STEPS = [(200_000, 100, 20), (20_000, 100, 100), (2000, 20, 1000)]  # n, d, steps that are timed
SWEEPS = [(200_000, 100, 10), (100_000, 384, 5)]
STEPSIZES = 16
SLICES = 21  # a job times so many
FEATURES = (1000, 10_000, 100_000, 1_000_000)
ROWS = 200_000  # of the exchange: they decide how many records ranks send
NETWORKS = {"InfiniBand": (2e-6, 20e9), "TCP": (25e-6, 2.5e9)}  # seconds, bytes a second
NODES = (2, 8, 25, 64, 100, 400, 1000)
RECORDS = 4  # of a rank, on average
SLICED = 1 << 15  # entries of all ranks, see _engine/exchange.pxd
PASS = 1e9 * 1e3 * 4 / 240e9  # seconds of one node: float32, 80 % of 300 GB/s


# --- what a rank does -----------------------------------------------------------------------------


def own_rows(comm, X, y):
    """Return the rows of this rank, as rows of all and as an array, and their labels."""
    cuts = lsgd.distributed.boundaries(*X.shape, comm.size)
    mine = slice(cuts[comm.rank], cuts[comm.rank + 1])
    return lsgd.distributed.rows(X[mine], comm), X[mine], y[mine]


def seconds_of(comm, work):
    """Return the seconds that work takes on the slowest rank."""
    from mpi4py import MPI

    comm.Barrier()
    start = time.perf_counter()
    work()
    return comm.allreduce(time.perf_counter() - start, MPI.MAX)


def measure_step(comm, n, d, n_steps):
    """Return the seconds of a step of all ranks, and of the ranks alone: in step, and freely."""
    X, y, eta = problems.problem(n, d, "float64")
    rows, own, labels = own_rows(comm, X, y)
    options = {"n_threads": 1, "record": ["loss"]}
    check(lsgd.gradient_descent(rows, labels, eta, 5), lsgd.gradient_descent(X, y, eta, 5))
    together = lsgd.Descent(rows, labels, eta, **options)
    alone = lsgd.Descent(*((X, y) if rows.is_whole else (own, labels)), eta, **options)

    def in_step():
        for _ in range(n_steps):
            alone.step(1)
            comm.Barrier()

    contenders = {
        "together": lambda: together.step(n_steps),
        "in_step": in_step,
        "alone": lambda: alone.step(n_steps),
    }
    found = {name: [] for name in contenders}
    for _ in range(SLICES):
        for name, work in contenders.items():
            found[name].append(seconds_of(comm, work) / n_steps)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def check(found, expected):
    """Raise AssertionError unless two runs have the same weights."""
    assert found.weights.tobytes() == expected.weights.tobytes(), "the bytes are others"


def measure_sweep(comm, n, d, n_steps):
    """Return the seconds of a step of a sweep: of the ranks, or of this process if it is alone."""
    X, y, eta = problems.problem(n, d, "float64")
    etas = eta * np.geomspace(0.25, 1.0, STEPSIZES)
    data = (X, y) if comm.size == 1 else own_rows(comm, X, y)[::2]
    options = {"n_threads": 1, "record": ["loss"]}
    few = lsgd.stepsize_sweep(*data, etas[:2], 2, **options)
    for one, other in zip(few, lsgd.stepsize_sweep(X, y, etas[:2], 2, **options), strict=True):
        check(one, other)

    def sweep(steps):
        return seconds_of(comm, lambda: lsgd.stepsize_sweep(*data, etas, steps, **options))

    sweep(1)
    return {"step": statistics.median((sweep(1 + n_steps) - sweep(1)) / n_steps for _ in range(5))}


def measure_exchange(comm, d):
    """Return the seconds of the messages of a step, what the model says, and what it is made of."""
    from lsgd_fast._inputs.mpi_communicator import MPICommunicator

    rows = lsgd.distributed.rows(np.zeros((ROWS // comm.size, 1)), comm)
    records, size = max(map(len, rows.runs())) - 1, comm.size
    communicator = MPICommunicator(comm, 60.0)
    control = 9  # doubles beside the gradient
    if d * size >= SLICED:
        slice_size = -(-d // size)
        sent, own = np.zeros((size, records * (control + slice_size))), np.zeros(slice_size)
        received, gradient = np.zeros_like(sent), np.zeros((size, slice_size))

        def exchange():
            communicator.alltoall(sent, received)
            communicator.allgather(own, gradient)

    else:
        sent = np.zeros(records * (control + d))
        received = np.zeros((size, len(sent)))

        def exchange():
            communicator.allgather(sent, received)

    count = max(3, min(1000, 10**7 // d))
    seconds = [
        seconds_of(comm, lambda: [exchange() for _ in range(count)]) / count for _ in range(SLICES)
    ]
    latency, bandwidth = measure_network(comm)
    return {
        "measured": statistics.median(seconds),
        "predicted": predict(d, size, latency, bandwidth, records),
        "latency": latency,
        "bandwidth": bandwidth,
        "records": records,
    }


def measure_network(comm):
    """Return the seconds of an empty message, and the bytes a second of a long one."""
    buffer, partner = np.zeros(1_000_000), 1 - comm.rank

    def to_and_fro(size, count):
        for _ in range(count):
            if comm.rank == 0:
                comm.Send(buffer[:size], partner)
                comm.Recv(buffer[:size], partner)
            elif comm.rank == 1:
                comm.Recv(buffer[:size], partner)
                comm.Send(buffer[:size], partner)

    def message(size, count):
        found = [seconds_of(comm, lambda: to_and_fro(size, count)) for _ in range(SLICES)]
        return statistics.median(found) / (2 * count)

    latency = message(1, 1000)
    return latency, buffer.nbytes / (message(len(buffer), 5) - latency)


MEASUREMENTS = {"step": measure_step, "sweep": measure_sweep, "exchange": measure_exchange}


# --- the model ------------------------------------------------------------------------------------


def predict(d, size, latency, bandwidth, records=RECORDS):
    """Return the seconds of an exchange of gradients of d doubles between so many ranks."""
    rounds = (size - 1).bit_length()
    if d * size < SLICED:
        return rounds * latency + (size - 1) * records * 8 * d / bandwidth
    return 3 * rounds * latency + (records + 1) * 8 * d * (size - 1) / size / bandwidth


def print_model():
    """Print what the model says of clusters."""
    print("\nA MODEL, nothing measured: milliseconds of the exchange of a step, one column")
    for name, (latency, bandwidth) in NETWORKS.items():
        print(f"{name}: {1e6 * latency:g} us a message, {bandwidth / 1e9:g} GB/s")
        print(f"{'nodes':>8}" + "".join(f"{f'd = {d}':>14}" for d in FEATURES), end="")
        print(f"{'pass':>10}{'share':>8}")
        for size in NODES:
            found = [predict(d, size, latency, bandwidth) for d in FEATURES]
            cells = "".join(f"{1e3 * seconds:>14.3f}" for seconds in found)
            share = found[0] / (found[0] + PASS / size)
            print(f"{size:>8}{cells}{1e3 * PASS / size:>10.1f}{share:>8.1%}")
    print("pass: 10^9 rows of 1000 float32 at 240 GB/s a node; share: of the exchange for d = 1000")


# --- the command line -----------------------------------------------------------------------------


def elsewhere(asked, size, *measurement):
    """Return what a measurement finds, medians over jobs of their own."""
    command = [*shlex.split(asked.mpiexec), "-n", size, sys.executable, "-m", "mpi4py", __file__]
    command += ["--measure", *measurement]
    found = []
    for _ in range(asked.rounds):
        done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def print_steps(asked):
    """Print what the ranks add to a step."""
    print("\na step of 2 ranks, microseconds")
    print(f"{'shape':>15} {'together':>10} {'in step':>10} {'alone':>10} {'added':>10}")
    for n, d, n_steps in STEPS:
        found = elsewhere(asked, 2, "step", n, d, n_steps)
        times = [1e6 * found[name] for name in ("together", "in_step", "alone")]
        times.append(times[0] - times[1])
        print(f"{n:>8} x {d:<4}", *(f"{time:>10.1f}" for time in times))


def print_sweeps(asked):
    """Print how much faster two ranks are than one process."""
    print(f"\na step of {STEPSIZES} stepsizes, milliseconds")
    print(f"{'shape':>15} {'1 process':>10} {'2 ranks':>10} {'ratio':>10}")
    for n, d, n_steps in SWEEPS:
        one, two = (1e3 * elsewhere(asked, k, "sweep", n, d, n_steps)["step"] for k in (1, 2))
        print(f"{n:>8} x {d:<4} {one:>10.3f} {two:>10.3f} {one / two:>10.2f}")


def print_exchanges(asked):
    """Print the time of an exchange against the features, and what the model says."""
    print("\nthe messages of a step of 2 ranks, milliseconds")
    print(f"{'d':>15} {'measured':>10} {'model':>10}")
    for d in FEATURES:
        found = elsewhere(asked, 2, "exchange", d)
        print(f"{d:>15} {1e3 * found['measured']:>10.4f} {1e3 * found['predicted']:>10.4f}")
    print(
        f"{found['records']:g} records a rank; {1e6 * found['latency']:.2f} us a message, "
        f"{found['bandwidth'] / 1e9:.1f} GB/s"
    )


PARTS = {
    "step": print_steps,
    "sweep": print_sweeps,
    "exchange": print_exchanges,
    "model": lambda asked: print_model(),
}


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mpiexec", default="mpiexec", help="the command, with its options")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", type=names_of(PARTS), default=list(PARTS))
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        from mpi4py import MPI

        name, *sizes = asked.measure
        found = MEASUREMENTS[name](MPI.COMM_WORLD, *map(int, sizes))
        if MPI.COMM_WORLD.rank == 0:
            print(json.dumps(found))
        return
    for part in asked.parts:
        PARTS[part](asked)


if __name__ == "__main__":
    main()
