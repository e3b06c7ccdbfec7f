"""Ctrl-C and other signals: a run stops at once, loses no step, and leaves the GIL to others."""

import contextlib
import os
import signal
import statistics
import threading
import time

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop, StopReason, kernel
from lsgd_fast._engine.dataset import Rows
from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._inputs.problem import Problem
from support import awkward
from support import descents as small
from support.descents import ETA
from support.fresh import run_python
from support.hashes import content

RNG = np.random.default_rng(3)
X = RNG.standard_normal((20_000, 50))
Y = awkward.labels(len(X), RNG)
MANY_CLASSES = RNG.standard_normal((4000, 100)), np.arange(4000) % 500  # passes are long
NO_HANG = Stop(seconds=60.0)  # a test that fails must end as well


@contextlib.contextmanager
def alarms(handler, seconds):
    """Send SIGALRM again and again; the handler should raise only once."""
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def interrupt(descent, delay):
    """Send SIGINT some seconds from now; return how long the descent then went on."""
    sent = []

    def send():
        time.sleep(delay)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        descent.step(2**62)
    except KeyboardInterrupt:
        back = time.perf_counter()
    thread.join()
    return back - sent[0]  # an error if it was not interrupted


def when_it_runs(descent, action):
    """Call `action` in another thread as soon as the descent has gone on by a step."""
    before = descent.n_steps

    def wait():
        while descent.n_steps == before:
            time.sleep(0.001)
        action()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("big", [False, True])
def test_ctrl_c(big, n_threads):
    data = (X, Y, ETA) if big else (small.X, small.Y, ETA)
    options = {"record_every": 1000, "n_threads": n_threads, "stop": NO_HANG}
    descent = Descent(*data, **options)
    for _ in range(3):
        thread = when_it_runs(descent, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            descent.step(2**62)
        thread.join()
        assert descent.stop_reason is None
    descent.step(3)
    whole = Descent(*data, **options)
    whole.step(descent.n_steps)
    assert content(descent.result()) == content(whole.result())


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_signal_handlers_run_and_their_exceptions_come_out(tmp_path):
    calls = []

    def handler(number, frame):
        if descent.n_steps == 0 or len(calls) == 3:
            return  # on a busy machine it comes before the steps, or after
        calls.append(descent.n_steps)
        for drive in (descent.step, descent.result):
            with pytest.raises(RuntimeError, match="in the middle of a step"):
                drive()
        descent.save(tmp_path / "checkpoint")
        if len(calls) == 3:
            raise ZeroDivisionError

    descent = Descent(X, Y, ETA, record_every=1000, stop=NO_HANG)
    with alarms(handler, 0.03), pytest.raises(ZeroDivisionError):
        descent.step(2**62)
    assert len(calls) == 3 and descent.stop_reason is None
    whole = lsgd.gradient_descent(X, Y, ETA, descent.n_steps, record_every=1000)
    assert content(descent.result()) == content(whole)
    saved = Descent.load(tmp_path / "checkpoint", X, Y)
    saved.step(descent.n_steps - saved.n_steps)
    assert content(saved.result()) == content(whole)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("held_out", [{}, {"validation": MANY_CLASSES}])
def test_an_interrupted_last_pass_is_made_up_for(held_out, tmp_path):
    """Of a run that has ended: the norm of its last gradient, or its last held-out loss."""

    raised = []

    def handler(number, frame):
        if descent.stop_reason is not None and not raised:
            raised.append(number)
            raise ZeroDivisionError

    options = {"loss": "softmax", "record_every": 50, "n_threads": 1, **held_out}
    losses = lsgd.gradient_descent(*MANY_CLASSES, 1.0, 1, loss="softmax").trace.loss
    options["stop"] = Stop(loss=losses[1])
    expected = lsgd.gradient_descent(*MANY_CLASSES, 1.0, 9, **options)
    assert expected.stop_reason is StopReason.loss and expected.n_steps == 1
    descent = Descent(*MANY_CLASSES, 1.0, **options)
    with alarms(handler, 0.001), pytest.raises(ZeroDivisionError):
        descent.step(9 if held_out else 1)  # or `result` finds that it ends
        descent.result()
    assert descent.stop_reason is StopReason.loss
    descent.save(tmp_path / "checkpoint")
    loaded = Descent.load(tmp_path / "checkpoint", *MANY_CLASSES, **held_out)
    assert content(loaded.result()) == content(expected)
    assert content(descent.result()) == content(expected)


@pytest.mark.slow
def test_ctrl_c_20_of_20():
    """KeyboardInterrupt within 0.2 s; the runs that go on afterwards never lose a step."""
    options = {"record_every": 100, "stop": NO_HANG}
    descents = [Descent(X, Y, 3.0, n_threads=n, **options) for n in (1, 2)]
    delays = [interrupt(descents[i % 2], 0.02 + 0.003 * i) for i in range(20)]
    assert statistics.median(delays) < 0.2 and max(delays) < 1.0, delays
    for descent in descents:
        assert descent.stop_reason is None and descent.n_steps > 0
        descent.step(3)
        whole = lsgd.gradient_descent(X, Y, 3.0, descent.n_steps, n_threads=2, **options)
        assert content(descent.result()) == content(whole)


ON_ONE_PROCESSOR = """
import os, signal, threading, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from lsgd_fast import Descent, Stop
from support import awkward
import numpy as np

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(3)
X = rng.standard_normal((20_000, 50))
descent = Descent(X, awkward.labels(len(X), rng), 3.0, n_threads=2, record_every=100,
                  stop=Stop(seconds=60.0))
delays = []
def send(wait):
    time.sleep(wait)
    delays.append(-time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

for i in range(60):
    thread = threading.Thread(target=send, args=(0.01 + 0.001 * i,))
    thread.start()
    try:
        descent.step(2**62)
    except KeyboardInterrupt:
        delays[-1] += time.perf_counter()
    thread.join()
print(len(delays), max(delays))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot choose a processor")
def test_ctrl_c_where_other_threads_take_all_chunks():
    """On one processor the second thread often finishes a pass before the first has begun it."""
    count, longest = run_python(ON_ONE_PROCESSOR).stdout.split()
    assert int(count) == 60 and float(longest) < 0.5


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_ticker_keeps_ticking(n_threads):
    """One step of a descent is a call into C; with the GIL held the ticker would stand still."""
    descent = Descent(X, Y, 1.0, n_threads=n_threads, record_every=1000, stop=NO_HANG)
    steps, over = [], threading.Event()

    def tick():
        while not over.is_set():
            steps.append(descent.n_steps)
            if len(steps) >= 50 and steps[-1] > steps[0]:
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.002)

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        descent.step(2**62)
    except KeyboardInterrupt:
        pass
    over.set()
    ticker.join()
    assert len(steps) >= 50 and descent.stop_reason is None
    assert kernel.openmp_enabled() or descent.result().n_threads == 1


BESIDE_BUSY_PROCESSES = """
import multiprocessing, os, signal, threading, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from lsgd_fast import Descent, Stop
import numpy as np

def spin():
    while True:
        pass

signal.signal(signal.SIGINT, signal.default_int_handler)
context = multiprocessing.get_context("fork")
busy = [context.Process(target=spin, daemon=True) for _ in range(4)]
for process in busy:
    process.start()
X = np.random.default_rng(3).standard_normal((100, 130))
descent = Descent(X, np.arange(100) % 2, 0.1, n_threads=4, record_every=100,
                  stop=Stop(seconds=30.0))
delays = []
def send():
    time.sleep(0.1)
    delays.append(-time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

for _ in range(3):
    thread = threading.Thread(target=send)
    thread.start()
    try:
        descent.step(2**62)
    except KeyboardInterrupt:
        pass
    delays[-1] += time.perf_counter()
    thread.join()
for process in busy:
    process.kill()
print(max(delays))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot choose a processor")
def test_ctrl_c_where_steps_take_longer_than_their_work():
    """A busy processor makes a step of microseconds take some hundredths of a second."""
    assert float(run_python(BESIDE_BUSY_PROCESSES).stdout) < 2.0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_single_passes_are_interrupted(n_threads):
    """Of `minimize` and of Gram space: a handler that raises ends the pass, not its caller."""
    n, d, k = 4000, 4000, 256  # a pass takes many times the 0.02 s between two looks
    rows = RNG.integers(-9, 9, (n, d), np.int8)
    product = LinearMap(Rows(Problem.check(rows, awkward.labels(n, RNG))), k, n_threads)
    columns, scores = RNG.standard_normal(d * k), np.full((k, n), np.nan)
    raised = []

    def handler(number, frame):
        """Raise once, where the first thread has begun and has chunks left: it runs this."""
        begun, over = ~np.isnan(scores[0, [0, 2 * n // 5]])
        if begun and not over and not raised:
            raised.append(True)
            raise ZeroDivisionError

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        with pytest.raises(ZeroDivisionError):
            product.matvec(columns, scores)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert np.isnan(scores[0, 2 * n // 5])
