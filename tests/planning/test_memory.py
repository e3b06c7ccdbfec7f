"""The bytes that a plan predicts are those that a run takes."""

import json
import sys
import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Plan
from lsgd_fast._planning.memory import dense_memory
from support.fresh import run_python

# --- memory ---------------------------------------------------------------------------------------


def random_problem(n, d, dtype, order="C"):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.integers(0, 2, (n, d)), dtype=dtype, order=order)
    return X, np.arange(n) % 2


def traced_peak(X, y, n_steps, **options):
    lsgd.gradient_descent(X[:2], y[:2], 1e-3, 2)
    tracemalloc.start()
    lsgd.gradient_descent(X, y, 1e-3, n_steps, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# Packed; decoded; checked in more than the descent needs, and in columns; many chunks; few and wide
# rows; a trace.
SHAPES = [
    (2000, 500, "float64", "C", 20, {}),
    (2000, 500, "float32", "C", 20, {"n_threads": 2}),
    (2000, 500, "float64", "F", 20, {"n_threads": 2}),
    (1000, 3000, "uint8", "C", 20, {"n_threads": 1}),
    (200_000, 2, "float64", "C", 20, {}),
    (200_000, 2, "int16", "C", 20, {}),
    (40_000, 3, "float64", "C", 20, {}),
    (40_000, 8, "float32", "C", 20, {}),
    (9000, 1000, "float64", "C", 3, {"n_threads": 1}),
    (10, 200_000, "float32", "C", 3, {"n_threads": 2}),
    (100, 20, "float64", "C", 60_000, {}),
    (100, 20, "float64", "C", 60_000, {"record_every": 7}),
]


@pytest.mark.parametrize("n, d, dtype, order, n_steps, options", SHAPES)
def test_peak_bytes_are_what_is_allocated(no_measuring, n, d, dtype, order, n_steps, options):
    X, y = random_problem(n, d, dtype, order)
    predicted = lsgd.plan(X, y, n_steps=n_steps, **options).peak_bytes
    assert predicted == pytest.approx(traced_peak(X, y, n_steps, **options), rel=0.1)
    if order == "C":
        assert Plan.for_shape(n, d, dtype, n_steps=n_steps, **options).peak_bytes == predicted


RESIDENT = """
import json, sys
import numpy as np
import lsgd_fast as lsgd

n, d, dtype, n_steps, n_threads = ASKED

def kilobytes(name):                # ru_maxrss would remember the parent of this process
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name))

X = np.empty((n, d), dtype)
rng = np.random.default_rng(0)
for row in X:
    row[...] = rng.random(d)        # by rows: no peak of its own
y = np.arange(n) % 2
lsgd.gradient_descent(X[:64, :8], y[:64], 1e-3, 10, n_threads=2)
before = kilobytes("VmRSS")
run = lsgd.gradient_descent(X, y, 1e-3, n_steps, n_threads=n_threads)
growth = 1024 * (kilobytes("VmHWM") - before)
json.dump([growth, lsgd.plan(X, y, n_steps=n_steps, n_threads=n_threads).peak_bytes], sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "n, d, dtype, n_steps, n_threads",
    [
        (7000, 1000, "float64", 5, 2),  # packed
        (14000, 1000, "float32", 5, 2),
        (20, 1_000_000, "float32", 2, 2),  # wide: partial gradients and tiles
        (4_000_000, 3, "float32", 2, 1),  # validation, of which what it frees may stay resident
        (50, 3, "float64", 300_000, 2),  # trace
        (50, 3, "float64", 1_000_000, 2),
    ],
)
def test_peak_bytes_are_what_becomes_resident(n, d, dtype, n_steps, n_threads):
    script = RESIDENT.replace("ASKED", repr((n, d, dtype, n_steps, n_threads)))
    done = run_python(script)
    assert done.returncode == 0, done.stderr
    measured, predicted = json.loads(done.stdout)
    assert predicted == pytest.approx(measured, rel=0.2)


def test_bytes_are_counted_from_the_shape_alone(no_measuring):
    plan = Plan.for_shape(10**9, 10**5, "uint8", n_steps=10, n_threads=2, width=3)
    assert plan.data_bytes == 10**14
    assert plan.peak_bytes >= 3 * 10**9
    assert plan.network_bytes == 16 * 3 * 10**5
    assert plan.network_flops == 4 * 3 * 10**14
    assert plan.measured_shape == (671, 10**5)
    assert dense_memory(10, 10, np.dtype(">f8"), 1).packed == 0
    assert dense_memory(10, 10, np.dtype("f8"), 1, plain=False).packed == 0
    assert dense_memory(10, 10, np.dtype("f8"), 1).packed == 16 * 10 * 8
    assert dense_memory(2**20, 8, np.dtype("f8"), 1).packed == 2**26
    assert dense_memory(2**20 + 1, 8, np.dtype("f8"), 1).packed == 0
