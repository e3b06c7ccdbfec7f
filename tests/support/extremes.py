"""Problems for `minimize` that are hard on floats, and what may not come of them."""

import warnings

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, reference
from support.sparse_cases import csr

ENDS = {"converged", "separated", "loss", "max_passes", "rounding"}
SCALES = [1.0, 1.0, 1e-200, 1e-100, 1e-10, 1e10, 1e100]
PENALTIES = [0.0, 0.0, 1e-300, 1e-100, 1e-12, 1e-4, 1.0, 1e10, 1e100, 1e300]
DTYPES = ["float64", "float64", "float32", "float16", "bfloat16", "uint8", "int8", "csr"]
# Where scores are as large as this times the margin, rounding may look like a rise.
NOISE = 1e-3


def spoiled(X, rng):
    """Return X with one more thing that data should not have."""
    n, d = X.shape
    what = rng.integers(9)
    if what == 0:
        X[:, -1] = X[:, 0]
    elif what == 1:
        X[:, -1] = 1.0
    elif what == 2:
        X[:, -1] = 0.0
    elif what == 3:
        X = X * 10.0 ** rng.integers(-200, 100, d)
    elif what == 4:
        X = X * 10.0 ** rng.integers(-150, 100, n)[:, None]
    elif what == 5:
        X[:, -1] = X[:, 0] * (1.0 + 1e-15 * rng.standard_normal(n))
    elif what == 6:
        X = X[rng.integers(0, n, n)]
    elif what == 7:
        X[0] = 0.0
    return X


def stored(X, dtype, rng):
    """Return X in a storage format, its values as near as that has them."""
    X = np.clip(X, -1e250, 1e250)
    if dtype == "csr":
        return csr(np.where(rng.random(X.shape) < 0.3, X, 0.0))
    if dtype == "bfloat16":
        types = pytest.importorskip("ml_dtypes")
        return np.clip(X, -1e38, 1e38).astype(types.bfloat16)
    if dtype == "uint8":
        return np.clip(30.0 * X + 128.0, 0.0, 255.0).astype(dtype)
    if dtype == "int8":
        return np.clip(30.0 * X, -128.0, 127.0).astype(dtype)
    largest = min(1e250, float(np.finfo(dtype).max))
    return np.clip(X, -largest, largest).astype(dtype)


def problem(rng):
    """Return X, y and options of a problem that is hard on floats."""
    n, d = int(rng.choice([2, 3, 5, 20, 60])), int(rng.choice([1, 2, 5, 30, 200]))
    k = min(n, int(rng.choice([2, 2, 3, 5])))
    X = rng.standard_normal((n, d))
    y = np.r_[np.arange(k), rng.integers(0, k, n - k)]
    kind = rng.integers(3)
    if kind == 0:
        X[:, 0] += 3.0 * y  # separable
    elif kind == 1:
        y[k:] = 0  # a row of each class but one
    X = spoiled(spoiled(X, rng), rng) * rng.choice(SCALES)
    options = {
        "fit_intercept": bool(rng.integers(2)), "l2": float(rng.choice(PENALTIES)),
        "max_passes": int(rng.choice([1, 2, 3, 50, 400])), "tol": float(rng.choice([0.0, 1e-8])),
    }  # fmt: skip
    shape = (d + options["fit_intercept"],)
    if k > 2 or rng.random() < 0.2:
        options["loss"], shape = "softmax", (*shape, k)
    if rng.random() < 0.3:
        options["sample_weight"] = rng.uniform(0.1, 1.0, n) * 10.0 ** rng.integers(-100, 100, n)
    if rng.random() < 0.4:
        options["start"] = rng.standard_normal(shape) * 10.0 ** rng.integers(-250, 250)
    if rng.random() < 0.3:
        options["stop"] = Stop(loss=float(rng.choice([0.0, 1e-300, 1e-10, 1e-2])))
    return stored(X, str(rng.choice(DTYPES)), rng), y, options


def complaints(run, options):
    """Return what is wrong with a run."""
    trace = run.trace
    objective = trace.loss if trace.objective is None else trace.objective
    if run.stop_reason not in ENDS:
        yield f"ended by {run.stop_reason}"
    if not (np.isfinite(run.weights).all() and np.isfinite(run.intercept).all()):
        yield "weights out of float64"
    if trace.passes[-1] > options["max_passes"]:
        yield f"{trace.passes[-1]} reads of X"
    if len(trace.loss) != run.n_steps + 1 or not np.isfinite(objective).all():
        yield "a trace that is not whole"
    if not objective[-1] <= objective[0] * (1.0 + NOISE):
        yield f"the objective rose from {objective[0]} to {objective[-1]}"
    if run.separable and run.stop_reason == "separated" and not trace.min_margin[-1] > 0.0:
        yield "no separation"


def fuzz(seed):
    """Try one problem in both twins; return complaints."""
    X, y, options = problem(np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for backend in (lsgd, reference):
            run = backend.minimize(X, y, **options)
            yield from (f"{seed}: {backend.__name__}: {it}" for it in complaints(run, options))
