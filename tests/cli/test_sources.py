"""Text that is no text, has no end, or asks for more memory than it may is refused by its name."""

import gzip
import os

import numpy as np
import pytest

from lsgd_fast.cli import sources
from lsgd_fast.cli.data_files import read_data
from support.crafted_files import at_most
from support.datafiles import X, libsvm, same, table, write

TEXTS = {"a.csv": table(), "a.svm": libsvm(), "a.csv.gz": table(), "a.svm.gz": libsvm()}
every_text = pytest.mark.parametrize("name", TEXTS)


def refused(path, why, **options):
    """Assert that a file is refused in one line that names it."""
    with pytest.raises(ValueError) as caught:
        read_data(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{str(options.get('labels', path))!r}: ") and "\n" not in text
    assert why in text
    return True


@every_text
@pytest.mark.parametrize(
    ("spoilt", "why"),
    [(b"\0", "has a NUL byte"), (b"\xff", "is not UTF-8 text"), (b"\xe2\x82", "is not UTF-8 text")],
)
@pytest.mark.parametrize("block", [1, 7, 1 << 22])
def test_bytes_that_are_no_text(tmp_path, monkeypatch, name, spoilt, why, block):
    monkeypatch.setattr(sources, "BLOCK_BYTES", block)
    lines = TEXTS[name].encode().splitlines(keepends=True)
    for number in (1, 4, len(lines)):
        changed = [*lines[: number - 1], lines[number - 1][:-1] + spoilt, *lines[number:]]
        assert refused(write(tmp_path / name, b"".join(changed)), f"line {number} {why}")


@every_text
def test_a_line_has_a_limit(tmp_path, monkeypatch, name):
    monkeypatch.setattr(sources, "BLOCK_BYTES", 16)
    path, longest = write(tmp_path / name, TEXTS[name]), max(map(len, TEXTS[name].splitlines()))
    monkeypatch.setattr(sources, "MAX_LINE", longest)
    assert same(read_data(path))
    monkeypatch.setattr(sources, "MAX_LINE", longest - 1)
    assert refused(path, "is longer than 0 MiB")


@every_text
def test_compressed_text_has_a_limit(tmp_path, monkeypatch, name):
    path, size = write(tmp_path / name, TEXTS[name]), len(TEXTS[name].encode())
    monkeypatch.setattr(sources, "MAX_TEXT", size)
    assert same(read_data(path))
    monkeypatch.setattr(sources, "MAX_TEXT", size - 1)
    if name.endswith(".gz"):
        assert refused(path, "without compression: decompress it first")
    else:
        assert same(read_data(path))


def test_a_bomb_is_refused_in_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_TEXT", 1 << 25)
    bomb = gzip.compress(b"1,2,0\n") + gzip.compress(bytes(b"1,2,0\n" * (1 << 18))) * 400
    (tmp_path / "a.csv.gz").write_bytes(bomb)
    assert refused(tmp_path / "a.csv.gz", "larger than 0.0312 GiB without compression")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.svm.gz"])
def test_gzip_that_is_damaged_where_text_is_not_utf_8(tmp_path, name):
    """The search for the line that is not UTF-8 met the end of the stream, and that was raised."""
    noise = np.random.default_rng(0).bytes(300_000).replace(b"\n", b"")  # a line without an end
    whole = gzip.compress(b"1,2,0\n" + noise)
    for damaged in (whole[:-9], whole[: len(whole) // 2], whole[:-8] + bytes(8)):
        (tmp_path / name).write_bytes(damaged)
        assert refused(tmp_path / name, "")
    (tmp_path / name).write_bytes(whole[:60])
    assert refused(tmp_path / name, "")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.svm.gz"])
def test_gzip_that_is_not_plain(tmp_path, name):
    path, text = tmp_path / name, TEXTS[name].encode()
    whole = gzip.compress(text)
    path.write_bytes(gzip.compress(whole))
    assert refused(path, "line 1 is not UTF-8 text")
    path.write_bytes(whole + b"rubbish")
    assert refused(path, "Not a gzipped file")
    path.write_bytes(gzip.compress(text[:50]) + gzip.compress(text[50:]) + bytes(9))
    assert same(read_data(path))  # several parts, and padding


@pytest.mark.parametrize("name", [*TEXTS, "a.npy", "a.npz", "a.npy and labels", "labels of a.npy"])
def test_only_regular_files_are_read(tmp_path, name):
    options, path = {}, tmp_path / name
    if "labels" in name:
        path = tmp_path / "a.npy"
        np.save(path, X)
        options["labels"] = tmp_path / ("y.npy" if name == "a.npy and labels" else "y.txt")
    special = options.get("labels", path)
    os.mkfifo(special)
    with at_most(5.0):
        assert refused(path, "not a regular file, but a pipe or a device", **options)
        os.unlink(special)
        os.symlink("/dev/zero", special)
        assert refused(path, "not a regular file, but a pipe or a device", **options)


@pytest.mark.parametrize("text", ["1,2,0\n3,4,1\n", "1,2,0\n3,4,1"])
def test_a_table_has_a_limit(tmp_path, monkeypatch, text):
    path = write(tmp_path / "a.csv", text)
    monkeypatch.setattr("lsgd_fast.cli.data_files.half_of_memory", lambda: 8 * 2 * 3)
    assert read_data(path).X.shape == (2, 2)
    monkeypatch.setattr("lsgd_fast.cli.data_files.half_of_memory", lambda: 8 * 2 * 3 - 1)
    assert refused(path, "2 lines of 3 cells would make X an array of more than 4.7e-08 GB")


def test_the_numbers_of_libsvm_have_a_limit(tmp_path, monkeypatch):
    path = write(tmp_path / "a.svm", "1 1:1 2:1 3:1\n" * 100 + "-1 1:1\n")
    monkeypatch.setattr(sources, "BLOCK_BYTES", 10)
    monkeypatch.setattr("lsgd_fast.cli.data_files.half_of_memory", lambda: 8 * 101 * 3)
    assert refused(path, "the numbers so far take more than 2.42e-06 GB")


@pytest.mark.parametrize("separate", [False, True])
def test_labels_have_a_limit(tmp_path, monkeypatch, separate):
    labels = ["x" * 1000, *"yxxyyx"]
    monkeypatch.setattr("lsgd_fast.cli.data_files.half_of_memory", lambda: 4 * 7 * 1000 - 1)
    if separate:
        np.save(tmp_path / "a.npy", X)
        path = write(tmp_path / "y.txt", "\n".join(labels))
        why = "a label of 1000 characters is too long for 7 rows"
        assert refused(tmp_path / "a.npy", why, labels=path)
        path = write(tmp_path / "y.txt", "1\n" * 100)
        assert refused(tmp_path / "a.npy", "more than 7 labels, but X has 7 rows", labels=path)
    else:
        path = write(tmp_path / "a.csv", table(labels=labels))
        assert refused(path, "a label of 1000 characters is too long for 7 rows")
