"""Scripts in a folder of their own, which import one another by their names."""

import sys
from contextlib import contextmanager


@contextmanager
def importable(folder):
    """Let the modules of a folder be imported by their names, and forget them afterwards."""
    before, known = sys.path.copy(), set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
