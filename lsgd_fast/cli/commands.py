"""The commands: arguments to a call of the library, and what comes back to text, JSON or a picture.

Results go to stdout, progress to stderr.
"""

import json
import math
import os
import sys
import time
from dataclasses import asdict, replace

import numpy as np

from lsgd_fast._api.descent import run_descent, stepsize_sweep
from lsgd_fast._api.trial import staged_trial
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._planning import plan as planning
from lsgd_fast._results.verdict import Verdict
from lsgd_fast.cli.data_files import read_data
from lsgd_fast.cli.options import default_record_every, descent_keywords, model_keywords
from lsgd_fast.progress import StatusLine

__all__ = ["DEFAULT_STEPSIZE", "fit", "plan", "sweep", "trial"]

DEFAULT_STEPSIZE = 32.0  # where R = 1, as in the papers
UPDATES = 1000  # of the progress of a command

# How reports call arguments of the library, and what these are called here.
OPTIONS = {
    "margin=": "--margin",
    "n_steps=": "--steps",
    "target_loss=": "--target-loss",
    "pass stepsize=": "pass --stepsize",
    "start_stepsize": "--start-stepsize",
    "n_stages": "--stages",
}


def fit(arguments):
    """Run one stepsize; 1 if it diverged, else 0."""
    _check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        _log_data(data, status)
        keywords = descent_keywords(arguments) | _reports(arguments.steps, status)
        model = {name: keywords.pop(name) for name in ("loss", "l2", "fit_intercept")}
        stop, options = keywords.pop("stop"), DescentOptions(**keywords)
        problem = Problem.check(data.X, data.y, **model)
        stepsize = arguments.stepsize or _default_stepsize(problem)
        request = check_descent(problem, stepsize, options, stop=stop)
        run = run_descent(request, arguments.steps)
        status.log(f"{run.n_steps} steps in {run.seconds:.3g} s")
    # Printed before anything is written: a full disk must not cost the result.
    if arguments.json:
        _print_json(_data_facts(arguments, data) | {"stepsize": stepsize} | _run_facts(run))
    else:
        print(_describe_data(arguments, data), f"Stepsize {stepsize:.6g}", run, sep="\n")
    _write(arguments, run)
    return 1 if run.stop_reason is StopReason.diverged else 0


def sweep(arguments):
    """Run several stepsizes; 1 if all diverged, else 0."""
    _check_outputs(arguments)
    stepsizes, n_steps = arguments.stepsizes, arguments.steps
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        _log_data(data, status)
        keywords = descent_keywords(arguments, len(stepsizes))
        keywords |= _reports(n_steps, status, len(stepsizes))
        found = stepsize_sweep(data.X, data.y, stepsizes, n_steps, **keywords)
        status.log(f"{_count(len(found), 'run')} in {max(run.seconds for run in found):.3g} s")
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
    """Look for a large stepsize; 1 if all that were tried diverged, else 0."""
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show(f"trying stepsizes on {len(data.X)} rows", now=True)
        began = time.perf_counter()
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
    """Say what a descent will take; 0."""
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show("measuring a short run", now=True)
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
    # As `fit` will record, which does not fill the memory with a long trace.
    found = replace(found, record_every=default_record_every(found.n_steps or 0))
    if arguments.json:
        _print_json(_data_facts(arguments, data) | _plan_facts(found))
    else:
        print(_describe_data(arguments, data), _with_options(found.report()), sep="\n")
    return 0


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


def _write(arguments, result):
    """Save and draw a result where that was asked for."""
    if arguments.out is not None:
        result.save(arguments.out)
    if arguments.plot is not None:
        result.plot().figure.savefig(arguments.plot)


def _read(arguments, status):
    status.show(f"reading {arguments.data!a}")
    options = {"labels": arguments.labels, "label": arguments.label}
    return read_data(arguments.data, several=arguments.softmax, **options)


def _log_data(data, status):
    status.log(f"read {len(data.X)} rows of {data.X.shape[1]} features")


def _default_stepsize(problem):
    radius = problem.radius or 1.0
    return DEFAULT_STEPSIZE / radius / radius


def _reports(n_steps, status, n_runs=1):
    """Return the keywords with which descents keep a terminal informed."""
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
        told = f"{len(data.labels)} classes"
    else:
        told = "labels {!a} as -1 and {!a} as +1".format(*data.labels)
    return f"Data {arguments.data!a}: {n} rows of {d} features, {told}"


def _with_options(report):
    for name, option in OPTIONS.items():
        report = report.replace(name, option)
    return report


def _data_facts(arguments, data):
    n, d = data.X.shape
    return {"data": arguments.data, "n_rows": n, "n_features": d, "labels": data.labels}


def _run_facts(run):
    """Return what a run came to, under the names of `Run` and `Trace`."""
    names = ("n_steps", "n_threads", "seconds", "radius", "intercept", "separable", "evidence")
    counters = ("separated_at", "certified_at", "stable_at", "n_increases")
    columns = ("loss", "log_loss", "error_rate", "min_margin", "weight_norm")
    last = {name: float(getattr(run.trace, name)[-1]) for name in columns}
    named = {name: getattr(run, name) for name in names + counters}
    named["intercept"] = np.asarray(run.intercept).tolist()  # of several classes a list
    return {"stop_reason": str(run.stop_reason), "verdict": str(run.verdict)} | last | named


def _plan_facts(found):
    """Return a plan, under the names of `Plan`."""
    derived = ("stepsize", "n_steps", "data_bytes", "n_recorded", "peak_bytes", "seconds")
    derived += ("network_bytes", "network_flops") if found.width is not None else ()
    facts = asdict(found) | {name: getattr(found, name) for name in derived}
    return facts | {"dtype": str(found.dtype)}


def _print_json(facts):
    """Print an object in one line; numbers that JSON lacks, such as infinity, become null."""
    print(json.dumps(_finite(facts), allow_nan=False))


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"
