"""The scripts of examples/ run, and print what they say they do."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lsgd_fast as lsgd
from support import mpi
from support.fresh import run_python

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"

needs_mpi = pytest.mark.skipif(mpi.missing() is not None, reason=mpi.missing() or "")


def run(name, *arguments):
    done = run_python(RUN, str(EXAMPLES / name), *map(str, arguments))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def needs(*packages):
    """Skip the test if one of the packages is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def test_linear_probe():
    pytest.importorskip("sklearn")
    said = run("linear_probe.py")
    assert "1225 texts to learn from" in said
    assert all(float(found) > 0.9 for found in re.findall(r"accuracy +([\d.]+)", said))
    assert "separable       True" in said and ", stable" in said


def test_text():
    pytest.importorskip("sklearn")
    said = run("text.py")
    assert "2000 documents, 20000 words" in said and "converged" in said
    assert float(re.search(r"accuracy +([\d.]+)", said)[1]) > 0.8


def test_more_features_than_rows():
    pytest.importorskip("sklearn")
    rows = run("more_features_than_rows.py").splitlines()
    margins, accuracies = ({}, {})
    for row in rows[1:7]:
        *name, margin, _, accuracy = row.split()
        margins[" ".join(name)], accuracies[" ".join(name)] = float(margin), float(accuracy)
    assert min(margins.values()) > 0.0
    assert margins["gradient descent"] > margins["no penalty"]
    assert accuracies["shuffled labels"] < 0.6 < 0.8 < accuracies["l2=1"]


@pytest.mark.slow
def test_in_pytorch():
    needs("torch")
    said = run("in_pytorch.py").splitlines()[::2]
    verdicts = [line.split(": ")[1].split(",")[0] for line in said]
    assert verdicts[:2] == ["stable", "stable"] and verdicts[2] in ("unstable", "cycling")
    assert verdicts[3] == "undecided"  # too few epochs


@pytest.mark.slow
def test_in_jax():
    needs("jax", "optax")
    said = run("in_jax.py").splitlines()[::2]
    verdicts = [line.split(": ")[1].split(",")[0] for line in said]
    assert verdicts[:2] == ["stable", "stable"] and verdicts[3:5] == ["unstable", "unstable"]


@pytest.mark.slow
def test_keras_callback():
    needs("keras")
    if not any(map(importlib.util.find_spec, ("jax", "torch"))):
        pytest.skip("neither jax nor torch is installed")
    said = run("keras_callback.py")
    assert "stepsize 0.5: undecided, ended: all epochs are over" in said
    assert "stepsize 8: unstable, ended: unstable_steps" in said or "ended: cycling" in said


@needs_mpi
@pytest.mark.slow
def test_on_mpi(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    assert "9500 rows on 1 processes" in run("on_mpi.py", "--folder", alone, "--rows", 9500)
    done = mpi.launch(3, EXAMPLES / "on_mpi.py", "--folder", together, "--rows", 9500)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("9500 rows on 3 processes") == 1
    assert (alone / "weights.npy").read_bytes() == (together / "weights.npy").read_bytes()


# The commands of Slurm, for two ranks on this machine; and the example with a signal to one of
# them, which comes as soon as there is a handler for it, in the first job.
COMMANDS = {
    "python": f'exec "{sys.executable}" -P "$@"',
    "srun": f'test "$1" = --mpi=pmix || exit 1; shift; exec "{mpi.mpiexec()}" -n 2 "$@"',
    "scontrol": 'echo "$@" >> queued',
}
EARLY_SIGNAL = f"""
import os, runpy, signal
from mpi4py import MPI

set_handler = signal.signal

def set_and_send(number, handler):
    signal.signal = set_handler
    set_handler(number, handler)
    signal.raise_signal(number)

if MPI.COMM_WORLD.rank == 1 and not os.path.exists("checkpoint.npz"):
    signal.signal = set_and_send
MPI.COMM_WORLD.Barrier()
runpy.run_path({str(EXAMPLES / "on_mpi.py")!r}, run_name="__main__")
"""


@needs_mpi
@pytest.mark.slow
def test_on_slurm(tmp_path):
    X, y = mpi.problem(9000)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    (tmp_path / "on_mpi.py").write_text(EARLY_SIGNAL)
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, command in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/sh\n{command}\n")
        (commands / name).chmod(0o755)

    def submit():
        return subprocess.run(
            ["bash", EXAMPLES / "on_slurm.sh"],
            env=os.environ
            | mpi.ENVIRONMENT
            | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
            | {"EXAMPLE": "on_mpi.py", "SLURM_JOB_ID": "77"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
        )

    first = submit()
    assert first.returncode == 0, first.stderr
    assert "step 50: " in first.stdout and "saved" in first.stdout
    assert "step 100" not in first.stdout
    assert (tmp_path / "queued").read_text() == "requeue 77\n"
    second = submit()
    assert second.returncode == 0, second.stderr
    assert "from step 50" in second.stdout
    assert (tmp_path / "queued").read_text() == "requeue 77\n"
    expected = lsgd.gradient_descent(X, y, 1.0, 200).weights
    assert np.load(tmp_path / "weights.npy").tobytes() == expected.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["dask", "ray", "spark"])
def test_engines_that_place_ranks(engine):
    needs("torch", {"dask": "distributed", "spark": "pyspark"}.get(engine, engine))
    if engine == "spark" and shutil.which("java") is None:
        pytest.skip("there is no Java")
    done = run_python(RUN, str(EXAMPLES / f"on_{engine}.py"))
    assert done.returncode == 0, done.stderr
    assert "the bytes of one process: True" in done.stdout
