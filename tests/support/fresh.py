"""Scripts in a process of their own, which imports the package that the tests import."""

import os
import subprocess
import sys


def run_python(script, *arguments, **environment):
    """Run a script, which may crash; return the finished process, with its output as text."""
    path = os.pathsep.join(path for path in sys.path if path)
    # -P: not from the current folder, which may be a checkout
    return subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
