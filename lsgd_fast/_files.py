"""Files: regular ones are opened for reading; a save replaces a file whole or leaves it alone."""

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from lsgd_fast._checks import shown

__all__ = ["check_path", "find_target", "lock", "open_regular", "replacing"]

# The names of files that are being written. They do not contain the name of the target, which may
# be as long as the file system allows.
PREFIX, SUFFIX = ".lsgd_fast-", ".tmp"


def check_path(path, argument="path"):
    """Return a name that was given as str, bytes or os.PathLike as a str."""
    try:
        name = os.fsdecode(path)
        os.fsencode(name)
    except TypeError:
        raise TypeError(
            f"{argument} must be a str, bytes or os.PathLike; got {shown(path)}"
        ) from None
    except UnicodeError:
        raise ValueError(
            f"{argument} must be a name that a file can have; got {shown(path)}"
        ) from None
    if "\0" in name:
        raise ValueError(f"{argument} must not contain a NUL character; got {shown(name)}")
    return name


def open_regular(path):
    """Open a regular file for reading its bytes; ValueError if it is a pipe or a device.

    A pipe would keep the caller waiting for a writer, and a device may have no end.
    """
    file = open(path, "rb", opener=_open_at_once)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("not a regular file, but a pipe or a device")
    return file


def lock(file):
    """Lock an open file for this process, until it is closed.

    Raises
    ------
    BlockingIOError
        If another process holds the lock.
    OSError
        If there are no locks: on some file systems, and on Windows.
    """
    if fcntl is None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def find_target(path):
    """Return the file that a save to `path` replaces; a symbolic link is followed.

    Raises
    ------
    ValueError
        If `path` names anything but a regular file, existing or new.
    """
    target = os.path.realpath(path)
    is_folder = os.path.basename(path) in ("", os.curdir, os.pardir)
    if is_folder or (os.path.lexists(target) and not os.path.isfile(target)):
        raise ValueError(f"path must name a file, not a folder or a device; got {shown(path)}")
    return target


@contextmanager
def replacing(path):
    """Make a file that takes the place of `path` once it is complete and on the disk.

    If anything fails before that, the old file is left as it was. The new one has its mode, or that
    of the umask if there was none. What a killed process has left behind is removed by the next
    save to the same folder.

    Parameters
    ----------
    path : str or os.PathLike or bytes

    Yields
    ------
    file
        Open for writing bytes.

    Raises
    ------
    OSError
        If the file cannot be written; its `filename` is `path`. Errors about other files pass
        through.
    ValueError
        If `path` is not the name of a regular file.
    """
    path = check_path(path)
    target = find_target(path)
    folder = os.path.dirname(target)
    try:
        old = os.stat(target) if os.path.lexists(target) else None
        _remove_abandoned(folder)
        with _open_temporary(folder, 0o666 if old is None else old.st_mode) as file:
            try:
                if old is not None and os.name == "posix":
                    _take_mode(file, old)
                yield file
                file.flush()
                os.fsync(file.fileno())
                if os.name != "posix":
                    file.close()  # Windows does not rename an open file
                os.replace(file.name, target)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(file.name)
                raise
        _sync(folder)
    except OSError as error:
        if error.errno is None or not _is_of_save(error.filename, target):
            raise
        raise OSError(error.errno, error.strerror, path) from error


def _open_at_once(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no pipes as files


def _open_temporary(folder, mode):
    """Create a file, locked so that no other process takes it for abandoned."""
    while True:
        name = os.path.join(folder, f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
        file = open(name, "xb", opener=lambda path, flags: os.open(path, flags, mode & 0o777))
        try:
            lock(file)
        except BlockingIOError:  # another process is about to remove it
            file.close()
            continue
        except OSError:  # no locks on this file system: then nothing there is removed, either
            return file
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # removed before it was locked


def _is_of_save(name, target):
    """Return whether the file that an error names, if any, is one that a save to `target` makes."""
    if name is None or name == target:
        return True
    return isinstance(name, str) and os.path.basename(name).startswith(PREFIX)


def _remove_abandoned(folder):
    """Remove the unlocked temporary files in a folder, whose processes are gone."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(PREFIX) and name.endswith(SUFFIX):
                path = os.path.join(folder, name)
                with suppress(OSError), _open_to_lock(path) as file:
                    lock(file)
                    os.unlink(path)


def _open_to_lock(path):
    """Open a file to lock it: for writing where that is allowed, as network file systems ask."""
    try:
        return open(path, "r+b", opener=_open_at_once)
    except PermissionError:
        return open(path, "rb", opener=_open_at_once)


def _take_mode(file, old):
    """Give a new file the owner, group and mode of the old one; never more readers than it had."""
    mode, descriptor = stat.S_IMODE(old.st_mode), file.fileno()
    with suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    if os.fstat(descriptor).st_gid != old.st_gid:
        mode &= ~stat.S_IRWXG
    with suppress(OSError):  # it was created with no more than this
        os.fchmod(descriptor, mode)


def _sync(folder):
    """Write a new name in a folder to the disk, where the file system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
