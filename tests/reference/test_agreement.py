"""The compiled functions against their NumPy twin, within a rounding bound, on awkward inputs."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from support import awkward
from support.awkward import exact_matrix, labels, layouts, plain, problems

EPS = np.finfo(float).eps
CASES = list(problems())
DTYPES = ("float64", "float32")
THREADS = (1, 2, 4)
LAYOUTS = 9  # of the awkward ones, taken in turn from case to case
SETS = kernel.instruction_sets()


@pytest.fixture
def each_instruction_set():
    chosen = kernel.instruction_set()

    def switch():
        for name in SETS:
            kernel.use_instruction_set(name)
            yield name

    yield switch
    kernel.use_instruction_set(chosen)


def bounds(X, case, w):
    """Return how far loss and gradient may be from the twin's: 0.5 (d + n) eps and a condition."""
    n, d = X.shape
    weight = np.ones(n) if case.sample_weight is None else case.sample_weight
    A = np.abs(np.column_stack([X, np.ones(n)]) if case.fit_intercept else X)
    rows = weight / weight.sum() * (1.0 + A @ np.abs(w))
    unit = 0.5 * (d + n) * EPS
    penalty = case.l2 * np.where(np.arange(len(w)) < d, np.abs(w), 0.0)
    return unit * (rows.sum() + penalty @ np.abs(w)), unit * (A.T @ rows + penalty)


def turn(case, dtype, folder):
    """Return LAYOUTS of the layouts, others for each case; "C" is always there."""
    found = list(layouts(case.X, dtype, folder))
    first = CASES.index(case)
    return found[:1] + [found[1 + (first + i) % (len(found) - 1)] for i in range(LAYOUTS - 1)]


def test_there_are_enough_cases():
    assert len(CASES) * len(DTYPES) * LAYOUTS * len(SETS) * len(THREADS) >= 2000 * len(SETS) / 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradient(case, dtype, tmp_path, each_instruction_set):
    for name, X in turn(case, dtype, tmp_path):
        exact = plain(X)
        value, gradient = reference.logistic_loss_gradient(
            exact, case.y, case.start, **case.options
        )
        value_bound, gradient_bound = bounds(exact, case, case.start)
        for isa in each_instruction_set():
            for n_threads in THREADS:
                arguments = (X, case.y, case.start)
                fast_value, fast_gradient = lsgd.logistic_loss_gradient(
                    *arguments, **case.options, n_threads=n_threads
                )
                where = (name, isa, n_threads)
                assert abs(fast_value - value) <= value_bound, where
                assert (abs(fast_gradient - gradient) <= gradient_bound).all(), where
                alone = lsgd.logistic_loss(*arguments, **case.options, n_threads=n_threads)
                assert alone == fast_value, where


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_every_dtype_in_every_layout(dtype, tmp_path):
    rng = np.random.default_rng(0)
    base, y, w = exact_matrix(37, 11, dtype, rng), labels(37, rng), rng.standard_normal(11)
    for name, X in layouts(base, dtype, tmp_path):
        expected = lsgd.logistic_loss_gradient(plain(X), y, w)
        value, gradient = lsgd.logistic_loss_gradient(X, y, w)
        assert value == expected[0] and gradient.tolist() == expected[1].tolist(), name


def test_float16_values_one_by_one():
    finite = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = finite[np.isfinite(finite)]
    X = finite.reshape(-1, 4)
    y = np.where(np.arange(len(X)) % 2, 1.0, -1.0)
    for w in np.eye(4):
        expected = lsgd.logistic_loss_gradient(X.astype(float), y, w)
        assert lsgd.logistic_loss_gradient(X, y, w)[1].tolist() == expected[1].tolist()


@pytest.mark.parametrize("scale", [0.0, 5e-324, 36.7, 37.0, 708.0, 709.0, 745.0, 1e4, 1e150, 1e308])
def test_extreme_margins(scale):
    """Margins +scale and -scale for both labels; 1e308 is near the largest double."""
    X, y, w = np.array([[1.0], [-1.0], [1.0], [-1.0]]), [1, 1, -1, -1], np.array([scale])
    value, gradient = lsgd.logistic_loss_gradient(X, y, w)
    expected, slope = reference.logistic_loss_gradient(X, y, w)
    assert np.isfinite(value) and value == pytest.approx(expected, rel=4 * EPS)
    assert gradient == pytest.approx(slope, rel=4 * EPS, abs=EPS)


def test_log_loss_where_the_loss_underflows():
    """Margins 800, 850, 900: the loss is 0, its logarithm -800 - ln 3."""
    X = np.array([[8.0], [8.5], [-9.0]])
    for weight in (None, [2.0, 2.0, 2.0], [1e-3, 1e-3, 1e-3]):
        run = lsgd.gradient_descent(X, [1, 1, 0], 1.0, 0, start=[100.0], sample_weight=weight)
        assert run.trace.loss[0] == 0.0
        assert run.trace.log_loss[0] == pytest.approx(-800.0 - np.log(3.0), rel=1e-15)
        assert run.separated_at == 0


@pytest.mark.parametrize("n, d", [(3, 2), (40, 1), (5000, 3), (300, 70)])
def test_log_loss_through_the_underflow(n, d):
    """Along a ray, from losses that are ordinary to losses that are nothing."""
    rng = np.random.default_rng(n)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    X = rng.uniform(0.5, 1.5, (n, d)) * y[:, None]
    weight = rng.uniform(0.1, 1.0, n) * 10.0 ** rng.integers(-60, 1, n)
    for scale in (1.0, 10.0, 100.0, 300.0, 700.0, 1e4, 1e100, 1e300):
        options = {"start": np.full(d, scale / d), "sample_weight": weight}
        found = lsgd.gradient_descent(X, y, 1.0, 0, **options).trace
        expected = reference.gradient_descent(X, y, 1.0, 0, **options).trace
        assert found.log_loss[0] == pytest.approx(expected.log_loss[0], rel=1e-13)


@pytest.mark.parametrize("case", CASES[::3], ids=lambda case: case.name)
def test_short_runs(case):
    """Few enough steps that rounding has no time to grow."""
    start = case.start if abs(case.start).max() < 1e100 else None
    options = case.options | {"start": start, "n_threads": 2}
    run = lsgd.gradient_descent(case.X, case.y, 0.05, 8, **options)
    twin = reference.gradient_descent(case.X, case.y, 0.05, 8, **options)
    for name, column in twin.trace.to_dict().items():
        found = run.trace.to_dict()[name]
        np.testing.assert_allclose(found, column, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(run.weights, twin.weights, rtol=1e-9, atol=1e-12)
    assert run.stop_reason is twin.stop_reason
    assert run.radius == twin.radius
