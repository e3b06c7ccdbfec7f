"""Limited-memory BFGS, compiled and in the reference: the same directions, and what they solve."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from lsgd_fast._engine.lbfgs import LBFGS
from lsgd_fast.reference.minimize import LBFGS as ReferenceLBFGS

SIZE, N_PENALISED = 11, 9


def pair(start, unit=1.0, l2=0.0, capacity=5, k=1, n_penalised=N_PENALISED):
    """Return both implementations at the same start."""
    problem = SimpleNamespace(l2=l2)
    request = SimpleNamespace(
        problem=problem, n_penalised=n_penalised, n_pairs=capacity, unit=unit, start=start, k=k
    )
    return LBFGS(start, unit, l2, n_penalised, capacity, k), ReferenceLBFGS(request)


def iterate(lbfgs, hessian, n_steps):
    """Minimise ``w . hessian w / 2`` plus the penalty with exact steps; yield what is returned."""
    for _ in range(n_steps):
        lbfgs.gradient[:] = hessian @ lbfgs.weights
        norms, direction = lbfgs.update(), lbfgs.direction()
        p = lbfgs.search_direction
        curvature = p @ hessian @ p + direction.penalty_root**2
        t = -direction.slope / curvature
        yield (*norms, *direction, t, *lbfgs.step(t))


@pytest.mark.parametrize("capacity", [1, 3, 20])
@pytest.mark.parametrize("unit", [1.0, 2.0**40, 2.0**-60])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_both_implementations_take_the_same_steps(capacity, unit, l2):
    rng = np.random.default_rng(3)
    A = rng.standard_normal((20, SIZE))
    fast, slow = pair(rng.standard_normal(SIZE), unit, l2, capacity)
    found, expected = (list(iterate(one, A.T @ A, 8)) for one in (fast, slow))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(fast.weights, slow.weights, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("k", [2, 3, 8])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_no_step_changes_what_all_classes_share(k, l2):
    """Whatever the units are: a gradient that does not depend on it has its rounding."""
    rng = np.random.default_rng(8)
    A = rng.standard_normal((50, 4, k))
    A = (A - A.mean(axis=2, keepdims=True)).reshape(50, 4 * k)
    start = rng.standard_normal((4, k))
    start -= start.mean(axis=1, keepdims=True)
    both = pair(start.ravel(), 1.0, l2, k=k, n_penalised=3 * k)
    units = 2.0 ** rng.integers(-3, 3, 4 * k)
    for lbfgs in both:
        lbfgs.measure_in(units)
        for _ in iterate(lbfgs, A.T @ A, 12):
            weights = lbfgs.weights.reshape(4, k)
            assert (np.abs(weights.sum(axis=1)) <= 1e-15 * k * np.abs(weights).max(axis=1)).all()
    np.testing.assert_allclose(both[0].weights, both[1].weights, rtol=1e-4, atol=1e-6)


def test_what_is_returned():
    rng = np.random.default_rng(4)
    start, gradient, l2 = rng.standard_normal(SIZE), rng.standard_normal(SIZE), 0.7
    for lbfgs in pair(start, unit=4.0, l2=l2):
        lbfgs.gradient[:] = gradient
        whole = gradient + l2 * np.where(np.arange(SIZE) < N_PENALISED, start, 0.0)
        norms, direction = lbfgs.update(), lbfgs.direction()
        p, w = lbfgs.search_direction, start[:N_PENALISED]
        np.testing.assert_allclose(lbfgs.gradient, whole, rtol=1e-14)
        assert norms.weights == pytest.approx(np.linalg.norm(whole[:N_PENALISED]))
        assert norms.intercepts == pytest.approx(np.linalg.norm(whole[N_PENALISED:]))
        np.testing.assert_allclose(p, -whole / 16.0, rtol=1e-14)  # without pairs: over unit^2
        assert direction.slope == pytest.approx(whole @ p)
        assert direction.penalty_slope == pytest.approx(l2 * w @ p[:N_PENALISED])
        assert direction.penalty_root == pytest.approx(
            math.sqrt(l2) * np.linalg.norm(p[:N_PENALISED])
        )
        assert direction.norm == pytest.approx(4.0 * np.linalg.norm(p))  # in units
        norms = lbfgs.step(0.5)
        np.testing.assert_allclose(lbfgs.weights, start + 0.5 * p, rtol=1e-14)
        assert norms.weights == pytest.approx(np.linalg.norm(lbfgs.weights[:N_PENALISED]))
        assert norms.parameters == pytest.approx(4.0 * np.linalg.norm(lbfgs.weights))


def test_reset_discards_the_pairs():
    rng = np.random.default_rng(5)
    for lbfgs in pair(rng.standard_normal(SIZE)):
        for _ in iterate(lbfgs, np.diag(np.arange(1.0, SIZE + 1.0)), 4):
            pass
        lbfgs.gradient[:] = lbfgs.weights
        lbfgs.update()
        lbfgs.direction()
        assert np.abs(lbfgs.search_direction + lbfgs.gradient).max() > 1e-6
        lbfgs.reset()
        lbfgs.direction()
        np.testing.assert_array_equal(lbfgs.search_direction, -lbfgs.gradient)


def test_a_quadratic_is_minimised_in_as_many_steps_as_it_has_dimensions():
    rng = np.random.default_rng(6)
    A = rng.standard_normal((30, SIZE))
    for lbfgs in pair(rng.standard_normal(SIZE), capacity=20):
        for _ in iterate(lbfgs, A.T @ A, SIZE):
            pass
        assert np.linalg.norm(lbfgs.weights) < 1e-9


@pytest.mark.parametrize(("size", "steepness"), [(1e-170, 1e40), (1e160, 1e-40)])
def test_pairs_whose_squares_leave_float64(size, steepness):
    """Where the product of step and change is in range, the pair is kept, as any other."""
    rng = np.random.default_rng(7)
    hessian, start = np.arange(1.0, SIZE + 1.0), rng.standard_normal(SIZE)
    for one, other in zip(pair(size * start), pair(start), strict=True):
        for lbfgs, unit in ((one, steepness), (other, 1.0)):
            lbfgs.gradient[:] = unit * hessian * lbfgs.weights
            lbfgs.update()
            lbfgs.direction()
            lbfgs.step(0.1 / unit)
            lbfgs.gradient[:] = unit * hessian * lbfgs.weights
            lbfgs.update()
            lbfgs.direction()
        np.testing.assert_allclose(
            one.search_direction / size, other.search_direction, rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("unit", [1.0, 2.0**40])
@pytest.mark.parametrize("capacity", [3, 20])
@pytest.mark.parametrize("new", [1e-6, 0.1, 7.0])
def test_a_change_of_the_penalty_keeps_what_the_pairs_say_of_the_loss(unit, capacity, new):
    rng = np.random.default_rng(6)
    A = rng.standard_normal((20, SIZE)) * unit
    hessian, old, new = A.T @ A, 0.5 * unit**2, new * unit**2
    penalised = np.arange(SIZE) < N_PENALISED
    lbfgs, _ = pair(rng.standard_normal(SIZE) / unit, unit, old, capacity)
    before = [lbfgs.weights.copy() for _ in iterate(lbfgs, hessian, 6)][-2]
    step = lbfgs.weights - before
    lbfgs.gradient[:] = hessian @ lbfgs.weights
    lbfgs.update()
    lbfgs.change_penalty(new)
    np.testing.assert_allclose(lbfgs.gradient, hessian @ lbfgs.weights, rtol=1e-9)
    # the secant equation of the other objective: its change of the gradient leads back
    lbfgs.gradient[:] = hessian @ step + new * np.where(penalised, step - lbfgs.weights, 0.0)
    lbfgs.update()
    lbfgs.direction()
    np.testing.assert_allclose(lbfgs.search_direction, -step, rtol=1e-7)


@pytest.mark.parametrize("unit", [1.0, 2.0**20])
def test_a_direction_from_other_weights(unit):
    rng = np.random.default_rng(6)
    start, other, gradient, l2 = *rng.standard_normal((3, SIZE)), 0.3
    lbfgs, _ = pair(start, unit, l2)
    lbfgs.gradient[:] = gradient
    lbfgs.update()
    direction, p = lbfgs.direction_from(other), start - other
    whole = gradient + l2 * np.where(np.arange(SIZE) < N_PENALISED, start, 0.0)
    np.testing.assert_array_equal(lbfgs.search_direction, p)
    assert direction.slope == pytest.approx(whole @ p)
    assert direction.penalty_slope == pytest.approx(l2 * start[:N_PENALISED] @ p[:N_PENALISED])
    assert direction.penalty_root == pytest.approx(math.sqrt(l2) * np.linalg.norm(p[:N_PENALISED]))
    assert direction.norm == pytest.approx(unit * np.linalg.norm(p))
    lbfgs.step(0.5)
    np.testing.assert_allclose(lbfgs.weights, start + 0.5 * p, rtol=1e-14)
