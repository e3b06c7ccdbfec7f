"""What is wrong with a call, and how a call ended."""

import pathlib
import traceback
import warnings

import lsgd_fast as lsgd

ALLOWED = (TypeError, ValueError)
COMPARED, REFUSED = "compared", "refused alike"


class Fault(AssertionError):
    """What is wrong with a call: a class of faults, and the details."""

    def __init__(self, what, details=""):
        self.what = what
        super().__init__(f"{what}: {details}")


def outcome(make):
    """Return (result, None), or (None, the error); other errors than the promised are faults."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lsgd.SeparationWarning)  # a result of minimize
            return make(), None
    except ALLOWED as error:
        return None, error
    except MemoryError:  # weights may have more columns than there is memory
        return None, ValueError("MemoryError")
    except Exception as error:
        raise Fault(f"raw {type(error).__name__}", f"{error} ({where(error)})") from error


def where(error):
    """Return the last place in the package, or in a check, that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [one for one in frames if "lsgd_fast" in one.filename or "support" in one.filename]
    return f"{pathlib.Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else "?"


def said(error):
    """Return the type and the text of an error, or None."""
    return None if error is None else (type(error).__name__, str(error))
