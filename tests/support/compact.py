"""Matrices in compact storage."""

import numpy as np
import pytest

NAMES = ("float16", "bfloat16", "uint8", "int8")


def dtype_of(name):
    if name == "bfloat16":
        return np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    return np.dtype(name)


def decode(X):
    """Return X as float64, by NumPy's or ml_dtypes' own conversion."""
    return np.array(X).astype(np.float64)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
