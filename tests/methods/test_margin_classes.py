"""max_margin of several classes: both bounds, against an exact solver; two classes; same bits."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, kernel, reference
from lsgd_fast._methods.margin import LEAST_MARGIN
from lsgd_fast.stepsizes import DualMomentum
from support import awkward
from support.backends import every_backend
from support.exact_margin import exact_margin


def gauss(n, d, k, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.permutation(np.arange(n) % k)


CORNERS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), np.array([0, 1, 2])
SETS = {
    "corners": (*CORNERS, 3),
    "two classes": (*gauss(30, 20, 2, 0), 2),
    "three": (*gauss(30, 20, 3, 1), 3),
    "five, small": (1e-3 * gauss(24, 18, 5, 2)[0], gauss(24, 18, 5, 2)[1], 5),
    "six": (*gauss(18, 16, 6, 3), 6),
    "twelve, a row each": (np.eye(12), np.arange(12), 12),
}


def pairs(X, y, k, fit_intercept=False):
    """Return a row ``x_i (e_y - e_c)``, raveled, for each row and each other class c."""
    X = np.column_stack([X, np.ones(len(X))]) if fit_intercept else np.asarray(X, float)
    rows, others = np.nonzero(np.asarray(y)[:, None] != np.arange(k))
    Z = np.zeros((len(rows), X.shape[1], k))
    at = np.arange(len(rows))
    Z[at, :, np.asarray(y)[rows]] = X[rows]
    Z[at, :, others] = -X[rows]
    return Z.reshape(len(rows), -1)


def raveled(margin, fit_intercept=False):
    w = margin.direction
    return (np.vstack([w, margin.intercept]) if fit_intercept else w).ravel()


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_bounds_of_separable_data(backend, name, fit_intercept):
    X, y, k = SETS[name]
    if fit_intercept and name == "five, small":
        X = 1e3 * X  # to units near that of the intercept
    Z = pairs(X, y, k, fit_intercept)
    best, lower, upper = exact_margin(Z)
    assert upper - lower <= 1e-9 * upper  # the exact solver has solved it
    margin = backend.max_margin(X, y, loss="softmax", fit_intercept=fit_intercept)
    w = raveled(margin, fit_intercept)
    assert margin.direction.shape == (X.shape[1], k) and margin.intercept.shape == (k,)
    assert fit_intercept or (margin.intercept == 0.0).all()
    assert np.linalg.norm(w) == pytest.approx(1.0, abs=1e-14)
    assert (Z.astype(np.longdouble) @ w).min() >= margin.value  # the primal bound
    assert margin.value <= upper and margin.value + margin.gap >= lower  # both bounds
    assert margin.gap <= 1e-3 * margin.value
    assert w @ best > 0.998
    sums = w.reshape(-1, k).sum(axis=1)  # what classes have in common changes no margin
    np.testing.assert_allclose(sums, 0.0, atol=1e-12)


@every_backend
def test_a_margin_by_hand(backend):
    """Of K unit rows, each in a direction of its own: columns e_k - mean, over their norm."""
    for k in (2, 3, 10):
        margin = backend.max_margin(np.eye(k), np.arange(k), loss="softmax", tol=1e-6)
        assert margin.value == pytest.approx(1.0 / math.sqrt(k - 1), rel=1e-6)


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_two_classes_are_one_column(backend, fit_intercept):
    X, y, _ = SETS["two classes"]
    options = {"fit_intercept": fit_intercept, "tol": 1e-3}
    one = backend.max_margin(X, y, **options)
    two = backend.max_margin(X, y, loss="softmax", **options)
    assert two.value == pytest.approx(math.sqrt(2.0) * one.value, rel=1e-9)
    assert two.gap == pytest.approx(math.sqrt(2.0) * one.gap, rel=1e-3)
    for sign, column, b in zip((-1.0, 1.0), two.direction.T, two.intercept, strict=True):
        expected = sign * np.append(one.direction, one.intercept) / math.sqrt(2.0)
        np.testing.assert_allclose(np.append(column, b), expected, rtol=1e-6, atol=1e-9)


@every_backend
def test_data_that_are_not_separable(backend):
    X, y = gauss(200, 3, 3, 4)
    margin = backend.max_margin(X, y, loss="softmax")
    assert margin.value == 0.0 and margin.direction is None and margin.intercept is None
    assert margin.n_passes < 5000
    assert margin.gap <= 2.0 * LEAST_MARGIN * np.linalg.norm(X, axis=1).max()
    pair = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]  # one row with two of the labels
    assert backend.max_margin(pair, [0, 1, 2], loss="softmax").value == 0.0
    line = [[1.0], [2.0], [3.0]]  # the class between needs intercepts
    assert backend.max_margin(line, [0, 1, 2], loss="softmax").value == 0.0
    assert backend.max_margin(line, [0, 1, 2], loss="softmax", fit_intercept=True).value > 0.1
    assert backend.max_margin(np.zeros((3, 2)), [0, 1, 2], loss="softmax").value == 0.0


@every_backend
@pytest.mark.parametrize("factor", [1e-300, 1e-6, 1e6, 1e300])
def test_the_units_of_x_do_not_matter(backend, factor):
    X, y = CORNERS
    expected = backend.max_margin(X, y, loss="softmax")
    found = backend.max_margin(factor * X, y, loss="softmax")
    assert found.n_passes == expected.n_passes
    assert found.value / factor == pytest.approx(expected.value, rel=1e-10)
    assert found.gap / factor == pytest.approx(expected.gap, rel=1e-6)


@every_backend
def test_center_and_scale(backend):
    X, y, _ = SETS["three"]
    center, scale = X.mean(axis=0), np.random.default_rng(0).uniform(0.5, 2.0, X.shape[1])
    for fit_intercept in (False, True):
        options = {"loss": "softmax", "fit_intercept": fit_intercept}
        found = backend.max_margin(X, y, center=center, scale=scale, **options)
        expected = backend.max_margin((X - center) * scale, y, **options)
        assert found.value == pytest.approx(expected.value, rel=1e-9)


@every_backend
def test_the_softmax_loss_finds_the_margin_too(backend):
    """Whatever the shares of the rows, the length of their mean is above the margin."""
    X, y, k = SETS["three"]
    _, lower, upper = exact_margin(pairs(X, y, k))
    weight = np.random.default_rng(1).uniform(0.1, 1.0, len(y))
    bounds = []
    run = backend.gradient_descent(
        X, y, DualMomentum(), 2000, loss="softmax", sample_weight=weight,
        callback=lambda s: bounds.append(s.margin_bound),
    )  # fmt: skip
    assert (np.diff(bounds) <= 0.0).all() and lower <= bounds[-1] < 1.001 * upper
    assert run.trace.min_margin[-1] / run.trace.weight_norm[-1] > 0.999 * lower


@pytest.mark.parametrize("k", [2, 5, 9])
@pytest.mark.parametrize("case", list(awkward.problems(4)), ids=lambda case: case.name)
def test_fast_against_reference(case, k):
    y = np.arange(len(case.y)) % min(k, len(case.y))
    fast, slow = (
        module.max_margin(
            case.X, y, loss="softmax", fit_intercept=case.fit_intercept, max_passes=100
        )
        for module in (lsgd, reference)
    )  # fmt: skip
    assert fast.n_passes == slow.n_passes
    assert fast.value == pytest.approx(slow.value, rel=1e-7, abs=1e-12)
    assert fast.gap == pytest.approx(slow.gap, rel=1e-7, abs=1e-12)
    if slow.direction is not None:
        np.testing.assert_allclose(fast.direction, slow.direction, rtol=1e-6, atol=1e-9)


def test_the_same_bits_for_every_team_and_instruction_set():
    X, y = gauss(2000, 8, 4, 5)
    X[np.arange(2000), y] += 8.0
    found, used = set(), kernel.instruction_set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 3):
                for data in (X, np.asfortranarray(X)):
                    margin = lsgd.max_margin(
                        data, y, loss="softmax", n_threads=n_threads, tol=1e-2, fit_intercept=True
                    )
                    numbers = np.array([margin.value, margin.gap, margin.n_passes])
                    found.add(numbers.tobytes() + raveled(margin, True).tobytes())
    finally:
        kernel.use_instruction_set(used)
    assert len(found) == 1


@every_backend
def test_sparse_rows(backend):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = gauss(40, 30, 3, 6)
    X[np.random.default_rng(12).uniform(size=X.shape) < 0.6] = 0.0
    expected = backend.max_margin(X, y, loss="softmax")
    found = backend.max_margin(sparse.csr_matrix(X), y, loss="softmax")
    assert expected.value > 0.0
    assert found.value == pytest.approx(expected.value, rel=1e-6)


def test_a_checkpoint_keeps_the_bound(tmp_path):
    X, y, _ = SETS["five, small"]
    options = {"loss": "softmax", "fit_intercept": True}
    whole, half = (Descent(X, y, DualMomentum(), **options) for _ in range(2))
    whole.step(50)
    half.step(21)
    half.save(tmp_path / "half.npz")
    half = Descent.load(tmp_path / "half.npz", X, y)
    half.step(29)
    assert half.margin_bound == whole.margin_bound < math.inf
    assert half.weights.tobytes() == whole.weights.tobytes()


@every_backend
def test_arguments(backend):
    X, y = CORNERS
    for loss in ("exponential", lsgd.losses.FlattenedExponential()):
        with pytest.raises(ValueError, match="^loss must be 'logistic' or 'softmax' for a margin"):
            backend.max_margin(X[:2], [0, 1], loss=loss)
    with pytest.raises(ValueError, match="^y "):
        backend.max_margin(X, [0, 2, 2], loss="softmax")
    with pytest.raises(ValueError, match="^y .*softmax"):
        backend.max_margin(X, y)
    found = backend.max_margin(X, y, loss=lsgd.losses.Softmax())
    for array in (found.direction, found.intercept):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
