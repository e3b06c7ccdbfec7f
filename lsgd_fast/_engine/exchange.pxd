# The sums that a pass has on one rank become those of all ranks.

from lsgd_fast._core.pass_types cimport parts_t, pass_t
from lsgd_fast._engine.poll cimport poll_t


# A rank makes the sums of aligned runs of units of leaves (see DistributedRows), and sends a record
# of each: control words, the nodes of the columns, the gradient or a slice of it.
cdef struct exchange_t:
    void* owner                     # the `Exchange`
    Py_ssize_t rank, size
    Py_ssize_t n_runs               # of this rank; 0 where each has all rows
    Py_ssize_t n_records            # of a rank: the most runs that one has, at least 1
    Py_ssize_t unit_leaves          # leaves of a unit
    const Py_ssize_t* runs          # (n_runs + 1,) the first unit of each, from the rank's own on
    bint is_part                    # whether sums are sent
    double* sent
    double* received
    double* gradients               # (n_runs, k * d) of the runs, where slices of them are sent
    parts_t parts                   # what has been received, for pass_t.gathered
    double number                   # of this `Exchange`, and ...
    double position                 # ... where it is: the same for all ranks
    double clock                    # that of the first rank
    bint is_paused                  # whether a rank has signals to handle


cdef class Exchange:
    """What the ranks of a problem exchange once a pass, and the memory for it."""
    cdef exchange_t state
    cdef object ranks
    cdef object error               # what an exchange raised, or None
    cdef Py_ssize_t[::1] runs, starts
    cdef double[::1] sent, received, gradients, slice, slices
    cdef lay_out(self, pass_t* p)
    cdef swap(self, Py_ssize_t width, bint is_sliced)
    cdef swap_slices(self, double* gradient, Py_ssize_t size)
    cdef bint settle(self) except -1


# Send the sums of a pass and receive those of all ranks: p.gathered then has them. For each thread
# of a team, after it has met; return whether the team stops, because a rank has signals to handle
# or the exchange has failed.
cdef bint exchange_sums(exchange_t* x, const pass_t* p, poll_t* poll, Py_ssize_t rank,
                        Py_ssize_t size) noexcept nogil

# The gradient where its slices have been sent; as above.
cdef bint sum_slices(exchange_t* x, const pass_t* p, double* gradient, poll_t* poll,
                     Py_ssize_t rank, Py_ssize_t size) noexcept nogil

cdef enum:
    SLICED = 1 << 15                # from so many entries on, of all ranks, slices are sent


cdef inline Py_ssize_t gradient_size(const pass_t* p) noexcept nogil:
    return p.k * p.rows.X.d if p.gradient else 0


# Whether ranks add up a slice of the gradient each.
cdef inline bint is_sliced(const exchange_t* x, const pass_t* p) noexcept nogil:
    return x != NULL and x.is_part and gradient_size(p) * x.size >= SLICED
