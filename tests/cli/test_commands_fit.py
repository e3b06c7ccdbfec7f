"""`lsgd-fast fit` on every kind of file: what it prints, what it writes, and how it fails."""

import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Run, Stop
from lsgd_fast.__main__ import main
from lsgd_fast.cli import commands
from support.commandline import FILES, X, Y, expected_facts, run_main, write_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_fit_on_every_kind_of_file(folder, capsys, name):
    options, labels = FILES[name]
    code, out, err = run_main(
        capsys, "fit", name, *options, "--stepsize", 6.5, "--steps", 300, "--json", "--out", "r.npz"
    )
    run = lsgd.gradient_descent(X, Y, 6.5, 300)
    facts = json.loads(out)
    assert facts.pop("seconds") >= 0.0
    assert facts == expected_facts(run) | {
        "data": name, "n_rows": 352, "n_features": 32, "labels": labels, "stepsize": 6.5,
        "offset": None, "notes": [], "standardized": False, "fit_intercept": False, "advice": None,
    }  # fmt: skip
    assert (code, out.count("\n")) == (0, 1)
    read, done = err.splitlines()
    assert read == "read 352 rows of 32 features" and done.startswith("300 steps in ")
    saved = Run.load("r.npz")
    assert saved.weights.tobytes() == run.weights.tobytes()
    assert saved.trace.loss.tobytes() == run.trace.loss.tobytes()


def test_fit_prints_a_table(folder, capsys):
    command = ["fit", "digits.csv", "--stepsize", 6.5, "--steps", 300, "--out", "r.npz"]
    code, out, _ = run_main(capsys, *command)
    lines = out.splitlines()
    run = lsgd.gradient_descent(X, Y, 6.5, 300, fit_intercept=True)
    assert code == 0
    assert lines[:4] == [
        "Data 'digits.csv': 352 rows of 32 features and an intercept, labels 'eight' as",
        "-1 and 'zero' as +1, from 'digit'", "Stepsize 6.5",
        "Run ended after the 300 steps asked for",
    ]  # fmt: skip
    assert lines[-1] == "Saved: lsgd_fast.Run.load('r.npz') returns it"
    assert [line for line in lines[4:-1] if "time" not in line] == [
        line for line in repr(run).splitlines()[1:] if "time" not in line
    ]
    assert f"  error rate  {run.trace.error_rate[-1]:.6g}" in lines


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("fit", "--steps", 5), "Too short to tell"),
        (("minimize", "--max-passes", 5), "Not converged: the gradient is"),
    ],
)
def test_an_undecided_verdict_has_its_evidence(folder, capsys, command, words):
    (folder / "overlap.csv").write_text("a,b,y\n1,2,0\n2,1,1\n1,1,0\n3,1,1\n2,2,0\n1,3,1\n")
    name, *options = command
    _, out, _ = run_main(capsys, name, "overlap.csv", *options)
    assert "undecided" in out and words in " ".join(out.split())
    _, out, _ = run_main(capsys, name, "overlap.csv", *options, "--json")
    assert words in json.loads(out)["evidence"]


def test_fit_obeys_its_options(folder, capsys):
    command = ["fit", "digits.npz", "--json", "--stepsize", 4]
    for options, keywords in (
        (["--steps", 0], {"n_steps": 0}),
        (["--l2", 0.5, "--steps", 40], {"l2": 0.5, "n_steps": 40}),
        (["--intercept", "--steps", 40], {"fit_intercept": True, "n_steps": 40}),
        (["--stop-loss", 0.01], {"stop": Stop(loss=0.01)}),
        (["--stop-separated"], {"stop": Stop(separated=True)}),
        (["--stop-cycling", "--l2", 0.4], {"stop": Stop(cycling=True), "l2": 0.4}),
        (["--unstable-steps", 2], {"stop": Stop(unstable_steps=2)}),
        (["--threads", 2, "--steps", 40], {"n_threads": 2, "n_steps": 40}),
    ):
        code, out, _ = run_main(capsys, *command, *options)
        run = lsgd.gradient_descent(X, Y, 4.0, **{"n_steps": 10_000, **keywords})
        facts = json.loads(out)
        assert code == 0 and expected_facts(run).items() <= facts.items()
    code, out, _ = run_main(capsys, *command, "--seconds", 0.05, "--steps", 10**12)
    assert (code, json.loads(out)["stop_reason"]) == (0, "seconds")
    code, _, _ = run_main(capsys, *command, "--record-every", 7, "--steps", 20, "--out", "r.npz")
    assert code == 0 and Run.load("r.npz").trace.step.tolist() == [0, 7, 14, 20]


def test_default_stepsize(folder, capsys):
    for options, fit_intercept in (([], False), (["--intercept"], True)):
        _, out, _ = run_main(capsys, "fit", "digits.npz", "--json", "--steps", 5, *options)
        radius = lsgd.gradient_descent(X, Y, 1.0, 0, fit_intercept=fit_intercept).radius
        facts = json.loads(out)
        assert facts["radius"] == radius and facts["stepsize"] * radius**2 == pytest.approx(32.0)
    np.savez("zeros.npz", X=np.zeros((2, 1)), y=[0, 1])
    code, out, _ = run_main(capsys, "fit", "zeros.npz", "--json", "--steps", 5)
    assert (code, json.loads(out)["stepsize"]) == (0, 32.0)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_run_that_diverges(folder, capsys, options):
    np.savez("far.npz", X=[[1e200], [1e200], [-1e200]], y=[0, 1, 1])
    code, out, err = run_main(
        capsys, "fit", "far.npz", "--stepsize", 1e308, "--out", "r.npz", *options
    )
    assert code == 1 and "Traceback" not in err
    assert Run.load("r.npz").stop_reason == "diverged"
    if options:
        facts = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert facts["stop_reason"] == "diverged" and facts["loss"] is None
    else:
        assert "Run diverged after 1 step: the loss or the weights" in out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--label", "nose"], "'digits.csv': no column is named 'nose'"),
        (["--labels", "labels.npy"], "'digits.csv': only .npy files take their labels"),
        (["--out", "digits.csv"], "--out 'digits.csv': would overwrite a data file"),
        (["--out", "no/such/folder.npz"], "--out 'no/such/folder.npz': must name a file"),
        (["--out", "."], "--out '.': must name a file"),
        (["--out", ""], "--out '': must name a file"),
        (["--plot", "no/such/folder.png"], "--plot 'no/such/folder.png': must name a file"),
        (["--plot", "picture.xyz"], "--plot 'picture.xyz': the name must end in .png"),
        (["--plot", "picture"], "--plot 'picture': the name must end in .png"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_work(folder, capsys, monkeypatch, options, why):
    if "must end in" in why:
        pytest.importorskip("matplotlib")
    monkeypatch.setattr(commands, "run_descent", lambda *_, **__: pytest.fail("it was begun"))
    code, out, err = run_main(capsys, "fit", "digits.csv", *options)
    assert (code, out) == (2, "") and err.startswith(f"lsgd-fast: {why}") and err.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        "--stepsize 0", "--stepsize -1", "--stepsize nan", "--stepsize x", "--stepsize",
        "--steps -1", "--steps 1e3", "--steps 99999999999999999999", "--l2 -1", "--stop-loss -1",
        "--seconds 0", "--threads 0", "--unstable-steps 0", "--record-every 0", "--out",
        "more", "--loud",
    ],
)  # fmt: skip
def test_bad_options_are_one_line(folder, capsys, options):
    code, out, err = run_main(capsys, "fit", "digits.csv", *options.split())
    assert (code, out) == (2, "")
    assert err.startswith("lsgd-fast") and "--help)\n" in err and err.count("\n") == 1


def test_an_output_that_fails_after_all_loses_no_result(folder, capsys, monkeypatch):
    def full(self, path):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(Run, "save", full)
    code, out, err = run_main(capsys, "fit", "digits.npz", "--steps", 10, "--out", "r.npz")
    assert code == 2 and "Run ended after the" in out
    assert err.splitlines()[-1] == "lsgd-fast: 'r.npz': No space left on device"


def test_not_enough_memory(folder, capsys, monkeypatch):
    def starved(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(commands, "run_descent", starved)
    code, out, err = run_main(capsys, "fit", "digits.npz")
    assert (code, out, err.splitlines()[-1]) == (2, "", "lsgd-fast: not enough memory")


def test_a_bug_is_not_taken_for_bad_data(folder, monkeypatch):
    def broken(*args, **kwargs):
        raise TypeError("a bug")

    monkeypatch.setattr(commands, "run_descent", broken)
    with pytest.raises(TypeError, match="a bug"):
        main(["fit", "digits.npz"])


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_one_line_that_goes(folder, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["fit", "digits.npz", "--steps", "3000", "--json"]) == 0
    shown = terminal.getvalue().split("\r")
    assert shown[1].startswith("reading 'digits.npz'") and shown[-1] == ""
    assert shown[-2].strip() == "" and shown[-3].startswith("step 3000 of 3000: stepsize ")
    assert max(map(len, shown)) < 80 and "\n" not in terminal.getvalue()
    with_reports = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert main(["fit", "digits.npz", "--steps", "3000", "--json"]) == 0
    without = json.loads(capsys.readouterr().out)
    assert with_reports | {"seconds": 0} == without | {"seconds": 0}


def test_errors_on_a_terminal_have_a_line_of_their_own(folder, monkeypatch):
    terminal, name = Terminal(), f"{'bad' * 40}.csv"
    monkeypatch.setattr(sys, "stderr", terminal)
    (folder / name).write_text("1,x,0\n1,2,1\n")
    assert main(["fit", name]) == 2
    _, reading, blank, error = terminal.getvalue().split("\r")
    assert reading.startswith("reading 'badbad") and len(reading) == len(blank) < 80
    assert blank.strip() == "" and error.startswith(f"lsgd-fast: '{name}': line 1")


def test_plot_without_matplotlib(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    code, out, err = run_main(capsys, "fit", "digits.npz", "--plot", "p.png")
    assert (code, out) == (2, "")
    assert (
        err
        == "lsgd-fast: --plot needs matplotlib, which cannot be imported (extra: lsgd_fast[plot])\n"
    )


def test_plot(folder, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("lsgd_fast.plot")
    code, out, _ = run_main(capsys, "fit", "digits.npz", "--steps", 50, "--plot", "p.png", "--json")
    assert (code, json.loads(out)["n_steps"]) == (0, 50)
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")


COMMAND = [sys.executable, "-P", "-m", "lsgd_fast", "fit", "digits.npz"]


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_as_a_process(folder):
    command = [*COMMAND, "--steps", "20", "--json"]
    done = subprocess.run(command, capture_output=True, env=environment(), text=True, timeout=100)
    assert (done.returncode, json.loads(done.stdout)["n_steps"]) == (0, 20)
    command[-3:] = ["--label", "x"]
    done = subprocess.run(command, capture_output=True, env=environment(), text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_ctrl_c(folder):
    command = [*COMMAND, "--steps", str(10**12), "--seconds", "60", "--out", "r.npz"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(), **pipes) as process:
        assert process.stderr.readline() == "read 352 rows of 32 features\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out, err) == (130, "", "\nlsgd-fast: interrupted\n")
    assert not (folder / "r.npz").exists()


def test_one_step_is_in_the_singular(folder, capsys):
    _, _, err = run_main(capsys, "fit", "digits.npz", "--steps", 1)
    assert err.splitlines()[1].startswith("1 step in ")
