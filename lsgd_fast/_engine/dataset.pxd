# The rows of a Problem as the row pass reads them.

from lsgd_fast._core.types cimport part_t, rows_t, sparse_t


# The address of the data of an array.
cdef size_t address_of(array) except? 0


cdef class Rows:
    """The rows of a `Problem` for the row pass: X in place or packed, labels, weights."""
    cdef rows_t view
    cdef sparse_t sparse        # of sparse X; `view` points to it
    cdef part_t part            # of the rows of one rank of several
    cdef object distributed     # these `DistributedRows`, or None
    cdef object owners          # the arrays that `view` points into
    cdef readonly object order  # None, or the feature of each weight of a pass
    cdef permute(self, w)
    cdef point_to_sparse(self, X, bint gradient, like)
    cdef copy_indices(self, X, slices)
    cdef copy_columns(self, X)
    cdef permute_features(self, slices)
    cdef set_part(self, distributed)
    cdef pack(self, X)
