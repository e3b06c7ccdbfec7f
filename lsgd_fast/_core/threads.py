"""The default number of threads."""

import os
import sys
from pathlib import Path

from lsgd_fast._constants import LOSS_WORK
from lsgd_fast._core.team import may_run_parallel, openmp_limit

__all__ = ["SERIAL_RUN_WORK", "SERIAL_PASS_WORK", "available_threads", "choose_threads"]

# Work of one pass, n * (d + LOSS_WORK) for each column, below which a second thread costs more than
# it saves: in a run of many passes by one team, and where each pass starts a team of its own.
# (Rows are split into leaves from a fifth of the former on, for callers that set n_threads.)
SERIAL_RUN_WORK = 60_000
SERIAL_PASS_WORK = 4_000_000


def choose_threads(n_threads, n, d, n_leaves, n_columns=1, serial_work=SERIAL_RUN_WORK):
    """Return the number of threads of a pass over X of shape (n, d).

    Parameters
    ----------
    n_threads : int or None
        The number that the caller wants; None: `available_threads`, or 1 for small X.
    n, d : int
        Rows and features; of sparse rows d is the mean number of entries, and may be a fraction.
    n_leaves : int
        Leaves of the rows, the parts that their sums begin with.
    n_columns : int, default 1
        Columns of weights in a pass.
    serial_work : float, default SERIAL_RUN_WORK
        X is small where a pass is less work than this.

    Returns
    -------
    int
        At most `n_leaves`; 1 where the package was built without OpenMP.
    """
    if n_threads is None:
        work = n * (d + LOSS_WORK) * n_columns
        n_threads = 1 if work < serial_work else available_threads()
    return min(n_threads, n_leaves) if may_run_parallel() else 1


def available_threads():
    """Return the least of OpenMP's own limit, the CPU affinity and the cgroup quota.

    OpenMP's limit is ``OMP_NUM_THREADS`` or set by threadpoolctl. In a worker thread of joblib it
    is 1.

    Returns
    -------
    int
        1 where the package was built without OpenMP.
    """
    if not may_run_parallel():
        return 1
    limits = [_affinity(), _cgroup_quota(), _omp_num_threads(), _joblib(), openmp_limit()]
    return max(1, min(limit for limit in limits if limit is not None))


def _affinity():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _omp_num_threads():
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def _joblib():
    """Return 1 in a worker thread of joblib; its processes have OMP_NUM_THREADS set."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None or _omp_num_threads() is not None:
        return None
    return 1 if parallel.get_active_backend()[0].nesting_level else None


def _cgroup_quota():
    """Return the CPU quota of cgroup v2 or v1, rounded up, or None."""
    for quota_file, period_file in (
        ("cpu.max", None),
        ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
    ):
        root = Path("/sys/fs/cgroup")
        try:
            words = (root / quota_file).read_text().split()
            if period_file is not None:
                words += (root / period_file).read_text().split()
            quota, period = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):  # no such file, or "max"
            continue
        if quota > 0 and period > 0:
            return -(-quota // period)
    return None
