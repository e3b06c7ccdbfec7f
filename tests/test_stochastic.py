"""Stochastic descent: fast against twin, bits, orders, arguments, ends, and the paper's bound."""

import json
import os
import signal
import statistics
import threading
import time

import awkward
import numpy as np
import pytest
from backends import every_backend

import lsgd_fast as lsgd
from lsgd_fast import StochasticRun, StochasticSweep, Stop, kernel, reference, sampling, theory
from lsgd_fast.problem import Problem
from lsgd_fast.stochastic import Learners

EPS = np.finfo(float).eps
CASES = list(awkward.problems(seed=4))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
sgd = lsgd.stochastic_gradient_descent
BATCHES = (1, 2, 7, 8, 9, 33, 1000)


@pytest.fixture(params=kernel.instruction_sets())
def isa(request):
    before = kernel.instruction_set()
    kernel.use_instruction_set(request.param)
    yield request.param
    kernel.use_instruction_set(before)


def problem(n, d, noise=0.0, seed=0):
    rng = np.random.default_rng([n, d, seed])
    X = rng.standard_normal((n, d))
    y = np.where(X @ rng.standard_normal(d) + noise * rng.standard_normal(n) > 0.0, 1.0, -1.0)
    y[:2] = 1.0, -1.0
    return X, y


def content(run):
    """Return all of a run but its time and its threads, numbers by their bits."""
    meta, arrays = run.to_archive()
    rest = {name: meta[name] for name in meta if name not in ("seconds", "n_threads")}
    return json.dumps(rest), {n: (a.dtype.str, a.shape, a.tobytes()) for n, a in arrays.items()}


def close(found, expected, tolerance):
    """Whether numbers differ by no more than a share of the largest, and are inf or NaN alike."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    ends = ~np.isfinite(expected)
    assert (ends == ~np.isfinite(found)).all()
    assert np.array_equal(found[ends], expected[ends], equal_nan=True)
    size = np.abs(expected[~ends]).max(initial=1.0)
    assert (np.abs(found[~ends] - expected[~ends]) <= tolerance * size).all(), (found, expected)


# --- fast against twin ----------------------------------------------------------------------------


@every_case
def test_the_twin_on_awkward_problems(case, tmp_path):
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
        twin = reference.stochastic_gradient_descent(awkward.plain(X), case.y, 0.25, 6, **options)
        assert (fast.stop_reason, fast.n_steps) == (twin.stop_reason, twin.n_steps)
        tolerance = 1e3 * (d + batch_size) * EPS
        for which in ("last", "average"):
            found, expected = getattr(fast, which), getattr(twin, which)
            close([*found.weights, found.intercept], [*expected.weights, expected.intercept],
                  tolerance)  # fmt: skip
            size = 1.0 + expected.weight_norm * np.abs(awkward.plain(X)).max()
            for measure in ("loss", "min_margin"):
                values = [getattr(found, measure) / size], [getattr(expected, measure) / size]
                close(*values, tolerance * d)
        rows, expected = fast.trace, twin.trace
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
    rows = np.concatenate(list(sampling.row_blocks("shuffle", 12, n_steps, batch_size, rng)))
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
        np.testing.assert_allclose([iterate.loss, iterate.log_loss], [full, np.log(full)])
        assert iterate.error_rate == pytest.approx(weight[z <= 0.0].sum() / weight.sum())
        assert iterate.min_margin == pytest.approx(z[weight > 0.0].min())
        assert iterate.weight_norm == pytest.approx(np.linalg.norm(iterate.weights))
    end = [getattr(run.trace, name)[-1] for name in ("step", "loss", "error_rate", "min_margin")]
    assert end == [n_steps, run.last.loss, run.last.error_rate, run.last.min_margin]


def test_the_weights_of_rows_are_without_bias():
    """Over all batches of one row, the gradient's mean is that of all rows."""
    X, y = problem(20, 4, noise=1.0)
    weight, w = np.linspace(0.0, 3.0, 20), np.ones(4)
    learners = [
        Learners(Problem.check(X, y, sample_weight=weight), w[None], np.ones(1), size, 1)
        for size in (1,) * 20
    ]
    for row, one in enumerate(learners):
        one.take(np.array([row]))
    steps = np.mean([w - one.parameters(0)[0] for one in learners], axis=0)
    gradient = lsgd.logistic_loss_gradient(X, y, w, sample_weight=weight)[1]
    np.testing.assert_allclose(steps, gradient, rtol=1e-12)


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
def test_log_loss_where_the_loss_underflows(backend):
    X, y = np.array([[800.0], [-900.0]]), [1, -1]
    run = backend.stochastic_gradient_descent(X, y, 1.0, 4, start=[1.0], rng=0, order="replacement")
    assert set(run.trace.log_loss[:-1].tolist()) == {-800.0, -900.0}
    assert (run.trace.loss[:-1] == 0.0).all() and run.stop_reason == "n_steps"
    assert run.last.log_loss == pytest.approx(-800.0 - np.log(2.0), rel=1e-15)


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3, 5, 16])
def test_shuffle_is_one_permutation_after_another(batch_size):
    n_steps = 50
    blocks = list(sampling.row_blocks("shuffle", 16, n_steps, batch_size, np.random.default_rng(0)))
    assert all(len(block) % batch_size == 0 and len(block) < 16 + batch_size for block in blocks)
    rows = np.concatenate(blocks)
    assert len(rows) == n_steps * batch_size
    epochs = [rows[i : i + 16] for i in range(0, len(rows) - 15, 16)]
    assert all(sorted(epoch) == list(range(16)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_replacement_is_uniform_and_memory_stays_small():
    n = 5
    blocks = list(sampling.row_blocks("replacement", n, 100_000, 2, np.random.default_rng(0)))
    assert max(map(len, blocks)) == sampling.DRAWN
    rows = np.concatenate(blocks)
    counts = np.bincount(rows, minlength=n)
    assert len(rows) == 200_000 and np.abs(counts - 40_000).max() < 5 * np.sqrt(200_000 * 0.16)
    repeats = (rows[1:] == rows[:-1]).mean()
    assert abs(repeats - 1 / n) < 0.01


@every_backend
def test_once_sees_each_row_once(backend):
    X, y = np.diag(np.arange(1.0, 9.0)), np.array([1.0, -1.0] * 4)
    run = backend.stochastic_gradient_descent(X, y, 1.0, 8, order="once", rng=0)
    assert run.mean_loss == pytest.approx(np.log(2.0)) and run.n_mistakes == pytest.approx(8.0)
    np.testing.assert_array_equal(run.weights, y * np.arange(1.0, 9.0) / 2.0)
    with pytest.raises(ValueError, match="n_steps must be at most 8 with order='once'"):
        backend.stochastic_gradient_descent(X, y, 1.0, 9, order="once", rng=0)
    with pytest.raises(ValueError, match="n_steps must be at most 2 with order='once'"):
        backend.stochastic_gradient_descent(X, y, 1.0, 3, order="once", batch_size=3)


def test_seeds_and_generators():
    X, y = problem(20, 3)
    runs = [sgd(X, y, 1.0, 30, rng=rng) for rng in (1, np.random.default_rng(1), 2)]
    assert content(runs[0]) == content(runs[1]) != content(runs[2])
    rng = np.random.default_rng(1)
    assert content(sgd(X, y, 1.0, 30, rng=rng)) != content(sgd(X, y, 1.0, 30, rng=rng))


# --- what is recorded, and how runs end -----------------------------------------------------------


@every_backend
def test_record_every(backend):
    X, y = problem(30, 3, noise=1.0)
    full, some = (
        backend.stochastic_gradient_descent(X, y, 20.0, 100, rng=0, record_every=every)
        for every in (1, 7)
    )
    assert some.trace.step.tolist() == [*range(0, 100, 7), 100]
    assert some.trace.loss[:-1].tolist() == full.trace.loss[:-1:7].tolist()
    assert (some.mean_loss, some.n_mistakes) == (full.mean_loss, full.n_mistakes)
    assert full.mean_loss == pytest.approx(full.trace.loss[:-1].mean(), rel=1e-12)
    assert full.trace.stepsize[:-1].tolist() == [20.0] * 100 and np.isnan(full.trace.stepsize[-1])


@every_backend
def test_no_steps(backend):
    X, y = problem(10, 2)
    run = backend.stochastic_gradient_descent(X, y, 1.0, 0, start=[1.0, 2.0])
    assert run.weights.tolist() == run.average_weights.tolist() == [1.0, 2.0]
    assert np.isnan(run.mean_loss) and run.n_mistakes == 0.0 and len(run.trace) == 1
    assert run.stop_reason == "n_steps" and run.last.loss == run.trace.loss[0]


@every_backend
def test_callback(backend):
    X, y = problem(40, 3)
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss, state.weights.copy(), state.average_weights.copy()))
        return state.n_steps == 12

    run = backend.stochastic_gradient_descent(
        X, y, 2.0, 50, rng=0, batch_size=3, callback=callback, callback_every=4
    )
    assert [state[0] for state in seen] == [4, 8, 12] and run.n_steps == 12
    assert run.stop_reason == "callback"
    assert [state[1] for state in seen] == run.trace.loss[3:12:4].tolist()
    assert seen[-1][2].tolist() == run.weights.tolist()
    assert seen[-1][3].tolist() == run.average_weights.tolist()
    whole = backend.stochastic_gradient_descent(X, y, 2.0, 12, rng=0, batch_size=3)
    assert whole.weights.tolist() == run.weights.tolist()


@every_backend
def test_a_callback_ends_one_run_of_a_sweep(backend):
    X, y = problem(40, 3)
    start = np.array([[0.0, 9.0], [0.0, 9.0], [0.0, 9.0]])
    sweep = backend.stochastic_sweep(
        X, y, [1.0, 1.0], 20, rng=0, start=start, callback_every=5,
        callback=lambda state: state.weights.max() > 4.0 and state.n_steps >= 10,
    )  # fmt: skip
    assert [(run.n_steps, str(run.stop_reason)) for run in sweep] == [(20, "n_steps"),
                                                                     (10, "callback")]  # fmt: skip


@every_backend
def test_seconds(backend):
    X, y = problem(40, 3)
    run = backend.stochastic_gradient_descent(X, y, 1.0, 2**40, rng=0, stop=Stop(seconds=0.05),
                                              record_every=10**6, callback=lambda state: None,
                                              callback_every=1000)  # fmt: skip
    assert run.stop_reason == "seconds" and 0 < run.n_steps < 2**40
    assert run.seconds >= 0.05


@every_backend
def test_divergence_is_said(backend):
    X, y = problem(10, 2, noise=5.0)
    run = backend.stochastic_gradient_descent(X * 1e10, y, 1e300, 100, rng=0)
    assert run.stop_reason == "diverged" and run.n_steps < 100
    assert run.trace.step[-1] == run.n_steps and np.isfinite(run.trace.loss[:-1]).all()


def test_it_prints_saves_and_loads(tmp_path):
    X, y = problem(30, 4)
    run = sgd(X, y, 3.0, 40, batch_size=2, rng=0, fit_intercept=True)
    text = repr(run)
    assert "40 steps of 2 rows (shuffle)" in text and f"mean loss {run.mean_loss:.6g}" in text
    assert f"loss {run.last.loss:.6g}" in text and f"loss {run.average.loss:.6g}" in text
    run.save(tmp_path / "run.npz")
    loaded = StochasticRun.load(tmp_path / "run.npz")
    assert content(loaded) == content(run) and loaded.seconds == run.seconds
    with pytest.raises(ValueError, match="read-only"):
        loaded.weights[0] = 1.0
    with pytest.raises(ValueError, match="holds a stochastic run, not a run"):
        lsgd.Run.load(tmp_path / "run.npz")
    sweep = lsgd.stochastic_sweep(X, y, [0.1, 3.0, 1e308], 40, rng=0)
    sweep.save(tmp_path / "sweep.npz")
    loaded = StochasticSweep.load(tmp_path / "sweep.npz")
    assert [*map(content, loaded)] == [*map(content, sweep)] and loaded.stepsizes == sweep.stepsizes
    assert isinstance(loaded[1:], StochasticSweep) and len(loaded[1:]) == 2
    lsgd.gradient_descent(X, y, 3.0, 4).save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="holds a run, not a stochastic run"):
        StochasticRun.load(tmp_path / "other.npz")


@every_backend
def test_table_and_best(backend):
    X, y = problem(60, 5)
    sweep = backend.stochastic_sweep(X, y, [0.01, 2.0, 500.0], 300, rng=0)
    columns = sweep.table().to_dict()
    assert columns["stepsize"] == [0.01, 2.0, 500.0]
    assert columns["mean_loss"] == [run.mean_loss for run in sweep]
    assert sweep.best() is sweep[int(np.argmin(columns["mean_loss"]))]
    assert sweep.best("mean_error_rate") is sweep[int(np.argmin(columns["mean_error_rate"]))]
    for which in ("last", "average"):
        assert sweep.best(which) is min(sweep, key=lambda run: getattr(run, which).log_loss)
    assert repr(sweep).startswith("StochasticSweep of 3 runs")
    with pytest.raises(ValueError, match="by must be one of 'mean_loss'"):
        sweep.best("loss")
    with pytest.raises(ValueError, match="no run of the sweep has a best"):
        backend.stochastic_sweep(X, y, [1.0], 0).best()


def test_a_progress_bar_runs_along(capsys):
    X, y = problem(30, 3)
    bar = lsgd.progress_bar(100)
    sgd(X, y, 1.0, 100, rng=0, callback=bar, callback_every=25)
    assert "loss" in capsys.readouterr().err or not hasattr(bar, "bar")


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"stepsize": 0.0}, ValueError, "stepsize must be finite and positive"),
        ({"stepsize": "large"}, TypeError, "stepsize must be a number or a rule"),
        ({"n_steps": -1}, ValueError, "n_steps must be at least 0"),
        ({"n_steps": 2.0}, TypeError, "n_steps must be an integer"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": 11}, ValueError, "batch_size must be at most the 10 rows"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an integer"),
        ({"order": "random"}, ValueError, "order must be one of 'shuffle', 'replacement', 'once'"),
        ({"order": None}, TypeError, "order must be one of"),
        ({"rng": "seed"}, TypeError, "rng must be a seed"),
        ({"rng": -1}, TypeError, "rng must be a seed"),
        ({"start": np.ones(4)}, ValueError, "start must have 3 rows"),
        ({"loss": "hinge"}, ValueError, "loss 'hinge' is unknown"),
        ({"sample_weight": np.zeros(10)}, ValueError, "sample_weight must not be"),
        ({"l2": -1.0}, ValueError, "l2 must be finite and not negative"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept must be True or False"),
        ({"stop": 3}, TypeError, r"stop must be a lsgd_fast\.Stop"),
        ({"stop": Stop(loss=0.1)}, ValueError, r"stop\.loss needs passes over all rows"),
        ({"stop": Stop(separated=True)}, ValueError, r"stop\.separated needs passes"),
        ({"stop": Stop(validation_patience=3)}, ValueError, r"stop\.validation_patience needs"),
        ({"record_every": 0}, ValueError, "record_every must be at least 1"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"callback_every": 0}, ValueError, "callback_every must be at least 1"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        ({"X": np.ones((10, 3)) * np.nan}, ValueError, "X must be finite"),
        ({"y": np.ones(10)}, ValueError, "y holds one class only"),
    ],
    ids=str,
)
@every_backend
def test_bad_arguments_are_refused(backend, change, error, message):
    X, y = problem(10, 3)
    arguments = {"X": X, "y": y, "stepsize": 1.0, "n_steps": 3} | change
    with pytest.raises(error, match=message):
        backend.stochastic_gradient_descent(**arguments)
    if "stepsize" not in change and "start" not in change:
        del arguments["stepsize"]
        with pytest.raises(error, match=message):
            backend.stochastic_sweep(stepsizes=[1.0], **arguments)


@every_backend
def test_bad_stepsizes_are_refused(backend):
    X, y = problem(10, 3)
    for stepsizes, message in (([], "at least one"), (1.0, "be a sequence"), ([-1.0], "finite")):
        with pytest.raises((TypeError, ValueError), match=f"stepsizes? must.*{message}"):
            backend.stochastic_sweep(X, y, stepsizes, 3)
    with pytest.raises(ValueError, match="start must have a column for each stepsize"):
        backend.stochastic_sweep(X, y, [1.0, 2.0], 3, start=np.ones((3, 3)))


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d", "batch_size"), [(5000, 3, 1), (20_000, 50, 20_000)])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c(n, d, batch_size, n_threads):
    X, y = problem(n, d, noise=1.0)
    late = []
    for i in range(10):
        sent = []

        def send(delay=0.02 + 0.003 * i, sent=sent):
            time.sleep(delay)
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=send)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            sgd(X, y, 1.0, 2**50, batch_size=batch_size, rng=0, record_every=2**40,
                n_threads=n_threads, stop=Stop(seconds=60.0))  # fmt: skip
        late.append(time.perf_counter() - sent[0])
        thread.join()
    assert statistics.median(late) < 0.2 and max(late) < 1.0, late


# --- the paper ------------------------------------------------------------------------------------


def planted(n, d, margin, rng):
    """Return rows of norm at most 1 with |x . w*| >= margin, and labels by the sign of x . w*."""
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    kept = []
    while sum(map(len, kept)) < n:
        X = rng.standard_normal((4 * n, d))
        X *= (rng.uniform(size=len(X)) ** (1.0 / d) / np.linalg.norm(X, axis=1))[:, None]
        kept.append(X[np.abs(X @ direction) >= margin])
    X = np.concatenate(kept)[:n]
    return X, np.sign(X @ direction)


ETAS = [0.1, 1.0, 10.0, 1e2, 1e4, 1e6]


@pytest.fixture(scope="module")
def online():
    """Return mean online losses (seeds, stepsizes) of the setting of theory.mean_loss's Lemma."""
    found = []
    for seed in range(5):
        X, y = planted(4096, 20, 0.1, np.random.default_rng(seed))
        found.append(lsgd.stochastic_sweep(X, y, ETAS, 4096, order="once", rng=seed))
    return found


def test_mean_online_loss_is_least_near_10(online):
    losses = np.mean([[run.mean_loss for run in sweep] for sweep in online], axis=0)
    assert int(np.argmin(losses)) == ETAS.index(10.0), losses
    assert losses[0] > 10.0 * losses[2] and losses[-1] > 1e3 * losses[2], losses
    mistakes = np.mean([[run.n_mistakes for run in sweep] for sweep in online], axis=0)
    assert (mistakes < 60.0).all(), mistakes


def test_lemma_17(online):
    bounds = np.array([theory.mean_loss(4096, 0.1, eta) for eta in ETAS])
    for sweep in online:
        losses = np.array([run.mean_loss for run in sweep])
        assert (losses <= bounds).all(), (losses, bounds)


@every_backend
@pytest.mark.parametrize("batch_size", [1, 10])
def test_lemma_17_for_any_order(backend, batch_size):
    """The lemma is about one loss after another: rows may come again, in any order, in batches."""
    X, y = planted(40, 5, 0.15, np.random.default_rng(3))
    for order in ("shuffle", "replacement"):
        for eta in (1.0, 30.0, 1e5):
            run = backend.stochastic_gradient_descent(
                X, y, eta, 600, order=order, rng=0, batch_size=batch_size
            )
            assert run.mean_loss <= theory.mean_loss(600, 0.15, eta)
