"""Stochastic descent on sparse rows: the values of dense rows, one set of bits, cheap steps."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, losses, reference
from lsgd_fast._engine.sgd import SGDRuns
from lsgd_fast._inputs.problem import Problem
from support import sparse_cases as cases
from support.awkward import labels
from support.backends import every_backend
from support.batches import content

EPS = np.finfo(float).eps
PROBLEMS = list(cases.problems())
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])
sgd = lsgd.stochastic_gradient_descent
LOSSES = (
    "logistic", "exponential", losses.FlattenedExponential(0.7), losses.FlattenedPolynomial(1.5),
    losses.Tsallis(1.5), losses.Tsallis(2.0), "renyi2", "semi_circle",
)  # fmt: skip
FADING = (0.0, 1e-17, 1e-3, 0.9, 1.0, 1.5, 2.0, 2.3)  # l2 times a stepsize of 1: q from 1 to -1.3


def unit(X):
    """Return X in units in which its longest row is 1."""
    return X / max(np.sqrt((X * X).sum(axis=1)).max(), 1.0)


def check_close(found, expected, tolerance):
    """Compare runs, but for rounding; tolerances are relative to the largest number of a kind."""
    ended = [(str(run.stop_reason), run.n_steps) for run in (found, expected)]
    assert ended[0] == ended[1]
    columns = [name for name in expected.trace.to_dict() if name != "error_rate"]
    pairs = {name: [getattr(run.trace, name) for run in (found, expected)] for name in columns}
    for which in ("last", "average"):
        a, b = getattr(found, which), getattr(expected, which)
        pairs[which] = [*a.weights, a.intercept], [*b.weights, b.intercept]
        pairs[f"{which}, measured"] = [a.loss, a.min_margin], [b.loss, b.min_margin]
    for name, (a, b) in pairs.items():
        size = np.abs(np.asarray(b)[np.isfinite(b)]).max(initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=0.0, atol=tolerance * size, err_msg=name)


# --- values ---------------------------------------------------------------------------------------


@every_problem
def test_the_reference(problem):
    """Of everything that a call can ask for, on every problem some."""
    name, X, y, options = problem
    n, d = X.shape
    rng = np.random.default_rng(len(name) * n + d)
    S = cases.csr(X, None, (np.int32, np.int64)[n % 2])
    for i, l2 in enumerate(FADING):
        given = options | {
            "l2": l2, "batch_size": min(n, (1, 2, 7, 8, 9, 33, n)[(i + n) % 7]), "rng": i,
            "order": ("shuffle", "replacement")[i % 2], "loss": LOSSES[i // 2 % len(LOSSES)],
            "start": 0.1 * rng.standard_normal(d + options.get("fit_intercept", False)),
        }  # fmt: skip
        if i % 3 == 2:
            weight = rng.uniform(0.5, 2.0, n) * rng.integers(0, 2, n)
            weight[:2] = 1.0
            given["sample_weight"] = weight
        sweeps = [module.stochastic_sweep(S, y, [1.0, 0.25, 1e-3], 25, **given)
                  for module in (lsgd, reference)]  # fmt: skip
        for found, expected in zip(*sweeps, strict=True):
            check_close(found, expected, 1e4 * EPS)


@every_backend
@pytest.mark.parametrize("batch_size", [1, 5, 40])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_values_are_those_of_dense_rows(backend, batch_size, loss):
    rng = np.random.default_rng(4)
    X = unit(cases.matrix(300, 50, 0.1, rng))
    options = {"batch_size": batch_size, "rng": 2, "l2": 1e-3, "fit_intercept": True, "loss": loss}
    y = labels(300, rng)
    dense, sparse = (
        backend.stochastic_gradient_descent(A, y, 0.1, 400, **options) for A in (X, cases.csr(X))
    )
    check_close(sparse, dense, 1e-12)


def fade(w, l2, steps):
    """Return a weight and its mean after steps of a stepsize of 1 from rows without entries."""
    problem = Problem.check(cases.csr(np.array([[1.0], [0.0]])), [1, -1], l2=l2)
    sgd_runs = SGDRuns(problem, np.array([[w]]), np.ones(1), 1, 1)
    sgd_runs.take(np.ones(steps, np.intp))
    return sgd_runs.parameters(0)[:, 0]


def faded(w, q, steps):
    """Return w after steps without data, and the mean of w before each of them, exactly."""
    w, total = Fraction(w), Fraction(0)
    for _ in range(steps):
        total += w
        w *= Fraction(q)
    return w, total / steps


@pytest.mark.parametrize("l2", [0.0, 0.25, 0.99, 1.0, 1.25, 1.75, 2.0, 2.0 + 2**-30, 3.5, 2**-40])
@pytest.mark.parametrize("steps", [1, 2, 3, 64, 211])
def test_features_without_data_fade_exactly(l2, steps):
    w, mean = fade(3.0, l2, steps)
    last, average = faded(3.0, 1.0 - l2, steps)
    tolerance = 2 * (steps + 1) * EPS
    assert w == pytest.approx(float(last), rel=tolerance, abs=0.0)
    size = float(faded(3.0, abs(1.0 - l2), steps)[1])
    assert mean == pytest.approx(float(average), rel=0.0, abs=tolerance * size)


def test_what_fades_neither_underflows_nor_overflows_on_the_way():
    for start, l2, steps, end in (
        (1e300, 1.0 - 2.0**-10, 150, 1e300 * 2.0**-750 * 2.0**-750),
        (5e-324, 11.0, 600, float(Fraction(5e-324) * 10**600)),
        (1e-300, 1e200 + 1.0, 1, -1e-100), (1e-300, 1e200, 2, 1e100), (-1.0, 1.0, 2**13, 0.0),
        (0.0, 1e300, 5, 0.0), (1.0, 1e-3, 10**6, 0.0), (-1.0, 2.0, 2**13 + 1, 1.0),
    ):  # fmt: skip
        w, mean = fade(start, l2, steps)
        assert w == pytest.approx(end, rel=1e-12, abs=0.0) and np.isfinite(mean), (start, l2)


@every_backend
def test_weights_beyond_all_numbers_end_a_run(backend):
    X = cases.csr(np.eye(6, 5))
    options = {"start": np.ones(5), "rng": 0}
    run = backend.stochastic_gradient_descent(X, labels(6, np.random.default_rng(0)), 1.0, 2000,
                                              l2=100.0, **options)  # fmt: skip
    assert run.stop_reason == "diverged" and 150 < run.n_steps < 200
    assert not np.isfinite(run.weights).all() and np.isfinite(run.trace.loss[:-1]).all()


@every_backend
def test_rows_without_entries_or_weight_take_no_part(backend):
    X = np.zeros((6, 3))
    X[0, 0], X[1, 2], X[4] = 1.0, -2.0, 1e200
    weight = [1, 1, 1, 1, 0, 1]
    y = [1, -1, 1, -1, 1, -1]
    run = backend.stochastic_gradient_descent(cases.csr(X), y, 1.0, 60, batch_size=2, rng=0,
                                              sample_weight=weight)  # fmt: skip
    assert run.weights[1] == 0.0 and (run.weights[::2] > 1.0).all()
    assert run.last.weight_norm < 100.0 and run.stop_reason == "n_steps"


# --- bits -----------------------------------------------------------------------------------------


def runs(X, y, n_threads=1, **options):
    """Return the contents of sweeps of one run and of six, by batches of several sizes."""
    found = []
    for batch_size in (1, 6, 8, 300):
        for etas in ([2.0], [0.5, 1.0, 2.0, 4.0, 100.0, 1e4]):
            sweep = lsgd.stochastic_sweep(
                X, y, etas, 20, batch_size=batch_size, rng=3, n_threads=n_threads, **options
            )
            found += map(content, sweep)
    return found


@pytest.mark.parametrize("options", [{}, {"l2": 0.3, "fit_intercept": True}], ids=["plain", "l2"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_set_of_bits(options, dtype, isa):
    """For all threads, instruction sets and forms in which the same values come."""
    rng = np.random.default_rng(8)
    X = cases.csr(cases.matrix(1500, 200, 0.2, rng, np.float32), dtype)
    y = labels(1500, rng)
    kernel.use_instruction_set("baseline")
    expected = runs(cases.csr(cases.dense(X)), y, **options)
    kernel.use_instruction_set(isa)
    for n_threads in (1, 2, 3, 8):
        assert runs(X, y, n_threads, **options) == expected
    for name, form in cases.variants(X, rng):
        if isa == kernel.instruction_sets()[0]:
            assert runs(form, y, **options) == expected, name


def test_large_batches_take_the_threads_asked_for():
    rng = np.random.default_rng(8)
    X, y = cases.csr(cases.matrix(1500, 200, 0.2, rng)), labels(1500, rng)
    expected = 2 if kernel.openmp_enabled() else 1
    assert sgd(X, y, 1.0, 3, batch_size=1000, n_threads=2, rng=0).n_threads == expected
    assert sgd(X, y, 1.0, 3, n_threads=2, rng=0).n_threads == 1


@every_backend
@pytest.mark.parametrize("batch_size", [1, 9])
@pytest.mark.parametrize("k", range(1, 7))
def test_columns_of_a_sweep_are_the_single_runs(backend, k, batch_size):
    """Whatever the others do: one diverges, one is ended."""
    rng = np.random.default_rng(k)
    X, y = cases.csr(cases.matrix(60, 17, 0.2, rng)), labels(60, rng)
    etas = [0.5, 3.0, 1e305, 1.0, 2.5, 30.0][:k]
    start = rng.standard_normal((18, k))
    options = {
        "batch_size": batch_size, "fit_intercept": True, "l2": 0.01, "callback_every": 3, "rng": 5,
        "callback": lambda state: state.n_steps >= 9 and state.weights[0] == ended[0],
    }  # fmt: skip
    ended = backend.stochastic_gradient_descent(
        X, y, 3.0, 9, start=start[:, 1 % k], **options | {"callback": None}
    ).weights
    sweep = backend.stochastic_sweep(X, y, etas, 40, start=start, **options)
    for i, run in enumerate(sweep):
        one = backend.stochastic_gradient_descent(X, y, etas[i], 40, start=start[:, i], **options)
        assert content(run) == content(one)
    expected = ["n_steps", "callback", "diverged", "n_steps", "n_steps", "n_steps"]
    assert [str(run.stop_reason) for run in sweep] == expected[:k]


@every_backend
@pytest.mark.parametrize("every", [1, 7])
def test_callbacks_change_no_bit(backend, every):
    """Weights that are asked for are brought up to date in a copy."""
    rng = np.random.default_rng(1)
    X, y = cases.csr(cases.matrix(60, 30, 0.1, rng)), labels(60, rng)
    seen = []
    options = {"rng": 0, "l2": 0.1, "batch_size": 2, "start": rng.standard_normal(30)}
    expected = backend.stochastic_gradient_descent(X, y, 2.0, 70, **options)
    found = backend.stochastic_gradient_descent(
        X, y, 2.0, 70, callback=lambda state: seen.append(state), callback_every=every, **options
    )
    assert content(found) == content(expected)
    for state in seen[:: len(seen) // 5]:
        run = backend.stochastic_gradient_descent(X, y, 2.0, state.n_steps, **options)
        assert run.weights.tolist() == state.weights.tolist()
        assert run.average_weights.tolist() == state.average_weights.tolist()


# --- what it costs --------------------------------------------------------------------------------


def spread(X, d, rng):
    """Return the same rows with their features spread, in order, over d."""
    places = np.sort(rng.choice(d, X.shape[1], replace=False))
    return cases.CSR(X.data, places[X.indices], X.indptr, (X.shape[0], d)), places


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("k", [1, 4])
def test_a_step_does_not_look_at_all_features(l2, k):
    """Or this would take hours; and features that no row has change no bit of the others."""
    rng = np.random.default_rng(0)
    narrow = cases.csr(cases.matrix(200, 60, 0.1, rng))
    y = labels(200, rng)
    wide, places = spread(narrow, 2_000_000, rng)
    options = {"rng": 0, "l2": l2, "record_every": 100, "batch_size": 2}
    found, expected = (
        lsgd.stochastic_sweep(X, y, [1.0, 0.5, 2.0, 4.0][:k], 100_000, **options)
        for X in (wide, narrow)
    )
    for run, other in zip(found, expected, strict=True):
        assert run.weights[places].tobytes() == other.weights.tobytes()
        assert run.average_weights[places].tobytes() == other.average_weights.tobytes()
        assert np.count_nonzero(run.weights) == np.count_nonzero(other.weights)
        assert run.mean_loss == other.mean_loss


def test_no_copy_of_the_entries_is_made():
    rng = np.random.default_rng(0)
    X = cases.csr(rng.standard_normal((4000, 100)), None, np.int64)
    y = labels(4000, rng)
    before = [array.tobytes() for array in (X.data, X.indices, X.indptr)]
    problem = Problem.check(X, y)
    rows = np.arange(4000)
    tracemalloc.start()
    try:
        sgd_runs = SGDRuns(problem, np.zeros((1, 100)), np.ones(1), 10, 2)
        sgd_runs.take(rows)
        sgd_runs.measure(sgd_runs.parameters(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 8 * 4000 < peak < 0.1 * X.data.nbytes
    assert [array.tobytes() for array in (X.data, X.indices, X.indptr)] == before
