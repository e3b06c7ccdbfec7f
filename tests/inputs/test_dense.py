"""Dense matrices are checked block by block, whatever their layout, without a copy."""

import math
import sys
import tracemalloc

import numpy as np
import pytest

from lsgd_fast import Descent
from lsgd_fast._inputs import dense as matrix
from lsgd_fast._inputs.problem import Problem
from support import awkward, sparse_cases
from support.backends import every_backend

X = np.array([[1.0, 0.5], [-2.0, 0.25], [-1.0, -0.5], [2.0, 3.0], [0.0, 1.0]])
Y = np.array([1.0, 1.0, -1.0, -1.0, 1.0])
NAN, INF = math.nan, math.inf


def put(array, index, value):
    changed = np.array(array)
    changed[index] = value
    return changed


@pytest.mark.parametrize("where", [(0, 0), (3, 1), (4, 1)])
@pytest.mark.parametrize("block", [1, 3, 1 << 17])
def test_first_value_that_is_not_finite_is_located(monkeypatch, where, block):
    monkeypatch.setattr(matrix, "BLOCK_SIZE", block)
    bad = put(put(X, (4, 1), NAN), where, INF)
    with pytest.raises(ValueError, match=f"X .* inf in row {where[0]}, column {where[1]}:"):
        Problem.check(bad, Y)


def test_a_longdouble_beyond_float64_is_refused():
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("longdouble is float64 here")
    huge = np.array(X, dtype=np.longdouble)
    huge[2, 0] = np.longdouble("1e4000")
    with pytest.raises(ValueError, match="X must be finite as float64.*row 2, column 0"):
        Problem.check(huge, Y)


@pytest.mark.parametrize("shape", [(4, 3_000_000), (60_000, 200)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_whole_copy_is_made(shape, dtype):
    huge = np.broadcast_to(np.ones((), dtype), shape)
    y = np.arange(shape[0]) % 2
    tracemalloc.start()
    try:
        made = Problem.check(huge, y)
        made.digest()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20 < huge.nbytes
    assert made.X is huge
    assert made.radius == math.sqrt(shape[1])


@pytest.mark.parametrize("dtype", awkward.DTYPES)
@pytest.mark.parametrize("block", [13, 1 << 17])
def test_layout_and_dtype_do_not_matter(monkeypatch, dtype, block, tmp_path):
    monkeypatch.setattr(matrix, "BLOCK_SIZE", block)
    rng = np.random.default_rng(3)
    base = awkward.exact_matrix(7, 17, dtype, rng)
    y = awkward.labels(7, rng)
    names = []
    for name, given in awkward.layouts(base, dtype, tmp_path):
        names.append(name)
        same = awkward.plain(given)
        if "broadcast" not in name:
            assert same.tobytes() == base.tobytes()
        with np.errstate(all="raise"):
            made, expected = Problem.check(given, y), Problem.check(same, y)
            assert made.digest() == expected.digest(), name
        assert made.radius == expected.radius
        assert made.radius == pytest.approx(np.linalg.norm(same, axis=1).max())
        assert awkward.plain(given).tobytes() == same.tobytes()
        if name != "list":
            assert np.shares_memory(made.X, given) and made.X.dtype == given.dtype
    assert tuple(names) == awkward.LAYOUTS


def memory_map(values, folder):
    values.tofile(folder / "X")
    mapped = np.memmap(folder / "X", values.dtype, "r+", shape=values.shape)
    return mapped, mapped._mmap.close


def resizable(values, _):
    memory = bytearray(values.tobytes())
    return np.ndarray(values.shape, values.dtype, memory), lambda: memory.extend(bytes(10**6))


@every_backend
@pytest.mark.parametrize("make", [memory_map, resizable])
@pytest.mark.parametrize("form", ["dense", "a view", "sparse", "held out"])
def test_memory_of_x_stays_in_place_while_it_is_in_use(backend, make, form, tmp_path):
    tries = []
    dense = X.copy()
    lent, close = make(dense if form != "sparse" else np.ravel(dense[dense != 0.0]), tmp_path)
    given = lent[:, ::-1] if form == "a view" else lent
    if form == "sparse":
        given = sparse_cases.csr(dense)
        given.data = lent
    data = (X, Y) if form == "held out" else (given, Y)
    held_out = (given, Y) if form == "held out" else None

    def attempt(state):
        try:
            close()
        except BufferError as error:
            tries.append(str(error))

    backend.gradient_descent(*data, 1.0, 2, validation=held_out, callback=attempt, callback_every=1)
    assert tries and all("export" in message for message in tries)
    close()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a class cannot export a buffer")
def test_memory_that_refuses_to_be_exported_is_read():
    class Owner:
        __array_interface__ = X.__array_interface__

        def __buffer__(self, flags):
            raise BufferError("no export")

    assert Problem.check(np.asarray(Owner()), Y).exports == [None]


def test_memory_of_x_stays_in_place_while_a_descent_lives(tmp_path):
    lent, close = memory_map(X, tmp_path)
    descent = Descent(lent, Y, 1.0)
    descent.step(1)
    with pytest.raises(BufferError):
        close()
    descent.step(1)
    del descent
    close()


@every_backend
def test_a_closed_memory_map_is_refused(backend, tmp_path):
    lent, close = memory_map(X, tmp_path)
    close()
    with pytest.raises(ValueError, match="^X cannot be read: mmap closed"):
        backend.gradient_descent(lent, Y, 1.0, 2)


@pytest.mark.parametrize("d", [1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 130, 300])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("slab", [200, 1 << 20])
def test_the_radius_is_that_of_numpys_sums_on_any_number_of_threads(monkeypatch, d, dtype, slab):
    monkeypatch.setattr(matrix, "SLAB_SIZE", slab)
    X = (100.0 * np.random.default_rng(d).random((333, d))).astype(dtype)
    y, weight = np.arange(333) % 2, np.ones(333)
    weight[np.argmax(np.linalg.norm(X.astype(float), axis=1))] = 0.0
    for used, given in ((weight >= 0.0, None), (weight > 0.0, weight)):
        expected = math.sqrt(np.square(X.astype(float)).sum(axis=1)[used].max())
        for n_threads in (1, 2, 5):
            made = Problem.check(X, y, sample_weight=given, n_threads=n_threads)
            assert made.radius == expected
    found = {Problem.check(X, y, center=0.1, n_threads=n).radius for n in (1, 3)}
    assert found == {math.sqrt(np.square(X.astype(float) - 0.1).sum(axis=1).max())}


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_overflow_in_one_slab_among_many(monkeypatch, n_threads, d, scale):
    monkeypatch.setattr(matrix, "SLAB_SIZE", 5 * d)
    X = np.random.default_rng(0).random((23, d)) * min(scale, 1.0)
    X[12] *= max(scale, 1.0)
    y = np.arange(23) % 2
    largest = X.max()
    expected = np.linalg.norm(X / largest, axis=1).max() * largest
    assert Problem.check(X, y, n_threads=n_threads).radius == pytest.approx(expected, rel=1e-14)
    X[17, 2], X[19, 0] = NAN, INF
    with pytest.raises(ValueError, match="X .* nan in row 17, column 2"):
        Problem.check(X, y, n_threads=n_threads)
