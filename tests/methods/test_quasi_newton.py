"""The quasi-Newton method: its optimum, how runs end, both implementations, the same bits."""

import math
import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, kernel, reference
from lsgd_fast.reference.minimize import LinearMap
from support import awkward
from support.backends import every_backend
from support.sparse_cases import csr

RNG = np.random.default_rng(5)
X = RNG.standard_normal((90, 5))
NOISY = np.where(X[:, 0] + RNG.standard_normal(90) > 0.0, 1.0, -1.0)
CLEAN = np.where(X[:, 0] - 0.2 * X[:, 1] > 0.0, 1.0, -1.0)
CLASSES = (X[:, :3] + RNG.standard_normal((90, 3))).argmax(axis=1)


def value(run):
    """Return the objective at the end of a run."""
    column = run.trace.loss if run.trace.objective is None else run.trace.objective
    return float(column[-1])


def softmax(X, y, W, l2):
    """Return the objective of several classes and its gradient, as the formulas say."""
    scores = X @ W
    total = np.logaddexp.reduce(scores, axis=1)
    rows = np.arange(len(y))
    share = np.exp(scores - total[:, None])
    share[rows, y] -= 1.0
    loss = (total - scores[rows, y]).mean() + 0.5 * l2 * np.square(W).sum()
    return loss, X.T @ share / len(y) + l2 * W


# --- the optimum ----------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize("l2", [1e-6, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("y", [NOISY, CLEAN], ids=["noisy", "clean"])
def test_the_gap_to_the_optimum(backend, y, l2):
    """A gradient g proves a gap of at most |g|^2 / (2 l2)."""
    run = backend.minimize(X, y, l2=l2)
    found, gradient = reference.logistic_loss_gradient(X, y, run.weights, l2=l2)
    assert run.stop_reason == "converged" and run.verdict == "stable"
    assert gradient @ gradient / (2.0 * l2) <= 1e-7 * found
    assert value(run) == pytest.approx(found, rel=1e-12)
    assert run.trace.gradient_norm[-1] == pytest.approx(np.linalg.norm(gradient), rel=1e-3)


@every_backend
def test_the_gap_to_the_optimum_of_several_classes(backend):
    run = backend.minimize(X, CLASSES, l2=1e-3, loss="softmax")
    found, gradient = softmax(X, CLASSES, run.weights, 1e-3)
    assert run.stop_reason == "converged" and run.weights.shape == (5, 3)
    assert np.square(gradient).sum() / 2e-3 <= 1e-7 * found
    assert value(run) == pytest.approx(found, rel=1e-12)
    assert run.trace.error_rate[-1] == np.mean((X @ run.weights).argmax(axis=1) != CLASSES)


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax", lsgd.losses.Softmax()], ids=str)
def test_sparse_rows_have_the_optimum_of_dense_ones(backend, loss):
    y = NOISY if loss == "logistic" else CLASSES
    weight = np.arange(len(X)) % 7.0
    options = {"l2": 1e-2, "loss": loss, "fit_intercept": True, "sample_weight": weight}
    runs = [backend.minimize(rows, y, **options) for rows in (csr(X), X)]
    np.testing.assert_allclose(runs[0].weights, runs[1].weights, rtol=0.0, atol=1e-6)
    np.testing.assert_allclose(runs[0].intercept, runs[1].intercept, rtol=0.0, atol=1e-6)
    assert runs[0].stop_reason == "converged"


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_softmax_of_two_classes_is_the_logistic_loss(backend, fit_intercept):
    """Weights w and -w with twice the penalty of 2 w."""
    one = backend.minimize(X + 0.5, NOISY, l2=0.01, fit_intercept=fit_intercept)
    two = backend.minimize(
        X + 0.5, NOISY > 0.0, l2=0.02, fit_intercept=fit_intercept, loss="softmax"
    )
    difference = two.weights[:, 1] - two.weights[:, 0]
    np.testing.assert_allclose(difference, one.weights, rtol=0.0, atol=1e-7)
    assert two.intercept[1] - two.intercept[0] == pytest.approx(one.intercept, abs=1e-7)
    assert value(two) == pytest.approx(value(one), rel=1e-12)


@every_backend
def test_the_intercept_is_not_penalised(backend):
    run = backend.minimize(X, NOISY, l2=1e6, fit_intercept=True)
    share = np.mean(NOISY > 0.0)
    assert run.intercept == pytest.approx(math.log(share / (1.0 - share)), abs=1e-5)
    several = backend.minimize(X, CLASSES, l2=1e6, fit_intercept=True, loss="softmax")
    chances = np.exp(several.intercept) / np.exp(several.intercept).sum()
    np.testing.assert_allclose(chances, np.bincount(CLASSES) / 90.0, rtol=1e-6)


@every_backend
def test_weights_are_repetitions(backend):
    counts = RNG.integers(0, 4, 90)
    counts[:2] = 1
    weighted = backend.minimize(X, NOISY, l2=0.1, sample_weight=7.0 * counts)
    repeated = backend.minimize(np.repeat(X, counts, 0), np.repeat(NOISY, counts), l2=0.1)
    np.testing.assert_allclose(weighted.weights, repeated.weights, rtol=0.0, atol=1e-7)


@every_backend
def test_rows_without_weight_may_be_anything(backend):
    far, weight = np.vstack([X, 1e300 * X[:3]]), np.append(np.ones(90), np.zeros(3))
    for y, options in ((NOISY, {}), (CLASSES, {"loss": "softmax"})):
        y = np.append(y, y[:3])
        run = backend.minimize(far, y, l2=0.1, sample_weight=weight, **options)
        assert run.stop_reason == "converged"
        assert value(run) == pytest.approx(value(backend.minimize(X, y[:90], l2=0.1, **options)))


# --- separable data -------------------------------------------------------------------------------


@every_backend
def test_separable_data_without_a_penalty(backend):
    run = backend.minimize(X, CLEAN)
    assert run.stop_reason == "separated" and run.separable and run.verdict == "stable"
    assert run.separated_at == run.n_steps and "separated" in run.evidence
    assert (CLEAN * (X @ run.separating_weights) > 0.0).all()
    np.testing.assert_array_equal(run.weights, run.separating_weights)
    penalised = backend.minimize(X, CLEAN, l2=1e-9)
    assert penalised.stop_reason == "converged" and penalised.separable
    assert backend.minimize(X, CLEAN, l2=1e-9, stop=Stop(separated=True)).stop_reason == "separated"


@every_backend
@pytest.mark.parametrize("target", [1e-3, 1e-30, 1e-300, 0.0])
def test_a_target_loss_is_reached_along_the_ray(backend, target):
    for y, options in ((CLEAN, {}), (X[:, :3].argmax(axis=1), {"loss": "softmax"})):
        plain = backend.minimize(X, y, **options)
        run = backend.minimize(X, y, stop=Stop(loss=target), **options)
        assert run.stop_reason == "loss" and run.trace.loss[-1] <= target
        assert run.n_steps == plain.n_steps + 1 and run.trace.passes[-1] == plain.trace.passes[-1]
        cosine = np.vdot(run.weights, plain.weights)
        cosine /= np.linalg.norm(run.weights) * np.linalg.norm(plain.weights)
        assert cosine == pytest.approx(1.0, abs=1e-12)
        assert math.isfinite(run.trace.ln_loss[-1])


@every_backend
def test_without_a_margin_that_is_proved(backend):
    """Two rows that pull against each other; then all of NOISY."""
    run = backend.minimize([[1.0], [1.0], [2.0]], [1, -1, 1])
    assert run.stop_reason == "converged" and run.separable is None
    assert "No direction has a margin above" in run.evidence
    run = backend.minimize(X, NOISY)
    assert run.stop_reason == "converged" and run.diagnostics.share <= 1e-8


def test_a_tiny_margin():
    """Standardised breast_cancer with an intercept has 6.8e-5 of R."""
    datasets = pytest.importorskip("sklearn.datasets")
    A, y = datasets.load_breast_cancer(return_X_y=True)
    A = (A - A.mean(axis=0)) / A.std(axis=0)
    run = lsgd.minimize(A, y, fit_intercept=True)
    assert run.stop_reason == "separated" and run.n_steps < 200
    w = run.separating_weights.astype(np.longdouble)
    assert ((2 * y - 1) * (A @ w[:-1] + w[-1]) > 0.0).all()


# --- the reference, bits, layouts -----------------------------------------------------------------


@pytest.mark.parametrize("case", list(awkward.problems(3)), ids=lambda case: case.name)
def test_fast_against_reference(case):
    fast, slow = (
        module.minimize(case.X, case.y, start=case.start, **case.options)
        for module in (lsgd, reference)
    )
    assert fast.stop_reason == slow.stop_reason in ("converged", "separated")
    assert fast.verdict == slow.verdict == "stable"
    if fast.stop_reason == "converged":
        assert value(fast) == pytest.approx(value(slow), rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"loss": "softmax"}], ids=["two", "several"])
def test_the_same_bits_for_every_team_and_instruction_set(options):
    rng = np.random.default_rng(8)
    A = rng.standard_normal((9000, 6)).astype(np.float32)
    y = (A[:, :3] + rng.standard_normal((9000, 3))).argmax(axis=1)
    y = y if options else y > 0
    found, used = set(), kernel.instruction_set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 2, 3, 5):
                run = lsgd.minimize(
                    A, y, l2=1e-4, fit_intercept=True, n_threads=n_threads, **options
                )
                assert run.n_threads == n_threads
                found.add(run.weights.tobytes() + run.trace.ln_loss.tobytes())
    finally:
        kernel.use_instruction_set(used)
    assert len(found) == 1


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16"])
def test_the_same_bits_for_every_layout(dtype, tmp_path):
    base = awkward.exact_matrix(70, 9, dtype, RNG)
    y = awkward.labels(70, RNG)
    for name, A in awkward.layouts(base, dtype, tmp_path):
        expected = lsgd.minimize(awkward.plain(A), y, l2=0.1)
        np.testing.assert_array_equal(lsgd.minimize(A, y, l2=0.1).weights, expected.weights, name)


# --- extremes -------------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize("scale", [1e-300, 1e-100, 1e100, 1e300])
def test_the_scale_of_the_rows_does_not_matter(backend, scale):
    for y in (NOISY, CLEAN):
        run, expected = backend.minimize(scale * X, y), backend.minimize(X, y)
        assert (run.stop_reason, run.n_steps) == (expected.stop_reason, expected.n_steps)
        assert value(run) == pytest.approx(value(expected), rel=1e-9)


@every_backend
def test_the_largest_rows_and_penalty_of_all(backend):
    largest = X * (1.7e308 / np.linalg.norm(X, axis=1).max())
    assert backend.minimize(largest, NOISY).stop_reason == "converged"
    assert backend.minimize(X, NOISY, l2=1.7e308).stop_reason == "converged"


@every_backend
def test_small_features_beside_an_intercept(backend):
    run, expected = (backend.minimize(s * X, NOISY, fit_intercept=True) for s in (1e-9, 1.0))
    assert run.stop_reason == "converged"
    assert value(run) == pytest.approx(value(expected), rel=1e-9)


@every_backend
@pytest.mark.parametrize("size", [1.0, 1e4, 1e7, 1e150, 1e308])
def test_a_start_far_out(backend, size):
    start = size * np.array([-1.0, 1.0, 0.5, 0.0, 1.0])
    expected = backend.minimize(X, NOISY)
    run = backend.minimize(X, NOISY, start=start)
    assert run.stop_reason == "converged" and value(run) == pytest.approx(value(expected), rel=1e-9)
    again = backend.minimize(X, NOISY, start=expected.weights)
    assert again.n_steps == 0 and again.trace.passes.tolist() == [3]


@every_backend
@pytest.mark.parametrize("shape", [(2, 1), (3, 700), (12, 5000)], ids=str)
def test_few_rows(backend, shape):
    A = RNG.standard_normal(shape)
    y = awkward.labels(shape[0], RNG)
    assert backend.minimize(A, y, fit_intercept=True).stop_reason == "separated"
    run = backend.minimize(A, y, l2=0.01, fit_intercept=True)
    found, gradient = reference.logistic_loss_gradient(
        A, y, np.append(run.weights, run.intercept), l2=0.01, fit_intercept=True
    )
    assert run.stop_reason == "converged" and np.linalg.norm(gradient) < 1e-6


@every_backend
def test_nothing_to_learn(backend):
    run = backend.minimize(np.zeros((4, 2)), [0, 1, 0, 1])
    assert run.stop_reason == "converged" and run.n_steps == 0 and not run.weights.any()


@every_backend
def test_more_than_rounding_can_give(backend):
    run = backend.minimize(X, NOISY, l2=1e-3, tol=0.0)
    assert run.stop_reason in ("rounding", "converged") and run.n_steps < 100
    assert run.diagnostics.share < 1e-13


# --- how runs end, and what they cost -------------------------------------------------------------


@pytest.mark.parametrize("max_passes", [1, 2, 3, 4, 9, 10])
def test_passes_are_counted(max_passes, monkeypatch):
    counted = []

    class Counting(LinearMap):
        def matvec(self, *arguments):
            counted.append("matvec")
            super().matvec(*arguments)

        def rmatvec(self, *arguments):
            counted.append("rmatvec")
            super().rmatvec(*arguments)

    # by its file: as an attribute of the package, `minimize` is the function
    monkeypatch.setattr(sys.modules["lsgd_fast.reference.minimize"], "LinearMap", Counting)
    run = reference.minimize(X, NOISY, l2=0.1, tol=0.0, max_passes=max_passes)
    assert run.stop_reason == "max_passes" and run.verdict == "undecided"
    assert len(counted) == run.trace.passes[-1] == run.diagnostics.n_passes <= max_passes
    assert counted[::2] == ["rmatvec"] * (run.n_steps + 1)
    assert run.trace.passes.tolist() == [*range(2, 2 * run.n_steps + 2, 2), 2 * run.n_steps + 1]


@every_backend
def test_conditions_of_stop(backend):
    full = backend.minimize(X, NOISY, l2=1e-3)
    t = full.n_steps // 2
    loss, slope = float(full.trace.loss[2]), float(full.trace.gradient_norm[t])
    assert backend.minimize(X, NOISY, l2=1e-3, stop=Stop(loss=loss)).n_steps == 2
    run = backend.minimize(X, NOISY, l2=1e-3, stop=Stop(gradient_norm=slope))
    assert run.stop_reason == "gradient_norm" and run.trace.gradient_norm[-1] <= slope
    assert backend.minimize(X, NOISY, stop=Stop(seconds=1e-9)).stop_reason == "seconds"


@every_backend
def test_increases_are_those_of_the_objective(backend):
    X, y = lsgd.datasets.digits_0_vs_8()
    start = 5.0 * np.random.default_rng(0).standard_normal(X.shape[1])
    run = backend.minimize(X, y, l2=1e-3, start=start)
    loss, objective = run.trace.loss, run.trace.objective
    rises = np.flatnonzero(loss[1:] > loss[:-1] * (1.0 + 64.0 * np.finfo(float).eps)) + 1
    assert len(rises) > 0 and run.n_increases == run.stable_at == 0
    assert run.diagnostics.n_increases == 0 and "The objective never increased." in run.evidence
    assert "increases   none" in repr(run)
    assert (objective[1:] <= objective[:-1] * (1.0 + 1e-13)).all()


@every_backend
@pytest.mark.parametrize(
    ("error", "name", "options"),
    [
        (ValueError, "tol", {"tol": -1.0}),
        (TypeError, "tol", {"tol": "small"}),
        (ValueError, "max_passes", {"max_passes": 0}),
        (TypeError, "max_passes", {"max_passes": 1.5}),
        (ValueError, "start", {"start": np.zeros(4)}),
        (ValueError, "start", {"start": np.zeros(5), "loss": "softmax", "y": CLASSES}),
        (ValueError, "start", {"start": np.zeros((5, 2)), "loss": "softmax", "y": CLASSES}),
        (ValueError, "loss", {"loss": "hinge"}),
        (ValueError, "loss", {"loss": lsgd.losses.Exponential()}),
        (TypeError, "loss", {"loss": 1}),
        (ValueError, "y", {"loss": "softmax", "y": CLASSES + 1}),
        (ValueError, "y", {"loss": "softmax", "y": CLASSES + 0.5}),
        (ValueError, "y", {"loss": "softmax", "y": 2 * CLASSES}),
        (ValueError, "y", {"loss": "softmax", "y": CLASSES - 1}),
        (ValueError, "y", {"loss": "softmax", "y": CLASSES[:4]}),
        (ValueError, "y", {"loss": "softmax", "y": CLASSES,
                           "sample_weight": (CLASSES != 1).astype(float)}),
        (ValueError, "y", {"y": CLASSES}),
        (ValueError, "stop.unstable_steps", {"stop": Stop(unstable_steps=3)}),
        (ValueError, "stop.cycling", {"stop": Stop(cycling=True)}),
        (ValueError, "stop.validation_patience", {"stop": Stop(validation_patience=3)}),
        (TypeError, "callback", {"callback": 3}),
        (ValueError, "callback_every", {"callback_every": 0}),
        (ValueError, "n_threads", {"n_threads": 0}),
        (ValueError, "l2", {"l2": -1.0}),
    ],
    ids=str,
)  # fmt: skip
def test_bad_arguments_are_named(backend, error, name, options):
    options = {"y": NOISY} | options
    with pytest.raises(error, match=rf"^{name}\b"):
        backend.minimize(X, options.pop("y"), **options)
