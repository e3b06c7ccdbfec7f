"""`lsgd-fast sweep`, `trial` and `plan` give the facts of the library; bad files, one line."""

import json
import os
import sys
from dataclasses import asdict

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Sweep
from lsgd_fast.cli import commands
from lsgd_fast.cli.options import MAX_ROWS
from support.commandline import (
    BAD_FILES,
    FILES,
    X,
    Y,
    expected_facts,
    run_main,
    write_bad_file,
    write_files,
)

every_file = pytest.mark.parametrize("name", FILES)
COMMANDS = {"fit": [], "sweep": ["--stepsizes", "1,4"], "trial": [], "plan": []}
COMMANDS |= {"minimize": [], "separation": []}
every_command = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def strict_json(text):
    assert text.count("\n") == 1
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def facts_of(capsys, command, name, *options):
    """Return the code and the facts of a command, without those of the data, which are checked."""
    more, labels = FILES[name]
    more = [] if command == "plan" and name == "digits.csv" else more  # it takes no intercept
    code, out, _ = run_main(capsys, command, name, *more, *options, "--json")
    facts = strict_json(out)
    names = ("data", "n_rows", "labels", "offset", "notes", "standardized", "fit_intercept")
    found = [facts.pop(key) for key in names]
    assert found[:-1] == [name, 352, labels, None, [], False] and facts["n_features"] == 32
    return code, facts


@every_file
def test_sweep_on_every_kind_of_file(folder, capsys, name):
    code, facts = facts_of(
        capsys, "sweep", name, "--stepsizes", "0.5:32:x4", "--steps", 300, "--l2", 0.001,
        "--best", "ln_loss", "--out", "s.npz"
    )  # fmt: skip
    sweep = lsgd.stepsize_sweep(X, Y, [0.5, 2.0, 8.0, 32.0], 300, l2=0.001)
    assert code == 0 and len(facts["runs"]) == 4
    for stepsize, run, found in zip(sweep.stepsizes, sweep, facts["runs"], strict=True):
        assert found.pop("seconds") >= 0.0
        assert found == expected_facts(run) | {"stepsize": stepsize}
    best = sweep.stepsizes[sweep.index(sweep.best("ln_loss"))]
    assert (facts["best_by"], facts["best_stepsize"]) == ("ln_loss", best)
    saved = Sweep.load("s.npz")
    assert saved.stepsizes == sweep.stepsizes
    assert [r.weights.tobytes() for r in saved] == [r.weights.tobytes() for r in sweep]


def test_sweep_prints_a_table(folder, capsys):
    command = ["sweep", "digits.csv", "--no-intercept", "--stepsizes", "6.5,26", "--steps", 200]
    sweep = lsgd.stepsize_sweep(X, Y, [6.5, 26.0], 200)
    code, out, err = run_main(capsys, *command)
    header, more, table = out.split("\n", 2)
    assert code == 0 and table == f"{sweep.table()}\n"
    assert f"{header} {more}" == (
        "Data 'digits.csv': 352 rows of 32 features, labels 'eight' as -1 and 'zero' as +1, from "
        "'digit'"
    )
    read, done = err.splitlines()
    assert read == "read 352 rows of 32 features" and done.startswith("2 runs in ")
    _, out, _ = run_main(capsys, *command, "--best", "margin")
    best = sweep.stepsizes[sweep.index(sweep.best("margin"))]
    assert out.splitlines()[-1] == f"Best by margin: stepsize {best:g}"


def test_sweep_where_no_run_qualifies(folder, capsys):
    command = ["sweep", "digits.npz", "--stepsizes", "1,4", "--steps", 0, "--best", "stable_at"]
    code, out, _ = run_main(capsys, *command)
    assert code == 0 and "\nBest by the last increase: no run qualifies\n" in out
    code, out, _ = run_main(capsys, *command, "--json")
    assert (code, strict_json(out)["best_stepsize"]) == (0, None)


def test_traces_of_a_sweep_share_the_rows(folder, monkeypatch, capsys):
    monkeypatch.setattr(commands, "stepsize_sweep", lambda *_, **options: calls.append(options))
    calls = []
    for steps, every in ((MAX_ROWS // 4, 1), (MAX_ROWS // 4 + 1, 2), (MAX_ROWS, 4)):
        with pytest.raises(TypeError):  # there is no sweep
            run_main(capsys, "sweep", "digits.npz", "--stepsizes", "1,2,3,4", "--steps", steps)
        assert calls[-1]["record_every"] == every


@every_file
def test_trial_on_every_kind_of_file(folder, capsys, name):
    code, facts = facts_of(capsys, "trial", name)
    expected = lsgd.staged_trial(X, Y).to_dict() | {"advice": None}
    del expected["fit_intercept"]  # one of the facts of the data, here
    assert code == 0 and facts == json.loads(json.dumps(expected))


def test_trial_obeys_its_options(folder, capsys):
    for options, keywords in (
        ("--start-stepsize 0.7 --stages 3", {"start_stepsize": 0.7, "n_stages": 3}),
        ("--factor 9.5 --steps 90 --stages 2", {"factor": 9.5, "n_steps": 90, "n_stages": 2}),
        ("--sample 0.6 --repeats 2 --seed 5", {"sample": 0.6, "n_repeats": 2, "rng": 5}),
        ("--l2 0.1 --intercept --threads 2 --stages 2",
         {"l2": 0.1, "fit_intercept": True, "n_threads": 2, "n_stages": 2}),
    ):  # fmt: skip
        code, facts = facts_of(capsys, "trial", "digits.npz", *options.split())
        expected = json.loads(json.dumps(lsgd.staged_trial(X, Y, **keywords).to_dict()))
        del expected["fit_intercept"]
        assert code == 0 and facts == expected | {"advice": facts["advice"]}


def test_trial_looks_for_its_goal(folder, capsys):
    options = "trial digits.npz --steps 20 --stages 2 --goal held-out-loss --json".split()
    code, out, _ = run_main(capsys, *options)
    expected = lsgd.staged_trial(X, Y, n_steps=20, n_stages=2, goal="held_out_loss")
    found = json.loads(out)
    assert code == 0 and found["goal"] == "held_out_loss"
    assert found["recommended"] == expected.recommended


def test_trial_prints_its_report(folder, capsys):
    code, out, err = run_main(capsys, *"trial digits.npz --steps 20 --stages 2".split())
    header, report = out.split("\n", 1)
    expected = lsgd.staged_trial(X, Y, n_steps=20, n_stages=2).report()
    assert code == 0 and header.startswith("Data 'digits.npz': 352 rows of 32 features, labels")
    assert "n_stages=6" in expected
    assert report == expected.replace("n_stages=6", "--stages 6") + "\n"
    read, done = err.splitlines()
    assert read == "read 352 rows of 32 features" and "passes over the rows in " in done


PLANNED = ["--stepsize", "6.5", "--steps", "2500000", "--width", "50", "--margin", "0.01"]
PLANNED += ["--target-loss", "1e-3", "--threads", "2"]


@every_file
def test_plan_on_every_kind_of_file(folder, capsys, name):
    code, facts = facts_of(capsys, "plan", name, *PLANNED)
    plan = lsgd.plan(
        np.ascontiguousarray(X), Y, stepsize=6.5, n_steps=2_500_000, width=50, margin=0.01,
        target_loss=1e-3, record_every=3, n_threads=2,
    )  # fmt: skip
    assert code == 0 and facts.pop("n_features") == 32
    assert facts["seconds"] == pytest.approx(
        facts.pop("set_up_seconds") + 2_500_000 * facts.pop("step_seconds")
    )
    assert facts.pop("seconds") > 0.0
    names = ("n", "d", "record_every", "n_threads", "stepsize", "n_steps", "data_bytes")
    names += ("n_recorded", "peak_bytes", "width", "network_bytes", "network_flops")
    expected = {name: getattr(plan, name) for name in names}
    expected |= {"bounds": asdict(plan.bounds), "footprint": asdict(plan.footprint)}
    expected |= {"dtype": "float64", "measured_shape": [352, 32]}
    assert facts == expected | {"n_entries": None, "place_bytes": None}


def test_plan_prints_its_report_with_the_names_of_options(folder, capsys):
    code, out, err = run_main(capsys, "plan", "digits.npz")
    expected = lsgd.plan(X, Y).report()
    for name in ("margin", "stepsize"):
        assert f"pass {name}=" in expected and f"pass --{name}" in out
    assert "pass n_steps=" in expected and "pass --steps" in out and "=," not in out
    assert (code, err) == (0, "read 352 rows of 32 features\n") and max(
        map(len, out.splitlines())
    ) <= 80
    assert out.splitlines()[1] == "Plan of a descent on X of shape (352, 32), float64"


@pytest.mark.parametrize("n_steps", [None, 10**9])
def test_plan_of_several_classes(folder, capsys, n_steps):
    labels = np.arange(len(X)) % 3
    np.savez("three.npz", X=X, y=np.array(["a", "b", "c"])[labels])
    options = [] if n_steps is None else ["--steps", n_steps, "--stepsize", 2, "--margin", 0.1]
    code, out, _ = run_main(capsys, "plan", "three.npz", "--softmax", *options)
    shown = " ".join(out.split())
    assert code == 0 and "3 classes" in shown and "Bounds for softmax" in shown
    assert "Corollary 2" not in shown and "Theorem" not in shown
    facts = strict_json(run_main(capsys, "plan", "three.npz", "--softmax", "--json", *options)[1])
    assert facts["bounds"]["n_classes"] == 3 and facts["labels"] == ["a", "b", "c"]
    assert run_main(capsys, "plan", "three.npz")[0] == 2


def test_plan_of_data_that_leave_float64(folder, capsys):
    np.savez("far.npz", X=[[1e250], [1e250], [-1e250]], y=[0, 1, 1])
    code, out, _ = run_main(capsys, "plan", "far.npz", "--steps", 10, "--json")
    facts = strict_json(out)
    assert (code, facts["step_seconds"], facts["seconds"]) == (0, None, None)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_all_runs_diverge(folder, capsys, options):
    np.savez("far.npz", X=[[1e200], [1e200], [-1e200]], y=[0, 1, 1])
    sweep = ["sweep", "far.npz", "--stepsizes", "1e307,1e308", *options]
    trial = ["trial", "far.npz", "--start-stepsize", "1e300", "--stages", 2, *options]
    for command in (sweep, trial):
        code, out, err = run_main(capsys, *command)
        assert code == 1 and "diverged" in out and "Warning" not in err
        if options:
            strict_json(out)
    sweep[3] = "1e-320,1e308"
    code, out, _ = run_main(capsys, *sweep)
    assert code == 0 and "diverged" in out


@every_command
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_one_line(tmp_path, monkeypatch, capsys, name, command):
    monkeypatch.chdir(tmp_path)
    why = write_bad_file(tmp_path / name)
    saved = ["--out", "r.npz"] if command in ("fit", "sweep", "minimize") else []
    code, out, err = run_main(capsys, command, name, *COMMANDS[command], *saved)
    assert (code, out) == (2, "")
    assert err.startswith(f"lsgd-fast: '{name}': ") and why in err and err.count("\n") == 1
    assert not os.path.exists("r.npz")


@pytest.mark.parametrize(
    "line",
    [
        "sweep", "sweep --stepsizes 1:2", "sweep --stepsizes 0", "sweep --stepsizes 1 --best x",
        "sweep --stepsizes 1 --out no/x.npz", "sweep --stepsizes 1 --plot p.xyz",
        "trial --factor 1", "trial --sample 1.1", "trial --sample 0", "trial --steps 0",
        "trial --stages 0", "trial --stages 1001", "trial --seed -1", "trial --out t.npz",
        "trial --start-stepsize 1e308", "trial --factor 1e300", "plan --margin 99",
        "plan --margin 0", "plan --width 0", "plan --target-loss 0", "plan --plot p.png",
        "plan --softmax --width 3",
    ],
)  # fmt: skip
def test_bad_options_are_one_line(folder, capsys, line):
    if "xyz" in line:
        pytest.importorskip("matplotlib")
    code, out, err = run_main(capsys, *line.split(), "digits.npz")
    assert (code, out) == (2, "")
    *read, error = err.splitlines()  # some are seen once the data are
    assert error.startswith("lsgd-fast") and read in ([], ["read 352 rows of 32 features"])


@pytest.mark.parametrize("command", ["fit", "sweep", "trial"])
def test_several_classes(folder, capsys, command):
    names = np.array(["round", "square", "thin"])
    numbers = np.arange(60) % 3
    rows = np.eye(3)[numbers] + np.random.default_rng(0).normal(0.0, 0.4, (60, 3))
    np.savez("shapes.npz", X=rows, y=names[numbers])
    options = {"fit": ["--steps", 50], "sweep": ["--steps", 50, "--stepsizes", "1,4"]}
    options = [*options.get(command, []), "--softmax", "--intercept"]
    code, out, _ = run_main(capsys, command, "shapes.npz", *options, "--json")
    facts = strict_json(out)
    assert code == 0 and facts["labels"] == names.tolist()
    model = {"loss": "softmax", "fit_intercept": True}
    if command == "trial":
        expected = json.loads(json.dumps(lsgd.staged_trial(rows, numbers, **model).to_dict()))
        assert facts.items() >= expected.items()
    else:
        eta = facts["stepsize"] if command == "fit" else 4.0
        run = lsgd.gradient_descent(rows, numbers, eta, 50, **model)
        found = facts if command == "fit" else facts["runs"][1]
        assert found["intercept"] == run.intercept.tolist() and found["loss"] == run.trace.loss[-1]
    code, out, _ = run_main(capsys, command, "shapes.npz", *options)
    assert code == 0
    assert out.startswith("Data 'shapes.npz': 60 rows of 3 features and an intercept, 3 classes\n")
    code, _, err = run_main(capsys, command, "shapes.npz", *options[:-2])
    assert code == 2 and err.endswith("; for more, pass --softmax\n")


@pytest.mark.parametrize("command", ["fit", "sweep"])
def test_plot(folder, capsys, command):
    pytest.importorskip("matplotlib")
    options = ["--steps", 50, "--plot", "p.png", "--json"]
    code, out, _ = run_main(capsys, command, "digits.npz", *COMMANDS[command], *options)
    assert code == 0 and strict_json(out)["n_rows"] == 352
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


@pytest.mark.parametrize("call", ["stepsize_sweep", "staged_trial", "planning.plan"])
def test_ctrl_c(folder, capsys, monkeypatch, call):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"lsgd_fast.cli.commands.{call}", interrupted)
    command = {"stepsize_sweep": "sweep", "staged_trial": "trial"}.get(call, "plan")
    code, out, err = run_main(capsys, command, "digits.npz", *COMMANDS[command])
    assert (code, out) == (130, "") and err.endswith("\nlsgd-fast: interrupted\n")


@every_command
def test_progress_on_a_terminal_goes(folder, monkeypatch, capsys, command):
    shown = []

    class Terminal:
        def isatty(self):
            return True

        def write(self, text):
            shown.append(text)

        def flush(self):
            pass

    monkeypatch.setattr("lsgd_fast.progress.LineDisplay.interval", 1e-9)
    monkeypatch.setattr(sys, "stderr", Terminal())
    steps = [] if command in ("minimize", "separation") else ["--steps", 500]
    code, out, _ = run_main(capsys, command, "digits.npz", *COMMANDS[command], *steps)
    assert code == 0 and out.startswith("Data 'digits.npz'")
    assert len(shown) >= 3 and shown[0].startswith("\rreading 'digits.npz'")
    assert shown[-1].strip() == "" and all("\n" not in text for text in shown)


@every_command
@pytest.mark.parametrize(("order", "value"), [("C", np.nan), ("F", -np.inf)])
def test_a_value_that_is_not_finite_is_named_with_its_file(tmp_path, capsys, command, order, value):
    bad = np.array(X, order=order)
    bad[4, 1] = value
    path = tmp_path / "bad.npz"
    np.savez(path, X=bad, y=Y)
    code, _, error = run_main(capsys, command, path, *COMMANDS[command])
    expected = f"{str(path)!r}: X must be finite as float64; found {value} in row 4, column 1"
    assert code == 2 and expected in " ".join(error.split())


def test_other_errors_name_no_file():
    with pytest.raises(ValueError, match="^stepsize"), commands._naming_values("a.npz"):
        raise ValueError("stepsize must be finite and positive; got 0")
