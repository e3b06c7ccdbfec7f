"""What the exchange between ranks costs: by itself, and in a step of gradient descent.

The functions are collective: every rank calls them, with its `Communicator`. They return the least
and the median of some seconds.
"""

import time

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import distributed

__all__ = ["exchange_seconds", "step_seconds"]

STEPSIZE = 2.0
N_STEPS = 20  # of a round


class Timed:
    """A `Communicator` that keeps the seconds of the exchanges of a short gradient."""

    def __init__(self, comm):
        self.comm, self.rank, self.size = comm, comm.rank, comm.size
        self.alltoall = comm.alltoall
        self.gather_objects, self.exchange_objects = comm.gather_objects, comm.exchange_objects
        self.seconds = []

    def allgather(self, send, receive):
        start = time.perf_counter()
        self.comm.allgather(send, receive)
        self.seconds.append(time.perf_counter() - start)


def exchange_seconds(comm, n_doubles, repeats=200):
    """Time an allgather of `n_doubles` of each rank."""
    timed = Timed(comm)
    send, receive = np.zeros(n_doubles), np.empty((comm.size, n_doubles))
    for _ in range(repeats):
        timed.allgather(send, receive)
    return _summary(timed.seconds)


def step_seconds(comm, n, d, rounds=30):
    """Time a step by each rank alone, one by all together, and the exchange in the latter.

    Alone, all ranks step on their own rows at the same time, and the slowest one counts. Rounds of
    both alternate. The time of an exchange is that of the rank which comes last: it does not wait.
    """
    timed = Timed(comm)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    y = np.where(X @ rng.standard_normal(d) + rng.standard_normal(n) > 0.0, 1, -1)
    cuts = distributed.boundaries(n, d, comm.size)
    mine = slice(cuts[comm.rank], cuts[comm.rank + 1])
    X, y = X[mine].copy(), y[mine]
    options = {"n_threads": 1, "record": []}
    alone = lsgd.Descent(X, y, STEPSIZE, **options)
    together = lsgd.Descent(distributed.rows(X, timed), y, STEPSIZE, **options)
    times = {alone: [], together: []}
    for _ in range(rounds):
        for descent, found in times.items():
            comm.gather_objects(None)  # all begin at once
            start = time.perf_counter()
            descent.step(N_STEPS)
            seconds = (time.perf_counter() - start) / N_STEPS
            found.append(max(comm.gather_objects(seconds)))
    exchanges = np.min(comm.gather_objects(timed.seconds), axis=0)
    return [_summary(found) for found in (*times.values(), exchanges)]


def _summary(seconds):
    return min(seconds), float(np.median(seconds))
