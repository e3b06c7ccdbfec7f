# A team of threads, see team.h.

cdef extern from "team.h" nogil:
    bint built_with_openmp "LSGD_OPENMP"
    int team_size "lsgd_team_size"()            # of the enclosing parallel region
    int team_rank "lsgd_team_rank"()
    int team_limit "lsgd_team_limit"()          # the size by default; 1 inside a parallel region
    bint pause_threads "lsgd_pause_threads"()   # release the threads of all pools; False: cannot

    ctypedef struct barrier_t "lsgd_barrier":
        pass
    bint barrier_wait "lsgd_barrier_wait"(barrier_t*, int size)     # True: the team stops here
    bint has_yielded "lsgd_has_yielded"(barrier_t*)
    void ask_to_stop "lsgd_ask_to_stop"(barrier_t*, bint)           # at the next barrier
    bint is_asked_to_stop "lsgd_is_asked_to_stop"(const barrier_t*)

    ctypedef struct share_t "lsgd_share":
        pass
    void split_work "lsgd_split_work"(share_t*, int size, Py_ssize_t pieces)
    void offer_work "lsgd_offer_work"(share_t*, int size)   # all of it, once it is split
    Py_ssize_t take_work "lsgd_take_work"(share_t*, int size)     # -1 where none is left
