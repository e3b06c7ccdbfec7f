"""Losses that are exactly 0 from a margin on: exact values, how their runs end, rows left out."""

import math
from pathlib import Path

import mpmath
import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, StopReason, kernel, losses, reference, theory
from lsgd_fast.losses import Renyi2, SemiCircle, Tsallis
from support import hashes
from support.all_losses import SEPARATING, every_separating, unit_toy
from support.backends import every_backend
from support.sparse_cases import csr

EPS = 2.0**-52
NEW = [*SEPARATING, SemiCircle()]
every_new = pytest.mark.parametrize("loss", NEW, ids=repr)


def potential(loss, p):
    if isinstance(loss, SemiCircle):
        return -2 * mpmath.sqrt(p * (1 - p))
    if isinstance(loss, Renyi2):
        return mpmath.log(p**2 + (1 - p) ** 2)
    q = mpmath.mpf(loss.q)
    return (p**q + (1 - p) ** q - 1) / (q - 1)


def probability(loss, z):
    """Return the p at which the derivative of the potential is -z."""
    s, z = -mpmath.mpf(z), mpmath.mpf(z)
    if isinstance(loss, SemiCircle):
        root = mpmath.sqrt(z * z + 4)
        return 2 / (root * (root + z)) if z > 0 else (1 - z / root) / 2
    m = loss.separation_margin
    if not -m < z < m:
        return mpmath.mpf(z <= -m)
    if isinstance(loss, Renyi2):
        return mpmath.mpf(1) / 2 + s / (2 * (2 + mpmath.sqrt(4 - s * s)))
    if loss.q == 2.0:
        return (2 - z) / 4
    return ((s / 3 + mpmath.sqrt(2 - s * s / 9)) / 2) ** 2


def margins_of(loss):
    m = getattr(loss, "separation_margin", 3.0)
    tiny = np.geomspace(2e-16, 2.0 * m, 80)
    rng = np.random.default_rng(0)
    far = [0.0, -0.0, 1e-17, -1e-8, 1e-300, m, -m, 1e9, 1.0000001e9, -1e9, 1e154, 1e160, 1e300]
    ends = [*np.nextafter(m, [0.0, 9.0]), *np.nextafter(-m, [0.0, -9.0]), -1e300, 1.7e308, -1.7e308]
    return np.concatenate([far, ends, m - tiny, -m + tiny, rng.uniform(-m, m, 100)])


@every_new
def test_values_are_those_of_the_conjugate(loss):
    z = margins_of(loss)
    with np.errstate(all="raise", under="ignore"):
        found = [f(z) for f in (loss.value, loss.derivative, loss.log_value, loss.log_slope)]
    with mpmath.workdps(700):
        for i, margin in enumerate(z.tolist()):
            p = probability(loss, margin)
            if p == 0:
                assert [f[i] for f in found] == [0.0, 0.0, -math.inf, -math.inf]
                continue
            value = -margin * p - potential(loss, p) if p < 1 else -mpmath.mpf(margin)
            expected = value, -p, mpmath.log(value), mpmath.log(p)
            for f, exact, least in zip(found, expected, (5e-308, 5e-308, 1, 1), strict=True):
                assert abs(f[i] - exact) <= 6 * EPS * max(abs(exact), least), (margin, f[i])


@every_new
def test_limits(loss):
    ends = np.array([-np.inf, np.inf, np.nan])
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(loss.derivative(ends), [-1.0, 0.0, np.nan])
        np.testing.assert_array_equal(loss.log_slope(ends), [0.0, -np.inf, np.nan])


@every_new
def test_the_slope_at_a_loss(loss):
    """In the closed forms that there are, and as the inverse of the loss."""
    for z in margins_of(loss):
        log_value, log_slope = (float(f(np.array(z))) for f in (loss.log_value, loss.log_slope))
        # at -m the slope of Renyi 2 is 1 less a square root, of what the loss has rounded away
        if math.isfinite(log_value) and abs(z + 2.0) > 0.01:
            assert loss.log_slope_at(log_value) == pytest.approx(log_slope, rel=1e-14, abs=1e-14)
    assert loss.log_slope_at(-math.inf) == -math.inf and loss.log_slope_at(math.inf) == 0.0
    known = {
        Tsallis(2): lambda L: math.sqrt(L / 2.0), SemiCircle(): lambda L: 1.0 / (1.0 + L**-2),
    }  # fmt: skip
    for L in (1e-100, 1e-9, 0.3, 1.0, 1.9):
        if loss in known:
            assert math.exp(loss.log_slope_at(math.log(L))) == pytest.approx(known[loss](L))
    # the rate of the paper: slope = C loss^alpha
    alpha, C = {
        Tsallis(1.5): (2 / 3, 1.0), Tsallis(2): (1 / 2, 2**-0.5),
        Renyi2(): (1 / 3, (3 / 8) ** (1 / 3)), SemiCircle(): (2, 1.0),
    }[loss]  # fmt: skip
    for L in (-50.0, -119.0, -121.0, -1e5):
        assert loss.log_slope_at(L) == pytest.approx(math.log(C) + alpha * L, rel=1e-6)


def test_the_guide_has_the_ends_of_the_losses():
    page = (Path(__file__).parents[1] / "docs" / "losses_and_rules.md").read_text("utf-8")
    ends = {Tsallis(1.5): "(1 - z/3)^3", Renyi2(): "(2 - z)^1.5 / 3", Tsallis(2): "(2 - z)^2 / 8"}
    for loss, end in ends.items():
        assert f"| {end}" in page
        z = loss.separation_margin - 1e-6
        told = eval(end.replace("^", "**"), {"z": z})
        assert loss.value(np.array(z)) == pytest.approx(told, rel=1e-3)


def test_parameters_and_names():
    for bad in (1.0, 3.0, 1.75, -2.0, 0.0, math.nan):
        with pytest.raises(ValueError, match=r"^q must be (1\.5 or 2|finite)"):
            Tsallis(bad)
    for bad in ("2", None, True, [2]):
        with pytest.raises(TypeError, match="^q must"):
            Tsallis(bad)
    assert Tsallis(2) == Tsallis(2.0) == Tsallis() and losses.resolve("renyi2") == Renyi2()
    assert losses.resolve("semi_circle") == SemiCircle()
    for bad in ({"name": "tsallis", "a": 2.0}, {"name": "renyi2", "q": 2.0}, {"name": "tsallis"}):
        with pytest.raises(ValueError, match="unknown loss"):
            losses.from_plain(bad)
    X, y = unit_toy()
    with pytest.raises(ValueError, match="^loss must be 'logistic' or 'softmax' for minimize"):
        lsgd.minimize(X, y, loss=Tsallis(2))
    for rule in (lsgd.stepsizes.Tyurin(1.0), lsgd.stepsizes.AdGD(), lsgd.stepsizes.Polyak()):
        run = lsgd.gradient_descent(X, y, rule, 100, loss=Tsallis(2))
        assert run.stop_reason in ("zero_loss", "n_steps")


@every_new
@pytest.mark.parametrize("eta", [0.25, 3.0])
def test_adaptive_steps_are_those_of_the_reference(loss, eta):
    """RiskAdaptive steps eta over the slope at the loss: the compiled slope is that of NumPy."""
    X, y = unit_toy()
    rule = lsgd.stepsizes.RiskAdaptive(eta)
    runs = [m.gradient_descent(X, y, rule, 60, loss=loss) for m in (lsgd, reference)]
    assert runs[0].stop_reason is runs[1].stop_reason and runs[0].n_steps == runs[1].n_steps
    n = runs[0].n_steps
    found, expected = (run.trace.stepsize[:n] for run in runs)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    slopes = np.exp(loss.log_slope_at(runs[0].trace.ln_loss[:n]))
    np.testing.assert_allclose(found, eta / slopes, rtol=1e-11)


# --- a loss of exactly 0 --------------------------------------------------------------------------


@every_backend
@every_separating
@pytest.mark.parametrize("eta", [200.0, 1000.0, 1e6])
def test_separable_runs_end_at_exactly_zero(loss, eta, backend, tmp_path):
    X, y = unit_toy()
    run = backend.gradient_descent(X, y, eta, 5000, loss=loss)
    assert run.stop_reason is StopReason.zero_loss
    assert run.trace.loss[-1] == 0.0 and run.trace.ln_loss[-1] == -np.inf
    assert (run.trace.loss[:-1] > 0.0).all() and np.isfinite(run.trace.ln_loss[:-1]).all()
    assert run.trace.gradient_norm[-1] == 0.0 and math.isnan(run.trace.stepsize[-1])
    assert (y * (X @ run.weights) >= loss.separation_margin).all()
    assert run.separated_at is not None and run.verdict == "stable"
    assert "exactly zero" in run.evidence and "exactly zero" in str(run)
    assert "NaN" not in run._repr_html_()
    assert run.to_scipy().success
    margin = lsgd.max_margin(X, y).value
    assert np.linalg.norm(run.weights) <= (2 * loss.separation_margin + eta) / margin
    run.save(tmp_path / "run.npz")
    again = lsgd.Run.load(tmp_path / "run.npz")
    assert again.stop_reason is StopReason.zero_loss and again.evidence == run.evidence


def test_momentum_would_move_on_from_zero():
    X, y = unit_toy()
    run = lsgd.gradient_descent(X, y, lsgd.stepsizes.Nesterov(10.0), 5000, loss=Tsallis(2))
    assert run.stop_reason is StopReason.zero_loss
    assert "theory" not in repr(run)  # of whether the loss falls
    assert run.evidence == "The loss is exactly zero: no step lowers it, and the run ends there."


@every_separating
def test_the_start_may_be_the_end(loss):
    X, y = unit_toy()
    end = lsgd.gradient_descent(X, y, 100.0, 5000, loss=loss).weights
    for backend in (lsgd, reference):
        run = backend.gradient_descent(X, y, 100.0, 50, loss=loss, start=end)
        assert run.stop_reason is StopReason.zero_loss and run.n_steps == 0
        assert run.weights.tobytes() == end.tobytes()
    descent = lsgd.Descent(X, y, 100.0, loss=loss, start=end)
    assert descent.step(3) is StopReason.zero_loss and descent.step(3) is StopReason.zero_loss


@every_backend
def test_zero_is_no_end_of_other_losses(backend):
    X, y = unit_toy()
    for loss in ("logistic", losses.FlattenedExponential(10.0), "exponential"):
        run = backend.gradient_descent(X, y, 1.0, 5, loss=loss, start=[1e5, 1e5], gram=False)
        if run.trace.loss[0] == 0.0:
            assert run.stop_reason is StopReason.n_steps and np.isfinite(run.trace.ln_loss).all()
    run = backend.gradient_descent(X, y, 1.0, 50, loss=SemiCircle(), start=[1e5, 1e5])
    assert run.stop_reason is StopReason.n_steps


@every_backend
@every_separating
def test_with_a_penalty_zero_is_no_end(loss, backend, tmp_path):
    X, y = unit_toy()
    end = lsgd.gradient_descent(X, y, 100.0, 5000, loss=loss).weights
    run = backend.gradient_descent(X, y, 0.5, 60, loss=loss, l2=0.1, start=end)
    assert run.stop_reason is StopReason.n_steps and run.trace.loss[0] == 0.0
    assert run.trace.ln_loss[0] == -np.inf and run.trace.loss[-1] > 0.0
    assert run.n_increases > 0 and run.trace.objective[-1] < run.trace.objective[0]
    if backend is lsgd:
        options = {"loss": loss, "l2": 0.1, "start": end}
        descent = lsgd.Descent(X, y, 0.5, **options)
        for step in (0, 1, 2, 9):
            descent.step(step)
            descent.save(tmp_path / "checkpoint")
            descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y)
        descent.step(48)
        assert hashes.content(descent.result()) == hashes.content(run)


@every_separating
def test_checkpoints_sweeps_and_stops(loss, tmp_path):
    X, y = unit_toy()
    whole = lsgd.gradient_descent(X, y, 200.0, 5000, loss=loss)
    descent = lsgd.Descent(X, y, 200.0, loss=loss)
    while descent.step(7) is None:
        descent.save(tmp_path / "checkpoint")
        descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y)
    descent.save(tmp_path / "checkpoint")
    descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y)
    assert descent.stop_reason is StopReason.zero_loss
    assert hashes.content(descent.result()) == hashes.content(whole)
    etas = [1e-3, 200.0, 1000.0, 4.0, 300.0]
    sweep = lsgd.stepsize_sweep(X, y, etas, 600, loss=loss)
    for eta, run in zip(etas, sweep, strict=True):
        alone = lsgd.gradient_descent(X, y, eta, 600, loss=loss)
        assert hashes.content(run) == hashes.content(alone)
    assert "zero loss" in str(sweep) and sweep.best().stop_reason is StopReason.zero_loss
    run = lsgd.gradient_descent(X, y, 200.0, 5000, loss=loss, stop=Stop(loss=1.0))
    assert run.stop_reason is StopReason.loss and run.n_steps < whole.n_steps
    run = lsgd.gradient_descent(X, y, 200.0, 5000, loss=loss, stop=Stop(loss=0.0))
    assert run.stop_reason is StopReason.zero_loss
    run = lsgd.gradient_descent(X, y, 200.0, 5000, loss=loss, validation=(X, y))
    assert run.trace.validation_loss[-1] == 0.0 and run.best_at == run.n_steps


@every_backend
@every_separating
def test_stochastic_runs_take_all_steps_and_have_not_diverged(loss, backend):
    X, y = unit_toy()
    run = backend.stochastic_gradient_descent(X, y, 1000.0, 3000, batch_size=2, rng=0, loss=loss)
    assert run.last.loss == 0.0 and run.last.ln_loss == -np.inf
    assert run.stop_reason is StopReason.n_steps
    assert (run.trace.loss == 0.0).any() and len(str(run)) > 0


@every_separating
def test_networks_end_there_too(loss):
    X, y = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]), [1, 1, 0, 0]
    options = {"width": 32, "rng": 0, "loss": loss}
    runs = [
        backend.two_layer_gradient_descent(X, y, 300.0, 3000, **options)
        for backend in (lsgd, reference)
    ]
    for run in runs:
        assert run.stop_reason is StopReason.zero_loss and run.verdict == "stable"
    assert runs[0].n_steps == runs[1].n_steps


def test_one_row_shows_where_no_step_reaches_zero():
    """Tsallis 2 on x = 1: the distance to the margin is multiplied with 1 - eta / 4."""
    X, y = [[1.0], [-1.0]], [1, 0]
    assert lsgd.gradient_descent(X, y, 4.0, 9, loss=Tsallis(2)).n_steps == 1
    run = lsgd.gradient_descent(X, y, 0.125, 1000, loss=Tsallis(2))
    assert run.stop_reason is StopReason.n_steps and run.trace.loss[-1] > 0.0
    run = lsgd.gradient_descent(X, y, 0.125, 1000, loss=Renyi2())
    assert run.stop_reason is StopReason.zero_loss


# --- rows of zero gradient are left out -----------------------------------------------------------


def storages(X):
    """Yield names and copies of X in every storage, and options."""
    yield "float64", X, {}
    yield "Fortran", np.asfortranarray(X), {}
    yield "strided", np.repeat(X, 2, axis=1)[:, ::2], {}
    yield "scaled", X, {"center": X[0], "scale": 2.0}
    for dtype in ("float32", "float16", "int8"):
        yield dtype, X.astype(dtype), {}
    yield "CSR", csr(X), {}
    yield "CSR, float32", csr(X, "float32"), {}


@every_separating
@pytest.mark.parametrize("d", [3, 8, 65])
@pytest.mark.parametrize("n", [5, 32, 700])
def test_left_out_panels_change_no_bits(loss, n, d):
    """Four runs share a panel's product: it is left out if none of them has a gradient there.

    So a run alone leaves panels out, and beside three that start from 0 it leaves out none.
    """
    rng = np.random.default_rng(d)
    direction = rng.standard_normal(d)
    X = rng.integers(-8, 9, (n, d)) / 1.0
    y = np.where(X @ direction > 0.0, 1.0, -1.0)
    y[:2] = 1.0, -1.0
    X = X[np.argsort(y * (X @ direction))]  # rows that are far out lie side by side
    y = np.where(X @ direction > 0.0, 1.0, -1.0)
    y[:2] = 1.0, -1.0
    start = loss.separation_margin / np.quantile(np.abs(X @ direction), 0.2) * direction
    left_out = [(loss.derivative(y * (X @ start)) == 0.0)[i : i + 8].all() for i in range(0, n, 8)]
    assert n < 32 or any(left_out[:-1])
    zero, before = np.zeros(d), kernel.instruction_set()
    for name, stored, options in storages(X):
        marks = set()
        try:
            for isa in kernel.instruction_sets():
                kernel.use_instruction_set(isa)
                options = options | {"loss": loss}
                for starts in ([start], [start, zero, zero, zero], [zero] * 4 + [start, start]):
                    for n_threads in (1, 3):
                        sweep = lsgd.stepsize_sweep(
                            stored, y, [0.25] * len(starts), 2, start=np.array(starts).T,
                            n_threads=n_threads, **options,
                        )  # fmt: skip
                        marks |= {
                            run.weights.tobytes() + run.trace.loss.tobytes()
                            for run, first in zip(sweep, starts, strict=True)
                            if first is start
                        }
        finally:
            kernel.use_instruction_set(before)
        assert len(marks) == 1, name


@every_separating
@pytest.mark.parametrize("d", [1, 8, 40])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_gradient_is_the_sum_in_the_order_of_all_rows(loss, d, dtype, order):
    """Against the lanes of the row pass, with all rows in them (n within one leaf)."""
    rng = np.random.default_rng(d)
    X = np.asarray(rng.integers(-8, 9, (32, d)), dtype, order=order)
    y = rng.integers(0, 2, 32) * 2.0 - 1.0
    y[0], y[1] = 1.0, -1.0
    X = X * y.astype(dtype)[:, None]
    X = np.asarray(X, order=order)
    for active in ([], [0], [9, 10], [8, 31], [0, 31], [17], list(range(32))):
        start = np.zeros(d)
        start[0] = 1.0
        X[:, 0] = np.where(np.isin(np.arange(32), active), 1, 9) * y
        z = y * (X.astype(float) @ start)
        s = -(1.0 / 32.0 * 32.0) * y * -loss.derivative(z)
        lanes = [np.full(d, -0.0) for _ in range(8)]
        for i in range(32):
            lanes[i % 8] = lanes[i % 8] + X[i].astype(float) * s[i]
        a = lanes
        total = ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
        expected = start - 1.0 * ((np.zeros(d) + total) / 32.0)
        run = lsgd.gradient_descent(X, y, 1.0, 1, loss=loss, start=start, gram=False)
        if not active:
            assert run.stop_reason is StopReason.zero_loss
        elif loss == Tsallis(2):  # its slopes are exact here
            np.testing.assert_array_equal(run.weights, expected)
        else:
            np.testing.assert_allclose(run.weights, expected, rtol=1e-13, atol=1e-15)


# --- theory ---------------------------------------------------------------------------------------


def test_the_steps_of_corollary_6():
    for loss, slope in ((Tsallis(2), math.sqrt(0.005)), (Renyi2(), None), (Tsallis(1.5), None)):
        m = loss.separation_margin
        slope = slope or math.exp(loss.log_slope_at(math.log(0.01)))
        bound = 7 / (slope * 0.3**2) * (4 * m / 5.0 + 1.0)
        found = theory.separation_margin_steps(0.01, 7, 0.3, 5.0, function=loss)
        assert found - 1 <= bound * (1 + 1e-12) and found > bound * (1 - 1e-12)
        scaled = theory.separation_margin_steps(0.01, 7, 0.9, 5.0 / 9.0, function=loss, radius=3.0)
        assert scaled == found
    assert theory.separation_margin_steps(1e-300, 1, 1e-140, 1.0, function=Tsallis(2)) == math.inf
    for bad in ("renyi2", SemiCircle(), losses.Logistic(), None):
        with pytest.raises(TypeError, match="^function must be a loss with a separation margin"):
            theory.separation_margin_steps(0.1, 7, 0.3, 5.0, function=bad)


@every_separating
@pytest.mark.parametrize("eta", [0.3, 3.0, 100.0])
def test_bounds_hold(loss, eta):
    """Corollary 6; and of the whole run, sum of mean slopes <= (2 m / eta + 1) / margin^2."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((12, 3))
        X /= np.linalg.norm(X, axis=1).max()
        y = np.sign(X @ [1.0, 1.0, 0.5])
        X += 0.1 * y[:, None] * np.array([1.0, 1.0, 0.5]) / 1.5
        radius = np.linalg.norm(X, axis=1).max()
        X, margin = X / radius, lsgd.max_margin(X / radius, y).value
        weights, slopes = [], []

        def look(state, weights=weights, slopes=slopes, X=X, y=y):
            weights.append(np.linalg.norm(state.weights))
            slopes.append(-loss.derivative(y * (X @ state.weights)).mean())

        run = lsgd.gradient_descent(X, y, eta, 3000, loss=loss, callback=look)
        for level in (0.1, 1e-3, 1e-6):
            steps = theory.separation_margin_steps(level, 12, margin, eta, function=loss)
            if steps < 3000 and run.n_steps >= steps or run.stop_reason is StopReason.zero_loss:
                assert run.trace.loss[: int(min(steps, 3000)) + 1].min() <= level
        m = loss.separation_margin
        first = -loss.derivative(np.zeros(1))[0]
        assert first + sum(slopes) <= (2.0 * m / eta + 1.0) / margin**2 * (1.0 + 1e-9)
        assert max(weights, default=0.0) <= (2.0 * m + eta) / margin * (1.0 + 1e-9)
        if isinstance(loss, Tsallis) and loss.q == 2.0 and eta >= 4.0 * 12 / margin**2:
            assert run.stop_reason is StopReason.zero_loss
