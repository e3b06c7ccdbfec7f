"""How a run is getting on, for those who watch: a callback that shows it, and the log."""

import logging
import math
import sys
import time

from lsgd_fast._checks import check_count

__all__ = ["logged", "progress_bar", "StatusLine"]


def progress_bar(n_steps=None, *, stream=None):
    """Return a callback that shows step, loss and verdict while a run goes on.

    Pass it with a ``callback_every`` of many steps: a run pauses at each call.

    Parameters
    ----------
    n_steps : int, optional
        Steps in all, for a bar that fills.
    stream : text file, optional
        ``sys.stderr`` by default.

    Returns
    -------
    callable
        For ``callback=`` of `gradient_descent`, `stepsize_sweep` or `Descent`. It never ends a run.
        It draws with tqdm if that is installed, else as a line that is written over (and,
        where the stream is no terminal, not at all). Its `close` ends the display, which the last
        of `n_steps` does by itself.

    Raises
    ------
    TypeError, ValueError
        If `n_steps` is not a positive integer.

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
    try:
        import tqdm
    except ImportError:
        return _Line(n_steps, stream)
    return _Bar(n_steps, lambda: tqdm.tqdm(total=n_steps, file=stream, unit="step"))


def logged(run):
    """Tell the log how a `Run` ended, for those who listen, and return it."""
    log = logging.getLogger("lsgd_fast")
    if log.isEnabledFor(logging.INFO):
        log.info("%d steps, ended by %s, %s: %s", run.n_steps, run.stop_reason, run.verdict,
                 run.evidence)  # fmt: skip
    return run


def _describe(state):
    verdict = f", {state.verdict}" if hasattr(state, "verdict") else ""  # of batches there is none
    return f"loss {state.loss:.4g}{verdict}"


class _Line:
    """A line of text that is written over."""

    def __init__(self, n_steps, stream):
        self.n_steps, self.line = n_steps, StatusLine(stream)

    def __call__(self, state):
        total = "" if self.n_steps is None else f" of {self.n_steps}"
        self.line.show(f"step {state.n_steps}{total}: {_describe(state)}")
        if state.n_steps == self.n_steps:
            self.close()

    def close(self):
        self.line.clear()


class _Bar:
    """A bar of tqdm's; of a sweep whose runs go one after another, a bar for each."""

    def __init__(self, n_steps, begin):
        self.n_steps, self.begin, self.bar = n_steps, begin, begin()

    def __call__(self, state):
        if state.n_steps < self.bar.n:
            self.bar.close()
            self.bar = self.begin()
        self.bar.set_postfix_str(_describe(state), refresh=False)
        self.bar.update(state.n_steps - self.bar.n)
        if state.n_steps == self.n_steps:
            self.close()

    def close(self):
        self.bar.close()


WIDTH = 76
PAUSE = 0.05  # seconds between changes


class StatusLine:
    """On a terminal one line that keeps changing and goes in the end; elsewhere a line a stage.

    Parameters
    ----------
    stream : text stream
        Where it is written, such as ``sys.stderr``.
    """

    def __init__(self, stream):
        self.stream, self.live, self.shown_at = stream, stream.isatty(), -math.inf

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def clear(self):
        """Take the line away, on a terminal."""
        if self.live:
            self._write("\r" + " " * WIDTH + "\r")

    def show(self, text, now=False):
        """Say what is going on, on a terminal; unless `now`, not if the line has just changed."""
        if self.live and (now or time.monotonic() - self.shown_at >= PAUSE):
            self.shown_at = time.monotonic()
            self._write(f"\r{text[:WIDTH]:<{WIDTH}}")

    def log(self, text):
        """Say that a stage is over, where there is no terminal."""
        if not self.live:
            self._write(text + "\n")

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()
