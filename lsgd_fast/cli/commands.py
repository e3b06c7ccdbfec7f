"""The commands: each calls the library and prints the result as text or JSON, or plots it.

Results go to stdout, progress to stderr.
"""

from __future__ import annotations

import csv
import math
import os
import reprlib
import sys
import time
from argparse import Namespace
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from lsgd_fast._api.descent import run_descent, stepsize_sweep
from lsgd_fast._api.minimize import minimize_problem, solve
from lsgd_fast._api.trial import staged_trial
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._inputs.standardize import center_and_scale
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._methods.separation import find_separation
from lsgd_fast._pilot import pilot as piloting
from lsgd_fast._pilot.options import Budget
from lsgd_fast._planning import plan as planning
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._text import counted
from lsgd_fast.cli.advice import (
    advice_on_minimum,
    advice_on_run,
    advice_on_sweep,
    advice_on_trial,
)
from lsgd_fast.cli.data_files import read_data, read_rows
from lsgd_fast.cli.model_file import Model
from lsgd_fast.cli.options import (
    default_record_every,
    descent_keywords,
    problem_keywords,
    reading_keywords,
)
from lsgd_fast.cli.output import (
    check_outputs,
    coefficients_text,
    evidence_text,
    plan_facts,
    print_json,
    print_result,
    run_facts,
    separation_facts,
    with_options,
    write_report,
    write_result,
)
from lsgd_fast.cli.rows import ReadOptions, plain_labels
from lsgd_fast.progress import LineDisplay, StatusLine

__all__ = [
    "DEFAULT_STEPSIZE", "fit", "minimize", "pilot", "plan", "predict", "separation", "sweep",
    "trial",
]  # fmt: skip

DEFAULT_STEPSIZE = 32.0  # for R = 1, as in the papers
MAX_COEFFICIENTS = 30  # that are printed
BEST_BY = {"stable_at": "the last increase", "separated_at": "the first separation"}


def minimize(arguments: Namespace) -> int:
    """Minimise the objective; return 1 if the run diverged, else 0."""
    check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        options = MinimizeOptions(
            tol=arguments.tol,
            max_passes=arguments.max_passes,
            stop=Stop(loss=arguments.stop_loss, seconds=arguments.seconds),
            callback=_show_progress(status),
            callback_every=None,
            n_threads=arguments.threads,
        )
        problem = _check_problem(arguments, data)
        run = minimize_problem(problem, options, None, data.feature_names)
        status.log(f"{counted(run.n_steps, 'iteration')} in {run.seconds:.3g} s")
    model, advice = Model.of(run, data), advice_on_minimum(run)
    coefficients = _coefficients(arguments, data, model, problem.fit_intercept)
    facts = run_facts(run) | {"coefficients": coefficients, "advice": advice}
    texts = run, evidence_text(run), coefficients_text(coefficients)
    print_result(arguments, data, facts, *texts, advice=advice)
    write_result(arguments, run, model)
    return 1 if run.stop_reason is StopReason.diverged else 0


def fit(arguments: Namespace) -> int:
    """Run one stepsize; return 1 if it diverged, else 0."""
    check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        keywords = descent_keywords(arguments)
        keywords |= {"callback": _show_progress(status, arguments.steps)}
        stop, options = keywords.pop("stop"), DescentOptions(**keywords)
        problem = _check_problem(arguments, data)
        stepsize = arguments.stepsize or _default_stepsize(problem, arguments.data)
        request = check_descent(problem, stepsize, options, stop=stop)
        run = run_descent(request, arguments.steps)
        status.log(f"{counted(run.n_steps, 'step')} in {run.seconds:.3g} s")
    advice = advice_on_run(arguments, data, run)
    facts = {"stepsize": stepsize} | run_facts(run) | {"advice": advice}
    texts = f"Stepsize {stepsize:.6g}", run, evidence_text(run)
    print_result(arguments, data, facts, *texts, advice=advice)
    write_result(arguments, run, Model.of(run, data))
    return 1 if run.stop_reason is StopReason.diverged else 0


def sweep(arguments: Namespace) -> int:
    """Run several stepsizes; return 1 if all diverged, else 0."""
    check_outputs(arguments)
    stepsizes, n_steps = arguments.stepsizes, arguments.steps
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        keywords = problem_keywords(arguments, data) | descent_keywords(arguments, len(stepsizes))
        keywords |= {"callback": _show_progress(status, n_steps)}
        with _naming_values(arguments.data):
            found = stepsize_sweep(
                data.X, data.y, stepsizes, n_steps, offset=data.rows.offsets, **keywords
            )
        status.log(f"{counted(len(found), 'run')} in {max(run.seconds for run in found):.3g} s")
    pairs = zip(stepsizes, found, strict=True)
    facts = {"runs": [{"stepsize": stepsize} | run_facts(run) for stepsize, run in pairs]}
    by, text = arguments.best, None
    if by is not None:
        best = _best_stepsize(found, by)
        facts |= {"best_by": by, "best_stepsize": best}
        which = "no run qualifies" if best is None else f"stepsize {best:.6g}"
        text = f"Best by {BEST_BY.get(by, by)}: {which}"
    facts["advice"] = advice = advice_on_sweep(arguments, data, found)
    print_result(arguments, data, facts, found.table(), text, advice=advice)
    write_result(arguments, found)
    return 1 if all(run.stop_reason is StopReason.diverged for run in found) else 0


def trial(arguments: Namespace) -> int:
    """Search for a large stepsize; return 1 if every run diverged, else 0."""
    check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show(f"trying stepsizes on {len(data.X)} rows")
        began = time.perf_counter()

        with _naming_values(arguments.data):
            found = staged_trial(
                data.X,
                data.y,
                offset=data.rows.offsets,
                start_stepsize=arguments.start_stepsize,
                factor=arguments.factor,
                n_stages=arguments.stages,
                n_steps=arguments.steps,
                sample=arguments.sample,
                n_repeats=arguments.repeats,
                goal=arguments.goal.replace("-", "_"),
                rng=arguments.seed,
                n_threads=arguments.threads,
                callback=_show_progress(status),
                **problem_keywords(arguments, data),
            )
        status.log(
            f"{found.passes:.0f} passes over the rows in {time.perf_counter() - began:.3g} s"
        )
    advice = advice_on_trial(data, found)
    facts = found.to_dict() | {"advice": advice}
    print_result(arguments, data, facts, with_options(found.report()), advice=advice)
    write_result(arguments, found)
    outcomes = [outcome for stage in found.stages for outcome in stage.outcomes]
    outcomes += found.confirmations
    return 1 if all(outcome.verdict == Verdict.diverged for outcome in outcomes) else 0


def pilot(arguments: Namespace) -> int:
    """Decide whether a large stepsize pays; return 0, whatever is decided."""
    check_outputs(arguments, ["report"])
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)

        keywords = problem_keywords(arguments, data)
        del keywords["loss"]
        with _naming_values(arguments.data), _saying_how_to_go_on(arguments.out):
            found = piloting.pilot(
                data.X,
                data.y,
                offset=data.rows.offsets,
                goal=arguments.goal.replace("-", "_"),
                budget=Budget(seconds=arguments.seconds, memory=arguments.memory),
                folder=arguments.out,
                n_steps=arguments.steps,
                n_trial_steps=arguments.trial_steps,
                n_repeats=arguments.repeats,
                test_size=arguments.test_size,
                width=arguments.width,
                stop=Stop(unstable_steps=arguments.unstable_steps),
                rng=arguments.seed,
                callback=_show_progress(status),
                n_threads=arguments.threads,
                **keywords,
            )
        status.log(f"{found.passes:.0f} passes over the rows in {found.seconds:.3g} s")
    print_result(arguments, data, found.to_dict(), with_options(found.report()))
    if arguments.out is not None and not arguments.json:
        print(f"Kept: {os.path.join(arguments.out, 'pilot.json')!a} has every number")
    write_report(arguments, found)
    return 0


def plan(arguments: Namespace) -> int:
    """Predict what a descent takes; return 0."""
    check_outputs(arguments)
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show("measuring a short run")
        with _naming_values(arguments.data):
            found = planning.plan(
                data.X,
                data.y,
                stepsize=arguments.stepsize,
                n_steps=arguments.steps,
                target_loss=arguments.target_loss,
                width=arguments.width,
                loss="softmax" if arguments.softmax else "logistic",
                margin=arguments.margin,
                callback=_show_progress(status),
                n_threads=arguments.threads,
            )
    # `fit` records fewer rows of a long trace, so that it fits in memory.
    found = replace(found, record_every=default_record_every(found.n_steps or 0))
    print_result(arguments, data, plan_facts(found), with_options(found.report()))
    write_result(arguments, found)
    return 0


def separation(arguments: Namespace) -> int:
    """Tell whether a linear model separates the classes; return 0."""
    with StatusLine(sys.stderr) as status:
        data = _read(arguments, status)
        status.show("looking for a direction that separates the classes")
        problem = _check_problem(arguments, data).without_offset()
        found = find_separation(
            solve, problem, data.feature_names, arguments.threads, callback=_show_progress(status)
        )
    print_result(arguments, data, separation_facts(found), found)
    return 0


def predict(arguments: Namespace) -> int:
    """Print the label that a model predicts for each row; return 0."""
    with StatusLine(sys.stderr) as status:
        model = Model.load(arguments.model)
        status.show(f"reading {arguments.data!a}")
        keywords = reading_keywords(arguments)
        files = {name: keywords.pop(name) for name in ("labels", "format")}
        rows, _ = read_rows(arguments.data, ReadOptions(wanted=model.wanted, **keywords), **files)
        with _naming_values(arguments.data):
            numbers, probabilities = model.predict(rows.X, rows.offsets)
    predicted = [model.labels[number] for number in numbers.tolist()]
    n_errors, notes = None, list(rows.notes)
    if rows.labels is not None:
        if set(rows.labels.tolist()).isdisjoint(model.labels):
            notes.append(_describe_other_labels(rows.labels, model))
        else:
            n_errors = sum(a != b for a, b in zip(predicted, rows.labels.tolist(), strict=True))
    error_rate = None if n_errors is None else n_errors / len(predicted)
    probabilities = probabilities.tolist() if arguments.probabilities else None
    if arguments.json:
        facts = {"model": arguments.model, "data": arguments.data, "n_rows": len(predicted)}
        facts |= {"labels": model.labels, "offset": rows.offset}
        facts |= {"notes": notes, "error_rate": error_rate}
        print_json(facts | {"predictions": predicted, "probabilities": probabilities})
        return 0
    writer = csv.writer(sys.stdout, lineterminator="\n")
    shown = [f"P({label})" for label in model.labels] if arguments.probabilities else []
    writer.writerow(["label", *shown])
    for label, row in zip(predicted, probabilities or [()] * len(predicted), strict=True):
        writer.writerow([label, *(f"{one:.6g}" for one in row)])
    if n_errors is not None:
        text = f"{n_errors} of {counted(len(predicted), 'prediction')} differ from the labels"
        notes.append(f"{text} in the file: error rate {error_rate:.6g}")
    for note in notes:
        print(f"lsgd-fast: {note}", file=sys.stderr)
    return 0


def _describe_other_labels(labels, model):
    """Return that the labels of a file are none of a model's, with some of either."""
    ours, theirs = (
        reprlib.repr(list(found))[1:-1] for found in (plain_labels(np.unique(labels)), model.labels)
    )
    return f"The labels of the file ({ours}) are none of the model's ({theirs}): no error rate."


def _read(arguments, status):
    """Return the `Data` that the arguments of a command name; a log tells how much was read."""
    status.show(f"reading {arguments.data!a}")
    data = read_data(arguments.data, several=arguments.softmax, **reading_keywords(arguments))
    if arguments.standardize:
        units = center_and_scale(data.X, n_threads=arguments.threads)
        # None if X is not finite: the checks that follow say so.
        data = replace(data, units=units if np.isfinite(units.center).all() else None)
    status.log(f"read {len(data.X)} rows of {data.X.shape[1]} features")
    return data


def _check_problem(arguments, data):
    keywords = problem_keywords(arguments, data)
    with _naming_values(arguments.data):
        problem = Problem.check(data.X, data.y, **keywords, n_threads=arguments.threads)
        return problem.with_offset(data.rows.offsets)


def _show_progress(status, n_steps=None):
    """Return the callback that shows where a command is, on a terminal; else None."""
    return LineDisplay(n_steps, status) if status.live else None


@contextmanager
def _saying_how_to_go_on(folder):
    """Say after Ctrl-C that a folder has what was done."""
    try:
        yield
    except KeyboardInterrupt:
        if folder is not None:
            print(f"\nKept in {folder!a}: the same command goes on from here", file=sys.stderr)
        raise


@contextmanager
def _naming_values(path):
    """Name the file in errors about values that are not finite, which validation finds."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith(("X must be finite", "offset must be finite")):
            raise
        raise ValueError(f"{path!r}: {error}") from error


def _coefficients(arguments, data, model, fit_intercept):
    """Return {name: coefficient} of a model of two classes and few features, else None."""
    if arguments.softmax or len(model.weights) > MAX_COEFFICIENTS:
        return None
    found = dict(zip(data.feature_names, model.weights.tolist(), strict=True))
    if fit_intercept or data.units is not None:
        found["(intercept)"] = float(model.intercept)
    return found


def _default_stepsize(problem, path):
    radius = problem.radius or 1.0
    stepsize = DEFAULT_STEPSIZE / radius / radius
    if not 0.0 < stepsize < math.inf:
        raise ValueError(
            f"{path!r}: R is {radius:.3g}, and {DEFAULT_STEPSIZE:g} / R^2 is beyond float64: scale "
            "the data, or pass --stepsize"
        )
    return stepsize


def _best_stepsize(found, by):
    """Return the stepsize of the best run of a sweep, or None if no run qualifies."""
    try:
        return found.stepsizes[found.index(found.best(by))]
    except ValueError:
        return None
