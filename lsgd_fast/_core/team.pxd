# Threads that work together: see team.h.

cdef extern from "team.h" nogil:
    bint built_with_openmp "LSGD_OPENMP"
    int team_size "lsgd_team_size"()        # of the enclosing parallel region
    int team_rank "lsgd_team_rank"()
    int team_limit "lsgd_team_limit"()
    bint pause_threads "lsgd_pause_threads"()   # give back the threads of all pools, if it can be

    ctypedef struct barrier_t "lsgd_barrier":
        pass
    void barrier_wait "lsgd_barrier_wait"(barrier_t*, int size)

    ctypedef struct share_t "lsgd_share":
        pass
    long take_work "lsgd_take"(share_t*, int size)         # -1 where none is left
    void split_work "lsgd_deal"(share_t*, int size, long pieces)

    bint is_raised "lsgd_flag"(const int*)
    void raise_flag "lsgd_raise_flag"(int*)
