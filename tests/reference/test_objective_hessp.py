"""The product of the Hessian with directions: exact values, differences, extremes, and SciPy."""

import inspect
import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from support import awkward
from support.backends import every_backend
from support.sparse_cases import csr, matrix
from support.unit_toy import toy

CASES = list(awkward.problems(seed=5))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
NEAR = [case for case in CASES if np.abs(case.start).max() < 1e100]  # whose scores have digits
EPS = 2.0**-52


def features(X, options):
    """Return the features in extended precision, with a column of ones for an intercept."""
    A = np.asarray(X, dtype=np.longdouble)
    A = (A - options.get("center", 0.0)) * options.get("scale", 1.0)
    return np.column_stack([A, np.ones(len(A))]) if options.get("fit_intercept") else A


def exact(X, y, w, p, **options):
    """Return the product in extended precision, and what it would be with all terms positive."""
    A, d = features(X, options), X.shape[1]
    weight = options.get("sample_weight")
    weight = np.ones(len(A)) if weight is None else np.asarray(weight)
    A, used = A[weight > 0.0], weight > 0.0
    offset = options.get("offset")
    z = A @ w + (0.0 if offset is None else np.asarray(offset)[used])
    e = np.exp(-np.abs(z))
    curvature = weight[used] / weight.sum(dtype=np.longdouble) * e / (1.0 + e) ** 2
    penalty = np.full(len(w), options.get("l2", 0.0), dtype=np.longdouble)
    penalty[d:] = 0.0
    # the relative error of exp(-|z|) is the error of z
    rounding = 1.0 + np.abs(A) @ np.abs(w) + np.abs(z)
    size = np.abs(A).T @ (curvature * rounding * (np.abs(A) @ np.abs(p)))
    return A.T @ (curvature * (A @ p)) + penalty * p, size + penalty * np.abs(p)


def close_to_exact(found, X, y, w, p, **options):
    expected, size = exact(X, y, w, p, **options)
    error = np.abs(found - expected)
    bound = 8 * (len(y) + len(w)) * EPS * size + 1e-300
    assert (error <= bound).all(), (error / bound).max()


@every_backend
@pytest.mark.parametrize("case", NEAR, ids=lambda case: case.name)
def test_value_in_extended_precision(backend, case):
    p = np.random.default_rng(1).standard_normal(len(case.start))
    found = backend.logistic_loss_hessp(case.X, case.y, case.start, p, **case.options)
    assert found.shape == p.shape and found.dtype == np.float64
    close_to_exact(found, case.X, case.y, case.start, p, **case.options)


@every_case
def test_scores_of_1e150_leave_the_penalty_alone(case):
    w = 1e150 * np.sign(np.random.default_rng(2).standard_normal(len(case.start)))
    p = np.ones(len(w))
    with np.errstate(all="raise"):
        found = [b.logistic_loss_hessp(case.X, case.y, w, p, **case.options)
                 for b in (lsgd, reference)]  # fmt: skip
    expected = np.full(len(w), case.l2)
    expected[case.X.shape[1] :] = 0.0
    for one in found:
        np.testing.assert_array_equal(one, expected)


@every_backend
@pytest.mark.parametrize("case", CASES[::4], ids=lambda case: case.name)
def test_value_by_differences_of_the_gradient(backend, case):
    rng = np.random.default_rng(0)
    w, p = rng.standard_normal((2, len(case.start)))
    w, p, h = w / np.sqrt(len(w)), p / np.linalg.norm(p), 1e-3
    slopes = [
        backend.logistic_loss_gradient(case.X, case.y, w + i * h * p, **case.options)[1]
        for i in (-2, -1, 1, 2)
    ]
    expected = np.tensordot([1, -8, 8, -1], slopes, axes=1) / (12 * h)
    found = backend.logistic_loss_hessp(case.X, case.y, w, p, **case.options)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * abs(expected).max())


@pytest.mark.parametrize("dtype", [*awkward.DTYPES, "float16", "uint8"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_every_dtype_and_layout(dtype, fit_intercept, tmp_path):
    rng = np.random.default_rng(2)
    base, y = awkward.exact_matrix(43, 5, dtype, rng), awkward.labels(43, rng)
    options = {"fit_intercept": fit_intercept, "l2": 0.25, "offset": rng.standard_normal(43)}
    options |= {"center": np.arange(5.0), "scale": [0.5, 1.0, 2.0, 0.25, 1.0]}
    w, p = rng.standard_normal((2, 5 + fit_intercept)) / 64
    for name, X in awkward.layouts(base, dtype, tmp_path):
        A = awkward.plain(X)
        found = lsgd.logistic_loss_hessp(X, y, w, p, **options)
        expected = reference.logistic_loss_hessp(A, y, w, p, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13, err_msg=name)
        plain = lsgd.logistic_loss_hessp(A, y, w, p, **options)
        assert found.tobytes() == plain.tobytes(), name


SPARSE = matrix(300, 25, 0.2, np.random.default_rng(31))
FACTORS = {"center": SPARSE.mean(axis=0), "scale": np.linspace(0.5, 2.0, 25)}


@every_backend
@pytest.mark.parametrize("factors", [{}, FACTORS], ids=["plain", "scaled"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_sparse_rows_are_dense_rows(backend, factors, fit_intercept):
    rng = np.random.default_rng(3)
    y, weight = awkward.labels(300, rng), rng.integers(0, 3, 300).astype(float)
    w, p = rng.standard_normal((2, 25 + fit_intercept))
    options = {"fit_intercept": fit_intercept, "sample_weight": weight, "l2": 0.1, **factors}
    for dtype in ("float64", "float32"):
        X = csr(SPARSE, dtype)
        found = backend.logistic_loss_hessp(X, y, w, p, **options)
        dense = np.asarray(SPARSE.astype(dtype), dtype=np.float64)
        close_to_exact(found, dense, y, w, p, **options)


@every_backend
def test_columns_have_the_bits_of_single_directions(backend):
    for case in [*CASES[::8], CASES[-1]]:
        p = np.random.default_rng(0).standard_normal((len(case.start), 7))
        w = np.random.default_rng(1).standard_normal(len(case.start))
        found = backend.logistic_loss_hessp(case.X, case.y, w, p, **case.options)
        assert found.shape == p.shape
        for k in range(7):
            one = backend.logistic_loss_hessp(case.X, case.y, w, p[:, k], **case.options)
            if backend is lsgd:
                assert one.tobytes() == np.ascontiguousarray(found[:, k]).tobytes()
            np.testing.assert_allclose(one, found[:, k], rtol=1e-9, atol=1e-12)


@every_backend
def test_the_identity_gives_the_hessian(backend):
    X, y = lsgd.datasets.digits_0_vs_8()
    w = np.linspace(-1.0, 1.0, 65)
    options = {"fit_intercept": True, "l2": 1e-3}
    hessian = backend.logistic_loss_hessp(X, y, w, np.eye(65), **options)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10, atol=1e-16)
    largest = np.linalg.eigvalsh(hessian)[-1]
    assert backend.critical_stepsize(X, y, w, **options) == pytest.approx(2.0 / largest, rel=1e-8)


@every_backend
@pytest.mark.parametrize("size", [0.0, 36.7, 37.0, 700.0, 745.0, 1e4, 1e6, 1e300, 1.7e308])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_extreme_scores_neither_warn_nor_lose_digits(backend, size, sign):
    with np.errstate(all="raise"):
        found = backend.logistic_loss_hessp([[1.0], [1.0]], [1, -1], [sign * size], [4.0])
    tail = math.exp(-size) if size < 746 else 0.0
    assert found[0] == pytest.approx(4.0 * tail / (1.0 + tail) ** 2, rel=8 * EPS, abs=1e-322)


@every_backend
def test_extreme_directions_and_rows(backend):
    X, y, _ = toy()
    with np.errstate(all="raise"):
        far = backend.logistic_loss_hessp(X, y, [1e308, -1e308], [1e308, 1e308])
        assert not np.isnan(far).any()
        overflowing = backend.logistic_loss_hessp(1e300 * X, y, [1e200, -1e200], [1.0, 2.0], l2=0.5)
        np.testing.assert_array_equal(overflowing, [0.5, 1.0])
        tiny = backend.logistic_loss_hessp(1e-150 * X, y, [0.0, 0.0], [1.0, -1.0])
        assert (tiny != 0.0).all() and (abs(tiny) < 1e-290).all()
        infinite = backend.logistic_loss_hessp(1e200 * X, y, [0.0, 0.0], [1.0, 0.0])
        assert np.isinf(infinite).any()
    zero = backend.logistic_loss_hessp(X, y, [1.0, 2.0], [0.0, 0.0], l2=3.0)
    np.testing.assert_array_equal(zero, 0.0)


@every_backend
def test_rows_of_weight_zero_take_no_part(backend):
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((20, 3)), np.tile([-1.0, 1.0], 10)
    weight = np.repeat([2.0, 0.0, 1.0, 0.0], 5)
    rows[weight == 0] *= 1e300
    w, p, used = np.ones(3), np.array([1e9, 1.0, -1e9]), weight > 0
    options = {"fit_intercept": False, "l2": 0.1}
    found = backend.logistic_loss_hessp(rows, y, w, p, sample_weight=weight, **options)
    small = rows[used], y[used], w, p
    expected = backend.logistic_loss_hessp(*small, sample_weight=weight[used], **options)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    scaled = backend.logistic_loss_hessp(rows, y, w, p, sample_weight=2.0**-400 * weight, **options)
    assert scaled.tobytes() == found.tobytes()


def test_bits_of_every_number_of_threads_and_instruction_set(isa):
    rng = np.random.default_rng(9)
    X, y = rng.standard_normal((9000, 6)), awkward.labels(9000, rng)
    w, p = rng.standard_normal(7), rng.standard_normal((7, 3))
    options = {"fit_intercept": True, "offset": rng.standard_normal(9000), "l2": 0.01}
    found = {
        lsgd.logistic_loss_hessp(A, y, w, p, n_threads=n_threads, **options).tobytes()
        for A in (X, np.asfortranarray(X))
        for n_threads in (1, 2, 5)
    }
    kernel.use_instruction_set("baseline")
    assert found == {lsgd.logistic_loss_hessp(X, y, w, p, n_threads=1, **options).tobytes()}


def test_inputs_are_not_modified():
    for case in CASES[::8]:
        p = np.ones(len(case.start))
        arrays = [case.X, case.y, case.start, case.sample_weight, p]
        before = [None if a is None else a.tobytes() for a in arrays]
        lsgd.logistic_loss_hessp(case.X, case.y, case.start, p, **case.options)
        assert [None if a is None else a.tobytes() for a in arrays] == before


def test_one_signature():
    found = [inspect.signature(b.logistic_loss_hessp) for b in (lsgd, reference)]
    assert list(found[0].parameters) == list(found[1].parameters)
    names = list(inspect.signature(lsgd.logistic_loss_gradient).parameters)
    assert [name for name in found[0].parameters if name != "p"] == names


@every_backend
@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"p": [0.0]}, ValueError, "p must have 2 rows"),
        ({"p": np.zeros((2, 0))}, ValueError, "p must have 2 rows"),
        ({"p": [math.nan, 0.0]}, ValueError, "p must be finite"),
        ({"p": "none"}, TypeError, "p must hold real numbers"),
        ({"w": np.zeros((2, 2))}, ValueError, "w must be 1-d"),
        ({"w": [0.0]}, ValueError, "w must have 2 rows"),
        ({"y": [1, 1, 1, 1]}, ValueError, "y must hold both classes"),
        ({"offset": [0.0]}, ValueError, "offset has length 1"),
        ({"l2": -1.0}, ValueError, "l2 must be"),
        ({"n_threads": 0}, ValueError, "n_threads must be"),
        ({"fit_intercept": True}, ValueError, "w must have 3 rows"),
    ],
    ids=lambda change: str(change)[:24],
)
def test_errors_name_the_argument(backend, change, error, message):
    X, y, _ = toy()
    good = {"X": X, "y": y, "w": [0.0, 0.0], "p": [1.0, 0.0]}
    with pytest.raises(error, match=message):
        backend.logistic_loss_hessp(**(good | change))


@every_backend
@pytest.mark.parametrize("method", ["newton-cg", "trust-ncg", "trust-krylov"])
def test_newton_methods_of_scipy_find_the_minimiser(backend, method):
    optimize = pytest.importorskip("scipy.optimize")
    X, y = lsgd.datasets.digits_0_vs_8()
    options = {"fit_intercept": True, "l2": 1e-2}
    found = optimize.minimize(
        lambda w: backend.logistic_loss_gradient(X, y, w, **options),
        np.zeros(65), jac=True, method=method, tol=1e-8,
        hessp=lambda w, p: backend.logistic_loss_hessp(X, y, w, p, **options),
    )  # fmt: skip
    run = lsgd.minimize(X, y, **options)
    np.testing.assert_allclose(found.x, [*run.weights, run.intercept], atol=1e-4)
