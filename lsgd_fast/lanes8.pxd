from .kernel cimport bodies_t

cdef bodies_t bodies
