"""The smoothness, and 2 over the curvature at a point: known values, and what runs do there."""

import inspect
import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Verdict, reference
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.smoothness import estimate_smoothness
from support import awkward
from support import sparse_cases as cases
from support.backends import every_backend
from support.sparse_cases import small

CASES = [case for case in awkward.problems() if case.X.shape[1] <= 1000]  # the reference's is dense


@every_backend
def test_values_by_hand(backend):
    """The curvature of one row x at margin z is s (1 - s) x^2 with s = sigmoid(z)."""
    near = {"rel": 1e-8}
    call = backend.critical_stepsize
    assert call([[1.0], [1.0]], [1, -1], [0.0]) == pytest.approx(8.0, **near)
    three = [[1.0]] * 4, [1, 1, 1, -1], [math.log(3.0)]
    assert call(*three) == pytest.approx(32 / 3, **near)
    assert call(*three, l2=0.5) == pytest.approx(2 / (3 / 16 + 0.5), **near)
    weights = {"sample_weight": [0.0, 2.0, 1.0]}
    assert call([[5.0], [1.0], [1.0]], [1, 1, -1], [0.0], **weights) == pytest.approx(8.0, **near)
    # An intercept is one more feature, 1 everywhere, that is not penalised.
    X, y = [[3.0], [3.0]], [1, -1]
    for l2, curvature in ((0.0, 2.5), (1.0, 0.5 * (3.5 + math.hypot(3.0, 1.5)))):
        found = call(X, y, [0.0, 0.0], fit_intercept=True, l2=l2)
        assert found == pytest.approx(2.0 / curvature, **near)
    outlier = np.concatenate([np.ones(100), [20.0]])[:, None]
    y = np.where(np.arange(101) < 60, 1, -1)
    y[100] = 1
    assert call(outlier, y, [0.4057141]) == pytest.approx(8.375, rel=1e-4)  # Meng et al.


@every_backend
@pytest.mark.parametrize("far", [1e38, 1e150, 1e300])
def test_rows_without_curvature_do_not_count(backend, far):
    """Nor does their length: divided by it, the squares of the other row would underflow."""
    X = np.array([[1e-121, 0.0], [0.0, far]])
    for form in (X, cases.csr(X)):
        found = backend.critical_stepsize(form, [1, -1], [1.0, 1.0])
        assert found == pytest.approx(16e242, rel=1e-8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_against_the_reference(case, tmp_path):
    options = {k: v for k, v in case.options.items() if k != "n_threads"}
    # Of the margins: far out the curvature is exp(-|z|), whose relative error is that of z.
    largest = (np.abs(case.X) @ np.abs(case.start[: case.X.shape[1]])).max() + 1.0
    rounding = 1e-15 * (case.X.shape[1] + 1) * largest
    for dtype in ("float64", "float32"):
        rounded = case.X.astype(dtype)
        expected = reference.critical_stepsize(rounded, case.y, case.start, **options)
        for _, X in list(awkward.layouts(case.X, dtype, tmp_path))[:5]:
            found = lsgd.critical_stepsize(X, case.y, case.start, **options)
            assert found == pytest.approx(expected, rel=1e-7 + rounding)


@pytest.mark.parametrize("n, d", [(300, 200), (40, 1000), (2000, 70)])
def test_more_features_than_vectors_kept(n, d):
    """A flat spectrum, for which one round of Lanczos is not enough."""
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, d)), np.where(np.arange(n) % 2, 1, -1)
    w = 0.3 * rng.standard_normal(d)
    expected = reference.critical_stepsize(X, y, w, l2=1e-3)
    assert lsgd.critical_stepsize(X, y, w, l2=1e-3) == pytest.approx(expected, rel=1e-8)


@every_backend
@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1e3, 1e150])
def test_units(backend, scale):
    X, y = lsgd.datasets.digits_0_vs_8()
    w = np.linspace(-1.0, 1.0, 64)
    expected = backend.critical_stepsize(X, y, w)
    found = backend.critical_stepsize(scale * X, y, w / scale)
    assert found * scale * scale == pytest.approx(expected, rel=1e-8)


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_features_that_are_centred_and_scaled_on_the_way(backend, fit_intercept):
    X, y = lsgd.datasets.digits_0_vs_8()
    w = np.linspace(-1.0, 1.0, 64 + fit_intercept)
    center, scale = X.mean(axis=0), np.linspace(0.5, 2.0, 64)
    options = {"fit_intercept": fit_intercept, "l2": 1e-3}
    expected = backend.critical_stepsize((X - center) * scale, y, w, **options)
    found = backend.critical_stepsize(X, y, w, center=center, scale=scale, **options)
    assert found == pytest.approx(expected, rel=1e-8)


@every_backend
def test_weights_far_out(backend):
    X, y = lsgd.datasets.toy()
    assert backend.critical_stepsize(X, y, [0.0, 1e300]) == math.inf
    assert backend.critical_stepsize(X, y, [0.0, 1e300], l2=0.5) == 4.0
    assert backend.critical_stepsize(0.0 * X, y, [1.0, 1.0]) == math.inf
    assert backend.critical_stepsize(1e10 * X, y, [1e300, -1e300], l2=0.5) == 4.0


@pytest.mark.parametrize("share, verdict", [(0.95, Verdict.stable), (1.05, Verdict.cycling)])
def test_it_divides_convergence_from_cycles(share, verdict):
    """Digits with labels flipped, from next to the minimiser."""
    X, y = lsgd.datasets.digits_0_vs_8()
    options = {"l2": 1e-2}
    y = np.where(np.random.default_rng(0).random(len(y)) < 0.2, -y, y)
    w = lsgd.gradient_descent(X, y, 0.6, 5000, **options).weights
    assert np.linalg.norm(lsgd.logistic_loss_gradient(X, y, w, **options)[1]) < 1e-9
    eta = lsgd.critical_stepsize(X, y, w, **options)
    near = w + 1e-3 * np.cos(np.arange(64))
    run = lsgd.gradient_descent(X, y, share * eta, 5000, start=near, **options)
    assert run.verdict is verdict
    assert (np.abs(run.weights - w).max() < 1e-6) == (verdict is Verdict.stable)


def test_one_signature():
    found = [inspect.signature(module.critical_stepsize) for module in (lsgd, reference)]
    assert found[0] == found[1]


@every_backend
@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"w": [0.0]}, ValueError, "w must have 2 rows"),
        ({"w": np.zeros((2, 2))}, ValueError, "w must be 1-d"),
        ({"w": [math.nan, 0.0]}, ValueError, "w must be finite"),
        ({"w": "none"}, TypeError, "w must hold real numbers"),
        ({"X": [1.0, 2.0]}, ValueError, "X must be 2-d"),
        ({"y": [1, 1, 1, 1]}, ValueError, "y must hold both classes"),
        ({"l2": -1.0}, ValueError, "l2 must be"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept must be"),
        ({"sample_weight": [0, 0, 0, 0]}, ValueError, "sample_weight must not"),
    ],
)
def test_bad_arguments(backend, change, error, message):
    X, y = lsgd.datasets.toy()
    with pytest.raises(error, match=message):
        backend.critical_stepsize(**({"X": X, "y": y, "w": [0.0, 0.0]} | change))


# --- The first stepsize ---------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_the_smoothness_is_estimated_from_below(seed, intercept):
    rng = np.random.default_rng(seed)
    n, d = rng.integers(2, 60, 2)
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-3, 3, d)
    weight = rng.uniform(0.0, 1.0, n)
    y = np.arange(n) % 2
    options = {"sample_weight": weight, "l2": 0.1, "fit_intercept": intercept}
    problem = Problem.check(X, y, **options)
    columns = np.hstack([X, np.ones((n, 1))]) if intercept else X
    second = columns.T @ (columns * (weight / weight.sum())[:, None])
    exact = np.linalg.eigvalsh(second)[-1] / 4 + 0.1
    assert 0.525 * exact <= estimate_smoothness(problem, rng) <= exact * (1 + 1e-5)
    trial = reference.staged_trial(X, y, n_stages=1, n_steps=30, **options)
    assert trial.recommended == pytest.approx(1 / exact, rel=1.0) and trial.recommended <= 2 / exact
    assert trial.confirmed.n_increases == 0


def test_smoothness_leaves_rows_without_weight_out():
    X, D, y = small()
    D = D.copy()
    D[7, 4] = 1e308
    weight = np.ones(len(y))
    weight[7] = 0.0
    found = [
        estimate_smoothness(
            Problem.check(A, y, sample_weight=weight, fit_intercept=True), np.random.default_rng(0)
        )
        for A in (cases.csr(D), D)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert 0.0 < found[0] < 1e3


@every_backend
def test_the_critical_stepsize_is_that_of_dense_rows(backend):
    X, D, y = small()
    w = np.random.default_rng(2).standard_normal(D.shape[1] + 1)
    options = {"fit_intercept": True, "l2": 0.01}
    found, expected = (backend.critical_stepsize(A, y, w, **options) for A in (X, D))
    assert found == pytest.approx(expected, rel=1e-8)


@every_backend
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [5e-324, 1e-200, 0.5, 1.0, 1e200, 1e308])
@pytest.mark.parametrize("l2", [1e300, 1e308, 1.7976931348623157e308])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_penalty_near_the_end_of_float64(backend, fit_intercept, l2, size):
    """With rows of at most 1 the penalty is all there is; with larger ones both may overflow."""
    X, w = [[size], [0.0], [size]], np.zeros(1 + fit_intercept)
    found = backend.critical_stepsize(X, [1, -1, 1], w, l2=l2, fit_intercept=fit_intercept)
    assert found == (pytest.approx(2.0 / l2) if size <= 1.0 else 0.0)


@every_backend
def test_small_rows_beside_a_large_one_without_curvature(backend):
    """Squares of what is left of the small rows would underflow."""
    curvature = 2.0 / 3.0 * np.exp(-1.0) / (1.0 + np.exp(-1.0)) ** 2
    found = backend.critical_stepsize([[1e150], [1.0], [1.0]], [1, 1, -1], [1.0])
    assert found == pytest.approx(2.0 / curvature, rel=1e-8)
