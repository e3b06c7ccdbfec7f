"""Staged trials: what is recommended is confirmed, and no worse than twice the best of a grid."""

import itertools
import json
import math

import numpy as np
import pytest

from lsgd_fast import Stop, datasets
from support.backends import BACKENDS, every_backend, sparing
from support.trials import DIGITS, QUICK, almost_separable, flipped, recorded


def flipped_digits():
    return DIGITS[0], flipped(DIGITS[1], 0.05)


def noisy():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 384))
    y = np.where(X @ rng.standard_normal(384) > 0.0, 1.0, -1.0)
    y[rng.random(3000) < 0.2] *= -1.0
    return X, y


def grid_runs(backend, X, y, trial, n_steps, size):
    grid = [2.0**i / trial.smoothness for i in range(size)]
    options = {"stop": Stop(cycling=True), "record_every": n_steps}
    return backend.stepsize_sweep(X, y, grid, n_steps, **options)


# --- No worse than twice the best of a dense grid -------------------------------------------------


@every_backend
def test_separable_data_are_separated_as_soon_as_by_the_best_of_a_grid(backend):
    rng = np.random.default_rng(3)
    wide = rng.standard_normal((150, 100)) / 10.0
    planted = np.where(wide @ rng.standard_normal(100) > 0.0, 1.0, -1.0)
    for X, y in (DIGITS, (wide, planted), datasets.toy()):
        trial = backend.staged_trial(X, y, n_steps=300, stop=Stop(separated=True))
        runs = grid_runs(backend, X, y, trial, 300, 25)
        least = min(run.separated_at for run in runs if run.separable)
        assert trial.confirmed.separated_at + 1 <= 2 * (least + 1)
        assert trial.confirmed.ending == "separated"


def check_not_separable(backend, X, y, grid_size):
    trial = backend.staged_trial(X, y)
    assert trial.confirmed.verdict == "stable"
    runs = grid_runs(backend, X, y, trial, 1000, grid_size)
    stable = [float(run.trace.loss[-1]) for run in runs if run.verdict == "stable"]
    assert 0.9 * min(stable) <= trial.confirmed.loss <= 2.0 * min(stable)
    assert "No run on all rows separated them" in trial.report()
    assert [stage.passed for stage in trial.stages[-3:]] == [False] * 3


@every_backend
def test_data_that_are_not_separable_get_a_stable_stepsize(backend):
    check_not_separable(backend, *flipped_digits(), 12)


@pytest.mark.slow
def test_noisy_data_get_a_stable_stepsize():
    check_not_separable(BACKENDS[-1], *noisy(), 6)  # the reference would take most of a minute


@every_backend
def test_a_sample_may_be_separable_where_the_whole_is_not(backend):
    X, y = almost_separable()
    trial = backend.staged_trial(X, y, sample=0.02, n_steps=1000)
    assert trial.stages[-1].passed and trial.stages[-1].outcomes[0].ending == "separated"
    failed = [outcome for outcome in trial.confirmations if not outcome.held]
    assert failed and all(outcome.stepsize > trial.recommended for outcome in failed)
    assert trial.confirmed.verdict == "stable" and trial.confirmed.separated_at is None
    assert "a sample can be easier than all rows" in " ".join(trial.report().split())
    # Having gone down, it has tried all that could be better.
    assert len(trial.confirmations) >= 4


# --- What is recommended is confirmed -------------------------------------------------------------


@every_backend
@pytest.mark.parametrize("data", [DIGITS, flipped_digits(), almost_separable()])
def test_a_plain_run_repeats_the_confirmation(backend, data):
    trial = backend.staged_trial(*data, n_stages=5)
    run = backend.gradient_descent(*data, trial.recommended, 1000)
    found = trial.confirmed
    assert found.held and found in trial.confirmations
    assert (found.ln_loss, found.separated_at) == (run.trace.ln_loss[-1], run.separated_at)
    assert (found.verdict, found.n_increases) == (run.verdict, run.n_increases)
    best = min(o.rank("loss") for o in trial.confirmations)
    assert found.rank("loss") == pytest.approx(best, rel=1e-11)


def test_the_first_confirmation_is_of_the_candidate_and_its_neighbours():
    trial, calls = recorded(*almost_separable(), sample=0.02)
    full = [call for call in calls if len(call[0]) == 4000]
    passed = [stage for stage in trial.stages if stage.passed]
    candidate = min(passed, key=lambda stage: stage.rank("loss")).stepsize
    near = [stage.stepsize for stage in trial.stages if candidate / 4 <= stage.stepsize]
    assert full[0][2][0] == trial.conservative
    assert set(full[0][2][1:]) <= set(near) and candidate in full[0][2]
    below = [s.stepsize for s in trial.stages if trial.conservative < s.stepsize < candidate / 4]
    assert full[1][2] == tuple(below)


def test_samples_are_stratified_and_new_ones_decide_the_comparison():
    X, y = flipped_digits()
    X = X + 1e-3 * np.random.default_rng(1).standard_normal(X.shape)  # no row twice
    trial, calls = recorded(X, y, sample=0.92)
    samples = [call for call in calls if len(call[0]) < len(X)]
    assert [len(call[2]) for call in samples] == [8] * 3 + [2] * 3
    share = trial.n_rows_sampled / len(X)
    sets = []
    for rows, labels, _, _ in samples:
        assert len(rows) == trial.n_rows_sampled
        assert abs(np.count_nonzero(labels == 1) - share * np.count_nonzero(y == 1)) <= 1.0
        sets.append({row.tobytes() for row in rows})
        assert len(sets[-1]) == len(rows) and sets[-1] < {row.tobytes() for row in X}
    assert all(a != b for a, b in itertools.combinations(sets, 2))
    arm = trial.comparison.recommended
    assert arm.stepsize == trial.recommended and arm.full == trial.confirmed
    assert len(arm.samples) == len(trial.comparison.conservative.samples) == 3
    assert trial.comparison.conservative.full == trial.confirmations[0]


@pytest.mark.parametrize(("n", "d", "expected"), [(1000, 3, 100), (1000, 30, 150), (40, 9, 40)])
def test_rows_of_a_sample(n, d, expected):
    rng = np.random.default_rng(0)
    y = np.where(np.arange(n) % 2, 1, -1)
    trial, _ = recorded(rng.standard_normal((n, d)), y, **QUICK)
    assert trial.n_rows_sampled == expected and trial.rows == n
    assert len(trial.stages[0].outcomes) == (1 if expected == n else 3)


def test_what_runs_on_all_rows_is_not_run_twice():
    trial, calls = recorded(*datasets.toy(), n_steps=100)
    assert len(calls) == 1 and trial.samples_are_whole
    assert trial.confirmations == tuple(stage.outcomes[0] for stage in trial.stages)
    assert trial.comparison.recommended.samples == ()
    assert "all rows, as new samples would have them all" in " ".join(trial.report().split())


@pytest.mark.parametrize("goal", ["loss", "held_out_loss"])
def test_passes_are_counted(goal):
    X, y = almost_separable()
    solved = []
    trial, calls = recorded(X, y, goal=goal, sample=0.02, n_steps=50, solved=solved)
    passes = [
        len(rows) / 4000 * (1 + max(run.n_steps for run in runs)) for rows, _, _, runs in calls
    ]
    passes += [run.trace.passes[-1] for run in solved]  # for the separation
    assert solved and trial.passes == pytest.approx(30 + sum(passes), rel=1e-12)
    assert f"it took {trial.passes:.0f} passes" in " ".join(trial.report().split())


# --- Deterministic --------------------------------------------------------------------------------


@every_backend
def test_the_same_seed_gives_the_same_trial(backend):
    X, y = almost_separable()
    first = backend.staged_trial(X, y, **QUICK)
    for rng in (0, np.int64(0), np.random.default_rng(0)):
        again = backend.staged_trial(X, y, rng=rng, **QUICK)
        assert again.to_dict() == first.to_dict() and str(again) == str(first)
    other = backend.staged_trial(X, y, rng=1, **QUICK)
    assert other.to_dict() != first.to_dict()


# --- Awkward data ---------------------------------------------------------------------------------

RNG = np.random.default_rng(7)
DEGENERATE = {
    "fewer rows than features": (RNG.standard_normal((8, 30)), [0, 1] * 4),
    "one row of each class": ([[1.0, 2.0], [-1.0, 0.5]], [1, 0]),
    "a single row of one class": (RNG.standard_normal((500, 2)), [1] + [0] * 499),
    "the same row, both labels": ([[1.0, 2.0]] * 6, [0, 1] * 3),
    "duplicated rows": (np.repeat(RNG.standard_normal((4, 3)), 50, axis=0), [0] * 100 + [1] * 100),
    "zero features": (np.zeros((10, 3)), [0, 1] * 5),
    "tiny": (1e-200 * RNG.standard_normal((60, 2)), [0, 1] * 30),
    "enormous": (1e140 * RNG.standard_normal((60, 2)), [0, 1] * 30),
}


@every_backend
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data(backend, name, intercept):
    X, y = DEGENERATE[name]
    trial = backend.staged_trial(X, y, fit_intercept=intercept, **QUICK)
    assert trial.confirmed is not None and trial.confirmed.held
    assert trial.rows == len(y) and len(trial.stages) == 4
    assert all(math.isfinite(stage.stepsize) for stage in trial.stages)
    json.dumps(trial.to_dict(), allow_nan=False)
    assert "Use the stepsize" in str(trial)


@sparing("scale", [1e6, 1e-6], every=2)
def test_the_scale_of_the_data_scales_the_stepsize(backend, scale):
    for X, y in (flipped_digits(), almost_separable()):
        plain = backend.staged_trial(X, y, n_stages=3)
        scaled = backend.staged_trial(scale * X, y, n_stages=3)
        assert scaled.recommended * scale**2 == pytest.approx(plain.recommended, rel=1e-9)
        assert scaled.confirmed.loss == pytest.approx(plain.confirmed.loss, rel=1e-6)


@every_backend
def test_rows_of_no_weight_take_no_part(backend):
    X, y = almost_separable()
    X, y = X[:400], y[:400]
    far = np.vstack([X, [[1e300, 1e300]] * 3])
    weight = np.append(np.full(400, 2.5), np.zeros(3))
    trial = backend.staged_trial(far, np.append(y, [1, 1, 1]), sample_weight=weight, **QUICK)
    assert trial.recommended == backend.staged_trial(X, y, **QUICK).recommended
    assert trial.rows == 400


# --- A penalty ------------------------------------------------------------------------------------


@every_backend
def test_with_a_penalty_the_objective_decides(backend):
    X, y = DIGITS
    trial = backend.staged_trial(X, y, l2=1e-2, n_steps=500, n_stages=5)
    assert trial.goal == "loss" and trial.confirmed.verdict == "stable"
    assert trial.confirmed.reached_at is None and trial.confirmed.objective > trial.confirmed.loss
    held = [o.objective for o in trial.confirmations if o.held]
    assert trial.confirmed.objective == min(held)
    assert "for the lowest loss with its penalty" in " ".join(trial.report().split())
    # 2 over the curvature at the minimiser is what no stable stepsize exceeds.
    assert not trial.stages[-1].passed


@every_backend
def test_weights_that_a_penalty_blows_up_are_not_recommended(backend):
    X, y = almost_separable()
    options = {"start_stepsize": 2.5, "factor": 1.5, "n_stages": 2}
    trial = backend.staged_trial(X, y, l2=1.0, **options)
    assert [stage.passed for stage in trial.stages] == [False, False]  # eta (l2 + ...) > 2
    assert trial.recommended is None


# --- Nothing to recommend -------------------------------------------------------------------------


@every_backend
def test_nothing_is_recommended_when_nothing_holds(backend):
    trial = backend.staged_trial(*flipped_digits(), start_stepsize=1e3, n_stages=2, n_steps=200)
    assert trial.recommended is None and trial.confirmed is None and trial.comparison is None
    assert [o.held for o in trial.confirmations] == [False]
    text = trial.report()
    assert "None: no stepsize held on all rows within 200 steps." in text
    assert f"With stepsizes up to {1 / trial.smoothness:.2g} the loss cannot increase." in text
    assert trial.to_dict()["recommended"] is None


@every_backend
def test_too_few_steps_to_judge_leave_the_conservative_stepsize(backend):
    trial = backend.staged_trial(*almost_separable(), sample=1.0, n_steps=20, n_stages=3)
    assert trial.recommended == trial.conservative == trial.stages[0].stepsize
    assert "It is the smallest one" in trial.report()


# --- Arguments ------------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("factor", 1.0, ValueError), ("factor", "4", TypeError), ("factor", 1e200, ValueError),
        ("n_stages", 0, ValueError), ("n_stages", 2.0, TypeError), ("n_steps", 0, ValueError),
        ("sample", 0.0, ValueError), ("sample", 1.5, ValueError), ("n_repeats", 0, ValueError),
        ("start_stepsize", -1.0, ValueError), ("start_stepsize", 1e307, ValueError),
        ("stop", 3, TypeError), ("rng", "dice", TypeError), ("rng", True, TypeError),
        ("rng", -1, ValueError), ("n_threads", 0, ValueError), ("l2", -1.0, ValueError),
        ("sample_weight", [1.0], ValueError), ("fit_intercept", 1, TypeError),
        ("goal", "accuracy", ValueError), ("goal", 3, TypeError), ("goal", "steps", ValueError),
        ("callback", 3, TypeError), ("callback_every", 0, ValueError),
    ],
)  # fmt: skip
def test_errors_name_the_argument(backend, name, value, error):
    with pytest.raises(error, match=f"^{name}|{name} "):
        backend.staged_trial(*datasets.toy(), **{name: value})
    with pytest.raises(TypeError, match="momentum"):
        backend.staged_trial(*datasets.toy(), momentum=0.9)
