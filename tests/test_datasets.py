"""The data sets are the ones their docstrings describe."""

import zlib

import numpy as np
import pytest

from lsgd_fast import datasets

BOTH = pytest.mark.parametrize("load", [datasets.toy, datasets.digits_0_vs_8])


@BOTH
def test_types_and_layout(load):
    data = load()
    X, y = data
    assert X is data.X and y is data.y
    assert X.dtype == y.dtype == np.float64
    assert X.ndim == 2 and y.shape == (X.shape[0],)
    assert X.flags.c_contiguous and y.flags.c_contiguous
    assert set(y.tolist()) == {-1.0, 1.0}


@BOTH
def test_every_call_returns_fresh_writable_arrays(load):
    first, before = load(), load()
    first.X[...] = np.nan
    first.y[...] = np.nan
    after = load()
    np.testing.assert_array_equal(after.X, before.X)
    np.testing.assert_array_equal(after.y, before.y)


@pytest.mark.parametrize(("load", "scale"), [(datasets.toy, 5), (datasets.digits_0_vs_8, 16)])
def test_separable_through_the_origin(load, scale):
    X, y = load()
    signed_rows = np.rint(scale * y[:, None] * X).astype(np.int64)
    w = np.zeros(X.shape[1], dtype=np.int64)
    for _ in range(100):  # the perceptron, on integers, so that nothing is rounded
        for row in signed_rows:
            if row @ w <= 0:
                w += row
        if (signed_rows @ w).min() > 0:
            return
    pytest.fail("the perceptron found no separating hyperplane in 100 passes")


def test_toy_values():
    X, y = datasets.toy()
    assert X.tolist() == [[1.0, 0.2], [-2.0, 0.2], [-1.0, -0.2], [2.0, -0.2]]
    assert y.tolist() == [1.0, 1.0, -1.0, -1.0]


def test_digits_shape_and_classes():
    X, y = datasets.digits_0_vs_8()
    assert X.shape == (352, 64)
    assert np.count_nonzero(y == -1.0) == 178  # zeros
    assert np.count_nonzero(y == 1.0) == 174  # eights
    assert y[:6].tolist() == [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]


def test_digits_pixels():
    X, _ = datasets.digits_0_vs_8()
    assert X.min() == 0.0 and X.max() == 1.0
    np.testing.assert_array_equal(16.0 * X, np.rint(16.0 * X))
    assert np.linalg.norm(X, axis=1).max() == pytest.approx(4.6012905798)


def test_eights_have_ink_in_the_middle_and_zeros_do_not():
    X, y = datasets.digits_0_vs_8()
    middle = X.reshape(-1, 8, 8)[:, 3:5, 3:5].mean(axis=(1, 2))
    assert middle[y == 1.0].mean() > 0.5 > 0.2 > middle[y == -1.0].mean()


def test_digits_file_is_the_one_that_was_selected():
    X, _ = datasets.digits_0_vs_8()
    assert zlib.crc32((16.0 * X).astype(np.uint8).tobytes()) == 2503695494
