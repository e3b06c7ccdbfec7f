"""Programs on several ranks, which mpiexec starts; the data that they work on."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from support.hashes import content

# A thread a rank unless tests ask for more. The rest is for Open MPI, as root and where there are
# more ranks than cores; MPICH asks for nothing.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
}


def mpiexec():
    """Return the mpiexec beside this Python, or on the path, or None."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("mpiexec", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


def missing():
    """Return what there is not of what ranks need, or None."""
    if importlib.util.find_spec("mpi4py") is None:
        return "mpi4py is not installed"
    return "there is no mpiexec" if mpiexec() is None else None


def launch(size, *command, timeout=100.0):
    """Run a command of Python on `size` ranks; return the finished process."""
    path = os.pathsep.join(path for path in sys.path if path)
    # -P: not from the current folder, which may be a checkout
    return subprocess.run(
        [mpiexec(), "-n", str(size), sys.executable, "-P", "-m", "mpi4py", *map(str, command)],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def run_program(folder, size, *arguments, timeout=100.0):
    """Run a task of `mpi_program.py` on `size` ranks; return what each of them found."""
    done = launch(size, "-m", "support.mpi_program", folder, *arguments, timeout=timeout)
    found = [Path(folder, f"{rank}.json") for rank in range(size)]
    missing = [path.name for path in found if not path.exists()]
    assert not missing, f"{missing} missing\n{done.stdout}\n{done.stderr}"
    return [json.loads(path.read_text()) for path in found]


def problem(n, d=20):
    """Return X of shape (n, d), and labels that do not separate."""
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, d))
    return X, np.where(X @ rng.standard_normal(d) + rng.standard_normal(n) > 0.0, 1, -1)


def fingerprint(run):
    """Return a hash of all of a run but its time and its threads."""
    return hashlib.sha256(repr(content(run)).encode()).hexdigest()
