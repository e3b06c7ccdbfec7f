"""`pilot`: its decisions, what it compares, and how it goes on after an interruption."""

import json

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._pilot import runs
from lsgd_fast._pilot.folder import Folder
from lsgd_fast._pilot.pilot import divide
from support.pilots import DIGITS, QUICK, noisy, separable, without_times
from support.sparse_cases import csr


def decisions(found):
    return [None if gate.decision is None else str(gate.decision) for gate in found.gates]


def test_a_large_stepsize_that_pays_passes_all_gates():
    found = lsgd.pilot(*DIGITS, goal="loss")
    assert decisions(found) == ["go"] * 3 and found.decision == "go"
    assert found.trial.recommended > found.trial.conservative
    assert found.recommended.outcome.loss < found.conservative.outcome.loss
    assert found.recommended.matched_at < found.conservative.matched_at
    assert found.run.separable and found.plan.seconds > 0.0


def test_noise_ends_at_the_first_gate():
    found = lsgd.pilot(*noisy())
    assert decisions(found) == ["no-go", None, None] and found.decision == "no-go"
    assert found.recommended is None and found.run is None and found.plan is None


def test_a_trial_that_is_too_short_asks_for_more_steps():
    options = QUICK | {"n_trial_steps": 10, "factor": 16}
    found = lsgd.pilot(*separable(1000, 20), goal="loss", **options)
    assert found.decision == "not enough evidence"
    assert found.gates[0].needed == ("gate_more_trial_steps", {"n_trial_steps": 1000})
    assert "n_trial_steps=1000" in found.report()


def test_what_does_not_fit_is_not_run():
    found = lsgd.pilot(*DIGITS, goal="loss", budget=lsgd.Budget(memory=1000))
    assert decisions(found) == ["go", "no-go", None] and found.run is None
    found = lsgd.pilot(*DIGITS, goal="loss", budget=1e-6)
    assert decisions(found) == ["go", "no-go", None]
    assert found.gates[1].needed[0] == "gate_more_time"
    found = lsgd.pilot(*DIGITS, goal="loss", budget=1.0, n_steps=10**7)
    assert found.gates[1].needed[0] == "gate_fewer_steps" and found.run is None


@pytest.mark.parametrize("goal", ["held_out_error", "held_out_loss", "loss", "margin"])
@pytest.mark.parametrize("case", [DIGITS, separable(), noisy()], ids=["digits", "easy", "noisy"])
def test_a_go_is_not_worse_than_the_conservative_run(case, goal):
    found = lsgd.pilot(*case, goal=goal, **QUICK)
    if found.decision == "go":
        assert found.difference.mean <= found.difference.spread
        speed = found.conservative.matched_at >= 2 * found.recommended.matched_at
        assert found.difference.is_better or speed
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_the_goal_steps_counts_steps_to_a_target():
    stop = lsgd.Stop(loss=0.01)
    found = lsgd.pilot(*DIGITS, goal="steps", stop=stop)
    assert found.decision == "go"
    small, large = found.conservative.outcome, found.recommended.outcome
    assert large.reached_at < small.reached_at and found.recommended.matched_at == large.reached_at


def test_test_rows_are_seen_by_neither_run_nor_trial():
    X, y = separable(200, 4)
    test, trial = divide(lsgd_problem(X, y), 0.25, np.random.default_rng(0))
    assert len(test) == 50 and not np.intersect1d(test, trial).size
    assert len(test) + len(trial) == 200
    whole = lsgd.pilot(X, y, goal="loss", test_size=0.25, **QUICK)
    X = X.copy()
    X[test] = 100.0 * X[test][:, ::-1]  # the division depends on labels alone
    other = lsgd.pilot(X, y, goal="loss", test_size=0.25, **QUICK)
    assert np.array_equal(whole.run.weights, other.run.weights)
    assert whole.run.radius == other.run.radius
    assert whole.trial.to_dict() == other.trial.to_dict()
    ends = [found.recommended.outcome for found in (whole, other)]
    assert ends[0].held_out_error != ends[1].held_out_error
    assert ends[0].evidence == ends[1].evidence


def lsgd_problem(X, y):
    from lsgd_fast._inputs.problem import Problem

    return Problem.check(X, y)


def test_large_data_give_the_trial_some_rows_only(monkeypatch):
    monkeypatch.setattr("lsgd_fast._pilot.pilot.TRIAL_ENTRIES", 100)
    monkeypatch.setattr("lsgd_fast._pilot.pilot.ROWS_PER_FEATURE", 2)
    X, y = separable(500, 5)
    found = lsgd.pilot(X, y, goal="loss", **QUICK)
    assert found.n_trial_rows == 20 and found.trial.rows == 20


def test_weights_zero_take_no_part():
    X, y = separable(150, 4)
    weight = np.ones(150)
    weight[::3] = 0.0
    found = lsgd.pilot(X, y, goal="loss", sample_weight=weight, **QUICK)
    assert found.n_rows == 100 and found.n_test_rows + found.n_trial_rows == 100


@pytest.mark.parametrize("options", [
    {"fit_intercept": True}, {"l2": 1e-3}, {"center": 0.1, "scale": 2.0, "fit_intercept": True},
    {"offset": np.linspace(-0.1, 0.1, 150)}, {"sample_weight": np.linspace(0.5, 2.0, 150)},
])  # fmt: skip
def test_options_of_the_problem(options):
    X, y = separable(150, 4)
    found = lsgd.pilot(X, y, goal="loss", **options, **QUICK)
    assert found.decision in ("go", "no-go", "not enough evidence")
    assert found.trial.l2 == options.get("l2", 0.0)


def test_sparse_rows_give_the_same_decision():
    X, y = separable(150, 4)
    X[X < 0.0] = 0.0
    y = np.where(X @ [1.0, -2.0, 1.0, 0.5] > 0.1, 1, -1)
    dense = lsgd.pilot(X, y, goal="loss", **QUICK)
    sparse = lsgd.pilot(csr(X), y, goal="loss", **QUICK)
    assert decisions(sparse) == decisions(dense)
    assert sparse.trial.recommended == dense.trial.recommended


def test_labels_of_any_kind_give_the_same_pilot():
    X, y = separable(120, 4)
    plain = without_times(lsgd.pilot(X, y, goal="loss", **QUICK).to_dict())
    for labels in (y == 1, (y + 1) // 2):
        found = lsgd.pilot(X, labels, goal="loss", **QUICK)
        assert without_times(found.to_dict()) == plain
        assert found.run.predict(X).dtype == np.asarray(labels).dtype


def test_the_number_of_threads_changes_nothing():
    options = {name: value for name, value in QUICK.items() if name != "n_threads"}
    one, two = (lsgd.pilot(*DIGITS, goal="loss", **options, n_threads=n) for n in (1, 2))
    first, second = (without_times(found.to_dict()) for found in (one, two))
    assert first["recommended"] == second["recommended"] and first["trial"] == second["trial"]
    assert first["conservative"] == second["conservative"]


class Killed(BaseException):
    """As if the process were gone."""


def pilot_in(folder, **options):
    return lsgd.pilot(*DIGITS, goal="loss", folder=folder, **QUICK | options)


@pytest.fixture
def often(monkeypatch):
    """Let a run save itself after every few steps."""
    monkeypatch.setattr(runs, "BETWEEN_SAVES", 0.0)
    monkeypatch.setattr(runs, "SAVE_SHARE", 1e9)
    monkeypatch.setattr(runs, "SLICE", 0.0)


@pytest.fixture
def writes(monkeypatch):
    """Count the writes of a folder, and kill the pilot after one of them."""
    state = {"count": 0, "last": None}
    put, save = Folder.put, runs._Work.save

    def counted(method):
        def wrapped(self, *args):
            if state["last"] is not None and state["count"] >= state["last"]:
                raise Killed  # also what tidies up is gone
            method(self, *args)
            state["count"] += 1

        return wrapped

    monkeypatch.setattr(Folder, "put", counted(put))
    monkeypatch.setattr(runs._Work, "save", counted(save))
    return state


def test_a_pilot_that_was_killed_goes_on_to_the_same_result(tmp_path, often, writes):
    whole = without_times(pilot_in(tmp_path / "whole", n_steps=12).to_dict())
    n_writes = writes["count"]
    assert n_writes > 20
    for last in range(1, n_writes, n_writes // 12):
        folder = tmp_path / str(last)
        writes.update(count=0, last=last)
        with pytest.raises(Killed):
            pilot_in(folder, n_steps=12)
        writes.update(count=0, last=None)
        assert without_times(pilot_in(folder, n_steps=12).to_dict()) == whole, last
        assert writes["count"] < n_writes  # what was finished is not run again
        assert without_times(json.loads((folder / "pilot.json").read_text())) == whole


def test_a_finished_pilot_runs_nothing(tmp_path, monkeypatch):
    whole = without_times(pilot_in(tmp_path).to_dict())

    def never(*_):
        raise AssertionError("a run")

    monkeypatch.setattr(runs, "descend", never)
    monkeypatch.setattr(Folder, "put", never)
    assert without_times(pilot_in(tmp_path).to_dict()) == whole


def test_ctrl_c_loses_no_step(tmp_path):
    steps = []

    def interrupt(progress):  # twice between two of the steps that are measured
        if progress.phase == "recommended run on all rows":
            steps.append(progress.n_steps)
            if progress.n_steps in (52, 54):
                raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            pilot_in(tmp_path, callback=interrupt)
    seen = []
    again = pilot_in(tmp_path, callback=lambda p: seen.append((p.phase, p.n_steps)))
    whole = lsgd.pilot(*DIGITS, goal="loss", **QUICK)
    assert without_times(again.to_dict()) == without_times(whole.to_dict())
    assert {phase for phase, _ in seen} == {"recommended run on all rows"}
    assert steps[-1] == 54 and min(n for _, n in seen) > 54


def test_the_longest_row_may_be_a_test_row(tmp_path):
    X, y = separable(100, 4)
    test, _ = divide(lsgd_problem(X, y), 0.2, np.random.default_rng(0))
    X[test[0]] *= 50.0
    options = {"goal": "loss", **QUICK}

    def interrupt(progress):
        if progress.phase.endswith("run on all rows") and progress.n_steps >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lsgd.pilot(X, y, folder=tmp_path, callback=interrupt, **options)
    again = lsgd.pilot(X, y, folder=tmp_path, **options)
    whole = lsgd.pilot(X, y, **options)
    assert without_times(again.to_dict()) == without_times(whole.to_dict())


def test_numbers_of_any_library_are_arguments(tmp_path):
    numbers = {"n_stages": np.int64(4), "factor": np.float32(4), "n_repeats": np.int8(2)}
    numbers |= {"start_stepsize": np.float64(0.5), "sample": np.float32(0.25)}
    found = pilot_in(tmp_path, **numbers)
    assert json.dumps(found.to_dict()) and found.call["factor"] == 4.0
    assert type(found.call["n_stages"]) is int


def test_files_of_another_pilot_are_not_taken(tmp_path):
    def interrupt(progress):
        if progress.phase == "recommended run on all rows" and progress.n_steps >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pilot_in(tmp_path, callback=interrupt)
    (tmp_path / "progress.json").unlink()
    found = lsgd.pilot(*DIGITS, goal="margin", folder=tmp_path, **QUICK)
    whole = lsgd.pilot(*DIGITS, goal="margin", **QUICK)
    assert without_times(found.to_dict()) == without_times(whole.to_dict())
    copy = (tmp_path / "conservative.run.npz").read_bytes()
    (tmp_path / "recommended.run.npz").write_bytes(copy)
    again = lsgd.pilot(*DIGITS, goal="margin", folder=tmp_path, **QUICK)
    assert without_times(again.to_dict()) == without_times(whole.to_dict())
    (tmp_path / "recommended.run.npz").unlink()
    checkpoint = tmp_path / "recommended.checkpoint.npz"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-9] if checkpoint.exists() else b"no")
    with pytest.raises(ValueError, match="remove the file, and this run starts anew"):
        lsgd.pilot(*DIGITS, goal="margin", folder=tmp_path, **QUICK)
    checkpoint.unlink()
    again = lsgd.pilot(*DIGITS, goal="margin", folder=tmp_path, **QUICK)
    assert without_times(again.to_dict()) == without_times(whole.to_dict())


def test_a_larger_budget_goes_on(tmp_path):
    assert pilot_in(tmp_path, budget=1e-9).decision == "no-go"
    seen = []
    found = pilot_in(tmp_path, budget=60.0, callback=lambda p: seen.append(p.phase))
    assert found.decision == "go" and found.call["budget"]["seconds"] == 60.0
    assert {phase.split()[-1] for phase in seen} == {"rows"} and "all rows" not in seen


def test_a_short_trial_is_not_held_against_large_stepsizes():
    for l2 in (0.0, 1e-3):
        found = lsgd.pilot(*noisy(), goal="loss", l2=l2, **QUICK | {"n_stages": 8})
        if found.gates[0].decision == "no-go":
            assert all(stage.mark != "unsettled" for stage in found.trial.stages)


def test_a_target_that_only_the_large_stepsize_meets():
    found = lsgd.pilot(*DIGITS, goal="steps", stop=lsgd.Stop(loss=1e-6), **QUICK | {"factor": 16})
    assert found.decision == "go" and found.conservative.outcome.reached_at is None
    text = found.report().replace("\n    ", " ")
    assert "Only it got as far" in text and "the conservative run did not" in text


@pytest.mark.parametrize("phase", ["all rows", "conservative run on all rows"])
def test_a_callback_ends_a_pilot(tmp_path, phase):
    found = pilot_in(tmp_path, callback=lambda progress: progress.phase == phase)
    assert found.ended and found.decision == "not enough evidence" and found.run is None
    assert "callback" in found.report()
    again = pilot_in(tmp_path)
    assert not again.ended and again.decision == "go"


def test_a_folder_belongs_to_one_pilot(tmp_path):
    pilot_in(tmp_path)
    with pytest.raises(ValueError, match=r"other data or arguments \(n_steps\)"):
        lsgd.pilot(*DIGITS, goal="loss", folder=tmp_path, **QUICK | {"n_steps": 7})
    with pytest.raises(ValueError, match=r"other data or arguments \(data\)"):
        lsgd.pilot(DIGITS[0] * 2.0, DIGITS[1], goal="loss", folder=tmp_path, **QUICK)


def test_a_generator_draws_a_seed_that_is_kept(tmp_path):
    first = pilot_in(tmp_path, rng=np.random.default_rng(5))
    second = pilot_in(tmp_path, rng=np.random.default_rng(6))
    assert without_times(first.to_dict()) == without_times(second.to_dict())
    for rng in (None, np.random.SeedSequence(3)):
        assert lsgd.pilot(*DIGITS, goal="loss", rng=rng, **QUICK).decision


@pytest.mark.parametrize(("options", "message"), [
    ({"goal": "speed"}, "goal must be one of"),
    ({"goal": "steps"}, "goal='steps' counts the steps to a target"),
    ({"budget": -1.0}, "budget must be finite and positive"),
    ({"budget": "much"}, "budget must be a real number"),
    ({"test_size": 1.0}, "test_size must be a share"),
    ({"n_steps": 0}, "n_steps must be at least 1"),
    ({"n_trial_steps": 0}, "n_trial_steps must be at least 1"),
    ({"width": 0}, "width must be at least 1"),
    ({"factor": 1.0}, "factor must be greater than 1"),
    ({"stop": lsgd.Stop(seconds=1.0)}, r"stop.seconds must be None"),
    ({"stop": lsgd.Stop(validation_patience=3)}, r"stop.validation_patience must be None"),
    ({"rng": -1}, "rng must not be negative|rng must not be a negative"),
    ({"rng": "x"}, "rng must be"),
    ({"callback": 3}, "callback must be callable"),
])  # fmt: skip
def test_bad_arguments_are_errors_before_any_run(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        lsgd.pilot(*DIGITS, **QUICK | options)


def test_each_class_needs_two_rows():
    with pytest.raises(ValueError, match="y must have two rows or more of each class"):
        lsgd.pilot([[1.0], [2.0], [3.0]], [0, 1, 1], **QUICK)
    found = lsgd.pilot([[1.0], [2.0], [3.0], [0.5]], [0, 1, 1, 0], goal="loss", **QUICK)
    assert found.n_test_rows == 2
