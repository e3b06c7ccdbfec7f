"""Verdicts: right where the truth is known, and never wrong."""

import math

import numpy as np
import pytest

from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._results.verdict import Verdict
from support.backends import every_backend, sparing
from support.verdicts import PAIR, THREE_TO_ONE, X, Y, inseparable

OUTLIER = {"X": [[1.0]] * 100 + [[20.0]], "y": [1] * 60 + [0] * 40 + [1]}


def weights_after(backend, n_steps, data, eta, **options):
    return [
        backend.gradient_descent(**data, stepsize=eta, n_steps=n, **options).weights[0]
        for n in n_steps
    ]


# --- Meng et al., arXiv:2406.05033: what large stepsizes do to data that are not separable --------


@every_backend
@pytest.mark.parametrize(
    ("data", "eta", "start", "cycle"),
    [
        (PAIR, 12.0, 1.0, (-2.575679, 2.575679)),
        (THREE_TO_ONE, 1.05 * 32 / 3, 0.0, (0.601583, 1.766177)),
        (OUTLIER, 7.119039, 0.0, (-0.0332634, 1.6612346)),
    ],
)
def test_cycles_of_period_two(backend, data, eta, start, cycle):
    run = backend.gradient_descent(**data, stepsize=eta, n_steps=2000, start=[start])
    ends = weights_after(backend, (1999, 2000), data, eta, start=[start])
    assert sorted(ends) == pytest.approx(cycle, abs=1e-5)
    assert run.verdict is Verdict.cycling
    assert run.signs.drift < 1e-12 and run.separable is None
    assert "did not fall, where its gradients promised" in run.evidence
    assert f"last at step {run.signs.last_increase}, " in run.evidence
    assert "No direction has a margin above" in run.evidence


@every_backend
def test_an_aperiodic_orbit_cycles(backend):
    orbit = []
    watch = {"callback": lambda state: orbit.append(state.weights[0])}
    run = backend.gradient_descent(**THREE_TO_ONE, stepsize=16.0, n_steps=2000, **watch)
    tail = np.array(orbit[-40:])
    assert all(np.abs(tail[p:] - tail[:-p]).max() > 1e-2 for p in range(1, 17))
    assert run.verdict is Verdict.cycling
    assert run.signs.low < run.signs.high - 0.5


@every_backend
@pytest.mark.parametrize(
    ("data", "eta", "start", "minimiser"),
    [
        (PAIR, 0.95 * 8, 1.0, 0.0),
        (THREE_TO_ONE, 0.95 * 32 / 3, 0.0, math.log(3.0)),
        (OUTLIER, 7.119039, 0.405714 + 1e-3, 0.405714),
        (OUTLIER, 0.95 * 8.375, 0.405714 + 1e-3, 0.405714),
    ],
)
def test_below_the_critical_stepsize_they_are_stable(backend, data, eta, start, minimiser):
    run = backend.gradient_descent(**data, stepsize=eta, n_steps=2000, start=[start])
    assert run.weights[0] == pytest.approx(minimiser, abs=1e-6)
    assert run.verdict is Verdict.stable


@every_backend
def test_long_periods(backend):
    """One row against 150 pushes back by a 150th of what they push ahead."""
    data = {"X": [[1.0]] * 151, "y": [1] * 150 + [0]}
    verdicts = [
        backend.gradient_descent(**data, stepsize=1e5, n_steps=n).verdict
        for n in (128, 140, 155, 230, 400, 700, 1024, 3000)
    ]
    assert "stable" not in verdicts  # though it is calm for 76 steps on end
    assert verdicts[-1] is Verdict.cycling


@every_backend
def test_a_long_way_to_a_cycle_is_not_stable(backend):
    """From 10^4 the loss falls for 1667 steps, all of the same length."""
    verdicts = [
        backend.gradient_descent(**PAIR, stepsize=12.0, n_steps=n, start=[1e4]).verdict
        for n in (1100, 1600, 5000)
    ]
    assert verdicts == ["undecided", "undecided", "cycling"]


@every_backend
def test_starting_at_the_minimiser(backend):
    run = backend.gradient_descent(**PAIR, stepsize=12.0, n_steps=3)
    assert run.verdict is Verdict.stable and "exactly zero" in run.evidence
    near = backend.gradient_descent(**PAIR, stepsize=12.0, n_steps=1000, start=[1e-15])
    assert near.verdict is Verdict.cycling


@every_backend
@pytest.mark.parametrize("data", [PAIR, THREE_TO_ONE, OUTLIER], ids=("pair", "3:1", "outlier"))
def test_stop_when_cycling(backend, data):
    options = {**data, "stepsize": 16.0, "start": [1.0]}
    run = backend.gradient_descent(**options, n_steps=10_000, stop=Stop(cycling=True))
    assert run.stop_reason == run.verdict == "cycling"
    n = run.n_steps
    assert 64 <= n <= 4096 and n & (n - 1) == 0
    assert backend.gradient_descent(**options, n_steps=n).signs == run.signs
    before = backend.gradient_descent(**options, n_steps=n - 1, stop=Stop(cycling=True))
    assert before.stop_reason == "n_steps"


@every_backend
@pytest.mark.parametrize("eta", [0.1, 1.0, 8.0, 32.0, 1e3, 1e6])
def test_stop_never_ends_a_run_on_separable_data(backend, eta):
    run = backend.gradient_descent(X, Y, eta, 600, stop=Stop(cycling=True))
    assert run.stop_reason == "n_steps" and run.verdict is Verdict.stable
    assert run.signs.drift * run.radius >= 0.2  # the margin of these data


# --- 200 problems whose truth is known ------------------------------------------------------------


def separable(seed):
    """Return data with a margin of at least `margin` in one direction, of many kinds."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.choice([4, 8, 20, 60])), int(rng.choice([1, 2, 3, 5, 10]))
    kind = ("plain", "heavy", "imbalanced", "scales", "tiny", "outlier")[seed % 6]
    u = rng.standard_normal(d)
    u /= np.linalg.norm(u)
    Z = rng.standard_normal((n, d))
    if kind == "heavy":
        Z *= np.exp(1.5 * rng.standard_normal((n, 1)))
    if kind == "scales":
        Z *= 10.0 ** -np.linspace(0, 3, d)
    if kind == "outlier":
        Z[-1] *= 10.0 ** rng.uniform(2, 7)
    margin = 10.0 ** (rng.uniform(-5, -3) if kind == "tiny" else rng.uniform(-4, -0.5))
    ahead = np.full(n, margin)
    ahead[1:] += rng.choice([0.0, 1.0]) * np.abs(Z[1:] @ u) * (kind != "tiny")
    Z += np.outer(ahead - Z @ u, u)
    y = np.where(np.arange(n) == 0, 1.0, -1.0)
    if kind != "imbalanced":
        y *= rng.choice([-1.0, 1.0], n)
        y[1] = -y[0]
    Z *= 10.0 ** rng.uniform(-3, 3)
    return Z * y[:, None], y, float((Z @ u).min())


def stepsizes(rows, rng, count):
    """Return stepsizes from 0.01 to 10^6 times 2 over the smoothness, more of them near it."""
    critical = 8.0 / np.linalg.eigvalsh(rows.T @ rows / len(rows))[-1]
    powers = np.where(rng.random(count) < 0.4, rng.uniform(-0.3, 0.7, count), 0.0)
    powers = np.where(powers == 0.0, rng.uniform(-2.0, 6.0, count), powers)
    return critical * 10.0**powers


def is_calm(backend, rows, y, eta, run, n_steps):
    """Whether no increase follows for so many steps."""
    later = backend.gradient_descent(rows, y, eta, n_steps, start=run.weights)
    return later.n_increases == 0


@every_backend
@pytest.mark.parametrize("seed", range(70))
def test_separable_data(backend, seed):
    rows, y, margin = separable(seed)
    rng = np.random.default_rng(seed)
    (eta,) = stepsizes(rows, rng, 1)
    run = backend.gradient_descent(rows, y, eta, int(rng.integers(64, 1100)))
    assert run.verdict not in ("cycling", "diverged"), run.evidence
    assert run.signs.drift * run.radius >= margin * (1 - 1e-12)
    if run.verdict == "stable":
        assert is_calm(backend, rows, y, eta, run, 300), run.evidence
    if run.separable:
        assert (y * (rows @ run.separating_weights)).min() > 0.0


@every_backend
@pytest.mark.parametrize("seed", range(70))
def test_inseparable_data(backend, seed):
    rows, y = inseparable(seed)
    rng = np.random.default_rng(seed)
    (eta,) = stepsizes(rows, rng, 1)
    run = backend.gradient_descent(rows, y, eta, int(rng.integers(64, 1100)))
    assert run.separable is None and run.verdict is not Verdict.diverged
    if run.verdict == "stable":
        assert is_calm(backend, rows, y, eta, run, 300), run.evidence
    if run.verdict == "cycling":
        later = backend.gradient_descent(rows, y, eta, 300, start=run.weights)
        assert later.verdict in ("cycling", "unstable"), later.evidence


@every_backend
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_stepsizes_that_are_small_are_always_stable(backend, seed, l2):
    """Up to 2 over the smoothness, at most R^2/4 + l2, the objective never increases."""
    rows, y = inseparable(seed) if seed % 2 else separable(seed)[:2]
    rng = np.random.default_rng(seed)
    radius = np.linalg.norm(rows, axis=1).max()
    l2 *= radius**2
    eta = 2.0 / (radius**2 / 4 + l2) * rng.choice([1e-3, 0.1, 0.5, 0.999])
    start = rng.standard_normal(rows.shape[1]) / radius * 10.0 ** rng.uniform(-1, 2)
    run = backend.gradient_descent(rows, y, eta, 200, start=start, l2=l2)
    assert run.verdict is Verdict.stable
    assert run.signs.n_increases == 0 and run.signs.largest_increase == 1.0


def line(a, b):
    """Return rows 1 with `a` labels + and `b` labels -, the minimiser and the critical stepsize."""
    data = {"X": [[1.0]] * (a + b), "y": [1] * a + [0] * b}
    share = a / (a + b)
    return data, math.log(a / b), 2.0 / (share * (1.0 - share))


COUNTS = [(1, 1), (3, 1), (2, 7), (9, 10), (12, 1)]


@every_backend
@pytest.mark.parametrize(("a", "b"), COUNTS)
@pytest.mark.parametrize("share", [0.95, 1.05, 1.3, 100.0])
def test_on_the_line_the_critical_stepsize_decides(backend, a, b, share):
    """With rows of one length this is so in one dimension (Meng et al.)."""
    data, minimiser, critical = line(a, b)
    start = [minimiser + 0.5]
    run = backend.gradient_descent(**data, stepsize=share * critical, n_steps=2048, start=start)
    if share < 1.0:
        assert run.verdict is Verdict.stable
        assert run.weights[0] == pytest.approx(minimiser, abs=1e-6)
    else:
        assert run.verdict is Verdict.cycling
        assert abs(run.weights[0] - minimiser) > 1e-3


@every_backend
@pytest.mark.parametrize("share", [0.9, 1.05, 1.5])
@pytest.mark.parametrize("l2", [0.01, 0.1])
def test_a_penalty_makes_separable_data_cycle(backend, share, l2):
    """Rows of margin w: the minimiser solves l2 w = sigmoid(-w), and decides about stepsizes."""
    w = 1.0
    for _ in range(100):
        s = 1.0 / (1.0 + math.exp(w))
        w -= (l2 * w - s) / (l2 + s * (1.0 - s))
    eta = share * 2.0 / (l2 + s * (1.0 - s))
    options = {"X": [[1.0], [-1.0]], "y": [1, 0], "l2": l2, "start": [w + 0.1]}
    run = backend.gradient_descent(**options, stepsize=eta, n_steps=2048)
    assert run.verdict == ("stable" if share < 1.0 else "cycling")
    assert run.separable
    assert ("The weights returned to within" in run.evidence) == (share > 1.0)


@every_backend
def test_a_penalty_may_raise_the_loss_of_a_stable_run(backend):
    run = backend.gradient_descent(X, Y, 1.0, 100, start=[0.0, 2e4], l2=0.1)
    assert run.n_increases > 0 and run.signs.n_increases == 0
    assert run.verdict is Verdict.stable and "the objective never increases" in run.evidence


@every_backend
def test_divergence(backend):
    with np.errstate(all="raise"):
        run = backend.gradient_descent(1e200 * X, Y, 1e200, 100)
    assert run.verdict is Verdict.diverged and "float64" in run.evidence
    run = backend.gradient_descent(**PAIR, stepsize=1.0, n_steps=5000, start=[1.0], l2=3.0)
    assert run.verdict is Verdict.diverged  # the penalty alone has the critical stepsize 2/3


@sparing("seed", range(1000, 1030), every=6)
@pytest.mark.slow
def test_long_runs(backend, seed):
    rng = np.random.default_rng(seed)
    for rows, y, margin in (separable(seed), (*inseparable(seed), None)):
        for eta in stepsizes(rows, rng, 2):
            run = backend.gradient_descent(rows, y, eta, 5000)
            if margin is not None:
                assert run.verdict not in ("cycling", "diverged"), run.evidence
                assert run.signs.drift * run.radius >= margin * (1 - 1e-12)
            else:
                assert run.separable is None and run.verdict is not Verdict.diverged
            if run.verdict == "stable":
                assert is_calm(backend, rows, y, eta, run, 5000), run.evidence


@every_backend
@pytest.mark.slow
@pytest.mark.parametrize(("a", "b"), COUNTS)
@pytest.mark.parametrize("share", [1.5, 2.0, 3.0])
def test_irregular_orbits_on_the_line(backend, a, b, share):
    data, minimiser, critical = line(a, b)
    start = [minimiser + 0.5]
    run = backend.gradient_descent(**data, stepsize=share * critical, n_steps=10_000, start=start)
    assert run.verdict is Verdict.cycling


@sparing("eta", [1.0, 30.0, 50.0, 100.0, 1e4, 1e6], every=3)
@pytest.mark.slow
def test_a_tiny_margin_is_not_taken_for_none(backend, eta):
    """Standardised breast_cancer: separable, with 6.77e-5 of its radius, after very many steps."""
    data = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    rows = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    stop = Stop(cycling=True)
    run = backend.gradient_descent(rows, data.target, eta, 20_000, fit_intercept=True, stop=stop)
    assert run.verdict == ("stable" if eta <= 30.0 else "unstable"), run.evidence
    assert run.separable is None and run.signs.drift > 6.76e-5
