/* A team of threads: its size, a barrier, and shares of work.
 *
 * Without OpenMP a team is one thread.
 *
 * A thread that waits spins briefly, then yields: on an idle machine the others arrive within the
 * spin, on a busy one the core goes to a thread that has not arrived yet.
 */
#ifndef LSGD_TEAM_H
#define LSGD_TEAM_H

#include <stddef.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#define lsgd_yield() SwitchToThread()
#else
#include <sched.h>
#define lsgd_yield() sched_yield()
#endif

#ifdef _OPENMP
#include <omp.h>
#define LSGD_OPENMP 1
#define lsgd_team_size() omp_get_num_threads()
#define lsgd_team_rank() omp_get_thread_num()
/* set by omp_set_num_threads, which threadpoolctl calls; 1 inside a parallel region */
#define lsgd_team_limit() (omp_in_parallel() ? 1 : omp_get_max_threads())
#ifdef _WIN32
static inline int lsgd_pause_threads(void) { return 1; } /* nothing forks */
#else
/* OpenMP 5.0: weak, because older runtimes lack it, under a name that no header declares */
#define LSGD_TEXT(x) #x
#define LSGD_SYMBOL(prefix, name) LSGD_TEXT(prefix) name
extern int lsgd_pause_resource_all(int kind)
    __asm__(LSGD_SYMBOL(__USER_LABEL_PREFIX__, "omp_pause_resource_all")) __attribute__((weak));
static inline int lsgd_pause_threads(void)
{
    return lsgd_pause_resource_all && lsgd_pause_resource_all(1 /* soft */) == 0;
}
#endif
#else
#define LSGD_OPENMP 0
#define lsgd_team_size() 1
#define lsgd_team_rank() 0
#define lsgd_team_limit() 1
static inline int lsgd_pause_threads(void) { return 1; }
#endif

typedef struct {
    int arrived;
    char pad[60]; /* waiting threads read another cache line than arriving ones write */
    unsigned generation; /* odd where the team stops; wraps around in a long run */
    int stop; /* whether the team is asked to stop */
    int yielded; /* whether a thread has yielded */
} lsgd_barrier;

/* Return when `size` threads have called it, whether the team stops. The last one that arrives
 * decides, so that all get the same answer whenever the team is asked. A barrier starts as zeros.
 */
static inline int lsgd_barrier_wait(lsgd_barrier *b, int size)
{
    if (size == 1)
        return b->stop;
    unsigned before = __atomic_load_n(&b->generation, __ATOMIC_RELAXED), now;
    if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_ACQ_REL) == size) {
        int stop = __atomic_load_n(&b->stop, __ATOMIC_RELAXED);
        __atomic_store_n(&b->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&b->generation, ((before | 1) + 1) | stop, __ATOMIC_RELEASE);
        return stop;
    }
    for (int spins = 0; (now = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE)) == before;
         spins++) {
        if (spins < 2000) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#elif defined(__aarch64__)
            __asm__ __volatile__("yield");
#endif
        } else {
            if (spins == 2000)
                __atomic_store_n(&b->yielded, 1, __ATOMIC_RELAXED);
            lsgd_yield();
        }
    }
    return now & 1;
}

/* Whether a thread has yielded since the last call: the machine is busy. */
static inline int lsgd_has_yielded(lsgd_barrier *b)
{
    return __atomic_load_n(&b->yielded, __ATOMIC_RELAXED)
           && __atomic_exchange_n(&b->yielded, 0, __ATOMIC_RELAXED);
}

static inline void lsgd_ask_to_stop(lsgd_barrier *b, int stop)
{
    __atomic_store_n(&b->stop, stop, __ATOMIC_RELAXED);
}
static inline int lsgd_is_asked_to_stop(const lsgd_barrier *b)
{
    return __atomic_load_n(&b->stop, __ATOMIC_RELAXED);
}

/* The share of one thread: pieces first .. last - 1 of the work, those before `next` are taken. A
 * thread that has finished its own share takes pieces of the others, so that a busy core delays the
 * team only briefly. */
typedef struct {
    ptrdiff_t next, first, last;
    char pad[40]; /* a cache line each */
} lsgd_share;

/* Take a piece of a share; -1 where none is left. */
static inline ptrdiff_t lsgd_take_work(lsgd_share *s, int size)
{
    if (size == 1)
        return s->next < s->last ? s->next++ : -1;
    if (__atomic_load_n(&s->next, __ATOMIC_RELAXED) >= s->last)
        return -1;
    ptrdiff_t piece = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
    return piece < s->last ? piece : -1;
}

/* Split the work among `size` threads, before any of it is offered. */
static inline void lsgd_split_work(lsgd_share *shares, int size, ptrdiff_t pieces)
{
    for (int rank = 0; rank < size; rank++) {
        shares[rank].first = rank * pieces / size;
        shares[rank].last = (rank + 1) * pieces / size;
    }
}

/* Offer all of the work, none of which is taken before the next barrier. */
static inline void lsgd_offer_work(lsgd_share *shares, int size)
{
    for (int rank = 0; rank < size; rank++)
        __atomic_store_n(&shares[rank].next, shares[rank].first, __ATOMIC_RELAXED);
}

#endif
