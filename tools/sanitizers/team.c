/* A team that adds up what its members wrote before the barrier of team.h; with -DRACE that barrier
 * counts, but orders nothing, and a sanitizer must say so. */
#ifdef RACE
#include <sched.h>
#undef __ATOMIC_ACQ_REL
#undef __ATOMIC_RELEASE
#undef __ATOMIC_ACQUIRE
#define __ATOMIC_ACQ_REL __ATOMIC_RELAXED
#define __ATOMIC_RELEASE __ATOMIC_RELAXED
#define __ATOMIC_ACQUIRE __ATOMIC_RELAXED
#endif
#include "team.h"

#include <stdio.h>

int main(void)
{
    static lsgd_barrier barrier;
    double parts[2][64] = {{0}}, total = 0.0;
    int size = 0;
    #pragma omp parallel num_threads(2)
    {
        int rank = lsgd_team_rank();
        if (rank == 0)
            size = lsgd_team_size();
        for (int step = 0; step < 1000; step++) {
            parts[rank][step % 64] += 1.0;
            lsgd_barrier_wait(&barrier, lsgd_team_size());
            if (rank == 0)
                for (int i = 0; i < 64; i++)
                    total += parts[0][i] + parts[1][i];
            lsgd_barrier_wait(&barrier, lsgd_team_size());
        }
    }
    printf("team of %d, total %g\n", size, total);
    return 0;
}
