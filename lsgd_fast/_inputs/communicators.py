"""How ranks exchange arrays and objects: the protocol, and its form for threads of one process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import check_count, check_real

__all__ = ["Communicator", "thread_communicators", "too_late"]


class Communicator(Protocol):
    """What `lsgd_fast.distributed.rows` needs to know of the processes of a run.

    Every rank calls the same methods in the same order. A method raises, on this rank, if another
    one does not answer in time.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        The number of processes.
    """

    rank: int
    size: int

    def allgather(self, send: NDArray[np.float64], receive: NDArray[np.float64]) -> None:
        """Fill each row of `receive` with what the rank of this number sends.

        Parameters
        ----------
        send : ndarray of float64, of shape (m,)
            What this rank sends to all.
        receive : ndarray of float64, of shape (size, m)
            Written in place: row r is the `send` of rank r.
        """

    def alltoall(self, send: NDArray[np.float64], receive: NDArray[np.float64]) -> None:
        """Fill each row of `receive` with what the rank of this number sends to this one.

        Parameters
        ----------
        send : ndarray of float64, of shape (size, m)
            What this rank sends: row r is for rank r.
        receive : ndarray of float64, of shape (size, m)
            Written in place: row r is the row for this rank of the `send` of rank r.
        """

    def gather_objects(self, thing: Any) -> list[Any]:
        """Return the objects of all ranks.

        Parameters
        ----------
        thing : object
            That of this rank; it can be pickled.

        Returns
        -------
        list
            The objects, in the order of the ranks.
        """

    def exchange_objects(self, things: Sequence[Any]) -> list[Any]:
        """Return what every rank has for this one.

        Parameters
        ----------
        things : list
            What this rank has for each rank; all of it can be pickled.

        Returns
        -------
        list
            What each rank has for this one, in the order of the ranks.
        """


def thread_communicators(size: SupportsIndex, timeout: float = 60.0) -> list[Communicator]:
    """Return communicators of `size` ranks that are threads of this process, for tests.

    Parameters
    ----------
    size : int
        Number of ranks, 1 or more.
    timeout : float, default 60.0
        Seconds that a rank waits for the others.

    Returns
    -------
    list of Communicator
        One for each thread.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> [comm.rank for comm in lsgd.distributed.thread_communicators(3)]
    [0, 1, 2]
    """
    size, timeout = check_count("size", size, 1), check_real("timeout", timeout)
    shared = _Shared(size, timeout)
    return [_ThreadCommunicator(shared, rank) for rank in range(size)]


class _Shared:
    """What the threads of `thread_communicators` share."""

    def __init__(self, size, timeout):
        self.timeout = timeout
        self.barrier = threading.Barrier(size)
        self.box = [None] * size
        self.arrived = [0] * size  # exchanges that each rank has come to


class _ThreadCommunicator:
    """A `Communicator` between threads of one process."""

    def __init__(self, shared, rank):
        self.rank, self.size = rank, len(shared.box)
        self._shared = shared

    def gather_objects(self, thing: Any) -> list[Any]:
        shared = self._shared
        shared.box[self.rank] = thing
        self._wait()
        found = list(shared.box)
        self._wait()
        return found

    def exchange_objects(self, things: Sequence[Any]) -> list[Any]:
        return [row[self.rank] for row in self.gather_objects(things)]

    def allgather(self, send: NDArray[np.float64], receive: NDArray[np.float64]) -> None:
        shared = self._shared
        shared.box[self.rank] = send
        self._wait()
        for row, other in zip(receive, shared.box, strict=True):
            np.copyto(row, other)
        self._wait()

    def alltoall(self, send: NDArray[np.float64], receive: NDArray[np.float64]) -> None:
        shared = self._shared
        shared.box[self.rank] = send
        self._wait()
        for row, other in zip(receive, shared.box, strict=True):
            np.copyto(row, other[self.rank])
        self._wait()

    def _wait(self):
        shared = self._shared
        shared.arrived[self.rank] += 1
        began = time.monotonic()
        try:
            shared.barrier.wait(shared.timeout)
        except threading.BrokenBarrierError:
            late = [r for r, n in enumerate(shared.arrived) if n < shared.arrived[self.rank]]
            raise too_late(late, time.monotonic() - began) from None


def too_late(ranks, seconds):
    """Return the error where some ranks do not come to an exchange."""
    who = f"rank {ranks[0]} has" if len(ranks) == 1 else f"ranks {', '.join(map(str, ranks))} have"
    who = who if ranks else "another rank has"
    return TimeoutError(f"{who} not come to an exchange after {math.ceil(seconds)} s")
