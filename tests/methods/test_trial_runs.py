"""The runs of a trial: what the rows outside of a sample say, and what a callback is told."""

import io
from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._methods.trial_runs import Watch
from support.backends import every_backend
from support.trials import DIGITS, QUICK, almost_separable, recorded

HELD_OUT = ["held_out_loss", "held_out_error"]


def clouds(n, k, spread=0.7):
    """Return n rows of k classes, no row twice."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % k
    return np.eye(k, 3)[y] + spread * rng.standard_normal((n, 3)), y


# --- Rows outside of a sample ---------------------------------------------------------------------


def outside(X, y, rows):
    """Return the rows and labels of those that are not among others."""
    inside = {row.tobytes() for row in rows}
    kept = [row.tobytes() not in inside for row in X]
    return X[kept], y[kept]


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("goal", HELD_OUT)
def test_rows_outside_of_a_sample_judge_it(goal, intercept):
    X, y = clouds(90, 2)
    y = 2 * y - 1
    trial, calls = recorded(X, y, goal=goal, fit_intercept=intercept, **QUICK)
    samples = [call for call in calls if len(call[0]) < len(X)]
    for i, (rows, _, stepsizes, runs) in enumerate(samples[:3]):
        others, labels = outside(X, y, rows)
        assert len(others) == len(X) - trial.n_rows_sampled
        for j, run in enumerate(runs):
            outcome = trial.stages[j].outcomes[i]
            margins = labels * (others @ run.weights + run.intercept)
            assert outcome.stepsize == stepsizes[j]
            loss = np.logaddexp(0.0, -margins).mean()
            assert outcome.held_out_loss == pytest.approx(loss, rel=1e-12)
            assert outcome.held_out_error == pytest.approx((margins <= 0.0).mean(), rel=1e-12)
    assert all(o.held_out_loss is None for o in trial.confirmations)
    best = min(trial.stages, key=lambda s: s.rank(goal) if s.passed else (9,))
    assert trial.recommended <= best.stepsize  # the first of equal ones


def test_rows_outside_of_a_sample_judge_it_by_their_classes():
    X, y = clouds(120, 3)
    trial, calls = recorded(X, y, goal="held_out_loss", loss="softmax", **QUICK)
    rows, _, _, runs = next(call for call in calls if len(call[0]) < len(X))
    others, labels = outside(X, y, rows)
    scores = others @ runs[1].weights
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(labels)), labels]
    assert trial.stages[1].outcomes[0].held_out_loss == pytest.approx(losses.mean(), rel=1e-12)


@every_backend
@pytest.mark.parametrize("goal", HELD_OUT)
def test_weights_of_the_rows_count_outside_of_a_sample(backend, goal):
    """A row of weight 2 is that row twice; rows of weight 0 do not count."""
    X, y = almost_separable()
    X, y = X[:300], y[:300]
    far = np.vstack([X, [[1e300, -1e300]]])
    options = {"goal": goal, "sample": 0.5, **QUICK}
    found = backend.staged_trial(
        far, np.append(y, 1), sample_weight=np.append(np.full(300, 0.5), 0.0), **options
    )
    plain = backend.staged_trial(X, y, **options)
    assert found.recommended == plain.recommended
    for ours, theirs in zip(found.stages, plain.stages, strict=True):
        for a, b in zip(ours.outcomes, theirs.outcomes, strict=True):
            assert a.held_out_loss == pytest.approx(b.held_out_loss, rel=1e-9)
            assert a.held_out_error == pytest.approx(b.held_out_error, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "expected"), [((50, 50), (40, 40)), ((95, 5), (76, 4)), ((99, 1), (80, 1))]
)
def test_some_rows_of_each_class_are_held_out(counts, expected):
    """Of so many features a sample would take all rows; and a single row is in the sample."""
    y = np.repeat([1, -1], counts)
    X = np.random.default_rng(0).standard_normal((100, 60))
    trial, calls = recorded(X, y, goal="held_out_error", n_steps=5, n_stages=2)
    assert not trial.samples_are_whole and len(trial.stages[0].outcomes) == 3
    _, labels, _, _ = calls[0]
    assert (np.count_nonzero(labels == 1), np.count_nonzero(labels == -1)) == expected


@every_backend
@pytest.mark.parametrize("goal", ["held_out_loss", "held_out_error"])
def test_a_share_that_holds_nothing_out_is_refused(backend, goal):
    with pytest.raises(ValueError, match=rf"sample must be below 1 for goal='{goal}', .*got 1\.0"):
        backend.staged_trial(*clouds(90, 2), goal=goal, sample=1.0)


@pytest.mark.parametrize(("sample", "expected"), [(0.1, 16), (0.9, 82), (0.999, 88)])
def test_a_large_share_is_obeyed_where_rows_are_held_out(sample, expected):
    data = clouds(90, 2)
    trial, _ = recorded(*data, goal="held_out_loss", sample=sample, n_steps=5, n_stages=2)
    assert trial.n_rows_sampled == expected


@every_backend
def test_weights_that_overflow_have_no_loss_elsewhere(backend):
    rng = np.random.default_rng(1)
    X, y = 1e140 * rng.standard_normal((60, 2)), np.arange(60) % 2
    options = {"goal": "held_out_loss", "start_stepsize": 1e200, "n_stages": 2, "n_steps": 9}
    trial = backend.staged_trial(X, y, **options)
    outcome = trial.stages[-1].outcomes[0]
    assert outcome.ending == "diverged" and outcome.held_out_loss == np.inf
    assert trial.to_dict()["stages"][-1]["outcomes"][0]["held_out_loss"] is None


# --- Callbacks ------------------------------------------------------------------------------------


def watched(backend, X, y, end=lambda progress: None, **options):
    seen = []

    def callback(progress):
        seen.append(progress)
        return end(progress)

    return backend.staged_trial(X, y, callback=callback, **options), seen


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_a_callback_sees_every_step_of_every_phase(backend, loss):
    X, y = clouds(200, 2)
    trial, seen = watched(backend, X, y, loss=loss, **QUICK)
    steps = [progress.n_steps for progress in seen]
    assert steps == sorted(set(steps)) and all(np.isfinite(p.loss) for p in seen)
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    samples = [f"sample {i} of 3" for i in (1, 2, 3)]
    new = [f"new {name}" for name in samples] if trial.comparison is not None else []
    assert phases == [*samples, "all rows", *new]
    first = [o.n_steps for o in (stage.outcomes[0] for stage in trial.stages)]
    steps_of_first = sum(first) if loss == "softmax" else max(first)
    assert sum(p.phase == samples[0] for p in seen) >= steps_of_first - len(first)
    assert trial.to_dict() == backend.staged_trial(X, y, loss=loss, **QUICK).to_dict()
    assert not trial.ended


@every_backend
def test_a_callback_is_called_every_so_many_steps(backend):
    _, seen = watched(backend, *clouds(200, 2), callback_every=16, **QUICK)
    steps = [p.n_steps for p in seen if p.phase == "sample 1 of 3"]
    assert steps[:3] == [16, 32, 48]


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_a_callback_ends_a_trial(backend, loss):
    X, y = clouds(200, 2)
    trial, seen = watched(backend, X, y, lambda p: p.n_steps == 10, loss=loss, **QUICK)
    assert len(seen) == 10 and trial.ended
    assert trial.recommended is None and trial.comparison is None and trial.confirmations == ()
    assert [len(stage.outcomes) for stage in trial.stages] == [1] * 4
    text = " ".join(trial.report().split())
    assert "None: the callback ended the trial before its runs on all rows." in text
    assert "<table>" in trial._repr_html_()


@every_backend
def test_what_is_known_when_a_callback_ends_a_trial_is_kept(backend):
    X, y = clouds(200, 2, spread=0.2)
    whole = backend.staged_trial(X, y, **QUICK)
    assert whole.comparison is not None
    trial, _ = watched(backend, X, y, lambda p: p.phase.startswith("new"), **QUICK)
    assert trial.ended and trial.comparison is None
    assert trial.recommended == whole.recommended and trial.confirmations == whole.confirmations
    assert "Use the stepsize" in trial.report()
    trial, _ = watched(backend, X, y, lambda p: p.phase == "all rows", **QUICK)
    assert trial.recommended is None and trial.stages == whole.stages


@every_backend
def test_only_true_ends_a_trial_and_errors_come_through(backend):
    trial, _ = watched(backend, *clouds(60, 2), lambda p: 1, **QUICK)
    assert not trial.ended
    with pytest.raises(KeyError, match="mine"):
        watched(backend, *clouds(60, 2), lambda p: {}["mine"], **QUICK)


@every_backend
def test_the_progress_bar_shows_a_trial(backend):
    stream = io.StringIO()
    bar = lsgd.progress_bar(stream=stream)
    backend.staged_trial(*DIGITS, callback=bar, callback_every=16, **QUICK)
    bar.close()


def test_runs_one_after_another_all_count():
    """One that ends early adds what it has reported."""
    seen = []
    watch = Watch(seen.append, shares_passes=False)
    watch.begin("all rows")
    for n_steps in (10, 20, 30, 10, 20, 10, 20):
        watch(SimpleNamespace(n_steps=n_steps, loss=0.5))
    watch.begin("new")
    watch(SimpleNamespace(n_steps=10, loss=0.5))
    assert [p.n_steps for p in seen] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert [p.phase for p in seen] == ["all rows"] * 7 + ["new"]
