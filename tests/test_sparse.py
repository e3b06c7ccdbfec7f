"""Sparse rows: the values of dense ones, one set of bits however they come, and no bad input."""

import faulthandler
import json
import sys
import tracemalloc

import awkward
import numpy as np
import pytest
import sparse_cases as cases
from backends import every_backend
from fresh import run_python

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop, kernel, losses, reference, stepsizes
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs import sparse
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.smoothness import estimate_smoothness
from lsgd_fast._planning.memory import Memory

PROBLEMS = list(cases.problems())
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])
RNG = np.random.default_rng(5)


def weights(problem, k=None):
    _, X, _, options = problem
    shape = (X.shape[1] + options.get("fit_intercept", False),)
    return np.random.default_rng(1).standard_normal(shape if k is None else (*shape, k))


def bits(*values):
    return [np.asarray(value).tobytes() for value in values]


def bits_of_run(run):
    arrays = [run.weights, np.float64(run.intercept), *run.trace.to_dict().values()]
    return bits(*arrays, *(x for x in (run.separating_weights, run.best_weights) if x is not None))


def small(rng=None):
    """Return X (canonical), its dense form and y, large enough for several chunks."""
    rng = np.random.default_rng(3) if rng is None else rng
    X = cases.matrix(1200, 60, 0.1, rng)
    return cases.csr(X), X, awkward.labels(1200, rng)


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


@pytest.mark.parametrize("loss", ["exponential", losses.FlattenedPolynomial(2.0), "logistic"])
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
    assert rows.Rows(Problem.check(X, y)).n_chunks > 8
    stepsizes_ = [rule, 1e-3, rule, rule, rule, rule]
    options = {"loss": loss, "start": start}
    expected = lsgd.stepsize_sweep(D, y, stepsizes_, 3, **options)
    for n_threads in (1, 2, 3):
        found = lsgd.stepsize_sweep(X, y, stepsizes_, 3, **options, n_threads=n_threads)
        marks.add(tuple(run.weights.tobytes() for run in found))
    assert len(marks) == 1
    for i, (run, dense) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(run.trace.log_loss[:2], dense.trace.log_loss[:2], rtol=1e-9)
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


@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
def test_the_radius_neither_overflows_nor_underflows(scale):
    X, D, y = small()
    problem = Problem.check(cases.csr(scale * D), y)
    assert problem.radius == pytest.approx(scale * np.linalg.norm(D, axis=1).max(), rel=1e-14)


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
        assert again.n_threads == min(n_threads, rows.Rows(Problem.check(X, y)).n_chunks)


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
    seen = {name: rows.Rows(Problem.check(cases.csr(X), y)).n_chunks for name, X, y, _ in PROBLEMS}
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


@pytest.mark.parametrize("n", [300, 2**16, 2**16 + 1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [1, 5])
def test_sums_of_columns_are_in_the_order_that_is_promised(n, dtype, k, isa):
    """Columns of 0 to 40 entries, three of each number; row numbers of 16 bits and of more."""
    rng = np.random.default_rng(9)
    counts = rng.permutation(np.repeat(np.arange(41), 3))
    chosen = [np.append(rng.choice(n - 1, m - 1, replace=False), n - 1) for m in counts if m]
    order = np.argsort(np.concatenate(chosen), kind="stable")
    row = np.concatenate(chosen)[order]
    column = np.repeat(np.arange(len(counts)), counts)[order]
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    data = rng.standard_normal(len(row)).astype(dtype)
    indptr = np.searchsorted(row, np.arange(n + 1)).astype(np.int32)
    X = cases.CSR(data, column.astype(np.int32), indptr, (n, len(counts)))
    y = awkward.labels(n, rng)
    problem = Problem.check(X, y)
    w = np.zeros((len(counts), k))
    _, found = lsgd.logistic_loss_gradient(X, y, w, n_threads=2)
    for j in range(len(counts)):
        lanes, total = np.zeros(4), problem.total_weight
        for q, i in enumerate(np.flatnonzero(column == j)):
            at = row[i]
            lanes[q % 4] += np.float64(data[i]) * (problem.weight[at] * (-0.5 * problem.y[at]))
        expected = 0.0 + ((lanes[0] + lanes[2]) + (lanes[1] + lanes[3]))
        assert bits(found[j]) == bits(np.full(k, expected / total))


def test_a_sweep_on_one_long_column():
    _, X, y, _ = next(problem for problem in PROBLEMS if problem[0] == "one long column")
    sweep = lsgd.stepsize_sweep(cases.csr(X), y, [0.1, 1.0, 3.0, 9.0, 27.0, 81.0], 8, n_threads=3)
    for eta, run in zip(sweep.stepsizes, sweep, strict=True):
        assert bits_of_run(run) == bits_of_run(lsgd.gradient_descent(cases.csr(X), y, eta, 8))


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


# --- what is refused, and what is left alone ------------------------------------------------------


def broken():
    X, _, _ = small()
    n, d = X.shape

    def put(array, at, value):
        array = array.copy()
        array[at] = value
        return array

    yield "indices must lie in", cases.CSR(X.data, put(X.indices, 5, d), X.indptr, X.shape)
    yield "indices must lie in", cases.CSR(X.data, put(X.indices, -1, -1), X.indptr, X.shape)
    yield "indices must lie in", cases.CSR(X.data, X.indices, X.indptr, (n, d // 2))
    yield "indptr must have", cases.CSR(X.data, X.indices, X.indptr[:-1], X.shape)
    yield "indptr must have", cases.CSR(X.data, X.indices, X.indptr, (n + 1, d))
    yield "indptr must start", cases.CSR(X.data, X.indices, put(X.indptr, 0, 1), X.shape)
    yield "indptr must start", cases.CSR(X.data, X.indices, put(X.indptr, 3, 10**6), X.shape)
    yield "indptr must start", cases.CSR(X.data, X.indices, put(X.indptr, -1, -5), X.shape)
    yield "indptr tells of", cases.CSR(X.data, X.indices, put(X.indptr, -1, 10**6), X.shape)
    yield "indptr tells of", cases.CSR(X.data[:-1], X.indices, X.indptr, X.shape)
    yield "indptr tells of", cases.CSR(X.data, X.indices[:-1], X.indptr, X.shape)
    for bad in (np.nan, np.inf, -np.inf):
        yield "must be finite", cases.CSR(put(X.data, 50, bad), X.indices, X.indptr, X.shape)
    big = np.full_like(X.data, 1e308)
    twice = cases.CSR(big, np.zeros_like(X.indices), X.indptr, X.shape)
    yield "must be finite", twice  # their sum overflows
    yield "data must be 1-d", cases.CSR(X.data[:, None], X.indices, X.indptr, X.shape)
    yield "indices must be 1-d", cases.CSR(X.data, X.indices[None], X.indptr, X.shape)
    yield "must be 2-d", cases.CSR(X.data, X.indices, X.indptr, (n,))
    yield "at least one row", cases.CSR(X.data[:0], X.indices[:0], X.indptr[:1], (0, d))
    yield "at least one row", cases.CSR(X.data[:0], X.indices[:0], 0 * X.indptr, (n, 0))
    yield "too many features", cases.CSR(X.data, X.indices, X.indptr, (n, 2**50))
    yield "beyond 64 bits", cases.CSR(X.data, X.indices, X.indptr, (n, 2**64))
    yield r"tocsr\(\) must return", cases.Other(X.data.reshape(1, -1))
    yield "cannot be converted", type("Broken", (), {"tocsr": lambda self: 1 / 0})()


@every_backend
@pytest.mark.parametrize(("text", "X"), list(broken()))
def test_what_is_no_csr_is_refused_by_name(backend, text, X):
    y = small()[2]
    with pytest.raises(ValueError, match=rf"^X\b.*{text}"):
        backend.gradient_descent(X, y, 1.0, 2)
    with pytest.raises(ValueError, match=rf"^validation: X\b.*{text}"):
        backend.gradient_descent(*small()[1:], 1.0, 2, validation=(X, y))


@every_backend
def test_other_refusals(backend):
    X, _, y = small()
    for part, bad in [("data", "c16"), ("data", "O"), ("indices", "f8"), ("indptr", "U3")]:
        form = cases.CSR(X.data, X.indices, X.indptr, X.shape)
        setattr(form, part, getattr(X, part).astype(bad))
        with pytest.raises(TypeError, match=rf"^X\.{part} must hold"):
            backend.logistic_loss(form, y, np.zeros(60))
    del form.indptr
    with pytest.raises(TypeError, match="^X looks like a CSR matrix, but X.indptr"):
        backend.logistic_loss(form, y, np.zeros(60))
    with pytest.raises(TypeError, match="^X looks like a sparse matrix, but its shape"):
        backend.logistic_loss(cases.CSR(X.data, X.indices, X.indptr, "shape"), y, np.zeros(60))
    with pytest.raises(ValueError, match="^y holds one class only"):
        backend.gradient_descent(X, np.ones(len(y)), 1.0, 2)
    with pytest.raises(ValueError, match="^gram=True does not go with sparse X"):
        backend.gradient_descent(X, y, 1.0, 2, gram=True)
    with pytest.raises(TypeError, match=r"^sparse y is not supported; pass y\.toarray\(\)"):
        backend.gradient_descent(X, cases.Other(X), 1.0, 2)
    with pytest.raises(ValueError, match="^validation: X must have 60 features"):
        backend.gradient_descent(X, y, 1.0, 2, validation=(cases.csr(np.eye(1200, 59)), y))


def test_wide_sparse_rows_do_not_go_to_gram_space():
    X = cases.matrix(50, 3000, 0.05, np.random.default_rng(0))
    y = awkward.labels(50, RNG)
    auto = lsgd.gradient_descent(cases.csr(X), y, 1.0, 5)
    assert bits_of_run(auto) == bits_of_run(
        lsgd.gradient_descent(cases.csr(X), y, 1.0, 5, gram=False)
    )


def test_inputs_are_not_modified():
    X, _, y = small()
    for name, form in [("canonical", X), *cases.variants(X, RNG)]:
        arrays = [
            getattr(getattr(form, "csr", form), part) for part in ("data", "indices", "indptr")
        ]
        before = bits(*arrays, y)
        lsgd.gradient_descent(form, y, 1.0, 3)
        lsgd.staged_trial(form, y, n_stages=2, n_steps=5)
        assert bits(*arrays, y) == before, name


def test_canonical_arrays_are_not_copied():
    X, _, _ = small()
    checked = sparse.check_sparse(X)
    assert np.shares_memory(checked.data, X.data)
    assert np.shares_memory(checked.indices, X.indices)
    assert checked.copied == 8 * (X.shape[0] + 1)  # indptr, of int32
    wide = cases.CSR(X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64), X.shape)
    assert sparse.check_sparse(wide).copied == 0
    assert sparse.check_sparse(cases.unsorted(X, RNG)).copied >= X.data.nbytes


def test_the_forms_stand_for_the_same_values():
    X, D, _ = small()
    for name, form in cases.variants(X, RNG):
        form = getattr(form, "csr", form)
        assert (cases.dense(form) == D).all(), name
        assert (sparse.check_sparse(form).toarray() == D).all(), name


def test_rows_are_chosen_as_from_arrays():
    X, D, _ = small()
    checked = sparse.check_sparse(X)
    for chosen in (slice(None), slice(3, 900, 7), np.array([5, 5, 1199, 0]), D[:, 0] > 0.0):
        assert (checked[chosen].toarray() == D[chosen]).all()


FUZZ = """
import faulthandler, json, sys
faulthandler.enable()
import test_sparse
json.dump(test_sparse.fuzz(int(sys.argv[1])), sys.stdout)
"""


def fuzz(calls):
    """Make so many calls on damaged CSR; return how many were refused and how many ran."""
    faulthandler.enable()
    rng = np.random.default_rng(11)
    found = {"refused": 0, "ran": 0}
    for _ in range(calls):
        X = cases.csr(cases.matrix(int(rng.integers(2, 60)), int(rng.integers(1, 40)), 0.3, rng))
        y = awkward.labels(X.shape[0], rng)
        X = damage(X, rng)
        call = [lsgd.logistic_loss_gradient, lsgd.gradient_descent, lsgd.stepsize_sweep][
            int(rng.integers(3))
        ]
        if call is lsgd.logistic_loss_gradient:
            arguments = (np.zeros(X.shape[1] if X.shape[1] < 10**6 else 1),)
        else:
            arguments = ([1.0, 2.0], 3) if call is lsgd.stepsize_sweep else (1.0, 3)
        try:
            call(X, y, *arguments, n_threads=int(rng.integers(1, 4)))
        except (ValueError, TypeError) as error:
            assert str(error).split()[0].rstrip(".,:").split(".")[0] in ("X", "y", "w"), error
            found["refused"] += 1
        else:
            found["ran"] += 1
    return found


def damage(X, rng):
    """Return CSR arrays with up to three things wrong with them, or none."""
    parts = {name: getattr(X, name).copy() for name in ("data", "indices", "indptr")}
    shape = X.shape
    numbers = (-(2**31), -1, 0, 1, 7, 39, 40, 2**31 - 1)
    for _ in range(rng.integers(0, 4)):
        name = str(rng.choice(list(parts)))
        part = parts[name]
        kind = rng.integers(7)
        if kind == 0 and len(part):
            values = (np.nan, np.inf, 1e308, 0.0) if part.dtype.kind == "f" else numbers
            with np.errstate(all="ignore"):
                part[rng.integers(len(part))] = rng.choice(values).astype(part.dtype)
        elif kind == 1:
            parts[name] = part[: rng.integers(len(part) + 1)]
        elif kind == 2:
            parts[name] = np.append(part, part[: rng.integers(len(part) + 1)])
        elif kind == 3:
            parts[name] = rng.permutation(part)
        elif kind == 4:
            kinds = ["f4", "f8", "i8", "u8", "i1", "u2", "?"]
            with np.errstate(all="ignore"):
                parts[name] = part.astype(rng.choice(kinds))
        elif kind == 5:
            lengths = (0, 1, 2**50, 2**63, shape[0] + 1, shape[0] - 1)
            shape = (shape[0], int(rng.choice(lengths))) if rng.random() < 0.5 else (
                int(rng.choice(lengths)), shape[1])  # fmt: skip
        elif len(part):
            parts[name] = part[::-1]
    return cases.CSR(**parts, shape=shape)


def test_2000_damaged_matrices():
    done = run_python(FUZZ, "2000")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["refused"] > 500 and found["ran"] > 200, found


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
    plan = lsgd.plan(X, y, n_steps=3, n_threads=2)
    assert plan.data_bytes == given and plan.n_entries == len(X.data)
    tracemalloc.start()
    try:
        descent = Descent(X, y, 1.0, n_threads=2)
        kept = tracemalloc.get_traced_memory()[0]
        descent.step(3)
        descent.result()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    n, d = X.shape
    entries = len(X.data) * (np.dtype(dtype).itemsize + 2 + 2)  # numbers of rows and of features
    assert plan.memory.packed == entries + 8 * (2 * d + 1) + 8 * (n + 1)
    of_weights = 8 * 14 * (d + 1)
    assert given + kept - of_weights < 2.5 * given
    assert peak <= plan.peak_bytes + 20_000
    assert peak > 0.5 * plan.peak_bytes


def test_a_plan_tells_of_entries():
    X, y = zipf()
    plan = lsgd.plan(X, y, n_steps=20_000)
    assert f"float64, {len(X.data):,} entries" in str(plan)
    assert plan.measured_shape == X.shape
    assert isinstance(plan.memory, Memory)
    assert "a copy of X by columns" in str(plan)


NO_SCIPY = """
import sys
sys.modules["scipy"] = None     # importing it would fail
import numpy as np, lsgd_fast, sparse_cases
X = sparse_cases.csr(np.eye(9, 4))
y = np.arange(9) % 2
lsgd_fast.gradient_descent(X, y, 1.0, 3, validation=(X, y))
lsgd_fast.staged_trial(X, y, n_stages=2, n_steps=3)
lsgd_fast.reference.gradient_descent(X, y, 1.0, 3)
assert not [name for name in sys.modules if name.startswith("scipy.")]
"""


def test_scipy_is_not_needed():
    done = run_python(NO_SCIPY)
    assert done.returncode == 0, done.stderr


def test_every_format_of_scipy():
    scipy = pytest.importorskip("scipy.sparse")
    X, D, y = small()
    w = RNG.standard_normal(60)
    expected = lsgd.logistic_loss_gradient(X, y, w)
    for kind in (scipy.csr_array, scipy.csr_matrix):
        own = kind((X.data, X.indices, X.indptr), shape=X.shape)
        assert np.shares_memory(sparse.check_sparse(own).data, own.data)
        for form in ("csr", "csc", "coo", "bsr", "lil", "dok"):
            found = lsgd.logistic_loss_gradient(own.asformat(form), y, w)
            assert bits(*found) == bits(*expected), form
    with pytest.raises(ValueError, match="^X must be 2-d"):
        lsgd.logistic_loss(scipy.coo_array(np.arange(5.0)), y[:5], w)


if __name__ == "__main__":
    print(fuzz(int(sys.argv[1])))
