"""The communicator of `lsgd_fast.distributed` for torch.distributed."""

import pickle
import threading
import time
from contextlib import suppress
from datetime import timedelta

import numpy as np
import torch
from torch import distributed
from torch.distributed.distributed_c10d import AllToAllOptions, _get_default_store

from lsgd_fast._inputs.communicators import too_late

__all__ = ["TorchCommunicator"]

PATIENCE = timedelta(seconds=0.5)  # before a rank announces where it waits
GRACE = 0.5  # seconds in which the others announce it, after an exchange has failed


class TorchCommunicator:
    """A `Communicator` by a process group of torch whose tensors of the CPU go by gloo.

    All exchanges are made by gloo's alltoall, for which each rank has a connection with every other
    one: so all of them notice when one is gone. Its allgather is a ring, in which only the
    neighbours notice, and takes twice as long.

    Where ranks wait they announce in the store of the group: so those that are late can be named.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup
    timeout : float
        Seconds that an exchange may take, whatever the timeout of the group is.
    """

    def __init__(self, group, timeout):
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)
        backends = distributed.get_backend_config(group)
        if "cpu:gloo" not in backends:
            raise ValueError(
                "comm must be a process group that has gloo for tensors of the CPU, such as "
                f"torch.distributed.new_group(backend='gloo'); this one has {backends}"
            )
        self.group, self.timeout = group, timeout
        self._options = AllToAllOptions()
        self._options.timeout = timedelta(seconds=timeout)  # torch 2.4 ignores it
        # torch 2.4 has no get_group_store
        self._store = (getattr(group, "get_group_store", None) or _get_default_store)()
        prefix = f"lsgd_fast/{group.group_name}"
        number = self._store.add(f"{prefix}/{self.rank}", 1)  # of this communicator of the group
        self._places = [f"{prefix}/{number}/{rank}" for rank in range(self.size)]  # in the store
        self._n_exchanges = 0

    def allgather(self, send, receive):
        self.alltoall(np.repeat(send[np.newaxis], self.size, axis=0), receive)

    def alltoall(self, send, receive):
        self._swap(torch.from_numpy(send), torch.from_numpy(receive))

    def gather_objects(self, thing):
        return self._exchange_bytes([pickle.dumps(thing)] * self.size)

    def exchange_objects(self, things):
        return self._exchange_bytes([pickle.dumps(thing) for thing in things])

    def _exchange_bytes(self, pieces):
        """Return the objects that other ranks have sent as bytes."""
        lengths = torch.tensor([len(piece) for piece in pieces])
        received = torch.empty_like(lengths)
        self._swap(lengths, received)
        sizes = received.tolist()
        found = torch.empty(sum(sizes), dtype=torch.uint8)
        joined = torch.frombuffer(bytearray().join(pieces), dtype=torch.uint8)
        self._swap(joined, found, sizes, lengths.tolist())
        return [pickle.loads(piece.numpy()) for piece in found.split(sizes)]

    def _swap(self, send, receive, received_sizes=(), sent_sizes=()):
        """Fill a tensor with a part of that of each rank; without sizes all parts are equal."""
        self._n_exchanges += 1
        began = time.monotonic()
        try:
            work = self.group.alltoall_base(
                receive, send, received_sizes, sent_sizes, self._options
            )
            with suppress(RuntimeError):  # that time is over; or the error that is raised below
                work.wait(PATIENCE)
            if not work.is_completed():
                self._announce()
            work.wait(self._options.timeout)
        except RuntimeError as error:
            is_over = time.monotonic() - began >= self.timeout
            late = self._late()
            if is_over:
                raise too_late(late, self.timeout) from error
            whose = f", to which ranks {late} have not come" if late else ""
            reason = str(error).splitlines()[0]
            raise RuntimeError(f"an exchange between ranks has failed{whose}: {reason}") from error

    def _announce(self):
        with suppress(RuntimeError):  # the store may be gone
            self._store.set(self._places[self.rank], str(self._n_exchanges))

    def _late(self):
        """Return the ranks that have not come to the latest exchange; none if it is not known."""
        late = []
        # in a thread, as a store does not answer while the process that has it is stopped
        thread = threading.Thread(target=self._find_late, args=(late,), daemon=True)
        thread.start()
        thread.join(2 * GRACE)
        return late

    def _find_late(self, late):
        self._announce()
        time.sleep(GRACE)
        with suppress(RuntimeError):
            places = [
                int(self._store.get(p)) if self._store.check([p]) else 0 for p in self._places
            ]
            late += [rank for rank, place in enumerate(places) if place < self._n_exchanges]
