"""How long a descent takes, from a short run of it on this machine."""

import math
import statistics
import time
from dataclasses import dataclass

import numpy as np

from lsgd_fast._checks import check_gram
from lsgd_fast._engine.descent import Descent

__all__ = ["Pace", "made_up_data", "measure"]

# A step costs the same whatever its length; this one leads nowhere, so that no run ends early.
STEPSIZE = 1e-100

TRUSTED_SECONDS = 0.025  # a timed run shorter than this says little
MAX_STEPS = 1 << 15  # of a timed run: each leaves a row of the trace
ENOUGH_SECONDS = 0.35  # spent on runs that long
REPEATS = 9

MADE_UP_ELEMENTS = 1 << 26  # more than caches hold


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds of a descent, and what else the short run told.

    Attributes
    ----------
    step_seconds : float
        One step, with its row of the trace, to the result; NaN where X is so large that any step
        leaves float64.
    set_up_seconds : float
        All else: validation, packing, the threads, the last pass and the result.
    radius : float
        R of the data.
    """

    step_seconds: float
    set_up_seconds: float
    radius: float


def measure(X, y, record_every=1, n_threads=None, gram="auto"):
    """Time a few steps on X, some tenths of a second, or three steps where these take longer.

    Parameters
    ----------
    X, y, record_every, n_threads, gram
        As for `gradient_descent`.

    Returns
    -------
    Pace
    """
    began = time.perf_counter()
    descent = Descent(
        X, y, STEPSIZE, record_every=record_every, gram=gram, n_threads=n_threads
    )  # fmt: skip
    descent.step(1)  # starts the threads
    radius, first = _timed(lambda: descent.result().radius)
    around = time.perf_counter() - began

    def timed_steps(n_steps):
        return _timed(lambda: descent.step(n_steps))[1]

    n_steps = 1
    while True:
        found = [timed_steps(n_steps), timed_steps(n_steps)]
        # The shorter one: where something came in between, few steps may take long.
        if min(found) >= TRUSTED_SECONDS or n_steps == MAX_STEPS:
            break
        n_steps *= 2
    while len(found) < REPEATS and sum(found) < ENOUGH_SECONDS:
        found.append(timed_steps(n_steps))
    step_seconds = statistics.median(found) / n_steps
    set_up_seconds = max(around - step_seconds, 0.0)
    _, last = _timed(descent.result)  # with more rows of the trace than the first one had
    step_seconds += max(last - first, 0.0) / descent.n_steps
    if descent.stop_reason is not None:
        step_seconds = math.nan
    return Pace(step_seconds=step_seconds, set_up_seconds=set_up_seconds, radius=radius)


def _timed(work):
    """Return what a call returns, and its seconds."""
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def made_up_data(n, d, dtype):
    """Return X and y of a shape, or of a smaller one where X would be very large.

    In Gram space it has fewer columns, because a step costs the same with any number of these.
    Elsewhere it has fewer rows, and fewer columns only where a few rows are too many.

    Parameters
    ----------
    n, d : int
    dtype : numpy.dtype

    Returns
    -------
    X : ndarray of at most n rows and d columns, in C order
        Uniform noise that repeats itself, 0 and 1 for integers.
    y : ndarray
        Both labels in turn.
    """
    least = n if check_gram("auto", n, d) else 64
    rows = min(n, max(least, MADE_UP_ELEMENTS // d))
    columns = min(d, MADE_UP_ELEMENTS // rows)
    rng = np.random.default_rng(0)
    pattern = rng.random(65_537) if dtype.kind == "f" else rng.integers(0, 2, 65_537)
    values = np.empty(rows * columns, dtype)
    for start in range(0, len(values), len(pattern)):
        part = values[start : start + len(pattern)]
        part[...] = pattern[: len(part)]
    return values.reshape(rows, columns), np.arange(rows) % 2
