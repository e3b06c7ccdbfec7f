"""The steps of `Silver` and `Anytime` at any t, and what is proved of them."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference
from lsgd_fast.stepsizes import Anytime, Silver
from support import hashes
from support.backends import every_backend

RHO = 1.0 + math.sqrt(2.0)
POWER = 2.0 * math.log2(RHO) / (1.0 + math.log2(RHO))  # of T in the bound: 1.119


def step_between(x, y):
    return 0.5 * (math.sqrt((x + y + 2.0) ** 2 + 4.0 * (x + 1.0) * (y + 1.0)) - x - y)


def silver(j):
    """Return the 2^j - 1 silver steps S_j."""
    steps = []
    for _ in range(j):
        steps = [*steps, step_between(sum(steps), sum(steps)), *steps]
    return steps


def anytime(n_steps):
    """Return the first steps of the paper's construction for a smoothness of 1."""
    found, total, j = [], 0.0, 0
    while len(found) < n_steps:
        j += 1
        block = silver(j)
        for _ in range(math.floor(2.0 * RHO**j)):
            found += [step_between(total, math.fsum(block)), *block]
            total = math.fsum([total, found[-len(block) - 1], *block])
    return np.array(found[:n_steps])


def steps_of(rule, n_steps, backend=lsgd):
    """Return the stepsizes of a run."""
    X, y = lsgd.datasets.toy()
    run = backend.gradient_descent(X, y, rule, n_steps, record=("stepsize",))
    return run.trace.stepsize[:-1]


@every_backend
def test_the_first_steps_by_hand(backend):
    """Two blocks of S_1 = (sqrt 2): after a sum of x, the step before y = sqrt 2."""
    found = steps_of(Anytime(2.0), 4, backend) * 2.0
    y = math.sqrt(2.0)
    first = step_between(0.0, y)
    assert found == pytest.approx([first, y, step_between(first + y, y), y], rel=1e-14)


@every_backend
def test_the_steps_are_those_of_the_construction(backend):
    n_steps = 200_000 if backend is lsgd else 3_000
    found = steps_of(Anytime(1.0), n_steps, backend)
    np.testing.assert_allclose(found, anytime(n_steps), rtol=1e-12)
    assert (found > 0.0).all()


def test_the_sum_of_a_block_is_that_of_the_silver_steps():
    found, start, j = steps_of(Anytime(1.0), 50_000), 0, 1
    between = []
    while start + 2**j <= len(found):
        for _ in range(math.floor(2.0 * RHO**j)):
            block = found[start : start + 2**j]
            if len(block) == 2**j:
                assert block[1:].sum() == pytest.approx(RHO**j - 1.0, rel=1e-12)
                np.testing.assert_allclose(block[1:], silver(j), rtol=1e-13)
                between.append(block[0])
            start += 2**j
        j += 1
    assert j > 6 and all(np.diff(between) > 0.0)


def test_the_number_of_blocks_is_rounded_down_in_whole_numbers():
    """By a recurrence: from j = 21 on float64 does not have the digits of rho^j."""
    c, earlier = 2, 2
    for j in range(1, 20):
        assert math.floor(2.0 * RHO**j) == 2 * c - (j % 2 == 0)
        c, earlier = 2 * c + earlier, c


def worst_on_quadratics(steps):
    """Return, for every T, the largest ``h x_T^2 / 2`` over curvatures h <= 1, from x_0 = 1."""
    h = np.concatenate([np.geomspace(1e-5, 1.0, 1500), np.linspace(1e-3, 1.0, 1500)])
    x, found = np.ones_like(h), np.empty(len(steps))
    for t, eta in enumerate(steps):
        x *= 1.0 - eta * h
        found[t] = (h * x * x).max() / 2.0
    return found


def test_anytime_falls_at_every_number_of_steps_and_silver_does_not():
    T = np.arange(1, 2049)
    progress = T**POWER
    worst = worst_on_quadratics(steps_of(Anytime(1.0), len(T))) * progress
    assert worst.max() < 0.4
    # silver steps: at 2^k - 1 faster, one step later, which is the long one, ever worse
    worst = worst_on_quadratics(steps_of(Silver(1.0), len(T))) * progress
    k = 2 ** np.arange(3, 12)
    assert worst[k - 2].max() < 0.4 and (np.diff(worst[k - 2]) < 0.0).all()
    assert (worst[k[1:] - 1] > 2.0 * worst[k[:-1] - 1]).all() and worst[-1] > 100.0


def test_open_ends_and_resumed_runs_have_the_same_steps(tmp_path):
    X, y = lsgd.datasets.toy()
    whole = lsgd.gradient_descent(X, y, Anytime(), 1000)
    descent = lsgd.Descent(X, y, Anytime())
    for at in (1, 2, 7, 90, 400, 500):
        descent.step(at)
        descent.result()
        descent.save(tmp_path / "checkpoint")
        descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y)
    assert hashes.content(descent.result()) == hashes.content(whole)


def test_in_gram_space_it_has_the_same_steps():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((20, 1200)), [0, 1] * 10
    runs = [
        backend.gradient_descent(X, y, Anytime(), 40, gram=gram)
        for backend in (lsgd, reference)
        for gram in (True, False)
    ]
    for run in runs[1:]:
        np.testing.assert_allclose(run.weights, runs[0].weights, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(run.trace.stepsize, runs[0].trace.stepsize, rtol=1e-13)


@pytest.mark.parametrize("smoothness", [1e-300, 5e-324, 1e300])
def test_extreme_smoothness(smoothness):
    for rule in (Silver(smoothness), Anytime(smoothness)):
        run, ref = (
            side.gradient_descent([[1.0], [-1.0]], [1, 0], rule, 5) for side in (lsgd, reference)
        )
        assert run.stop_reason == ref.stop_reason
        np.testing.assert_allclose(run.trace.stepsize, ref.trace.stepsize, rtol=1e-13)
