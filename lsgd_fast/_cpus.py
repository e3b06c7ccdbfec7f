"""How many processors this process may use, and work in NumPy or hashlib that is spread over them.

Both implementations use this for what they do once with the data. Passes have teams of their own,
see `_core/threads.py`.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["on_threads", "usable_cpus"]


def on_threads(function, items, n_threads=None):
    """Return ``[function(item) for item in items]``, computed on several threads.

    Parameters
    ----------
    function : callable
        Spends its time in NumPy or hashlib, which let other threads run meanwhile. No thread waits
        for another, and `numpy.errstate` of the caller does not hold in it.
    items : sequence
    n_threads : int, optional
        By default `usable_cpus`.

    Raises
    ------
    Exception
        What `function` raises for the first of the items for which it does; items that no thread
        has begun are then left.
    """
    if len(items) > 1:  # files are read for the number of processors
        n_threads = min(usable_cpus() if n_threads is None else n_threads, len(items))
    if len(items) <= 1 or n_threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(n_threads) as threads:
        try:
            results = threads.map(function, items)
        except RuntimeError:  # no thread can be started, as in a handler of atexit
            results = map(function, items)
        return list(results)


def usable_cpus():
    """Return the least of the CPU affinity, the cgroup quota and ``OMP_NUM_THREADS``.

    In a worker thread of joblib it is 1.
    """
    limits = [_affinity(), _cgroup_quota(), _omp_num_threads(), _joblib()]
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
