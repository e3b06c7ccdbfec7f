"""Compact storage (float16, bfloat16, uint8, int8) is decoded exactly."""

import json
import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs import dense as matrix
from lsgd_fast._inputs.problem import Problem
from support import awkward
from support.backends import every_backend
from support.compact import NAMES, close, decode, dtype_of
from support.fresh import run_python
from support.hashes import content

every_dtype = pytest.mark.parametrize("name", NAMES)
# Below and above a panel of rows, vectors of features, blocks of rows, and a few tails.
SHAPES = ((2, 1), (3, 8), (9, 7), (17, 33), (31, 15), (40, 20), (65, 64), (300, 71), (9, 2050))


# --- storage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@every_dtype
def test_every_layout_has_the_bits_of_float64(name, shape, isa, tmp_path):
    dtype, rng = dtype_of(name), np.random.default_rng(shape[0])
    base = awkward.exact_matrix(*shape, dtype, rng)
    y, W = awkward.labels(shape[0], rng), rng.standard_normal((shape[1] + 1, 6))
    for layout, X in awkward.layouts(base, dtype, tmp_path):
        exact = decode(X)
        for w in (W[:, 0].copy(), W):
            value, gradient = lsgd.logistic_loss_gradient(X, y, w, fit_intercept=True)
            expected = lsgd.logistic_loss_gradient(exact, y, w, fit_intercept=True)
            assert np.float64(value).tobytes() == np.float64(expected[0]).tobytes(), layout
            assert gradient.tobytes() == expected[1].tobytes(), layout
            twin = reference.logistic_loss_gradient(exact, y, w, fit_intercept=True)
            close(value, twin[0])
            close(gradient, twin[1])


@every_dtype
def test_a_run_has_the_bits_of_float64(name, isa):
    dtype, rng = dtype_of(name), np.random.default_rng(5)
    X = awkward.exact_matrix(2000, 45, dtype, rng).astype(dtype)
    y, held_out = awkward.labels(2000, rng), slice(0, 2000, 3)
    runs = [
        lsgd.gradient_descent(
            part, y, 0.01, 30, validation=(part[held_out], y[held_out]), n_threads=n_threads
        )
        for part in (X, decode(X))
        for n_threads in (1, 2, 5)
    ]
    assert all(content(run) == content(runs[0]) for run in runs)


@every_dtype
def test_the_twin_takes_it(name):
    dtype, rng = dtype_of(name), np.random.default_rng(6)
    X = awkward.exact_matrix(50, 4, dtype, rng).astype(dtype)
    y = awkward.labels(50, rng)
    run, twin = (module.gradient_descent(X, y, 0.01, 20) for module in (lsgd, reference))
    close(run.weights, twin.weights)
    assert run.radius == twin.radius == Problem.check(decode(X), y).radius
    assert Problem.check(X, y).digest() == Problem.check(decode(X), y).digest()


def patterns(name):
    """Return the bits of all finite values, (1024, 64), some repeated; columns of like size."""
    if name.endswith("int8"):
        bits = np.tile(np.arange(256, dtype=np.uint8), 256)
    else:
        bits = np.arange(2**16, dtype=np.uint16)
        exponent = 0x7C00 if name == "float16" else 0x7F80
        bits[bits & exponent == exponent] = 0  # infinity and NaN
    return np.ascontiguousarray(bits.reshape(64, 1024).T)


def check_forward(X, exact):
    """One column at a time, scaled so that every bit of a value shows in a margin."""
    y = np.where(np.arange(len(X)) % 2, 1.0, -1.0)
    for j, size in enumerate(np.abs(exact).max(axis=0)):
        w = np.zeros(X.shape[1])
        w[j] = 1.0 / size if size > 0.0 else 1.0
        for start in (w, np.stack([w, -w, w, w], axis=1)):
            found = lsgd.logistic_loss_gradient(X, y, start)
            expected = lsgd.logistic_loss_gradient(exact, y, start)
            assert np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1])


def check_backward(X, exact):
    """Of two rows, one all zeros, at zero weights, the gradient is a quarter of the other."""
    X, exact = np.stack([X.ravel(), np.zeros_like(X.ravel())]), exact.ravel()
    for start in (np.zeros(exact.size), np.zeros((exact.size, 4))):
        gradient = lsgd.logistic_loss_gradient(X, [0, 1], start)[1]
        assert (gradient.T == 0.25 * exact).all()
    assert (Problem.check(X, [0, 1]).features(slice(0, 1)) == exact).all()


@every_dtype
def test_every_value_is_decoded_exactly(name, isa):
    X = patterns(name).view(dtype_of(name))
    check_forward(X, decode(X))
    check_backward(X, decode(X))


def test_every_bfloat16_where_there_is_no_ml_dtypes(monkeypatch, isa):
    """The same bits, passed off as bfloat16 under another name."""
    monkeypatch.setattr(matrix, "BFLOAT16", "uint16")
    monkeypatch.setitem(rows.ELEMENTS, "uint16", rows.ELEMENTS["bfloat16"])
    X = patterns("bfloat16")
    exact = (X.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    check_forward(X, exact)
    check_backward(X, exact)
    y, w = np.arange(64) % 2, np.full(512, 1e-40)
    strided, expected = (
        lsgd.logistic_loss_gradient(A.T[:, ::2], y, w)[1].tolist() for A in (X, exact)
    )
    assert strided == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@every_backend
def test_what_is_not_finite_is_refused(backend, name, bad):
    X = np.ones((4, 3)).astype(dtype_of(name))
    X[2, 1] = bad
    with pytest.raises(ValueError, match=f"X must be finite.* {bad} in row 2, column 1"):
        backend.logistic_loss(X, [0, 1, 0, 1], np.zeros(3))


def test_vectors_may_be_bfloat16_too():
    dtype, rng = dtype_of("bfloat16"), np.random.default_rng(7)
    X, y = rng.standard_normal((20, 3)), awkward.labels(20, rng)
    weight, w = rng.uniform(0.5, 2.0, 20).astype(dtype), rng.standard_normal(3).astype(dtype)
    found = lsgd.logistic_loss(X, y.astype(dtype), w, sample_weight=weight)
    assert found == lsgd.logistic_loss(X, y, decode(w), sample_weight=decode(weight))


def test_other_dtypes_of_two_bytes_are_no_bfloat16():
    with pytest.raises(TypeError, match="X must hold real numbers"):
        lsgd.logistic_loss(np.zeros((2, 2), "V2"), [0, 1], np.zeros(2))


# --- memory ---------------------------------------------------------------------------------------

MEMORY = """
import json, sys
import numpy as np
import lsgd_fast as lsgd

def resident(which):
    with open("/proc/self/status") as lines:
        return 1024 * int(next(line for line in lines if line.startswith(which)).split()[1])

n, d = 60_000, 1500
X = np.zeros((n, d), sys.argv[1])
X[::2] = 1
y = np.arange(n) % 2
lsgd.gradient_descent(X[:100], y[:100], 1.0, 1)
before = resident("VmRSS")
run = lsgd.gradient_descent(X, y, 1e-3, 2, center=0.5, scale=np.full(d, 0.25), n_threads=2)
json.dump([resident("VmHWM") - before, X.nbytes, run.radius], sys.stdout)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", ["float16", "uint8"])
def test_no_copy_of_x_is_made(name):
    done = run_python(MEMORY, name)
    assert done.returncode == 0, done.stderr
    growth, size, radius = json.loads(done.stdout)
    assert growth < 24e6 < size
    assert radius == pytest.approx(0.125 * 1500**0.5, rel=1e-12)
