# A Problem as the row pass reads it.

from .kernel cimport rows_t


cdef class Rows:
    """The rows of a `Problem` for the row pass: X in place or packed, labels, weights."""
    cdef rows_t view
    cdef object owners          # the arrays that `view` points into
