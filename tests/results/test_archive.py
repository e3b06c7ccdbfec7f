"""Archives come back with the same bits; damaged and foreign files are refused and do no harm."""

import io
import json
import math
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from lsgd_fast._results import archive as storage
from lsgd_fast._results.archive import load_archive, save_archive
from support import awkward

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 0.1, 1.7976931348623157e308]
META = {"a": 1, "b": None, "c": [True, "text", 0.1], "d": {"e": -0.0}, "f": 2**62}
ARRAYS = {"x": np.array([[1.0, 2.0], [3.0, 4.0]]), "n": np.arange(3)}


def same_arrays(a, b):
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype
        and a[name].shape == b[name].shape
        and a[name].tobytes() == b[name].tobytes()
        for name in a
    )


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_arrays_keep_their_bits(tmp_path, dtype):
    path = tmp_path / "archive"
    base = awkward.exact_matrix(3, 5, dtype, np.random.default_rng(0))
    arrays = dict(awkward.layouts(base, dtype, tmp_path))
    del arrays["list"]
    arrays |= {"empty": np.zeros((0, 3), dtype), "scalar": np.ones((), dtype)}
    save_archive(path, "test", {}, arrays)
    meta, loaded = load_archive(path, "test")
    assert meta == {}
    native = {name: array.astype(array.dtype.newbyteorder("=")) for name, array in arrays.items()}
    assert same_arrays(loaded, native)
    for array in loaded.values():
        array[...] = 0  # new and writable


def test_floats_keep_their_bits(tmp_path):
    path = tmp_path / "archive"
    meta = {"plain": SPECIAL, "deep": {"deeper": [{"x": x} for x in SPECIAL]}}
    save_archive(path, "test", meta, {"special": np.array(SPECIAL)})
    loaded, arrays = load_archive(path, "test")
    expected = np.array(SPECIAL).tobytes()
    assert np.array(loaded["plain"]).tobytes() == expected
    assert np.array([item["x"] for item in loaded["deep"]["deeper"]]).tobytes() == expected
    assert arrays["special"].tobytes() == expected


def test_metadata_comes_back_equal_and_numpy_reads_the_file(tmp_path):
    path = tmp_path / "no-suffix-is-added"
    save_archive(path, "test", META, ARRAYS)
    assert os.listdir(tmp_path) == [path.name]
    assert load_archive(str(path), "test")[0] == META
    with np.load(path, allow_pickle=False) as archive:
        text = archive["meta"].tobytes()
        assert archive["x"].tolist() == ARRAYS["x"].tolist()
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (document["format"], document["schema"], document["kind"]) == ("lsgd_fast", 1, "test")


def test_what_cannot_be_stored(tmp_path):
    path = tmp_path / "archive"
    for array in (np.array([None]), np.array(["a"]), np.ones(2) * 1j, np.zeros(2, "f8,f8")):
        with pytest.raises(TypeError, match="cannot store 'bad'"):
            save_archive(path, "test", {}, {"bad": array})
    with pytest.raises(TypeError, match="cannot store 'meta'"):
        save_archive(path, "test", {}, {"meta": np.ones(2)})
    with pytest.raises(TypeError):
        save_archive(path, "test", {"bad": object()}, {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("broken", ["np.savez", "os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch, broken, error):
    path = tmp_path / "archive"
    save_archive(path, "test", {"version": 1}, ARRAYS)
    module, name = broken.split(".")

    def fail(*args, **kwargs):
        raise error("no")

    with monkeypatch.context() as patch:
        patch.setattr(getattr(storage, module), name, fail)
        with pytest.raises(error, match="no"):
            save_archive(path, "test", {"version": 2}, ARRAYS)
    assert load_archive(path, "test")[0] == {"version": 1}
    assert os.listdir(tmp_path) == [path.name]
    save_archive(path, "test", {"version": 2}, ARRAYS)
    assert load_archive(path, "test")[0] == {"version": 2}


@pytest.mark.skipif(os.name != "posix", reason="links and modes as on POSIX")
def test_mode_and_symbolic_link_are_the_usual_ones(tmp_path):
    link, path = tmp_path / "link", tmp_path / "target"
    link.symlink_to(path)
    save_archive(link, "test", META, {})
    assert link.is_symlink()
    assert load_archive(path, "test")[0] == META
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_archive(tmp_path / "nothing", "test")


def refused(path, why=None):
    """Assert that the file is refused with its name, and for the right reason."""
    with pytest.raises(ValueError, match="is not a valid lsgd_fast test file") as caught:
        load_archive(path, "test")
    assert repr(str(path)) in str(caught.value)
    assert why is None or why in str(caught.value.__cause__)  # the path may hold the words too
    return True


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good"
    save_archive(path, "test", META, ARRAYS)
    return path


def refused_or_harmless(path, expected):
    """Assert that a damaged file is refused by name, or gives what was stored; tell which."""
    try:
        meta, arrays = load_archive(path, "test")
    except ValueError as error:
        assert repr(str(path)) in str(error)
        return "refused"
    assert meta == expected[0]
    assert same_arrays(arrays, expected[1])
    return "harmless"  # a date, an attribute, bytes after the end


def test_every_damaged_byte_is_refused_or_harmless(good, tmp_path):
    data, damaged = good.read_bytes(), tmp_path / "damaged"
    expected, outcomes = load_archive(good, "test"), []
    for at in range(len(data)):
        for bits in (1 << at % 8, 0xFF):
            changed = bytearray(data)
            changed[at] ^= bits
            damaged.write_bytes(changed)
            outcomes.append(refused_or_harmless(damaged, expected))
    assert outcomes.count("refused") > len(outcomes) / 2


def test_every_truncation_is_refused(good, tmp_path):
    data, damaged = good.read_bytes(), tmp_path / "damaged"
    for length in range(len(data)):
        damaged.write_bytes(data[:length])
        assert refused(damaged)


def test_random_bytes_are_refused_or_harmless(good, tmp_path):
    rng, data, damaged = np.random.default_rng(0), good.read_bytes(), tmp_path / "damaged"
    expected, outcomes = load_archive(good, "test"), []
    for length in rng.integers(1, 2000, 50):
        damaged.write_bytes(rng.bytes(length))
        assert refused(damaged)
        damaged.write_bytes(data[: rng.integers(len(data))] + rng.bytes(length))
        outcomes.append(refused_or_harmless(damaged, expected))
    assert outcomes.count("refused") > len(outcomes) / 2


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0))
    return stream.getvalue()


def header(shape, descr="<f8", extra=""):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, {extra}}}\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def document(**changes):
    good = {"format": "lsgd_fast", "schema": 1, "kind": "test", "arrays": ["x"], "meta": {}}
    return npy(np.frombuffer(json.dumps(good | changes).encode(), dtype=np.uint8))


def write(path, members, compression=zipfile.ZIP_STORED):
    """Write an archive whose checksums are right, whatever is in it."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)


GOOD = ("meta.npy", document())


def test_the_forger_of_these_tests_can_forge(tmp_path):
    write(tmp_path / "forged", [GOOD, ("x.npy", header((2,)) + b"\0" * 16)])
    meta, arrays = load_archive(tmp_path / "forged", "test")
    assert meta == {} and arrays["x"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["run", "sweep", "descent"])
def test_a_file_of_an_earlier_format_is_refused_by_its_number(tmp_path, kind):
    write(tmp_path / "old", [("meta.npy", document(kind=kind)), ("x.npy", npy(np.ones(2)))])
    with pytest.raises(ValueError, match="another version of lsgd_fast saved it, with schema 1"):
        load_archive(tmp_path / "old", kind)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([], "metadata are missing"),
        ([("x.npy", npy(np.ones(2)))], "metadata are missing"),
        ([("meta.npy", npy(np.frombuffer(b"{", np.uint8)))], None),
        ([("meta.npy", npy(np.frombuffer(b"[" * 100_000, np.uint8)))], None),
        ([("meta.npy", npy(np.frombuffer(b"[]", np.uint8)))], "not written by lsgd_fast"),
        ([("meta.npy", document(format="other"))], "not written by lsgd_fast"),
        ([("meta.npy", document(schema=2))], "schema 2; this version reads schema 1"),
        ([("meta.npy", document(kind="run"))], "holds a run, not a test"),
        ([("meta.npy", document(meta=[], arrays=[]))], "metadata are not a dict"),
        ([GOOD], "not those that its metadata list"),
        (
            [GOOD, ("x.npy", npy(np.ones(2))), ("z.npy", npy(np.ones(2)))],
            "not those that its metadata list",
        ),
        ([GOOD, ("x.npy", b"")], None),
        ([GOOD, ("x", b"text")], None),
        ([GOOD, ("x.npy", header((3,)) + b"\0" * 16)], "longer or shorter"),
        ([GOOD, ("x.npy", header((1,)) + b"\0" * 16)], "longer or shorter"),
        ([GOOD, ("x.npy", header((-1, -2)) + b"\0" * 16)], None),
        ([GOOD, ("x.npy", header((0, 2**70)))], None),
        ([GOOD, ("x.npy", header((5,), "|V0"))], "dtype"),
        ([GOOD, ("x.npy", header((1,), "<U2") + b"\0" * 8)], "dtype"),
        ([GOOD, ("x.npy", header((1,), "<M8[s]") + b"\0" * 8)], "dtype"),
        ([GOOD, ("x.npy", header((1,), [("a", "<f8")]) + b"\0" * 8)], "dtype"),
        ([GOOD, ("x.npy", header((), "-" * 400) + b"\0" * 8)], None),
        ([GOOD, ("x.npy", header((), extra="'x': " + "-" * 5000 + "1") + b"\0" * 8)], None),
        ([GOOD, ("x.npy", b"\x93NUMPY\x03\x00" + header((0,))[8:])], "version 1.0"),
    ],
)
def test_foreign_members_are_refused(tmp_path, members, why):
    write(tmp_path / "foreign", members)
    assert refused(tmp_path / "foreign", why)


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        write(tmp_path / "twice", [GOOD, GOOD])
    assert refused(tmp_path / "twice", "same name")


def test_members_inside_members_are_refused(tmp_path):
    path, size = tmp_path / "nested", 1 << 20
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.npy", bytes(size))
        inner = archive.getinfo("b.npy")
    local_entry = path.read_bytes()[: 30 + len("b.npy") + size]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", local_entry)
        inner.header_offset = 30 + len("a.npy")
        archive.filelist.append(inner)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a.npy", "b.npy"]
    assert memory_used(lambda: refused(path, "larger than the file")) < 1 << 19


def test_a_compressed_bomb_is_refused_unread(tmp_path):
    size = 1 << 26
    bomb = ("x.npy", header((size // 8,)) + bytes(size))
    write(tmp_path / "bomb", [GOOD, bomb], zipfile.ZIP_DEFLATED)
    assert memory_used(lambda: refused(tmp_path / "bomb", "compressed")) < 1 << 20


def test_a_huge_declared_shape_allocates_nothing(tmp_path):
    write(tmp_path / "huge", [GOOD, ("x.npy", header((1 << 33,)))])
    assert memory_used(lambda: refused(tmp_path / "huge", "longer or shorter")) < 1 << 20


def memory_used(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Bomb:
    exploded = False

    def __reduce__(self):
        return setattr, (Bomb, "exploded", True)


def test_nothing_is_executed(tmp_path):
    pickle.loads(pickle.dumps(Bomb()))
    assert Bomb.exploded  # it would work
    Bomb.exploded = False
    np.savez(tmp_path / "object.npz", meta=np.array([Bomb()], dtype=object))
    assert refused(tmp_path / "object.npz")
    write(tmp_path / "pickle", [GOOD, ("x.npy", pickle.dumps(Bomb()))])
    assert refused(tmp_path / "pickle")
    (tmp_path / "plain").write_bytes(pickle.dumps(Bomb()))
    assert refused(tmp_path / "plain")
    assert not Bomb.exploded
