"""The command line does what it says, also where things are missing."""

import doctest
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel
from lsgd_fast.__main__ import main
from lsgd_fast.cli import demo

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_matplotlib(monkeypatch):
    loaded = [name for name in sys.modules if name.startswith("matplotlib.")]
    submodules = ["matplotlib.backends.backend_agg", "matplotlib.figure"]
    for name in ["matplotlib", *submodules, *loaded]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def quick(empty_folder, no_matplotlib, monkeypatch):
    monkeypatch.setattr(demo, "REFERENCE_REPEATS", 1)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def table_of(output):
    """Return the cells of the rows of stepsizes, and the margin below them."""
    lines = output.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("stepsize")) + 1
    rows = [line.split() for line in lines[first : first + 4]]
    return rows, float(lines[first + 4].split()[-1])


def test_info(capsys):
    assert main(["info"]) == 0
    out, err = capsys.readouterr()
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert err == ""
    assert facts["lsgd_fast"] == lsgd.__version__
    assert facts["compiler"] == kernel.compiler()
    assert facts["instruction"].split()[:2] == ["set", kernel.instruction_set()]
    assert facts["OpenMP"].startswith("on" if kernel.openmp_enabled() else "off")
    assert facts["NumPy"] == np.__version__


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lsgd-fast {lsgd.__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["dance"],
        ["--loud"],
        ["info", "more"],
        ["demo", "--steps"],
        ["demo", "--steps", "0"],
        ["demo", "--steps", "-3"],
        ["demo", "--steps", "1e3"],
        ["demo", "--steps", "1000000000000"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line(argv, capsys):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lsgd-fast") and err.endswith("\n") and err.count("\n") == 1


def test_demo_with_matplotlib(empty_folder, capsys):
    pytest.importorskip("matplotlib")
    assert main(["demo", "--steps", "300"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"Wrote {demo.PICTURE}")
    assert [path.name for path in empty_folder.iterdir()] == [demo.PICTURE]
    assert (empty_folder / demo.PICTURE).read_bytes().startswith(b"\x89PNG")


def test_demo_without_matplotlib(empty_folder, no_matplotlib, capsys):
    assert main(["demo", "--steps", "300"]) == 0
    assert "matplotlib cannot be imported" in capsys.readouterr().out.splitlines()[-1]
    assert list(empty_folder.iterdir()) == []


def test_demo_where_the_picture_cannot_be_written(empty_folder, capsys):
    pytest.importorskip("matplotlib")
    (empty_folder / demo.PICTURE).mkdir()
    assert main(["demo", "--steps", "20"]) == 0
    assert "it cannot be written here" in capsys.readouterr().out.splitlines()[-1]


def test_table_shows_the_runs(quick, capsys):
    assert main(["demo", "--steps", "300"]) == 0
    rows, margin = table_of(capsys.readouterr().out)
    X, y = lsgd.datasets.digits_0_vs_8()
    assert [float(row[0]) for row in rows[1:]] == list(demo.LARGE)
    for cells in rows:
        run = lsgd.gradient_descent(X, y, float(cells[0]), 300)
        trace = run.trace
        errors = np.flatnonzero(trace.error_rate > 0.0)
        expected = [f"{trace.loss[step]:.2e}" for step in (10, 100, 300)]
        expected += [f"{run.n_increases}", f"{run.stable_at}" if run.n_increases else "-"]
        expected += [f"{run.separated_at}", f"{errors[-1] + 1}"]
        expected += [f"{trace.min_margin[-1] / trace.weight_norm[-1]:.4f}"]
        assert cells[1:] == expected
        assert float(cells[-1]) < margin


def test_the_small_stepsize_is_stable_and_the_large_ones_are_not_at_first(quick, capsys):
    assert main(["demo", "--steps", "300"]) == 0
    (small, *large), _ = table_of(capsys.readouterr().out)
    assert small[4] == "0"
    assert all(int(row[4]) > 0 and int(row[5]) < 10 for row in large)
    final = [float(row[3]) for row in (small, *large)]
    assert final == sorted(final, reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 7, 10_000, 20_000])
def test_lines_fit_whatever_the_number_of_steps(steps, quick, capsys):
    assert main(["demo", "--steps", str(steps)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 79
    assert "nan" not in out and "None" not in out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_output_suits_the_encoding(encoding, quick, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, write_through=True))
    assert main(["demo", "--steps", "50"]) == 0
    text = written.getvalue().decode(encoding)
    assert text.isascii() == (encoding != "utf-8")


def test_progress_on_a_terminal_is_one_line_that_goes(quick, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["demo", "--steps", "300"]) == 0
    assert terminal.getvalue().startswith("\rstepsize ")
    assert terminal.getvalue().endswith(" \r")
    assert "\n" not in terminal.getvalue()


def test_progress_elsewhere_is_a_line_a_run(quick, capsys):
    assert main(["demo", "--steps", "300"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and all(line.startswith("stepsize ") for line in lines)


def test_no_times_where_the_reference_disagrees(quick, monkeypatch, capsys):
    monkeypatch.setattr(demo, "REFERENCE_TOLERANCE", -1.0)
    assert main(["demo", "--steps", "20"]) == 1
    out = capsys.readouterr().out
    assert "DISAGREE" in out and " us (" not in out


def test_interrupt(monkeypatch, capsys):
    def interrupted(steps):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr() == ("", "\nlsgd-fast: interrupted\n")


def test_module_and_a_reader_that_went_away(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "lsgd_fast", "info"]
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
    done = subprocess.run(command, capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_quick_start_of_the_readme_runs_as_printed(empty_folder):
    pytest.importorskip("sklearn")
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert (failed, tried >= 10) == (0, True)
