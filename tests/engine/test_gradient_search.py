"""Armijo: backtracking by scores, beside the reference and beside trying one after the other."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, kernel, reference, stepsizes
from lsgd_fast._methods.backtracking import DescentLine, PenaltyLine, search_stepsize
from lsgd_fast._methods.line_search import LineValues
from lsgd_fast.stepsizes import Armijo, Constant
from support import awkward, hashes, sparse_cases
from support.backends import every_backend

CASES = list(awkward.problems())
ETAS = (0.3, 1e6, 1e300)


def mark(run):
    return repr(sorted(hashes.content(run).items()))


def noisy(n=400, d=5):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((n, d))
    return X, (X[:, 0] + rng.standard_normal(n) > 0.0).astype(int), rng.integers(0, 4, n)


def offsets(n):
    return np.random.default_rng(5).standard_normal(n)


# Each takes X, y for two classes and for four, and returns the arguments of a descent.
PROBLEMS = {
    "plain": lambda X, y, _: (X, y, {}),
    "penalty": lambda X, y, _: (X, y, {"l2": 0.05, "fit_intercept": True}),
    "offset": lambda X, y, _: (X, y, {"offset": offsets(len(X)), "fit_intercept": True}),
    "weights": lambda X, y, _: (X, y, {"sample_weight": np.arange(len(X)) % 3.0}),
    "scaled": lambda X, y, _: (
        X, y, {"center": X.mean(axis=0) + 1.0, "scale": 2.0, "fit_intercept": True, "l2": 1e-3}
    ),
    "sparse": lambda X, y, _: (
        sparse_cases.csr(np.where(np.abs(X) > 0.5, X, 0.0), "float64"), y, {"fit_intercept": True}
    ),
    "float32": lambda X, y, _: (X.astype("f4"), y, {"start": np.full(X.shape[1], 3.0)}),
    "softmax": lambda X, _, classes: (X, classes, {"loss": "softmax", "fit_intercept": True}),
    "softmax, scaled": lambda X, _, classes: (
        X, classes,
        {"loss": "softmax", "fit_intercept": True, "scale": 3.0, "center": 0.5, "l2": 1e-3},
    ),
    "softmax, sparse": lambda X, _, classes: (
        sparse_cases.csr(np.where(np.abs(X) > 0.5, X, 0.0), "float64"), classes,
        {"loss": "softmax"},
    ),
}  # fmt: skip
every_problem = pytest.mark.parametrize("name", PROBLEMS)


# --- the search -----------------------------------------------------------------------------------


def logistic_line(margins, change, penalty=None):
    """Return the losses along ``margins + s * change``, and how often they were evaluated."""
    calls = []

    def evaluate(s):
        calls.append(s)
        with np.errstate(all="ignore"):
            z = margins + s * change
            losses, q = np.logaddexp(0.0, -z), 1.0 / (1.0 + np.exp(z))
        terms = np.where(z > 700.0, -z, np.log(np.where(losses > 0.0, losses, 1.0)))
        ln_loss = float(np.logaddexp.reduce(terms)) - math.log(len(z))
        slope = float(-(q * change).mean())
        return LineValues(float(losses.mean()), slope, 0.0, 0.0, ln_loss, 0.0, 0.0)

    return evaluate, calls


@pytest.mark.parametrize("decrease", [1e-4, 0.5, 0.9])
@pytest.mark.parametrize("eta_max", [1e-3, 1.0, 5.0, 1e3, 1e9, 1e300])
def test_it_finds_what_trying_one_after_the_other_finds(eta_max, decrease):
    rng = np.random.default_rng(0)
    for _ in range(20):
        margins, change = rng.standard_normal((2, 30)) * [[2.0], [1.0]] + [[0.0], [0.3]]
        evaluate, calls = logistic_line(margins, change)
        norm = -evaluate(0.0).slope  # the line is down the gradient, and has a unit for its length
        if norm <= 0.0:
            continue
        rule = Armijo(eta_max, decrease)
        calls.clear()
        found = search_stepsize(rule, evaluate, norm, 0.0)
        assert len(calls) <= 26
        line, expected = DescentLine(evaluate, norm, 0.0), eta_max
        while not line.is_low_enough(expected, decrease):
            expected *= 0.5
        assert found == expected
        before, after = evaluate(0.0).loss, evaluate(found * norm).loss
        assert after <= before - decrease * found * norm * norm * (1.0 - 1e-9) + 1e-14 * before


def test_near_a_minimum_the_slopes_decide():
    """The decrease, 1e-21 of the objective, is far below its rounding."""
    values = lambda s: LineValues(1.0, s - 1e-10, 0.0, 0.0, 0.0, 0.0, 0.0)  # noqa: E731
    # the length of the step is 1e-10 times the stepsize, and the minimum is at 1
    assert search_stepsize(Armijo(1.0), values, 1e-10, 0.0) == 1.0
    assert search_stepsize(Armijo(16.0), values, 1e-10, 0.0) == 1.0
    assert search_stepsize(Armijo(16.0, 0.25), values, 1e-10, 0.0) == 1.0
    assert search_stepsize(Armijo(16.0, 0.1), values, 1e-10, 0.0) == 1.0
    assert search_stepsize(Armijo(1.0, 0.75), values, 1e-10, 0.0) == 0.5


def test_losses_that_underflow_are_compared_by_their_logarithms():
    margins = np.array([900.0, 900.0])
    evaluate, _ = logistic_line(margins, np.ones(2))
    rule = Armijo(1e300)
    found = search_stepsize(rule, evaluate, 1.0, -900.0)
    # the gradient is exp(-900), and exp(-s) <= 1 - s / 2 up to s = 1.59
    s = 1e300 * math.exp(-450.0) * math.exp(-450.0)
    assert s < 1.0 and found == 1e300
    evaluate, _ = logistic_line(np.array([650.0, 650.0]), np.ones(2))
    found = search_stepsize(rule, evaluate, 1.0, -650.0)
    assert 0.79 < found * math.exp(-650.0) <= 1.6


def test_what_is_no_number_is_rejected_and_the_halvings_end():
    bad = LineValues(math.nan, math.nan, 0.0, 0.0, math.nan, 0.0, 0.0)
    good = LineValues(1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    calls = []

    def evaluate(s):
        calls.append(s)
        return good if s == 0.0 else bad

    assert search_stepsize(Armijo(1e308), evaluate, 1.0, 0.0) < 1e-307
    assert len(calls) < 40
    assert search_stepsize(Armijo(1.0), evaluate, 0.0, 0.0) == 0.0


def test_the_penalty_counts():
    """Along a flat loss of 1, ``(2 - s)^2 / 2``: half of the promised decrease up to s = 2."""
    flat = lambda s: LineValues(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)  # noqa: E731
    penalty = PenaltyLine(2.0, -2.0, 1.0)
    assert search_stepsize(Armijo(8.0), flat, 2.0, 0.0, penalty) == 1.0
    assert search_stepsize(Armijo(0.9), flat, 2.0, 0.0, penalty) == 0.9
    assert search_stepsize(Armijo(8.0, 0.9), flat, 2.0, 0.0, penalty) == 0.125


# --- descents -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES[::2], ids=lambda case: case.name)
@pytest.mark.parametrize("eta_max", ETAS)
def test_short_runs_are_those_of_the_reference(case, eta_max):
    start = case.start if np.abs(case.start).max() < 100.0 else None
    options = case.options | {"start": start}
    ref, run = (
        m.gradient_descent(case.X, case.y, Armijo(eta_max), 3, **options) for m in (reference, lsgd)
    )
    assert (run.stop_reason, run.n_steps) == (ref.stop_reason, ref.n_steps)
    size = max(1.0, np.abs(ref.weights).max())
    np.testing.assert_allclose(run.trace.stepsize, ref.trace.stepsize, rtol=1e-12)
    np.testing.assert_allclose(run.weights, ref.weights, rtol=1e-7, atol=1e-9 * size)
    np.testing.assert_allclose(run.trace.ln_loss, ref.trace.ln_loss, rtol=1e-7, atol=1e-9)


@every_problem
@pytest.mark.parametrize("eta_max", ETAS)
def test_every_kind_of_problem_is_as_in_the_reference(name, eta_max):
    X, y, options = PROBLEMS[name](*noisy())
    ref, run = (
        m.gradient_descent(X, y, Armijo(eta_max, 0.4), 12, **options) for m in (reference, lsgd)
    )
    assert run.trace.stepsize[:-1].tolist() == ref.trace.stepsize[:-1].tolist()
    assert (run.trace.stepsize[:-1] > 0.0).all() and math.isnan(run.trace.stepsize[-1])
    np.testing.assert_allclose(run.weights, ref.weights, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(run.intercept, ref.intercept, rtol=1e-8, atol=1e-10)
    # each step is the longest that decreases the objective enough
    objective = run.trace.objective if options.get("l2") else run.trace.loss
    decrease = 0.4 * run.trace.stepsize * run.trace.gradient_norm**2
    assert (objective[1:] <= (objective[:-1] - decrease[:-1]) + 1e-12).all()


@every_backend
def test_a_step_by_hand(backend):
    """Both margins are w: from 0 the loss is softplus(-w), and the gradient -1/2."""
    X, y = [[1.0], [-1.0]], [1, 0]

    def is_enough(eta):
        return math.log1p(math.exp(-0.5 * eta)) <= math.log(2.0) - 0.5 * eta * 0.25

    expected = 100.0
    while not is_enough(expected):
        expected *= 0.5
    run = backend.gradient_descent(X, y, Armijo(100.0), 1)
    assert run.trace.stepsize[0] == expected == 3.125
    assert run.weights[0] == pytest.approx(0.5 * expected, rel=1e-15)
    assert backend.gradient_descent(X, y, Armijo(0.5), 9).trace.stepsize[:9].tolist() == [0.5] * 9


@every_backend
def test_a_small_largest_stepsize_is_a_constant_one(backend):
    X, y, _ = noisy()
    searched = backend.gradient_descent(X, y, Armijo(0.5), 60)
    np.testing.assert_allclose(
        searched.weights, backend.gradient_descent(X, y, Constant(0.5), 60).weights, rtol=1e-12
    )


@every_backend
def test_it_is_linear_on_separable_data_while_the_largest_stepsize_allows(backend):
    """The logarithm of the loss falls at a steady pace, also where the loss underflows."""
    X, y = lsgd.datasets.toy()
    run = backend.gradient_descent(X, y, Armijo(1e308, 1e-4), 400)
    assert (np.diff(run.trace.ln_loss) < 0.0).all() and run.trace.ln_loss[-1] < -15.0
    assert np.diff(run.trace.ln_loss[::100]) == pytest.approx(-6.0, abs=4.0)
    far = backend.gradient_descent(X, y, Armijo(1e308), 5, start=run.weights * 1e3)
    assert far.trace.loss[0] == 0.0 and np.isfinite(far.trace.ln_loss).all()
    assert far.stop_reason == "n_steps"


@every_backend
def test_it_comes_to_rest_at_the_minimum(backend):
    X, y, _ = noisy()
    run = backend.gradient_descent(X, y, Armijo(1e6), 300)
    assert run.trace.gradient_norm[-2] < 1e-15
    assert run.stop_reason == "n_steps" and run.verdict != "diverged"


@every_backend
@pytest.mark.parametrize("decrease", [0.99, 1.0 - 1e-5])
def test_a_large_decrease_far_out_is_as_in_longer_arithmetic(backend, decrease):
    """At short trial steps rounding is more than the share of the promise that may be missed."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, start = rng.standard_normal((20, 3)), np.array([-3e3, 0.0, 0.0])
        y = np.where(X[:, 0] + 0.3 * X[:, 1] > 0.0, 1.0, -1.0)
        run = backend.gradient_descent(
            X, y, Armijo(1e300, decrease), 1, start=start, record=["stepsize"]
        )
        rows, w = (y[:, None] * X).astype(np.longdouble), start.astype(np.longdouble)
        margins = rows @ w
        g = -(rows / (1.0 + np.exp(margins))[:, None]).mean(axis=0)
        before, expected, change = np.logaddexp(0.0, -margins).mean(), 1e300, rows @ g
        while not (
            np.logaddexp(0.0, expected * change - margins).mean()
            <= before - decrease * expected * (g @ g)
        ):
            expected *= 0.5
        assert run.trace.stepsize[0] == expected


@every_backend
def test_a_gradient_of_zero_moves_nothing(backend):
    run = backend.gradient_descent(np.zeros((4, 2)), [0, 1, 0, 1], Armijo(1.0), 5, start=[1.0, 2.0])
    assert run.weights.tolist() == [1.0, 2.0] and run.trace.stepsize[:-1].tolist() == [0.0] * 5


@every_backend
def test_rows_that_are_far_out_end_well(backend):
    X, y, _ = noisy(40)
    for factor in (1e-300, 1e-150, 1e100, 1e150):
        run = backend.gradient_descent(factor * X, y, Armijo(1e300), 4)
        assert run.stop_reason == "n_steps" and run.trace.loss[-1] <= run.trace.loss[0]


@every_problem
def test_bits_over_threads_and_instruction_sets(name):
    X, y, options = PROBLEMS[name](*noisy(4100))
    before, found = kernel.instruction_set(), set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 3):
                run = lsgd.gradient_descent(X, y, Armijo(1e4), 5, n_threads=n_threads, **options)
                found.add(mark(run))
    finally:
        kernel.use_instruction_set(before)
    assert len(found) == 1


@every_problem
def test_steps_in_pieces_and_checkpoints_have_the_same_bits(name, tmp_path):
    X, y, options = PROBLEMS[name](*noisy(60))
    options |= {"callback": lambda state: None, "callback_every": 7, "record_every": 3}
    whole = mark(lsgd.gradient_descent(X, y, Armijo(1e3), 20, **options))
    kept = {"sample_weight", "offset", "center", "scale", "callback"}
    for at in (0, 1, 2, 7, 11, 19):
        descent = lsgd.Descent(X, y, Armijo(1e3), **options)
        descent.step(at)
        if at % 2:
            descent.result()
        descent.save(tmp_path / "checkpoint")
        loaded = lsgd.Descent.load(
            tmp_path / "checkpoint", X, y, **{k: v for k, v in options.items() if k in kept}
        )
        for one in (descent, loaded):
            one.step(20 - at)
            assert mark(one.result()) == whole, at


@every_problem
def test_a_sweep_mixes_it_with_other_rules(name):
    X, y, options = PROBLEMS[name](*noisy(300))
    asked = [0.5, Armijo(1e3), stepsizes.AdGD(), Armijo(2.0, 0.1), 0.25]
    sweep = lsgd.stepsize_sweep(X, y, asked, 15, **options)
    for rule, run in zip(asked, sweep, strict=True):
        assert mark(run) == mark(lsgd.gradient_descent(X, y, rule, 15, **options))
    ref = reference.stepsize_sweep(X, y, asked, 15, **options)
    for run, expected in zip(sweep, ref, strict=True):
        np.testing.assert_allclose(run.weights, expected.weights, rtol=1e-7, atol=1e-9)


@every_backend
def test_stop_conditions_and_held_out_rows(backend):
    X, y, _ = noisy()
    held_out = X[:50], y[:50]
    options = {"validation": held_out, "record_every": 5}
    run = backend.gradient_descent(X[50:], y[50:], Armijo(1e3), 40, **options)
    assert run.trace.step.tolist() == list(range(0, 41, 5)) and run.best_at % 5 == 0
    run = backend.gradient_descent(X, y, Armijo(1e3), 500, stop=Stop(gradient_norm=1e-9))
    assert run.stop_reason == "gradient_norm" and run.n_steps < 200
    assert run.trace.gradient_norm[-1] <= 1e-9
    run = backend.gradient_descent(X, y, Armijo(1e3), 500, callback=lambda s: s.n_steps == 9)
    assert (run.stop_reason, run.n_steps) == ("callback", 9)


# --- arguments ------------------------------------------------------------------------------------


def test_bad_parameters():
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="^eta_max must"):
            Armijo(bad)
        with pytest.raises(ValueError, match="^decrease must"):
            Armijo(1.0, bad)
    with pytest.raises(ValueError, match="^decrease must be less than 1"):
        Armijo(1.0, 1.0)
    for bad in ("1", None, True):
        with pytest.raises(TypeError, match="^eta_max must"):
            Armijo(bad)
    rule = Armijo(3, 0.25)
    assert stepsizes.from_plain(stepsizes.to_plain(rule)) == rule == Armijo(3.0, decrease=0.25)


@every_backend
def test_what_it_does_not_take_is_refused(backend):
    X, y = lsgd.datasets.toy()
    for loss in ("exponential", lsgd.losses.FlattenedExponential()):
        with pytest.raises(ValueError, match="^stepsize must not be Armijo with the loss"):
            backend.gradient_descent(X, y, Armijo(1.0), 1, loss=loss)
        with pytest.raises(ValueError, match="^stepsize must not be Armijo with the loss"):
            backend.stepsize_sweep(X, y, [1.0, Armijo(1.0)], 1, loss=loss)
    with pytest.raises(ValueError, match="^gram must"):
        backend.gradient_descent(X, y, Armijo(1.0), 1, gram=True)
    with pytest.raises(ValueError, match="^stepsize must not be Armijo for a network"):
        backend.two_layer_gradient_descent(X, y, Armijo(1.0), 1, width=2, rng=0)
