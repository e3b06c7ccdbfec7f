"""The sums that a pass has on one rank become those of all ranks.

Each rank sends the sums of runs of leaves that are whole nodes of the order of sums (leaves.pxd), a
few of them, and adds up those of all ranks in pairs. So all ranks have the bits that one process
has. Where gradients are long each rank adds up a slice of them, and sends it to the others.

What else the ranks have to agree on in each step travels with the sums: the clock of the first
rank, and whether one of them has a signal to handle.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memcpy

from lsgd_fast._core.clock cimport clock
from lsgd_fast._core.dispatch cimport reduce_gradients
from lsgd_fast._core.pass_types cimport node_t, parts_t, pass_t, sum_count
from lsgd_fast._core.reduce cimport own_parts, slice_of, sum_nodes
from lsgd_fast._core.team cimport ask_to_stop
from lsgd_fast._engine.poll cimport meet, poll_t
from lsgd_fast._engine.shares cimport sum_share

cdef enum:
    CONTROL = 4                     # words of a record: signals, the clock, the position, whose


# --- records --------------------------------------------------------------------------------------

# Doubles of the nodes of a record.
cdef inline Py_ssize_t nodes_size(const exchange_t* x, const pass_t* p) noexcept nogil:
    return sum_count(p.model, p.k) * (sizeof(node_t) // sizeof(double)) if x.is_part else 0


# Entries of the gradient in a record.
cdef inline Py_ssize_t slice_size(const exchange_t* x, const pass_t* p) noexcept nogil:
    if not x.is_part:
        return 0
    return (gradient_size(p) - 1) // x.size + 1 if is_sliced(x, p) else gradient_size(p)


cdef inline Py_ssize_t record_size(const exchange_t* x, const pass_t* p) noexcept nogil:
    return CONTROL + nodes_size(x, p) + slice_size(x, p)


# --- what a rank sends ----------------------------------------------------------------------------

# The chunks of run i.
cdef inline parts_t run_parts(const exchange_t* x, const pass_t* p, Py_ssize_t i) noexcept nogil:
    cdef parts_t own = own_parts(p)
    cdef Py_ssize_t of_unit = x.unit_leaves // p.chunk_leaves
    cdef parts_t run = slice_of(&own, x.runs[i] * of_unit,
                                min(own.count, x.runs[i + 1] * of_unit))
    if p.rows.X.sparse != NULL:             # a unit is a slab
        run.first_slab, run.end_slab = x.runs[i], x.runs[i + 1]
    run.total = 1.0
    return run


# A thread's share of the sums of this rank's runs.
cdef void sum_runs(exchange_t* x, const pass_t* p, poll_t* poll, Py_ssize_t rank,
                   Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t width = record_size(x, p), i, column
    cdef pass_t run_pass = p[0]
    cdef parts_t parts
    cdef double* record
    run_pass.gathered = &parts
    for i in range(x.n_runs):
        parts = run_parts(x, p, i)
        record = x.sent + i * width
        if is_sliced(x, p):
            sum_share(&run_pass, x.gradients + i * gradient_size(p), poll, rank, size)
        elif p.gradient:
            sum_share(&run_pass, record + CONTROL + nodes_size(x, p), poll, rank, size)
        if rank == 0:
            for column in range(sum_count(p.model, p.k)):
                sum_nodes(p, &parts, column, <node_t*> (record + CONTROL) + column)


# Make the records for each rank of the gradients of the runs, and of the nodes that stand in those
# for the first rank.
cdef void slice_runs(exchange_t* x, const pass_t* p) noexcept nogil:
    cdef Py_ssize_t width = record_size(x, p), size = slice_size(x, p), rank, i, first, count
    cdef double* record
    for rank in range(x.size):
        first = rank * size
        count = max(<Py_ssize_t> 0, min(size, gradient_size(p) - first))
        for i in range(x.n_records):            # a rank without a run sends its control words
            record = x.sent + (rank * x.n_records + i) * width
            if rank > 0:
                memcpy(record, x.sent + i * width, (width - size) * sizeof(double))
            if i < x.n_runs:
                memcpy(record + (width - size), x.gradients + i * gradient_size(p) + first,
                       count * sizeof(double))


# --- the exchange ---------------------------------------------------------------------------------

# Exchange the records; with an error, or if a rank has signals to handle, ask the team to stop.
cdef void swap_records(exchange_t* x, const pass_t* p, poll_t* poll) noexcept with gil:
    cdef Exchange exchange = <Exchange> x.owner
    cdef Py_ssize_t width = record_size(x, p), nodes = nodes_size(x, p)
    cdef Py_ssize_t of_rank = x.n_records * width, rank
    cdef bint sliced = is_sliced(x, p)
    cdef double* control = x.sent
    try:
        PyErr_CheckSignals()                    # which are only noted
        control[0], control[1] = bool(exchange.ranks.noted), clock()
        control[2], control[3] = x.position, x.number
        if sliced:
            slice_runs(x, p)
        exchange.swap(of_rank, sliced)
        x.clock = x.received[1]
        for rank in range(x.size):
            control = x.received + rank * of_rank
            x.is_paused = x.is_paused or control[0] != 0.0
            if control[2] != x.position or control[3] != x.number:
                raise RuntimeError(
                    f"rank {rank} is at another place than rank {x.rank}: all ranks must make the "
                    "same calls in the same order, with the same arguments")
    except BaseException as error:
        exchange.error = error
    if x.is_paused or exchange.error is not None:
        ask_to_stop(&poll.barrier, True)
    x.parts.nodes = x.received + CONTROL
    x.parts.gradients = x.parts.nodes + nodes
    x.parts.node_stride = x.parts.gradient_stride = width
    x.parts.first = x.rank * slice_size(x, p) if sliced else 0


cdef void swap_gradients(exchange_t* x, const pass_t* p, double* gradient,
                         poll_t* poll) noexcept with gil:
    cdef Exchange exchange = <Exchange> x.owner
    try:
        exchange.swap_slices(gradient, gradient_size(p))
    except BaseException as error:
        exchange.error = error
        ask_to_stop(&poll.barrier, True)


cdef bint exchange_sums(exchange_t* x, const pass_t* p, poll_t* poll, Py_ssize_t rank,
                        Py_ssize_t size) noexcept nogil:
    if x.is_part:
        sum_runs(x, p, poll, rank, size)
        if meet(poll, rank, size):
            return True
    if rank == 0:
        swap_records(x, p, poll)
    return meet(poll, rank, size)


cdef bint sum_slices(exchange_t* x, const pass_t* p, double* gradient, poll_t* poll,
                     Py_ssize_t rank, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t length = slice_size(x, p), first = x.rank * length
    cdef Py_ssize_t count = max(<Py_ssize_t> 0, min(length, gradient_size(p) - first))
    reduce_gradients(p, first + rank * count // size, first + (rank + 1) * count // size, gradient)
    if meet(poll, rank, size):
        return True
    if rank == 0:
        swap_gradients(x, p, gradient, poll)
    return meet(poll, rank, size)


cdef class Exchange:
    """What the ranks of a problem exchange once a pass, and the memory for it.

    Parameters
    ----------
    problem : Problem
        With several ranks.
    """

    def __cinit__(self, problem):
        cdef exchange_t* x = &self.state
        rows = problem.distributed
        self.ranks = rows.ranks
        x.owner = <void*> self
        x.number = next(self.ranks.numbers)     # alike on all ranks
        x.rank, x.size = self.ranks.rank, self.ranks.size
        x.is_part, x.n_records = problem.is_part, 1
        if not x.is_part:
            return
        runs = rows.runs()
        own = np.array(runs[self.ranks.rank], np.intp)
        self.runs = own - own[0]
        x.n_runs = len(own) - 1
        x.n_records = max(map(len, runs)) - 1
        # a rank with fewer records has empty ones at the end
        starts = [np.resize(np.append(of_rank, [of_rank[len(of_rank) - 1]] * x.n_records),
                            x.n_records) for of_rank in runs]
        self.starts = np.append(np.concatenate(starts), max(map(max, runs))).astype(np.intp)
        x.runs = &self.runs[0]
        x.parts.count = x.size * x.n_records
        x.parts.starts = &self.starts[0]
        x.parts.total = problem.total_weight

    cdef lay_out(self, pass_t* p):
        """Allocate for a pass of at most as many columns as `p` has, and gather its sums."""
        cdef exchange_t* x = &self.state
        cdef Py_ssize_t gradient = p.k * p.rows.X.d if x.is_part else 0
        cdef bint may_be_sliced = gradient * x.size >= SLICED
        # as runs end, gradients may become short
        cdef Py_ssize_t slices = max(gradient // x.size + 1, min(gradient, SLICED // x.size))
        cdef Py_ssize_t of_rank = x.n_records * (CONTROL + nodes_size(x, p) + slices)
        self.sent = np.zeros((x.size if may_be_sliced else 1) * of_rank)
        self.received = np.zeros(x.size * of_rank)
        self.gradients = np.empty(max(<Py_ssize_t> 1, x.n_runs * gradient))
        if may_be_sliced:
            self.slice = np.zeros(gradient // x.size + 1)
            self.slices = np.zeros(x.size * (gradient // x.size + 1))
        x.sent, x.received, x.gradients = &self.sent[0], &self.received[0], &self.gradients[0]
        x.unit_leaves = p.rows.X.part.unit_leaves if p.rows.X.part != NULL else 1
        if x.is_part:
            p.gathered = &x.parts

    cdef swap(self, Py_ssize_t width, bint is_sliced):
        """Exchange `width` doubles of each rank, for all or for each of them."""
        cdef Py_ssize_t size = self.state.size
        received = np.asarray(self.received)[:size * width].reshape(size, width)
        if is_sliced:
            self.ranks.alltoall(np.asarray(self.sent)[:size * width].reshape(size, width), received)
        else:
            self.ranks.allgather(np.asarray(self.sent)[:width], received)

    cdef swap_slices(self, double* gradient, Py_ssize_t size):
        """Complete a gradient, of which each rank has a slice."""
        cdef exchange_t* x = &self.state
        cdef Py_ssize_t length = (size - 1) // x.size + 1, first = x.rank * length
        cdef Py_ssize_t count = max(<Py_ssize_t> 0, min(length, size - first))
        memcpy(&self.slice[0], gradient + first, count * sizeof(double))
        self.ranks.allgather(np.asarray(self.slice)[:length],
                             np.asarray(self.slices)[:x.size * length].reshape(x.size, length))
        memcpy(gradient, &self.slices[0], size * sizeof(double))

    cdef bint settle(self) except -1:
        """After a team has stopped: raise what it stopped for; return whether it goes on again."""
        error, self.error = self.error, None
        if error is not None:
            raise error
        if not self.state.is_paused:
            return False
        self.state.is_paused = False
        self.ranks.run_handlers()
        return True


def exchange_of(problem):
    """Return an `Exchange` between the ranks of a problem, or None where there is one."""
    return Exchange(problem) if problem.ranks.size > 1 else None
