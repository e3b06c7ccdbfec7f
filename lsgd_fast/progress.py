"""Progress of a run: a callback that displays it, a status line, and the log."""

from __future__ import annotations

import logging
import math
import numbers
import sys
import time
from collections.abc import Callable
from typing import Any, Self, TextIO, TypeVar

from lsgd_fast._checks import check_count, shown
from lsgd_fast._text import WIDTH, describe_ending
from lsgd_fast._typing import Count, ProgressBar, ProgressState, Stepsize

AnyRun = TypeVar("AnyRun")

__all__ = ["LineDisplay", "StatusLine", "logged", "progress_bar", "run_with"]

INTERVAL = 0.1  # seconds between two changes of a display


def progress_bar(n_steps: Count | None = None, *, stream: TextIO | None = None) -> ProgressBar:
    """Return a callback that displays where a run, a trial, a fit or a search is.

    It is the ``callback=`` of every function that takes one. The display changes ten times a
    second, and a run calls it no more often: it takes many steps between two looks at the clock, so
    that ``callback_every`` need not be given.

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
        The value for ``callback=``. It never ends a run. It draws a bar of ``tqdm.auto`` if tqdm is
        installed, which is a widget in a notebook, and otherwise a line of text that it overwrites;
        without tqdm it writes nothing unless the stream is a terminal. Of several ranks the first
        one displays. The display ends after step `n_steps`, and with the function that it was
        passed to, also where that is interrupted. Around a `Descent`, call its method `close`. A
        pickle of it, such as that of a classifier with it, displays on ``sys.stderr``.

    Raises
    ------
    TypeError, ValueError
        If `n_steps` is not a positive integer, or `stream` has no method `write`.

    Notes
    -----
    It shows what the state has of `phase`, `stepsize`, `objective` or `loss`, `value` and `gap`,
    `step_seconds`, and `verdict`. A callback of your own is called by the clock, too, if it has an
    attribute `interval`, in seconds: about that often, and after the last step that was asked for.
    Its method `close`, if it has one, is called when the function ends.

    Examples
    --------
    >>> import io, lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> bar = lsgd.progress_bar(1000, stream=io.StringIO())
    >>> run = lsgd.gradient_descent(X, y, 32.0, 1000, callback=bar)
    """
    if n_steps is not None:
        n_steps = check_count("n_steps", n_steps, 1)
    stream = sys.stderr if stream is None else stream
    if not callable(getattr(stream, "write", None)):
        raise TypeError(f"stream must be a text file; got {shown(stream)}")
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return LineDisplay(n_steps, StatusLine(stream))
    return _Bar(n_steps, lambda: tqdm(total=n_steps, file=stream, unit="step"))


def run_with(stepsize: Stepsize, what: str = "Run") -> str:
    """Return the words for a run with a stepsize, a number or a rule, at the start of a line."""
    return f"{what} with " + (
        f"stepsize {stepsize:.6g}" if isinstance(stepsize, numbers.Real) else str(stepsize)
    )


def logged(run: AnyRun, stepsize: Stepsize | None, rank: int = 0) -> AnyRun:
    """Return a `Run`; log how it ended, at level INFO of the logger "lsgd_fast", on rank 0.

    Without a stepsize it is a minimisation.
    """
    log = logging.getLogger("lsgd_fast")
    if rank == 0 and log.isEnabledFor(logging.INFO):
        ending = describe_ending(run.stop_reason, run.n_steps)
        what = "Minimisation" if stepsize is None else run_with(stepsize)
        log.info("%s %s (%s). %s", what, ending, run.verdict, run.evidence)
    return run


def _describe(state):
    """Return what a state says, but for its number of steps."""
    found = {
        name: getattr(state, name, None)
        for name in ("phase", "stepsize", "loss", "objective", "value", "step_seconds", "verdict")
    }
    parts = [found["phase"]]
    if isinstance(found["stepsize"], numbers.Real):
        parts.append(f"stepsize {found['stepsize']:.6g}")
    quantity = "loss" if found["objective"] is None else "objective"
    if found[quantity] is not None:
        parts.append(f"{quantity} {found[quantity]:.4g}")
    if found["value"] is not None:
        most = found["value"] + state.gap
        parts.append(f"margin from {found['value']:.4g} to {most:.4g}")
    if found["step_seconds"] is not None:
        parts.append(f"{found['step_seconds']:.2g} s a step")
    return ", ".join(str(part) for part in (*parts, found["verdict"]) if part is not None)


class _Display:
    """A callback that displays progress, at most once in INTERVAL unless the phase is another."""

    interval: float = INTERVAL
    n_steps: int | None
    shown_at: float
    phase: str | None
    is_over: bool

    def __init__(self, n_steps: int | None) -> None:
        self.n_steps, self.shown_at, self.phase, self.is_over = n_steps, -math.inf, None, False

    def __call__(self, state: ProgressState) -> None:
        if getattr(state, "rank", 0) > 0:
            return
        was_over, self.is_over = self.is_over, state.n_steps == self.n_steps
        if was_over and self.is_over:  # of a sweep, whose runs end together
            return
        now, phase = time.monotonic(), getattr(state, "phase", None)
        if self.is_over or phase != self.phase or now - self.shown_at >= self.interval:
            self.shown_at, self.phase = now, phase
            self.show(state)
        if self.is_over:
            self.close()

    def show(self, state: ProgressState) -> None:
        """Display a state."""
        raise NotImplementedError

    def close(self) -> None:
        """End the display; another state begins it again."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self  # scikit-learn copies parameters, and a stream has no copy

    # Nor has a stream a pickle: a classifier that is loaded displays where it is loaded.
    def __reduce__(self) -> tuple[Any, ...]:
        return progress_bar, (self.n_steps,)


class LineDisplay(_Display):
    """A callback that displays progress on a status line.

    Parameters
    ----------
    n_steps : int or None
        The total number of steps.
    line : StatusLine
    """

    def __init__(self, n_steps: int | None, line: StatusLine) -> None:
        super().__init__(n_steps)
        self.line = line

    def show(self, state: ProgressState) -> None:
        """Display a state."""
        total = "" if self.n_steps is None else f" of {self.n_steps}"
        self.line.show(f"step {state.n_steps}{total}: {_describe(state)}")

    def close(self) -> None:
        """Clear the line."""
        self.line.clear()


class _Bar(_Display):
    """A callback that displays progress on a tqdm bar, a new bar when the steps start again.

    They do in a sweep that makes its runs one after another.
    """

    def __init__(self, n_steps: int | None, begin: Callable[[], Any]) -> None:
        super().__init__(n_steps)
        self.begin, self.bar = begin, None

    def show(self, state: ProgressState) -> None:
        """Display a state."""
        if self.bar is None or state.n_steps < self.bar.n:
            self.close()
            self.bar = self.begin()
        self.bar.set_postfix_str(_describe(state), refresh=False)
        self.bar.update(state.n_steps - self.bar.n)

    def close(self) -> None:
        """Leave the bar as it is; the next state begins another."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class StatusLine:
    """One line that changes on a terminal and is cleared at the end; elsewhere a line per stage.

    Parameters
    ----------
    stream : text file
        Where to write, such as ``sys.stderr``.
    """

    stream: TextIO
    live: bool
    is_blank: bool

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.live, self.is_blank = stream, _is_terminal(stream), True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Clear the line, on a terminal, if it shows anything."""
        if self.live and not self.is_blank:
            self.is_blank = True
            self._write("\r" + " " * WIDTH + "\r")

    def show(self, text: str) -> None:
        """Replace the line, on a terminal."""
        if self.live:
            self.is_blank = False
            self._write(f"\r{text[:WIDTH]:<{WIDTH}}")

    def log(self, text: str) -> None:
        """Write a line about a stage that is over, where the stream is not a terminal."""
        if not self.live:
            self._write(text + "\n")

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()


def _is_terminal(stream):
    """Return whether a stream is a terminal; one that has no method `isatty` is none."""
    return bool(getattr(stream, "isatty", bool)())
