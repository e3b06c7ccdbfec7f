"""The NumPy twin is right: finite differences, exact values, and what the papers prove."""

import inspect
import math
from fractions import Fraction
from types import SimpleNamespace

import awkward
import numpy as np
import pytest
from backends import BACKENDS, every_backend

from lsgd_fast import datasets, reference
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast.reference import descent, gradient_descent, logistic_loss, logistic_loss_gradient

EPS = 2.0**-52
CASES = list(awkward.problems(seed=1))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def toy():
    """Return the toy set with rows of norm at most 1, and its margin (the paper's gamma)."""
    X, y = datasets.toy()
    return X / math.sqrt(4.04), y, 0.2 / math.sqrt(4.04)


def exact_objective(case, w):
    """Return the objective at w by sums that are rounded once, row by row."""
    d = case.X.shape[1]
    weight = np.ones(len(case.y)) if case.sample_weight is None else case.sample_weight
    terms = []
    for x, y, r in zip(case.X, case.y, weight, strict=True):
        z = y * math.fsum([*(x * w[:d]), *w[d:]])
        terms.append(r * (max(-z, 0.0) + math.log1p(math.exp(-abs(z)))))
    return math.fsum(terms) / math.fsum(weight) + case.l2 / 2 * math.fsum(w[:d] ** 2)


@pytest.mark.skipif(len(BACKENDS) == 1, reason="there is nothing to compare with")
@pytest.mark.parametrize("name", reference.__all__)
def test_the_twin_has_the_same_signatures(name):
    def parameters(module):
        found = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.kind, p.default) for p in found]

    assert parameters(BACKENDS[1]) == parameters(reference)


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


def test_log_loss_where_the_loss_underflows():
    X, y = np.diag([800.0, -850.0, 900.0]), [1, -1, 1]
    run = gradient_descent(X, y, 1.0, 1, start=np.ones(3))
    assert run.trace.loss[0] == 0.0
    assert run.trace.log_loss[0] == pytest.approx(-800 - math.log(3), rel=1e-13)
    assert run.trace.min_margin[0] == 800.0


def test_log_loss_is_continuous_where_it_changes_its_formula():
    X, y = [[1.0], [-1.0]], [1, -1]
    for z in (667.0, 667.5, 667.7, 667.8, 668.0, 715.0, 730.0, 744.0, 746.0, 1e300):
        trace = gradient_descent(X, y, 1.0, 0, start=[z]).trace
        assert trace.log_loss[0] == pytest.approx(-z, rel=1e-15)


@pytest.mark.parametrize(
    ("before", "now", "increased"),
    [
        (1.0, 1.0 + 60 * EPS, False),
        (1.0, 1.0 + 70 * EPS, True),
        (math.exp(-10), math.exp(-10) * (1 + 100 * EPS), True),
        (1e-289, 1e-289 * (1 + 100 * EPS), True),  # in the log domain this would be lost
        (math.exp(-1000), -1000 + 60_000 * EPS, False),
        (math.exp(-1000), -1000 + 70_000 * EPS, True),
        (math.exp(-1000), 1.0, True),
        (1.0, math.exp(-1000), False),
        (1.0, math.inf, True),
        (1.0, math.nan, False),
    ],
)
def test_what_counts_as_an_increase(before, now, increased):
    def measured(loss):
        if loss == 0.0 or loss < -1.0:  # a logarithm, of a loss that underflows
            return SimpleNamespace(loss=0.0, log_loss=loss or -1000.0)
        return SimpleNamespace(loss=loss, log_loss=math.log(loss))

    assert descent._increased(measured(before), measured(now)) is increased


def test_log_loss_where_a_tiny_weight_decides():
    # The mean is far below 1e-290, yet no margin is large: z = 5 in the row of weight 2**-1000.
    X, y, weight = [[5.0], [-1000.0]], [1, -1], [2.0**-1000, 1.0]
    trace = gradient_descent(X, y, 1.0, 0, start=[1.0], sample_weight=weight).trace
    assert trace.loss[0] < 1e-290
    expected = math.log(math.log1p(math.exp(-5.0))) - 1000 * math.log(2.0)
    assert trace.log_loss[0] == pytest.approx(expected, rel=1e-14)


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


# What the papers prove, on rows of norm at most 1. Numbers of steps were measured once, by
# another program; a step more or less would be a different descent.


@pytest.mark.parametrize(
    ("eta", "step"),
    [(1, 0), (10**0.5, 84), (10, 109), (10**1.5, 100), (100, 14), (1e3, 14), (1e4, 13)],
)
def test_steps_until_the_certificate(eta, step):
    X, y, _ = toy()
    assert gradient_descent(X, y, eta, 120).certified_at == step


@pytest.mark.parametrize("eta", [0.1, 1.0, 10.0, 100.0, 1e3, 1e4])
def test_theorem_1(eta):
    X, y, gamma = toy()
    run = gradient_descent(X, y, eta, 400)
    loss, t = run.trace.loss, np.arange(1, 401)
    # While the loss may oscillate, its average obeys a bound, and so do the weights (Lemma 8).
    scale = gamma**2 * eta * t
    claimed = scale >= 1.0
    assert claimed.any() or eta < 1.0
    log_scale = np.log(scale)
    average = np.cumsum(loss[:-1]) / t
    assert (average <= (1 + log_scale**2 + eta**2 / 4) / scale)[claimed].all()
    norm_bound = (math.sqrt(2) + 2 * log_scale + eta) / gamma
    assert (run.trace.weight_norm[1:] <= norm_bound)[claimed].all()
    # Once the loss is at most 2/eta it never increases (Lemma 10).
    stable = np.flatnonzero(eta * loss <= 2.0)[0]
    assert run.stable_at <= stable <= run.certified_at
    assert (np.diff(loss[stable:]) <= 0).all()
    # Then it falls like 1/(eta t).
    s = run.certified_at
    F = np.exp(-y * (X @ _weights_at(X, y, eta, s))).mean()
    scale = gamma**2 * eta * np.arange(1, 401 - s)
    bound = (2 * F + np.log(scale) ** 2) / scale
    assert (loss[s + 1 :] <= bound)[scale >= 1.0].all()
    assert (scale >= 1.0).any() or eta < 1.0
    # The transition comes in time.
    n, a = 4, (eta + 4) / eta
    assert s <= 60 / gamma**2 * max(eta, n, math.e, a * math.log(a))


def _weights_at(X, y, eta, t):
    return gradient_descent(X, y, eta, t, record_every=t + 1).weights


@pytest.mark.parametrize(("g", "threshold"), [(0.05, 14.7245), (0.099, 16.6211)])
def test_theorem_3_threshold(g, threshold):
    # x1 = (g, sqrt(1 - g^2)) and x2 = (g, -sqrt(1 - g^2)/2), both labelled +1; here x2 is turned
    # round together with its label, because one class alone is refused.
    h = math.sqrt(1 - g**2)
    X, y = [[g, h], [-g, h / 2]], [1, -1]
    assert gradient_descent(X, y, threshold - 1e-3, 1).n_increases == 0
    assert gradient_descent(X, y, threshold + 1e-3, 1).n_increases == 1


def test_a_large_stepsize_can_cycle_for_ever():
    # One sample of each class at x = 1: eta * (sigmoid(w) - 1/2) = 2w gives w = 2.575679.
    cycle = gradient_descent([[1.0], [1.0]], [1, 0], 12.0, 200, start=[1.0], stop=Stop(loss=0.7))
    assert (cycle.stop_reason, cycle.separable) == ("n_steps", None)
    weights = [
        gradient_descent([[1.0], [1.0]], [1, 0], 12.0, n, start=[1.0]).weights[0]
        for n in (199, 200, 201)
    ]
    assert np.abs(weights) == pytest.approx(2.575679, abs=1e-6)
    assert weights[0] == pytest.approx(weights[2]) == pytest.approx(-weights[1])
    calm = gradient_descent([[1.0], [1.0]], [1, 0], 0.95 * 8, 400, start=[1.0])
    assert abs(calm.weights[0]) < 1e-6


def test_limit_of_the_direction_without_margin():
    # Wu, Braverman, Lee: across the margin the weights converge, to -ln2 sqrt(4.04)/3 here.
    X, y, _ = toy()
    limit = -math.log(2) * math.sqrt(4.04) / 3
    for eta in (10.0, 30.0):
        run = gradient_descent(X, y, eta, 4000, record_every=4000)
        assert run.weights[0] == pytest.approx(limit, abs=5e-3)


def test_a_step_is_what_it_says():
    X, y, w = [[1.0, 0.0], [0.0, 2.0]], [1, 0], np.zeros(3)
    run = gradient_descent(X, y, 4.0, 1, start=w, fit_intercept=True, sample_weight=[3, 1])
    # At zero every derivative is -1/2: the gradient is -(3 y1 (x1, 1) + y2 (x2, 1)) / 8.
    assert run.weights.tolist() == [1.5, -1.0] and run.intercept == 1.0
    assert run.trace.loss[0] == math.log(2.0) and run.trace.error_rate[0] == 1.0
    assert run.radius == float(math.sqrt(Fraction(5)))
