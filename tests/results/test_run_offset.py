"""What runs say about separation where rows have offsets."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from support import awkward
from support.backends import every_backend

X, Y = lsgd.datasets.toy()
NOISE = np.random.default_rng(0).standard_normal((60, 3))
LABELS = awkward.labels(60, np.random.default_rng(1))  # of a model without any margin
KNOWN = 5.0 * LABELS  # offsets that know the labels


def runs(backend, X, y, **options):
    yield backend.gradient_descent(X, y, 4.0, 400, **options)
    yield backend.gradient_descent(X, y, 4.0, 400, gram=True, **options)
    yield backend.nesterov_descent(X, y, None, 400, **options)
    yield from backend.stepsize_sweep(X, y, [1.0, 2.0], 400, **options)
    yield backend.minimize(X, y, **options)


@every_backend
def test_margins_that_offsets_make_positive_separate_nothing(backend):
    for run in runs(backend, NOISE, LABELS, offset=KNOWN, stop=lsgd.Stop(separated=True)):
        assert run.trace.min_margin[-1] > 0.0 == run.trace.error_rate[-1]
        assert run.separable is None and run.separated_at is None
        assert "separated" not in run.evidence
    run = backend.minimize(NOISE, LABELS, offset=KNOWN)
    assert run.stop_reason == "converged" and run.verdict == "stable"
    z = LABELS * (NOISE @ run.weights + KNOWN)
    assert np.abs(NOISE.T @ (LABELS / (1.0 + np.exp(z)))).max() / 60 < 1e-7


@every_backend
@pytest.mark.parametrize("size", [0.1, 1.0])
def test_rows_are_separated_without_their_offsets(backend, size):
    offset = size * np.random.default_rng(2).uniform(-1.0, 1.0, len(Y))
    offset[0] = -size * Y[0]
    for run in runs(backend, X, Y, offset=offset):
        assert run.separable and run.largest_offset == size
        w = run.separating_weights
        assert (Y * (X @ w) > 0.0).all()
        if run.trace.min_margin[0] <= size:
            at = np.flatnonzero(run.trace.min_margin > size)[0]
            assert run.separated_at == run.trace.step[at]


@every_backend
def test_rows_without_weight_do_not_matter(backend):
    offset, weight = np.zeros(len(Y)), np.ones(len(Y))
    offset[2], weight[2] = 1e300, 0.0
    run = backend.gradient_descent(X, Y, 4.0, 100, offset=offset, sample_weight=weight)
    plain = backend.gradient_descent(X, Y, 4.0, 100, sample_weight=weight)
    assert run.separated_at == plain.separated_at and run.largest_offset == 0.0
    assert run.weights.tobytes() == plain.weights.tobytes()


@every_backend
def test_a_network_fits_the_labels_without_their_offsets(backend):
    options = {"width": 8, "rng": 0, "offset": 0.5 * Y}
    run = backend.two_layer_gradient_descent(X, Y, 4.0, 300, **options)
    at = np.flatnonzero(run.trace.min_margin > 0.5)[0]
    assert run.separated_at == at > 0 and run.separable is None


@every_backend
@pytest.mark.parametrize("target", [1e-3, 1e-200])
def test_a_target_loss_is_reached_with_offsets(backend, target):
    offset = 3.0 * np.where(np.arange(len(Y)) % 2, Y, -Y)
    run = backend.minimize(X, Y, offset=offset, stop=lsgd.Stop(loss=target))
    assert run.stop_reason == "loss" and run.trace.loss[-1] <= target
    found = backend.logistic_loss(X, Y, run.weights, offset=offset)
    assert found == pytest.approx(run.trace.loss[-1], rel=1e-6)
    long = backend.gradient_descent(X, Y, 8.0, 2000, offset=offset)
    scaled = lsgd.scale_to_loss(long, target)
    assert scaled.factor > 1.0
    found = backend.logistic_loss(X, Y, scaled.weights, offset=offset)
    assert found <= scaled.loss_bound <= target


@every_backend
def test_separation_does_not_depend_on_offsets(backend):
    for rows, labels, kind in (
        (X, Y, "complete"),
        (NOISE, LABELS, "none"),
        ([[0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 1], "quasi-complete"),
    ):
        offset = np.linspace(-9.0, 9.0, len(labels))
        options = {"fit_intercept": kind == "quasi-complete"}
        found = backend.separation(rows, labels, offset=offset, **options)
        plain = backend.separation(rows, labels, **options)
        assert found.kind == plain.kind == kind
        assert repr(found) == repr(plain)


@every_backend
def test_a_loss_without_a_minimum_is_found_with_offsets(backend):
    x, y = [[0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 1]
    with pytest.warns(lsgd.SeparationWarning, match="feature 0"):
        run = backend.minimize(x, y, fit_intercept=True, offset=[1.0, -2.0, 0.5, 0.0])
    assert run.stop_reason == "no_minimum"


@every_backend
def test_trials_prove_and_measure_without_offsets(backend):
    options = {"n_stages": 2, "n_steps": 50, "n_repeats": 1}
    trial = backend.staged_trial(NOISE, LABELS, offset=KNOWN, **options)
    assert trial.separation == "none"
    margin = lsgd.max_margin(X, Y)
    trial = backend.staged_trial(X, Y, offset=5.0 * Y, **options)
    plain = backend.staged_trial(X, Y, **options)
    assert trial.separation == plain.separation == "complete"
    assert all(outcome.margin <= margin.value + margin.gap for outcome in trial.confirmations)
    assert trial.settled_after is None  # of which Theorem 1 says nothing


def test_a_file_keeps_the_largest_offset(tmp_path):
    run = lsgd.gradient_descent(X, Y, 1.0, 5, offset=np.full(len(Y), -2.5))
    run.save(tmp_path / "run.npz")
    assert lsgd.Run.load(tmp_path / "run.npz").largest_offset == 2.5


@every_backend
def test_scores_have_the_offsets_that_are_passed(backend):
    offset = np.linspace(-3.0, 3.0, 60)
    run = backend.gradient_descent(NOISE, LABELS, 1.0, 20, offset=offset)
    scores = run.decision_function(NOISE, offset=offset)
    np.testing.assert_allclose(scores, NOISE @ run.weights + offset, rtol=1e-12)
    assert (run.predict(NOISE, offset=offset) == np.where(scores > 0.0, 1, -1)).all()
    assert run.trace.error_rate[-1] == (run.predict(NOISE, offset=offset) != LABELS).mean()
    proba = run.predict_proba(NOISE, offset)[:, 1]
    np.testing.assert_allclose(proba, 1.0 / (1.0 + np.exp(-scores)), rtol=1e-12)
    for value, message in ((offset[1:], "offset has length 59"), (offset * np.nan, "finite")):
        with pytest.raises(ValueError, match=message):
            run.predict(NOISE, offset=value)
    several = backend.gradient_descent(NOISE, np.arange(60) % 3, 1.0, 5, loss="softmax")
    with pytest.raises(ValueError, match="offset must be None"):
        several.predict(NOISE, offset=offset)
