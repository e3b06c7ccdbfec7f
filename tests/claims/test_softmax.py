"""Several classes: what docs/losses_and_rules.md derives, on runs and at its own limits."""

import math
from functools import cache

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, theory
from lsgd_fast.stepsizes import Nesterov, Schedule, Tyurin
from support.backends import every_backend


@cache
def rows(n_classes, d=10):
    """Return rows of norm at most 1, whose class is the largest of random scores, and labels.

    The first class has 20 of them, the others have two.
    """
    rng = np.random.default_rng([n_classes, 0])
    directions = rng.standard_normal((d, n_classes))
    directions /= np.linalg.norm(directions, axis=0)
    X = rng.standard_normal((8000, d))
    scores = np.sort(X @ directions, axis=1)
    X = X[scores[:, -1] - scores[:, -2] > 0.3]
    y = (X @ directions).argmax(axis=1)
    kept = [np.flatnonzero(y == k)[: 20 if k == 0 else 2] for k in range(n_classes)]
    X, y = X[np.concatenate(kept)], y[np.concatenate(kept)]
    return X / np.linalg.norm(X, axis=1).max(), y


@cache
def margin_of(n_classes, d=10):
    """Return a lower bound of the margin of all classes."""
    return lsgd.max_margin(*rows(n_classes, d), loss="softmax", tol=0.1, n_threads=1).value


def softmax(backend, X, y, eta, n_steps, **keywords):
    return backend.gradient_descent(X, y, eta, n_steps, loss="softmax", **keywords, n_threads=1)


# --- once the loss is low it never increases ------------------------------------------------------

KEYWORDS = {
    "plain": {},
    "weights": {"sample_weight": np.random.default_rng(3).uniform(0.0, 1.0, 150)},
    "intercept": {"fit_intercept": True},
    "scaled": {"fit_intercept": True, "center": 0.3, "scale": 3.0},
}


@pytest.mark.parametrize("eta", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 50])
@pytest.mark.parametrize("name", KEYWORDS)
def test_no_increase_after_the_certificate(name, n_classes, eta):
    X, y = rows(n_classes)
    keywords = dict(KEYWORDS[name])
    if "sample_weight" in keywords:
        keywords["sample_weight"] = keywords["sample_weight"][: len(y)]
    run = softmax(lsgd, X, y, eta, 2000 if n_classes < 50 else 10_000, **keywords)
    assert run.certified_at is not None and run.stable_at <= run.certified_at
    assert run.verdict == "stable" and "at most 1 at step" in run.evidence


@every_backend
@pytest.mark.parametrize("name", KEYWORDS)
def test_the_certificate_is_the_first_loss_that_is_low_enough(backend, name):
    X, y = rows(5)
    keywords, A = dict(KEYWORDS[name]), X
    if name == "weights":
        keywords["sample_weight"] = weight = keywords["sample_weight"][: len(y)].copy()
        weight[7] = 0.0
        X = X.copy()
        X[7] *= 100.0  # R is of rows that count
        A = X[weight > 0.0]
    if name == "scaled":
        A = (X - 0.3) * 3.0
    radius = math.hypot(np.linalg.norm(A, axis=1).max(), "fit_intercept" in keywords)
    run = softmax(backend, X, y, 1e4, 400, **keywords)
    assert run.radius == pytest.approx(radius, rel=1e-14)
    low = np.flatnonzero(1e4 * radius**2 * run.trace.loss <= 1.0)
    assert 0 < low[0] == run.certified_at and run.n_increases > 0
    assert run.trace.loss[low[0]] <= theory.certified_loss(1e4, radius=radius)


@every_backend
def test_nothing_else_is_certified(backend):
    X, y = rows(4)
    start = 40.0 * np.array([X[y == k].mean(axis=0) for k in range(4)]).T
    assert softmax(backend, X, y, 1.0, 3, start=start).certified_at == 0
    assert softmax(backend, X, y, 1.0, 3, start=start, l2=1e-12).certified_at is None
    for rule in (Schedule([1.0, 1.0]), Tyurin(1.0), Nesterov(1.0)):
        assert softmax(backend, X, y, rule, 3, start=start).certified_at is None


def test_in_sweeps_and_after_a_checkpoint(tmp_path):
    X, y = rows(5)
    stepsizes = [1.0, 50.0, 1e4]
    sweep = lsgd.stepsize_sweep(X, y, stepsizes, 300, loss="softmax")
    alone = [softmax(lsgd, X, y, eta, 300).certified_at for eta in stepsizes]
    assert [run.certified_at for run in sweep] == alone and alone[-1] > 1
    for early in (1, alone[-1] + 5):
        half = Descent(X, y, 1e4, loss="softmax")
        half.step(early)
        half.save(tmp_path / "half.npz")
        half = Descent.load(tmp_path / "half.npz", X, y)
        half.step(300 - early)
        assert half.result().certified_at == alone[-1]


# --- the constant is the largest ------------------------------------------------------------------

OFFSET, ETA = 0.05, 1e6


def step_of_two_rows(backend, g, n_classes, height):
    """Return a step from weights at which eta R^2 L is `height`, but for some 1e-6 of it.

    Each class but two has a feature and a row of its own, far from the others.
    """
    h = math.sqrt(1.0 - g * g)
    X = np.eye(n_classes)
    X[:2, :2] = [[g, h], [-g, h]]
    b = -math.log(height / ETA * n_classes / 2.0 / math.cosh(h * OFFSET)) / g
    start = 1e3 * np.eye(n_classes)
    start[1, 2:] = -1e3
    start[:2, :2] = [[b / 2.0, -b / 2.0], [OFFSET / 2.0, -OFFSET / 2.0]]
    run = softmax(backend, X, np.arange(n_classes), ETA, 1, start=start)
    assert ETA * run.radius**2 * run.trace.loss[0] == pytest.approx(height, rel=1e-4)
    return run


@every_backend
@pytest.mark.parametrize("n_classes", [2, 3, 50])
def test_a_larger_constant_is_caught(backend, n_classes):
    """1.05 in place of 1 would be wrong; up to 1 these rows, the worst there are, are calm."""
    for height in (1.05, 1.5, 1.9):
        run = step_of_two_rows(backend, 0.003, n_classes, height)
        assert run.n_increases == 1 and run.certified_at is None
    for height in (0.5, 0.628, 0.8, 0.99, 0.999):  # 0.628: the root of exp(u) = 1 + 2 u, halved
        run = step_of_two_rows(backend, 0.003, n_classes, height)
        assert run.n_increases == 0 and run.certified_at == 0


def test_no_start_is_found_that_increases_a_certified_loss():
    """Few rows that nearly oppose, near their widest margin, with losses just below the limit."""
    rng, larger = np.random.default_rng(5), []
    for _ in range(200):
        n_classes = int(rng.integers(2, 6))
        y = np.arange(n_classes + int(rng.integers(0, 3))) % n_classes
        X = rng.standard_normal((len(y), 3)) * [0.1, 1.0, 0.1]
        found = lsgd.max_margin(X, y, loss="softmax", tol=0.1, max_passes=500, n_threads=1)
        if found.value == 0.0:
            continue
        start = rng.uniform(3.0, 30.0) / found.value * found.direction
        start = start + rng.uniform(0.0, 0.5) * rng.standard_normal((3, n_classes))
        first = softmax(lsgd, X, y, 1.0, 0, start=start)
        eta = 0.999999 / (first.radius**2 * first.trace.loss[0])
        run = softmax(lsgd, X, y, eta, 1, start=start)
        assert run.certified_at == 0 and run.n_increases == 0
        larger.append(softmax(lsgd, X, y, 2.0 * eta, 1, start=start).n_increases)
    assert len(larger) > 150 and sum(larger) > 4  # the limit is not far


# --- the mean loss and the rate -------------------------------------------------------------------


def means_and_bounds(n_classes, eta, n_steps=400, **keywords):
    """Return the means of the losses of a run, their bounds, and x."""
    X, y = rows(n_classes)
    margin = margin_of(n_classes)
    run = softmax(lsgd, X, y, eta, n_steps, **keywords)
    t = run.trace.step[1:]
    bound = theory.softmax_mean_loss(t, n_classes, margin, eta, radius=run.radius)
    return np.cumsum(run.trace.loss[:-1]) / t, bound, margin**2 * eta * t


@pytest.mark.parametrize("eta", [0.1, 1.0, 10.0, 1e3, 1e4])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 50])
def test_the_mean_loss(n_classes, eta):
    weight = np.random.default_rng(4).uniform(0.1, 1.0, 18 + 2 * n_classes)
    for keywords in ({}, {"sample_weight": weight}):
        mean, bound, x = means_and_bounds(n_classes, eta, **keywords)
        assert (mean <= bound).all() and (np.isfinite(bound) == (x >= 1.0)).all()


def test_the_terms_of_the_bound_are_needed():
    """Without K - 1, or without eta^2 R^4, it breaks."""
    eta = 0.01
    X = np.eye(9)
    margin = lsgd.max_margin(X, range(9), loss="softmax").value
    loss = softmax(lsgd, X, range(9), eta, 4000).trace.loss
    t = np.arange(int(1.01 / (margin**2 * eta)), 4000)
    mean, x = np.cumsum(loss)[t - 1] / t, margin**2 * eta * t
    assert (mean <= theory.softmax_mean_loss(t, 9, margin, eta)).all()
    assert (mean > (1.0 + np.log(x) ** 2 + eta**2) / x).any()
    mean, bound, x = means_and_bounds(3, 1e6)
    assert (mean <= bound).all() and (mean > (2.0 + np.log(x) ** 2) / x).any()


@pytest.mark.parametrize("eta", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("n_classes", [3, 20])
def test_a_bound_of_the_step_that_is_certified(n_classes, eta):
    X, y = rows(n_classes)
    margin = margin_of(n_classes)
    run = softmax(lsgd, X, y, eta, 3000)
    later = theory.softmax_transition_steps(n_classes, margin, eta, radius=run.radius)
    assert run.certified_at <= later < 1e12


@pytest.mark.parametrize("eta", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 3, 20])
def test_the_rate_once_the_loss_is_half_as_low(n_classes, eta):
    X, y = rows(n_classes)
    margin = margin_of(n_classes)
    run = softmax(lsgd, X, y, eta, 2000)
    s = int(np.flatnonzero(2.0 * eta * run.radius**2 * run.trace.loss <= 1.0)[0])
    z = X @ softmax(lsgd, X, y, eta, s).weights
    leads = z - z[np.arange(len(y)), y][:, None]
    F = (np.exp(leads).sum(axis=1) - 1.0).mean()
    x = margin**2 * eta * np.arange(1, 2001 - s)
    assert (x >= 1.0).any()
    bound = (F + np.log(x) ** 2 / 2.0) / x
    assert (run.trace.loss[s + 1 :] <= bound)[x >= 1.0].all()
    known = theory.stable_loss(np.arange(1, 2001 - s), margin, eta, mean_exponential=F)
    assert (run.trace.loss[s + 1 :] <= known).all()


@pytest.mark.parametrize("eta", [0.5, 2.0, 4.0, 30.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_last_loss(n_classes, eta):
    """Up to 4 the loss never increases; with 30 the bound begins at the transition."""
    X, y = rows(n_classes)
    margin, t = margin_of(n_classes), np.arange(60_001)
    run = softmax(lsgd, X, y, eta, t[-1])
    data = {"margin": margin, "stepsize": eta, "radius": run.radius}
    bound = theory.softmax_last_loss(t, len(y), n_classes, **data)
    assert (run.trace.loss <= bound).all() and bound[-1] < 0.04
    least = math.ceil(1.0 / margin**2 / eta)
    least = theory.softmax_transition_steps(n_classes, **data) if eta > 4.0 else least
    assert np.flatnonzero(np.isfinite(bound))[0] == least


@pytest.mark.parametrize("n_classes", [2, 7])
def test_stepsizes_that_never_increase_the_loss(n_classes):
    X, y = rows(n_classes, 4)
    reach = math.sqrt(2.0) * np.linalg.norm(X, axis=1).max()
    eta = theory.monotone_stepsize(reach) * (1.0 - 1e-12)
    run = softmax(lsgd, X, y, eta, 3000)
    assert run.n_increases == 0 and run.diagnostics.is_small
    threshold = theory.monotone_threshold(eta, radius=reach)
    assert threshold == pytest.approx(theory.certified_loss(eta, radius=run.radius), rel=1e-12)
