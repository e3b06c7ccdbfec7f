"""Archives whose members are not what NumPy writes are read as meant, or refused by their name."""

import io
import zipfile

import numpy as np
import pytest

from lsgd_fast.cli.data_files import read_data
from support.datafiles import X, Y, npy, same


def write(path, members, method=zipfile.ZIP_STORED, **options):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            with archive.open(name, "w", **options) as file:
                file.write(data)
    return path


def refused(path, why):
    with pytest.raises(ValueError) as caught:
        read_data(path)
    text = str(caught.value)
    assert text.startswith(f"{str(path)!r}: ") and "\n" not in text and why in text
    return True


def header(shape, descr):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}}}\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


GOOD = [("X.npy", npy(X)), ("y.npy", npy(Y))]


def test_what_is_read_as_meant(tmp_path):
    path = tmp_path / "a.npz"
    assert same(read_data(write(path, [("X.npy", npy(np.asfortranarray(X))), GOOD[1]])))
    swapped = read_data(write(path, [("X.npy", npy(X.astype(">f8"))), GOOD[1]]))
    assert swapped.X.tobytes() == X.astype(">f8").tobytes()
    assert same(read_data(write(path, GOOD, force_zip64=True)))
    assert same(read_data(write(path, GOOD, zipfile.ZIP_DEFLATED)))
    more = [*GOOD, ("../X.npy", b"no array"), ("n\u00e4me.npy", b""), ("folder/", b"")]
    assert same(read_data(write(path, more)))
    assert same(read_data(write(path, [("X", npy(X)), ("y", npy(Y))])))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_numpy_does_not_use(tmp_path, method):
    path = write(tmp_path / "a.npz", GOOD, method)
    assert refused(path, "compressed by a method that NumPy does not use")


@pytest.mark.parametrize("name", ["X.npy", "X", "y.npy"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name(tmp_path, name):
    path = write(tmp_path / "a.npz", [*GOOD, (name, npy(X))])
    assert refused(path, f"several arrays are named {name[0]}")


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (header((True, 3), "<f8") + bytes(24), ""),
        (header((0, 2**70), "<f8"), ""),
        (header((2**40, 2**40), "<f8"), "longer or shorter"),
        (header((-7, -5), "<f8") + bytes(280), ""),
        (header((1,) * 99, "<f8") + bytes(8), ""),
        (header((7, 5), "|b1") + bytes(34) + b"\2", "a value is none of dtype bool"),
        (header((7, 5), [("a", "<f8")]) + bytes(280), "are not supported"),
        (npy(X, (2, 0)), "version 1.0"),
        (npy(X, (3, 0)), "version 1.0"),
    ],
)
def test_headers_that_cannot_be(tmp_path, member, why):
    assert refused(write(tmp_path / "a.npz", [("X.npy", member), GOOD[1]]), why)
    (tmp_path / "a.npy").write_bytes(member)
    assert refused(tmp_path / "a.npy", why)


def test_labels_that_unicode_does_not_have(tmp_path):
    for order, low in (("<U1", b"\xff\xff\xff\x7f"), (">U1", b"\x00\x11\x00\x00")):
        data = npy(np.array([*"abababa"], dtype=order))
        letter = np.array("b", dtype=order).tobytes()
        bad = data[:-28] + data[-28:].replace(letter, low)
        assert refused(write(tmp_path / "a.npz", [GOOD[0], ("y.npy", bad)]), "a value is none of")
        good = read_data(write(tmp_path / "a.npz", [GOOD[0], ("y.npy", data)]))
        assert good.labels == ("a", "b")


def test_a_declared_size_is_not_believed(tmp_path):
    stream = io.BytesIO(header((2**20, 2**20), "<f8"))
    assert refused(write(tmp_path / "a.npz", [("X.npy", stream.getvalue()), GOOD[1]]), "longer")
