/* A team of threads: its size, a barrier, shares of work, and a flag.
 *
 * Without OpenMP a team is one thread.
 *
 * A thread that waits spins briefly, then yields: on an idle machine the others arrive within the
 * spin, on a busy one the core goes to a thread that has not arrived yet.
 */
#ifndef LSGD_TEAM_H
#define LSGD_TEAM_H

#include <sched.h>

#ifdef _OPENMP
#include <omp.h>
#define LSGD_OPENMP 1
#define lsgd_team_size() omp_get_num_threads()
#define lsgd_team_rank() omp_get_thread_num()
/* set by omp_set_num_threads, which threadpoolctl calls; 1 inside a parallel region */
#define lsgd_team_limit() (omp_in_parallel() ? 1 : omp_get_max_threads())
/* OpenMP 5.0: weak, because older runtimes lack it, under a name that no header declares */
#define LSGD_TEXT(x) #x
#define LSGD_SYMBOL(prefix, name) LSGD_TEXT(prefix) name
extern int lsgd_pause_resource_all(int kind)
    __asm__(LSGD_SYMBOL(__USER_LABEL_PREFIX__, "omp_pause_resource_all")) __attribute__((weak));
static inline int lsgd_pause_threads(void)
{
    return lsgd_pause_resource_all && lsgd_pause_resource_all(1 /* soft */) == 0;
}
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
    unsigned generation; /* wraps around in a long run */
} lsgd_barrier;

/* Return when `size` threads have called it. A barrier starts as zeros. */
static inline void lsgd_barrier_wait(lsgd_barrier *b, int size)
{
    if (size == 1)
        return;
    unsigned generation = __atomic_load_n(&b->generation, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_ACQ_REL) == size) {
        __atomic_store_n(&b->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&b->generation, generation + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int spins = 0; __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE) == generation; spins++) {
        if (spins < 2000) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#elif defined(__aarch64__)
            __asm__ __volatile__("yield");
#endif
        } else {
            sched_yield();
        }
    }
}

/* The share of one thread: pieces next .. last - 1 of the work. A thread that has finished its own
 * share takes pieces of the others, so that a busy core delays the team only briefly. */
typedef struct {
    long next, last;
    char pad[48]; /* a cache line each */
} lsgd_share;

/* Take a piece of a share; -1 where none is left. */
static inline long lsgd_take_work(lsgd_share *s, int size)
{
    if (size == 1)
        return s->next < s->last ? s->next++ : -1;
    if (__atomic_load_n(&s->next, __ATOMIC_RELAXED) >= s->last)
        return -1;
    long piece = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
    return piece < s->last ? piece : -1;
}

/* Split the work among `size` threads, none of which takes pieces before the next barrier. */
static inline void lsgd_split_work(lsgd_share *shares, int size, long pieces)
{
    for (int rank = 0; rank < size; rank++) {
        __atomic_store_n(&shares[rank].next, rank * pieces / size, __ATOMIC_RELAXED);
        shares[rank].last = (rank + 1) * pieces / size;
    }
}

static inline int lsgd_flag(const int *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED); }
static inline void lsgd_raise_flag(int *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }

#endif
