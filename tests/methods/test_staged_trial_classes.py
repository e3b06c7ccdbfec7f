"""Staged trials of several classes: samples of each, and what is recommended is confirmed."""

import json

import numpy as np
import pytest

from lsgd_fast import datasets, losses, reference
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.smoothness import estimate_smoothness
from lsgd_fast._text import WIDTH
from support import sparse_cases
from support.backends import every_backend, sparing
from support.trials import QUICK, recorded


def clouds(n, d, k, spread, seed=0):
    """Return n rows of k classes around points on the axes, class 0 half as often as the others."""
    rng = np.random.default_rng(seed)
    y = rng.integers(1, 2 * k, n) // 2
    y[:k] = range(k)
    return np.eye(k, d)[y] + spread * rng.standard_normal((n, d)), y


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_smoothness_is_estimated_from_below(seed, intercept):
    rng = np.random.default_rng(seed)
    X, y = clouds(60, 4, 4, 0.5, seed)
    weight = rng.uniform(0.1, 1.0, 60)
    options = {"sample_weight": weight, "l2": 0.1, "fit_intercept": intercept, "loss": "softmax"}
    columns = np.hstack([X, np.ones((60, 1))]) if intercept else X
    second = columns.T @ (columns * (weight / weight.sum())[:, None])
    exact = np.linalg.eigvalsh(second)[-1] / 2 + 0.1
    problem = Problem.check(X, y, **options)
    assert 0.525 * exact <= estimate_smoothness(problem, rng) <= exact * (1 + 1e-5)
    trial = reference.staged_trial(X, y, n_stages=1, n_steps=30, **options)
    assert 0.9 / exact <= trial.recommended <= 2.0 / exact
    assert trial.confirmed.n_increases == 0 and trial.confirmed.ending == "stable"


@sparing("intercept", [False, True], every=2)
@pytest.mark.parametrize("spread", [0.1, 0.4], ids=["separable", "mixed"])
def test_a_plain_run_repeats_the_confirmation(backend, spread, intercept):
    X, y = clouds(600, 3, 3, spread)
    options = {"loss": "softmax", "fit_intercept": intercept}
    trial = backend.staged_trial(X, y, n_stages=5, **options)
    start = None
    if intercept:  # the intercepts of a trial start at the base rates
        logs = np.log(np.bincount(y).astype(float))
        start = np.vstack([np.zeros((X.shape[1], len(logs))), logs - logs.mean()])
    run = backend.gradient_descent(X, y, trial.recommended, 1000, start=start, **options)
    found = trial.confirmed
    assert found.held and found in trial.confirmations
    assert found.ln_loss == pytest.approx(run.trace.ln_loss[-1], rel=1e-9)
    assert found.separated_at == run.separated_at
    assert (found.verdict, found.n_increases) == (run.verdict, run.n_increases)
    assert found.ending == ("separated" if spread == 0.1 else "stable")
    best = min(o.rank("loss") for o in trial.confirmations)
    assert found.rank("loss") == pytest.approx(best, rel=1e-11)
    assert trial.recommended > trial.conservative


@every_backend
def test_two_classes_are_those_of_the_logistic_loss(backend):
    """The difference of two columns takes steps twice as long on the logistic loss."""
    for X, y in (datasets.digits_0_vs_8(), datasets.toy()):
        options = {"n_steps": 100, "n_stages": 5}
        one = backend.staged_trial(X, y, start_stepsize=0.5, **options)
        two = backend.staged_trial(X, y > 0.0, start_stepsize=0.25, loss="softmax", **options)
        assert two.recommended == one.recommended / 2.0
        assert two.n_rows_sampled == one.n_rows_sampled
        assert two.smoothness == pytest.approx(2.0 * one.smoothness, rel=2e-5)
        for ours, theirs in zip(two.stages, one.stages, strict=True):
            assert ours.passed == theirs.passed
            for a, b in zip(ours.outcomes, theirs.outcomes, strict=True):
                assert (a.separated_at, a.n_increases) == (b.separated_at, b.n_increases)
                assert a.ln_loss == pytest.approx(b.ln_loss, rel=1e-9)


def test_samples_are_stratified_and_passes_counted():
    X, y = clouds(500, 3, 4, 0.4)
    solved = []
    trial, calls = recorded(X, y, loss="softmax", n_steps=50, solved=solved)
    samples = [call for call in calls if len(call[0]) < len(X)]
    assert [len(call[2]) for call in samples[:3]] == [8] * 3
    for rows, labels, _, _ in samples:
        assert len(rows) == trial.n_rows_sampled
        for label in range(4):
            share = trial.n_rows_sampled / len(X) * np.count_nonzero(y == label)
            assert abs(np.count_nonzero(labels == label) - share) <= 1.0
    passes = [
        len(rows) / 500 * sum(1 + run.n_steps for run in runs) for rows, _, _, runs in calls
    ]  # which none of them share
    passes += [run.trace.passes[-1] for run in solved]
    assert trial.passes == pytest.approx(30 + sum(passes), rel=1e-12)


@pytest.mark.parametrize(
    ("n", "d", "k", "intercept", "expected"),
    [(1000, 3, 4, False, 100), (1000, 30, 3, False, 300), (1000, 9, 3, True, 100),
     (1000, 30, 3, True, 310), (90, 9, 3, False, 90)],
)  # fmt: skip
def test_rows_of_a_sample(n, d, k, intercept, expected):
    X, _ = clouds(n, d, k, 0.4)
    trial, _ = recorded(X, np.arange(n) % k, loss="softmax", fit_intercept=intercept, **QUICK)
    assert expected <= trial.n_rows_sampled < expected + k and trial.rows == n
    assert len(trial.stages[0].outcomes) == (1 if expected == n else 3)


@every_backend
def test_a_class_of_one_row_and_rows_of_no_weight(backend):
    X, y = clouds(400, 2, 3, 0.3)
    y[y == 2] = 1
    y[7] = 2
    far = np.vstack([X, [[1e300, 1e300]] * 3])
    weight = np.append(np.full(400, 2.5), np.zeros(3))
    options = {"loss": "softmax", **QUICK}
    trial = backend.staged_trial(far, np.append(y, [2, 1, 0]), sample_weight=weight, **options)
    assert trial.recommended == backend.staged_trial(X, y, **options).recommended
    assert trial.rows == 400 and trial.n_classes == 3


@every_backend
def test_sparse_rows(backend):
    X, y = clouds(500, 6, 3, 0.3)
    X[np.abs(X) < 0.3] = 0.0
    dense, sparse = (
        backend.staged_trial(form, y, loss=losses.Softmax(), **QUICK)
        for form in (X, sparse_cases.csr(X))
    )
    assert sparse.recommended == pytest.approx(dense.recommended, rel=1e-9)
    assert sparse.confirmed.ln_loss == pytest.approx(dense.confirmed.ln_loss, rel=1e-6)


@every_backend
def test_the_report_claims_no_theorem(backend):
    X, y = clouds(400, 3, 3, 0.1)
    trial = backend.staged_trial(X, y, n_steps=200, loss="softmax")
    text = " ".join(str(trial).split())
    assert text.startswith(
        "Staged trial on 400 rows of 3 features in 3 classes, for the lowest loss: "
    )
    assert trial.confirmed.ending == "separated" and "Theorem 1" not in text
    assert max(map(len, str(trial).splitlines())) <= WIDTH
    found = json.loads(json.dumps(trial.to_dict(), allow_nan=False))
    assert (found["loss"], found["n_classes"]) == ("softmax", 3)


@every_backend
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "exponential"}, "loss must be 'logistic' or 'softmax' for a trial"),
        ({"loss": losses.FlattenedPolynomial()}, "loss must be 'logistic' or 'softmax'"),
        ({"loss": "softmin"}, "loss 'softmin' is unknown"),
        ({"loss": 3}, "loss must be a name or an object"),
        ({"loss": "logistic"}, "y must hold the labels"),
        ({"y": [0, 1, 3, 1]}, "y must hold every class .* 2 is missing"),
        ({"sample_weight": [1.0, 1.0, 0.0, 1.0]}, "y must hold every class .* 2 is missing"),
    ],
    ids=str,
)
def test_errors_name_the_argument(backend, change, message):
    arguments = {"y": [0, 1, 2, 1], "loss": "softmax"} | change
    with pytest.raises((TypeError, ValueError), match=message):
        backend.staged_trial([[1.0, 2.0]] * 4, **arguments)
