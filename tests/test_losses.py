"""Losses: exact at both ends of float64, alike in the compiled code and in its reference."""

import math
from decimal import Decimal, localcontext

import mpmath
import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, losses
from lsgd_fast.losses import Exponential, FlattenedExponential, FlattenedPolynomial, Logistic
from support import hashes
from support.all_losses import LOSSES, OTHERS, every_other, unit_toy
from support.backends import every_backend

every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)
POINTS = [0.0, 5e-324, 1e-17, 1e-3, 0.5, 1.0, 7.0, 36.0, 36.1, 600.0, 708.0, 746.0, 1e4, 1e100,
          1e300]  # fmt: skip
SIGNED = [sign * z for z in POINTS for sign in (1.0, -1.0)]


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


@pytest.mark.parametrize("loss", LOSSES[:-4], ids=repr)  # test_separating_losses.py has the others
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


@pytest.mark.parametrize("loss", LOSSES[:-4], ids=repr)
@pytest.mark.parametrize("z", SIGNED)
def test_the_slope_at_a_loss_is_that_at_its_margin(loss, z):
    z = np.array([z])
    with np.errstate(all="raise", under="ignore"):
        found, expected = loss.log_slope_at(loss.log_value(z)), loss.log_slope(z)
    # the slope falls where the loss grows by (a + 1) / a, which amplifies the rounding of its log
    a = getattr(loss, "a", 1.0)
    size = 1.0 + (a + 1.0) / a * float(np.abs(loss.log_value(z))[0]) * (z[0] > 0.0)
    assert found == pytest.approx(expected, rel=1e-15, abs=4e-16 * size)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("L", [5e-324, 1e-300, 1e-20, 1e-8, 0.1, 0.999, 1.0, 1.001, 37.0, 1e300])
def test_the_logistic_slope_at_a_loss_is_exact(L):
    log_value = math.log(L)
    with mpmath.workdps(60):
        exact_log = mpmath.log(-mpmath.expm1(-mpmath.exp(log_value)))
        expected = float(exact_log)
    found = float(Logistic().log_slope_at(np.array([log_value]))[0])
    assert found == pytest.approx(expected, rel=4e-16, abs=4e-16)


@every_loss
def test_limits_of_the_slope_at_a_loss(loss):
    ends = np.array([-np.inf, np.inf, np.nan])
    with np.errstate(all="raise", under="ignore"):
        found = loss.log_slope_at(ends)
    top = math.log(loss.C_g) if loss.C_g < np.inf else np.inf
    assert found.tolist() == pytest.approx([-np.inf, top, np.nan], nan_ok=True)


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
    if loss.C_beta < np.inf:
        assert (g <= loss.C_beta * value * (1 + 1e-12)).all()
    else:
        assert (g[value > 0.0] / value[value > 0.0]).max() > 10.0
    tail = z >= 0.0
    if loss.C_e < np.inf:
        assert (value[tail] <= loss.C_e * g[tail] * (1 + 1e-12)).all()
    else:
        assert (value[tail] / g[tail]).max() > 1.0 / getattr(loss, "a", 1.0)
    for shift in (-0.999, -0.5, 0.3, 0.999) if loss.C_beta < np.inf else ():
        above = loss.value(z + shift) - value + g * shift
        assert (above <= loss.C_beta * g * shift**2 * (1 + 1e-9) + 1e-12).all()
    h = 1e-5
    second = (loss.derivative(z + h) - loss.derivative(z - h)) / (2 * h)
    assert (second <= loss.curvature * (1 + 1e-6) + 1e-9).all()
    if loss.curvature_ratio < np.inf:
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
    assert run.diagnostics.is_small == (0.2 * loss.curvature * run.radius**2 <= 2.0)
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
