"""Long tests on several ranks by MPI, with the mpiexec beside this Python or on the path.

    python tools/ranks.py cases|signals|deaths [COUNT [SIZE]]

`cases`: so many random runs on 1 to 4 ranks, or on SIZE, beside those of one process. `signals`: a
signal on one of 3 ranks stops a run; whether all stop at the same step, how long that takes, and
whether going on gives the bits of a run that was not stopped. `deaths`: one of 3 ranks is killed;
how long the job then lasts, and whether the checkpoint goes on with the same bits on 2.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import mpi

PATIENCE = 3600.0  # seconds


def cases(count, *sizes):
    """Print the seeds of the random runs that differ from those of one process."""
    faults = 0
    for size in sizes or (1, 2, 3, 4):
        with tempfile.TemporaryDirectory() as folder:
            found = mpi.run_program(folder, size, "cases", 10**6 * size, count, timeout=PATIENCE)
        different = sorted({seed for seeds in found for seed in seeds})
        faults += len(different)
        print(f"{size} ranks: {count - len(different)} of {count} have the same bytes {different}")
    return faults


def signals(count, size=3):
    """Print how signals on one rank end."""
    with tempfile.TemporaryDirectory() as folder:
        found = mpi.run_program(folder, size, "signals", count, timeout=PATIENCE)
    trials = list(zip(*found, strict=True))
    seconds = [max(one["seconds"] for one in found) for found in trials]
    steps = sum(len({one["step"] for one in found}) == 1 for found in trials)
    same = sum(all(one["same"] for one in found) for found in trials)
    within = sum(one < 1.0 for one in seconds)
    print(
        f"{size} ranks: {steps} of {count} stop at the same step, {within} within 1 s (median "
        f"{statistics.median(seconds):.4f} s, maximum {max(seconds):.4f} s), {same} with the same "
        "bits"
    )
    return 3 * count - steps - within - same


def deaths(count, size=3):
    """Print how long jobs last after the death of a rank, and how they go on."""
    seconds, same = [], 0
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            mpi.launch(size, "-m", "support.mpi_program", folder, "descend", 100, 50)
            seconds.append(time.monotonic() - float(Path(folder, "killed").read_text()))
            found = mpi.run_program(folder, size - 1, "descend", 100, -1)
        with tempfile.TemporaryDirectory() as folder:
            same += found == mpi.run_program(folder, 1, "descend", 100, -1) * (size - 1)
    within = sum(one < 5.0 for one in seconds)
    print(
        f"{size} ranks: {within} of {count} jobs end within 5 s (maximum {max(seconds):.3f} s), "
        f"{same} go on with the same bits on {size - 1}"
    )
    return 2 * count - within - same


def main(what, count="20", *size):
    """Run one of the tests; return 1 if it found a fault."""
    test = {"cases": cases, "signals": signals, "deaths": deaths}[what]
    return min(1, test(int(count), *map(int, size)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
