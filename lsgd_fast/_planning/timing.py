"""Seconds of a descent, measured by a short run on this machine."""

import math
import statistics
import time
from dataclasses import dataclass

import numpy as np

from lsgd_fast._engine.descent import Descent
from lsgd_fast._inputs.callbacks import Reports
from lsgd_fast._planning.memory import in_gram_space

__all__ = ["Timing", "made_up_data", "measure"]

# The time of a step does not depend on the stepsize; with this one no run ends early.
STEPSIZE = 1e-100

TRUSTED_SECONDS = 0.025  # least length of a timed run that is precise enough
MAX_STEPS = 1 << 15  # most steps of a timed run: each adds a row to the trace
ENOUGH_SECONDS = 0.35  # total length of the timed runs
REPEATS = 9  # most timed runs

MADE_UP_ELEMENTS = 1 << 26  # most elements of made-up data; more than caches hold
MADE_UP_WEIGHTS = 1 << 22  # most weights of several classes that are measured


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of a descent, and the radius of its data.

    Attributes
    ----------
    step_seconds : float
        Seconds of one step, including its row of the trace and of the result; NaN if X is so large
        that any step leaves float64.
    set_up_seconds : float
        Seconds of everything else: validation, packing, starting threads, the last pass and the
        result.
    radius : float
        R, the largest norm of a row of X.
    """

    step_seconds: float
    set_up_seconds: float
    radius: float


def measure(X, y, record_every=1, n_threads=None, gram="auto", reports=None, loss="logistic"):
    """Time steps on X for some tenths of a second, or three steps if these take longer.

    Parameters
    ----------
    X, y, record_every, n_threads, gram
        Those of `gradient_descent`.
    reports : Reports, optional
        Which may end the timing after any timed run.
    loss : str, default "logistic"

    Returns
    -------
    Timing
    """
    reports = Reports(None, 1) if reports is None else reports
    began = time.perf_counter()
    descent = Descent(
        X, y, STEPSIZE, loss=loss, record_every=record_every, gram=gram, n_threads=n_threads
    )  # fmt: skip
    descent.step(1)  # starts the threads
    radius, first = _timed(lambda: descent.result().radius)
    around = time.perf_counter() - began

    def timed_steps(n_steps):
        took = _timed(lambda: descent.step(n_steps))[1]
        reports(descent.n_steps, step_seconds=took / n_steps, phase="timing steps")
        return took

    n_steps = 1
    while True:
        found = [timed_steps(n_steps)]
        if not reports.ended:
            found.append(timed_steps(n_steps))
        # The shorter of two: an interruption makes a few steps look long enough.
        if min(found) >= TRUSTED_SECONDS or n_steps == MAX_STEPS or reports.ended:
            break
        n_steps *= 2
    while len(found) < REPEATS and sum(found) < ENOUGH_SECONDS and not reports.ended:
        found.append(timed_steps(n_steps))
    step_seconds = statistics.median(found) / n_steps
    set_up_seconds = max(around - step_seconds, 0.0)
    _, last = _timed(descent.result)  # with a longer trace than the first result
    if descent.stop_reason is not None:  # perhaps before its first step
        step_seconds = math.nan
    else:
        step_seconds += max(last - first, 0.0) / descent.n_steps
    return Timing(step_seconds=step_seconds, set_up_seconds=set_up_seconds, radius=radius)


def _timed(work):
    """Return the value of a call and its seconds."""
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def made_up_data(n, d, dtype, n_classes=None):
    """Return X and y of shape (n, d), or of a smaller shape if X would be very large.

    In Gram space a smaller X has fewer columns, because the time of a step does not depend on
    them. Otherwise it has fewer rows, and fewer columns only if 64 rows, or one for each class, or
    the weights of all classes are too many.

    Parameters
    ----------
    n, d : int
        Rows and columns of the data.
    dtype : numpy.dtype
        The dtype of X.
    n_classes : int, optional
        The number of classes with softmax, at most n.

    Returns
    -------
    X : ndarray of at most n rows and d columns, in C order
        Periodic uniform noise between 0 and 1; zeros and ones for integers.
    y : ndarray
        Alternating labels 0 and 1, or the classes in turn.
    """
    classes = 2 if n_classes is None else n_classes
    least = n if in_gram_space(n, d, n_classes) else max(64, classes)
    rows = min(n, max(least, MADE_UP_ELEMENTS // d))
    columns = min(d, MADE_UP_ELEMENTS // rows)
    if n_classes is not None:
        columns = min(columns, max(1, MADE_UP_WEIGHTS // n_classes))
    rng = np.random.default_rng(0)
    pattern = rng.random(65_537) if dtype.kind == "f" else rng.integers(0, 2, 65_537)
    values = np.empty(rows * columns, dtype)
    for start in range(0, len(values), len(pattern)):
        part = values[start : start + len(pattern)]
        part[...] = pattern[: len(part)]
    return values.reshape(rows, columns), np.arange(rows) % classes
