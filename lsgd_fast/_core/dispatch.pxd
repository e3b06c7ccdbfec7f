# The instruction set that runs a pass.

from lsgd_fast._core.pass_types cimport pass_t


# Forward and backward of leaves first .. last - 1, all those of a chunk by one thread and in order;
# `memory` has thread_memory doubles.
cdef void run_leaves(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                     double* memory) noexcept nogil
# gradient[first:last], packed like the weights. Of sparse rows, first and last are results of
# reduce_part, and the gradients of the features between them are not adjacent for k > 1.
cdef void reduce_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                           double* gradient) noexcept nogil
# The same in slab_rounds(p) rounds, in order, by one thread: one for each slab.
cdef void reduce_slab(const pass_t* p, Py_ssize_t round, Py_ssize_t first, Py_ssize_t last,
                      double* gradient) noexcept nogil
