# A clock that is never set back, see clock.h.

cdef extern from "clock.h" nogil:
    double clock "lsgd_clock"()     # seconds
