# The functions of a pass for one instruction set: the baseline, vectors of two lanes.

from lsgd_fast._core.pass_types cimport bodies_t

cdef bodies_t bodies
