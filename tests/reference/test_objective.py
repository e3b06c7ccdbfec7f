"""The loss and the gradient of the reference: finite differences and exact values."""

import math

import numpy as np
import pytest

from lsgd_fast.reference import gradient_descent, logistic_loss, logistic_loss_gradient
from support import awkward
from support.backends import every_backend
from support.unit_toy import toy

CASES = list(awkward.problems(seed=1))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def exact_objective(case, w):
    """Return the objective at w by sums that are rounded once, row by row."""
    d = case.X.shape[1]
    weight = np.ones(len(case.y)) if case.sample_weight is None else case.sample_weight
    terms = []
    for x, y, r in zip(case.X, case.y, weight, strict=True):
        z = y * math.fsum([*(x * w[:d]), *w[d:]])
        terms.append(r * (max(-z, 0.0) + math.log1p(math.exp(-abs(z)))))
    return math.fsum(terms) / math.fsum(weight) + case.l2 / 2 * math.fsum(w[:d] ** 2)


@every_case
def test_value_against_exact_sums(case):
    value = logistic_loss(case.X, case.y, case.start, **case.options)
    assert type(value) is float
    assert value == pytest.approx(exact_objective(case, case.start), rel=1e-12, abs=0)


@every_case
def test_gradient_against_finite_differences(case):
    rng = np.random.default_rng(0)
    w = rng.standard_normal(len(case.start))
    direction = rng.standard_normal(len(w))
    direction /= np.linalg.norm(direction)
    h = 1e-3
    values = [exact_objective(case, w + k * h * direction) for k in (-2, -1, 1, 2)]
    slope = np.dot([1, -8, 8, -1], values) / (12 * h)
    value, gradient = logistic_loss_gradient(case.X, case.y, w, **case.options)
    assert value == logistic_loss(case.X, case.y, w, **case.options)
    assert gradient.shape == w.shape
    assert gradient @ direction == pytest.approx(slope, rel=1e-6, abs=1e-6 * abs(gradient).max())


def test_columns_have_the_bits_of_single_weights():
    for case in CASES[::8]:
        w = np.random.default_rng(0).standard_normal((len(case.start), 3))
        values, gradients = logistic_loss_gradient(case.X, case.y, w, **case.options)
        assert values.shape == (3,) and gradients.shape == w.shape
        assert logistic_loss(case.X, case.y, w, **case.options).tolist() == values.tolist()
        for k in range(3):
            value, gradient = logistic_loss_gradient(case.X, case.y, w[:, k], **case.options)
            assert value == values[k] and gradient.tolist() == gradients[:, k].tolist()


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_layouts_give_the_bits_of_a_plain_copy(dtype, tmp_path):
    rng = np.random.default_rng(2)
    base, y, w = awkward.exact_matrix(9, 5, dtype, rng), awkward.labels(9, rng), np.ones(5) / 64
    for name, X in awkward.layouts(base, dtype, tmp_path):
        value, gradient = logistic_loss_gradient(X, y, w)
        expected = logistic_loss_gradient(awkward.plain(X), y, w)
        assert (value, gradient.tolist()) == (expected[0], expected[1].tolist()), name


def test_inputs_are_not_modified(tmp_path):
    for case in CASES[::8]:
        arrays = [case.X, case.y, case.start, case.sample_weight]
        before = [None if a is None else a.tobytes() for a in arrays]
        gradient_descent(case.X, case.y, 2.0, 3, start=case.start, **case.options)
        logistic_loss_gradient(case.X, case.y, case.start, **case.options)
        assert [None if a is None else a.tobytes() for a in arrays] == before


@every_backend
def test_rows_of_weight_zero_take_no_part(backend):
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((20, 3)), np.tile([-1.0, 1.0], 10)
    weight = np.repeat([2.0, 0.0, 1.0, 0.0], 5)
    rows[weight == 0] *= 1e200  # their margins would overflow nothing, and their radius all
    used = weight > 0
    a = backend.gradient_descent(rows, y, 8.0, 50, sample_weight=weight)
    b = backend.gradient_descent(rows[used], y[used], 8.0, 50, sample_weight=weight[used])
    assert a.radius == b.radius < 1e3
    for name in a.trace.to_dict():
        np.testing.assert_allclose(getattr(a.trace, name), getattr(b.trace, name), rtol=1e-9)


@every_backend
def test_power_of_two_in_the_weights_changes_no_bit(backend):
    X, y, _ = toy()
    weight = np.array([1.0, 3.0, 0.3, 2.0])
    runs = [
        backend.gradient_descent(X, y, 8.0, 50, sample_weight=scale * weight)
        for scale in (1.0, 2.0**-500, 2.0**900)
    ]
    assert runs[0].weights.tobytes() == runs[1].weights.tobytes() == runs[2].weights.tobytes()
    assert runs[0].trace.loss.tobytes() == runs[1].trace.loss.tobytes()
    ones = backend.gradient_descent(X, y, 8.0, 50, sample_weight=np.full(4, 0.5))
    none = backend.gradient_descent(X, y, 8.0, 50)
    assert ones.trace.loss.tobytes() == none.trace.loss.tobytes()


def test_ln_loss_where_the_loss_underflows():
    X, y = np.diag([800.0, -850.0, 900.0]), [1, -1, 1]
    run = gradient_descent(X, y, 1.0, 1, start=np.ones(3))
    assert run.trace.loss[0] == 0.0
    assert run.trace.ln_loss[0] == pytest.approx(-800 - math.log(3), rel=1e-13)
    assert run.trace.min_margin[0] == 800.0


def test_ln_loss_is_continuous_where_it_changes_its_formula():
    X, y = [[1.0], [-1.0]], [1, -1]
    for z in (667.0, 667.5, 667.7, 667.8, 668.0, 715.0, 730.0, 744.0, 746.0, 1e300):
        trace = gradient_descent(X, y, 1.0, 0, start=[z]).trace
        assert trace.ln_loss[0] == pytest.approx(-z, rel=1e-15)


def test_ln_loss_where_a_tiny_weight_decides():
    # The mean is far below 1e-290, yet no margin is large: z = 5 in the row of weight 2**-1000.
    X, y, weight = [[5.0], [-1000.0]], [1, -1], [2.0**-1000, 1.0]
    trace = gradient_descent(X, y, 1.0, 0, start=[1.0], sample_weight=weight).trace
    assert trace.loss[0] < 1e-290
    expected = math.log(math.log1p(math.exp(-5.0))) - 1000 * math.log(2.0)
    assert trace.ln_loss[0] == pytest.approx(expected, rel=1e-14)


HUGE = [0.0, 5e-324, 36.7, 37.0, 708.0, 709.0, 745.0, 1e4, 1e300, 1e308]


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_extreme_margins_neither_warn_nor_lose_digits(size, sign):
    X, y, z = [[1.0], [-1.0]], [1, -1], sign * size
    with np.errstate(all="raise"):
        value, gradient = logistic_loss_gradient(X, y, [z])
        run = gradient_descent(X, y, 1.0, 3, start=[z])
    tail = math.exp(-size) if size < 746 else 0.0
    expected = max(-z, 0.0) + math.log1p(tail)
    slope = -1 / (1 + tail) if z <= 0 else -tail / (1 + tail)
    assert value == pytest.approx(expected, rel=4 * 2**-52, abs=5e-324)
    assert run.stop_reason == "n_steps"
    assert gradient[0] == pytest.approx(slope, rel=4 * 2**-52, abs=1e-323)


@pytest.mark.parametrize("w", [[1e308, 1e308], [1.7e308, -1.7e308], [-1e308, 1e-308]])
def test_huge_weights_do_not_warn(w):
    X, y, _ = toy()
    with np.errstate(all="raise"):
        value, gradient = logistic_loss_gradient(X, y, w, l2=0.5)
        run = gradient_descent(X, y, 1e308, 5, start=w)
    assert value == math.inf  # the penalty alone is beyond float64
    assert gradient.shape == (2,)
    assert run.stop_reason in ("n_steps", "diverged")
