"""A file is replaced whole or not at all, keeps its mode, and nothing is left behind."""

import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lsgd_fast._files import check_path, find_target, open_regular, replacing

OLD, NEW = b"old", b"new" * 100


def save(path, data=NEW):
    with replacing(path) as file:
        file.write(data)


def only(folder, name):
    """Assert that a folder holds this one file; return what is in it."""
    assert os.listdir(folder) == [name]
    return (folder / name).read_bytes()


@pytest.mark.parametrize("kind", [str, os.fsencode, Path], ids=["str", "bytes", "PathLike"])
@pytest.mark.parametrize("name", ["a", "a.npz", "ends.", ".hidden", "n\u00e4me", "x" * 255])
def test_names(tmp_path, kind, name):
    path = kind(str(tmp_path / name))
    save(path, OLD)
    save(path)
    assert only(tmp_path, name) == NEW
    with open_regular(check_path(path)) as file:
        assert file.read() == NEW


def test_a_name_that_is_not_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff"
    save(path)
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff"]
    save(os.fsdecode(path), OLD)
    assert Path(os.fsdecode(path)).read_bytes() == OLD


@pytest.mark.parametrize("path", [0, True, None, 1.5, ["a"], memoryview(b"a")])
def test_what_is_no_name(path):
    with pytest.raises(TypeError, match="path must be a str, bytes or os.PathLike; got "):
        check_path(path)


@pytest.mark.parametrize("path", ["a\0b", b"a\0b", "\ud800"])
def test_names_that_no_file_can_have(path):
    with pytest.raises(ValueError, match="path must "):
        check_path(path)


@pytest.mark.parametrize("path", [["a"] * 9999, "a\0" * 9999, "\ud800" * 9999, "a/" * 9999])
def test_errors_show_long_values_in_part(path):
    with pytest.raises((TypeError, ValueError), match="path must ") as caught:
        find_target(check_path(path))
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("end", ["", ".", "..", "folder", "folder/", "file/", "pipe", "loop"])
def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch, end):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(os.listdir())
    with pytest.raises(ValueError, match=f"path must name a file, .*; got {end!r}"):
        save(end)
    assert sorted(os.listdir()) == before
    with pytest.raises(ValueError, match="path must name a file"):
        find_target("/dev/null")


@pytest.mark.parametrize("name", ["no/folder/a", "file/a", "x" * 256])
def test_errors_of_the_system_name_the_path(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        save(tmp_path / name)
    assert caught.value.filename == str(tmp_path / name) and caught.value.filename2 is None
    assert only(tmp_path, "file") == b""


@pytest.mark.parametrize("body", ["open", "raise"])
def test_errors_about_other_files_pass_through(tmp_path, body):
    save(tmp_path / "a", OLD)
    other, error = str(tmp_path / "font"), FileNotFoundError(2, "No such file", str(tmp_path / "x"))
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a"):
        if body == "open":
            open(other)
        raise error
    assert caught.value.filename == other if body == "open" else caught.value is error
    assert only(tmp_path, "a") == OLD


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path):
    save(tmp_path / "a", OLD)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError) as caught:
            save(tmp_path / "a")
    finally:
        tmp_path.chmod(0o700)
    assert caught.value.filename == str(tmp_path / "a")
    assert only(tmp_path, "a") == OLD


def test_no_space(tmp_path):
    save(tmp_path / "a", OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            save(tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(tmp_path / "a")
    assert only(tmp_path, "a") == OLD


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o666, 0o755])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_an_old_file_keeps_its_mode_and_a_new_one_has_that_of_the_umask(tmp_path, mode, umask):
    before = os.umask(umask)
    try:
        save(tmp_path / "a")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask
        (tmp_path / "a").chmod(mode)
        with replacing(tmp_path / "a") as file:  # nor is it readable on the way
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_group_that_cannot_be_kept_leaves_no_other_group_readers(tmp_path, monkeypatch):
    save(tmp_path / "a", OLD)
    (tmp_path / "a").chmod(0o664)
    seen = os.stat(tmp_path / "a")
    other = os.stat_result([*seen[:5], seen.st_gid + 1, *seen[6:]])
    monkeypatch.setattr(os, "stat", lambda *args, **kwargs: other)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fchown", refuse)
        save(tmp_path / "a")
    monkeypatch.undo()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


def refuse(*args):
    raise PermissionError(1, "Operation not permitted")


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    for data in (OLD, NEW):
        save(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink()
        assert only(tmp_path / "there", "file") == data


def test_a_file_has_its_name_once_it_is_on_the_disk(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def named(*names):
        done.append("name")
        replace(*names)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    save(tmp_path / "a")
    assert done == ["file", "name", "folder"]


KILLED = """
import os, sys
from lsgd_fast._files import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""
BUSY = """
import sys
from lsgd_fast._files import replacing
for _ in range(100):
    with replacing(sys.argv[1]) as file:
        file.write(sys.argv[2].encode() * 10_000)
"""


def start(program, *arguments):
    """Start a program in another process."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-P", "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, env=environment)


def open_as_a_user(path, flags, mode=0o777):
    """Open a file with no more rights than its mode gives its owner; root has all of them."""
    writes = flags & (os.O_WRONLY | os.O_RDWR)
    if writes and os.path.exists(path) and not os.stat(path).st_mode & stat.S_IWUSR:
        raise PermissionError(13, "Permission denied", path)
    return OPEN(path, flags, mode)


OPEN = os.open


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o444])
def test_the_next_save_removes_what_a_kill_has_left(tmp_path, monkeypatch, mode):
    save(tmp_path / "a", OLD)
    (tmp_path / "a").chmod(mode)
    assert start(KILLED, tmp_path / "a").wait(100) == -signal.SIGKILL
    assert (tmp_path / "a").read_bytes() == OLD and len(os.listdir(tmp_path)) == 2
    monkeypatch.setattr(os, "open", open_as_a_user)
    save(tmp_path / "a")
    assert only(tmp_path, "a") == NEW


def test_what_another_save_is_writing_is_left_alone(tmp_path):
    with replacing(tmp_path / "a") as file:
        save(tmp_path / "b")
        save(tmp_path / "a", OLD)
        file.write(NEW)
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == NEW


def test_a_file_that_is_taken_for_abandoned_is_made_again(tmp_path, monkeypatch):
    """Another process may find it before it is locked."""
    flock, met = fcntl.flock, []

    def late(file, how):
        if len(met) < 2:
            met.append(file.name)
            os.unlink(file.name)
            if len(met) == 2:
                raise BlockingIOError
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    save(tmp_path / "a")
    assert len(met) == 2 and only(tmp_path, "a") == NEW


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def unsupported(*args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    save(tmp_path / "a")
    assert only(tmp_path, "a") == NEW


def test_many_processes_save_at_once(tmp_path):
    processes = [start(BUSY, tmp_path / "a", letter) for letter in "abcd"]
    assert [process.wait(100) for process in processes] == [0] * 4
    data = only(tmp_path, "a")
    assert len(data) == 10_000 and len(set(data)) == 1


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "pipe"])
def test_only_regular_files_are_read(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file, but a pipe or a device"):
        open_regular(tmp_path / name)


def test_a_folder_and_a_missing_file_are_not_read(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "a")
