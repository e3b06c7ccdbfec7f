"""Rows of X that lie in several processes: gradient descent beyond one machine.

That rows are spread is a property of X. Each process, or *rank*, has some of the rows, with their
labels, and calls the same functions in the same order::

    from mpi4py import MPI
    import numpy as np
    import lsgd_fast as lsgd

    comm = MPI.COMM_WORLD
    cuts = lsgd.distributed.boundaries(n, d, comm.size)
    mine = slice(cuts[comm.rank], cuts[comm.rank + 1])
    X = lsgd.distributed.rows(np.load("X.npy", mmap_mode="r")[mine], comm)
    run = lsgd.gradient_descent(X, y[mine], 32.0, 10_000)

Every rank gets the same `Run`, and its bytes are those of one process that has all rows: they do
not depend on the number of ranks, on where the rows are cut, or on the threads of a rank. The page
"More than one machine" of the documentation says when it pays, what it costs, and what happens when
a rank dies.
"""

from __future__ import annotations

import numpy as np

from lsgd_fast._checks import check_count, check_real, shown
from lsgd_fast._engine.dataset import slab_bounds
from lsgd_fast._inputs import distributed_rows
from lsgd_fast._inputs.communicators import Communicator, thread_communicators
from lsgd_fast._inputs.distributed_rows import DistributedRows
from lsgd_fast._inputs.ranks import Ranks
from lsgd_fast._typing import Count, IntArray, Matrix, MPIComm, ProcessGroup, Real

__all__ = ["Communicator", "DistributedRows", "boundaries", "rows", "thread_communicators"]

# what torch.distributed has in the place of a process group
OF_TORCH = (
    " (torch.distributed has None before init_process_group, and a number for a group that this "
    "process is not in)"
)


def boundaries(n: Count, d: Count, size: Count, *, n_entries: Count | None = None) -> IntArray:
    """Return where to cut n rows of d features into shares of `size` ranks.

    Rank r then reads the rows from ``boundaries[r]`` to ``boundaries[r + 1]``, and no row has to
    move to another rank.

    Parameters
    ----------
    n, d : int
        Number of rows of all ranks, and number of features.
    size : int
        Number of ranks.
    n_entries : int, optional
        Entries of sparse rows, of all ranks; None for dense rows.

    Returns
    -------
    ndarray of int64, of shape (size + 1,)
        From 0 to n, not decreasing. Shares of dense rows differ by some six per cent, or by 512
        rows where there are few; then some ranks may have none. Sparse rows are cut between
        *slabs*, of which there is one for some 2^18 entries at least, and often for more: see
        `lsgd_fast`'s page on sparse rows.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.distributed.boundaries(1_000_000, 100, 4).tolist()
    [0, 253952, 499712, 753664, 1000000]
    """
    n, d = check_count("n", n, 1), check_count("d", d, 1)
    size = check_count("size", size, 1)
    units = distributed_rows.unit_starts(n, size)
    if n_entries is not None:
        units = np.array(slab_bounds(n, d, check_count("n_entries", n_entries, 0)))
    return distributed_rows.nearest_cuts(np.arange(size + 1) * n // size, units)


def rows(
    X: Matrix, comm: Communicator | MPIComm | ProcessGroup, *, timeout: Real = 300.0
) -> DistributedRows:
    """Return the rows of X that this process has, together with those of the other ranks.

    A collective call: every rank makes it, with its own rows, in the order of their numbers.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_local, d)
        The rows of this rank; n_local may be 0. The number of features and the dtype must be the
        same on all ranks.
    comm : mpi4py.MPI.Comm, torch.distributed.ProcessGroup or Communicator
        What the ranks exchange sums by. A process group of torch, such as
        ``torch.distributed.group.WORLD``, needs the backend gloo for tensors of the CPU.
    timeout : float, default 300.0
        Seconds that a rank waits for the others before it raises TimeoutError, which names the
        ranks that are late, whatever the timeout of a process group is.

    Returns
    -------
    DistributedRows
        Pass it as X, with labels and weights of the rows of this rank, to `gradient_descent`,
        `nesterov_descent`, `stepsize_sweep`, `Descent`, `two_layer_gradient_descent`, `minimize`
        or `LogisticClassifier.fit`. Held-out data are ordinary arrays, the same on every rank.

    Raises
    ------
    TypeError, ValueError
        On all ranks, if X is not valid on one of them.
    TimeoutError, RuntimeError
        If another rank does not answer.

    Notes
    -----
    Where the rows are cut at `boundaries`, none of them is copied. Elsewhere a few go to another
    rank, and the others are copied. Fewer than 4096 rows are copied to every rank, and each works
    on all of them.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> [comm] = lsgd.distributed.thread_communicators(1)
    >>> lsgd.gradient_descent(lsgd.distributed.rows(X, comm), y, 32.0, 100).separable
    True
    """
    return DistributedRows(X, Ranks(_adapted(comm, timeout)), slab_bounds)


def _adapted(comm, timeout):
    """Return a `Communicator` for one of mpi4py or a process group of torch, or itself."""
    timeout = check_real("timeout", timeout)
    module = type(comm).__module__
    if module.startswith("mpi4py"):
        from lsgd_fast._inputs.mpi_communicator import MPICommunicator

        return MPICommunicator(comm, timeout)
    if module.startswith("torch"):
        from lsgd_fast._inputs.torch_communicator import TorchCommunicator

        return TorchCommunicator(comm, timeout)
    names = ("rank", "size", "allgather", "alltoall", "gather_objects", "exchange_objects")
    missing = [name for name in names if not hasattr(comm, name)]
    if missing:
        hint = OF_TORCH if comm is None or isinstance(comm, int) else ""
        raise TypeError(
            "comm must be a communicator of mpi4py, a process group of torch.distributed or a "
            f"lsgd_fast.distributed.Communicator; got {shown(comm)}, without {missing[0]}{hint}"
        )
    return comm
