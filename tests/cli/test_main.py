"""The command line does what it says, also where things are missing."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel
from lsgd_fast.__main__ import main
from lsgd_fast._core import threads
from lsgd_fast.cli import demo


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


@pytest.mark.parametrize("enabled", [True, False])
def test_info_says_what_to_do_without_openmp(capsys, monkeypatch, enabled):
    monkeypatch.setattr(kernel, "openmp_enabled", lambda: enabled)
    assert main(["info"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert (threads.WITHOUT_OPENMP in words) is not enabled


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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_output_suits_the_encoding(encoding, quick, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, write_through=True))
    assert main(["demo", "--steps", "50"]) == 0
    text = written.getvalue().decode(encoding)
    assert text.isascii() == (encoding != "utf-8")


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
