"""Dense matrices are checked block by block, whatever their layout, without a copy."""

import math
import tracemalloc

import numpy as np
import pytest

from lsgd_fast._inputs import dense as matrix
from lsgd_fast._inputs.problem import Problem
from support import awkward

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
