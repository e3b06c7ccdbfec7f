"""How long Ctrl-C takes in every kind of run, and by how much `Stop(seconds=)` is exceeded.

    python tools/signals.py pinned|loaded|idle [TRIALS] [KIND ...]

`pinned`: all threads on one processor; `loaded`: beside 8 processes that are busy; `idle`: neither.
Of each kind and number of threads: how many trials took less than 0.2 s, median and maximum. The
kind "busy Python" has no compiled code: what it takes is the machine's.
"""

import contextlib
import multiprocessing
import os
import random
import signal
import statistics
import sys
import time

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import Stop, stepsizes

CONTEXT = multiprocessing.get_context("fork")
BUSY_PROCESSES = 8
STEPS = 10**9
WITHIN = 0.2  # seconds
LIMIT = 0.1  # of the kinds with `Stop(seconds=)`
PATIENCE = 20.0  # seconds until a run is killed

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20_000, 20))
Y = np.where(X @ RNG.standard_normal(20) + RNG.standard_normal(20_000) > 0.0, 1, -1)
CLASSES = RNG.integers(0, 5, 20_000)
SMALL = RNG.standard_normal((100, 130))  # split among threads where these are asked for
WIDE, WIDE_Y = RNG.standard_normal((300, 3000)), np.arange(300) % 2
SEPARABLE = np.hstack([X, Y[:, None]])
EVERY = {"record_every": 1000}
LIMITED = {"stop": Stop(seconds=LIMIT)}


def sparse():
    """The same rows with nine of ten entries left out."""
    from scipy.sparse import csr_array

    return csr_array(np.where(np.random.default_rng(1).random(X.shape) < 0.1, X, 0.0))


def descent(*data, stepsize=3.0, **options):
    """A run of `gradient_descent` that does not end."""
    return lambda n: lsgd.gradient_descent(*data, stepsize, STEPS, n_threads=n, **EVERY, **options)


def stochastic(batch_size, data=(X, Y), stepsizes=(0.1,), **options):
    """A run of stochastic descent, or a sweep, that does not end."""
    options |= {"batch_size": batch_size, "record_every": 10**5}
    return lambda n: lsgd.stochastic_sweep(*data, stepsizes, STEPS, n_threads=n, **options)


KINDS = {
    "busy Python": lambda n: sum(range(100_000)),
    "descent": descent(X, Y),
    "descent, 100 x 130": descent(SMALL, Y[:100]),
    "callback": descent(X, Y, callback=lambda state: None, callback_every=1),
    "sparse": lambda n: descent(sparse(), Y)(n),
    "Gram space": descent(WIDE, WIDE_Y),
    "log domain": descent(X, Y, stepsize=stepsizes.NormalizedGradient(0.1)),
    "softmax": descent(X, CLASSES, loss="softmax"),
    "network": lambda n: lsgd.two_layer_gradient_descent(
        X, Y, 0.1, STEPS, width=10, n_threads=n, **EVERY
    ),
    "sweep": lambda n: lsgd.stepsize_sweep(X, Y, [1, 2, 3, 4, 5], STEPS, n_threads=n, **EVERY),
    "SGD, batches of 4096": stochastic(4096),
    "SGD, batches of 4": stochastic(4),
    "SGD, sparse": lambda n: stochastic(4096, (sparse(), Y))(n),
    "SGD sweep": stochastic(512, stepsizes=[0.1, 0.2, 0.3, 0.4]),
    "minimize": lambda n: lsgd.minimize(X, Y, n_threads=n),
    "max_margin": lambda n: lsgd.max_margin(SEPARABLE, Y, tol=1e-9, max_passes=10**6, n_threads=n),
    "staged_trial": lambda n: lsgd.staged_trial(X, Y, n_threads=n),
    "plan": lambda n: lsgd.plan(X, Y, n_threads=n),
}
SECONDS = {
    "seconds: descent": descent(X, Y, **LIMITED),
    "seconds: 100 x 130": descent(SMALL, Y[:100], **LIMITED),
    "seconds: callback": descent(X, Y, callback=lambda state: None, **LIMITED),
    "seconds: sweep": lambda n: lsgd.stepsize_sweep(
        X, Y, [1, 2, 3, 4, 5], STEPS, n_threads=n, **EVERY, **LIMITED
    ),
    "seconds: SGD": stochastic(4096, **LIMITED),
    "seconds: SGD, 4 rows": stochastic(4, **LIMITED),
    "seconds: SGD sweep": stochastic(512, stepsizes=[0.1, 0.2, 0.3, 0.4], **LIMITED),
}


def be_interrupted(work, pipe):
    """Work until Ctrl-C, and tell when it came out."""
    try:
        pipe.send(None)
        while True:
            work()
    except KeyboardInterrupt:
        pipe.send(time.monotonic())


def exceed(work, pipe):
    """Tell by how much a run exceeds its seconds."""
    began = time.monotonic()
    work()
    pipe.send(time.monotonic() - began - LIMIT)


def child(kind, n_threads, pinned, pipe):
    """Make trials until the parent ends this process."""
    if pinned:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    trial = be_interrupted if kind in KINDS else exceed
    while True:
        trial(lambda: (KINDS | SECONDS)[kind](n_threads), pipe)


def interrupt(process, pipe):
    """Send a process Ctrl-C in the middle of its work; return how long it then goes on."""
    pipe.recv()
    time.sleep(random.uniform(0.05, 0.25))
    sent = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    return pipe.recv() - sent if pipe.poll(PATIENCE) else PATIENCE


def trials(count, kind, n_threads, pinned):
    """The delays of so many trials of a kind, or of fewer if one takes too long."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=child, args=(kind, n_threads, pinned, theirs))
    process.start()
    delays = []
    while len(delays) < count and PATIENCE not in delays:
        delays.append(interrupt(process, ours) if kind in KINDS else ours.recv())
    process.kill()
    process.join()
    return delays


def spin():
    """Be busy."""
    while True:
        pass


@contextlib.contextmanager
def busy(count):
    """Run so many busy processes meanwhile."""
    processes = [CONTEXT.Process(target=spin, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def main(condition, count="100", *kinds):
    """Print the delays of each kind and number of threads."""
    count = int(count)
    threads = {"pinned": (2, 4, 8), "loaded": (1, 2, 8), "idle": (1, 2)}[condition]
    print(f"{'kind':24} threads  within {WITHIN} s   median  maximum")
    with busy(BUSY_PROCESSES if condition == "loaded" else 0):
        for kind in kinds or KINDS | SECONDS:
            for n in threads:
                delays = trials(count, kind, n, condition == "pinned")
                within = sum(delay < WITHIN for delay in delays)
                print(
                    f"{kind:24} {n:7} {within:5} of {count:4} {statistics.median(delays):8.3f} "
                    f"{max(delays):8.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
