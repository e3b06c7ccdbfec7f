"""The communicator of `lsgd_fast.distributed` for mpi4py."""

import itertools
import time

import numpy as np
from mpi4py import MPI

from lsgd_fast._inputs.communicators import too_late

__all__ = ["MPICommunicator"]

TAG = 1  # of the messages by which ranks that wait find the one that is late
GRACE = 1.0  # seconds for these messages
MAX_MESSAGE = 1 << 30  # bytes of a message of objects


DUPLICATE = MPI.Comm.Create_keyval()  # of what a communicator keeps for later calls


def _duplicate(comm):
    """Return the duplicate that exchanges go by, made at the first call, and numbers for them."""
    if comm.Get_attr(DUPLICATE) is None:
        comm.Set_attr(DUPLICATE, (comm.Dup(), itertools.count(1)))
    return comm.Get_attr(DUPLICATE)


class MPICommunicator:
    """A `Communicator` by mpi4py, with a limit to how long it waits for the other ranks.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Duplicated once, so that no other messages interfere: collective.
    timeout : float
        Seconds.
    """

    def __init__(self, comm, timeout):
        if not MPI.Is_initialized() or MPI.Is_finalized():
            raise ValueError("comm cannot be used: MPI is not running")
        if comm.is_inter:
            raise ValueError("comm must be an intracommunicator")
        self.comm, self.numbers = _duplicate(comm)
        self.timeout = timeout
        self.rank, self.size = comm.rank, comm.size

    def allgather(self, send, receive):
        self._wait(self.comm.Iallgather([send, MPI.DOUBLE], [receive, MPI.DOUBLE]))

    def alltoall(self, send, receive):
        self._wait(self.comm.Ialltoall([send, MPI.DOUBLE], [receive, MPI.DOUBLE]))

    def gather_objects(self, thing):
        return self.exchange_objects([thing] * self.size)

    def exchange_objects(self, things):
        sent = [np.frombuffer(MPI.pickle.dumps(thing), np.uint8) for thing in things]
        lengths = np.empty(self.size, np.int64)
        self._wait(self.comm.Ialltoall(np.array([len(s) for s in sent], np.int64), lengths))
        received = [np.empty(length, np.uint8) for length in lengths]
        requests = []
        for rank in range(self.size):
            for first in range(0, lengths[rank], MAX_MESSAGE):
                part = received[rank][first : first + MAX_MESSAGE]
                requests.append(self.comm.Irecv(part, rank, 0))
        for rank in range(self.size):
            for first in range(0, len(sent[rank]), MAX_MESSAGE):
                requests.append(self.comm.Isend(sent[rank][first : first + MAX_MESSAGE], rank, 0))
        for request in requests:
            self._wait(request)
        return [MPI.pickle.loads(one.data) for one in received]

    def _wait(self, request):
        """Wait for a request; raise TimeoutError that names the ranks that are late."""
        for _ in range(1000):
            if request.Test():
                return
        end = time.monotonic() + self.timeout
        while not request.Test():
            if time.monotonic() > end:
                raise too_late(self._late(), self.timeout)
            time.sleep(0.0)

    def _late(self):
        """Return the ranks that do not say that they wait, too."""
        waiting = {self.rank}
        for rank in range(self.size):
            if rank != self.rank:
                self.comm.isend(None, rank, TAG)
        end = time.monotonic() + GRACE
        while len(waiting) < self.size and time.monotonic() < end:
            status = MPI.Status()
            if self.comm.iprobe(MPI.ANY_SOURCE, TAG, status):
                self.comm.recv(source=status.source, tag=TAG)
                waiting.add(status.source)
            time.sleep(0.01)
        return sorted(set(range(self.size)) - waiting)
