"""The transition: bounds that are free of the stepsize, on random rows, and the hard sets."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import datasets, theory

E = math.e


def rows_at_margin(n, d, margin, rng):
    """Return rows in the unit ball whose margin along the first axis is exactly `margin`."""
    X = rng.standard_normal((n, d))
    X[:, 0] = 0.0
    X *= (math.sqrt(1.0 - margin**2) * rng.random(n) / np.linalg.norm(X, axis=1))[:, None]
    X[:, 0] = margin
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    return X * y[:, None], y


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [1.0, 10.0])
def test_numbers_by_hand(c):
    """Units as in the paper, then X ten times as large."""
    data = {"margin": 0.5 * c, "stepsize": 4096.0 / c**2, "radius": c}
    expected = 2 + 4 * 3 / 0.5 + 280 * math.log(8) * 4
    assert theory.plane_transition_steps(3, **data) == pytest.approx(expected, rel=1e-13)
    data["margin"] = 0.125 * c
    found = theory.worst_transition_steps(3, **(data | {"stepsize": 1e4 / c**2}))
    assert found == pytest.approx((24 + 64) / 118, rel=1e-13)
    data = {"margin": 0.5 * c, "stepsize": 4.0 / c**2, "radius": c}  # x = t
    q = 1 - 1 / E  # n loss = 1 at the certificate
    bound = theory.later_loss(10, 4, **data)
    assert bound == pytest.approx(1 / (4 + 0.5 * q**2 * 10), rel=1e-13)
    bound = theory.later_loss(10, 2, **data, loss=0.05)
    q = (1 - math.exp(-0.1)) / 0.1
    assert bound == pytest.approx(1 / (20 + 0.9 * q**2 * 10), rel=1e-13)


def test_bounds_say_nothing_where_the_theorems_do_not():
    least = 32 * math.log(256 / 0.01) / 0.01
    assert theory.plane_transition_steps(4, 0.1, least * (1 - 1e-9)) == math.inf
    assert theory.plane_transition_steps(4, 0.1, least * (1 + 1e-9)) < math.inf
    assert theory.plane_transition_steps(10**6, 0.1, 999_999.0) == math.inf
    least = 32 * math.log(30) / 0.01
    assert theory.worst_transition_steps(4, 0.1, least * (1 - 1e-9)) == 0.0
    assert theory.worst_transition_steps(4, 0.1, least * (1 + 1e-9)) > 0.0
    assert theory.worst_transition_steps(1, 0.1, 1e9) == 0.0
    assert theory.worst_transition_steps(4, 0.17, 1e9) == 0.0
    assert theory.later_loss(10**9, 4, 0.1, 32.0, loss=2.001 / 32) == math.inf
    assert theory.later_loss(10**9, 4, 0.1, 32.0, loss=2.0 / 32) == 2.0 / 32
    assert theory.later_loss(0, 4, 0.1, 32.0) == 1 / 32


def test_arrays_of_steps():
    t = np.array([[0, 1], [10, 10**18]])
    found = theory.later_loss(t, 5, 0.5, 4.0)
    assert found.tolist() == [[theory.later_loss(int(x), 5, 0.5, 4.0) for x in row] for row in t]
    assert type(theory.later_loss(3, 5, 0.5, 4.0)) is float


def test_the_constants_that_the_docstring_and_the_page_name():
    def constant(n, eta, loss):
        bound = theory.later_loss(1, n, 1e-3, eta, loss=loss)
        return (1 / bound - 1 / loss) / (1e-6 * eta)

    for n, eta in ((8, 8.0), (8, 1e6)):
        assert constant(n, eta, 1 / eta) > 0.19
        assert constant(n, eta, 1 / (4 * eta)) > 2 / 3
        assert constant(n, eta, 1 / (8 * eta)) > 0.82
    assert constant(8, 8.0, 1e-6) == pytest.approx(1.0, abs=1e-4)


def test_the_last_loss_takes_the_smaller_bound():
    data = {"margin": 0.1, "stepsize": 32.0}
    tau = theory.transition_steps(4, **data)
    for since in (1, 100, 10_000, 10**6, 10**9):
        both = theory.later_loss(since, 4, **data), theory.stable_loss(since, **data)
        assert theory.last_loss(tau + since, 4, **data) == pytest.approx(min(both), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.later_loss(-1, 4, 0.1, 1.0), "^t must be finite and not negative"),
        (lambda: theory.later_loss(1, 4, 0.1, 1.0, loss=-1.0), "^loss must be finite and not neg"),
        (lambda: theory.later_loss(1, 4, 1.1, 1.0), "^margin must be at most the radius"),
        (lambda: theory.plane_transition_steps(0, 0.1, 1.0), "^n must be at least 1"),
        (lambda: datasets.hard_imbalanced(5, 0.1), "^n must be at least 6"),
        (lambda: datasets.hard_imbalanced(6, 0.2), "^margin must be at most 1/6"),
        (lambda: datasets.hard_balanced(4, 0.1, 1e4), "^stepsize must be from 10883.8 to 1e"),
        (lambda: datasets.hard_balanced(4, 0.1, 1e13), "^stepsize must be from 10883.8 to 1e"),
        (lambda: datasets.hard_balanced(4, 1e-6, 1e12), "^margin 1e-06 and n 4 need a stepsize of"),
        (lambda: datasets.hard_balanced(4, 1e-300, 1e12), "^margin 1e-300 and n 4 need a stepsize"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- runs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [1.0, 8.0, 100.0, 1e4])
@pytest.mark.parametrize(("n", "d"), [(2, 2), (8, 3), (40, 8)])
def test_the_stable_bound_holds_from_every_step_on(n, d, eta):
    """From any step with a loss of at most 2 / eta, whether or not a margin is negative there."""
    X, y = rows_at_margin(n, d, 0.2, np.random.default_rng(n))
    margin = lsgd.max_margin(X, y, tol=1e-9).value
    run = lsgd.gradient_descent(X, y, eta, 3000, record=("loss",))
    data = {"margin": margin, "stepsize": eta, "radius": run.radius}
    loss = run.trace.loss
    starts = np.flatnonzero(loss <= theory.monotone_threshold(eta, radius=run.radius))
    assert len(starts) > 1
    for s in starts[:: max(1, len(starts) // 20)]:
        t = np.arange(len(loss) - s)
        bound = theory.later_loss(t, n, **data, loss=loss[s])
        assert (loss[s:] <= bound * (1 + 1e-12)).all()


def test_the_stable_bound_is_sharp_for_one_row():
    """Rows that are all alike have |grad L| = margin G: no constant above 1 could hold."""
    X, y = np.array([[1.0], [-1.0]]), np.array([1.0, -1.0])
    run = lsgd.gradient_descent(X, y, 0.5, 20_000, record=("loss",))
    start, last = run.trace.loss[10_000], run.trace.loss[-1]
    bound = theory.later_loss(10_000, 2, 1.0, 0.5, loss=start)
    assert 0.999 < last / bound <= 1.0


@pytest.mark.parametrize("factor", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("margin", [0.05, 0.1, 0.3])
def test_the_bound_of_the_plane_on_random_sets(margin, factor):
    rng = np.random.default_rng(0)
    eta = 32 * math.log(256 / margin**2) / margin**2 * (1 + 1e-9) * factor
    bound = theory.plane_transition_steps(6, margin, eta)
    for _ in range(10):
        X, y = rows_at_margin(6, 2, margin, rng)
        loss = lsgd.gradient_descent(X, y, eta, int(min(bound, 1e4)), record=("loss",)).trace.loss
        assert (loss <= 0.125 / eta).any()


@pytest.mark.parametrize(
    ("n", "margin", "eta"), [(6, 0.1, 1e6), (100, 1 / 6, 1e5), (50, 0.02, 1e9)]
)
def test_the_imbalanced_set(n, margin, eta):
    X, y = datasets.hard_imbalanced(n, margin)
    Z = X * y[:, None]
    assert X.shape == (n, 2) and (y < 0).sum() == 1
    assert np.linalg.norm(X, axis=1).max() == pytest.approx(1.0, rel=1e-15)
    assert (Z[:, 0] == margin).all() and np.sign(Z[:, 1]).tolist() == y.tolist()  # (1, 0) is best
    run = lsgd.gradient_descent(X, y, eta, int(10 * n / margin), record=("loss", "error_rate"))
    assert (run.trace.error_rate[: int(n / (16 * margin)) + 1] > 0.0).all()
    assert run.trace.error_rate[-1] == 0.0
    tau = np.flatnonzero(run.trace.loss <= 0.125 / eta)
    least = theory.worst_transition_steps(n, margin, eta)
    assert not len(tau) or tau[0] >= least


@pytest.mark.parametrize(
    ("n", "margin", "eta"), [(2, 0.1, 1e6), (3, 0.1, 1.1e4), (4, 0.01, 1e12), (7, 1 / 6, 1e5)]
)
def test_the_balanced_set(n, margin, eta):
    X, y = datasets.hard_balanced(n, margin, eta)
    Z, k = X * y[:, None], (n + 1) // 2
    assert (y < 0).sum() == k and np.linalg.norm(X, axis=1).max() == pytest.approx(1.0, rel=1e-15)
    assert (Z[:, 0] == margin).all() and np.sign(Z[:, 1]).tolist() == y.tolist()
    first = lsgd.gradient_descent(X, y, eta, 1).trace.min_margin[1]
    wanted = -math.log(math.expm1(2 * n / k / eta)) - 1.0
    assert first == pytest.approx(wanted, abs=1e-6)
    until = int(1 + 1 / (59 * margin**2))
    loss = lsgd.gradient_descent(X, y, eta, until, record=("loss",)).trace.loss
    assert (loss > 2.0 / eta).all()


def test_the_hard_sets_make_the_lower_bound():
    """For few rows the balanced set, for many the imbalanced one."""
    for n in (2, 5, 6, 100, 10**4):
        for margin in (1 / 6, 0.05, 0.01):
            proved = 1 + 1 / (59 * margin**2)
            proved = max(proved, n / (16 * margin) if n >= 6 else 0.0)
            assert theory.worst_transition_steps(n, margin, 1e12) <= proved
