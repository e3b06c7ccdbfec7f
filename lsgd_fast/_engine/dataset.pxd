# A Problem as the row pass reads it.

from lsgd_fast._core.types cimport rows_t, sparse_t


# Where the data of an array start.
cdef size_t address_of(array) except? 0


cdef class Rows:
    """The rows of a `Problem` for the row pass: X in place or packed, labels, weights."""
    cdef rows_t view
    cdef sparse_t entries       # where X is sparse: what `view` points to
    cdef object owners          # the arrays that `view` points into
    cdef readonly object order  # None, or which feature each of the weights of a pass belongs to
    cdef in_order(self, w)
    cdef read_entries(self, X, bint gradient)
    cdef copy_columns(self, X, slices)
    cdef number_features(self, X, slices)
