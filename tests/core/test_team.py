"""Teams of threads: callbacks between their steps, their size, and fork."""

import multiprocessing
import os

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel
from support import awkward
from support.fresh import run_python
from support.hashes import content


def problem(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), awkward.labels(n, rng)


@pytest.mark.parametrize("n_threads", [2, 4])
@pytest.mark.parametrize("every", [1, 3])
def test_callbacks_between_the_steps_of_a_team(n_threads, every):
    """A team once fell out of step after a callback, and waited for ever."""
    X, y = problem(2000, 20)
    options = {"callback": lambda state: None, "callback_every": every}
    run = lsgd.gradient_descent(X, y, 1.0, 300, n_threads=n_threads, **options)
    assert content(run) == content(lsgd.gradient_descent(X, y, 1.0, 300, n_threads=1))


@pytest.mark.skipif(not kernel.may_run_parallel(), reason="one thread cannot hang")
def test_a_team_smaller_than_asked_for_is_recorded():
    code = (
        "import numpy as np, lsgd_fast as lsgd\n"
        "X = np.random.default_rng(0).standard_normal((2000, 20))\n"
        "run = lsgd.gradient_descent(X, X[:, 0] > 0, 1.0, 20, n_threads=4)\n"
        "print(run.n_threads)"
    )
    assert run_python(code, OMP_THREAD_LIMIT="3").stdout == "3\n"


def run_in_child(queue, n_threads):
    X, y = problem(2000, 20)
    run = lsgd.gradient_descent(X, y, 1.0, 50, n_threads=n_threads)
    queue.put((run.n_threads, run.weights.tobytes()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_after_a_parallel_run():
    """The child's OpenMP must not wait for the parent's threads."""
    X, y = problem(2000, 20)
    context = multiprocessing.get_context("fork")
    for _ in range(10):
        expected = lsgd.gradient_descent(X, y, 1.0, 50, n_threads=2)
        queue = context.SimpleQueue()
        child = context.Process(target=run_in_child, args=(queue, 2))
        child.start()
        child.join(20)
        alive = child.is_alive()
        child.kill()
        assert not alive, "the child hangs"
        n_threads, weights = queue.get()
        assert n_threads in (1, 2) and weights == expected.weights.tobytes()
