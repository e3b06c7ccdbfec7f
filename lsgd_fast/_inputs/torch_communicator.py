"""The communicator of `lsgd_fast.distributed` for torch.distributed."""

import numpy as np
import torch
from torch import distributed

__all__ = ["TorchCommunicator"]


class TorchCommunicator:
    """A `Communicator` by a process group of torch, of a backend for tensors of the CPU (gloo).

    Parameters
    ----------
    group : torch.distributed.ProcessGroup
        Its own timeout applies.
    """

    def __init__(self, group):
        self.group = group
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)
        if self.rank < 0:
            raise ValueError("comm must be a process group that this process belongs to")

    def allgather(self, send, receive):
        rows = [torch.from_numpy(row) for row in receive]
        distributed.all_gather(rows, torch.from_numpy(send), group=self.group)

    def alltoall(self, send, receive):
        np.copyto(receive[self.rank], send[self.rank])
        requests = []
        for rank in range(self.size):
            if rank != self.rank:
                other = distributed.get_global_rank(self.group, rank)
                row, out = torch.from_numpy(receive[rank]), torch.from_numpy(send[rank])
                requests.append(distributed.irecv(row, other, group=self.group))
                requests.append(distributed.isend(out, other, group=self.group))
        for request in requests:
            request.wait()

    def gather_objects(self, thing):
        found = [None] * self.size
        distributed.all_gather_object(found, thing, group=self.group)
        return found

    def exchange_objects(self, things):
        received = []
        for source in range(self.size):  # each in turn has something for all
            mine = [None]
            distributed.scatter_object_list(
                mine,
                list(things) if source == self.rank else None,
                src=distributed.get_global_rank(self.group, source),
                group=self.group,
            )
            received.append(mine[0])
        return received
