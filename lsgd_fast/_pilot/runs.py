"""The run of one stepsize on all rows, with checkpoints and with measurements on the test rows."""

import hashlib
import math
import os
import time
from contextlib import suppress
from dataclasses import asdict

import numpy as np

from lsgd_fast._engine.descent import Descent, descend
from lsgd_fast._inputs.callbacks import pace_of
from lsgd_fast._inputs.requests import DescentOptions, base_rate_start, check_descent
from lsgd_fast._methods.trial_runs import normalized_margin
from lsgd_fast._pilot.result import Point
from lsgd_fast._results.run import Run

__all__ = ["Ended", "measured_steps", "run_to_end"]

RECORDED = 1000  # rows of a trace, about
PER_DECADE = 10  # measurements on the test rows
BETWEEN_SAVES = 2.0  # seconds, and at most this share of the time for saves:
SAVE_SHARE = 0.05
SLICE = 0.5  # seconds of steps between two looks at the clock


class Ended(Exception):
    """The callback has ended the pilot."""


def measured_steps(n_steps):
    """Return the numbers of steps after which a run is measured: ten a decade, and the last."""
    n_powers = math.floor(PER_DECADE * math.log10(n_steps)) + 1
    steps = {round(10.0 ** (k / PER_DECADE)) for k in range(n_powers)}
    return sorted({0, n_steps} | {step for step in steps if step < n_steps})


def run_to_end(name, problem, stepsize, stop, options, held_out, folder, watch):
    """Take the steps of a run, on from its checkpoint if there is one, and measure it on the way.

    Parameters
    ----------
    name : str
        Of its files.
    problem : Problem
        Of all rows, of which the test rows have no weight.
    stepsize : float
    stop : Stop
    options : PilotOptions
    held_out : HeldOut
    folder : Folder
    watch : callable
        Called as ``watch(descent)`` between steps; it may raise `Ended`.

    Returns
    -------
    run : Run
    curve : tuple of Point
    """
    finished = folder.file(f"{name}.run.npz")
    points = [Point(**kept) for kept in folder.parts.get(f"{name} curve", [])]
    if folder.parts.get(f"{name} ended") == _digest(finished):
        return Run.load(finished), tuple(points)
    descent = _descent(name, problem, stepsize, stop, options, folder)
    pace = pace_of(options.callback, options.calls_every(options.n_steps))
    work = _Work(name, descent, folder, watch, pace)
    work.points = points = [point for point in points if point.step <= descent.n_steps]
    try:
        for step in measured_steps(options.n_steps):
            if step < descent.n_steps and descent.stop_reason is None:
                continue  # a checkpoint is further on
            work.go_to(step)
            if not points or points[-1].step < descent.n_steps:
                points.append(_measure(descent.result(), problem, held_out))
            if descent.stop_reason is not None:
                break
    except BaseException:  # nothing is lost
        work.save()
        raise
    run = descent.result()
    if finished is not None:
        folder.put(f"{name} curve", list(map(asdict, points)))
        run.save(finished)
        folder.put(f"{name} ended", _digest(finished))
    return run, tuple(points)


def _descent(name, problem, stepsize, stop, options, folder):
    """Return the descent of a checkpoint, or a new one."""
    n_threads, path = options.n_threads, folder.file(f"{name}.checkpoint.npz")
    if path is not None and f"{name} began" not in folder.parts:
        with suppress(FileNotFoundError):  # of a pilot that the folder no longer knows
            os.unlink(path)
        folder.put(f"{name} began", True)
    if path is not None and os.path.lexists(path):
        try:
            return Descent.load(
                path, problem.X, _labels(problem), sample_weight=problem.weight,
                offset=problem.offset, center=problem.center, scale=problem.scale,
                n_threads=n_threads,
            )  # fmt: skip
        except ValueError as error:
            raise ValueError(f"{error}; remove the file, and this run starts anew") from error
    every = max(1, options.n_steps // RECORDED)
    recorded = DescentOptions(record_every=every, n_threads=n_threads)
    start = base_rate_start(problem)
    return descend(check_descent(problem, stepsize, recorded, start=start, stop=stop))


def _digest(path):
    """Return the digest of a file, or a word that is none where there is no such file."""
    if path is None or not os.path.lexists(path):
        return "missing"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _labels(problem):
    """Return the labels of the rows as they were passed."""
    return np.array(problem.classes)[(problem.y > 0).astype(np.intp)]


class _Work:
    """A descent that saves itself from time to time, with the points that were measured so far."""

    def __init__(self, name, descent, folder, watch, pace):
        self.name, self.descent, self.folder = name, descent, folder
        self.watch, self.pace = watch, pace
        if pace is not None:
            pace.begin(descent.n_steps)
        self.points, self.slice = [], 1
        self.saved_at, self.save_seconds = time.perf_counter(), 0.0
        self.saved_step = descent.n_steps

    def go_to(self, step):
        """Take the steps up to a number of them, unless the run ends before."""
        descent, pace = self.descent, self.pace
        while descent.n_steps < step and descent.stop_reason is None:
            began = time.perf_counter()
            target = min(step, descent.n_steps + self.slice)
            if pace is not None:
                target = min(target, pace.next_look(descent.n_steps))
            descent.step(target - descent.n_steps)
            took = time.perf_counter() - began
            self.slice = max(1, self.slice * 2 if took < SLICE / 2 else self.slice // 2)
            if pace is not None and pace.is_due(descent.n_steps):
                self.watch(descent)
            pause = max(BETWEEN_SAVES, self.save_seconds / SAVE_SHARE)
            if time.perf_counter() - self.saved_at >= pause:
                self.save()

    def save(self):
        """Write a checkpoint, if there is a folder and anything new; the points come first."""
        path = self.folder.file(f"{self.name}.checkpoint.npz")
        if path is None or self.saved_step == self.descent.n_steps:
            return
        began = time.perf_counter()
        self.folder.put(f"{self.name} curve", list(map(asdict, self.points)))
        self.descent.save(path)
        self.saved_at, self.saved_step = time.perf_counter(), self.descent.n_steps
        self.save_seconds = self.saved_at - began


def _measure(run, problem, held_out):
    """Return a run where it stands."""
    trace, measured = run.trace, held_out.measure(run.weights, run.intercept)
    loss = trace.loss if problem.l2 == 0.0 else trace.objective
    return Point(
        step=run.n_steps,
        loss=float(loss[-1]),
        ln_loss=float(trace.ln_loss[-1]),
        margin=normalized_margin(run),
        held_out_loss=measured.loss,
        held_out_error=measured.error,
    )
