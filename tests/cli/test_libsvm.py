"""LIBSVM text comes back as it was written, sparse where it is."""

import tracemalloc

import numpy as np
import pytest

from lsgd_fast.cli import sources
from lsgd_fast.cli.data_files import read_data
from support import awkward
from support.datafiles import libsvm, same, write


@pytest.mark.parametrize("name", ["a.svm", "a.libsvm", "a.svmlight", "a.txt", "a.TXT", "a.svm.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\n\n", " # a 0:0 comment\n# another\n"])
def test_libsvm(tmp_path, name, end):
    assert same(read_data(write(tmp_path / name, libsvm(end))))
    assert same(read_data(write(tmp_path / name, "\ufeff" + libsvm(end).rstrip("\n"))))


def test_libsvm_in_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BLOCK_BYTES", 30)
    assert same(
        read_data(write(tmp_path / "a.svm", "# a comment longer than a block, alone\n" + libsvm()))
    )
    rng = np.random.default_rng(0)
    x, y = awkward.exact_matrix(300, 9, "float64", rng), awkward.labels(300, rng)
    x[rng.random(x.shape) < 0.6] = 0.0
    x[:, 8] = 0.0
    x[150, 8] = 2.5  # the last column is one value, in the middle
    lines = [
        f"{label} " + " ".join(f"{j + 1}:{float(row[j])!r}" for j in np.flatnonzero(row))
        for label, row in zip(y, x, strict=True)
    ]
    data = read_data(write(tmp_path / "b.svm", "\n".join(lines)))
    assert data.X.toarray().tobytes() == x.tobytes() and data.y.tolist() == y.tolist()


def test_labels_of_libsvm(tmp_path):
    text = "2 1:1\n4 1:2\n2\n"
    data = read_data(write(tmp_path / "a.svm", text))
    assert (data.X.tolist(), data.y.tolist()) == ([[1.0], [2.0], [0.0]], [-1.0, 1.0, -1.0])
    assert data.labels == (2.0, 4.0)


def read_text(folder, text, **options):
    """Return X as an array, and what was said of the file."""
    data = read_data(write(folder / "a.svm", text), **options)
    X = data.X if isinstance(data.X, np.ndarray) else data.X.toarray()
    return X.tolist(), list(data.rows.notes)


def test_rows_stay_sparse_unless_half_of_the_entries_are_there(tmp_path):
    rows = ["-1 1:1 4:2", "1", "1 2:0 3:-0.0 4:5", "-1 3:7"]
    data = read_data(write(tmp_path / "a.svm", "\n".join(rows)))
    assert data.X.format == "csr" and data.X.shape == (4, 4)
    assert data.X.data.tolist() == [1.0, 2.0, 5.0, 7.0] and data.X.indices.dtype == np.int32
    assert data.X.indices.tolist() == [0, 3, 3, 2] and data.X.indptr.tolist() == [0, 2, 2, 3, 4]
    rows += ["1 1:1 2:1 3:1 4:1"] * 3
    data = read_data(write(tmp_path / "a.svm", "\n".join(rows)))
    assert data.X.dtype == np.float64 and data.X.flags.c_contiguous


def test_wide_text_is_read_in_little_memory(tmp_path):
    rng = np.random.default_rng(0)
    columns = np.sort(rng.choice(10**6, (300, 40)), axis=1)
    columns += np.arange(40) + 1
    lines = [" ".join(f"{j}:0.5" for j in row) for row in columns.tolist()]
    text = "\n".join(f"{(-1) ** i} {line}" for i, line in enumerate(lines))
    path = write(tmp_path / "a.svm", text)
    tracemalloc.start()
    data = read_data(path)
    assert tracemalloc.get_traced_memory()[1] < 20e6  # a dense array has 2.4 GB
    tracemalloc.stop()
    assert data.X.size == 300 * 40 and data.X.shape == (300, columns.max())


@pytest.mark.parametrize(
    ("zero_based", "text", "expected"),
    [
        (None, "1 0:1 2:3\n-1 1:2\n", [[1, 0, 3], [0, 2, 0]]),
        (None, "1 1:1 3:3\n-1 2:2\n", [[1, 0, 3], [0, 2, 0]]),
        (True, "1 1:1 2:3\n-1 2:2\n", [[0, 1, 3], [0, 0, 2]]),
        (False, "1 1:1 2:3\n-1 2:2\n", [[1, 3], [0, 2]]),
    ],
)
def test_where_indices_begin(tmp_path, monkeypatch, zero_based, text, expected):
    note = ["Indices count from 0, as one of them is 0."] if " 0:" in text else []
    for block in (1, 1 << 20):
        monkeypatch.setattr(sources, "BLOCK_BYTES", block)
        assert read_text(tmp_path, text, zero_based=zero_based) == (expected, note)


def test_an_index_of_zero_where_they_count_from_one(tmp_path):
    with pytest.raises(ValueError, match="line 2: the index is 0, but indices were said to count"):
        read_text(tmp_path, "1 1:1\n-1 0:2\n", zero_based=False)


@pytest.mark.parametrize("seed", range(20))
def test_whitespace_and_spellings_of_numbers(tmp_path, seed):
    """Blocks of lines are converted at once; `float` and `split` say what they mean."""
    rng = np.random.default_rng(seed)
    lines, expected, labels = [], np.zeros((30, 8)), []
    for row in expected:
        label = str(rng.choice(["+1", "-1", "1", "-1.0", "1e0"]))
        words = [label]
        for j in np.flatnonzero(rng.random(8) < 0.6):
            row[j] = float(rng.choice([rng.standard_normal() * 1e3, 2.0, 1e-310, 1.7e308]))
            value = rng.choice([repr(float(row[j])), f"{row[j]:+.17e}", f"{row[j]:.17G}"])
            words.append(f"{rng.choice(['', '0', '00'])}{j + 1}:{value}")
        gap = str(rng.choice([" ", "  ", "\t", " \t "]))
        lines.append(
            rng.choice(["", " "]) + gap.join(words) + rng.choice(["", " ", "\r", " # 9:9"])
        )
        labels.append(float(label))
    data = read_data(write(tmp_path / "a.svm", "\n".join(lines)))
    X = data.X if isinstance(data.X, np.ndarray) else data.X.toarray()
    d = X.shape[1]
    assert X.tobytes() == np.ascontiguousarray(expected[:, :d]).tobytes()
    assert not expected[:, d:].any() and data.y.tolist() == labels
