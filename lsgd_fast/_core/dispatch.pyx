"""The instruction set that runs a pass: the best one at import, or a choice of the user."""

import os

from lsgd_fast._core cimport isa_avx2, isa_avx512, isa_baseline
from lsgd_fast._core.pass_types cimport bodies_t, pass_t
from lsgd_fast._core.reduce cimport slab_rounds
from lsgd_fast._core.simd cimport compiler_name, cpu_has_avx2, cpu_has_avx512

cdef bodies_t chosen = isa_baseline.bodies
cdef object chosen_name = "baseline"


cdef void run_leaves(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                     double* memory) noexcept nogil:
    chosen.leaves(p, first, last, memory)


cdef void reduce_gradients(const pass_t* p, Py_ssize_t first, Py_ssize_t last,
                           double* gradient) noexcept nogil:
    cdef Py_ssize_t round
    for round in range(slab_rounds(p)):
        chosen.slab(p, round, first, last, gradient)


cdef void reduce_slab(const pass_t* p, Py_ssize_t round, Py_ssize_t first, Py_ssize_t last,
                      double* gradient) noexcept nogil:
    chosen.slab(p, round, first, last, gradient)


def compiler():
    """Name and version of the C compiler the package was built with."""
    return compiler_name.decode()


def instruction_sets():
    """The instruction sets of this processor, best first."""
    available = {"avx512": cpu_has_avx512(), "avx2": cpu_has_avx2(), "baseline": True}
    return tuple(name for name, runs in available.items() if runs)


def instruction_set():
    """The instruction set in use."""
    return chosen_name


def use_instruction_set(name):
    """Choose the instruction set; no other thread may be in a pass.

    Parameters
    ----------
    name : {"avx512", "avx2", "baseline"}
        One of `instruction_sets`.

    Raises
    ------
    ValueError
        If this processor does not have it.
    """
    global chosen, chosen_name
    if name not in instruction_sets():
        raise ValueError(f"the instruction set (LSGD_FAST_ISA) must be one of "
                         f"{', '.join(instruction_sets())}; got {name!r}")
    if name == "avx512":
        chosen = isa_avx512.bodies
    elif name == "avx2":
        chosen = isa_avx2.bodies
    else:
        chosen = isa_baseline.bodies
    chosen_name = name


use_instruction_set(os.environ.get("LSGD_FAST_ISA") or instruction_sets()[0])
