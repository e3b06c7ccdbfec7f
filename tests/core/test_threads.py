"""How many threads a run really uses: as many as said, where somebody says, and else as allowed."""

import os
import sys
import threading

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from lsgd_fast._core import threads
from support.fresh import run_python

pytestmark = pytest.mark.skipif(not kernel.may_run_parallel(), reason="there is one thread only")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
TOOLS = """
import os, threading
import numpy as np
import lsgd_fast as lsgd

X = np.random.default_rng(0).standard_normal((20_000, 20))
y = X[:, 0] > 0

def used(n_threads=None):
    '''Threads that a run has and says it has; those of libgomp stay for the next run.'''
    before = len(os.listdir("/proc/self/task"))
    run = lsgd.gradient_descent(X, y, 1.0, 3, n_threads=n_threads)
    return run.n_threads, 1 + len(os.listdir("/proc/self/task")) - before
"""


def used(expression="*used()", setup="", **environment):
    free = {"OMP_NUM_THREADS": "", "OMP_THREAD_LIMIT": "", "OMP_DYNAMIC": "false"}
    free |= environment
    script = "import os\n" + "".join(
        f"os.environ.pop({name!r})\n" for name, value in free.items() if not value
    )
    done = run_python(script + setup + TOOLS + f"print({expression})", **free)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@linux
@pytest.mark.parametrize("n_threads", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("variable", ["1", "2", ""])
def test_an_explicit_number_is_obeyed(n_threads, variable):
    assert used(f"*used({n_threads})", OMP_NUM_THREADS=variable) == [n_threads, n_threads]


@linux
def test_an_explicit_number_is_obeyed_up_to_the_parts_of_the_rows():
    (found, there), n_leaves = used("*used(1000)"), 40
    assert found == there == n_leaves


@linux
@pytest.mark.parametrize(
    ("variable", "expected"),
    [("1", 1), ("2", 2), ("64", 64), ("1,4", 1), (" 1 ", 1), ("", 64), ("junk", 64), ("0", 64)],
)
def test_the_default_is_at_most_omp_num_threads(variable, expected):
    assert used(OMP_NUM_THREADS=variable) == [min(expected, CPUS)] * 2


@linux
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_team_cut_short_by_omp_thread_limit_is_recorded(limit):
    assert used("*used(4)", OMP_THREAD_LIMIT=str(limit)) == [limit, limit]


@linux
@pytest.mark.parametrize("n_cpus", range(1, min(CPUS, 4) + 1))
def test_the_default_is_at_most_the_affinity(n_cpus):
    setup = f"os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{n_cpus}])\n"
    assert used(setup=setup) == [n_cpus, n_cpus]
    assert used(setup=setup, OMP_NUM_THREADS="1") == [1, 1]


def test_the_default_is_for_large_x_only():
    assert threads.choose_threads(5, 20_000, 20, 39) == 5  # explicit: no limit but the parts
    assert threads.choose_threads(None, 100, 20, 1) == 1  # small: not worth a second thread


@pytest.mark.parametrize("backend", [lsgd, reference])
@pytest.mark.parametrize(
    ("bad", "error"),
    [(0, ValueError), (-1, ValueError), (2**63, ValueError), ("2", TypeError), (2.0, TypeError),
     (True, TypeError), ([2], TypeError)],
)  # fmt: skip
def test_what_is_no_number_of_threads(backend, bad, error):
    X, y = lsgd.datasets.toy()
    for call in (
        lambda: backend.gradient_descent(X, y, 1.0, 1, n_threads=bad),
        lambda: backend.logistic_loss(X, y, [0.0, 0.0], n_threads=bad),
    ):
        with pytest.raises(error, match="^n_threads "):
            call()


def test_python_threads_get_teams_of_their_own():
    X = np.random.default_rng(0).standard_normal((20_000, 20))
    found = []

    def work(n_threads):
        for _ in range(20):
            run = lsgd.gradient_descent(X, X[:, 0] > 0, 1.0, 3, n_threads=n_threads)
            found.append(run.n_threads == n_threads)

    workers = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [True] * 80


# --- other people's pools -------------------------------------------------------------------------

JOBLIB = """
import joblib

def job(n_threads):
    import numpy as np
    import lsgd_fast as lsgd
    X = np.random.default_rng(0).standard_normal((20_000, 20))
    return lsgd.gradient_descent(X, X[:, 0] > 0, 1.0, 3, n_threads=n_threads).n_threads

def found(backend, n_threads, **options):
    with joblib.parallel_config(backend=backend, **options):
        return joblib.Parallel(n_jobs=2)(joblib.delayed(job)(n_threads) for _ in range(6))
"""


@linux
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_workers_do_not_oversubscribe(backend):
    """By default loky's two workers share the processors, and threads stay single."""
    pytest.importorskip("joblib")
    share = max(CPUS // 2, 1) if backend == "loky" else 1
    assert used(f"*found({backend!r}, None)", JOBLIB) == [share] * 6
    assert used(f"*found({backend!r}, 3)", JOBLIB) == [3] * 6


@linux
def test_joblib_says_how_many_threads_a_worker_may_have():
    pytest.importorskip("joblib")
    assert used("*found('loky', None, inner_max_num_threads=1)", JOBLIB) == [1] * 6


@linux
@pytest.mark.skipif(CPUS < 2, reason="one processor is one thread anyway")
def test_threadpoolctl_sees_and_limits_us():
    pytest.importorskip("threadpoolctl")
    setup = """
import threadpoolctl

def limited(limit):
    with threadpoolctl.threadpool_limits(limit, user_api="openmp"):
        return used()[0]

def seen():
    return sum(pool["user_api"] == "openmp" for pool in threadpoolctl.threadpool_info())
"""
    expression = "seen(), used()[0], limited(1), used()[0], limited(None), limited(2)"
    assert used(expression, setup) == [1, CPUS, 1, CPUS, CPUS, 2]
