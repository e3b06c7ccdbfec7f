"""`Descent` and threads, and objects that were never initialised."""

import os
import threading
import time

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent
from support import awkward
from support.descents import ETA, FULL, X, Y
from support.fresh import run_python
from support.hashes import content

BIG_X = np.random.default_rng(5).standard_normal((20_000, 20))
BIG_Y = awkward.labels(20_000, np.random.default_rng(6))


def test_only_one_thread_may_drive(tmp_path):
    descent = Descent(BIG_X, BIG_Y, ETA, n_threads=1)
    thread = threading.Thread(target=descent.step, args=(1000,))
    thread.start()
    while descent.n_steps == 0:
        time.sleep(0.001)
    for drive in (descent.step, descent.result, lambda: descent.save(tmp_path / "checkpoint")):
        with pytest.raises(RuntimeError, match="another thread"):
            drive()
    assert thread.is_alive()  # else nothing was tested
    thread.join()
    assert not os.listdir(tmp_path)
    whole = lsgd.gradient_descent(BIG_X, BIG_Y, ETA, 1000, n_threads=1)
    assert content(descent.result()) == content(whole)


HAMMER = """
import sys, threading
import lsgd_fast as lsgd
from support.fresh import run_python
from support.hashes import content
from support.descents import X, Y, ETA
sys.setswitchinterval(1e-6)
descent = lsgd.Descent(X, Y, ETA, callback=lambda state: None, callback_every=2)
steps = []
def step():
    descent.step(3)
    steps.append(3)
def drive(call):
    for _ in range(2000):
        try:
            call()
        except RuntimeError:
            pass
calls = [step] * 4 + [CALLS] * 4
threads = [threading.Thread(target=drive, args=(call,)) for call in calls]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
run = lsgd.gradient_descent(X, Y, ETA, descent.n_steps)
print(len(steps) > 0, content(descent.result()) == content(run))
"""


READ = "lambda: (descent.weights, descent.loss, descent.verdict, descent.evidence)"


@pytest.mark.parametrize("calls", ["step", "descent.result", READ])
def test_threads_that_hammer_one_descent(calls):
    assert run_python(HAMMER.replace("CALLS", calls)).stdout.split() == ["True", "True"]


def test_a_descent_may_move_from_thread_to_thread():
    descent = Descent(X, Y, ETA)
    for _ in range(10):
        thread = threading.Thread(target=descent.step, args=(10,))
        thread.start()
        thread.join()
    assert content(descent.result()) == content(FULL)


@pytest.mark.parametrize(
    "call", ["step()", "result()", "save('x')", "weights", "intercept", "loss"]
)
def test_a_descent_that_was_not_initialised_does_not_crash(call):
    script = f"""
import lsgd_fast
try:
    lsgd_fast.Descent.__new__(lsgd_fast.Descent).{call}
except Exception as error:
    print("raised", error)
"""
    assert run_python(script).returncode == 0
