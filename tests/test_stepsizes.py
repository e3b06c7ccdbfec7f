"""Stepsize rules: their first steps by hand, their bounds, and their parameters."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, losses, stepsizes, theory
from lsgd_fast.losses import Exponential, FlattenedExponential
from lsgd_fast.stepsizes import (
    AdGD,
    Anytime,
    BarzilaiBorwein,
    InverseLoss,
    Nesterov,
    NormalizedGradient,
    Polyak,
    RiskAdaptive,
    Schedule,
    Silver,
    Tyurin,
)
from support import awkward
from support.backends import every_backend
from support.rules import every_rule

SQRT2 = math.sqrt(2.0)


def sigmoid(x):
    return 0.5 * (1.0 + math.tanh(0.5 * x))


# --- first steps by hand --------------------------------------------------------------------------

# One parameter, rows 1 and -1 with labels + and -: both margins are w, the loss is softplus(-w).
LINE = {"X": [[1.0], [-1.0]], "y": [1, 0]}


def line(backend, rule, n_steps, **options):
    """Return weights, gradients and stepsizes of the first steps on LINE."""
    runs = [
        backend.gradient_descent(**LINE, stepsize=rule, n_steps=t, **options)
        for t in range(n_steps + 1)
    ]
    w = [float(run.weights[0]) for run in runs]
    return w, [-sigmoid(-x) for x in w], runs[-1].trace.stepsize


@every_backend
def test_silver_by_hand(backend):
    w, g, eta = line(backend, Silver(2.0), 8)
    expected = [SQRT2, 2.0, SQRT2, 2.0 + SQRT2, SQRT2, 2.0, SQRT2, 1.0 + (1.0 + SQRT2) ** 2]
    assert eta[:8] == pytest.approx(np.array(expected) / 2.0, rel=1e-14)
    assert w[1] == pytest.approx(SQRT2 / 4.0, rel=1e-14)
    # R = 1: the bound of the curvature is 1/4 and the penalty
    assert line(backend, Silver(), 1)[2][0] == pytest.approx(4.0 * SQRT2, rel=1e-14)
    eta = line(backend, Silver(), 1, l2=0.25)[2][0]
    assert eta == pytest.approx(2.0 * SQRT2, rel=1e-14)


@every_backend
def test_a_schedule_keeps_its_last_value(backend):
    assert line(backend, Schedule([1.0, 2.0, 3.0]), 5)[2][:5].tolist() == [1.0, 2.0, 3.0, 3.0, 3.0]
    steps = backend.gradient_descent(**LINE, stepsize=Schedule([8.0]), n_steps=50)
    constant = backend.gradient_descent(**LINE, stepsize=8.0, n_steps=50)
    assert steps.weights.tobytes() == constant.weights.tobytes()
    assert steps.certified_at is None and constant.certified_at is not None


@every_backend
def test_adgd_by_hand(backend):
    w, g, eta = line(backend, AdGD(), 4)
    assert eta[0] == pytest.approx(4.0) and w[1] == pytest.approx(2.0)  # 1 / (R^2 / 4)
    limits = [abs(w[k] - w[k - 1]) / (2.0 * abs(g[k] - g[k - 1])) for k in range(1, 4)]
    assert eta[1] == pytest.approx(limits[0], rel=1e-12)
    for k in (2, 3):
        grown = math.sqrt(1.0 + eta[k - 1] / eta[k - 2]) * eta[k - 1]
        assert eta[k] == pytest.approx(min(grown, limits[k - 1]), rel=1e-12)
    assert eta[2] < limits[1] and eta[1] > eta[2] * 0.5


@every_backend
def test_adgd_where_the_gradient_does_not_change(backend):
    """On the linear part both bounds of the second step are infinite."""
    options = {"loss": FlattenedExponential(), "start": [-100.0]}
    run = backend.gradient_descent(**LINE, stepsize=AdGD(), n_steps=4, **options)
    assert run.trace.stepsize[:3] == pytest.approx([1.0, 1.0, SQRT2], rel=1e-12)
    assert run.weights[0] == pytest.approx(-100.0 + run.trace.stepsize[:4].sum())


@every_backend
def test_polyak_and_the_rules_with_eta_by_hand(backend):
    ln2 = math.log(2.0)
    assert line(backend, Polyak(), 1)[0][1] == pytest.approx(ln2 / 0.25 * 0.5, rel=1e-14)
    assert line(backend, InverseLoss(3.0), 1)[0][1] == pytest.approx(3.0 / ln2 * 0.5, rel=1e-14)
    w, _, eta = line(backend, Tyurin(3.0), 3)
    assert w == pytest.approx([0.0, 3.0, 6.0, 9.0], rel=1e-13)  # the gradient is -G
    assert eta[2] == pytest.approx(3.0 / sigmoid(-6.0), rel=1e-12)
    w, _, eta = line(backend, NormalizedGradient(0.25), 3)
    assert w == pytest.approx([0.0, 0.25, 0.5, 0.75], rel=1e-13)
    assert eta[1] == pytest.approx(0.25 / sigmoid(-0.25), rel=1e-12)
    w, _, eta = line(backend, RiskAdaptive(2.0), 3, loss="exponential")
    assert w == pytest.approx([0.0, 2.0, 4.0, 6.0], rel=1e-13)
    assert eta[2] == pytest.approx(2.0 * math.exp(4.0), rel=1e-12)


@every_backend
def test_barzilai_borwein_by_hand(backend):
    w, g, eta = line(backend, BarzilaiBorwein(), 4)
    assert eta[0] == pytest.approx(4.0)
    for k in (1, 2, 3):
        assert eta[k] == pytest.approx((w[k] - w[k - 1]) / (g[k] - g[k - 1]), rel=1e-12)


# Three rows to one: the minimiser is ln 3.
THREE = {"X": [[1.0]] * 4, "y": [1, 1, 1, 0]}


@every_backend
def test_barzilai_borwein_goes_back_from_a_trial_that_fails(backend):
    options = {"stepsize": BarzilaiBorwein(), "start": [20.0]}
    runs = [backend.gradient_descent(**THREE, n_steps=t, **options) for t in range(30)]
    w = [float(run.weights[0]) for run in runs]
    trace = runs[-1].trace
    loss, eta = trace.loss, trace.stepsize
    gradient = [0.25 * sigmoid(x) - 0.75 * sigmoid(-x) for x in w]
    base, failed, heights = 0, 0, [loss[0]]
    for t in range(1, 29):
        promise = eta[t - 1] * gradient[base] ** 2
        highest = max(heights[-10:])
        if loss[t] > highest * (1.0 + 1e-12) - 1e-4 * promise:
            failed += 1
            ratio = eta[t] / eta[t - 1]
            parabola = promise / (2.0 * (loss[t] - loss[base] + promise))
            assert ratio == pytest.approx(min(max(parabola, 0.1), 0.5), rel=1e-6)
            assert w[t + 1] == pytest.approx(w[base] - eta[t] * gradient[base], rel=1e-9, abs=1e-9)
        else:
            heights.append(loss[t])
            base = t
            assert w[t + 1] == pytest.approx(w[t] - eta[t] * gradient[t], rel=1e-9, abs=1e-9)
    assert failed >= 2
    assert w[-1] == pytest.approx(math.log(3.0), rel=1e-6)
    diagnostics = backend.gradient_descent(**THREE, n_steps=40, **options).diagnostics
    drift = diagnostics.drift  # where it went back nothing is proved
    assert drift == math.inf or drift > 0.0


@every_backend
@pytest.mark.parametrize("l2", [0.0, 1e-2])
def test_barzilai_borwein_and_adgd_converge(backend, l2):
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((60, 4)) * [1.0, 3.0, 0.3, 1.0], awkward.labels(60, rng)
    for rule in (BarzilaiBorwein(), AdGD()):
        run = backend.gradient_descent(X, y, rule, 600, l2=l2, fit_intercept=True)
        assert run.trace.gradient_norm[:-1].min() < 1e-8
        assert np.isfinite(run.trace.loss).all()


# --- bounds on the steps to zero error ------------------------------------------------------------


def planted(n, d, margin, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    y = np.where(X[:, 0] > 0.0, 1.0, -1.0)
    X[:, 0] += margin * y
    return X, y


def hard_for_descent(n):
    """Return the set of Tyurin's Theorem 5.1."""
    X = np.array([[0.5, -1.0]] + [[-0.5, -1.0]] * (n - 1))
    return X, np.array([1.0] + [-1.0] * (n - 1))


def two_rows(g):
    c = math.sqrt(1.0 - g * g)
    rows, y = np.array([[g, c], [g, -c / 2.0]]), np.array([1.0, -1.0])
    return rows * y[:, None], y


SETS = {
    "toy": lsgd.datasets.toy(),
    "theorem 3, 0.05": two_rows(0.05),
    "theorem 3, 0.3": two_rows(0.3),
    "planted, 200x20": planted(200, 20, 0.1, 0),
    "planted, 500x5": planted(500, 5, 0.2, 1),
    "p > n": planted(40, 100, 0.0, 2),
    "gauss, 60x40": planted(60, 40, 0.0, 3),
    "imbalanced": hard_for_descent(100),
    "digits": lsgd.datasets.digits_0_vs_8(),
}


def unit(name):
    X, y = SETS[name]
    X = np.asarray(X, dtype=float)
    return X / np.linalg.norm(X, axis=1).max(), np.where(np.asarray(y) > 0, 1.0, -1.0)


def margin_bound(X, y):
    """Return the norm of a mean of the rows y_i x_i: at least the margin, and near it."""
    Z = X * y[:, None]
    w = lsgd.gradient_descent(X, y, RiskAdaptive(1.0), 3000, loss="exponential").weights
    best = math.inf
    for sharpness in np.geomspace(0.01, 100.0, 60):
        q = np.exp(sharpness * ((Z @ w).min() - Z @ w))
        best = min(best, float(np.linalg.norm(Z.T @ (q / q.sum()))))
    return best


@pytest.mark.parametrize("eta", [0.1, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("name", SETS)
def test_steps_to_zero_error_are_within_their_bounds(name, eta):
    X, y = unit(name)
    gamma, n = margin_bound(X, y), len(y)  # from above, so the bounds are stricter
    assert gamma > 1e-3
    tyurin = 1.0 / gamma**2 + 2.0 * math.log(2 * n - 1) / (eta * gamma**2)
    softmax = 1.0 / gamma**2 + 2.0 * math.log(n) / (eta * gamma**2)
    until = {"stop": Stop(separated=True), "record_every": 10**6}
    for rule, loss, bound in (
        (Tyurin(eta), "logistic", tyurin),
        (RiskAdaptive(eta), "exponential", softmax),
        (InverseLoss(eta), "exponential", softmax),
    ):
        run = lsgd.gradient_descent(X, y, rule, math.ceil(bound) + 1, loss=loss, **until)
        assert run.separated_at is not None and run.separated_at <= bound + 1
    trace = lsgd.gradient_descent(X, y, RiskAdaptive(eta), 500, loss="exponential").trace
    best = np.minimum.accumulate(trace.ln_loss)
    allowed = theory.adaptive_ln_loss(trace.step, gamma, eta)
    assert (best[1:] <= allowed[1:] + 1e-9 * np.abs(allowed[1:])).all()


@pytest.mark.parametrize("eta", [10.0, 30.0, 100.0])
def test_the_limit_across_the_margin_of_the_toy_set(eta):
    """The part of w that is orthogonal to the largest margin has the same limit for every eta."""
    X, y = unit("toy")
    run = lsgd.gradient_descent(X, y, eta, 16384, record_every=16384)
    assert -math.log(2.0) * math.sqrt(4.04) / 3.0 == pytest.approx(-0.46440, abs=1e-5)
    assert run.weights[0] == pytest.approx(-0.46440, abs=2e-3)


# --- arguments ------------------------------------------------------------------------------------

BAD_NUMBERS = [(bad, ValueError) for bad in (0.0, -1.0, math.nan, math.inf)]
BAD_NUMBERS += [(bad, TypeError) for bad in ("1", None, True)]


@pytest.mark.parametrize(("bad", "kind"), BAD_NUMBERS, ids=repr)
def test_bad_parameters_are_named(bad, kind):
    for rule in (RiskAdaptive, InverseLoss, Tyurin, NormalizedGradient):
        with pytest.raises(kind, match="^eta must"):
            rule(bad)
    if bad is not None:
        for rule in (Silver, Anytime):
            with pytest.raises(kind, match="^smoothness must"):
                rule(bad)
    with pytest.raises(kind, match=r"^values\[1\] must"):
        Schedule([1.0, bad])


def test_bad_schedules_and_rules():
    for bad in (None, 1.0, "12"):
        with pytest.raises(TypeError, match="^values must"):
            Schedule(bad)
    with pytest.raises(ValueError, match="^values must"):
        Schedule([])
    for bad in (AdGD, stepsizes.RULES, "adgd"):
        with pytest.raises(TypeError, match="^stepsize must"):
            stepsizes.resolve(bad)
    with pytest.raises(TypeError, match="^stepsize must"):
        lsgd.plan(*lsgd.datasets.toy(), stepsize=AdGD())


@every_backend
@every_rule
def test_what_makes_no_sense_with_a_penalty_is_refused(backend, rule):
    X, y = lsgd.datasets.toy()
    if not rule.takes_l2:
        with pytest.raises(ValueError, match="^l2 must"):
            backend.gradient_descent(X, y, rule, 1, l2=0.1)
        with pytest.raises(ValueError, match="^l2 must"):
            backend.stepsize_sweep(X, y, [1.0, rule], 1, l2=[0.0, 0.1])
    else:
        run = backend.gradient_descent(X, y, rule, 100, l2=0.1)
        assert run.trace.objective[-1] < run.trace.objective[0]
    assert len(backend.stepsize_sweep(X, y, [1.0, rule], 1, l2=[0.1, 0.0])) == 2


@every_backend
@pytest.mark.parametrize("kind", [Silver, Anytime, Nesterov])
def test_what_is_made_of_the_smoothness_needs_it(backend, kind):
    X, y = lsgd.datasets.toy()
    with pytest.raises(ValueError, match=f"^stepsize: {kind.__name__}"):
        backend.gradient_descent(X, y, kind(), 1, loss="exponential")
    assert backend.gradient_descent(X, y, kind(9.0), 1, loss=Exponential()).n_steps == 1
    with pytest.raises(ValueError, match=f"^stepsize: {kind.__name__}"):
        backend.gradient_descent(np.zeros((2, 1)), [0, 1], kind(), 1)


@every_backend
@every_rule
def test_a_gradient_of_zero_moves_nothing(backend, rule):
    """Rows of zeros: every gradient is zero."""
    if rule in (Silver(), Anytime(), Nesterov()):
        rule = type(rule)(1.0)
    run = backend.gradient_descent(np.zeros((4, 2)), [0, 1, 0, 1], rule, 5, start=[1.0, -2.0])
    assert run.weights.tolist() == [1.0, -2.0] and run.stop_reason == "n_steps"
    assert not np.isnan(run.trace.stepsize[:-1]).any()


@every_rule
def test_rules_as_plain_data(rule):
    assert stepsizes.from_plain(stepsizes.to_plain(rule)) == rule
    assert stepsizes.resolve(rule) is rule and hash(rule) == hash(rule)
    with pytest.raises(ValueError):
        stepsizes.from_plain({"rule": "none"})
    assert losses.resolve("logistic").curvature == 0.25
