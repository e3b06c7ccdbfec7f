"""Offsets: the compiled functions agree with the reference, and both with a further feature."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, losses, reference, stepsizes
from support import awkward, sparse_cases
from support.backends import every_backend

EPS = np.finfo(float).eps
CASES = list(awkward.problems(seed=3))
RNG = np.random.default_rng(5)
N, D = 90, 6
X = RNG.standard_normal((N, D))
Y = awkward.labels(N, RNG)
OFFSET = 2.0 * RNG.standard_normal(N)
SPARSE = sparse_cases.csr(np.where(np.abs(X) > 0.4, X, 0.0))
WIDE = RNG.standard_normal((20, 300))
WEIGHT = RNG.integers(0, 3, N) + np.repeat([1.0, 0.0], [2, N - 2])
SCALED = {"center": X[0], "scale": 2.0, "fit_intercept": True, "l2": 0.01}
HELD_OUT = {"validation": (X[:30] + 0.1, Y[:30], OFFSET[:30])}


def with_column(case, offset):
    """Return X and weights with the offsets as one more feature, of weight 1."""
    d = case.X.shape[1]
    return np.insert(case.X, d, offset, axis=1), np.insert(case.start, d, 1.0)


@every_backend
@pytest.mark.parametrize("case", CASES[::2], ids=lambda case: case.name)
def test_an_offset_is_a_feature_of_weight_one(backend, case):
    n, d = case.X.shape
    offset = np.random.default_rng(n).standard_normal(n) * max(1.0, np.abs(case.start).max())
    wide, w = with_column(case, offset)
    options = case.options | {"l2": 0.0}
    expected = backend.logistic_loss_gradient(wide, case.y, w, **options)
    found = backend.logistic_loss_gradient(case.X, case.y, case.start, **options, offset=offset)
    size = np.abs(wide).max() * np.abs(w).max() + 1.0
    tolerance = 4.0 * (n + d) * EPS * size
    assert abs(found[0] - expected[0]) <= tolerance
    np.testing.assert_allclose(
        found[1], np.delete(expected[1], d), rtol=1e-9, atol=tolerance * np.abs(case.X).max()
    )
    alone = backend.logistic_loss(case.X, case.y, case.start, **options, offset=offset)
    assert alone == found[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES[::6], ids=lambda case: case.name)
def test_gradient(case, dtype, tmp_path, isa):
    kernel.use_instruction_set(isa)
    n, d = case.X.shape
    offset = np.random.default_rng(d).standard_normal(n)
    options = case.options | {"offset": offset, "l2": 0.0}
    for name, A in list(awkward.layouts(case.X, dtype, tmp_path))[::5]:
        exact = awkward.plain(A)
        value, slope = reference.logistic_loss_gradient(exact, case.y, case.start, **options)
        tolerance = 0.5 * (n + d) * EPS * (1.0 + np.abs(exact).max() * np.abs(case.start).sum())
        for n_threads in (1, 3):
            found = lsgd.logistic_loss_gradient(
                A, case.y, case.start, **options, n_threads=n_threads
            )
            assert abs(found[0] - value) <= 8.0 * tolerance, name
            close = {"rtol": 1e-9, "atol": 8.0 * tolerance * (1.0 + np.abs(exact).max())}
            np.testing.assert_allclose(found[1], slope, **close, err_msg=name)


def descent(X=X, y=Y, stepsize=2.0, offset=OFFSET, **options):
    return "gradient_descent", (X, y, stepsize, 12), {"offset": offset} | options


def batches(X=X, stepsize=0.5, batch_size=1, **options):
    options |= {"offset": OFFSET, "batch_size": batch_size, "rng": 3}
    return "stochastic_gradient_descent", (X, Y, stepsize, 40), options


CALLS = {
    "descent": descent(),
    "intercept, weights": descent(sample_weight=WEIGHT, fit_intercept=True, l2=0.01),
    "in place": descent(X=np.asfortranarray(X)[:, ::-1]),
    "uint8": descent(X=(20 * X + 100).astype(np.uint8), stepsize=1e-4, fit_intercept=True),
    "float16": descent(X=X.astype(np.float16)),
    "centre and scale": descent(**SCALED),
    "sparse": descent(X=SPARSE, fit_intercept=True),
    "sparse, centre and scale": descent(X=SPARSE, **SCALED),
    "held-out rows": descent(**HELD_OUT),
    "held-out rows, Gram": descent(
        X=WIDE, y=Y[:20], offset=OFFSET[:20], gram=True, fit_intercept=True, start=np.ones(301),
        validation=(WIDE[:9], Y[:9], OFFSET[:9]),
    ),
    "exponential": descent(stepsize=0.01, loss="exponential"),
    "flattened": descent(loss=losses.FlattenedPolynomial(1.5)),
    "log domain": descent(stepsize=stepsizes.RiskAdaptive(0.25)),
    "normalised": descent(stepsize=stepsizes.NormalizedGradient(0.5), X=SPARSE),
    "secant": descent(stepsize=stepsizes.BarzilaiBorwein(), fit_intercept=True, l2=0.01),
    "sweep": ("stepsize_sweep", (X, Y, [0.5, 2.0, stepsizes.AdGD(), 1.0, 0.1], 12),
              {"offset": OFFSET, "fit_intercept": True}),
    "nesterov": ("nesterov_descent", (X, Y, None, 12), {"offset": OFFSET}),
    "minimize": ("minimize", (X, Y), {"offset": OFFSET, "fit_intercept": True, "tol": 1e-12}),
    "minimize, sparse": ("minimize", (SPARSE, Y), {"offset": OFFSET, "l2": 0.01, "tol": 1e-12}),
    "minimize, scaled": ("minimize", (X, Y), {"offset": OFFSET, "tol": 1e-12} | SCALED),
    "single rows": batches(),
    "small batches": batches(batch_size=5, fit_intercept=True),
    "small batches, float32": batches(X=X.astype(np.float32), batch_size=3),
    "batches": batches(batch_size=17, fit_intercept=True, l2=0.01),
    "batches, exponential": batches(stepsize=0.01, batch_size=2, loss="exponential"),
    "batches, sparse": batches(X=SPARSE, batch_size=4, l2=0.01),
    "stochastic sweep": ("stochastic_sweep", (X, Y, [0.1, 0.3, 1.0, 0.2, 0.5], 30),
                         {"offset": OFFSET, "batch_size": 11, "rng": 1}),
} | {
    f"network, {activation}, {form}": (
        "two_layer_gradient_descent", (A, Y, 0.5, 8),
        {"width": 7, "activation": activation, "rng": 2, "offset": OFFSET},
    )
    for activation in ("relu", "leaky_relu", "softplus")
    for form, A in (("dense", X), ("sparse", SPARSE))
}  # fmt: skip


def close(found, expected):
    for name, column in expected.trace.to_dict().items():
        mine = getattr(found.trace, name)
        if name != "passes":
            np.testing.assert_allclose(mine, column, rtol=1e-8, atol=1e-10, err_msg=name)
    for one, other in zip(weights(found), weights(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)
    assert getattr(found, "separated_at", None) == getattr(expected, "separated_at", None)


def weights(run):
    if hasattr(run, "weights"):
        return run.weights, run.intercept
    return run.last.weights, run.average.weights


@pytest.mark.parametrize("name", CALLS)
def test_runs(name):
    function, arguments, options = CALLS[name]
    expected = getattr(reference, function)(*arguments, **options)
    for n_threads in (1, 2):
        found = getattr(lsgd, function)(*arguments, **options, n_threads=n_threads)
        pairs = (
            [(found, expected)] if hasattr(found, "trace") else zip(found, expected, strict=True)
        )
        for one, other in pairs:
            if function == "minimize":
                np.testing.assert_allclose(one.weights, other.weights, rtol=1e-7, atol=1e-9)
                assert one.stop_reason == other.stop_reason == "converged"
            else:
                close(one, other)
    without = getattr(lsgd, function)(
        *arguments, **{k: v for k, v in options.items() if k not in ("offset", "validation")}
    )
    first = found if hasattr(found, "trace") else found[0]
    without = without if hasattr(without, "trace") else without[0]
    assert not np.allclose(weights(first)[0], weights(without)[0], rtol=1e-3)


@every_backend
def test_steps_are_those_of_the_formula(backend):
    w = np.zeros(D)
    run = backend.gradient_descent(X, Y, 0.5, 20, offset=OFFSET)
    for t in range(20):
        z = Y * (X @ w + OFFSET)
        assert run.trace.loss[t] == pytest.approx(np.logaddexp(0.0, -z).mean(), rel=1e-12)
        assert run.trace.min_margin[t] == pytest.approx(z.min(), rel=1e-12)
        assert run.trace.error_rate[t] == (z <= 0.0).mean()
        w += 0.5 * X.T @ (Y / (1.0 + np.exp(z))) / N
    np.testing.assert_allclose(run.weights, w, rtol=1e-12)


@every_backend
def test_the_curvature_is_that_at_the_scores_with_offsets(backend):
    w = RNG.standard_normal(D)
    z = X @ w + OFFSET
    p = 1.0 / (1.0 + np.exp(-z))
    hessian = X.T @ ((p * (1.0 - p) / N)[:, None] * X)
    found = backend.critical_stepsize(X, Y, w, offset=OFFSET)
    assert found == pytest.approx(2.0 / np.linalg.eigvalsh(hessian)[-1], rel=1e-8)


@every_backend
def test_a_trial_passes_offsets_to_its_samples(backend):
    # the labels are those of the offset but for a few rows, and X has nothing to do with them
    offset = np.where(Y > 0, 3.0, -3.0) * np.where(np.arange(N) < 5, -1.0, 1.0)
    options = {"n_stages": 2, "n_steps": 20, "n_repeats": 2, "sample": 0.5, "rng": 0}
    trial = backend.staged_trial(X[:, :1], Y, offset=offset, **options)
    plain = backend.staged_trial(X[:, :1], Y, **options)
    assert trial.smoothness == plain.smoothness
    outcomes = [outcome for stage in trial.stages for outcome in stage.outcomes]
    assert max(outcome.loss for outcome in outcomes) < 0.5 < min(
        outcome.loss for stage in plain.stages for outcome in stage.outcomes
    )  # fmt: skip
