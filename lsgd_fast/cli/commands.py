"""The commands: each calls the library and prints the result as text or JSON, or plots it.

Results go to stdout, progress to stderr.
"""

import json
import math
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np

from lsgd_fast._api.descent import run_descent, stepsize_sweep
from lsgd_fast._api.trial import staged_trial
from lsgd_fast._files import find_target, replacing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._planning import plan as planning
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._text import counted, to_json_values
from lsgd_fast.cli.data_files import read_data
from lsgd_fast.cli.options import default_record_every, descent_keywords, model_keywords
from lsgd_fast.progress import StatusLine

__all__ = ["DEFAULT_STEPSIZE", "fit", "plan", "sweep", "trial"]

DEFAULT_STEPSIZE = 32.0  # for R = 1, as in the papers
UPDATES = 1000  # of the progress line, over all steps of a command

# Arguments of the library as reports name them, and the options that stand for them here.
OPTIONS = {
    "margin=": "--margin",
    "n_steps=": "--steps",
    "target_loss=": "--target-loss",
    "pass stepsize=": "pass --stepsize",
    "start_stepsize": "--start-stepsize",
    "n_stages": "--stages",
}


def fit(arguments):
    """Run one stepsize; return 1 if it diverged, else 0."""
    _check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        _log_data(data, status)
        keywords = descent_keywords(arguments) | _progress_keywords(arguments.steps, status)
        model = {name: keywords.pop(name) for name in ("loss", "l2", "fit_intercept")}
        stop, options = keywords.pop("stop"), DescentOptions(**keywords)
        with _naming_values(arguments.data):
            problem = Problem.check(data.X, data.y, **model, n_threads=options.n_threads)
        stepsize = arguments.stepsize or _default_stepsize(problem, arguments.data)
        request = check_descent(problem, stepsize, options, stop=stop)
        run = run_descent(request, arguments.steps)
        status.log(f"{run.n_steps} steps in {run.seconds:.3g} s")
    # Print before writing files: a full disk must not lose the result.
    if arguments.json:
        _print_json(_data_facts(arguments, data) | {"stepsize": stepsize} | _run_facts(run))
    else:
        print(_describe_data(arguments, data), f"Stepsize {stepsize:.6g}", run, sep="\n")
    _write(arguments, run)
    return 1 if run.stop_reason is StopReason.diverged else 0


def sweep(arguments):
    """Run several stepsizes; return 1 if all diverged, else 0."""
    _check_outputs(arguments)
    stepsizes, n_steps = arguments.stepsizes, arguments.steps
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        _log_data(data, status)
        keywords = descent_keywords(arguments, len(stepsizes))
        keywords |= _progress_keywords(n_steps, status, len(stepsizes))
        with _naming_values(arguments.data):
            found = stepsize_sweep(data.X, data.y, stepsizes, n_steps, **keywords)
        status.log(f"{counted(len(found), 'run')} in {max(run.seconds for run in found):.3g} s")
    best = None if arguments.best is None else _best_stepsize(found, arguments.best)
    if arguments.json:
        pairs = zip(stepsizes, found, strict=True)
        facts = {"runs": [{"stepsize": stepsize} | _run_facts(run) for stepsize, run in pairs]}
        if arguments.best is not None:
            facts |= {"best_by": arguments.best, "best_stepsize": best}
        _print_json(_data_facts(arguments, data) | facts)
    else:
        print(_describe_data(arguments, data), found.table(), sep="\n")
        if arguments.best is not None:
            which = "no run qualifies" if best is None else f"stepsize {best:.6g}"
            print(f"Best by {arguments.best}: {which}")
    _write(arguments, found)
    return 1 if all(run.stop_reason is StopReason.diverged for run in found) else 0


def trial(arguments):
    """Search for a large stepsize; return 1 if every run diverged, else 0."""
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show(f"trying stepsizes on {len(data.X)} rows", now=True)
        began = time.perf_counter()
        with _naming_values(arguments.data):
            found = staged_trial(
                data.X,
                data.y,
                start_stepsize=arguments.start_stepsize,
                factor=arguments.factor,
                n_stages=arguments.stages,
                n_steps=arguments.steps,
                sample=arguments.sample,
                n_repeats=arguments.repeats,
                rng=arguments.seed,
                **model_keywords(arguments),
            )
        status.log(
            f"{found.passes:.0f} passes over the rows in {time.perf_counter() - began:.3g} s"
        )
    if arguments.json:
        _print_json(_data_facts(arguments, data) | found.to_dict())
    else:
        print(_describe_data(arguments, data), _with_options(found.report()), sep="\n")
    outcomes = [outcome for stage in found.stages for outcome in stage.outcomes]
    outcomes += found.confirmations
    return 1 if all(outcome.verdict == Verdict.diverged for outcome in outcomes) else 0


def plan(arguments):
    """Predict what a descent takes; return 0."""
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show("measuring a short run", now=True)
        with _naming_values(arguments.data):
            found = planning.plan(
                data.X,
                data.y,
                stepsize=arguments.stepsize,
                n_steps=arguments.steps,
                target_loss=arguments.target_loss,
                width=arguments.width,
                margin=arguments.margin,
                n_threads=arguments.threads,
            )
    # `fit` records fewer rows of a long trace, so that it fits in memory.
    found = replace(found, record_every=default_record_every(found.n_steps or 0))
    if arguments.json:
        _print_json(_data_facts(arguments, data) | _plan_facts(found))
    else:
        print(_describe_data(arguments, data), _with_options(found.report()), sep="\n")
    return 0


def _check_outputs(arguments):
    """Check before any work that the outputs can be written after it."""
    for option in ("out", "plot"):
        path = getattr(arguments, option)
        if path is not None:
            _check_output(f"--{option}", path, arguments.data, arguments.labels)
    if arguments.plot is not None:
        _check_picture(arguments.plot)


def _check_output(option, path, *sources):
    try:
        folder = os.path.dirname(find_target(path))
    except ValueError:  # a folder or a device
        folder = ""
    if not os.path.isdir(folder):
        raise ValueError(f"{option} {path!r}: must name a file in an existing folder")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{option} {path!r}: the folder is not writable")
    for source in filter(None, sources):
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
            raise ValueError(f"{option} {path!r}: would overwrite a data file")


def _check_picture(path):
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise ValueError(
            "--plot needs matplotlib, which cannot be imported (extra: lsgd_fast[plot])"
        ) from None
    if _format(path) not in FigureCanvasBase.get_supported_filetypes():
        raise ValueError(f"--plot {path!r}: the name must end in .png, .pdf, .svg or the like")


def _format(path):
    """Return the format of a picture by the end of its name."""
    return os.path.splitext(path)[1][1:].lower()


def _write(arguments, result):
    """Save and plot a result, if the options are given."""
    if arguments.out is not None:
        result.save(arguments.out)
        if not arguments.json:
            print(f"Saved: lsgd_fast.{type(result).__name__}.load({arguments.out!r}) returns it")
    if arguments.plot is not None:
        with replacing(arguments.plot) as file:
            result.plot().figure.savefig(file, format=_format(arguments.plot))


@contextmanager
def _naming_values(path):
    """Name the file in errors about the values of X, which validation finds in its one look."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("X must be finite"):
            raise
        raise ValueError(f"{path!r}: {error}") from error


def _read(arguments, status):
    status.show(f"reading {arguments.data!a}")
    options = {"labels": arguments.labels, "label": arguments.label}
    return read_data(arguments.data, several=arguments.softmax, **options)


def _log_data(data, status):
    status.log(f"read {len(data.X)} rows of {data.X.shape[1]} features")


def _default_stepsize(problem, path):
    radius = problem.radius or 1.0
    stepsize = DEFAULT_STEPSIZE / radius / radius
    if not 0.0 < stepsize < math.inf:
        raise ValueError(
            f"{path!r}: R is {radius:.3g}, and {DEFAULT_STEPSIZE:g} / R^2 is beyond float64: scale "
            "the data, or pass --stepsize"
        )
    return stepsize


def _progress_keywords(n_steps, status, n_runs=1):
    """Return the keywords with which a descent shows its progress on a terminal."""
    if not status.live:
        return {}

    def report(state):
        status.show(f"step {state.n_steps} of {n_steps}, loss {state.loss:.3g}")

    return {"callback": report, "callback_every": max(1, n_steps * n_runs // UPDATES)}


def _best_stepsize(found, by):
    """Return the stepsize of the best run of a sweep, or None if no run qualifies."""
    try:
        return found.stepsizes[found.index(found.best(by))]
    except ValueError:
        return None


def _describe_data(arguments, data):
    n, d = data.X.shape
    if arguments.softmax:
        labels = f"{len(data.labels)} classes"
    else:
        labels = "labels {!a} as -1 and {!a} as +1".format(*data.labels)
    return f"Data {arguments.data!a}: {n} rows of {d} features, {labels}"


def _with_options(report):
    for name, option in OPTIONS.items():
        report = report.replace(name, option)
    return report


def _data_facts(arguments, data):
    n, d = data.X.shape
    return {"data": arguments.data, "n_rows": n, "n_features": d, "labels": data.labels}


def _run_facts(run):
    """Return the end of a run, under the names of `Run` and `Trace`."""
    names = ("n_steps", "n_threads", "seconds", "radius", "intercept", "separable", "evidence")
    counters = ("separated_at", "certified_at", "stable_at", "n_increases")
    columns = ("loss", "ln_loss", "error_rate", "min_margin", "weight_norm")
    last = {name: float(getattr(run.trace, name)[-1]) for name in columns}
    named = {name: getattr(run, name) for name in names + counters}
    named["intercept"] = np.asarray(run.intercept).tolist()  # a list for several classes
    return {"stop_reason": str(run.stop_reason), "verdict": str(run.verdict)} | last | named


def _plan_facts(found):
    """Return the facts of a plan, under the names of `Plan`."""
    derived = ("stepsize", "n_steps", "data_bytes", "n_recorded", "peak_bytes", "seconds")
    derived += ("network_bytes", "network_flops") if found.width is not None else ()
    facts = asdict(found) | {name: getattr(found, name) for name in derived}
    return facts | {"dtype": str(found.dtype)}


def _print_json(facts):
    """Print an object in one line; NaN and infinity, which JSON lacks, become null."""
    print(json.dumps(to_json_values(facts), allow_nan=False))
