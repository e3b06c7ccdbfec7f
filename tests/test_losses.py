"""Losses: exact at both ends of float64, alike in the compiled code and in its twin."""

import math
from decimal import Decimal, localcontext

import mpmath
import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, kernel, losses, reference
from lsgd_fast.losses import Exponential, FlattenedExponential, FlattenedPolynomial, Logistic
from support import awkward, hashes
from support.backends import every_backend

LOSSES = [
    Logistic(), Exponential(), FlattenedExponential(), FlattenedExponential(0.3),
    FlattenedPolynomial(), FlattenedPolynomial(0.5), FlattenedPolynomial(4.0),
]  # fmt: skip
OTHERS = LOSSES[1:]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)
every_other = pytest.mark.parametrize("loss", OTHERS, ids=repr)
POINTS = [0.0, 5e-324, 1e-17, 1e-3, 0.5, 1.0, 7.0, 36.0, 36.1, 600.0, 708.0, 746.0, 1e4, 1e100,
          1e300]  # fmt: skip
SIGNED = [sign * z for z in POINTS for sign in (1.0, -1.0)]
CASES = list(awkward.problems())


def exact(loss, z):
    """Return value, derivative, and the logarithms of the value and of minus the derivative."""
    z, a = mpmath.mpf(z), mpmath.mpf(getattr(loss, "a", 1.0))
    if isinstance(loss, Exponential):
        return mpmath.exp(-z), -mpmath.exp(-z), -z, -z
    if isinstance(loss, Logistic):
        value = mpmath.log1p(mpmath.exp(-z))
        slope = mpmath.log1p(mpmath.exp(z)) if z < 1e5 else z
        log_value = -z if z > 1e5 else mpmath.log(value)
        return value, -mpmath.exp(-slope), log_value, -slope
    if z <= 0:
        return 1 - a * z, -a, mpmath.log1p(-a * z), mpmath.log(a)
    if isinstance(loss, FlattenedExponential):
        return mpmath.exp(-a * z), -a * mpmath.exp(-a * z), -a * z, mpmath.log(a) - a * z
    u = mpmath.log1p(z)
    log_slope = mpmath.log(a) - (a + 1) * u
    return mpmath.exp(-a * u), -mpmath.exp(log_slope), -a * u, log_slope


def as_float(x):
    """Return the nearest float64; mpmath's own conversion goes through exp for large numbers."""
    return math.copysign(math.inf, x) if abs(x) > mpmath.mpf("1.797e308") else float(x)


@every_loss
@pytest.mark.parametrize("z", SIGNED)
def test_exact_at_both_ends(loss, z):
    with mpmath.workdps(60):
        expected = [as_float(x) for x in exact(loss, z)]
    with np.errstate(all="raise", under="ignore"):
        functions = (loss.value, loss.derivative, loss.log_value, loss.log_slope)
        got = [float(f(np.array([z]))[0]) for f in functions]
    # a power of (1 + z) and an exp of a * z amplify the rounding of what they are taken of
    condition = 1.0 + getattr(loss, "a", 1.0) * min(abs(z), 745.0)
    assert got[:2] == pytest.approx(expected[:2], rel=1e-15 * condition, abs=5e-324)
    assert got[2:] == pytest.approx(expected[2:], rel=1e-15, abs=1e-15)
    assert np.isfinite(got[2:]).all()


@every_loss
def test_limits(loss):
    ends = np.array([-np.inf, np.inf, np.nan])
    with np.errstate(all="raise"):
        assert np.array_equal(loss.value(ends), [np.inf, 0.0, np.nan], equal_nan=True)
        assert np.array_equal(loss.log_value(ends), [np.inf, -np.inf, np.nan], equal_nan=True)
        slopes = [-loss.C_g, 0.0, np.nan]
        assert loss.derivative(ends) == pytest.approx(slopes, nan_ok=True)


@every_loss
def test_the_constants_bound_what_they_say(loss):
    z = np.concatenate([-np.geomspace(1e-6, 30.0, 400)[::-1], np.geomspace(1e-6, 30.0, 400)])
    value, g = loss.value(z), -loss.derivative(z)
    assert (g <= loss.C_g * (1 + 1e-12)).all()
    assert (g <= loss.C_beta * value * (1 + 1e-12)).all()
    tail = z >= 0.0
    if loss.C_e < np.inf:
        assert (value[tail] <= loss.C_e * g[tail] * (1 + 1e-12)).all()
    else:
        assert (value[tail] / g[tail]).max() > 1.0 / loss.a
    for shift in (-0.999, -0.5, 0.3, 0.999):
        above = loss.value(z + shift) - value + g * shift
        assert (above <= loss.C_beta * g * shift**2 * (1 + 1e-9) + 1e-12).all()
    h = 1e-5
    second = (loss.derivative(z + h) - loss.derivative(z - h)) / (2 * h)
    assert (second <= loss.curvature * (1 + 1e-6) + 1e-9).all()
    assert (second <= loss.curvature_ratio * value * (1 + 1e-4) + 1e-9).all()
    grid = np.linspace(0.0, 60.0, 60_001)
    for lam in (1.0, 3.0, 1e2, 1e5):
        assert (lam * loss.value(grid) + grid**2).min() <= loss.rho(lam) * (1 + 1e-12)


def test_names_and_parameters():
    assert losses.resolve("logistic") == Logistic()
    assert losses.resolve("exponential") == Exponential()
    for loss in LOSSES:
        assert losses.resolve(loss) is loss
        assert losses.from_plain(losses.to_plain(loss)) == loss
    for name in ("flattened_exponential", "flattened_polynomial", "", "hinge"):
        with pytest.raises(ValueError, match="^loss"):
            losses.resolve(name)
    for kind in (FlattenedExponential, FlattenedPolynomial):
        for bad in (0.0, -1.0, math.nan, math.inf, 1e-9, 1e9):
            with pytest.raises(ValueError, match="^a must"):
                kind(bad)
        for bad in ("1", None, True):
            with pytest.raises(TypeError, match="^a must"):
                kind(bad)
        with pytest.raises(TypeError, match="^loss"):
            losses.resolve(kind)
    for loss in LOSSES:
        for bad in (0.5, math.nan, math.inf):
            with pytest.raises(ValueError, match="^lam must"):
                loss.rho(bad)
    with pytest.raises(ValueError):
        losses.from_plain({"name": "exponential", "a": 1.0})


def close(found, expected, size):
    """Whether arrays are equal to 1e-10 of `size`, or both not finite."""
    return np.allclose(found, expected, rtol=1e-10, atol=1e-10 * size, equal_nan=True)


@every_other
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_pass_is_that_of_the_twin(case, loss):
    options = case.options | {"loss": loss, "start": case.start, "gram": False}
    run = lsgd.gradient_descent(case.X, case.y, 1e-3, 1, n_threads=2, **options)
    twin = reference.gradient_descent(case.X, case.y, 1e-3, 1, **options)
    assert run.stop_reason is twin.stop_reason
    for name in ("loss", "log_loss", "gradient_norm"):
        found, expected = run.trace.to_dict()[name][0], twin.trace.to_dict()[name][0]
        # margins of rows far out carry rounding that an exp turns into a factor
        condition = max(1.0, abs(twin.trace.log_loss[0])) if name != "log_loss" else 1.0
        assert found == pytest.approx(expected, rel=1e-12 * condition, abs=1e-14) or (
            not np.isfinite(found) and not np.isfinite(expected)
        ), name
    if run.stop_reason == "n_steps" and np.isfinite(twin.weights).all():
        assert close(run.weights, twin.weights, np.abs(twin.weights).max())


@every_other
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", [0.0, 5e-324, 36.7, 600.0, 709.0, 745.0, 1e4, 1e100, 1e300])
def test_extreme_margins(loss, scale, sign):
    X, y = np.array([[1.0], [-1.0], [1.25]]), [1, 0, 1]
    options = {"loss": loss, "start": [sign * scale]}
    found = lsgd.gradient_descent(X, y, 1.0, 0, **options).trace
    expected = reference.gradient_descent(X, y, 1.0, 0, **options).trace
    assert found.log_loss[0] == pytest.approx(expected.log_loss[0], rel=1e-14, abs=1e-15)
    assert found.loss[0] == pytest.approx(expected.loss[0], rel=1e-12, abs=5e-324)


@every_other
def test_bits_over_threads_instruction_sets_and_columns(loss):
    before = kernel.instruction_set()
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4100, 3)), awkward.labels(4100, rng)
    options = {"loss": loss, "fit_intercept": True, "sample_weight": rng.uniform(0, 2, 4100)}
    etas = [0.1, 0.3, 1.0, 0.01, 0.2, 0.5]
    found = set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 3, 8):
                run = lsgd.gradient_descent(X, y, 0.3, 30, n_threads=n_threads, **options)
                found.add(repr(sorted(hashes.content(run).items())))
            sweep = lsgd.stepsize_sweep(X, y, etas, 30, **options)
            found.add(repr(sorted(hashes.content(sweep[1]).items())))
            kinds = [X.astype("f4").astype("f8")[:, ::-1][:, ::-1], X.astype("f4")]
            same = [lsgd.gradient_descent(kind, y, 0.3, 30, **options) for kind in kinds]
            assert hashes.content(same[0]) == hashes.content(same[1])
    finally:
        kernel.use_instruction_set(before)
    assert len(found) == 1


def unit_toy():
    X, y = lsgd.datasets.toy()
    return X / np.linalg.norm(X, axis=1).max(), y


@every_backend
def test_exponential_loss_diverges_with_a_clear_end(backend):
    X, y = unit_toy()
    calm = backend.gradient_descent(X, y, 5.0, 2000, loss="exponential")
    assert calm.stop_reason == "n_steps" and np.isfinite(calm.trace.loss).all()
    for eta, step in ((10.0, 4), (20.0, 3)):  # in the fifth and in the fourth pass
        run = backend.gradient_descent(X, y, eta, 2000, loss="exponential")
        assert run.stop_reason == run.verdict == "diverged"
        assert run.n_steps == step and run.trace.loss[-1] == np.inf


@every_backend
@every_other
def test_only_the_logistic_loss_is_certified(backend, loss):
    X, y = lsgd.datasets.toy()
    run = backend.gradient_descent(X, y, 0.2, 3000, loss=loss)
    assert run.certified_at is None and run.separated_at is not None
    assert "Theorem 1" not in run.evidence
    assert backend.gradient_descent(X, y, 0.2, 3000).certified_at is not None
    # the second derivative bounds what stepsizes are small, where there is a bound
    small = 1.9 / (loss.curvature * run.radius**2)
    assert run.signs.is_small == (0.2 * loss.curvature * run.radius**2 <= 2.0)
    if small > 0.0:
        run = backend.gradient_descent(X, y, small, 300, loss=loss)
        assert run.n_increases == 0 and run.verdict == "stable" and "R^2" in run.evidence


@every_backend
def test_gram_space_is_for_the_logistic_loss(backend):
    X, y = unit_toy()
    for loss in OTHERS:
        with pytest.raises(ValueError, match="^gram"):
            backend.gradient_descent(X, y, 1.0, 1, loss=loss, gram=True)
        backend.gradient_descent(X, y, 1.0, 1, loss=loss, gram=False)
    wide = np.random.default_rng(0).standard_normal((20, 1200))
    labels = [0, 1] * 10
    a, b = (
        backend.gradient_descent(wide, labels, 1e-3, 5, loss="exponential", gram=gram)
        for gram in ("auto", False)
    )
    assert a.weights.tobytes() == b.weights.tobytes()


@every_other
def test_checkpoints_keep_the_loss(loss, tmp_path):
    X, y = lsgd.datasets.toy()
    whole = lsgd.gradient_descent(X, y, 0.3, 60, loss=loss, stop=Stop(loss=1e-9))
    descent = lsgd.Descent(X, y, 0.3, loss=loss, stop=Stop(loss=1e-9))
    descent.step(23)
    descent.save(tmp_path / "checkpoint")
    descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y)
    descent.step(37)
    assert hashes.content(descent.result()) == hashes.content(whole)


@every_backend
def test_held_out_rows_have_the_same_loss(backend):
    X, y = lsgd.datasets.toy()
    for loss in OTHERS:
        run = backend.gradient_descent(X, y, 0.1, 5, loss=loss, validation=(X, y))
        assert run.trace.validation_loss == pytest.approx(run.trace.loss, rel=1e-15)


NAN, INF = math.nan, math.inf


POINTS = [0.0, 5e-324, 1e-17, 0.5, 1.0, 21.0, 30.0, 36.0, 36.1, 708.0, 740.0, 746.0, 1e4, 1e308]


@pytest.mark.parametrize("z", [sign * z for z in POINTS for sign in (1, -1)])
def test_logistic_is_exact(z):
    loss = losses.Logistic()
    with localcontext(prec=60), np.errstate(all="raise", under="ignore"):
        got = [float(f(np.array([z]))[0]) for f in (loss.value, loss.log_value, loss.derivative)]
        value, log_value, derivative = _exact_logistic(z)
    tiny = 5e-324  # where the exact value is subnormal
    assert got[0] == pytest.approx(float(value), rel=4e-16, abs=tiny)
    assert got[1] == pytest.approx(float(log_value), rel=4e-16)
    assert got[2] == pytest.approx(float(derivative), rel=4e-16, abs=tiny)


def _exact_logistic(z):
    z = Decimal(z)
    if abs(z) > 2000:  # exp(-2000) is below 60 digits; the limits are exact
        return (-z, (-z).ln(), Decimal(-1)) if z < 0 else (Decimal(0), -z, Decimal(0))
    e = (-z).exp()
    value = (1 + e).ln() if z < 100 else e - e * e / 2
    return value, value.ln(), -e / (1 + e)


def test_logistic_limits():
    loss, ends = losses.Logistic(), np.array([-INF, INF, NAN])
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(loss.value(ends), [INF, 0.0, NAN])
        np.testing.assert_array_equal(loss.log_value(ends), [INF, -INF, NAN])
        np.testing.assert_array_equal(loss.derivative(ends), [-1.0, 0.0, NAN])
