from lsgd_fast._core.pass_types cimport bodies_t

cdef bodies_t bodies
