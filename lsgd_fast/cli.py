"""The command line: a command turns its arguments into a call, and prints what comes back.

Results go to stdout, all else to stderr. What is wrong with arguments or data is said in one line,
with exit code 2.
"""

import argparse
import json
import math
import os
import platform
import sys

import numpy as np

from lsgd_fast import __version__, demo, kernel
from lsgd_fast.api import gradient_descent
from lsgd_fast.files import read_data
from lsgd_fast.options import add_data, add_descent, add_output, count, descent_keywords, real
from lsgd_fast.problem import Problem
from lsgd_fast.run import StopReason
from lsgd_fast.statusline import StatusLine
from lsgd_fast.threads import available_threads

__all__ = ["main"]

DEFAULT_STEPSIZE = 32.0  # where R = 1, as in the papers
MAX_DEMO_STEPS = 1_000_000  # the demo keeps every row of its traces in memory
UPDATES = 1000  # of the progress of a run


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 if all went well, 1 if a run diverged or a check failed, 2 for bad usage or bad
        data, 130 for Ctrl-C.
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
    except OSError as error:
        fault = f"{error.filename!r}: {error.strerror}" if error.filename else str(error)
    except (MemoryError, ValueError) as error:
        fault = " ".join(str(error).split()) or "not enough memory"
    print(f"lsgd-fast: {fault}", file=sys.stderr)
    return 2


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

    def add_command(name, run, text):
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.set_defaults(run=run)
        return command

    command = add_command("fit", _fit, "run gradient descent with one stepsize on a data file")
    add_data(command)
    command.add_argument(
        "--stepsize",
        metavar="ETA",
        type=real(),
        help="in the units of the data; "
        f"default {DEFAULT_STEPSIZE:g} / R^2, where R is the largest norm of a row",
    )
    add_descent(command)
    add_output(command)

    text = "compare a small stepsize with large ones on images that ship with the package"
    command = add_command("demo", lambda arguments: demo.run(arguments.steps), text)
    command.add_argument(
        "--steps",
        metavar="N",
        type=count(1, MAX_DEMO_STEPS),
        default=demo.N_STEPS,
        help="steps of a run (default %(default)s)",
    )
    add_command("info", _info, "say how the package was built and what it found on this machine")
    return parser


def _fit(arguments):
    _check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        stepsize = arguments.stepsize or _default_stepsize(data, arguments.fit_intercept)
        reports = _reports(arguments.steps, status)
        keywords = descent_keywords(arguments)
        run = gradient_descent(data.X, data.y, stepsize, arguments.steps, **keywords, **reports)
        status.log(f"{run.n_steps} steps in {run.seconds:.3g} s")
    # Printed before anything is written: a full disk must not cost the result.
    if arguments.json:
        _print_json(_data_facts(arguments, data) | {"stepsize": stepsize} | _run_facts(run))
    else:
        print(_describe_data(arguments, data), f"Stepsize {stepsize:.6g}", run, sep="\n")
    if arguments.out is not None:
        run.save(arguments.out)
    if arguments.plot is not None:
        from lsgd_fast import plot

        plot.loss_curves(run).figure.savefig(arguments.plot)
    return 1 if run.stop_reason is StopReason.diverged else 0


def _check_outputs(arguments):
    """Refuse before the work what could not be written after it."""
    for option in ("out", "plot"):
        path = getattr(arguments, option)
        if path is not None:
            _check_output(f"--{option}", path, arguments.data, arguments.labels)
    if arguments.plot is not None:
        _check_picture(arguments.plot)


def _check_output(option, path, *sources):
    folder = os.path.dirname(path) or "."
    if not path or os.path.isdir(path) or not os.path.isdir(folder):
        raise ValueError(f"{option} {path!r}: not the name of a file in a folder that exists")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{option} {path!r}: its folder cannot be written to")
    for source in filter(None, sources):
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
            raise ValueError(f"{option} {path!r}: would overwrite the data")


def _check_picture(path):
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise ValueError(
            "--plot needs matplotlib, which cannot be imported (extra: plot)"
        ) from None
    if os.path.splitext(path)[1][1:].lower() not in FigureCanvasBase.get_supported_filetypes():
        raise ValueError(f"--plot {path!r}: the name must end in .png, .pdf, .svg or the like")


def _read(arguments, status):
    status.show(f"reading {arguments.data!a}")
    data = read_data(arguments.data, labels=arguments.labels, label=arguments.label)
    status.log(f"read {len(data.X)} rows of {data.X.shape[1]} features")
    return data


def _default_stepsize(data, fit_intercept):
    radius = Problem.check(data.X, data.y, fit_intercept=fit_intercept).radius or 1.0
    return DEFAULT_STEPSIZE / radius / radius


def _reports(n_steps, status):
    """Return the keywords with which a descent keeps a terminal informed."""
    if not status.live:
        return {}

    def report(state):
        status.show(f"step {state.n_steps} of {n_steps}, loss {state.loss:.3g}")

    return {"callback": report, "callback_every": max(1, n_steps // UPDATES)}


def _describe_data(arguments, data):
    (n, d), (low, high) = data.X.shape, data.labels
    signs = f"labels {low!a} as -1 and {high!a} as +1"
    return f"Data {arguments.data!a}: {n} rows of {d} features, {signs}"


def _data_facts(arguments, data):
    n, d = data.X.shape
    return {"data": arguments.data, "n_rows": n, "n_features": d, "labels": data.labels}


def _run_facts(run):
    """Return what a run came to, under the names of `Run` and `Trace`."""
    names = ("n_steps", "n_threads", "seconds", "radius", "intercept", "separable")
    counters = ("separated_at", "certified_at", "stable_at", "n_increases")
    columns = ("loss", "log_loss", "error_rate", "min_margin", "weight_norm")
    last = {name: float(getattr(run.trace, name)[-1]) for name in columns}
    named = {name: getattr(run, name) for name in names + counters}
    return {"stop_reason": str(run.stop_reason)} | last | named


def _print_json(facts):
    """Print an object in one line; numbers that JSON lacks, such as infinity, become null."""
    for name, value in facts.items():
        if isinstance(value, float) and not math.isfinite(value):
            facts[name] = None
    print(json.dumps(facts, allow_nan=False))


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
