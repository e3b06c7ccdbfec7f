"""One small data set, with awkward numbers, as the content of every kind of data file."""

import gzip
import io

import numpy as np

RNG = np.random.default_rng(8)
X = RNG.standard_normal((7, 5)) * 10.0 ** RNG.integers(-300, 300, (7, 5))
X[0] = [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
X[3] = 0.0
Y = np.array([1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
NAMES = ["a", "b c", "d", "x2", "e"]


def numbers(row):
    return [repr(float(value)) for value in row]


def table(separator=",", header=None, labels=None, column=None, end="\n"):
    """Return X and labels, by default Y as -1 and 1, as the text of a table."""
    column = X.shape[1] if column is None else column
    rows = [numbers(row) for row in X]
    for row, label in zip(rows, numbers(Y) if labels is None else labels, strict=True):
        row.insert(column, label)
    rows = rows if header is None else [header, *rows]
    return "".join(separator.join(row) + end for row in rows)


def libsvm(end="\n"):
    """Return X, without its zeros but with -0.0, and Y as LIBSVM text."""
    pairs = [
        [f"{j}:{value!r}" for j, value in enumerate(row.tolist(), 1) if repr(value) != "0.0"]
        for row in X
    ]
    return "".join(f"{y:+.0f} {' '.join(row)}{end}" for y, row in zip(Y, pairs, strict=True))


def write(path, content):
    """Write text or bytes; gzip-compressed if the name says so."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def npy(array, version=(1, 0)):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def same(data, labels=(-1, 1)):
    """Assert that this is X and Y, bit for bit but for the sign of zeros, which LIBSVM drops."""
    x, y = data
    assert x.dtype == np.float64 and x.shape == X.shape
    assert (x + 0.0).tobytes() == (X + 0.0).tobytes()
    assert y.dtype == np.float64 and y.tolist() == Y.tolist()
    assert data.labels == labels
    assert [type(label) for label in data.labels] == [type(label) for label in labels]
    return True
