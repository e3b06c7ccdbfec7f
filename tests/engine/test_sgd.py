"""Stochastic descent: fast against reference, the same bits, and the steps by hand."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import StochasticSweep, kernel, reference
from lsgd_fast._engine.sgd import SGDRuns
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.stochastic import row_blocks
from support import awkward
from support.backends import every_backend
from support.batches import content, problem

EPS = np.finfo(float).eps
CASES = list(awkward.problems(seed=4))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
sgd = lsgd.stochastic_gradient_descent
BATCHES = (1, 2, 7, 8, 9, 33, 1000)


def close(found, expected, tolerance):
    """Whether numbers differ by no more than a share of the largest, and are inf or NaN alike."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    ends = ~np.isfinite(expected)
    assert (ends == ~np.isfinite(found)).all()
    assert np.array_equal(found[ends], expected[ends], equal_nan=True)
    size = np.abs(expected[~ends]).max(initial=1.0)
    assert (np.abs(found[~ends] - expected[~ends]) <= tolerance * size).all(), (found, expected)


# --- fast against reference -----------------------------------------------------------------------


@every_case
def test_the_reference_on_awkward_problems(case, tmp_path):
    """A few steps: later ones double what has been rounded off, as large stepsizes do."""
    n, d = case.X.shape
    i = CASES.index(case)
    layouts = list(awkward.layouts(case.X, ("float64", "float32")[i % 2], tmp_path))
    for j in range(4):
        name, X = layouts[(4 * i + j) % len(layouts)]
        batch_size = min(n, BATCHES[(i + j) % len(BATCHES)])
        options = case.options | {
            "start": case.start, "batch_size": batch_size, "rng": i,
            "order": ("shuffle", "replacement")[j % 2],
        }  # fmt: skip
        fast = sgd(X, case.y, 0.25, 6, **options)
        ref = reference.stochastic_gradient_descent(awkward.plain(X), case.y, 0.25, 6, **options)
        assert (fast.stop_reason, fast.n_steps) == (ref.stop_reason, ref.n_steps)
        tolerance = 1e3 * (d + batch_size) * EPS
        for which in ("last", "average"):
            found, expected = getattr(fast, which), getattr(ref, which)
            close([*found.weights, found.intercept], [*expected.weights, expected.intercept],
                  tolerance)  # fmt: skip
            size = 1.0 + expected.weight_norm * np.abs(awkward.plain(X)).max()
            for measure in ("loss", "min_margin"):
                values = [getattr(found, measure) / size], [getattr(expected, measure) / size]
                close(*values, tolerance * d)
        rows, expected = fast.trace, ref.trace
        assert rows.step.tolist() == expected.step.tolist()
        size = 1.0 + np.abs(expected.min_margin[np.isfinite(expected.min_margin)]).max(initial=0)
        for column in ("loss", "min_margin"):
            values = getattr(rows, column) / size, getattr(expected, column) / size
            close(*values, tolerance * d)


@pytest.mark.parametrize("dtype", awkward.DTYPES)
@pytest.mark.parametrize("batch_size", [1, 5, 8, 24])
def test_every_dtype_and_layout_has_the_bits_of_float64(dtype, batch_size, tmp_path):
    rng = np.random.default_rng(5)
    base = awkward.exact_matrix(24, 11, dtype, rng)
    y = awkward.labels(24, rng)
    options = {"batch_size": batch_size, "rng": 3, "fit_intercept": True, "l2": 1e-3}
    for name, X in awkward.layouts(base, dtype, tmp_path):
        found, expected = (sgd(A, y, 0.5, 30, **options) for A in (X, awkward.plain(X)))
        assert content(found) == content(expected), name


def test_inputs_are_not_modified():
    X, y = problem(40, 5)
    weight = np.linspace(0.0, 2.0, 40)
    before = [a.tobytes() for a in (X, y, weight)]
    start = np.ones(5)
    sgd(X, y, 3.0, 50, sample_weight=weight, start=start, rng=0)
    assert [a.tobytes() for a in (X, y, weight)] == before and start.tolist() == [1.0] * 5


# --- bits -----------------------------------------------------------------------------------------


def runs_of_all_kinds(n_threads):
    """Return the contents of runs: thin, small and large batches, one column and several."""
    found = []
    for n, d, batch_size, etas in (
        (50, 3, 1, [2.0]), (50, 33, 1, [2.0, 30.0]), (60, 17, 5, [1.0] * 5), (60, 9, 8, [4.0]),
        (700, 20, 300, [0.5, 1e3]), (3000, 30, 2000, [3.0]), (3000, 15, 1500, [1.0, 2.0, 4.0, 8.0]),
        (20, 2500, 12, [1e-2]),
    ):  # fmt: skip
        X, y = problem(n, d, noise=0.5)
        weight = np.random.default_rng(1).uniform(0.0, 2.0, n)
        for dtype, options in (("f8", {}), ("f4", {"fit_intercept": True, "sample_weight": weight,
                                                  "l2": 1e-3})):  # fmt: skip
            sweep = lsgd.stochastic_sweep(
                X.astype(dtype), y, etas, 40, batch_size=batch_size, rng=7, n_threads=n_threads,
                **options,
            )  # fmt: skip
            found += map(content, sweep)
    return found


@pytest.fixture(scope="module")
def baseline():
    before = kernel.instruction_set()
    kernel.use_instruction_set("baseline")
    yield runs_of_all_kinds(1)
    kernel.use_instruction_set(before)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_the_same_bits(baseline, isa, n_threads):
    kernel.use_instruction_set(isa)
    assert runs_of_all_kinds(n_threads) == baseline


def test_large_batches_take_the_threads_asked_for():
    X, y = problem(3000, 30)
    expected = 2 if kernel.openmp_enabled() else 1
    assert sgd(X, y, 1.0, 3, batch_size=2000, n_threads=2, rng=0).n_threads == expected
    assert sgd(X, y, 1.0, 3, batch_size=1, n_threads=2, rng=0).n_threads == 1


@every_backend
@pytest.mark.parametrize("batch_size", [1, 6, 9])
@pytest.mark.parametrize("k", [1, 3, 4, 5, 9])
def test_columns_of_a_sweep_are_the_single_runs(backend, k, batch_size):
    X, y = problem(60, 7, noise=0.3)
    etas = [*(10.0 ** np.linspace(-1.0, 3.0, k - 1)), 1e305][-k:]  # the last diverges
    start = np.random.default_rng(2).standard_normal((8, k))
    options = {"batch_size": batch_size, "fit_intercept": True, "l2": 1e-3, "record_every": 3}
    sweep = backend.stochastic_sweep(X, y, etas, 25, start=start, rng=5, **options)
    assert isinstance(sweep, StochasticSweep) and sweep.stepsizes == tuple(etas)
    for i, run in enumerate(sweep):
        one = backend.stochastic_gradient_descent(
            X, y, etas[i], 25, start=start[:, i], rng=5, **options
        )
        assert content(run) == content(one)
    assert [run.stop_reason for run in sweep] == ["n_steps"] * (k - 1) + ["diverged"]


@every_backend
def test_fewer_steps_are_the_first_of_more(backend):
    X, y = problem(30, 4)
    for order in ("shuffle", "replacement"):
        runs = [
            backend.stochastic_gradient_descent(X, y, 5.0, n, batch_size=4, order=order, rng=1)
            for n in (20, 50)
        ]
        assert runs[0].trace.loss[:-1].tolist() == runs[1].trace.loss[:20].tolist()
    batches = [
        backend.stochastic_gradient_descent(X, y, 5.0, 7, batch_size=4, order=order, rng=1)
        for order in ("once", "shuffle")
    ]
    assert batches[0].weights.tolist() == batches[1].weights.tolist()


# --- the steps ------------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_steps_by_hand(backend, batch_size):
    """The steps as the docstring has them, with the rows that `row_blocks` draws."""
    X, y = problem(12, 3)
    weight = np.arange(12) % 5 + 0.0
    l2, eta, n_steps = 0.1, 4.0, 9
    run = backend.stochastic_gradient_descent(
        X, y, eta, n_steps, batch_size=batch_size, rng=11, sample_weight=weight, l2=l2,
        fit_intercept=True, start=[1.0, -1.0, 0.5, 0.25],
    )  # fmt: skip
    rng = np.random.default_rng(11)
    rows = np.concatenate(list(row_blocks("shuffle", 12, n_steps, batch_size, rng)))
    w, before, losses, errors = np.array([1.0, -1.0, 0.5, 0.25]), [], [], []
    A = np.column_stack([X, np.ones(12)])
    for batch in rows.reshape(n_steps, batch_size):
        share = weight[batch] / (batch_size * weight.mean())
        z = y[batch] * (A[batch] @ w)
        losses.append(share @ np.log1p(np.exp(-z)))
        errors.append(share @ (z <= 0.0))
        before.append(w)
        gradient = -A[batch].T @ (share * y[batch] / (1.0 + np.exp(z)))
        w = w - eta * (gradient + l2 * w * [1.0, 1.0, 1.0, 0.0])
    np.testing.assert_allclose([*run.weights, run.intercept], w, rtol=1e-11)
    average = [*run.average_weights, run.average_intercept]
    np.testing.assert_allclose(average, np.mean(before, axis=0), rtol=1e-11)
    np.testing.assert_allclose(run.trace.loss[:-1], losses, rtol=1e-11)
    np.testing.assert_allclose(run.trace.error_rate[:-1], errors, rtol=1e-12)
    np.testing.assert_allclose(run.mean_loss, np.mean(losses), rtol=1e-12)
    np.testing.assert_allclose(run.n_mistakes, np.sum(errors) * batch_size, rtol=1e-12)
    for iterate in (run.last, run.average):
        z = y * (X @ iterate.weights + iterate.intercept)
        full = weight / weight.sum() @ np.log1p(np.exp(-z))
        np.testing.assert_allclose([iterate.loss, iterate.ln_loss], [full, np.log(full)])
        assert iterate.error_rate == pytest.approx(weight[z <= 0.0].sum() / weight.sum())
        assert iterate.min_margin == pytest.approx(z[weight > 0.0].min())
        assert iterate.weight_norm == pytest.approx(np.linalg.norm(iterate.weights))
    end = [getattr(run.trace, name)[-1] for name in ("step", "loss", "error_rate", "min_margin")]
    assert end == [n_steps, run.last.loss, run.last.error_rate, run.last.min_margin]


def test_the_weights_of_rows_are_without_bias():
    """Over all batches of one row, the gradient's mean is that of all rows."""
    X, y = problem(20, 4, noise=1.0)
    weight, w = np.linspace(0.0, 3.0, 20), np.ones(4)
    sgd_runs = [
        SGDRuns(Problem.check(X, y, sample_weight=weight), w[None], np.ones(1), size, 1)
        for size in (1,) * 20
    ]
    for row, one in enumerate(sgd_runs):
        one.take(np.array([row]))
    steps = np.mean([w - one.parameters(0)[0] for one in sgd_runs], axis=0)
    gradient = lsgd.logistic_loss_gradient(X, y, w, sample_weight=weight)[1]
    np.testing.assert_allclose(steps, gradient, rtol=1e-12)


@pytest.mark.parametrize("kind", [SGDRuns, reference.stochastic.SGDRuns])
@pytest.mark.parametrize("batch_size", [1, 9])
def test_the_time_ends_steps_between_two_batches(kind, batch_size):
    """`Stop(seconds=)` cannot wait for a whole list: on a busy machine batches take long."""
    X, y = problem(40, 3)
    rows = np.zeros(20_000 * batch_size, np.intp)
    one, whole = (
        kind(Problem.check(X, y), np.zeros((1, 3)), np.ones(1), batch_size, 1) for _ in range(2)
    )
    measures = one.take(rows, 1e-9)
    taken = len(measures)
    assert 1 <= taken == one.n_steps(0) < 20_000 and np.isfinite(measures).all()
    np.testing.assert_array_equal(measures, whole.take(rows[: taken * batch_size]))
    np.testing.assert_array_equal(one.parameters(0), whole.parameters(0))


@every_backend
def test_rows_without_weight_take_no_part(backend):
    X, y = problem(6, 2)
    X[3:] = 1e200
    run = backend.stochastic_gradient_descent(
        X, y, 1.0, 30, sample_weight=[1, 1, 1, 0, 0, 0], rng=0
    )
    idle = run.trace.min_margin[:-1] == np.inf  # a batch of rows without weight
    assert 10 <= idle.sum() <= 20 and (run.trace.loss[:-1][idle] == 0.0).all()
    assert run.stop_reason == "n_steps" and run.last.weight_norm < 100.0


@every_backend
def test_ln_loss_where_the_loss_underflows(backend):
    X, y = np.array([[800.0], [-900.0]]), [1, -1]
    run = backend.stochastic_gradient_descent(X, y, 1.0, 4, start=[1.0], rng=0, order="replacement")
    assert set(run.trace.ln_loss[:-1].tolist()) == {-800.0, -900.0}
    assert (run.trace.loss[:-1] == 0.0).all() and run.stop_reason == "n_steps"
    assert run.last.ln_loss == pytest.approx(-800.0 - np.log(2.0), rel=1e-15)
