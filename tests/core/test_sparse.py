"""Sparse rows: the values of dense ones, and one set of bits however they come."""

import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop, kernel, losses, reference, stepsizes
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs import sparse
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._planning.memory import Memory
from support import awkward
from support import sparse_cases as cases
from support.backends import every_backend
from support.sparse_cases import PROBLEMS, RNG, bits, bits_of_run, small

every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])


def weights(problem, k=None):
    _, X, _, options = problem
    shape = (X.shape[1] + options.get("fit_intercept", False),)
    return np.random.default_rng(1).standard_normal(shape if k is None else (*shape, k))


# --- values ---------------------------------------------------------------------------------------


@every_backend
@every_problem
@pytest.mark.parametrize("k", [None, 6])
def test_loss_and_gradient_are_those_of_dense_rows(problem, k, backend):
    _, X, y, options = problem
    w = weights(problem, k)
    for dtype in (np.float64, np.float32):
        if (X.astype(dtype) != X).any():
            continue
        value, gradient = backend.logistic_loss_gradient(cases.csr(X, dtype), y, w, **options)
        expected, slope = reference.logistic_loss_gradient(X, y, w, **options)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-12 * abs(slope).max())
        alone = backend.logistic_loss(cases.csr(X, dtype), y, w, **options)
        assert bits(alone) == bits(value)


@every_backend
@every_problem
def test_runs_are_those_of_dense_rows(problem, backend):
    _, X, y, options = problem
    eta = 1.0 / max(1e-3, Problem.check(X, y).radius) ** 2
    found = backend.gradient_descent(cases.csr(X), y, eta, 30, **options)
    expected = reference.gradient_descent(X, y, eta, 30, **options, gram=False)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-11, atol=1e-13)
    for name, column in expected.trace.to_dict().items():
        found_column = getattr(found.trace, name)
        np.testing.assert_allclose(found_column, column, rtol=1e-11, atol=1e-13, err_msg=name)
    assert found.radius == pytest.approx(expected.radius, rel=1e-14)
    for name in ("separated_at", "certified_at", "stop_reason", "verdict"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_every_real_dtype_is_read_exactly(dtype):
    rng = np.random.default_rng(2)
    X = awkward.exact_matrix(90, 7, dtype, rng) * (rng.random((90, 7)) < 0.4)
    y, w = awkward.labels(90, rng), rng.standard_normal(7) / 100
    expected = lsgd.logistic_loss_gradient(cases.csr(X), y, w)
    found = lsgd.logistic_loss_gradient(cases.csr(X, dtype), y, w)
    assert bits(*found) == bits(*expected)
    checked = sparse.check_sparse(cases.csr(X, dtype))
    narrow = dtype in ("float32", "float16", "bool", "int8", "int16", "uint8", "uint16")
    assert checked.dtype == (np.float32 if narrow else np.float64)


@every_backend
def test_held_out_rows_may_be_sparse_or_not(backend):
    X, D, y = small()
    H, held = cases.csr(D[:300, ::-1]), D[:300, ::-1]
    found = [
        backend.gradient_descent(A, y, 2.0, 20, validation=(V, y[:300]))
        for A in (X, D)
        for V in (H, held)
    ]
    for run in found[1:]:
        np.testing.assert_allclose(
            run.trace.validation_loss, found[0].trace.validation_loss, rtol=1e-12
        )
        assert run.best_at == found[0].best_at


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_minimize_takes_sparse_rows(backend, loss):
    X, D, y = small()
    weight = np.arange(1200) % 3 * 1.0
    found, dense = (
        backend.minimize(A, y > 0, l2=1e-2, loss=loss, sample_weight=weight) for A in (X, D)
    )
    assert found.stop_reason == dense.stop_reason == "converged"
    np.testing.assert_allclose(found.weights, dense.weights, rtol=1e-5, atol=1e-8)


def test_sparse_held_out_rows_in_gram_space():
    rng = np.random.default_rng(8)
    X, y = rng.standard_normal((30, 900)), awkward.labels(30, rng)
    V = cases.matrix(20, 900, 0.1, rng)
    for gram in (True, False):
        found = lsgd.gradient_descent(X, y, 0.01, 9, gram=gram, validation=(cases.csr(V), y[:20]))
        dense = lsgd.gradient_descent(X, y, 0.01, 9, gram=gram, validation=(V, y[:20]))
        np.testing.assert_allclose(
            found.trace.validation_loss, dense.trace.validation_loss, rtol=1e-12
        )


@pytest.mark.parametrize(
    "loss",
    ["exponential", losses.FlattenedPolynomial(2.0), "logistic", losses.Tsallis(2.0), "renyi2",
     "semi_circle"],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    "rule", [stepsizes.RiskAdaptive(3.0), stepsizes.Tyurin(3.0), stepsizes.NormalizedGradient(0.3)],
    ids=lambda rule: type(rule).__name__,
)  # fmt: skip
def test_rules_and_losses_are_those_of_dense_rows(rule, loss):
    """Columns scaled each by itself, chunks on scales far apart, a long column among short ones."""
    rng = np.random.default_rng(6)
    D = cases.matrix(9000, 40, 0.2, rng)
    D[:, 0] = 1.0
    D[:3000] *= 300.0
    y = np.where(D @ rng.standard_normal(40) > 0.0, 1, 0)
    start = 20.0 * rng.standard_normal((40, 6))
    if loss == "logistic":
        start *= 50.0
    X, marks = cases.csr(D), set()
    assert rows.Rows(Problem.check(X, y)).n_leaves > 8
    stepsizes_ = [rule, 1e-3, rule, rule, rule, rule]
    options = {"loss": loss, "start": start}
    expected = lsgd.stepsize_sweep(D, y, stepsizes_, 3, **options)
    for n_threads in (1, 2, 3):
        found = lsgd.stepsize_sweep(X, y, stepsizes_, 3, **options, n_threads=n_threads)
        marks.add(tuple(run.weights.tobytes() for run in found))
    assert len(marks) == 1
    for i, (run, dense) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(run.trace.ln_loss[:2], dense.trace.ln_loss[:2], rtol=1e-9)
        np.testing.assert_allclose(run.weights, dense.weights, rtol=1e-7, atol=1e-8)
        alone = lsgd.gradient_descent(X, y, stepsizes_[i], 3, loss=loss, start=start[:, i])
        assert alone.weights.tobytes() == run.weights.tobytes()


@every_backend
def test_a_trial_takes_samples_of_sparse_rows(backend):
    X, D, y = small()
    options = {"n_stages": 4, "n_steps": 40, "rng": 1}
    found, expected = (backend.staged_trial(A, y, **options) for A in (X, D))
    assert found.n_rows_sampled < found.rows
    assert found.recommended == expected.recommended
    assert found.smoothness == pytest.approx(expected.smoothness, rel=1e-5)
    for one, other in zip(found.stages, expected.stages, strict=True):
        assert [o.ending for o in one.outcomes] == [o.ending for o in other.outcomes]


# --- bits -----------------------------------------------------------------------------------------


@every_problem
@pytest.mark.parametrize("k", [None, 7])
def test_one_set_of_bits_for_all_threads_and_instruction_sets(problem, k, isa):
    _, X, y, options = problem
    X, w = cases.csr(X), weights(problem, k)
    kernel.use_instruction_set("baseline")
    expected = lsgd.logistic_loss_gradient(X, y, w, **options, n_threads=1)
    run = lsgd.gradient_descent(X, y, 0.5, 12, **options, n_threads=1)
    kernel.use_instruction_set(isa)
    for n_threads in (1, 2, 3, 7, 16):
        found = lsgd.logistic_loss_gradient(X, y, w, **options, n_threads=n_threads)
        assert bits(*found) == bits(*expected)
        again = lsgd.gradient_descent(X, y, 0.5, 12, **options, n_threads=n_threads)
        assert bits_of_run(again) == bits_of_run(run)
        assert again.n_threads == min(n_threads, rows.Rows(Problem.check(X, y)).n_leaves)


@every_problem
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_set_of_bits_for_all_forms(problem, dtype):
    _, X, y, options = problem
    rng = np.random.default_rng(4)
    canonical = cases.csr(X.astype(dtype), dtype)
    w = weights(problem, 5)
    expected = lsgd.logistic_loss_gradient(canonical, y, w, **options)
    digest = Problem.check(canonical, y, **options).digest()
    wide = cases.csr(X.astype(dtype), np.float64)
    for name, form in [("float64", wide), *cases.variants(canonical, rng)]:
        found = lsgd.logistic_loss_gradient(form, y, w, **options, n_threads=2)
        assert bits(*found) == bits(*expected), name
        assert Problem.check(form, y, **options).digest() == digest, name


def test_the_problems_reach_what_they_are_for():
    seen = {name: rows.Rows(Problem.check(cases.csr(X), y)).n_leaves for name, X, y, _ in PROBLEMS}
    assert min(seen.values()) == 1 and max(seen.values()) >= 8
    lengths = np.concatenate([np.count_nonzero(X, axis=0) for _, X, _, _ in PROBLEMS])
    assert (lengths == 0).any() and lengths.max() == 9000  # long: more than 4096 entries
    row_lengths = np.concatenate([np.count_nonzero(X, axis=1) for _, X, _, _ in PROBLEMS])
    assert (row_lengths == 0).any() and row_lengths.max() > 1024


@pytest.mark.parametrize("k", [2, 3, 4, 5, 8, 11])
def test_a_sweep_is_its_single_runs(k):
    X, _, y = small()
    etas = np.geomspace(0.5, 500.0, k)
    validation = (cases.csr(small()[1][:100]), y[:100])
    options = {"fit_intercept": True, "stop": Stop(loss=0.6885), "validation": validation}
    sweep = lsgd.stepsize_sweep(X, y, etas, 25, **options, n_threads=2)
    assert len({run.n_steps for run in sweep}) > 1 or k == 2
    for eta, run in zip(etas, sweep, strict=True):
        alone = lsgd.gradient_descent(X, y, eta, 25, **options)
        assert bits_of_run(run) == bits_of_run(alone)


def test_checkpoints_go_on_with_the_same_bits(tmp_path):
    X, D, y = small()
    straight = lsgd.gradient_descent(X, y, 7.0, 40)
    descent = Descent(X, y, 7.0)
    descent.step(15)
    descent.save(tmp_path / "c.npz")
    form = cases.unsorted(cases.duplicates(X, RNG), RNG)
    again = Descent.load(tmp_path / "c.npz", form, y)
    again.step(25)
    assert bits_of_run(again.result()) == bits_of_run(straight)
    with pytest.raises(ValueError, match="other data"):
        Descent.load(tmp_path / "c.npz", D, y)
    changed = cases.CSR(X.data.copy(), X.indices, X.indptr, X.shape)
    changed.data[3] += 1.0
    with pytest.raises(ValueError, match="other data"):
        Descent.load(tmp_path / "c.npz", changed, y)


def test_wide_sparse_rows_do_not_go_to_gram_space():
    X = cases.matrix(50, 3000, 0.05, np.random.default_rng(0))
    y = awkward.labels(50, RNG)
    auto = lsgd.gradient_descent(cases.csr(X), y, 1.0, 5)
    assert bits_of_run(auto) == bits_of_run(
        lsgd.gradient_descent(cases.csr(X), y, 1.0, 5, gram=False)
    )


# --- memory, and SciPy ----------------------------------------------------------------------------


def zipf(n=4000, d=20_000, n_entries=400_000):
    rng = np.random.default_rng(0)
    share = 1.0 / np.arange(3, d + 3)
    places = np.unique(
        rng.integers(0, n, n_entries) * d + rng.choice(d, n_entries, p=share / share.sum())
    )
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(places // d, minlength=n), out=indptr[1:])
    X = cases.CSR(rng.standard_normal(len(places)), (places % d).astype(np.int32), indptr, (n, d))
    return X, awkward.labels(n, rng)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_is_the_matrix_and_its_copy_by_columns(dtype):
    X, y = zipf()
    X.data = X.data.astype(dtype)
    given = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    plan = lsgd.plan(X, y, n_steps=3, n_threads=1)  # threads need not hold blocks at one time
    assert plan.data_bytes == given and plan.n_entries == len(X.data)
    tracemalloc.start()
    try:
        descent = Descent(X, y, 1.0, n_threads=1)
        kept = tracemalloc.get_traced_memory()[0]
        descent.step(3)
        descent.result()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    n, d = X.shape
    entries = len(X.data) * (np.dtype(dtype).itemsize + 2 + 2)  # numbers of rows and of features
    assert plan.footprint.packed == entries + 8 * (2 * d + 1) + 8 * (n + 1)
    of_weights = 8 * 14 * (d + 1)
    assert given + kept - of_weights < 2.5 * given
    assert peak <= plan.peak_bytes + 20_000
    assert peak > 0.5 * plan.peak_bytes


def test_a_plan_tells_of_entries():
    X, y = zipf()
    plan = lsgd.plan(X, y, n_steps=20_000, n_threads=1)
    assert f"float64, {len(X.data):,} entries" in str(plan)
    assert plan.measured_shape == X.shape
    assert isinstance(plan.footprint, Memory)
    assert "a copy of X by columns" in str(plan)
