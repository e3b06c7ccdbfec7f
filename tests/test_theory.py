"""The formulas of the paper: numbers by hand, arrays, limits and refusals."""

import inspect
import math
import re
import sys

import numpy as np
import pytest

from lsgd_fast import losses, theory

# --- the formulas ---------------------------------------------------------------------------------

E = math.e


def test_numbers_by_hand():
    """With margin 1/2 and stepsize 4, x = t; units as in the paper, then X ten times as large."""
    for c in (1.0, 10.0):
        data = {"margin": 0.5 * c, "stepsize": 4.0 / c**2, "radius": c}
        near = {"rel": 1e-13}
        assert theory.smoothness(c) == pytest.approx(c * c / 4, **near)
        assert theory.monotone_stepsize(c) == pytest.approx(8 / c**2, **near)
        steps = {"stepsize": data["stepsize"], "radius": c}
        assert theory.monotone_threshold(**steps) == pytest.approx(0.5, **near)
        assert theory.certified_loss(**steps) == pytest.approx(0.25, **near)
        assert theory.mean_loss(E, **data) == pytest.approx((1 + 1 + 4) / E, **near)
        assert theory.transition_steps(3, **data) == pytest.approx(240 * 4, **near)
        assert theory.transition_steps(7, **data) == pytest.approx(240 * 7, **near)
        tiny = data | {"stepsize": 0.01 / c**2}  # the last of the four
        assert theory.transition_steps(1, **tiny) == pytest.approx(
            240 * 101 * math.log(101), **near
        )
        assert theory.transition_steps(1, **data | {"stepsize": 1 / c**2}) == pytest.approx(
            240 * E, **near
        )
        rest = {"margin": data["margin"], "stepsize": data["stepsize"]}
        assert theory.stable_loss(E**2, **rest) == pytest.approx(6 / E**2, **near)
        assert theory.stable_loss(E**2, **rest, mean_exponential=0.5) == pytest.approx(
            5 / E**2, **near
        )
        assert theory.monotone_loss(E**2, **data) == pytest.approx(3 / E**2, **near)
        six = data | {"stepsize": 6.0 / c**2}
        assert theory.monotone_loss(E**2 / 1.5, **six) == pytest.approx(14 / E**2, **near)
        assert theory.weight_norm(E, **data) == pytest.approx(
            (math.sqrt(2) + 2 + 4) / (0.5 * c), **near
        )
        budget = {"margin": 0.5 * c, "radius": c}
        assert theory.corollary2_min_steps(1, **budget) == pytest.approx(480 * E, **near)
        assert theory.corollary2_min_steps(5, **budget) == pytest.approx(2400, **near)
        assert theory.corollary2_stepsize(4800, **budget) == pytest.approx(10 / c**2, **near)
        assert theory.corollary2_loss(4800, 5, **budget) == pytest.approx(
            480 * math.log(1200**2) ** 2 / 1200**2, **near
        )


def test_the_stepsize_for_a_penalty_by_hand():
    """With margin 1/2: each of its three parts, and what one does where two of them are equal."""
    for c in (1.0, 10.0):
        data = {"margin": 0.5 * c, "radius": c}

        def stepsize(l2, n, c=c, data=data):
            return theory.penalty_stepsize(l2 * c**2, n, **data) * c**2

        assert stepsize(1.0, 1) == pytest.approx(1 / 1.25, rel=1e-13)  # above the margin's square
        assert stepsize(0.2, 10) == pytest.approx(1 / 0.45, rel=1e-13)
        assert stepsize(0.25 / 1000, 10**9) == pytest.approx(10.0, rel=1e-13)
        assert stepsize(0.25e-6, 10) == pytest.approx(1000.0, rel=1e-13)
        assert stepsize(0.25e-6, 2000) == pytest.approx(500.0, rel=1e-13)
        equal = 0.25 / 100**1.5  # of Theorems 1 and 4
        assert stepsize(equal, 100) == pytest.approx(10.0, rel=1e-13)
        assert stepsize(equal * 1.001, 100) == pytest.approx(10.0 / 1.001 ** (1 / 3), rel=1e-12)
        assert stepsize(equal / 1.001, 100) == pytest.approx(10.0 * 1.001, rel=1e-12)


def test_with_a_penalty_of_one_over_n_the_stepsize_grows_like_its_third_root():
    steps = [theory.penalty_stepsize(1.0 / n, n, 0.5) for n in (10**6, 10**9)]
    assert steps[1] / steps[0] == pytest.approx(10.0, rel=1e-12)


def test_a_weaker_penalty_never_has_a_smaller_stepsize():
    for n in (1, 2, 7, 1000):
        steps = [theory.penalty_stepsize(l2, n, 0.3) for l2 in np.geomspace(1e-12, 0.09, 200)]
        assert steps == sorted(steps, reverse=True)


def test_numbers_of_several_classes_by_hand():
    """With margin 1/2 and stepsize 4, x = t; units as in the paper, then X ten times as large."""
    for c in (1.0, 10.0):
        data = {"margin": 0.5 * c, "stepsize": 4.0 / c**2, "radius": c}
        near = {"rel": 1e-13}
        assert theory.softmax_mean_loss(E, 7, **data) == pytest.approx((6 + 1 + 16) / E, **near)
        assert theory.softmax_mean_loss(0.5, 7, **data) == math.inf
        t = theory.softmax_transition_steps(7, **data)
        assert theory.softmax_mean_loss(t, 7, **data) <= 0.25
        assert theory.softmax_mean_loss(t - 1.0, 7, **data) > 0.25
        largest = {"margin": math.sqrt(2.0) * c, "stepsize": 1.0, "radius": c}
        assert theory.softmax_mean_loss(9, 3, **largest) < math.inf


@pytest.mark.parametrize("eta", [0.5, 2.0, 3.0, 4.0, 5.0, 64.0])
def test_the_last_loss_of_several_classes_by_hand(eta):
    """With a margin of eta^(-1/2), x = t. Units as in the paper, then X ten times as large."""
    n, n_classes = 50, 7
    t = np.arange(10**6, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(t >= 1, (n_classes - 1 + np.log(t) ** 2 + eta**2) / t, math.inf)
        expected = np.where((mean <= 1.0 / eta) | (eta <= 4.0), mean, math.inf)
        if eta <= 2.0:
            expected = np.where(t >= 1, (n_classes - 1 + np.log(t) ** 2 / 2.0) / t, math.inf)
        start = np.flatnonzero(mean <= min(0.5 / eta, math.log(1 + n / 2) / n))[0]
        y = t[: len(t) - start]
        later = np.where(y >= 1, (1.0 + np.log(y) ** 2) / (2.0 * y), math.inf)
    expected[start:] = np.minimum(expected[start:], later)
    for c in (1.0, 10.0):
        data = {"margin": c * eta**-0.5, "stepsize": eta / c**2, "radius": c}
        found = theory.softmax_last_loss(t, n, n_classes, **data)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert (np.diff(found[np.isfinite(found)]) <= 0.0).all()
        for loss in (0.3, 1e-3):
            steps = theory.softmax_steps_for_loss(loss, n, n_classes, **data)
            assert steps == np.flatnonzero(expected <= loss)[0]
        assert theory.softmax_last_loss(0, n, n_classes, **data) == math.inf


def test_two_classes_of_softmax_are_one_column():
    """Their difference moves with twice the stepsize, and its margin is smaller by sqrt(2)."""
    t = np.array([0.1, 1.0, 10.0, 1e3])
    found = theory.softmax_mean_loss(t, 2, 0.5 * math.sqrt(2.0), 1.5, radius=1.25)
    np.testing.assert_allclose(found, theory.mean_loss(t, 0.5, 3.0, radius=1.25), rtol=1e-12)


def test_width_by_hand():
    """n / failure = e^16, so that its fourth root of the logarithm is 2; x = 1, so rho = 1."""
    for c in (1.0, 10.0):
        data = {"margin": 0.5 * c, "stepsize": 1.0 / c**2, "radius": c}
        distance = 6 * (1 + 3 + math.sqrt(2 * (16 + math.log(2))) + 1) / 0.5
        expected = ((30 * distance ** (1 / 3) + 10 * 2) / 0.5) ** 6
        width = theory.network_width(4, 1, **data, failure=E**-16, imbalance=3.0)
        assert width == pytest.approx(expected, rel=1e-12)
        assert theory.network_width(1, 1, **data, failure=E**-16, imbalance=3.0) == width


def test_width_grows_with_the_square_of_the_stepsize():
    widths = [theory.network_width(1000, 40, 0.1, eta) for eta in (1e12, 1e13)]
    assert widths[1] / widths[0] == pytest.approx(100, rel=0.01)


def test_bounds_that_say_nothing_are_infinite():
    """Margin 1/2, stepsize 4: x = t."""
    data = {"margin": 0.5, "stepsize": 4.0}
    for function in (theory.mean_loss, theory.stable_loss, theory.monotone_loss):
        assert function(0, **data) == function(0.99, **data) == math.inf
        assert function(1, **data) < math.inf
    assert theory.weight_norm(0.99, **data) == math.inf
    assert theory.monotone_loss(1e9, 0.5, 8.01) == math.inf
    assert theory.monotone_loss(1e9, 0.5, 8.0) < math.inf
    assert theory.corollary2_loss(2399, 5, 0.5) == math.inf
    assert theory.last_loss(239 * 32, 5, 0.5, 32.0) == math.inf
    assert theory.last_loss(240 * 32, 5, 0.5, 32.0) == 1 / 32
    assert theory.network_width(1, 1, 1e-300, 1.0) == math.inf


@pytest.mark.parametrize("name", ["mean_loss", "stable_loss", "monotone_loss", "weight_norm"])
def test_arrays_of_steps(name):
    function = getattr(theory, name)
    t = np.array([[0, 1, 2], [10, 10**6, 10**18]])
    found = function(t, 0.5, 4.0)
    assert found.shape == (2, 3)
    assert found.tolist() == [[function(int(x), 0.5, 4.0) for x in row] for row in t]
    assert type(function(3, 0.5, 4.0)) is float
    assert theory.last_loss(t, 5, 0.5, 4.0).shape == (2, 3)
    assert type(theory.last_loss(3, 5, 0.5, 4.0)) is float


@pytest.mark.parametrize("eta", [0.1, 1.0, 7.0, 30.0, 1e4])
@pytest.mark.parametrize("loss", [1e-1, 1e-3, 1e-9])
def test_steps_for_a_loss_are_the_least(loss, eta):
    steps = theory.steps_for_loss(loss, 5, 0.3, eta)
    assert steps == math.floor(steps)
    assert theory.last_loss(steps, 5, 0.3, eta) <= loss < theory.last_loss(steps - 1, 5, 0.3, eta)


@pytest.mark.parametrize("loss", [1e-1, 1e-3, 1e-9])
def test_budget_for_a_loss_is_the_least(loss):
    steps = theory.corollary2_steps_for_loss(loss, 5, 0.3)
    assert theory.corollary2_loss(steps, 5, 0.3) <= loss
    assert theory.corollary2_loss(steps - 1, 5, 0.3) > loss


def test_no_number_of_steps_is_too_large():
    steps = theory.steps_for_loss(1e-280, 5, 0.3, 1.0)
    assert theory.last_loss(steps, 5, 0.3, 1.0) == pytest.approx(1e-280, rel=1e-12)
    assert theory.steps_for_loss(1e-300, 5, 0.3, 1.0) == math.inf


def test_a_lower_bound_of_the_margin_will_do():
    """A smaller margin never makes a bound smaller."""
    margins = np.geomspace(1e-3, 1.0, 40)
    for eta in (0.1, 6.0, 100.0):
        for bound in (
            lambda m, eta=eta: theory.mean_loss(1000, m, eta),
            lambda m, eta=eta: theory.transition_steps(10, m, eta),
            lambda m, eta=eta: theory.last_loss(10_000, 10, m, eta),
            lambda m, eta=eta: theory.network_width(1000, 10, m, eta),
        ):
            values = [bound(m) for m in margins]
            assert all(b <= a for a, b in zip(values, values[1:], strict=False))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: theory.mean_loss(-1, 0.1, 1.0), "^t must be finite and not negative"),
        (lambda: theory.mean_loss(math.nan, 0.1, 1.0), "^t must be finite and not negative"),
        (lambda: theory.mean_loss([1, math.inf], 0.1, 1.0), "finite and not negative"),
        (lambda: theory.mean_loss(1, 0.0, 1.0), "margin must be finite and positive"),
        (lambda: theory.mean_loss(1, 1.1, 1.0), "margin must be at most the radius"),
        (lambda: theory.softmax_mean_loss(1, 3, 1.5, 1.0), r"at most sqrt\(2\) times the radius"),
        (lambda: theory.softmax_mean_loss(1, 1, 0.1, 1.0), "^n_classes must be at least 2"),
        (lambda: theory.softmax_mean_loss(-1, 3, 0.1, 1.0), "^t must be finite"),
        (lambda: theory.softmax_transition_steps(3, 0.1, 0.0), "^stepsize must be finite"),
        (lambda: theory.softmax_last_loss(1, 0, 3, 0.1, 1.0), "^n must be at least 1"),
        (lambda: theory.softmax_last_loss(-1, 9, 3, 0.1, 1.0), "^t must be finite"),
        (lambda: theory.softmax_steps_for_loss(0.0, 9, 3, 0.1, 1.0), "^loss must be finite"),
        (lambda: theory.mean_loss(1, 0.1, 0.0), "stepsize must be finite and positive"),
        (lambda: theory.stable_loss(1, 0.1, -1.0), "stepsize must be"),
        (lambda: theory.stable_loss(1, 0.1, 1.0, mean_exponential=-1), "mean_exponential must"),
        (lambda: theory.certified_loss(1.0, radius=0.0), "radius must be finite and positive"),
        (lambda: theory.certified_loss(1e200, radius=1e200), "leaves float64.*; rescale X"),
        (lambda: theory.monotone_threshold(1e-200, radius=1e-200), "leaves float64.*; rescale X"),
        (lambda: theory.transition_steps(0, 0.1, 1.0), "n must be at least 1"),
        (lambda: theory.corollary2_stepsize(0, 0.1), "n_steps must be at least 1"),
        (
            lambda: theory.corollary2_stepsize(9, 1e-200, radius=1e-190),
            "leaves float64.*; rescale X",
        ),
        (lambda: theory.penalty_stepsize(0.0, 5, 0.1), "l2 must be finite and positive"),
        (lambda: theory.penalty_stepsize(1.0, 0, 0.1), "n must be at least 1"),
        (
            lambda: theory.penalty_stepsize(1e300, 5, 1e-21, radius=1e-20),
            "leaves float64; rescale X",
        ),
        (lambda: theory.steps_for_loss(0.0, 5, 0.1, 1.0), "loss must be finite and positive"),
        (lambda: theory.network_width(9, 9, 0.1, 1.0, failure=1.0), "failure must be"),
        (lambda: theory.network_width(9, 9, 0.1, 1.0, imbalance=-1.0), "imbalance must be"),
    ],
)
def test_what_are_no_such_numbers(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_numbers_only():
    with pytest.raises(TypeError, match="margin must be a real number"):
        theory.mean_loss(1, "0.1", 1.0)
    with pytest.raises(TypeError, match="n must be an integer"):
        theory.transition_steps(4.5, 0.1, 1.0)


# --- numbers that are equal in exact arithmetic, and such as leave float64 ------------------------


def test_a_stepsize_on_the_limit_is_within_it():
    for radius in np.random.default_rng(0).uniform(0.1, 30.0, 200):
        run = {"margin": 0.1 * radius, "stepsize": theory.monotone_stepsize(radius)}
        assert theory.monotone_loss(1000, **run, radius=radius) < math.inf
        run["stepsize"] /= 2.0
        assert theory.monotone_loss(1000, **run, radius=radius) < 0.5


def test_progress_of_exactly_one_is_enough():
    for margin in (0.1, 0.2, 0.3, 0.5, 0.7):
        for t in range(100, 4000, 100):
            run = {"margin": margin, "stepsize": 1.0 / (margin * margin * t)}
            assert theory.mean_loss(t, **run) < math.inf
            assert theory.weight_norm(t, **run) < math.inf


@pytest.mark.parametrize("margin", [0.1, 0.2, 0.3, 0.05, 0.01, 0.15])
def test_a_budget_of_exactly_the_least_steps_is_enough(margin):
    for n in range(3, 50):
        least = round(120 * n / margin**2)
        if math.isclose(least, 120 * n / margin**2, rel_tol=1e-12):
            assert theory.corollary2_loss(least, n, margin) < math.inf


SIZES = [5e-324, 1e-320, 1e-300, 1e-154, 0.1, 1.0, 1e20, 1e154, 1e155, 1e300, sys.float_info.max]
COUNTS = [1, 2, 10**6, 2**63 - 1, np.int8(3)]
CHOICES = {
    "n": COUNTS, "t": [0, 1.0, 2**62, 1e300, np.float32(3), [0.0, 1e300]],
    "n_steps": COUNTS, "failure": [5e-324, 0.01, 1.0 - 2.0**-53],
    "mean_exponential": [0.0, 1.0, SIZES[-1]], "imbalance": [0.0, 1.0, SIZES[-1]],
    "n_classes": [2, 10**6, 2**63 - 1, np.int8(3)],
    "function": [losses.Tsallis(1.5), losses.Tsallis(), losses.Renyi2()],
}  # fmt: skip


@pytest.mark.parametrize("name", theory.__all__)
@pytest.mark.filterwarnings("error")
def test_any_arguments_give_a_bound_or_an_error_that_names_one(name):
    rng, function, n_found = np.random.default_rng(0), getattr(theory, name), 0
    for _ in range(60):
        arguments = {}
        for argument in inspect.signature(function).parameters:
            choices = CHOICES.get(argument, SIZES)
            arguments[argument] = choices[rng.integers(len(choices))]
            if choices is SIZES and rng.random() < 0.2:
                arguments[argument] = np.float64(arguments[argument])
        if "margin" in arguments:
            arguments["margin"] = min(arguments["margin"], arguments.get("radius", 1.0))
        try:
            found = function(**arguments)
        except ValueError as error:
            assert re.match("(stepsize|the stepsize|margin) .*radius", str(error)), arguments
        else:
            least = -math.inf if "ln_loss" in name else 0.0
            assert np.all(np.asarray(found) >= least), arguments
            n_found += 1
    assert n_found > 10


def test_the_bound_of_adaptive_steps_by_hand():
    for c in (1.0, 10.0):
        data = {"margin": 0.5 * c, "eta": 4.0 / c**2, "radius": c}
        assert theory.adaptive_ln_loss(8, **data) == pytest.approx(-2.0, rel=1e-13)
        assert theory.adaptive_loss(8, **data) == pytest.approx(math.exp(-2.0), rel=1e-13)
        assert theory.adaptive_ln_loss(8, **data, lipschitz=2.0) == pytest.approx(4.0, rel=1e-13)
        found = theory.adaptive_ln_loss([0, 4, 4000], **data)
        assert found.tolist() == pytest.approx([math.inf, 0.0, -1998.0], rel=1e-13)
        assert theory.adaptive_loss([0, 4000], **data).tolist() == [math.inf, 0.0]
    with pytest.raises(ValueError, match="^eta must"):
        theory.adaptive_loss(8, 0.5, 0.0)
    with pytest.raises(ValueError, match="^lipschitz must"):
        theory.adaptive_loss(8, 0.5, 1.0, -1.0)


def test_bounds_whose_squares_leave_float64():
    assert theory.mean_loss(1e308, 1.0, 1e140) == pytest.approx(0.25e-168, rel=1e-9)
    assert theory.mean_loss(1e300, 1.0, 1e200) == pytest.approx(0.25 * 1e-100, rel=1e-9)
    assert theory.corollary2_loss(1000, 4, 1e-300, radius=1e100) == math.inf


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory.softmax_mean_loss([1.0, 1e300], 3, 1.0, 1e300),
        lambda: theory.softmax_transition_steps(1000, 1e300, 1e-300, radius=1e300),
        lambda: theory.mean_loss(1e300, 1.0, 1e150),
        lambda: theory.last_loss(1e300, 7, 1.0, 1e292),
    ],
)
def test_bounds_that_underflow_raise_no_error_of_numpy(call):
    with np.errstate(all="raise"):
        assert np.all(np.asarray(call()) >= 0.0)
