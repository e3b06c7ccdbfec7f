"""What is no data file is refused, in one line that names it, and does no harm."""

import gzip
import pickle
import zipfile

import numpy as np
import pytest

from lsgd_fast.cli import data_files as files
from lsgd_fast.cli import sources
from lsgd_fast.cli.data_files import read_data
from support.datafiles import NAMES, X, Y, libsvm, npy, npz, table, write


class Bomb:
    exploded = False

    def __reduce__(self):
        return setattr, (Bomb, "exploded", True)


JUNK = np.random.default_rng(1).bytes(3000)
OBJECTS = npy(np.array([[Bomb(), 1]], dtype=object))
GOOD_NPZ = npz(X=X, y=Y)

BAD_ARRAYS = [
    ("a.npz", b"", "empty"),
    ("a.npz", JUNK, "not a readable .npz file"),
    ("a.npz", GOOD_NPZ[:-40], "not a readable .npz file"),
    ("a.npz", GOOD_NPZ[:200] + b"?" + GOOD_NPZ[201:], "Bad CRC-32"),
    ("a.npz", npy(X), "not a readable .npz file"),
    ("a.npz", pickle.dumps(Bomb()), "not a readable .npz file"),
    ("a.npz", npz(X=np.array([[Bomb()]]), y=Y), "X: arrays of dtype object are not supported"),
    ("a.npz", npz(X=X, y=np.array([Bomb()] * 7)), "y: arrays of dtype object are not supported"),
    ("a.npz", npz(X=np.array([["a"]]), y=Y), "X: arrays of dtype <U1 are not supported"),
    ("a.npz", npz(X=X * 1j, y=Y), "X: arrays of dtype complex128 are not supported"),
    ("a.npz", npz(data=X, target=Y), "no array is named X or y; the arrays are ['data', 'target']"),
    ("a.npz", npz(X=X), "no array is named y; the arrays are ['X']"),
    ("a.npz", npz(), "the arrays are []"),
    ("a.npz", npz(X=Y, y=Y), "X must be 2-d"),
    ("a.npz", npz(X=np.ones((0, 3)), y=np.ones(0)), "X must be 2-d"),
    ("a.npz", npz(X=X, y=Y[1:]), "labels must have shape (7,), one for each row of X; got (6,)"),
    ("a.npz", npz(X=X, y=X), "got (7, 5)"),
    ("a.npz", npz(X=X, y=np.where(Y > 0, np.nan, Y)), "label of row 0 is not finite"),
    ("a.npz", npz(X=X, y=np.arange(7)), "two different labels; found [0, 1, 2, 3, 4, 5, ...]"),
    ("a.npz", npz(X=X, y=np.ones(7)), "two different labels; found [1]"),
    ("a.npy", b"", "empty"),
    ("a.npy", JUNK, "magic"),
    ("a.npy", b"\x93NUM", "magic"),
    ("a.npy", npy(X)[:-1], "longer or shorter"),
    ("a.npy", npy(X)[:100], "EOF"),
    ("a.npy", npy(X) + b"\0", "longer or shorter"),
    ("a.npy", npy(X, (2, 0)), "version 1.0"),
    ("a.npy", OBJECTS, "arrays of dtype object are not supported"),
    ("a.npy", pickle.dumps(Bomb()), "magic"),
    ("a.npy", npy(Y), "X must be 2-d"),
    ("a.npy", npy(X), "has no labels"),
]  # fmt: skip

BAD_TABLES = [
    ("a.csv", "", "empty"),
    ("a.csv", "\n \n\n", "no rows"),
    ("a.csv", "a,b,c\n", "a header, but no rows"),
    ("a.csv", "1\n2\n", "only one column"),
    ("a.csv", "1 2\n2 3\n", "only one column"),
    ("a.csv", "1,2,0\n3,4\n", "line 2 has 2 cells; line 1 has 3"),
    ("a.csv", "1,2,0\n\n\n3,4,5,1\n", "line 4 has 4 cells; line 1 has 3"),
    ("a.csv", "a,b,c,d\n1,2,0\n3,4,1\n", "line 2 has 3 cells; line 1 has 4"),
    ("a.csv", "a,b,c\n1,2,3,0\n3,4,5,1\n", "line 2 has 4 cells; line 1 has 3"),
    ("a.csv", "1,2,0\n3,x,1\n", "line 2, column 2: 'x' is not a finite number"),
    ("a.csv", "1,2,0\n3,,1\n", "line 2, column 2: '' is not a finite number"),
    ("a.csv", "1,NA,0\n3,4,1\n", "line 1, column 2: 'NA' is not a finite number"),
    ("a.csv", "1,,0\n3,4,1\n", "line 1, column 2: '' is not a finite number"),
    ("a.csv", "a,b,c\n1,2,0\nnan,4,1\n", "line 3, column 1 ('a'): 'nan' is not a finite"),
    ("a.csv", "1,2,0\n3,-inf,1\n", "line 2, column 2: '-inf' is not a finite number"),
    ("a.csv", "1,2,0\n3,1e999,1\n", "line 2, column 2: '1e999' is not a finite number"),
    ("a.csv", "1,2,0\n3,1_0,1\n", "line 2, column 2: '1_0' is not a finite number"),
    ("a.csv", '1,"2\n",0\n3,"x\ny",1\n', "line 4, column 2: 'x\\ny' is not a finite number"),
    ("a.csv", "1,2,0\n3,4,\n", "line 2, column 3: '' is not a label"),
    ("a.csv", "1,2,0\n3,4,nan\n", "line 2, column 3: 'nan' is not a label"),
    ("a.csv", "1,2,no\n3,4,yes\n5,6,nan\n", "line 3, column 3: 'nan' is not a label"),
    ("a.csv", "1,2,0\n3,4,1\n  \n", "line 3 has 1 cell; line 1 has 3"),
    ("a.csv", "1,2,0\n3,4,1\n5,6,2\n", "two different labels; found [0, 1, 2]"),
    ("a.csv", "1,2,no\n3,4,yes\n5,6,?\n", "two different labels; found ['?', 'no', 'yes']"),
    ("a.csv", "1,2,0\n3,4,0\n", "two different labels; found [0]"),
    ("a.csv", "1,5;2,5;0\n3,5;4,5;1\n", "line 1, column 1: '1,5' is not a finite number"),
    ("a.csv", b"a,b,c\n1,2,0\n\xff,3,1\n", "line 3 is not UTF-8 text"),
    ("a.csv", "1,2,0\n3,4,1\n".encode("utf-16"), "line 1 is not UTF-8 text"),
    ("a.csv", JUNK, "line 1 is not UTF-8 text"),
    ("a.csv", GOOD_NPZ, "line "),
    ("a.csv", "1,2,0\n3,4,1\n" + "5" * 200_000 + ",6,1\n", "line 3: field larger"),
    ("a.csv.gz", b"", "no rows"),
    ("a.csv.gz", b"1,2,0\nx,1,2\n", "line 2, column 1: 'x' is not a finite number"),
]  # fmt: skip

BAD_LIBSVM = [
    ("a.svm", "", "empty"),
    ("a.svm", "# nothing\n\n", "no rows"),
    ("a.svm", "1\n-1\n", "no row has a feature"),
    ("a.svm", "1 1:2\n\n# c\n-1 2:3 1:4\n", "line 4: index 1 follows 2, but indices must increase"),
    ("a.svm", "1 1:2 1:2\n", "line 1: index 1 follows 1, but indices must increase"),
    ("a.svm", "1 1:2\n-1 -3:4\n", "line 2: '-3:4' is not index:value"),
    ("a.svm", "1 1:2\n-1 1.5:4\n", "line 2: '1.5:4' is not index:value"),
    ("a.svm", "1 1:2\n-1 3\n", "line 2: '3' is not index:value"),
    ("a.svm", "1 1:2\n-1 1 :3\n", "line 2: '1' is not index:value"),
    ("a.svm", "1 1:2\n-1 1: 3\n", "line 2: the value of '1:' is not a finite number"),
    ("a.svm", "1 1:2\n-1 3 4:5:6\n", "line 2: '3' is not index:value"),
    ("a.svm", "1 1:2\n-1 4:5:6\n", "line 2: the value of '4:5:6' is not a finite number"),
    ("a.svm", "1 1:2\n-1 2:x\n", "line 2: the value of '2:x' is not a finite number"),
    ("a.svm", "1 1:2\n-1 2:nan\n", "line 2: the value of '2:nan' is not a finite number"),
    ("a.svm", "1 1:2\n-1 2:1e999\n", "line 2: the value of '2:1e999' is not a finite number"),
    ("a.svm", "1 1:2\n-1 2:1_0\n", "line 2: the value of '2:1_0' is not a finite number"),
    ("a.svm", "1 1:2\nno 2:1\n", "line 2: the label 'no' is not a finite number"),
    ("a.svm", "1 1:2\n1,2 2:1\n", "line 2: the label '1,2' is not a finite number"),
    ("a.svm", "1 1:2\n1:2 2:1\n", "line 2: the label '1:2' is not a finite number"),
    ("a.svm", "1 qid:1 1:2\n-1 qid:1 1:3\n", "line 1: qid belongs to ranking data"),
    ("a.svm", "1 1:2\n-1 99999999999999:1\n", "line 2: index 99999999999999 would make 9"),
    ("a.svm", "1 1:2\n-1 99999999999999999999:1\n", "line 2: the index of"),
    ("a.svm", "1 1:2\n-1 " + "9" * 400 + ":1\n", "is too large"),
    ("a.svm", "1 1:2\n2 1:2\n3 1:3\n", "two different labels; found [1, 2, 3]"),
    ("a.svm", "1 1:2\n1 1:2\n", "two different labels; found [1]"),
    ("a.svm", JUNK, "line 1 is not UTF-8 text"),
    ("a.svm", npy(X), "line 1 is not UTF-8 text"),
    ("a.svm", table(), "line 1: the label '0.0,-0.0,5e-...e+308,0.1,1.0'"),
    ("a.svm", "1 1:2\r-1 1:3\r", "line 1: '-1' is not index:value"),
]  # fmt: skip


def refused(path, why, **options):
    with pytest.raises(ValueError) as caught:
        read_data(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{str(path)!r}: ") and "\n" not in text and len(text) < 400
    assert why in text
    return True


@pytest.mark.parametrize(("name", "content", "why"), BAD_ARRAYS + BAD_TABLES + BAD_LIBSVM)
def test_bad_files(tmp_path, name, content, why):
    assert refused(write(tmp_path / name, content), why)
    assert not Bomb.exploded


def test_lines_are_counted_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BLOCK_BYTES", 30)
    path = write(tmp_path / "a.svm", libsvm("\n\n") + "1 2:1 2:1\n")
    assert refused(path, "line 15: index 2 follows 2")


def test_the_bomb_would_explode():
    pickle.loads(pickle.dumps(Bomb()))
    assert Bomb.exploded
    Bomb.exploded = False


@pytest.mark.parametrize("content", [OBJECTS, npy(X)[:-1]])
def test_bad_files_that_are_mapped(tmp_path, monkeypatch, content):
    monkeypatch.setattr(files, "MAPPED_BYTES", 0)
    assert refused(write(tmp_path / "a.npy", content), "")
    assert not Bomb.exploded


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("y.npy", npy(Y[1:]), "labels must have shape (7,)"),
        ("y.npy", OBJECTS, "dtype object"),
        ("y.npy", npy(X), "got (7, 5)"),
        ("y.txt", "1\n0\n", "2 labels, but X has 7 rows"),
        ("y.txt", "1\n0\n1\n0 \nnan\n1\n1\n", "line 5: 'nan' is not a label"),
        ("y.txt", "1\n0\n1\n0,1\n1\n1\n1\n", "line 4: '0,1' is not a label"),
        ("y.txt", "1\n0\n1\n2\n1\n1\n1\n", "two different labels; found [0, 1, 2]"),
        ("y.txt", b"\xff\n0\n1\n2\n1\n1\n1\n", "line 1 is not UTF-8 text"),
        ("y.txt", "", "0 labels, but X has 7 rows"),
        ("y.npy.gz", npy(Y), "line 1 is not UTF-8 text"),
        ("y", "1\n0\n", "2 labels, but X has 7 rows"),
    ],
)
def test_bad_labels(tmp_path, name, content, why):
    np.save(tmp_path / "x.npy", X)
    path = write(tmp_path / name, content)
    with pytest.raises(ValueError) as caught:
        read_data(tmp_path / "x.npy", labels=path)
    text = str(caught.value)
    assert text.startswith(f"{str(path)!r}: ") and "\n" not in text and why in text


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.npy", "a.svm", "a.csv.gz", "a.xyz"])
def test_missing_files_and_folders(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        read_data(tmp_path / name, labels=tmp_path / "y.npy" if name == "a.npy" else None)
    if name != "a.xyz":
        (tmp_path / name).mkdir()
        with pytest.raises(IsADirectoryError, match=name):
            read_data(tmp_path / name, labels=tmp_path / "y.npy" if name == "a.npy" else None)


def test_missing_labels(tmp_path):
    np.save(tmp_path / "x.npy", X)
    for name in ("y.npy", "y.txt"):
        with pytest.raises(FileNotFoundError, match=name):
            read_data(tmp_path / "x.npy", labels=tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (
            "a",
            b"\0,1",
            "the contents are of no known format; --format can be npz, npy, csv, libsvm",
        ),
        ("a", JUNK, ""),
        ("a.dat", "words and words\n", "the contents are of no known format"),
        ("a.dat", "1 2 0\n3 4 1\n", "the contents are of no known format"),
        ("a", "", "the file is empty"),
        ("a.npz.gz", GOOD_NPZ, "only text may be compressed"),
        ("a.parquet.gz", "", "only text may be compressed"),
        ("a", GOOD_NPZ[:-40], "not a readable .npz file"),
    ],
)
def test_contents_of_no_known_format(tmp_path, name, content, why):
    assert refused(write(tmp_path / name, content), why)


def test_options_that_do_not_suit_the_file(tmp_path):
    csv, svm = write(tmp_path / "a.csv", table()), write(tmp_path / "a.svm", libsvm())
    npz = write(tmp_path / "a.npz", GOOD_NPZ)
    for path in (csv, svm, npz):
        assert refused(path, "only .npy files take their labels", labels=path)
    for path, kind in ((svm, "libsvm"), (npz, "npz")):
        why = f"is for .csv, .parquet, .feather files, and this is .{kind}"
        assert refused(path, f"label (--label) {why}", label="x")
        assert refused(path, f"drop (--drop) {why}", drop=("1",))
        assert refused(path, f"keep_index (--keep-index) {why}", keep_index=True)
    assert refused(npz, "header (--header) is for .csv files, and this is .npz", header=True)
    assert refused(csv, "zero_based (--zero-based) is for .libsvm files", zero_based=False)


@pytest.mark.parametrize(
    ("header", "label", "why"),
    [
        ([*NAMES, "y"], "z", "columns are ['a', 'b c', 'd', 'x2', 'e', 'y']"),
        ([*NAMES, "a"], "a", "several columns are named 'a'"),
        (None, "z", "no column is named 'z': the first row is not a header (--header makes"),
        (None, "0", "a column number from 1 to 6"),
        (None, "7", "a column number from 1 to 6"),
        (None, "-1", "a column number from 1 to 6"),
    ],
)
def test_no_such_column(tmp_path, header, label, why):
    assert refused(write(tmp_path / "a.csv", table(",", header)), why, label=label)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.svm.gz"])
def test_damaged_gzip(tmp_path, name):
    path, text = tmp_path / name, table() if "csv" in name else libsvm()
    whole = gzip.compress(text.encode())
    for damaged, why in (
        (whole[:-9], "ended before"),
        (whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:], ""),
        (whole[:30] + bytes([whole[30] ^ 0xFF]) + whole[31:], ""),
        (text.encode(), "Not a gzipped file"),
    ):
        path.write_bytes(damaged)
        assert refused(path, why)


def test_more_than_half_of_the_memory_is_refused_unread(tmp_path, monkeypatch):
    path = write(tmp_path / "a.svm", "1 1:1\n# 10:1\n-1 010:1\n")
    archive = write(tmp_path / "a.npz", npz(X=np.ones((2, 10)), y=np.array([0, 1])))
    monkeypatch.setattr(files, "half_of_memory", lambda: 8 * 2 * 10)
    assert refused(archive, "more than half of the memory")
    monkeypatch.setattr(files, "half_of_memory", lambda: 128 * 10)
    assert read_data(path).X.shape == (2, 10)
    monkeypatch.setattr(files, "half_of_memory", lambda: 128 * 10 - 1)
    why = "line 3: index 10 would make 10 features, for which a run needs 1.28e-06 GB"
    assert refused(path, why)


def test_no_memory(tmp_path, monkeypatch):
    def starved(*args, **kwargs):
        raise MemoryError

    path = write(tmp_path / "a.csv", table())
    monkeypatch.setattr(np, "loadtxt", starved)
    assert refused(path, "too large for the available memory")


@pytest.mark.parametrize("met", [KeyboardInterrupt, MemoryError])
def test_ctrl_c_while_a_table_is_read(tmp_path, monkeypatch, met):
    """NumPy makes a ValueError of what happens in a converter, where Ctrl-C is noticed."""
    loadtxt = np.loadtxt

    def press(text):
        raise met

    def interrupted(path, *, converters, **options):
        return loadtxt(path, converters=dict.fromkeys(converters, press), **options)

    monkeypatch.setattr(np, "loadtxt", interrupted)
    with pytest.raises(ValueError if met is MemoryError else met) as caught:
        read_data(write(tmp_path / "a.csv", table()))
    assert met is KeyboardInterrupt or "too large for the available memory" in str(caught.value)


def test_an_encrypted_archive(tmp_path):
    path = write(tmp_path / "a.npz", GOOD_NPZ)
    data = bytearray(GOOD_NPZ)
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    data[6] |= 1  # the flag of the first member, in both of its headers
    data[start + 8] |= 1
    path.write_bytes(data)
    assert refused(path, "encrypted")


FORMATS = {
    "a.npz": GOOD_NPZ,
    "a.csv": table(",", [*NAMES, "y"]).encode(),
    "a.svm": libsvm().encode(),
    "a.csv.gz": gzip.compress(table().encode()),
    "a.npy": npy(X),
}


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_refused_or_harmless(tmp_path, name):
    """What is read from a damaged file is finite and has labels; else one line names the file."""
    rng, good, path = np.random.default_rng(2), FORMATS[name], tmp_path / name
    np.save(tmp_path / "y.npy", Y)
    options = {"labels": tmp_path / "y.npy"} if name == "a.npy" else {}
    n_refused = 0
    for _ in range(300):
        data = bytearray(good)
        for at in rng.integers(len(data), size=rng.integers(1, 4)):
            data[at] = rng.integers(256)
        path.write_bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.2 else data)
        try:
            x, y = read_data(path, **options)
        except ValueError as error:
            assert str(error).startswith(f"{str(path)!r}: ") and "\n" not in str(error)
            n_refused += 1
        else:
            values = x if isinstance(x, np.ndarray) else x.data
            assert x.ndim == 2 and np.isfinite(values).all() and len(x) == len(y)
            assert set(y.tolist()) == {-1.0, 1.0}
    assert n_refused > 30
