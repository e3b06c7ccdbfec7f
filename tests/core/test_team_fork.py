"""Teams, fork and Python threads: no run hangs, and none changes its bits."""

import json
import os
import threading

import numpy as np
import pytest

import lsgd_fast as lsgd
from support import awkward
from support.fresh import run_python
from support.hashes import content

RNG = np.random.default_rng(3)
X = RNG.standard_normal((20_000, 50))
Y = awkward.labels(len(X), RNG)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

FORKS = """
import json, multiprocessing, os, sys, threading, time, warnings
from support import awkward
import numpy as np
import lsgd_fast as lsgd

warnings.simplefilter("ignore", DeprecationWarning)     # that fork and threads do not mix
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((2000, 20)), awkward.labels(2000, rng)

def run(_=None):
    return lsgd.gradient_descent(X, Y, 1.0, 30, n_threads=2).weights.tobytes()

EXPECTED = run()

def child_returns():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if run() == EXPECTED else 1)
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.002)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False

def after_a_run():
    return [run() == EXPECTED and child_returns() for _ in range(50)]

def in_a_pool():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map_async(run, range(8), chunksize=1).get(timeout=10)
    return [bits == EXPECTED for bits in found]

def beside_busy_threads():
    over, mistakes, rounds = threading.Event(), [], [0, 0]
    def work(i):
        while not over.is_set():
            rounds[i] += 1
            if run() != EXPECTED:
                mistakes.append(i)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    [thread.start() for thread in threads]
    returned = [child_returns() for _ in range(30)]
    over.set()
    [thread.join() for thread in threads]
    return [*returned, not mistakes and min(rounds) > 1]

if __name__ == "__main__":
    json.dump(CASE(), sys.stdout)
"""


@needs_fork
@pytest.mark.parametrize(
    ("case", "count"), [("after_a_run", 50), ("in_a_pool", 8), ("beside_busy_threads", 31)]
)
def test_children_return_with_the_same_bits(case, count):
    """Within 10 s each, which is for ever; a child that hangs would hang for good."""
    done = run_python(FORKS.replace("CASE", case))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True] * count


@pytest.mark.slow
def test_8_threads_200_descents_each():
    problems = [
        (X[i : i + size, :d], Y[i : i + size], 2.0 ** (i % 7), n_threads)
        for i, (size, d, n_threads) in enumerate(
            [(40, 3, 1), (600, 30, 2), (100, 50, None), (2000, 10, 3), (300, 40, 2)]
        )
    ]

    def run(problem):
        *arguments, n_threads = problem
        return content(lsgd.gradient_descent(*arguments, 20, n_threads=n_threads))

    expected, counts = [run(problem) for problem in problems], []

    def work(first):
        same = [run(problems[i % 5]) == expected[i % 5] for i in range(first, first + 200)]
        counts.append(sum(same))

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [200] * 8
