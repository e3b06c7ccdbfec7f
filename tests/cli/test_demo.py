"""`lsgd-fast demo`: its table and its picture, also where things are missing."""

import io
import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast.__main__ import main
from lsgd_fast.cli import demo


class Terminal(io.StringIO):
    def isatty(self):
        return True


def table_of(output):
    """Return the cells of the rows of stepsizes, and the margin below them."""
    lines = output.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("stepsize")) + 1
    rows = [line.split() for line in lines[first : first + 4]]
    return rows, float(lines[first + 4].split()[-1])


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


def test_progress_on_a_terminal_is_one_line_that_goes(quick, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["demo", "--steps", "300"]) == 0
    assert "\rstep 300 of 300: stepsize 6.5, loss " in terminal.getvalue()
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


@pytest.mark.parametrize("n_steps", [0, 1, 2, 9, 10, 11, 12, 101, 999, 1100, 2000, 10_000, 123_456])
def test_numbers_of_the_step_axis_do_not_touch(n_steps):
    found = list(map(int, demo._axis(n_steps).split()))
    possible = {0, 1, *demo._checkpoints(n_steps)}
    assert found[-1] == n_steps and found == sorted(set(found)) and set(found) <= possible
    assert len(demo._axis(n_steps)) <= demo.CURVE
    assert n_steps != 10_000 or set(found) == possible
