"""max_margin: both bounds, against an exact solver; data that are not separable; same bits."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Margin, kernel, reference
from lsgd_fast._methods.margin import LEAST_MARGIN
from lsgd_fast.stepsizes import DualMomentum
from support import awkward
from support.backends import every_backend
from support.exact_margin import exact_margin


def planted(n, d, margin, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    y = np.where(X[:, 0] > 0.0, 1.0, -1.0)
    X[:, 0] += margin * y
    return X, y


def gauss(n, d, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), awkward.labels(n, rng)


def two_rows(g):
    c = math.sqrt(1.0 - g * g)
    return np.array([[g, c], [-g, c / 2.0]]), np.array([1.0, -1.0])


SEPARABLE = {
    "toy": lsgd.datasets.toy(),
    "digits": lsgd.datasets.digits_0_vs_8(),
    "theorem 3": two_rows(0.05),
    "imbalanced": (np.array([[0.5, -1.0]] + [[-0.5, -1.0]] * 99), np.array([1.0] + [-1.0] * 99)),
    "planted, 200x20": planted(200, 20, 0.1, 0),
    "planted, 500x5": planted(500, 5, 0.2, 1),
    "planted, 1000x50": planted(1000, 50, 0.05, 2),
    "p > n": gauss(40, 100, 3),
    "gauss, 60x40": gauss(60, 40, 4),
    "small units": (1e-3 * gauss(30, 25, 5)[0], gauss(30, 25, 5)[1]),
}
XOR = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]), np.array([1, 1, 0, 0])
NOISE = (
    np.random.default_rng(6).standard_normal((200, 10)),
    awkward.labels(200, np.random.default_rng(7)),
)
NOT_SEPARABLE = {
    "xor": XOR,
    "noise": NOISE,
    "one row with both labels": (
        np.vstack([SEPARABLE["planted, 200x20"][0], SEPARABLE["planted, 200x20"][0][:1]]),
        np.append(SEPARABLE["planted, 200x20"][1], -SEPARABLE["planted, 200x20"][1][0]),
    ),
    "two rows across the others": (np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), [1, -1, 1]),
}


def signed(X, y, fit_intercept=False):
    X, y = np.asarray(X, dtype=np.float64), np.where(np.asarray(y) > 0, 1.0, -1.0)
    if fit_intercept:
        X = np.column_stack([X, np.ones(len(X))])
    return X * y[:, None]


def direction(margin, fit_intercept=False):
    return np.append(margin.direction, margin.intercept) if fit_intercept else margin.direction


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", SEPARABLE)
def test_bounds_of_separable_data(backend, name, fit_intercept):
    X, y = SEPARABLE[name]
    Z = signed(X, y, fit_intercept)
    best, lower, upper = exact_margin(Z)
    if fit_intercept and upper < 3e-3 * np.linalg.norm(Z, axis=1).max():
        X = 1e3 * np.asarray(X)  # to units near that of the intercept
        Z = signed(X, y, True)
        best, lower, upper = exact_margin(Z)
    assert upper - lower <= 1e-9 * upper  # the exact solver has solved it
    margin = backend.max_margin(X, y, fit_intercept=fit_intercept)
    w = direction(margin, fit_intercept)
    assert np.linalg.norm(w) == pytest.approx(1.0, abs=1e-14)
    assert (Z.astype(np.longdouble) @ w).min() >= margin.value  # the primal bound
    assert margin.value <= upper and margin.value + margin.gap >= lower  # both bounds
    assert margin.gap <= 1e-3 * margin.value
    assert margin.value == pytest.approx(upper, rel=1e-3)
    assert w @ best > 0.998


@every_backend
@pytest.mark.parametrize("name", NOT_SEPARABLE)
def test_data_that_are_not_separable(backend, name):
    X, y = NOT_SEPARABLE[name]
    assert exact_margin(signed(X, y))[0] is None
    margin = backend.max_margin(X, y)
    assert margin.value == 0.0 and margin.direction is None and margin.intercept is None
    assert margin.n_passes < 5000
    radius = np.linalg.norm(np.asarray(X), axis=1).max()
    assert margin.gap <= 2.0 * LEAST_MARGIN * radius


@every_backend
def test_an_intercept_may_separate(backend):
    X, y = [[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1]
    assert backend.max_margin(X, y).value == 0.0
    margin = backend.max_margin(X, y, fit_intercept=True, tol=1e-6)
    # (w, b) with 3 w + b = m, -2 w - b = m, so w = 2 m, b = -5 m, and m = 1 / sqrt(29)
    assert margin.value == pytest.approx(1.0 / math.sqrt(29.0), rel=1e-6)
    assert margin.direction[0] == pytest.approx(2.0 / math.sqrt(29.0), rel=1e-2)
    assert margin.intercept == pytest.approx(-5.0 / math.sqrt(29.0), rel=1e-2)


@every_backend
def test_the_margin_of_the_toy_set(backend):
    """In X's units: 0.2 along the second axis."""
    margin = backend.max_margin(*lsgd.datasets.toy(), tol=1e-5)
    assert margin.value == pytest.approx(0.2, rel=1e-5)
    assert abs(margin.direction[1]) == pytest.approx(1.0, abs=1e-4)


@every_backend
@pytest.mark.parametrize("factor", [1e-300, 1e-150, 1e-6, 1e6, 1e150, 1e300])
def test_the_units_of_x_do_not_matter(backend, factor):
    X, y = SEPARABLE["theorem 3"]
    expected, found = backend.max_margin(X, y), backend.max_margin(factor * X, y)
    assert found.n_passes == expected.n_passes
    assert found.value / factor == pytest.approx(expected.value, rel=1e-10)
    assert found.gap / factor == pytest.approx(expected.gap, rel=1e-6)
    assert backend.max_margin(factor * NOISE[0], NOISE[1]).value == 0.0


@every_backend
def test_a_power_of_two_changes_no_bit(backend):
    X, y = SEPARABLE["gauss, 60x40"]
    expected, found = backend.max_margin(X, y), backend.max_margin(X * 2.0**40, y)
    assert found.value == 2.0**40 * expected.value and found.gap == 2.0**40 * expected.gap
    assert found.direction.tobytes() == expected.direction.tobytes()


@every_backend
def test_a_search_that_is_cut_short(backend):
    X, y = SEPARABLE["gauss, 60x40"]
    _, lower, upper = exact_margin(signed(X, y))
    for max_passes in (2, 3, 10, 64, 65, 100, 400):
        margin = backend.max_margin(X, y, max_passes=max_passes, tol=1e-9)
        assert margin.n_passes == max_passes
        assert margin.value <= upper and margin.value + margin.gap >= lower
        assert (margin.direction is None) == (margin.value == 0.0)
    assert margin.value > 0.0 and margin.gap > 1e-9 * margin.value
    looked, later = (backend.max_margin(X, y, max_passes=n, tol=1e-9) for n in (401, 408))
    assert later.value > looked.value  # the last weights count, though no look was due
    first = backend.max_margin(X, y, max_passes=2)
    assert first.gap + first.value == pytest.approx(np.linalg.norm(signed(X, y).mean(axis=0)))


@every_backend
def test_a_smaller_tol_takes_a_square_root_more(backend):
    X, y = SEPARABLE["planted, 200x20"]
    passes = [backend.max_margin(X, y, tol=tol).n_passes for tol in (1e-2, 1e-4)]
    assert 5.0 < passes[1] / passes[0] < 20.0
    gamma = backend.max_margin(X, y).value / np.linalg.norm(X, axis=1).max()
    assert 1.0 < passes[1] * gamma * 1e-2 < 4.0


@every_backend
@pytest.mark.parametrize("d", [1, 3])
def test_rows_of_zeros(backend, d):
    assert backend.max_margin(np.zeros((4, d)), [0, 1, 0, 1]).value == 0.0
    assert backend.max_margin(np.zeros((4, d)), [0, 1, 0, 1], fit_intercept=True).value == 0.0
    assert backend.max_margin(np.vstack([np.zeros(d), np.ones(d)]), [0, 1]).value == 0.0


@every_backend
def test_rows_too_small_for_their_weights(backend):
    """Weights would overflow: nothing is found, and nothing wrong is said."""
    margin = backend.max_margin([[1e-320, 0.0], [0.0, -1e-320]], [1, 0])
    assert margin.value == 0.0 and margin.gap > 0.0


@every_backend
def test_center_and_scale(backend):
    X, y = SEPARABLE["digits"]
    rng = np.random.default_rng(0)
    center, scale = X.mean(axis=0), rng.uniform(0.5, 2.0, X.shape[1])
    made = (np.asarray(X, dtype=np.float64) - center) * scale
    for fit_intercept in (False, True):
        found = backend.max_margin(X, y, center=center, scale=scale, fit_intercept=fit_intercept)
        expected = backend.max_margin(made, y, fit_intercept=fit_intercept)
        assert found.value == pytest.approx(expected.value, rel=1e-9)
        assert found.gap == pytest.approx(expected.gap, rel=1e-6)


# --- the method, by hand --------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_first_steps_by_hand(backend, fit_intercept):
    X, y = gauss(30, 4, 8)
    Z = signed(X, y, fit_intercept)
    radius = np.linalg.norm(Z, axis=1).max()
    w, m, bound = np.zeros(Z.shape[1]), np.zeros(Z.shape[1]), math.inf
    seen = {}
    options = {"loss": "exponential", "fit_intercept": fit_intercept}
    run = backend.gradient_descent(
        X, y, DualMomentum(), 12, callback=lambda s: seen.update({s.n_steps: s.margin_bound}),
        **options,
    )  # fmt: skip
    for t in range(12):
        q = np.exp(-(Z @ w) + (Z @ w).min())
        p = Z.T @ (q / q.sum())
        m = t / (t + 1) * (m + p)
        bound = min(bound, np.linalg.norm(p), np.inf if t == 0 else 2.0 * np.linalg.norm(m) / t)
        w = w + (m + p) / radius**2
        if t + 1 in seen:
            assert seen[t + 1] == pytest.approx(bound, rel=1e-12)
        shorter = backend.gradient_descent(X, y, DualMomentum(), t + 1, **options)
        found = np.append(shorter.weights, shorter.intercept)[: len(w)]
        np.testing.assert_allclose(found, w, rtol=1e-11, atol=1e-13)
    assert {1, 5, 11} <= set(seen)
    # the stepsize in the trace: the factor of the gradient, without the momentum
    assert run.trace.stepsize[0] == pytest.approx(1.0 / radius**2, rel=1e-12)


@every_backend
def test_the_bound_holds_with_every_loss_and_weighting(backend):
    """Whatever the weights q of the rows, the length of their mean is above the margin."""
    X, y = SEPARABLE["planted, 200x20"]
    _, lower, upper = exact_margin(signed(X, y))
    weight = np.random.default_rng(1).uniform(0.1, 1.0, len(y))
    for loss in ("logistic", "exponential"):
        bounds = []
        backend.gradient_descent(
            X, y, DualMomentum(), 300, loss=loss, sample_weight=weight,
            callback=lambda s, bounds=bounds: bounds.append(s.margin_bound),
        )  # fmt: skip
        assert (np.diff(bounds) <= 0.0).all() and bounds[-1] >= lower
        assert bounds[-1] < 1.05 * upper


@every_backend
def test_only_the_dual_rule_knows_a_bound(backend):
    seen = []
    X, y = lsgd.datasets.toy()
    backend.gradient_descent(X, y, 1.0, 3, callback=lambda s: seen.append(s.margin_bound))
    assert seen and set(seen) == {math.inf}


# --- the reference, bits, layouts -----------------------------------------------------------------


@pytest.mark.parametrize("case", list(awkward.problems(4)), ids=lambda case: case.name)
def test_fast_against_reference(case):
    fast, slow = (
        module.max_margin(case.X, case.y, fit_intercept=case.fit_intercept, max_passes=100)
        for module in (lsgd, reference)
    )
    assert fast.n_passes == slow.n_passes
    assert fast.value == pytest.approx(slow.value, rel=1e-7, abs=1e-12)
    assert fast.gap == pytest.approx(slow.gap, rel=1e-7, abs=1e-12)
    if slow.direction is not None:
        np.testing.assert_allclose(fast.direction, slow.direction, rtol=1e-6, atol=1e-9)


def mark(margin):
    numbers = np.array([margin.value, margin.gap, margin.intercept or 0.0, margin.n_passes])
    return numbers.tobytes() + margin.direction.tobytes()


def test_the_same_bits_for_every_team_and_instruction_set():
    X, y = planted(5000, 6, 0.3, 9)
    X, found, used = X.astype(np.float32), set(), kernel.instruction_set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 2, 5):
                for data in (X, X.astype(np.float64), np.asfortranarray(X)):
                    found.add(mark(lsgd.max_margin(data, y, n_threads=n_threads, tol=1e-2,
                                                   fit_intercept=True)))  # fmt: skip
    finally:
        kernel.use_instruction_set(used)
    assert len(found) == 1


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "uint8"])
def test_the_same_bits_for_every_layout(dtype, tmp_path):
    rng = np.random.default_rng(10)
    base, y = awkward.exact_matrix(12, 20, dtype, rng), awkward.labels(12, rng)
    for name, X in awkward.layouts(base, dtype, tmp_path):
        options = {"max_passes": 40, "fit_intercept": True}
        expected = lsgd.max_margin(awkward.plain(X), y, **options)
        found = lsgd.max_margin(X, y, **options)
        assert (found.value, found.gap) == (expected.value, expected.gap), name


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_sparse_rows(backend, fit_intercept):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = gauss(40, 30, 11)
    X[np.random.default_rng(12).uniform(size=X.shape) < 0.7] = 0.0
    expected = backend.max_margin(X, y, fit_intercept=fit_intercept)
    found = backend.max_margin(sparse.csr_matrix(X), y, fit_intercept=fit_intercept)
    assert expected.value > 0.0
    assert found.value == pytest.approx(expected.value, rel=1e-6)
    run, dense = (backend.nesterov_descent(A, y, n_steps=50) for A in (sparse.csr_array(X), X))
    np.testing.assert_allclose(run.weights, dense.weights, rtol=1e-9, atol=1e-12)


def test_a_checkpoint_keeps_the_bound(tmp_path):
    X, y = SEPARABLE["digits"]
    whole = Descent(X, y, DualMomentum(), loss="exponential")
    whole.step(50)
    half = Descent(X, y, DualMomentum(), loss="exponential")
    half.step(21)
    half.save(tmp_path / "half.npz")
    half = Descent.load(tmp_path / "half.npz", X, y)
    half.step(29)
    assert half.margin_bound == whole.margin_bound < math.inf
    assert half.weights.tobytes() == whole.weights.tobytes()


# --- arguments ------------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize(
    ("error", "name", "options"),
    [
        (ValueError, "tol", {"tol": 0.0}),
        (ValueError, "tol", {"tol": math.nan}),
        (TypeError, "tol", {"tol": "small"}),
        (ValueError, "max_passes", {"max_passes": 1}),
        (TypeError, "max_passes", {"max_passes": 10.0}),
        (TypeError, "fit_intercept", {"fit_intercept": 1}),
        (ValueError, "n_threads", {"n_threads": 0}),
        (ValueError, "scale", {"scale": -1.0}),
        (ValueError, "y", {"y": [1, 1, 1, 1]}),
        (ValueError, "y", {"y": [1, 0]}),
        (ValueError, "X", {"X": [[1.0, math.nan]] * 4}),
    ],
    ids=str,
)
def test_bad_arguments_are_named(backend, error, name, options):
    X, y = lsgd.datasets.toy()
    options = {"X": X, "y": y} | options
    with pytest.raises(error, match=rf"^{name}\b"):
        backend.max_margin(**options)


def test_a_margin_is_frozen():
    margin = lsgd.max_margin(*lsgd.datasets.toy())
    with pytest.raises(AttributeError):
        margin.value = 1.0
    with pytest.raises(ValueError):
        margin.direction[0] = 1.0
    assert isinstance(margin, Margin) and "direction" not in repr(margin)


def test_inputs_are_not_changed():
    X, y = (np.array(a) for a in SEPARABLE["p > n"])
    copies = X.copy(), y.copy()
    X.setflags(write=False)
    lsgd.max_margin(X, y, max_passes=20)
    assert X.tobytes() == copies[0].tobytes() and y.tobytes() == copies[1].tobytes()


@every_backend
@pytest.mark.parametrize("size", [5e-324, 1e-322, 1e-310])
def test_the_bound_holds_for_the_least_numbers_of_float64(backend, size):
    margin = backend.max_margin([[size], [-size]], [1, -1])
    assert margin.value <= size <= margin.value + margin.gap
