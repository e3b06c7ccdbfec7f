# Shares of a pass over X, between which the first thread looks for signals.

from lsgd_fast._core.dispatch cimport reduce_slab, run_leaves
from lsgd_fast._core.layout cimport pass_work, row_length
from lsgd_fast._core.pass_types cimport pass_t
from lsgd_fast._core.reduce cimport slab_rounds
from lsgd_fast._core.rowpass cimport reduce_part, reduce_work
from lsgd_fast._engine.poll cimport is_stopping, poll, poll_t

cdef enum:
    POLL_SUMS = 1000000         # reduce_work between two looks at the clock


# Elements of X that one leaf stands for.
cdef inline double leaf_work(const pass_t* p) noexcept nogil:
    return p.k * pass_work(p.rows.X.n, <Py_ssize_t> row_length(&p.rows.X)) / p.split.n_leaves


# Chunks first .. last - 1, by thread `rank`; each leaf is `work`.
cdef inline void run_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last, double work,
                            poll_t* signals, Py_ssize_t rank) noexcept nogil:
    cdef double* memory = p.tiles + rank * p.thread_memory
    cdef Py_ssize_t leaf
    for leaf in range(first * p.chunk_leaves, min(p.split.n_leaves, last * p.chunk_leaves)):
        if is_stopping(signals):
            return
        run_leaves(p, leaf, leaf + 1, memory)
        if rank == 0:
            poll(signals, work)


# A thread's share of the chunks.
cdef inline void run_share(const pass_t* p, double work, poll_t* signals, Py_ssize_t rank,
                           Py_ssize_t size) noexcept nogil:
    run_chunks(p, rank * p.n_chunks // size, (rank + 1) * p.n_chunks // size, work, signals, rank)


# A thread's share of the sums of gradients.
cdef inline void sum_share(const pass_t* p, double* gradient, poll_t* signals, Py_ssize_t rank,
                           Py_ssize_t size) noexcept nogil:
    cdef double work = reduce_work(p) / size
    cdef Py_ssize_t rounds = slab_rounds(p), pieces = 1 + <Py_ssize_t> (work / POLL_SUMS / rounds)
    cdef Py_ssize_t first, last, i, round
    for i in range(rank * pieces, (rank + 1) * pieces):
        first = reduce_part(p, i, size * pieces)
        last = reduce_part(p, i + 1, size * pieces)
        for round in range(rounds):
            if is_stopping(signals):
                return
            reduce_slab(p, round, first, last, gradient)
            if rank == 0:
                poll(signals, work / (pieces * rounds))
