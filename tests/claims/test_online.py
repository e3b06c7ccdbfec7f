"""Stochastic descent with large stepsizes on separable data: what the paper says of it."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import theory
from support.backends import every_backend


def planted(n, d, margin, rng):
    """Return rows of norm at most 1 with |x . w*| >= margin, and labels by the sign of x . w*."""
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    kept = []
    while sum(map(len, kept)) < n:
        X = rng.standard_normal((4 * n, d))
        X *= (rng.uniform(size=len(X)) ** (1.0 / d) / np.linalg.norm(X, axis=1))[:, None]
        kept.append(X[np.abs(X @ direction) >= margin])
    X = np.concatenate(kept)[:n]
    return X, np.sign(X @ direction)


ETAS = [0.1, 1.0, 10.0, 1e2, 1e4, 1e6]


@pytest.fixture(scope="module")
def online():
    """Return mean online losses (seeds, stepsizes) of the setting of theory.mean_loss's Lemma."""
    found = []
    for seed in range(5):
        X, y = planted(4096, 20, 0.1, np.random.default_rng(seed))
        found.append(lsgd.stochastic_sweep(X, y, ETAS, 4096, order="once", rng=seed))
    return found


def test_mean_online_loss_is_least_near_10(online):
    losses = np.mean([[run.mean_loss for run in sweep] for sweep in online], axis=0)
    assert int(np.argmin(losses)) == ETAS.index(10.0), losses
    assert losses[0] > 10.0 * losses[2] and losses[-1] > 1e3 * losses[2], losses
    mistakes = np.mean([[run.n_mistakes for run in sweep] for sweep in online], axis=0)
    assert (mistakes < 60.0).all(), mistakes


def test_lemma_17(online):
    bounds = np.array([theory.mean_loss(4096, 0.1, eta) for eta in ETAS])
    for sweep in online:
        losses = np.array([run.mean_loss for run in sweep])
        assert (losses <= bounds).all(), (losses, bounds)


@every_backend
@pytest.mark.parametrize("batch_size", [1, 10])
def test_lemma_17_for_any_order(backend, batch_size):
    """The lemma is about one loss after another: rows may come again, in any order, in batches."""
    X, y = planted(40, 5, 0.15, np.random.default_rng(3))
    for order in ("shuffle", "replacement"):
        for eta in (1.0, 30.0, 1e5):
            run = backend.stochastic_gradient_descent(
                X, y, eta, 600, order=order, rng=0, batch_size=batch_size
            )
            assert run.mean_loss <= theory.mean_loss(600, 0.15, eta)
