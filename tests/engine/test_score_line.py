"""Losses along a line of scores: alike in the compiled code and in the reference, and far out."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._engine.score_line import ScoreLine
from lsgd_fast._inputs.problem import Problem
from lsgd_fast.reference.minimize import ScoreLine as ReferenceScoreLine
from support import awkward
from support.backends import every_backend

RNG = np.random.default_rng(5)
X = RNG.standard_normal((90, 5))
FAR = np.array([0.0, -1e-9, 3.0, -40.0, 745.0, -800.0, 1e5, -1e300, 1e300])


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("t", [0.0, 1.0, -3e-4, 1e10])
def test_losses_along_a_line(k, t):
    n = 61
    labels = RNG.integers(0, k, n).astype(float) if k > 1 else awkward.labels(n, RNG)
    labels[:k] = np.arange(k) if k > 1 else labels[:k]
    problem = Problem.check(X[:n], awkward.labels(n, RNG), sample_weight=RNG.uniform(0.1, 1.0, n))
    fast = ScoreLine(problem.weight, labels, problem.total_weight, k, 1)
    slow = ReferenceScoreLine(replace(problem, y=labels), k)
    for size in (1e-3, 1.0, 30.0, 1e3, 1e100):
        scores, change = size * RNG.standard_normal((k, n)), RNG.standard_normal((k, n))
        for line in (fast, slow):
            line.scores[:, :n], line.change[:, :n] = scores, change
        found, expected = np.array(fast.evaluate(t)), np.array(slow.evaluate(t))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(fast.row_gradients[:, :n], slow.row_gradients, rtol=1e-12)
        assert not fast.row_gradients[:, n:].any()


@every_backend
@pytest.mark.parametrize("k", [1, 2, 3])
def test_losses_far_out(backend, k):
    """The limits of the loss, of its derivatives and of its logarithm."""
    for z in FAR:
        scores = np.full((k, 2), -1e-3 * abs(z))
        scores[0] = z
        labels, weight = (np.ones(2) if k == 1 else np.zeros(2)), np.full(2, 0.25)
        if backend is lsgd:
            line = ScoreLine(weight, labels, 0.5, k, 1)
        else:
            problem = SimpleNamespace(weight=weight, y=labels, total_weight=0.5, offset=None)
            line = ReferenceScoreLine(problem, k)
        line.scores[:, :2], line.change[0] = scores, 1.0
        found = line.evaluate(0.0)
        margin = z if k == 1 else z + 1e-3 * abs(z)
        soft = margin - math.log(max(1, k - 1))
        assert found.min_margin == margin
        assert found.loss == pytest.approx(np.logaddexp(0.0, -soft), rel=1e-14)
        assert found.slope == pytest.approx(-np.exp(-np.logaddexp(0.0, soft)), rel=1e-12)
        assert found.error_rate == (margin <= 0.0)
        if soft > 40.0:
            assert found.ln_loss == pytest.approx(-soft, rel=1e-14)


@pytest.mark.parametrize("n", [8192, 11264])
def test_the_sums_of_aligned_leaves_are_those_of_their_rows_alone(n):
    rng = np.random.default_rng(n)
    labels, scores = np.where(rng.random(n) < 0.5, -1.0, 1.0), rng.standard_normal(n)

    def loss(part):
        m = len(labels[part])
        line = ScoreLine(np.ones(m), labels[part], 1.0, 1, 2)
        line.scores[0, :m] = scores[part]
        return line.evaluate(0.0).loss

    assert loss(slice(4096)) + loss(slice(4096, 8192)) == loss(slice(8192))
    assert loss(slice(8192)) + (loss(slice(8192, n)) if n > 8192 else 0.0) == loss(slice(n))
