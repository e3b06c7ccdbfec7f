"""Progress on a stream that people read: one line that keeps changing, or a line a stage."""

import math
import time

__all__ = ["StatusLine"]

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
