"""The bodies of a pass in vectors of eight lanes: AVX-512."""

from .blocks cimport chunks
from .entries cimport sparse_chunks, sparse_sums
from .general_link cimport general_link
from .kernel cimport BLOCK, is_joint, links_t, pass_t, scaled_t, tally_t
from .lanes cimport avx512_target, v8
from .stripes cimport joint_chunks
from .sums cimport slots

from .constants import LINK_WORK

cdef double link_work = LINK_WORK


cdef avx512_target links_avx512(const pass_t* p, Py_ssize_t column, const double* y,
                                const double* weight, double* z, Py_ssize_t height, tally_t* tally,
                                scaled_t* scaled, double* sums, Py_ssize_t stride,
                                Py_ssize_t n_sums) noexcept nogil:
    general_link(p, column, y, weight, z, height, tally, scaled, sums, stride, n_sums)


cdef avx512_target chunks_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                 double* tile) noexcept nogil:
    cdef v8[BLOCK >> 1] z
    if p.rows.X.sparse != NULL:
        sparse_chunks[v8](p, first, last, link_work, tile, z, <links_t> links_avx512)
    elif is_joint(p.link):
        joint_chunks[v8](p, first, last, tile, z, <links_t> links_avx512)
    else:
        chunks[v8](p, first, last, tile, z, <links_t> links_avx512)


cdef avx512_target slots_avx512(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                                double* gradient) noexcept nogil:
    if p.rows.X.sparse != NULL:
        sparse_sums[v8](p, first // p.k, last // p.k, gradient, <const v8*> NULL)
    else:
        slots(p, first, last, gradient)


bodies.chunks = chunks_avx512
bodies.slots = slots_avx512
