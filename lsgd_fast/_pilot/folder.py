"""What a pilot keeps as it goes, so that the same call goes on where an earlier one was left."""

import json
import os
import time
from contextlib import contextmanager
from hashlib import sha256

from lsgd_fast._checks import shown
from lsgd_fast._files import check_path, lock, open_regular, replacing
from lsgd_fast._text import to_json_values

__all__ = ["Folder"]

PARTS, RESULT, LOCK = "progress.json", "pilot.json", "lock"
LARGEST_FILE = 1 << 28  # bytes of PARTS, which hold a few thousand numbers


class Folder:
    """The parts of a pilot by their names, in a folder or, without one, in memory.

    Parameters
    ----------
    path : str or None
    request : dict
        What the parts depend on, as plain values.

    Raises
    ------
    ValueError
        If the folder holds another pilot, or another process is at work in it.
    """

    def __init__(self, path, request):
        self.path, self.request, self.parts, self.times = path, request, {}, {}
        if path is not None:
            self._read()

    @classmethod
    @contextmanager
    def locked(cls, path, request):
        """Return a folder, made if need be, that no other process works in meanwhile."""
        if path is None:
            yield cls(None, request)
            return
        path = check_path(path, "folder")
        if not path or (os.path.lexists(path) and not os.path.isdir(path)):
            raise ValueError(f"folder must name a folder, not a file; got {shown(path)}")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, LOCK), "ab") as file:
            try:
                lock(file)
            except BlockingIOError:
                raise ValueError(
                    f"folder {shown(path)}: another process works on this pilot; wait for it, or "
                    "pass another folder"
                ) from None
            except OSError:  # no locks on this file system
                pass
            yield cls(path, request)

    def keep(self, name, compute):
        """Return the part of this name: as it was kept, or as ``compute()`` returns it now.

        Parameters
        ----------
        name : str
        compute : callable
            It returns plain values: dicts, lists, strings, numbers and None.
        """
        if name not in self.parts:
            began = time.perf_counter()
            value = compute()
            self.times[name] = time.perf_counter() - began
            self.put(name, value)
        return self.parts[name]

    @property
    def seconds(self):
        """The time of all parts that were computed, in this call and earlier ones."""
        return sum(self.times.values())

    def put(self, name, value):
        """Keep a part under a name, in place of an earlier one."""
        # in memory as in a file: tuples become lists
        self.parts[name] = json.loads(json.dumps(value))
        if self.path is not None:
            kept = {"request": self.request, "parts": self.parts, "times": self.times}
            self._write(PARTS, {"digest": _digest(kept), "kept": kept})

    def file(self, name):
        """Return the path of a file of this name, or None without a folder."""
        return None if self.path is None else os.path.join(self.path, name)

    def finish(self, result):
        """Write the result, with None for numbers that JSON does not have."""
        if self.path is not None:
            self._write(RESULT, to_json_values(result), indent=1)

    def _write(self, name, value, indent=None):
        with replacing(self.file(name)) as file:
            file.write(json.dumps(value, indent=indent).encode())

    def _read(self):
        path = self.file(PARTS)
        if not os.path.lexists(path):
            return
        try:
            with open_regular(path) as file:
                found = json.loads(file.read(LARGEST_FILE))
            kept = found["kept"]
            if found["digest"] != _digest(kept):
                raise ValueError("not as it was written")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"folder {shown(self.path)}: {PARTS} is damaged, or not that of a pilot: remove "
                "it, or pass another folder"
            ) from error
        request, parts, times = (kept[name] for name in ("request", "parts", "times"))
        wanted = json.loads(json.dumps(self.request))
        if request != wanted:
            other = ", ".join(_differing(request, wanted)) or "of another version"
            raise ValueError(
                f"folder {shown(self.path)} holds a pilot of other data or arguments ({other}): "
                "pass another folder"
            )
        self.parts, self.times = parts, times


def _digest(kept):
    """Return what tells whether parts are as they were written."""
    return sha256(json.dumps(kept).encode()).hexdigest()


def _differing(first, second):
    """Yield the names of what differs in two nested dicts with the same names."""
    for name, value in second.items():
        other = first.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            yield from _differing(other, value)
        elif value != other:
            yield name
