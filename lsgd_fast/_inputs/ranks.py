"""What the processes of one run agree on: values, errors, signals, the clock."""

import builtins
import itertools
import signal
import sys
import threading
from contextlib import contextmanager, suppress

import numpy as np

__all__ = ["ALONE", "Ranks"]

# Errors that other ranks raise as what they are; the rest become a RuntimeError that names them.
SHARED_ERRORS = ("TypeError", "ValueError", "MemoryError", "OSError", "FileNotFoundError")


class Ranks:
    """The processes, or *ranks*, that hold the rows of X together, as one of them sees them.

    All ranks call the same methods in the same order. What one of them raises within `together`,
    the others raise at their next `gather`. Each `gather` has the name of its place, so that ranks
    that make different calls find out.

    A signal handler that raises in the middle of an exchange would leave the other ranks waiting
    for ever. So handlers are only noted meanwhile, and run when it is over.

    Parameters
    ----------
    communicator : Communicator
        See `lsgd_fast.distributed`.
    """

    def __init__(self, communicator):
        self.communicator = communicator
        self.rank, self.size = communicator.rank, communicator.size
        self.handlers = {}  # of signals, while these are only noted, ...
        self.noted = []  # ... in here
        self.is_handling = False  # whether handlers may be running on a rank
        self.depth = 0  # of blocks of `together`
        self.numbers = getattr(communicator, "numbers", itertools.count(1))
        self.agreed_error = None  # the latest that all ranks know of
        self.has_failed = False  # whether an exchange did: other ranks may be gone

    # --- agreements -------------------------------------------------------------------------------

    def gather(self, thing, place="the arguments"):
        """Return the things of all ranks, in order; raise what one of them has raised.

        Parameters
        ----------
        thing : object
            That can be pickled.
        place : str, default "the arguments"
            The same on all ranks, unless they make different calls: a RuntimeError on all of them.
        """
        if self.size == 1:
            return [thing]
        with self.deferring_signals():
            found = self._exchange(self.communicator.gather_objects, (place, thing, None))
            for rank, (_, _, message) in enumerate(found):
                if message is not None:
                    self._agree_on(_error_of(rank, *message))
            for rank, (other, _, _) in enumerate(found):
                if other != found[0][0]:
                    self._agree_on(
                        RuntimeError(
                            f"rank 0 is at {found[0][0]}, rank {rank} at {other}: all ranks must "
                            "make the same calls in the same order, with the same arguments"
                        )
                    )
        return [thing for _, thing, _ in found]

    def _agree_on(self, error):
        """Raise an error that all ranks raise."""
        self.agreed_error = error
        raise error

    def first(self, thing, place="the arguments"):
        """Return the thing of the first rank; `place` is that of `gather`."""
        return self.gather(thing if self.rank == 0 else None, place)[0]

    def on_first(self, action, *arguments):
        """Let the first rank alone do something, for which the others wait.

        After an exchange has failed, each rank that is left does it.
        """
        if self.rank == 0 or self.has_failed:
            action(*arguments)
        if not self.has_failed:
            self.gather(None, "a file")

    def check_idle(self):
        """RuntimeError while handlers of signals run: only some ranks may have one."""
        if self.is_handling:
            raise RuntimeError(
                "a signal handler cannot save a descent of several ranks: let it set a flag for "
                "the callback, and save after step()"
            )

    def require_same(self, name, value):
        """Raise ValueError on all ranks unless `value` has the same repr on all of them."""
        if self.size == 1:
            return
        values = self.gather(repr(value), name)
        for rank, other in enumerate(values):
            if other != values[0]:
                self._agree_on(
                    ValueError(
                        f"{name} must be the same on every rank; rank 0 has {values[0][:200]}, "
                        f"rank {rank} has {other[:200]}"
                    )
                )

    @contextmanager
    def together(self):
        """Let an exception in here be raised on all ranks.

        They leave the outermost block together: so others hear of what is raised at its end, too.
        """
        if self.size == 1:
            yield
            return
        self.depth += 1
        try:
            yield
        except BaseException as error:
            if error is self.agreed_error or self.has_failed:
                raise
            with self.deferring_signals():  # no handler runs at the end, since this raises
                self._report(error)
                self.agreed_error = error
                raise
        finally:
            self.depth -= 1
        if self.depth == 0 and not self.has_failed:
            self.gather(None, "the end")

    def _report(self, error):
        """Tell the other ranks, at whichever `gather` they are, about an error of this one."""
        report = (None, None, _message_of(error))
        with suppress(Exception):  # the error itself tells more than that others do not answer
            self._exchange(self.communicator.gather_objects, report)

    # --- exchanges of numbers ---------------------------------------------------------------------

    def allgather(self, send, receive):
        """Fill `receive` (size, m) with the float64 arrays `send` (m,) of all ranks."""
        self._exchange(self.communicator.allgather, send, receive)

    def alltoall(self, send, receive):
        """Fill row r of `receive` (size, m) with this rank's row of the `send` of rank r."""
        self._exchange(self.communicator.alltoall, send, receive)

    def swap(self, pieces):
        """Return what each rank has for this one, given what this one has for each."""
        self.gather(None, "rows that move")
        with self.deferring_signals():
            return self._exchange(self.communicator.exchange_objects, pieces)

    def _exchange(self, method, *arguments):
        if self.has_failed:
            raise RuntimeError(
                "an exchange with the other ranks has failed before: start again from a checkpoint"
            )
        try:
            return method(*arguments)
        except BaseException:
            self.has_failed = True
            raise

    # --- signals ----------------------------------------------------------------------------------

    @contextmanager
    def deferring_signals(self):
        """Note signals in here, and run their handlers at the end, or in `run_handlers`."""
        if self.handlers or self.size == 1 or not _in_main_thread():
            yield
            return
        handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self.handlers = {number: one for number, one in handlers.items() if _is_python(one)}
        try:
            _set_handlers(dict.fromkeys(self.handlers, self._note))
            yield
        finally:
            handlers, self.handlers = self.handlers, {}
            _set_handlers(handlers)
        while self.noted:
            number = self.noted.pop(0)
            handlers[number](number, sys._getframe())

    def _note(self, number, frame):
        self.noted.append(number)

    def run_handlers(self):
        """Run the handlers of the signals that any rank has noted, together."""
        self.is_handling = True
        try:
            with self.together():
                while self.noted:
                    number = self.noted.pop(0)
                    self.handlers[number](number, sys._getframe())
            self.gather(None, "signals")
        finally:
            self.is_handling = False


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()


def _is_python(handler):
    """Whether a handler of signals is a function of Python, which may raise."""
    return callable(handler) and not isinstance(handler, signal.Handlers)


def _set_handlers(handlers):
    """Set the handlers of signals, all of them even if one that is set already raises."""
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    except BaseException:
        _set_handlers(handlers)
        raise


def _message_of(error):
    """Return the name of the type and the message: an exception itself may not be picklable."""
    return type(error).__name__, str(error)


def _error_of(rank, name, message):
    """Return the error of another rank as an exception."""
    if name == "KeyboardInterrupt":
        return InterruptedError(f"rank {rank} was interrupted")
    if name in SHARED_ERRORS:
        return getattr(builtins, name)(f"on rank {rank}: {message}")
    return RuntimeError(f"on rank {rank}: {name}: {message}")


class _Alone:
    """The communicator of a process that has all rows."""

    rank, size = 0, 1

    def allgather(self, send, receive):
        np.copyto(receive[0], send)

    def alltoall(self, send, receive):
        np.copyto(receive, send)

    def gather_objects(self, thing):
        return [thing]

    def exchange_objects(self, things):
        return things


ALONE = Ranks(_Alone())
