"""`lsgd-fast pilot` gives what the library gives."""

import json

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.commandline import X, Y, run_main, write_files
from support.pages import check_page
from support.pilots import without_times

QUICK = ["--steps", 100, "--trial-steps", 64, "--repeats", 2, "--threads", 1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def test_a_pilot_is_that_of_the_library(folder, capsys):
    code, out, _ = run_main(capsys, "pilot", "digits.npz", *QUICK, "--goal", "loss", "--json")
    facts = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    options = {"n_steps": 100, "n_trial_steps": 64, "n_repeats": 2, "n_threads": 1}
    found = lsgd.pilot(np.ascontiguousarray(X), Y, goal="loss", **options)  # as a file has them
    assert code == 0
    assert without_times(facts).items() >= without_times(found.to_dict()).items()


def test_a_folder_keeps_everything_and_goes_on(folder, capsys):
    command = ["pilot", "digits.csv", *QUICK, "--goal", "margin", "--out", "kept"]
    code, out, _ = run_main(capsys, *command, "--standardize")
    assert code == 0 and "Kept: 'kept/pilot.json'" in out
    first = (folder / "kept" / "pilot.json").read_text()
    assert run_main(capsys, *command, "--standardize")[1] == out
    assert (folder / "kept" / "pilot.json").read_text() == first
    code, out, error = run_main(capsys, *command)
    assert code == 2 and "other data or arguments" in error and out == ""


def test_options_have_their_names_in_the_report(folder, capsys):
    options = ["--steps", 5000, "--trial-steps", 64, "--goal", "loss", "--seconds", 1e-5]
    code, out, _ = run_main(capsys, "pilot", "digits.npz", *options, "--width", 8)
    assert code == 0 and out.startswith("Data 'digits.npz'")
    assert "No-go: the runs on all rows do not fit" in out and "width 8" in out
    assert "n_steps" not in out


@pytest.mark.parametrize(("option", "message"), [
    (["--goal", "steps"], "invalid choice"), (["--test-size", "2"], "must be at most 1"),
    (["--softmax"], "unrecognized arguments"), (["--test-size", "1"], "test_size must be"),
    (["--out", "digits.npz"], "must name a folder"),
])  # fmt: skip
def test_bad_options_are_errors(folder, capsys, option, message):
    try:
        code, _, error = run_main(capsys, "pilot", "digits.npz", *option)
    except SystemExit as end:
        code, error = end.code, capsys.readouterr().err
    assert code == 2 and message in error


def test_a_report_is_a_page(folder, capsys):
    command = ["pilot", "digits.npz", *QUICK, "--out", "kept", "--report", "r.html", "--lang", "ja"]
    code, out, _ = run_main(capsys, *command)
    assert code == 0 and "Report: 'r.html' is a page for a browser" in out
    check_page((folder / "r.html").read_text("utf-8"), "ja")
    code, _, error = run_main(capsys, "pilot", "digits.npz", "--report", "digits.npz")
    assert code == 2 and "--report 'digits.npz': would overwrite a data file" in error
