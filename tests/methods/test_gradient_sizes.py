"""Convergence of `minimize` feature by feature: no feature is forgotten for its units."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, distributed, reference
from lsgd_fast._api.minimize import gradient_share
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.gradient_sizes import GradientSizes
from lsgd_fast._methods.minimize_request import MinimizeOptions
from support.backends import every_backend
from support.ranks import on_ranks
from support.sparse_cases import csr

RNG = np.random.default_rng(11)
N = 300
U, V = RNG.standard_normal((2, N))
SCORES = U + 2.0 * V
Y = np.where(RNG.random(N) < 1.0 / (1.0 + np.exp(-SCORES)), 1, 0)
X = np.column_stack([U, V, RNG.standard_normal((N, 3))])
CLASSES = (X[:, :3] + 0.5 + RNG.standard_normal((N, 3))).argmax(axis=1)
WEIGHT = RNG.uniform(0.1, 2.0, N)

# of the columns, mixed
UNITS = {
    "1e-8": np.array([1.0, 1e-8, 1.0, 1.0, 1.0]),
    "1e12": np.array([1.0, 1.0, 1e12, 1e-3, 1e3]),
    "1e-150 to 1e150": np.array([1e150, 1e-150, 1e-50, 1e50, 1.0]),
    "1e-150": np.full(5, 1e-150),
}
every_unit = pytest.mark.parametrize("units", UNITS.values(), ids=UNITS)


def gradient_and_sizes(features, y, run, l2, weight, fit_intercept):
    """Return the gradient of the objective and its sizes, by the formulas, a row a parameter."""
    W, b = run.weights.reshape(features.shape[1], -1), np.atleast_1d(run.intercept)
    scores = features @ W + b
    if scores.shape[1] == 1:
        sign = np.where(y > 0, 1.0, -1.0)[:, None]
        s = -sign / (1.0 + np.exp(sign * scores))
    else:
        s = np.exp(scores - scores.max(axis=1, keepdims=True))
        s /= s.sum(axis=1, keepdims=True)
        s[np.arange(len(y)), y] -= 1.0
    s *= (weight / weight.sum())[:, None]
    gradient, sizes = features.T @ s + l2 * W, np.abs(features).T @ np.abs(s) + l2 * np.abs(W)
    if fit_intercept:
        gradient, sizes = np.vstack([gradient, s.sum(0)]), np.vstack([sizes, np.abs(s).sum(0)])
    return gradient, sizes


def rounding_of(sizes, run, l2):
    """Return eight roundings of the parameters, measured in the roots of their curvatures."""
    parameters = np.append(run.weights, run.intercept).reshape(sizes.shape)
    root = np.sqrt(sizes[-1])
    units = sizes / root
    units[:-1] = np.hypot(units[:-1], math.sqrt(l2))
    return 2.0**-49 * (np.linalg.norm(units * parameters) + root) * units


def options_for_sizes():
    return MinimizeOptions(
        tol=0.0, max_passes=9, stop=None, callback=None, callback_every=None, n_threads=1
    )


@every_backend
@every_unit
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("stored", [np.asarray, csr], ids=["dense", "csr"])
def test_weights_follow_the_units_of_the_features(backend, units, fit_intercept, stored):
    expected = backend.minimize(X, Y, fit_intercept=fit_intercept, tol=1e-9)
    run = backend.minimize(stored(X * units), Y, fit_intercept=fit_intercept, tol=1e-9)
    assert run.stop_reason == "converged"
    np.testing.assert_allclose(run.weights * units, expected.weights, rtol=1e-6)
    assert run.intercept == pytest.approx(expected.intercept, rel=1e-6, abs=1e-9)
    assert run.trace.loss[-1] == pytest.approx(expected.trace.loss[-1], rel=1e-12)


@every_backend
def test_a_feature_of_a_small_scale(backend):
    """The criterion by the norm of the gradient found (.7, 7e-8), and a loss of .65."""
    pair = np.column_stack([U, V])
    run = backend.minimize(pair * [1.0, 1e-8], Y)
    expected = backend.minimize(pair, Y)
    np.testing.assert_allclose(run.weights * [1.0, 1e-8], expected.weights, rtol=1e-6)
    assert run.trace.loss[-1] == pytest.approx(expected.trace.loss[-1], rel=1e-12)
    assert run.trace.loss[-1] < 0.5


# With a penalty weights share a unit, and those of features below 1e-13 or so are but rounding.
CASES = [("logistic", 0.0, name) for name in UNITS] + [("softmax", 0.0, "1e-8")]
CASES += [("softmax", 0.0, "1e-150 to 1e150"), ("logistic", 1e-4, "1e12")]
CASES += [(loss, l2, "1e-8") for loss in ("logistic", "softmax") for l2 in (1e-4, 1.0)]


@every_backend
@pytest.mark.parametrize(("loss", "l2", "units"), CASES)
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "scaled"])
def test_converged_means_every_entry_of_the_gradient(backend, units, l2, loss, scaled):
    tol, y = 1e-7, Y if loss == "logistic" else CLASSES
    features, options = X * UNITS[units], {}
    if scaled:
        options = {"center": features.mean(axis=0), "scale": np.array([1.0, 1e-9, 1.0, 3.0, 1e3])}
        options["scale"] /= np.abs(features).max(axis=0)
        given, features = features, (features - options["center"]) * options["scale"]
    else:
        given = features
    run = backend.minimize(
        given, y, l2=l2, loss=loss, tol=tol, fit_intercept=True, sample_weight=WEIGHT, **options
    )
    gradient, sizes = gradient_and_sizes(features, y, run, l2, WEIGHT, True)
    assert run.stop_reason == "converged"
    rounding = 1e-14 * sizes + rounding_of(sizes, run, l2)
    assert (np.abs(gradient) <= tol * sizes * (1.0 + 1e-6) + rounding).all()
    assert 0.0 <= run.diagnostics.entry_share <= tol * (1.0 + 1e-6)
    assert f"at most {run.diagnostics.entry_share:.2g}" in run.evidence


@every_backend
def test_the_intercept_has_a_scale_of_its_own(backend):
    """Of long rows, whose norm the old criterion compared the gradient with."""
    run = backend.minimize(1e9 * X, Y, fit_intercept=True)
    expected = backend.minimize(X, Y, fit_intercept=True)
    assert run.intercept == pytest.approx(expected.intercept, rel=1e-6)


@every_backend
@pytest.mark.parametrize("stored", [np.asarray, csr], ids=["dense", "csr"])
def test_constant_features_that_are_centred(backend, stored):
    """Their distances from the center, and so their gradient, are nothing but rounding."""
    constant = np.column_stack([X, np.full(N, 0.1)])
    center = np.append(np.zeros(5), np.mean(constant[:, 5]))
    run = backend.minimize(stored(constant), Y, center=center, scale=1.0, fit_intercept=True)
    assert run.stop_reason == "converged"


@every_backend
def test_features_of_zeros(backend):
    zeros = np.column_stack([X, np.zeros(N)])
    run = backend.minimize(zeros, Y)
    assert run.stop_reason == "converged" and run.weights[5] == 0.0
    run = backend.minimize(zeros, Y, l2=1e-2, start=np.full(6, 3.0))
    assert run.stop_reason == "converged" and abs(run.weights[5]) < 1e-14


@every_backend
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l2", [1e-8, 1e-4, 1.0])
def test_features_so_small_that_their_weights_are_rounding(backend, l2, fit_intercept):
    """The penalty alone bounds these weights, far below what the objective resolves."""
    for exponent in range(-19, -9):
        for units in (np.array([10.0**exponent]), np.array([1.0, 10.0**exponent, 1e3])):
            features = X[:41, : len(units)] * units
            run = backend.minimize(features, Y[:41], l2=l2, fit_intercept=fit_intercept)
            assert run.stop_reason == "converged", exponent
            np.testing.assert_array_less(np.abs(run.weights), 10.0 / units)


@every_backend
def test_data_that_a_small_feature_separates(backend):
    """A proof of separation takes the rounding of each feature in its own units."""
    pair = np.column_stack([1e12 * U, 1e-12 * np.where(SCORES > 0.0, 1.0, -1.0)])
    run = backend.minimize(pair, SCORES > 0.0)
    assert run.stop_reason == "separated"
    assert (np.where(SCORES > 0.0, 1.0, -1.0) * (pair @ run.separating_weights) > 0.0).all()


@every_backend
def test_a_limit_of_passes_holds_for_the_checks_too(backend):
    scaled = X * UNITS["1e-150 to 1e150"]
    for max_passes in (*range(1, 30), 200):
        run = backend.minimize(scaled, Y, max_passes=max_passes)
        assert run.trace.passes[-1] <= max_passes
    assert run.stop_reason == "converged"


@every_backend
def test_evidence_of_a_run_that_was_not_converged(backend):
    run = backend.minimize(X, Y, max_passes=5)
    assert math.isnan(run.diagnostics.entry_share)
    assert "Not converged: the gradient is" in run.evidence


@every_backend
def test_increases_of_the_objective_are_counted_apart(backend):
    """On the way back from a start far out the loss increases, and the objective falls."""
    run = backend.minimize(X, Y, l2=1.0, start=10.0 * np.ones(5))
    assert run.diagnostics.n_increases == run.diagnostics.last_increase == 0
    assert "The objective never increased." in run.evidence
    objective = run.trace.objective
    assert (objective[1:] <= objective[:-1] * (1.0 + 1e-13)).all()


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_the_share_of_given_weights(loss):
    y = Y if loss == "logistic" else CLASSES
    run = reference.minimize(X, y, l2=0.1, loss=loss, fit_intercept=True, stop=Stop(loss=0.6))
    problem = Problem.check(X, y, l2=0.1, loss=loss, fit_intercept=True)
    weights = np.concatenate([run.weights, np.reshape(run.intercept, (1, *run.weights.shape[1:]))])
    share, norm = gradient_share(problem, weights, None)
    gradient, sizes = gradient_and_sizes(X, y, run, 0.1, np.ones(N), True)
    assert share == pytest.approx((np.abs(gradient) / sizes).max(), rel=1e-9)
    assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-9)


def test_the_share_of_weights_that_only_the_penalty_moves():
    """It is 1, wherever the descent began: they have converged once they are rounding."""
    problem = Problem.check(0.0 * X, Y, l2=0.1)
    assert gradient_share(problem, np.arange(5.0), None)[0] == 1.0
    assert gradient_share(problem, 1e-16 * np.arange(5.0), None)[0] == 0.0


STARTS = [1e-6, 1.0, 1e3]


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@pytest.mark.parametrize("l2", [1e-4, 1.0])
@pytest.mark.parametrize("size", [0.0, 1e-18, 1e-16, 1e-14, 1e-12, 1e-9])
def test_nothing_of_a_start_is_left_in_weights_of_tiny_features(backend, size, l2, loss):
    """A 1e-8 of the start counted as converged, where the rows could say nothing of the weight."""
    y = Y if loss == "logistic" else CLASSES
    units = np.array([1.0, size, 1.0, 1.0, 1.0])
    for start in STARTS:
        first = np.zeros((5, 1 if loss == "logistic" else 3))
        first[1, 0], first[2, 0] = start, 1.0 / start
        first = first if loss == "softmax" else first[:, 0]
        run = backend.minimize(X * units, y, l2=l2, loss=loss, start=first)
        gradient, sizes = gradient_and_sizes(X * units, y, run, l2, np.ones(N), False)
        assert run.stop_reason == "converged"
        sizes = np.vstack([sizes, np.abs(sizes).max(axis=0)])  # for an intercept, which is none
        rounding = 2.0 * rounding_of(sizes, run, l2)[:-1]
        assert (np.abs(gradient) <= 1e-8 * sizes[:-1] * (1.0 + 1e-6) + rounding).all()


def test_ordinary_data_have_one_unit():
    """Beside two for each iteration there is one read of X, for the sizes."""
    data, labels = lsgd.datasets.digits_0_vs_8()
    run = lsgd.minimize(data, labels, l2=1e-4)
    assert run.trace.passes[-1] == 2 * run.n_steps + 2


@every_backend
@pytest.mark.parametrize("l2", [1e-7, 1e-5, 1e-3])
def test_features_that_the_penalty_alone_holds(backend, l2):
    """Beside features of losses that nearly vanish their weights swung, for a hundred iterations.

    Embeddings have such features, of values that are rounding.
    """
    rng = np.random.default_rng(5)
    features = np.column_stack([rng.standard_normal((200, 40)), 1e-32 * rng.standard_normal(200)])
    labels = features @ rng.standard_normal(41) > 0.0
    run = backend.minimize(features, labels, l2=l2, fit_intercept=True, tol=1e-4)
    alone = backend.minimize(features[:, :40], labels, l2=l2, fit_intercept=True, tol=1e-4)
    assert run.stop_reason == "converged" and run.n_steps <= 1.5 * alone.n_steps
    assert abs(run.weights[40]) < 1e-6
    np.testing.assert_allclose(run.weights[:40], alone.weights, rtol=0.02, atol=1e-2)


def test_no_size_has_grown_less_than_the_bound():
    """So a share by the bound is no smaller than the share by sizes that are measured."""
    problem = Problem.check(X, Y, l2=1e-3, fit_intercept=True, sample_weight=WEIGHT)
    request = options_for_sizes().for_problem(problem, None)
    earlier, now = GradientSizes(request), GradientSizes(request)
    features = np.column_stack([np.abs(X), np.ones(N)])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        row_sizes = rng.uniform(0.1, 1.0, (1, N)) * WEIGHT
        grown = row_sizes * rng.uniform(*(0.5, 2.0) if seed % 2 else (0.99, 1.01), N)
        for sizes, of_rows in ((earlier, row_sizes), (now, grown)):
            sizes.of_loss[:] = (of_rows @ features / WEIGHT.sum())[0]
            sizes.set_measured(of_rows, of_rows.sum() / WEIGHT.sum(), 0)
        growth, derivative = earlier.least_growth(grown), grown.sum() / WEIGHT.sum()
        assert (growth * earlier.of_loss <= now.of_loss * (1.0 + 1e-12)).all()
        assert growth <= earlier.expected_growth(derivative) * (1.0 + 1e-12)
        here = rng.standard_normal(6), rng.standard_normal(6), derivative
        assert earlier.share(*here, growth) >= now.share(*here) * (1.0 - 1e-12)


def test_rows_whose_gradients_vanish_bound_nothing():
    """Rows of weight zero do not count, and one that has vanished says that sizes may have."""
    weight = np.where(np.arange(N) < 5, 0.0, WEIGHT)
    problem = Problem.check(X, Y, sample_weight=weight)
    sizes = GradientSizes(options_for_sizes().for_problem(problem, None))
    sizes.set_measured(weight[None].copy(), 1.0, 0)
    assert sizes.least_growth(0.5 * weight[None]) == 0.5
    assert sizes.least_growth(np.where(np.arange(N) == 7, 0.0, weight)[None]) == 0.0


@every_backend
def test_without_a_bound_the_sizes_are_measured_again(backend, monkeypatch):
    """Which takes one more read of X, and ends the run at the same iteration."""
    data, labels = lsgd.datasets.digits_0_vs_8()
    expected = backend.minimize(data, labels, l2=1e-4)
    monkeypatch.setattr(GradientSizes, "least_growth", lambda self, row_sizes: math.nan)
    run = backend.minimize(data, labels, l2=1e-4)
    assert run.stop_reason == "converged" and run.n_steps == expected.n_steps
    assert run.trace.passes[-1] == expected.trace.passes[-1] + 1


def test_all_ranks_have_the_least_growth_of_any():
    """Of rows on the last rank; another one has none."""
    row_sizes = np.linspace(1.0, 2.0, 40)
    grown = np.append(row_sizes[:-1], 0.25 * row_sizes[-1])
    cuts = [0, 25, 25, 40]

    def call(comm):
        here = slice(cuts[comm.rank], cuts[comm.rank + 1])
        rows = distributed.rows(X[:40][here], comm)
        problem = Problem.check(rows, Y[:40][here], may_be_distributed=True)
        sizes = GradientSizes(options_for_sizes().for_problem(problem, None))
        n = max(1, len(row_sizes[here]))  # a rank without rows has one of weight zero
        of_ranks = np.zeros((2, 1, n))
        of_ranks[:, 0, : len(row_sizes[here])] = row_sizes[here], grown[here]
        sizes.set_measured(of_ranks[0], 1.0, 0)
        return sizes.least_growth(of_ranks[1])

    assert on_ranks(3, call) == [0.25, 0.25, 0.25]


def test_an_entry_is_ruled_out_only_where_its_share_is_too_large():
    problem = Problem.check(X, Y, l2=1e-3)
    rng = np.random.default_rng(9)
    for _ in range(50):
        sizes = GradientSizes(options_for_sizes().for_problem(problem, None))
        sizes.of_loss[:] = rng.uniform(0.1, 1.0, 5)
        sizes.set_measured(np.ones((1, N)), 0.5, 0)
        first, weights = rng.standard_normal((2, 5))
        assert not sizes.is_ruled_out(first, weights, 0.5, 1e-9)  # as nothing is known yet
        share = sizes.share(first, weights, 0.5)
        assert sizes.is_ruled_out(first, weights, 0.5, 0.999 * share)
        assert not sizes.is_ruled_out(first, weights, 0.5, 1.001 * share)
        now, derivative = rng.standard_normal(5), rng.uniform(0.1, 1.0)
        share = sizes.share(now, weights, derivative, sizes.expected_growth(derivative))
        assert not sizes.is_ruled_out(now, weights, derivative, 1.001 * share)


@pytest.mark.parametrize("implementation", [lsgd, reference])
def test_losses_that_have_vanished_beside_a_penalty(implementation):
    """All |l'_i| are zero in float64: there is no curvature to take units from."""
    rows = [[-1.5e8], [-1.1e8], [1.7e8], [-7.9e6]]
    options = {"loss": "softmax", "l2": 1e-300, "fit_intercept": True}
    run = implementation.minimize(rows, [1, 2, 0, 0], **options)
    assert np.isfinite(run.weights).all() and run.trace.loss[-1] < 1e-3
    sizes = GradientSizes(options_for_sizes().for_problem(Problem.check(X, Y, l2=0.1), None))
    sizes.of_loss[:] = 0.0
    sizes.set_measured(np.zeros((1, N)), 0.0, 0)
    assert not sizes.may_differ()


def test_an_entry_beyond_float64_is_ruled_out_quietly():
    problem = Problem.check(X, Y, l2=1e10)
    sizes = GradientSizes(options_for_sizes().for_problem(problem, None))
    sizes.set_measured(np.ones((1, N)), 1.0, 0)
    weights = np.full(5, 1e300)
    sizes.share(np.full(5, 1e300), weights, 1.0)
    assert not sizes.is_ruled_out(np.full(5, 1e300), weights, 1.0, 1e-3)  # of an infinite size
