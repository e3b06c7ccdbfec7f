"""The command line: the parser of its arguments, and its exit codes.

Errors in arguments or data are reported in one line on stderr, with exit code 2.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import textwrap
from collections.abc import Sequence

import numpy as np

from lsgd_fast import kernel
from lsgd_fast._core.threads import WITHOUT_OPENMP, available_threads
from lsgd_fast._results.sweep import CRITERIA
from lsgd_fast._results.trial import GOALS
from lsgd_fast._text import WIDTH
from lsgd_fast._version import __version__
from lsgd_fast.cli import commands, demo
from lsgd_fast.cli.options import (
    MAX_STEPSIZES,
    add_data,
    add_descent,
    add_intercept,
    add_json,
    add_output,
    add_problem,
    add_report,
    add_softmax,
    add_threads,
    count,
    real,
    stepsizes,
)

__all__ = ["main"]

JUDGED_BY = [goal for goal in GOALS if goal != "steps"]  # which needs a target
MAX_DEMO_STEPS = 1_000_000  # the demo keeps every row of its traces in memory

EXIT_CODES = """\
exit codes:
  0    the command did what it was asked to, however the runs ended
  1    every run diverged, the demo found a disagreement, or nobody reads the
       output any more
  2    wrong arguments or data: one line on stderr says why
  130  interrupted by Ctrl-C

Results go to stdout, progress and errors to stderr. With --json results are
one JSON object.
"""


def main(argv: Sequence[str] | None = None) -> int | str | None:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        Exit code, see `EXIT_CODES`.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed the message
        return stop.code
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nlsgd-fast: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader is gone: keep Python's exit from writing to it, too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        fault = f"{error.filename!r}: {error.strerror}" if error.filename else str(error)
    except (MemoryError, ValueError) as error:
        fault = " ".join(str(error).split()) or "not enough memory"
    print(f"lsgd-fast: {fault}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser():
    parser = _Parser(
        prog="lsgd-fast",
        description="Gradient descent with large stepsizes on the logistic loss.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lsgd-fast {__version__}")
    subparsers = parser.add_subparsers(metavar="command", required=True)

    def add_command(name, run, text):
        command = subparsers.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}."
        )
        command.set_defaults(run=run)
        return command

    text = "minimise the loss of a data file, without a stepsize to choose"
    _minimize_options(add_command("minimize", commands.minimize, text))
    text = "predict the labels of a data file by a model that minimize or fit saved"
    _predict_options(add_command("predict", commands.predict, text))
    text = "tell whether a linear model separates the classes of a data file, and by which features"
    _separation_options(add_command("separation", commands.separation, text))
    _fit_options(add_command("fit", commands.fit, "run gradient descent on a data file"))
    text = "run gradient descent with several stepsizes on a data file"
    _sweep_options(add_command("sweep", commands.sweep, text))
    text = "search for a large stepsize on samples of a data file, and confirm it on all rows"
    _trial_options(add_command("trial", commands.trial, text))
    text = "decide by a trial, a plan and a monitored run on all rows whether a large stepsize pays"
    _pilot_options(add_command("pilot", commands.pilot, text))
    text = (
        "predict time and memory of a descent on a data file, without an intercept, and show the "
        "bounds of theory"
    )
    _plan_options(add_command("plan", commands.plan, text))

    text = "compare a small stepsize with large ones on images that ship with the package"
    command = add_command("demo", lambda arguments: demo.run(arguments.steps), text)
    command.add_argument(
        "--steps",
        metavar="N",
        type=count(1, MAX_DEMO_STEPS),
        default=demo.N_STEPS,
        help="number of steps of each run (default %(default)s)",
    )
    add_command("info", _info, "show how the package was built and what it found on this machine")
    return parser


def _minimize_options(command):
    add_data(command)
    add_problem(command)
    add = command.add_argument
    text = "tolerance of convergence, without units (default %(default)g)"
    add("--tol", metavar="TOL", type=real(zero_allowed=True), default=1e-8, help=text)
    text = "number of reads of the data after which to give up (default %(default)s)"
    add("--max-passes", metavar="N", type=count(1), default=1000, help=text)
    text = "stop once the loss is at most LOSS; on separable data any loss can be reached"
    add("--stop-loss", metavar="LOSS", type=real(zero_allowed=True), help=text)
    add("--seconds", metavar="S", type=real(), help="stop after S seconds")
    add_output(command)


def _predict_options(command):
    text = "model, which minimize or fit saved with --model"
    command.add_argument("model", metavar="MODEL", help=text)
    add_data(command, columns=False)
    text = "print the probability of each label, too"
    command.add_argument("--probabilities", action="store_true", help=text)
    add_json(command)


def _separation_options(command):
    add_data(command)
    add_softmax(command)
    add_intercept(command)
    add_threads(command)
    add_json(command)


def _fit_options(command):
    add_data(command)
    command.add_argument(
        "--stepsize",
        metavar="STEPSIZE",
        type=real(),
        help="stepsize, in the units of the data "
        f"(default {commands.DEFAULT_STEPSIZE:g} / R^2, where R is the largest norm of a row)",
    )
    add_descent(command)
    add_output(command)


def _sweep_options(command):
    add_data(command)
    command.add_argument(
        "--stepsizes",
        metavar="ETAS",
        type=stepsizes,
        required=True,
        help="stepsizes, in the units of the data: a list, such as 0.1,1,10, or a grid, such as "
        "0.5:512:x4 for 0.5, 2, 8, 32, 128, 512",
    )
    add_descent(command)
    command.add_argument(
        "--best",
        metavar="BY",
        choices=CRITERIA,
        help=f"show which run is best by {', '.join(CRITERIA[:-1])} or {CRITERIA[-1]}, the step of "
        "the last increase of the loss",
    )
    add_output(command, model=False)


def _trial_options(command):
    add_data(command)
    add = command.add_argument
    text = "first stepsize (default: 1 / estimated smoothness, which never oscillates)"
    add("--start-stepsize", metavar="STEPSIZE", type=real(), help=text)
    text = "ratio of each stepsize to the one before (default %(default)g)"
    add("--factor", metavar="F", type=real(above=1.0), default=4.0, help=text)
    text = "number of stepsizes (default %(default)s)"
    add("--stages", metavar="N", type=count(1, MAX_STEPSIZES), default=8, help=text)
    text = "number of steps of each run, on samples and on all rows (default %(default)s)"
    add("--steps", metavar="N", type=count(1), default=1000, help=text)
    text = "fraction of the rows in a sample, below 1 for held-out goals (default %(default)g)"
    add("--sample", metavar="FRACTION", type=real(maximum=1.0), default=0.1, help=text)
    text = "number of samples, for the choice and again for the comparison (default %(default)s)"
    add("--repeats", metavar="N", type=count(1), default=3, help=text)
    text = (
        "what the best stepsize has in the end: the lowest loss, the lowest loss or the fewest "
        "errors on rows outside of the samples, or the largest margin (default %(default)s)"
    )
    goals = [_option(goal) for goal in JUDGED_BY]
    add("--goal", choices=goals, type=_option, default=goals[0], help=text)
    text = "seed of the samples (default %(default)s)"
    add("--seed", metavar="N", type=count(0), default=0, help=text)
    add_problem(command)
    add_report(command)
    add_json(command)


def _pilot_options(command):
    add_data(command)
    add = command.add_argument
    text = (
        "folder to keep everything in: the same command goes on where an earlier one was left, and "
        "pilot.json has every number (default: none, and nothing is kept)"
    )
    add("--out", metavar="FOLDER", help=text)
    text = "what the better stepsize has less of, or of the margin more (default %(default)s)"
    goals = [_option(goal) for goal in JUDGED_BY]
    add("--goal", choices=goals, type=_option, default="held-out-error", help=text)
    text = "limit of the time of both runs on all rows (default: none)"
    add("--seconds", metavar="S", type=real(), help=text)
    text = "limit of their memory besides the data, in bytes (default: half of the machine's)"
    add("--memory", metavar="BYTES", type=count(1), help=text)
    text = "number of steps of the runs on all rows (default %(default)s)"
    add("--steps", metavar="N", type=count(1), default=4000, help=text)
    text = "number of steps of each run of the trial (default %(default)s)"
    add("--trial-steps", metavar="N", type=count(1), default=1000, help=text)
    text = "number of samples, for the choice and again to compare (default %(default)s)"
    add("--repeats", metavar="N", type=count(1), default=5, help=text)
    text = "fraction of the rows that only compare the two runs (default %(default)g)"
    add("--test-size", metavar="FRACTION", type=real(maximum=1.0), default=0.2, help=text)
    text = "hidden units of a two-layer network that is to follow, for the plan"
    add("--width", metavar="N", type=count(1), help=text)
    text = "give up the large stepsize if its loss increases at step N or later"
    add("--unstable-steps", metavar="N", type=count(1), help=text)
    text = "seed of the divisions of the rows (default %(default)s)"
    add("--seed", metavar="N", type=count(0), default=0, help=text)
    add_problem(command, several=False)
    add_report(command)
    add_json(command)


def _option(name):
    return name.replace("_", "-")


def _plan_options(command):
    add_data(command, offset=False)
    add_softmax(command)
    add = command.add_argument
    text = (
        "stepsize, in the units of the data (default: the one of Corollary 2 for the number of "
        "steps, if --margin is given; with --softmax none)"
    )
    add("--stepsize", metavar="STEPSIZE", type=real(), help=text)
    text = "number of steps (default: as many as the bounds need for --target-loss)"
    add("--steps", metavar="N", type=count(0), help=text)
    text = "show after how many steps theory guarantees a loss of at most LOSS"
    add("--target-loss", metavar="LOSS", type=real(), help=text)
    text = "show what a two-layer network of this width takes"
    add("--width", metavar="N", type=count(1), help=text)
    text = "margin of the data, in their units, or a lower bound of it; the bounds need it"
    add("--margin", metavar="MARGIN", type=real(), help=text)
    add_threads(command)
    add_report(command)
    add_json(command)


def _info(_):
    runs = ", ".join(kernel.instruction_sets())
    facts = {
        "lsgd_fast": __version__,
        "compiler": kernel.compiler(),
        "instruction set": f"{kernel.instruction_set()} (this processor supports {runs})",
        "OpenMP": "on" if kernel.openmp_enabled() else "off: runs use one thread",
        "threads": f"{available_threads()} by default, 1 for small data",
        "Python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        "NumPy": np.__version__,
    }
    for name, fact in facts.items():
        print(f"{name:<16} {fact}")
    if not kernel.openmp_enabled():
        print("\n" + textwrap.fill(WITHOUT_OPENMP, WIDTH))
    return 0
