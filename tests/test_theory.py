"""What the paper proves, and what was measured of it, on the toy set and on digits 0 v 8."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd

ETAS = [10.0**k for k in range(7)]
SETS = {"toy": lsgd.datasets.toy, "digits": lsgd.datasets.digits_0_vs_8}


def unit_rows(name):
    """Return a data set divided by its largest row norm, as the paper assumes."""
    X, y = SETS[name]()
    return X / np.linalg.norm(X, axis=1).max(), y


def margin_bound(X, y, run):
    """Return an upper bound of the margin of the data: the norm of a mean of the rows y_i x_i."""
    Z = X * y[:, None]
    z = Z @ run.weights
    q = np.exp(z.min() - z)
    return np.linalg.norm(Z.T @ (q / q.sum()))


def transition_bound(gamma, eta, n):
    """Return tau of Theorem 1."""
    ratio = (eta + n) / eta
    return 60.0 / gamma**2 * max(eta, n, math.e, ratio * math.log(ratio))


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("name", SETS)
def test_transition_within_its_bound_and_stable_after_it(name, eta):
    X, y = unit_rows(name)
    run = lsgd.gradient_descent(X, y, eta, 20_000)
    assert run.radius == pytest.approx(1.0, rel=1e-15)
    # an upper bound of the margin makes tau smaller: a stricter test than the theorem
    tau = transition_bound(margin_bound(X, y, run), eta, len(y))
    assert run.certified_at is not None and run.certified_at <= tau
    below = np.flatnonzero(run.trace.loss <= 2.0 / eta)
    assert below.size
    log_loss = run.trace.log_loss[below[0] :]
    assert (np.diff(log_loss) <= 64 * np.finfo(float).eps * np.maximum(1.0, -log_loss[:-1])).all()
    assert run.stable_at <= run.certified_at


def test_large_stepsizes_do_oscillate_first():
    """Else the test above would say little."""
    X, y = unit_rows("toy")
    runs = [lsgd.gradient_descent(X, y, eta, 2000) for eta in (1.0, 32.0, 100.0, 1e4)]
    assert runs[0].n_increases == 0
    assert all(run.n_increases > 0 and run.stable_at < 2000 for run in runs[1:])


def local_exponent(loss_at_half, loss):
    return math.log2(loss / loss_at_half)


def test_exponent_of_a_small_stepsize():
    """L(T) ~ 1/T with eta = 1."""
    X, y = unit_rows("toy")
    loss = lsgd.gradient_descent(X, y, 1.0, 2**15, record_every=2**14).trace.loss
    assert -1.06 <= local_exponent(loss[1], loss[2]) <= -0.96


def test_exponent_of_a_stepsize_proportional_to_the_budget():
    """L(T) ~ 1/T^2 with eta = gamma^2 T / 120 (Corollary 2)."""
    X, y = unit_rows("toy")
    gamma = 0.2 / math.sqrt(4.04)
    losses = [
        lsgd.gradient_descent(X, y, gamma**2 * T / 120, T, record_every=T).trace.loss[-1]
        for T in (2**14, 2**15)
    ]
    assert -2.12 <= local_exponent(*losses) <= -1.92


@pytest.mark.parametrize("eta", [0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 32.0, 128.0, 1e3, 1e4, 1e6])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_the_certificate_holds_in_raw_units(name, fit_intercept, eta):
    """eta R^2 L(w_t) <= 1 is never followed by an increase, whatever R is."""
    X, y = SETS[name]()
    run = lsgd.gradient_descent(X, y, eta, 5000, fit_intercept=fit_intercept)
    assert run.certified_at is not None
    assert run.stable_at <= run.certified_at


def test_no_certificate_where_the_theorem_is_silent():
    X, y = SETS["digits"]()
    assert lsgd.gradient_descent(X, y, 1.0, 100, l2=1e-3).certified_at is None
