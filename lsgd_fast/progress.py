"""Progress of a run: a callback that displays it, a status line, and the log."""

from __future__ import annotations

import logging
import math
import sys
import time
from typing import Self, TextIO, TypeVar

from lsgd_fast._checks import check_count, shown
from lsgd_fast._text import WIDTH, describe_ending
from lsgd_fast._typing import Count, ProgressBar, ProgressState

AnyRun = TypeVar("AnyRun")

__all__ = ["logged", "progress_bar"]

PAUSE = 0.05  # least seconds between two changes of the status line


def progress_bar(n_steps: Count | None = None, *, stream: TextIO | None = None) -> ProgressBar:
    """Return a callback that displays the step, loss and verdict of a run.

    A run waits for each call of its callback, so pass a ``callback_every`` of many steps.

    Parameters
    ----------
    n_steps : int, optional
        The total number of steps, 1 or more. By default it is unknown, and the display shows no
        share of it.
    stream : text file, optional
        Where to write; ``sys.stderr`` by default.

    Returns
    -------
    callable
        The value for ``callback=`` of `gradient_descent`, `stepsize_sweep` or `Descent`. It never
        ends a run. It draws a tqdm bar if tqdm is installed, and otherwise a line of text that it
        overwrites; without tqdm it writes nothing unless the stream is a terminal. Of several
        ranks the first one displays. The display ends after step `n_steps`, or with a call of its
        method `close`.

    Raises
    ------
    TypeError, ValueError
        If `n_steps` is not a positive integer, or `stream` has no method `write`.

    Examples
    --------
    >>> import io, lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> bar = lsgd.progress_bar(1000, stream=io.StringIO())
    >>> run = lsgd.gradient_descent(X, y, 32.0, 1000, callback=bar, callback_every=100)
    """
    if n_steps is not None:
        n_steps = check_count("n_steps", n_steps, 1)
    stream = sys.stderr if stream is None else stream
    if not callable(getattr(stream, "write", None)):
        raise TypeError(f"stream must be a text file; got {shown(stream)}")
    try:
        import tqdm
    except ImportError:
        return _Line(n_steps, stream)
    return _Bar(n_steps, lambda: tqdm.tqdm(total=n_steps, file=stream, unit="step"))


def logged(run: AnyRun, rank: int = 0) -> AnyRun:
    """Return a `Run`; log how it ended, at level INFO of the logger "lsgd_fast", on rank 0."""
    log = logging.getLogger("lsgd_fast")
    if rank == 0 and log.isEnabledFor(logging.INFO):
        ending = describe_ending(run.stop_reason, run.n_steps)
        log.info("Run %s (%s). %s", ending, run.verdict, run.evidence)
    return run


def _describe(state):
    verdict = f", {state.verdict}" if hasattr(state, "verdict") else ""  # batches have none
    return f"loss {state.loss:.4g}{verdict}"


class _Line:
    """A callback that displays progress on a status line."""

    def __init__(self, n_steps, stream):
        self.n_steps, self.line = n_steps, StatusLine(stream)

    def __call__(self, state: ProgressState) -> None:
        if getattr(state, "rank", 0) > 0:
            return
        total = "" if self.n_steps is None else f" of {self.n_steps}"
        self.line.show(f"step {state.n_steps}{total}: {_describe(state)}")
        if state.n_steps == self.n_steps:
            self.close()

    def close(self) -> None:
        self.line.clear()


class _Bar:
    """A callback that displays progress on a tqdm bar, a new bar when the steps start again.

    They do in a sweep that makes its runs one after another.
    """

    def __init__(self, n_steps, begin):
        self.n_steps, self.begin, self.bar = n_steps, begin, None

    def __call__(self, state: ProgressState) -> None:
        if getattr(state, "rank", 0) > 0:
            return
        if self.bar is None or state.n_steps < self.bar.n:
            self.close()
            self.bar = self.begin()
        self.bar.set_postfix_str(_describe(state), refresh=False)
        self.bar.update(state.n_steps - self.bar.n)
        if state.n_steps == self.n_steps:
            self.close()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


class StatusLine:
    """One line that changes on a terminal and is cleared at the end; elsewhere a line per stage.

    Parameters
    ----------
    stream : text file
        Where to write, such as ``sys.stderr``.
    """

    stream: TextIO
    live: bool
    shown_at: float

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.live, self.shown_at = stream, stream.isatty(), -math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Clear the line, on a terminal."""
        if self.live:
            self._write("\r" + " " * WIDTH + "\r")

    def show(self, text: str, now: bool = False) -> None:
        """Replace the line, on a terminal; unless `now`, skip it if the line has just changed."""
        if self.live and (now or time.monotonic() - self.shown_at >= PAUSE):
            self.shown_at = time.monotonic()
            self._write(f"\r{text[:WIDTH]:<{WIDTH}}")

    def log(self, text: str) -> None:
        """Write a line about a stage that is over, where the stream is not a terminal."""
        if not self.live:
            self._write(text + "\n")

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()
