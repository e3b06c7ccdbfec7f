"""Staged trials of training loops: seeds take the place of samples."""

import inspect
import json
import math
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, TrainingMonitor, Trial, reference
from lsgd_fast._methods.staged_trial import TrialOptions, run_training_trial
from support.backends import BACKENDS, every_backend
from support.training import descend, network, pairs, quadratic
from support.trials import CYCLING, DIGITS, MIXED

QUICK = {"start_stepsize": 0.05, "n_stages": 4, "n_steps": 1100}  # 0.05, 0.2, 0.8 and 3.2


def tried(train=quadratic, **options):
    return reference.staged_trial(train=train, **(QUICK | options))


def remembering(train=quadratic):
    """Return a loop, and a list of the arguments it has been called with."""
    calls = []

    def called(*arguments):
        calls.append(arguments)
        return train(*arguments)

    return called, calls


# --- The same as for rows -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "n_steps", "n_stages", "holds"),
    [(MIXED, 1000, 6, 2), (CYCLING, 1000, 5, 1), (DIGITS, 2000, 5, 5)],
)
def test_a_loop_of_our_own_descent_is_judged_as_its_rows_are(data, n_steps, n_stages, holds):
    """Where the verdict on the losses can be as good as one by the weights."""
    fast = BACKENDS[-1]
    rows = fast.staged_trial(*data, sample=1.0, n_steps=n_steps, n_stages=n_stages)
    stepsizes = [stage.stepsize for stage in rows.stages]
    train = descend(*data, fast)
    found = fast.staged_trial(train=train, stepsizes=stepsizes, n_steps=n_steps, n_repeats=1)
    assert found.recommended == rows.recommended and found.conservative == rows.conservative
    for ours, theirs in zip(found.stages, rows.stages, strict=True):
        assert ours.passed == theirs.passed and ours.mark == theirs.mark
        if ours.outcomes[0].ending != "cycling":  # 64 losses tell, one step before 64 steps do
            assert ours.outcomes[0].loss == theirs.outcomes[0].loss
    assert sum(stage.passed for stage in rows.stages) == holds


def test_both_implementations_are_one():
    ours, theirs = (inspect.signature(backend.staged_trial) for backend in (lsgd, reference))
    assert ours == theirs
    found = [backend.staged_trial(train=quadratic, **QUICK).to_dict() for backend in BACKENDS]
    assert found[0] == found[-1]


# --- What runs ------------------------------------------------------------------------------------


def test_stepsizes_that_hold_are_confirmed_with_other_seeds_and_compared():
    train, calls = remembering()
    trial = tried(train)
    assert [stage.passed for stage in trial.stages] == [True, True, True, False]
    assert trial.recommended == 0.8 and trial.conservative == 0.05
    assert trial.stages[-1].outcomes[0].ending == "diverged"
    assert {n_steps for _, n_steps, _ in calls} == {1100}
    seeds = Counter(seed for *_, seed in calls)
    assert list(seeds.values()) == [4, 4, 4, 3, 2, 2, 2]  # stages, confirmation, comparison
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)
    assert all(type(stepsize) is float for stepsize, *_ in calls)
    assert trial.seed == list(seeds)[3] and len(trial.confirmations) == 3
    assert trial.comparison.recommended.full is trial.confirmed
    outcomes = [o for stage in trial.stages for o in stage.outcomes] + [*trial.confirmations]
    for run in (trial.comparison.conservative, trial.comparison.recommended):
        outcomes += run.samples
    assert trial.total_steps == sum(o.n_steps for o in outcomes)
    again = tried()
    assert again.to_dict() == trial.to_dict() and tried(rng=1).seed != trial.seed


def test_a_monitor_judges_each_run():
    trial = tried(network, start_stepsize=0.08, n_stages=1, n_steps=600, n_repeats=1)
    monitor, losses = TrainingMonitor(), network(0.08, 600, trial.seed)
    for loss in losses:
        monitor.update(loss)
    (found,) = trial.confirmations
    assert (found.verdict, found.evidence) == (monitor.verdict, monitor.evidence)
    assert (found.n_increases, found.loss) == (monitor.n_increases, loss)
    assert found.n_steps == 600 and found.stop_reason == "n_steps"


def test_stages_are_ranked_by_all_their_seeds():
    """The seed of the confirmation has its own taste, and only says what holds."""
    first = tried(stop=Stop(loss=1e9))
    levels = {0.05: 3.0, 0.2: 2.0, 0.8: 1.0, 3.2: 4.0}

    def train(stepsize, n_steps, seed):
        yield -levels[stepsize] if seed == first.seed else levels[stepsize]

    trial = tried(train, stop=Stop(loss=1e9), goal="loss")
    assert trial.seed == first.seed and trial.recommended == 0.8


def test_one_lucky_seed_is_no_recommendation():
    lucky = tried(stop=Stop(loss=1e9)).seed

    def train(stepsize, n_steps, seed):
        return [1.0 if seed == lucky else 3.0, 4.0]

    trial = tried(train, stop=Stop(loss=1.5))
    assert trial.seed == lucky and trial.confirmations[0].held
    assert not any(stage.passed for stage in trial.stages) and trial.recommended is None
    assert "None: no stepsize held on most seeds and on one more" in " ".join(str(trial).split())


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_losses_may_have_any_scale(scale):
    def train(stepsize, n_steps, seed):
        for t in range(n_steps):
            yield scale * (2.0 - stepsize) / (1.0 + t)

    trial = tried(train, stepsizes=[0.1, 0.2, 0.3], start_stepsize=None, n_stages=8, n_steps=1100)
    assert trial.recommended == 0.3


def test_losses_may_be_negative():
    trial = tried(lambda *a: (loss - 5.0 * a[0] for loss in quadratic(*a)))
    assert trial.recommended == 0.8
    assert trial.confirmed.loss == pytest.approx(-4.0) and "stable; loss -4." in str(trial)
    equal = tried(lambda *a: (loss - 5.0 for loss in quadratic(*a)))
    assert equal.recommended == 0.05  # the first of those that are equal but for rounding
    assert trial.confirmed.ln_loss is None


def test_the_first_stepsize_holds_if_its_loss_never_increased():
    """Which the last one does as well, but more is asked of it."""
    trial = tried(stepsizes=[0.2, 0.4], start_stepsize=None, n_stages=8, n_steps=30)
    assert [stage.mark for stage in trial.stages] == ["passed", "unsettled"]
    assert trial.confirmed.verdict == "undecided" and trial.confirmed.ending == "stable"
    assert "It counts as stable because its loss never increased." in str(trial)
    only = tried(stepsizes=[0.2], start_stepsize=None, n_stages=8, n_steps=30)
    assert only.recommended == 0.2 and "the smallest one" not in str(only)
    alone = tried(lambda *a: [1.0], stepsizes=[0.2], start_stepsize=None, n_stages=8)
    assert alone.recommended is None  # one loss says nothing


# --- How runs end ---------------------------------------------------------------------------------


def endless(closed):
    """Return a loop that never ends by itself, and counts how often it is closed."""

    def train(stepsize, n_steps, seed):
        try:
            for t in range(10**9):
                yield stepsize / (1.0 + t)
        finally:
            closed.append(stepsize)

    return train


def test_generators_are_closed():
    closed = []
    trial = tried(endless(closed), n_steps=100)
    outcomes = [o for stage in trial.stages for o in stage.outcomes]
    assert all(o.n_steps == 100 and o.stop_reason == "n_steps" for o in outcomes)
    assert len(closed) == trial.total_steps / 100


def test_a_run_ends_when_it_diverges_or_cycles():
    taken = Counter()

    def train(stepsize, n_steps, seed):
        for t in range(n_steps):
            taken[stepsize] += 1
            bad = math.nan if t == 7 else 1.0
            yield {1.0: 1.0 / (t + 1.0), 2.0: 1.0 + t % 2, 3.0: bad}[stepsize]

    trial = tried(
        train, stepsizes=[1.0, 2.0, 3.0], start_stepsize=None, n_stages=8, n_repeats=1, n_steps=500
    )
    _, cycled, diverged = (stage.outcomes[0] for stage in trial.stages)
    assert (cycled.ending, cycled.stop_reason) == ("cycling", "cycling") and cycled.n_steps < 500
    assert (diverged.ending, diverged.loss, diverged.n_steps) == ("diverged", math.inf, 8)
    assert taken[3.0] == 8 and taken[2.0] == cycled.n_steps
    text = " ".join(str(trial).split())
    assert "cycling: the loss goes up and down, as far as ever, without progress" in text
    assert "diverged: the loss was infinite or not a number" in text
    assert trial.to_dict()["stages"][2]["outcomes"][0]["loss"] is None


def test_a_loop_may_end_early():
    trial = tried(lambda *a: list(quadratic(*a))[:20])
    assert {o.n_steps for o in trial.confirmations} == {20}
    assert {o.stop_reason for o in trial.confirmations} == {"train"}
    assert trial.recommended == trial.conservative
    text = " ".join(trial.report().split())
    runs = 4 * 3 + 1
    assert f"In {runs} of {runs} runs the training loop ended by itself, after 20 of" in text
    assert "Let it go on, whatever n_steps: with fewer than 1000 losses no larger" in text
    assert "try n_steps" not in text and "More steps may" not in text
    none = tried(lambda *a: [1.0, 2.0, 1.5])
    text = " ".join(none.report().split())
    assert "Let the training loop go on, or a smaller start_stepsize." in text
    assert "try n_steps" not in text


def test_what_fewer_than_1000_losses_can_tell_is_said():
    for options, least in (({"n_steps": 900}, 1000), ({"updates_per_epoch": 2}, 2000)):
        trial = tried(lambda s, n, _: [1.0 / (1.0 + s * t) for t in range(n)], **options)
        assert trial.recommended == trial.conservative
        text = " ".join(trial.report().split())
        assert (
            f"With fewer than {least} losses no larger stepsize is called stable, unless its loss "
            f"comes to rest: try n_steps={least}." in text
        )
        assert "ended by itself" not in text and "More steps may" not in text


def test_targets_and_other_conditions():
    trial = tried(stop=Stop(loss=1e-3))
    assert trial.goal == "steps" and trial.recommended == 0.8
    best = trial.confirmed
    assert best.ending == "reached" and best.stop_reason == "loss"
    assert best.reached_at == best.n_steps < trial.confirmations[0].reached_at
    assert trial.stages[-1].outcomes[0].reached_at is None
    late = tried(lambda *a: [2.0, 1.0, 3.0, 1.0], stop=Stop(unstable_steps=2), n_repeats=1)
    assert {o.stop_reason for s in late.stages for o in s.outcomes} == {"unstable_steps"}
    assert {o.n_steps for s in late.stages for o in s.outcomes} == {3}


def test_held_out_losses_are_a_goal_and_have_patience():
    trial = tried(pairs, goal="held_out_loss")
    assert trial.recommended in (0.05, 0.2)
    best = min(trial.stages[:3], key=lambda stage: stage.rank("held_out_loss"))
    assert trial.recommended == best.stepsize
    assert trial.confirmed.held_out_loss == pytest.approx(abs(np.log(best.stepsize / 0.1)))
    assert "; held-out loss " in trial.stages[0].reason and trial.passes is None
    found = tried(
        lambda *a: ((loss, None if t % 2 else 1.0) for t, loss in enumerate(quadratic(*a))),
        stop=Stop(validation_patience=3), n_repeats=1,
    )  # fmt: skip
    assert found.confirmed.stop_reason == "validation_patience" and found.confirmed.n_steps == 7


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_without_a_finite_held_out_loss_nothing_is_recommended(bad):
    def train(stepsize, n_steps, seed):
        held_out = 1.0 if stepsize in finite else bad
        return [(loss, held_out) for loss, _ in pairs(stepsize, n_steps, seed)]

    finite = ()
    trial = tried(train, goal="held_out_loss")
    assert trial.recommended is None and trial.confirmations[0].held
    text = " ".join(trial.report().split())
    assert "None: with no stepsize that held is what is held out finite" in text
    assert "Take more steps" not in text
    found = Trial.from_dict(json.loads(json.dumps(trial.to_dict(), allow_nan=False)))
    assert asdict(found) == asdict(trial)
    finite = (0.2,)
    assert tried(train, goal="held_out_loss").recommended == 0.2


def test_losses_of_batches_are_averaged():
    def train(stepsize, n_steps, seed):
        noise = np.random.default_rng(seed)
        for t in range(n_steps):
            yield 1.0 / (1.0 + stepsize * t) + 0.1 * noise.standard_normal()

    options = {"start_stepsize": 0.1, "n_stages": 2, "n_steps": 1000, "n_repeats": 1}
    trial = tried(train, updates_per_epoch=100, **options)
    assert trial.confirmations[0].held  # its means never increase beyond noise
    losses = list(train(0.1, 1000, trial.seed))
    assert trial.confirmations[0].loss == pytest.approx(np.mean(losses[900:]), rel=1e-12)
    assert "a loss is the mean of 100" in " ".join(str(trial).split())
    assert not tried(train, **options).confirmations[0].held
    short = tried(lambda *a: [3.0, 2.0], updates_per_epoch=9, n_steps=9, n_repeats=1)
    assert short.recommended is None and short.stages[0].outcomes[0].loss == 2.0


# --- Callbacks, and runs that are kept ------------------------------------------------------------


def test_a_callback_sees_each_run_and_may_end_the_trial():
    seen, closed = [], []
    whole = tried(callback=seen.append, callback_every=50)
    assert [p.n_steps for p in seen] == sorted({p.n_steps for p in seen})
    phases = list(dict.fromkeys(p.phase for p in seen))
    assert phases[0] == "seed 1 of 3, stepsize 0.05" and "one more seed, stepsize 0.8" in phases
    assert phases[-1] == "new seed 3 of 3, stepsize 0.8"
    assert whole.to_dict() == tried().to_dict()
    trial = tried(endless(closed), callback=lambda p: p.phase == "seed 2 of 3, stepsize 0.2")
    assert trial.ended and trial.recommended is None and trial.confirmations == ()
    assert closed[-2:] == [0.05, 0.2] and len(closed) == 6
    assert [len(stage.outcomes) for stage in trial.stages] == [2] * 4
    assert trial.stages[1].outcomes[1].n_steps == 1 and trial.stages[3].outcomes[1].n_steps == 0
    text = " ".join(trial.report().split())
    assert "None: the callback ended the trial before its runs on one more seed." in text
    assert "<table>" in trial._repr_html_() and json.dumps(trial.to_dict(), allow_nan=False)
    first = tried(callback=lambda progress: True)
    assert first.ended and "3.2 unsettled not run" in " ".join(first.report().split())


def test_a_trial_that_is_killed_after_any_run_goes_on():
    expected, texts = tried(stop=Stop(loss=1e-3)).to_dict(), {}
    options = {**QUICK, "stop": Stop(loss=1e-3)}
    train, calls = remembering()

    def keep(name, unit):
        if name not in texts:
            texts[name] = json.dumps(unit())
            raise KeyboardInterrupt
        return json.loads(texts[name])

    for _ in range(100):
        try:
            trial = run_training_trial(TrialOptions(train=train, **options), keep)
            break
        except KeyboardInterrupt:
            continue
    assert trial.to_dict() == expected
    assert len(calls) == len(set(calls)) == len(texts)
    assert list(texts)[0] == "seed 1 of 3, stepsize 0.05"


def test_a_trial_comes_back_from_its_values():
    trials = [tried(), tried(pairs, goal="held_out_loss"), tried(stop=Stop(loss=1e-3))]
    trials.append(tried(lambda *a: [1.0, math.inf], n_repeats=1))
    for trial in trials:
        exact = Trial.from_dict(json.loads(json.dumps(asdict(trial))))
        assert asdict(exact) == asdict(trial) and exact.report() == trial.report()
        found = Trial.from_dict(json.loads(json.dumps(trial.to_dict(), allow_nan=False)))
        assert found.report() == trial.report() and asdict(found) == asdict(trial)


# --- What it says ---------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"n_steps": 30}, {"start_stepsize": 3.0}, {"n_stages": 3}])
def test_the_report_says_nothing_of_rows(options):
    trial = tried(**options)
    text = " ".join(trial.report().split())
    assert text.startswith("Staged trial of a training loop, for the lowest loss: it took ")
    assert f"it took {trial.total_steps:,} steps Words" in text
    for word in ("row", "sample", "separa", "Theorem", "passes", "smoothness", "None:"):
        assert word not in text.replace("None: no stepsize held on most seeds and on one more", "")
    assert "3 seeds" in text and "<table>" in trial._repr_html_()
    if trial.recommended is None:
        assert "Take more steps, or a smaller start_stepsize." in text
    else:
        assert f"run on one more seed, {trial.seed}." in text and "nothing is proved" in text
        assert repr(trial).endswith("held on one more seed)")


def test_new_seeds_that_contradict_the_choice_are_named():
    options = {"stop": Stop(loss=1e9), "goal": "loss"}
    train, calls = remembering(lambda stepsize, *_: [1.0 / stepsize])
    tried(train, **options)
    new = {seed for *_, seed in calls[-6:]}

    def changed(stepsize, n_steps, seed):
        return [stepsize if seed in new else 1.0 / stepsize]

    trial = tried(changed, **options)
    text = " ".join(trial.report().split())
    assert "On the new seeds the stepsize 0.05 did better: mean last loss" in text


# --- Arguments ------------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("X", DIGITS[0], ValueError), ("y", DIGITS[1], ValueError), ("sample", 0.5, ValueError),
        ("sample_weight", [1.0], ValueError), ("offset", [1.0], ValueError),
        ("l2", 0.1, ValueError), ("l2", [0.1, 0.2], ValueError), ("n_threads", 1, ValueError),
        ("loss", "softmax", ValueError),
        ("fit_intercept", True, ValueError), ("center", 0.0, ValueError),
        ("scale", [1.0], ValueError), ("start_stepsize", None, ValueError),
        ("stepsizes", [1.0], ValueError), ("goal", "margin", ValueError),
        ("goal", "held_out_error", ValueError), ("goal", "steps", ValueError),
        ("train", 3, TypeError), ("updates_per_epoch", 0, ValueError),
        ("updates_per_epoch", 1101, ValueError), ("updates_per_epoch", 1.5, TypeError),
        ("stop.separated", Stop(separated=True), ValueError),
        ("stop.gradient_norm", Stop(gradient_norm=1.0), ValueError),
    ],
)  # fmt: skip
def test_errors_name_the_argument(backend, name, value, error):
    train, calls = remembering()
    options = {"train": train, **QUICK} | {name.split(".")[0]: value}
    with pytest.raises(error, match=rf"^{name}\b"):
        backend.staged_trial(**options)
    assert calls == []


@every_backend
def test_rows_and_stepsizes_have_errors_of_their_own(backend):
    with pytest.raises(TypeError, match="^X is missing: staged_trial takes X and y, or train"):
        backend.staged_trial()
    with pytest.raises(TypeError, match="^y is missing"):
        backend.staged_trial(DIGITS[0])
    with pytest.raises(ValueError, match="^updates_per_epoch needs train"):
        backend.staged_trial(*DIGITS, updates_per_epoch=2)
    with pytest.raises(ValueError, match="^stop.validation_patience needs"):
        backend.staged_trial(*DIGITS, stop=Stop(validation_patience=2))
    for value, error in (
        ([], ValueError), ([2.0, 1.0], ValueError), ([1.0, 1.0], ValueError), (3.0, TypeError),
        ([-1.0], ValueError), ("12", TypeError), ([math.inf], ValueError), ([None], TypeError),
    ):  # fmt: skip
        with pytest.raises(error, match="^stepsizes "):
            backend.staged_trial(*DIGITS, stepsizes=value)
    for other in ({"start_stepsize": 1.0}, {"factor": 2}, {"n_stages": 3}):
        with pytest.raises(ValueError, match="^stepsizes must not be given together"):
            backend.staged_trial(*DIGITS, stepsizes=[1.0], **other)


@every_backend
def test_stepsizes_may_be_given_for_rows(backend):
    trial = backend.staged_trial(*DIGITS, stepsizes=np.array([0.34, 3.0, 70.0]), n_steps=64)
    assert [stage.stepsize for stage in trial.stages] == [0.34, 3.0, 70.0]
    assert trial.recommended == 70.0 and trial.smoothness > 0.0
    assert "It is the largest one tried; larger ones may do better." in str(trial)


@pytest.mark.parametrize(
    ("losses", "error", "words"),
    [
        (None, TypeError, "it returned None"),
        (1.0, TypeError, "it returned 1.0"),
        ([], ValueError, "with the stepsize 0.05 it yielded nothing"),
        (["low"], TypeError, "got 'low'"),
        ([1j], TypeError, "loss must be a real number"),
        ([np.complex128(1.0)], TypeError, "loss must be a real number"),
        ([np.ones(2)], TypeError, "loss must be one number"),
        ([None], TypeError, "loss must be a real number"),
        ([(1.0, "low")], TypeError, "held_out_loss must be a real number"),
        ([(1.0, 2.0, 3.0)], ValueError, "it yielded"),
        ([(1.0, 2.0), 3.0], ValueError, "always the one or always the other"),
        ([1.0, (1.0, 2.0)], ValueError, "always the one or always the other"),
    ],
)
def test_what_is_no_loss_is_an_error_that_names_train(losses, error, words):
    with pytest.raises(error, match="^train must yield a loss .*") as caught:
        tried(lambda *a: losses)
    assert words in str(caught.value)


def test_held_out_losses_that_are_missing_are_an_error():
    for options in ({"goal": "held_out_loss"}, {"stop": Stop(validation_patience=2)}):
        with pytest.raises(ValueError, match="^train must yield pairs"):
            tried(**options)
    with pytest.raises(ValueError, match="^train must yield held-out losses"):
        tried(lambda *a: [(1.0, None)], goal="held_out_loss")


def test_an_exception_of_the_loop_passes_through():
    def train(stepsize, n_steps, seed):
        yield 1.0
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        tried(train)


def test_any_number_is_a_loss():
    for kind in (np.float32, np.float64, int, np.array):
        trial = tried(lambda *a, kind=kind: [kind(3), kind(2), kind(1)], n_repeats=1)
        assert trial.confirmed.loss == 1.0 and type(trial.confirmed.loss) is float
