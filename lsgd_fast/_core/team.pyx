"""OpenMP as Python sees it, and how threads survive a fork."""

import os


def openmp_enabled():
    """Whether the package was built with OpenMP."""
    return built_with_openmp


def may_run_parallel():
    """Whether a team can have several threads: not without OpenMP, nor in some forked children."""
    return built_with_openmp and not orphaned


def openmp_limit():
    """Return the threads that OpenMP uses by default; 1 inside a parallel region."""
    return team_limit()


# A forked child has none of its parent's threads, but the OpenMP of GCC waits for them. So the
# parent releases its threads before it forks; where it cannot, the child runs on one thread.
cdef bint paused = False
cdef bint orphaned = False


def _before_fork():
    global paused
    paused = pause_threads()


def _after_fork():
    global orphaned
    orphaned = not paused


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
