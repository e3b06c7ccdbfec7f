"""The row pass: forward, link and backward over X, which is read from memory once.

Design
------
1. Rows are taken in *panels* of PANEL = 8 rows, stored feature by feature, and panels in *blocks*
   small enough to stay in the cache between forward and backward.  X is either packed into panels
   once, or decoded into a tile of panels block by block (decode.pxd).  For one column, plain rows
   of float64, float32, float16, bfloat16, uint8 or int8 are read in place (inplace.pxd): a tile
   would cost more than it saves.
   All of them sum in the same order, so the storage of X does not change a bit of the result.
2. The order of every sum is fixed.  Forward: a margin is summed feature by feature, one chain per
   row.  Backward: within a block, four lanes (row number modulo 4) sum their rows in order, the
   lanes are folded as (0 + 2) + (1 + 3), and the block's sum is added to the chunk's slot.  Chunks:
   slots are summed in order.  Blocks and chunks depend on the shape of X alone.  What lies side by
   side in a vector, rows or (backward in place) features, and how wide it is, does not matter, nor
   does the number of columns.
3. Columns of weights are packed in groups of four, then one by one, each group an array (d,
   columns).  A group of one keeps 4 panels x 1 column in registers, a group of four 1 panel x 4
   columns (AVX-512: 4 panels).
4. Each body is written once and compiled for one instruction set after the other, in a module of
   its own (lanes4.pyx and the like); function pointers are set at import.  Multiply and add are
   never contracted (-ffp-contract=off), and no libm is called.
"""

import os

from cython.parallel cimport parallel

from . cimport lanes2, lanes4, lanes8
from .decode cimport decode_panel
from .factors cimport enter_column, leave_column
from .lanes cimport compiler_name, cpu_has_avx2, cpu_has_avx512, v2
from .splits cimport COLUMN_WORK, first_column
from .sums cimport level, tallied
from .team cimport built_with_openmp, pause_threads, team_limit, team_rank, team_size

from .constants import LINK_WORK, UNDERFLOW_LOSS

cdef double link_work = LINK_WORK
cdef double underflow_loss = UNDERFLOW_LOSS


# --- how a pass is split --------------------------------------------------------------------------

# The work of a pass, in elements of X and their like.
cdef double pass_work(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return <double> n * (<double> d + link_work)


# Whether a pass would not pay for a second thread by far (threads.py starts one later).
cdef inline bint is_small(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return pass_work(n, d) < 12000.0


# A block is BLOCK rows high where that leaves it in the second-level cache and leaves blocks for
# eight chunks.
cdef inline Py_ssize_t block_rows(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return BLOCK if d <= 2048 and (n >= 8 * BLOCK or is_small(n, d)) else PANEL


# One chunk for a small pass; else eight if there are blocks enough, and more for many rows, as long
# as summing the slots stays small beside the pass.
cdef Py_ssize_t chunk_count(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    if is_small(n, d):
        return 1
    return min((n - 1) // block_rows(n, d) + 1,
               max(<Py_ssize_t> 8, min(<Py_ssize_t> MAX_CHUNKS, n // 512)))


# The same for sparse rows, which have no slots to be summed.
cdef Py_ssize_t sparse_chunk_count(Py_ssize_t n, Py_ssize_t n_entries) noexcept nogil:
    cdef double work = n_entries + link_work * n
    if work < 12000.0:
        return 1
    return min((n - 1) // sparse_height(n) + 1,
               max(<Py_ssize_t> 8, min(<Py_ssize_t> MAX_CHUNKS, <Py_ssize_t> (work / 20000.0))))


cdef inline Py_ssize_t sparse_height(Py_ssize_t n) noexcept nogil:
    return BLOCK if n >= 8 * BLOCK else PANEL


cdef double row_length(const matrix_t* X) noexcept nogil:
    return X.d if X.sparse == NULL else <double> X.sparse.rows.starts[X.n] / X.n


# At most 64 columns are longer than that.
cdef Py_ssize_t long_length(Py_ssize_t n_entries) noexcept nogil:
    return max(<Py_ssize_t> 4096, n_entries // MAX_CHUNKS)


# The same for models of several columns, where slots may be large: at least 32 rows to a chunk, and
# slots of 64 MiB together, or of eight times the weights.
cdef Py_ssize_t joint_chunk_count(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t most = min(<Py_ssize_t> MAX_CHUNKS, n // 512, (<Py_ssize_t> 1 << 23) // (d * k))
    if k * pass_work(n, d) < 12000.0:
        return 1
    return min((n - 1) // BLOCK + 1, max(<Py_ssize_t> 8, most))


cdef Py_ssize_t joint_height(Py_ssize_t d) noexcept nogil:
    return BLOCK if d <= 2048 else PANEL


# Blocks that are linked together: few read the weights and write the slots often, many need room
# for all their products.
cdef Py_ssize_t joint_stripe(Py_ssize_t n, Py_ssize_t d, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t blocks = (n - 1) // joint_height(d) + 1
    cdef Py_ssize_t of_chunk = (blocks - 1) // joint_chunk_count(n, d, k) + 1
    return min(<Py_ssize_t> STRIPE, of_chunk) if d <= 2048 else 1


# Doubles that a thread needs in a pass.
cdef Py_ssize_t thread_room(link_t link, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t stripe
    if not is_joint(link):
        return 0 if X.panels != NULL or X.sparse != NULL else block_rows(X.n, X.d) * X.d
    if X.sparse != NULL:
        return BLOCK * k
    stripe = joint_stripe(X.n, X.d, k)
    return (0 if X.panels != NULL else stripe * joint_height(X.d) * X.d) + stripe * BLOCK * k


cdef Py_ssize_t pass_chunks(link_t link, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    if X.sparse != NULL:
        return sparse_chunk_count(X.n, X.sparse.rows.starts[X.n])
    return joint_chunk_count(X.n, X.d, k) if is_joint(link) else chunk_count(X.n, X.d)


cdef Py_ssize_t pass_height(link_t link, const matrix_t* X) noexcept nogil:
    if X.sparse != NULL:
        return sparse_height(X.n)
    return joint_height(X.d) if is_joint(link) else block_rows(X.n, X.d)


cdef Py_ssize_t tally_count(link_t link, Py_ssize_t k) noexcept nogil:
    if link == PRODUCTS or link == GIVEN:
        return 0
    return 1 if link == NETWORK else k


# --- the bodies, see bodies_t in kernel.pxd -------------------------------------------------------

cdef bodies_t chosen = lanes2.bodies
cdef object chosen_name = "baseline"


cdef void run_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                     double* tile) noexcept nogil:
    chosen.chunks(p, first, last, link_work, tile)


cdef void sum_slots(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                    double* gradient) noexcept nogil:
    chosen.slots(p, first, last, gradient)


cdef Py_ssize_t slots_part(const pass_t* p, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    if p.rows.X.sparse != NULL:
        return p.k * first_column(&p.rows.X, part, parts)
    return part * p.k * p.rows.X.d // parts


cdef double slots_work(const pass_t* p) noexcept nogil:
    cdef const sparse_t* sparse = p.rows.X.sparse
    if sparse != NULL:
        return <double> p.k * (sparse.columns.starts[p.rows.X.d] + COLUMN_WORK * p.rows.X.d)
    return <double> p.n_chunks * p.k * p.rows.X.d


cdef void level_slots(const pass_t* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    if p.rows.X.sparse != NULL and p.scaled != NULL:
        level(p, first, last, link_work)


cdef void sum_tallies(const pass_t* p, Py_ssize_t column, totals_t* totals) noexcept nogil:
    tallied(p, column, underflow_loss, totals)


# --- packing: X to panels once, columns of w to groups and back -----------------------------------

cdef void pack_panels(const matrix_t* X, void* panels, double* tile) noexcept nogil:
    cdef Py_ssize_t size = PANEL * X.d, panel, i
    for panel in range((X.n - 1) // PANEL + 1):
        if X.element == FLOAT64:
            decode_panel(X, NULL, PANEL * panel, <v2*> (<double*> panels + panel * size))
        else:
            decode_panel(X, NULL, PANEL * panel, <v2*> tile)
            for i in range(size):
                (<float*> panels)[panel * size + i] = <float> tile[i]


cdef void column_place(Py_ssize_t column, Py_ssize_t k, Py_ssize_t d, Py_ssize_t* offset,
                       Py_ssize_t* stride) noexcept nogil:
    cdef Py_ssize_t first = column if column >= 4 * (k // 4) else 4 * (column // 4)
    stride[0] = group_width(first, k)
    offset[0] = first * d + (column - first)


cdef const int64_t* feature_order(const rows_t* rows) noexcept nogil:
    if rows.X.sparse == NULL:
        return NULL
    return rows.X.sparse.order


cdef void pack_columns(const double* w, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                       double* weights) noexcept nogil:
    cdef Py_ssize_t column, offset, stride, j
    for column in range(k):
        column_place(column, k, d, &offset, &stride)
        for j in range(d):
            weights[offset + j * stride] = w[(j if order == NULL else order[j]) * k + column]


cdef void unpack_columns(const double* weights, Py_ssize_t d, Py_ssize_t k, const int64_t* order,
                         double* w) noexcept nogil:
    cdef Py_ssize_t column, offset, stride, j
    for column in range(k):
        column_place(column, k, d, &offset, &stride)
        for j in range(d):
            w[(j if order == NULL else order[j]) * k + column] = weights[offset + j * stride]


# --- the whole of it ------------------------------------------------------------------------------

cdef int require_abi(int expected) except -1:
    if ABI != expected:
        raise ImportError(f"compiled against ABI {expected} of lsgd_fast.kernel, but the installed "
                          f"lsgd_fast has {ABI}; compile again")
    return 0


cdef Py_ssize_t slots_size(link_t link, const matrix_t* X, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t n_chunks = pass_chunks(link, X, k)
    if X.sparse != NULL:
        return k * (padded_rows(X.n) + n_chunks * X.sparse.n_long)
    return n_chunks * k * X.d


cdef Py_ssize_t pass_size(link_t link, const rows_t* rows, Py_ssize_t k,
                          int n_threads) noexcept nogil:
    cdef Py_ssize_t n_chunks = pass_chunks(link, &rows.X, k)
    cdef Py_ssize_t size = max(n_threads, 1) * thread_room(link, &rows.X, k)
    if link != PRODUCTS:
        size += slots_size(link, &rows.X, k)
    return size + n_chunks * tally_count(link, k) * (sizeof(tally_t) // sizeof(double))


cdef void lay_out_pass(pass_t* p, link_t link, const rows_t* rows, Py_ssize_t k,
                       double* memory) noexcept nogil:
    p.link = link
    p.loss = loss_t(LOGISTIC_LOSS, 1.0, 0.0)
    p.is_scaled = NULL
    p.scaled = NULL
    p.rows = rows
    p.k = k
    p.height = pass_height(link, &rows.X)
    p.n_chunks = pass_chunks(link, &rows.X, k)
    p.stripe = joint_stripe(rows.X.n, rows.X.d, k)
    p.room = thread_room(link, &rows.X, k)
    p.slots = NULL
    p.tallies = NULL
    p.products = NULL
    p.multipliers = NULL
    p.order = NULL
    if link != PRODUCTS:
        p.slots = memory
        memory += slots_size(link, &rows.X, k)
    if tally_count(link, k) > 0:
        p.tallies = <tally_t*> memory
        memory = <double*> (p.tallies + p.n_chunks * tally_count(link, k))
    p.tiles = memory


cdef Py_ssize_t workspace_size(const rows_t* rows, Py_ssize_t k, int n_threads) noexcept nogil:
    return 2 * k * rows.X.d + k + pass_size(LOGISTIC, rows, k, n_threads)


cdef void loss_gradient(const rows_t* rows, const double* w, Py_ssize_t k, double l2, double* loss,
                        double* gradient, double* workspace, int n_threads) noexcept nogil:
    cdef Py_ssize_t d = rows.X.d, j, c
    cdef double penalty
    cdef totals_t totals
    cdef pass_t p
    cdef double* weights = workspace
    cdef double* packed = weights + k * d
    cdef double* intercepts = packed + k * d
    lay_out_pass(&p, LOGISTIC, rows, k, intercepts + k)
    p.gradient = gradient != NULL
    p.weights = weights
    p.intercepts = intercepts
    pack_columns(w, d, k, feature_order(rows), weights)
    for c in range(k):
        intercepts[c] = w[d * k + c] if rows.fit_intercept else 0.0
        enter_column(rows, c, k, weights, intercepts)
    run_pass(&p, n_threads)
    if gradient != NULL:
        sum_slots_by_team(&p, packed, n_threads)
    for c in range(k):
        sum_tallies(&p, c, &totals)
        loss[c] = totals.loss
        if gradient != NULL:
            leave_column(rows, c, k, totals.slope, packed)
            if rows.fit_intercept:
                gradient[d * k + c] = totals.slope
    if gradient != NULL:
        unpack_columns(packed, d, k, feature_order(rows), gradient)
    for c in range(k):
        if l2 > 0.0:
            penalty = 0.0
            for j in range(d):
                penalty += (l2 * w[j * k + c]) * w[j * k + c]
                if gradient != NULL:
                    gradient[j * k + c] += l2 * w[j * k + c]
            loss[c] += 0.5 * penalty


# Of sparse rows the sums are half of the work.
cdef void sum_slots_by_team(const pass_t* p, double* gradient, int n_threads) noexcept nogil:
    if p.rows.X.sparse == NULL or p.n_chunks == 1 or n_threads == 1:
        sum_slots(p, 0, p.k * p.rows.X.d, gradient)
        return
    with parallel(num_threads=max(1, min(<Py_ssize_t> n_threads, p.n_chunks))):
        sum_slots(p, slots_part(p, team_rank(), team_size()),
                  slots_part(p, team_rank() + 1, team_size()), gradient)


cdef void run_pass(const pass_t* p, int n_threads) noexcept nogil:
    with parallel(num_threads=max(1, min(<Py_ssize_t> n_threads, p.n_chunks))):
        run_share(p, team_rank(), team_size())


# Thread `member` of `size` runs its share of the chunks of a pass.
cdef void run_share(const pass_t* p, Py_ssize_t member, Py_ssize_t size) noexcept nogil:
    run_chunks(p, member * p.n_chunks // size, (member + 1) * p.n_chunks // size,
               p.tiles + member * p.room)


# --- what was built and what is chosen ------------------------------------------------------------

def openmp_enabled():
    """Whether the package was built with OpenMP."""
    return built_with_openmp


def may_run_parallel():
    """Whether more than one thread can be had: not without OpenMP, nor in some forked children."""
    return built_with_openmp and not orphaned


def openmp_limit():
    """Threads that OpenMP would use by default; 1 inside a parallel region."""
    return team_limit()


# A child of fork has none of its parent's threads, but the OpenMP of GCC waits for them.  So the
# parent gives its threads back before it forks; where that cannot be done the child runs on one
# thread.
cdef bint paused = False
cdef bint orphaned = False


def _before_fork():
    global paused
    paused = pause_threads()


def _after_fork():
    global orphaned
    orphaned = not paused


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def compiler():
    """Name and version of the C compiler the package was built with."""
    return compiler_name.decode()


def instruction_sets():
    """The instruction sets that this processor can run, best first."""
    available = {"avx512": cpu_has_avx512(), "avx2": cpu_has_avx2(), "baseline": True}
    return tuple(name for name, runs in available.items() if runs)


def instruction_set():
    """The instruction set in use."""
    return chosen_name


def use_instruction_set(name):
    """Choose the instruction set.  Not while another thread runs."""
    global chosen, chosen_name
    if name not in instruction_sets():
        raise ValueError(f"the instruction set (LSGD_FAST_ISA) must be one of "
                         f"{', '.join(instruction_sets())}; got {name!r}")
    if name == "avx512":
        chosen = lanes8.bodies
    elif name == "avx2":
        chosen = lanes4.bodies
    else:
        chosen = lanes2.bodies
    chosen_name = name


use_instruction_set(os.environ.get("LSGD_FAST_ISA") or instruction_sets()[0])
