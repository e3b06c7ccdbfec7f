"""The default number of threads."""

import functools
import logging
import sys

from lsgd_fast._constants import LOSS_WORK
from lsgd_fast._core.team import may_run_parallel, openmp_enabled, openmp_limit
from lsgd_fast._cpus import usable_cpus

__all__ = [
    "SERIAL_RUN_WORK", "SERIAL_PASS_WORK", "WITHOUT_OPENMP", "available_threads", "choose_threads",
]  # fmt: skip

_OPENMP = "libomp (`brew install libomp`)" if sys.platform == "darwin" else "a compiler with OpenMP"
WITHOUT_OPENMP = (
    "lsgd_fast was built without OpenMP, so runs use one thread. For more of them, install "
    f"{_OPENMP} and build the package again."
)

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
    work = n * (d + LOSS_WORK) * n_columns
    several = work >= serial_work if n_threads is None else n_threads > 1
    if several and n_leaves > 1 and not openmp_enabled():
        _log_without_openmp()
    if n_threads is None:
        n_threads = available_threads() if several else 1
    return min(n_threads, n_leaves) if may_run_parallel() else 1


@functools.cache
def _log_without_openmp():
    """Say once in a process that runs have one thread where they could have several."""
    logging.getLogger("lsgd_fast").warning(WITHOUT_OPENMP)


def available_threads():
    """Return the least of OpenMP's own limit, the CPU affinity and the cgroup quota.

    OpenMP's limit is ``OMP_NUM_THREADS`` or set by threadpoolctl. In a worker thread of joblib it
    is 1.

    Returns
    -------
    int
        1 where the package was built without OpenMP.
    """
    return min(usable_cpus(), openmp_limit()) if may_run_parallel() else 1
