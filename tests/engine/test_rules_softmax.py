"""Stepsize rules in the log domain with several classes: compiled and in the reference."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, kernel, reference
from lsgd_fast.stepsizes import (
    AdGD,
    BarzilaiBorwein,
    DualMomentum,
    NormalizedGradient,
    Polyak,
    RiskAdaptive,
    Tyurin,
)
from support import sparse_cases as cases
from support.backends import every_backend
from support.hashes import content

RULES = [
    RiskAdaptive(0.7), Tyurin(0.4), NormalizedGradient(0.5), Polyak(), AdGD(), BarzilaiBorwein(),
    DualMomentum(),
]  # fmt: skip
CLASSES = (2, 3, 4, 5, 9)
SHAPES = ((33, 5), (700, 20), (40, 2050))  # one chunk; blocks taken together; blocks of eight rows
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)
with_penalty = [rule for rule in RULES if rule.takes_l2]
COLUMNS = ("loss", "ln_loss", "min_margin", "gradient_norm", "weight_norm", "stepsize")


def problem(n, d, k, seed=0):
    """Return sparse rows as a dense matrix, classes that overlap, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    y[:k] = range(k)
    X = cases.matrix(n, d, 0.3, rng)
    X[:, 0] = 0.5 * (y - 0.5 * k)
    weight = rng.uniform(0.5, 2.0, n)
    weight[k:] *= rng.integers(0, 2, n - k)
    return X, y, weight


def check_traces(found, expected, rtol=1e-9):
    for name in COLUMNS:
        column = getattr(expected.trace, name)
        np.testing.assert_allclose(getattr(found.trace, name), column, rtol, 1e-300, err_msg=name)
    size = np.abs(expected.weights).max()
    np.testing.assert_allclose(found.weights, expected.weights, rtol, rtol * size)
    np.testing.assert_allclose(found.intercept, expected.intercept, rtol, rtol * size)


@every_rule
@pytest.mark.parametrize("k", CLASSES)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_short_runs_are_those_of_the_reference(rule, k, fit_intercept):
    for n, d in SHAPES:
        D, y, weight = problem(n, d, k)
        options = {"loss": "softmax", "fit_intercept": fit_intercept, "sample_weight": weight}
        ref = reference.gradient_descent(D, y, rule, 6, **options)
        for X in (D, cases.csr(D)):
            run = lsgd.gradient_descent(X, y, rule, 6, **options)
            check_traces(run, ref)
            assert run.separated_at == ref.separated_at and run.verdict == ref.verdict
            assert run.certified_at is ref.certified_at is None


@pytest.mark.parametrize("rule", with_penalty, ids=repr)
def test_a_penalty(rule):
    D, y, weight = problem(300, 20, 4)
    start = np.random.default_rng(1).standard_normal((21, 4))
    options = {"loss": "softmax", "fit_intercept": True, "sample_weight": weight, "l2": 0.05}
    for size in (1.0, 1e3):
        ref = reference.gradient_descent(D, y, rule, 6, **options, start=size * start)
        for X in (D, cases.csr(D)):
            check_traces(lsgd.gradient_descent(X, y, rule, 6, **options, start=size * start), ref)


def far_out(n, k, order):
    """Return rows whose own classes lead by 900 to 4000, the least last, first or in the middle."""
    rng = np.random.default_rng(k)
    y = np.arange(n) % k
    lead = np.linspace(4000.0, 900.0, n)
    lead = {"falling": lead, "rising": lead[::-1], "mixed": rng.permutation(lead)}[order]
    X = lead[:, None] * np.eye(k + 2)[y] + rng.standard_normal((n, k + 2))
    return X, y, np.eye(k + 2, k)


@every_backend
@pytest.mark.parametrize("order", ["falling", "rising", "mixed"])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_gradients_that_underflow_still_point(backend, order, k):
    """Scales rise from block to block, so that sums, slopes and kept row gradients follow."""
    for n in (40, 700):
        D, y, start = far_out(n, k, order)
        z = D @ start
        own = np.arange(k) == y[:, None]
        gap = np.where(own, np.inf, z[own][:, None] - z)  # to each of the other classes
        ln_loss = np.logaddexp.reduce(-gap, axis=1)  # far out the loss is its first term
        shares = np.exp(-gap - ln_loss.max())
        of_rows = shares.sum(axis=1)
        S = shares - own * of_rows[:, None]
        direction = np.vstack([D.T @ S, S.sum(axis=0)]) / of_rows.sum()
        start = np.vstack([start, np.zeros(k)])
        for X in (D, cases.csr(D)):
            options = {"loss": "softmax", "fit_intercept": True, "start": start}
            run = backend.gradient_descent(X, y, Tyurin(0.25), 1, **options)
            w = np.vstack([run.weights, run.intercept])
            np.testing.assert_allclose(w, start - 0.25 * direction, rtol=1e-9, atol=1e-9)
            risk = backend.gradient_descent(X, y, RiskAdaptive(0.25), 1, **options)
            np.testing.assert_allclose(risk.weights, run.weights, rtol=1e-9, atol=1e-9)
            unit = backend.gradient_descent(X, y, NormalizedGradient(0.25), 1, **options)
            step = np.vstack([unit.weights, unit.intercept]) - start
            expected = -0.25 * direction / np.linalg.norm(direction)
            np.testing.assert_allclose(step, expected, rtol=1e-9, atol=1e-9)
            expected = ln_loss.max() + np.log(of_rows.mean())
            assert run.trace.loss[0] == 0.0 and run.trace.gradient_norm[0] == 0.0
            np.testing.assert_allclose(run.trace.ln_loss[0], expected, rtol=1e-12)


@every_rule
@pytest.mark.parametrize("order", ["falling", "mixed"])
def test_runs_far_out_are_those_of_the_reference(rule, order):
    for k in (3, 5):
        D, y, start = far_out(700, k, order)
        options = {"loss": "softmax", "start": start}
        for X in (D, cases.csr(D)):
            found = lsgd.gradient_descent(X, y, rule, 3, **options)
            expected = reference.gradient_descent(X, y, rule, 3, **options)
            check_traces(found, expected, 1e-8)
            assert found.trace.loss[0] == 0.0 and np.isfinite(found.trace.ln_loss).all()


@every_backend
@every_rule
@pytest.mark.parametrize("size", [1e3, 1e100, -1e100, 1e300])
def test_finite_at_huge_margins(backend, rule, size):
    X, y, start = np.eye(3), [0, 1, 2], size * np.eye(3)
    for A in (X, cases.csr(X)):
        run = backend.gradient_descent(A, y, rule, 2, loss="softmax", start=start)
        assert np.isfinite(run.weights).all() and np.isfinite(run.trace.ln_loss).all()


@every_rule
@pytest.mark.parametrize("k", [2, 3, 5, 9])
def test_bits_over_threads_instruction_sets_and_storage(rule, k):
    before = kernel.instruction_set()
    for n, d in SHAPES:
        D, y, weight = problem(n, d, k)
        D = D.astype(np.float32).astype(np.float64)
        options = {"loss": "softmax", "fit_intercept": True, "sample_weight": weight}
        dense = (D, np.asfortranarray(D), D.astype(np.float32))
        sparse = (cases.csr(D), cases.csr(D, np.float32), cases.csr(D, places=np.int64))
        for forms in (dense, sparse):
            found = set()
            for isa in kernel.instruction_sets():
                kernel.use_instruction_set(isa)
                for i, X in enumerate(forms):
                    run = lsgd.gradient_descent(X, y, rule, 4, **options, n_threads=1 + i)
                    found.add(repr(sorted(content(run).items())))
            kernel.use_instruction_set(before)
            assert len(found) == 1


def test_bits_far_out():
    """Chunks on scales far apart, and a column so long that it is summed chunk by chunk."""
    before = kernel.instruction_set()
    D, y, start = far_out(9000, 5, "falling")
    D[:, 5] = 1.0
    for X in (D, cases.csr(D)):
        found = set()
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 2, 3):
                run = lsgd.gradient_descent(
                    X, y, Tyurin(1.0), 3, loss="softmax", start=start, n_threads=n_threads
                )
                found.add(repr(sorted(content(run).items())))
        kernel.use_instruction_set(before)
        assert len(found) == 1
        check_traces(
            run, reference.gradient_descent(X, y, Tyurin(1.0), 3, loss="softmax", start=start), 1e-7
        )


# With two classes the difference v of the columns has the logistic loss.  From equal and opposite
# columns it takes a step of twice the row gradient; the norm of the gradient is sqrt(2) times that.
TWO_CLASSES = [
    (RiskAdaptive(0.35), RiskAdaptive(0.7)), (Tyurin(0.2), Tyurin(0.4)),
    (NormalizedGradient(0.5 / np.sqrt(2.0)), NormalizedGradient(0.5)), (Polyak(), Polyak()),
    (AdGD(), AdGD()), (BarzilaiBorwein(), BarzilaiBorwein()), (DualMomentum(), DualMomentum()),
]  # fmt: skip


@every_backend
@pytest.mark.parametrize(("of_two", "of_one"), TWO_CLASSES, ids=lambda rule: repr(rule))
@pytest.mark.parametrize("size", [0.0, 2e4])
def test_two_classes_are_the_logistic_loss_of_the_difference(backend, of_two, of_one, size):
    rng = np.random.default_rng(3)
    y = np.arange(60) % 2
    X = rng.standard_normal((60, 4)) + np.where(y[:, None] == 1, 2.0, -2.0)
    start = size * np.ones(4)
    one = backend.gradient_descent(X, y, of_one, 12, start=start, gram=False)
    two = backend.gradient_descent(
        X, y, of_two, 12, start=0.5 * np.column_stack([-start, start]), loss="softmax"
    )
    np.testing.assert_allclose(two.trace.ln_loss, one.trace.ln_loss, rtol=1e-7)
    found = two.weights[:, 1] - two.weights[:, 0]
    np.testing.assert_allclose(found, one.weights, rtol=1e-6)
    if size == 0.0:
        assert 0.0 < two.trace.loss[-1] < two.trace.loss[0]
    else:
        assert (two.trace.loss == 0.0).all()


@every_backend
@pytest.mark.parametrize("k", [2, 3, 5])
def test_dual_momentum_finds_the_margin_of_all_classes(backend, k):
    """One row along each axis: the rows do not share features, so the margin is known."""
    lengths = np.linspace(1.0, 2.0, k)
    margin = 1.0 / np.sqrt((k - 1) / k * (lengths**-2.0).sum())
    bounds = []
    run = backend.gradient_descent(
        np.diag(lengths), np.arange(k), DualMomentum(), 400, loss="softmax",
        callback=lambda state: bounds.append(state.margin_bound),
    )  # fmt: skip
    found = run.trace.min_margin[-1] / run.trace.weight_norm[-1]
    assert 0.99 * margin < found < (1.0 + 1e-12) * margin
    assert (1.0 - 1e-12) * margin < min(bounds) < 1.01 * margin


@pytest.mark.parametrize("form", [np.asarray, cases.csr], ids=["dense", "sparse"])
@every_rule
def test_checkpoints_resume_with_the_same_bits(rule, form, tmp_path):
    D, y, weight = problem(90, 6, 4)
    X = form(D)
    kept = {"sample_weight": weight, "validation": (form(D[::2]), y[::2])}
    options = {"loss": "softmax", "fit_intercept": True, **kept}
    whole = lsgd.gradient_descent(X, y, rule, 20, **options)
    descent = Descent(X, y, rule, **options)
    for at in (1, 6, 13, 0):
        descent.step(at)
        descent.save(tmp_path / "checkpoint")
        descent = Descent.load(tmp_path / "checkpoint", X, y, **kept)
    assert content(descent.result()) == content(whole)
    looked = lsgd.gradient_descent(X, y, rule, 20, **options, callback=lambda state: None)
    assert content(looked) == content(whole)
