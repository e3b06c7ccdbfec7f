"""Arrays of results: read-only, in copies and after pickling, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsgd_fast._checks import set_fields

__all__ = ["ReadOnlyArrays", "read_only"]


def read_only(array):
    """Return a read-only view; the caller's own array stays writable."""
    view = array.view()
    view.setflags(write=False)
    return view


class ReadOnlyArrays:
    """A base of frozen dataclasses whose fields that are arrays are read-only.

    NumPy makes arrays writable when it copies or unpickles them.
    """

    def __post_init__(self) -> None:
        self.__setstate__(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        arrays = {
            k: read_only(value) for k, value in state.items() if isinstance(value, np.ndarray)
        }
        set_fields(self, **state | arrays)
