# Gram space: descent by the inner products of the rows.

from lsgd_fast._core.types cimport rows_t
from lsgd_fast._engine.dataset cimport Rows


cdef class GramSpace:
    """Gram space of the rows of a problem and of the first weights."""
    cdef rows_t view                 # of the Gram matrix
    cdef rows_t start_rows           # the first weights as rows
    cdef Py_ssize_t size             # its rows: those of X, then the first weights
    cdef double factor                # an even power of two; the matrix is factor * rows . rows
    cdef Rows rows
    cdef double[:, ::1] starts       # the first weights times powers of two ...
    cdef double[::1] start_coefficients     # ... and by what they come in at first
    cdef object owners               # the arrays that `view` points into
    cdef int n_threads
    cdef rows_t image(self, Rows others)
    cdef _multiply(self, double[::1] panels, const rows_t* others)
    cdef _rows_without_weight(self)
    cdef first_coefficients(self, Py_ssize_t start)
    cdef weights(self, const double[::1] coefficients)
