"""The bodies of a pass in vectors of two lanes: what every processor has."""

from .blocks cimport chunks
from .entries cimport sparse_chunks, sparse_sums
from .general_link cimport general_link
from .kernel cimport BLOCK, is_joint, pass_t, scaled_t, tally_t
from .lanes cimport v2
from .stripes cimport joint_chunks
from .sums cimport slots

from .constants import LINK_WORK

cdef double link_work = LINK_WORK


cdef void links_baseline(const pass_t* p, Py_ssize_t column, const double* y,
                         const double* weight, double* z, Py_ssize_t height, tally_t* tally,
                         scaled_t* scaled, double* sums, Py_ssize_t stride,
                         Py_ssize_t n_sums) noexcept nogil:
    general_link(p, column, y, weight, z, height, tally, scaled, sums, stride, n_sums)


cdef void chunks_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                          double* tile) noexcept nogil:
    cdef v2[2 * BLOCK] z
    if p.rows.X.sparse != NULL:
        sparse_chunks[v2](p, first, last, link_work, tile, z, links_baseline)
    elif is_joint(p.link):
        joint_chunks[v2](p, first, last, tile, z, links_baseline)
    else:
        chunks[v2](p, first, last, tile, z, links_baseline)


cdef void slots_baseline(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                         double* gradient) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_sums[v2](p, first // p.k, last // p.k, gradient, <const v2*> NULL)
    else:
        slots(p, first, last, gradient)


bodies.chunks = chunks_baseline
bodies.slots = slots_baseline
