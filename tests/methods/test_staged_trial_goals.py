"""What a trial is for: a loss, a margin, steps; and what is neither success nor failure yet."""

import re

import numpy as np
import pytest

from lsgd_fast import Stop, reference, separation
from lsgd_fast._constants import EPSILON
from support.backends import BACKENDS, every_backend
from support.trials import DIGITS, almost_separable, flipped, texts

FAST = BACKENDS[-1]  # the reference would take most of a minute


def text_of(trial):
    return " ".join(trial.report().split())


def least_loss(X, y, trial):
    """Return the least loss of those of a grid, up to the largest stage, that hold."""
    grid = [2.0**i * trial.conservative for i in range(2 * len(trial.stages) - 1)]
    options = {"stop": Stop(cycling=True), "record_every": trial.n_steps}
    runs = FAST.stepsize_sweep(X, y, grid, trial.n_steps, **options)
    held = [run for run in runs if run.separable or run.verdict == "stable"]
    return max(EPSILON, min(float(run.trace.loss[-1]) for run in held))


# --- Text -----------------------------------------------------------------------------------------


def test_large_stepsizes_separate_a_bag_of_words():
    """They are unstable for more than half of the steps, which is no failure."""
    X, y = texts(500, 2000, 200, contrast=0.02)
    trial = FAST.staged_trial(X, y)
    small, best = trial.confirmations[0], trial.confirmed
    assert small.separated_at is None and small.loss > 0.3
    assert best.ending == "separated" and best.loss < 1e-3
    assert best.separated_at > 500 and (best.stable_at is None or best.stable_at > 500)
    assert best.loss <= 2.0 * least_loss(X, y, trial)
    assert "may not be separable" not in text_of(trial) and trial.separation == "complete"


def test_a_large_set_of_sparse_rows():
    X, y = texts(1500, 4000, 80, contrast=0.1, idf=True)
    trial = FAST.staged_trial(X, y, n_steps=400)
    assert trial.separation == "complete" and trial.confirmed.ending == "separated"
    assert trial.recommended > trial.conservative
    assert trial.confirmed.loss <= 2.0 * least_loss(X, y, trial)


# --- Neither success nor failure ------------------------------------------------------------------


@every_backend
def test_what_is_unsettled_is_told_apart_and_settles_with_more_steps(backend):
    X, y = texts(60, 150, 40)
    trial = backend.staged_trial(X, y, n_steps=6, n_stages=6)
    unsettled = {stage.stepsize for stage in trial.stages if stage.mark == "unsettled"}
    assert unsettled and all(o.mark != "failed" for o in trial.confirmations)
    text, asked = text_of(trial), 6
    assert "neither success nor failure" in text
    while unsettled:
        (asked,) = map(int, re.findall(r"try n_steps=(\d+)", text))
        assert asked == 4 * trial.n_steps <= 6000
        trial = backend.staged_trial(X, y, n_steps=asked, n_stages=6)
        unsettled = {stage.stepsize for stage in trial.stages if stage.mark == "unsettled"}
        text = text_of(trial)
    assert all(o.held for o in trial.confirmations) and "more steps may settle" not in text


@every_backend
def test_what_fails_is_not_unsettled(backend):
    X, y = np.array([[1.0], [1.0], [1.0]]), [1, 1, 0]
    trial = backend.staged_trial(X, y, start_stepsize=100.0, n_stages=2)
    assert [stage.mark for stage in trial.stages] == ["failed"] * 2
    assert trial.confirmations[0].ending == "cycling" and trial.recommended is None
    text = text_of(trial)
    assert "It is proved that no weights separate them." in text and trial.separation == "none"
    assert "n_steps=" not in text and "neither success nor failure" not in text
    assert "cycling: the weights return to where they were, without progress" in text


@every_backend
def test_the_bound_of_the_theorem_is_one_of_the_first_unsettled_stepsize(backend):
    X, y = np.array([[0.6, 0.8], [0.8, -0.6], [0.3, -0.9], [-0.6, 0.7]]), [1, 1, 0, 0]
    trial = backend.staged_trial(X, y, n_steps=2, n_stages=8, start_stepsize=64.0)
    unsettled = [o.stepsize for o in trial.confirmations if o.mark == "unsettled"]
    assert unsettled and trial.settled_after > 2
    steps = int(min(trial.settled_after, 1e5))
    run = FAST.gradient_descent(X, y, min(unsettled), steps)
    assert run.verdict == "stable" and trial.separation == "complete"


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_what_is_said_about_separation_is_proved(share):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((80, 6))
    y = flipped(np.sign(X @ rng.standard_normal(6)), share)
    trial = FAST.staged_trial(X, y, n_steps=5, start_stepsize=1e-3, n_stages=1)
    assert trial.separation == separation(X, y).kind
    proved = "some weights separate all rows" if share == 0.0 else "no weights separate them"
    assert f"It is proved that {proved}" in text_of(trial)
    # Separation says nothing about a loss with a penalty, and nothing is looked for.
    assert FAST.staged_trial(X, y, l2=1.0, n_steps=5, n_stages=1).separation == "undecided"


# --- Goals ----------------------------------------------------------------------------------------


@every_backend
def test_steps_are_counted_to_a_target(backend):
    X, y = DIGITS[0], flipped(DIGITS[1], 0.05)
    options = {"stop": Stop(loss=0.2), "n_stages": 5, "n_steps": 200}
    trial = backend.staged_trial(X, y, **options)
    steps = [o.reached_at for o in trial.confirmations if o.reached_at is not None]
    assert trial.goal == "steps" and trial.confirmed.reached_at == min(steps) < 100
    assert trial.confirmed.ending == "reached" and trial.confirmed.loss <= 0.2
    assert "How it would go on after its target is unknown" in text_of(trial)
    loss = backend.staged_trial(X, y, goal="loss", **options)
    assert loss.goal == "loss" and loss.confirmed.loss == min(o.loss for o in loss.confirmations)


@every_backend
def test_a_margin_is_looked_for(backend):
    trial = backend.staged_trial(*DIGITS, goal="margin", n_steps=200)
    margins = {o.stepsize: o.margin for o in trial.confirmations}
    assert trial.confirmed.margin == max(margins.values()) >= margins[trial.conservative]
    lowest = backend.staged_trial(*DIGITS, n_steps=200)
    assert lowest.confirmed.margin < 0.6 * trial.confirmed.margin
    assert "goal='margin' looks for a large one" in text_of(lowest)
    assert "goal='margin'" not in text_of(trial)
    assert "the largest margin" in text_of(trial)


def test_a_margin_is_no_less_than_half_of_the_best_of_a_grid():
    trial = FAST.staged_trial(*DIGITS, goal="margin")
    grid = [2.0**i / trial.smoothness for i in range(25)]
    runs = FAST.stepsize_sweep(*DIGITS, grid, 1000, record_every=1000)
    best = max(float(run.trace.min_margin[-1] / run.trace.weight_norm[-1]) for run in runs)
    assert trial.confirmed.margin >= 0.5 * best


@pytest.mark.parametrize("goal", ["held_out_loss", "held_out_error"])
def test_what_is_held_out_is_no_worse_than_with_the_conservative_stepsize(goal):
    """By rows that the trial never sees, within the range over the samples of the trial."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((900, 20))
    labels = flipped(np.sign(noise @ rng.standard_normal(20)), 0.2)
    for X, y in ((noise, labels), (DIGITS[0], flipped(DIGITS[1], 0.05)), almost_separable()):
        seen = np.arange(len(y)) % 3 > 0
        trial = FAST.staged_trial(X[seen], y[seen], goal=goal)
        values = []
        for stepsize in (trial.conservative, trial.recommended):
            run = FAST.gradient_descent(X[seen], y[seen], stepsize, 1000)
            margins = y[~seen] * (X[~seen] @ run.weights)
            losses = np.logaddexp(0.0, -margins) if goal == "held_out_loss" else margins <= 0.0
            values.append(losses.mean())
        spread = np.ptp([getattr(outcome, goal) for outcome in trial.stages[0].outcomes])
        assert values[1] <= values[0] + spread


@every_backend
def test_few_rows_leave_none_to_hold_out(backend):
    X, y = [[1.0, 2.0], [-1.0, 0.5]], [1, 0]
    with pytest.raises(ValueError, match="goal must not be 'held_out_loss' with a single row"):
        backend.staged_trial(X, y, goal="held_out_loss")
    assert backend.staged_trial(X, y, goal="margin", n_steps=9).recommended is not None


@pytest.mark.parametrize(
    ("stop", "goal"),
    [
        (None, "loss"), (Stop(seconds=9.0), "loss"), (Stop(loss=0.1), "steps"),
        (Stop(separated=True), "steps"), (Stop(gradient_norm=1.0), "steps"),
    ],
)  # fmt: skip
def test_the_default_goal_follows_from_the_targets_in_stop(stop, goal):
    trial = reference.staged_trial([[1.0], [-1.0]], [1, 0], stop=stop, n_steps=3, n_stages=1)
    assert trial.goal == goal
