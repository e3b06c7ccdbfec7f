# Which instruction set runs a pass.

from lsgd_fast._core.pass_types cimport pass_t


cdef void run_chunks(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                     double* tile) noexcept nogil
# gradient[first:last], packed like the weights; of sparse rows first and last are as reduce_part has
# them, and other sums, as many.
cdef void reduce_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                    double* gradient) noexcept nogil
