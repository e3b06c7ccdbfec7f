"""Where minimize ends without a minimum: a reason and a warning of its own, and only there."""

import warnings

import numpy as np
import pytest
from scipy import sparse

import lsgd_fast as lsgd
from lsgd_fast import reference
from lsgd_fast._methods import growth
from support.backends import every_backend

FOUR = {"X": [[0.0], [0.0], [1.0], [1.0]], "y": [0, 1, 1, 1], "fit_intercept": True}


def iris_like(rng):
    """Three classes, of which the first lies apart."""
    X = rng.standard_normal((60, 3))
    y = np.arange(60) % 3
    X[y == 0] += [0.0, 9.0, 0.0]
    return X, y


def with_level(rng):
    """A factor of which one level has one label only, beside two real columns."""
    level = rng.integers(0, 4, 80)
    y = np.where(level == 2, 1, rng.integers(0, 2, 80))
    return np.column_stack([rng.standard_normal((80, 2)), level[:, None] == np.arange(4)]), y


def ended(backend, *args, **options):
    """Return the run and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = backend.minimize(*args, **options)
    assert all(one.category is lsgd.SeparationWarning for one in caught)
    return run, [str(one.message) for one in caught]


@every_backend
@pytest.mark.parametrize("tol", [1e-3, 1e-4, 1e-8, 1e-12])
def test_a_separation_in_part_is_named_at_every_tolerance(backend, tol):
    run, (text,) = ended(backend, **FOUR, tol=tol)
    assert run.stop_reason == "no_minimum" and run.verdict == "undecided" and not run.separable
    assert "as the coefficient of feature 0 goes to infinity" in text and text == run.evidence
    assert run.diagnostics.growing == "the coefficient of feature 0 goes"


@every_backend
@pytest.mark.parametrize("tol", [1e-4, 1e-8])
def test_one_class_apart_from_two_that_overlap(backend, tol):
    X, y = iris_like(np.random.default_rng(0))
    run, (text,) = ended(backend, X, y, loss="softmax", fit_intercept=True, tol=tol)
    assert run.stop_reason == "no_minimum" and "feature 1" in text


@every_backend
@pytest.mark.parametrize("form", [np.asarray, np.float32, sparse.csr_matrix])
@pytest.mark.parametrize("factors", [{}, {"scale": [3.0, 1e-3, 1, 1, 2, 1]}, {"center": 0.25}])
def test_a_level_with_one_label(backend, form, factors):
    X, y = with_level(np.random.default_rng(1))
    run, (text,) = ended(backend, form(X), y, fit_intercept=True, **factors)
    assert run.stop_reason == "no_minimum" and "feature 4" in text


@every_backend
def test_centred_features_without_an_intercept(backend):
    """They are separated in part; without a centre they are not."""
    X, y = np.array([[1.0, 5.0], [2.0, 5.0], [1.0, 5.0], [3.0, 6.0]]), [1, 0, 0, 1]
    run, texts = ended(backend, X, y, center=[1.5, 5.0])
    assert run.stop_reason == "no_minimum" and len(texts) == 1
    run, texts = ended(backend, [*X, [2.0, 6.0]], [*y, 0])
    assert run.stop_reason == "converged" and texts == []


@every_backend
def test_a_start_where_an_earlier_run_ended(backend):
    run, _ = ended(backend, **FOUR, tol=1e-6)
    start = np.append(run.weights, run.intercept)
    again, texts = ended(backend, **FOUR, tol=1e-4, start=start)
    assert (again.n_steps, again.stop_reason, len(texts)) == (0, "no_minimum", 1)


@every_backend
def test_where_there_is_a_minimum_or_an_end_of_another_kind(backend):
    for options in ({"l2": 1e-6}, {"max_passes": 3}, {"stop": lsgd.Stop(loss=0.69)}):
        run, texts = ended(backend, **FOUR, **options)
        assert run.stop_reason in ("converged", "max_passes", "loss") and texts == []
        assert run.diagnostics.growing is None
    run, texts = ended(backend, [[1.0], [-1.0]], [1, 0])
    assert run.stop_reason == "separated" and texts == []


@every_backend
@pytest.mark.parametrize("slope", [0.3, 3.0, 30.0])
def test_data_with_a_minimum_cost_no_proof(backend, slope, monkeypatch):
    """However steep they are: large margins alone are no cause for one."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((400, 4))
    y = slope * X[:, 0] + rng.logistic(size=400) > 0
    y[:20] = ~y[:20]
    monkeypatch.setattr(growth, "find_separation", None)
    for tol in (1e-4, 1e-8):
        assert backend.minimize(X, y, fit_intercept=True, tol=tol).stop_reason == "converged"


def test_a_run_is_saved_with_what_grows(tmp_path):
    run, _ = ended(reference, **FOUR)
    run.save(tmp_path / "run.npz")
    loaded = lsgd.Run.load(tmp_path / "run.npz")
    assert (loaded.stop_reason, loaded.evidence) == ("no_minimum", run.evidence)


def test_the_warning_points_at_the_call():
    with pytest.warns(lsgd.SeparationWarning) as caught:
        lsgd.minimize(**FOUR)
    assert caught[0].filename == __file__


def few_rows(seed):
    """Return a few rows or columns whose scales are 1e-23 to 1e-8, their labels, and options."""
    rng = np.random.default_rng(seed)
    is_multi, n, d = seed % 2, int(rng.integers(3, 9)), int(rng.integers(1, 5))
    shape = [(1, d), (n, 1)][int(rng.integers(2))]
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-23, -8, shape)
    k = 3 if is_multi else 2
    y = rng.integers(0, k, n)
    y[:k] = range(k)
    loss = "softmax" if is_multi else "logistic"
    return X, y, {"loss": loss, "fit_intercept": bool(rng.random() < 0.5)}


def margins_of(weights, X, y, options):
    """Return the margins of weights, intercepts last, by the formula."""
    scores = X @ weights[: X.shape[1]] + (weights[-1] if options["fit_intercept"] else 0.0)
    if options["loss"] == "logistic":
        return np.where(y > 0, 1.0, -1.0) * scores
    rows = np.arange(len(y))
    own, scores[rows, y] = scores[rows, y].copy(), -np.inf
    return own - scores.max(axis=1)


@every_backend
@pytest.mark.parametrize("first", range(0, 80, 10))
def test_a_run_agrees_with_what_is_proved(backend, first):
    """Runs ended as no_minimum, or at max_passes, with all margins positive."""
    for seed in range(first, first + 10):
        X, y, options = few_rows(seed)
        found = lsgd.separation(X, y, **options)
        run, texts = ended(backend, X, y, **options)
        is_separated = run.stop_reason == "separated"
        kinds = ("complete",) if is_separated else ("none", "quasi-complete")
        assert found.kind in (*kinds, "undecided") or run.stop_reason == "max_passes", seed
        assert is_separated == (run.trace.min_margin[-1] > 0.0), seed
        assert is_separated == bool(run.separable), seed
        assert len(texts) == (run.stop_reason == "no_minimum"), seed
        assert run.trace.loss[-1] <= run.trace.loss.min() * (1.0 + 1e-6), seed
        if is_separated:
            assert run.verdict == "stable" and "were separated at iteration" in run.evidence
            assert (margins_of(run.separating_weights, X, y, options) > 0.0).all(), seed
            assert run.trace.min_margin[run.separated_at] > 0.0


@every_backend
@pytest.mark.parametrize("options", [{}, {"scale": 1e3}, {"center": [1e-9, 0.0], "scale": 1e9}])
def test_weights_of_a_proof_reach_a_target_and_exceed_offsets(backend, options):
    """Beside features that are read otherwise than they are used."""
    X = np.array([[1e-9, 2e-22], [1e-9, -2e-22], [3e-9, 1e-22], [3e-9, -1e-22]])
    y, offset = np.array([1, 0, 1, 0]), np.array([0.5, -3.0, 0.0, 1.0])
    run, texts = ended(
        backend, X, y, offset=offset, fit_intercept=True, stop=lsgd.Stop(loss=1e-9), **options
    )
    assert run.stop_reason == "loss" and run.separable and texts == []
    assert run.trace.loss[-1] <= 1e-9 and run.trace.min_margin[run.separated_at] > 3.0


@every_backend
def test_a_proof_costs_no_read_that_is_not_allowed(backend):
    for seed in range(12):
        X, y, options = few_rows(seed)
        for max_passes in range(1, 12):
            run, _ = ended(backend, X, y, max_passes=max_passes, **options)
            assert run.trace.passes[-1] <= max_passes
            assert (run.stop_reason == "separated") == bool(run.separable)
