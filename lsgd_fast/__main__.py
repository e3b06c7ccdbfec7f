"""The command line: ``lsgd-fast demo`` and ``lsgd-fast info``."""

import argparse
import os
import platform
import sys

import numpy as np

from lsgd_fast import __version__, demo, kernel
from lsgd_fast.threads import available_threads

__all__ = ["main"]

MAX_STEPS = 1_000_000  # the demo keeps every row of its traces in memory


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 if all went well, 1 if a check failed, 2 for bad usage, 130 for Ctrl-C.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed what there is to say
        return stop.code
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nlsgd-fast: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has gone; nor may Python's exit write to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser():
    parser = _Parser(
        prog="lsgd-fast",
        description="Gradient descent with large stepsizes on the logistic loss.",
    )
    parser.add_argument("--version", action="version", version=f"lsgd-fast {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    text = "compare a small stepsize with large ones on images that ship with the package"
    command = commands.add_parser("demo", help=text, description=text.capitalize() + ".")
    command.add_argument(
        "--steps", type=_steps, default=demo.N_STEPS, help="steps of a run (default %(default)s)"
    )
    command.set_defaults(run=lambda arguments: demo.run(arguments.steps))
    text = "say how the package was built and what it found on this machine"
    command = commands.add_parser("info", help=text, description=text.capitalize() + ".")
    command.set_defaults(run=_info)
    return parser


def _steps(text):
    if not (text.isdecimal() and 1 <= int(text) <= MAX_STEPS):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {MAX_STEPS}, not {text!r}")
    return int(text)


def _info(_):
    runs = ", ".join(kernel.instruction_sets())
    facts = {
        "lsgd_fast": __version__,
        "compiler": kernel.compiler(),
        "instruction set": f"{kernel.instruction_set()} (this processor can run: {runs})",
        "OpenMP": "on" if kernel.openmp_enabled() else "off: one thread only",
        "threads": f"{available_threads()} by default, 1 where the data are small",
        "Python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        "NumPy": np.__version__,
    }
    for name, fact in facts.items():
        print(f"{name:<16} {fact}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
