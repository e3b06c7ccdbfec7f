"""What commands print and write: results as text and JSON, files and pictures."""

from __future__ import annotations

import json
import os
import shlex
import textwrap
from argparse import Namespace
from collections.abc import Iterable
from typing import Any

import numpy as np

from lsgd_fast._figures import axes_without_pyplot
from lsgd_fast._files import find_target, replacing
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._pages.texts import LANGUAGES
from lsgd_fast._planning.plan import Plan
from lsgd_fast._results.run import Run
from lsgd_fast._results.separation import Separation
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._text import WIDTH, counted, to_json_values
from lsgd_fast.cli.data_files import Data
from lsgd_fast.cli.model_file import Model
from lsgd_fast.cli.options import fits_intercept

__all__ = [
    "check_outputs",
    "coefficients_text",
    "evidence_text",
    "plan_facts",
    "print_json",
    "print_result",
    "run_facts",
    "separation_facts",
    "with_options",
    "write_report",
    "write_result",
]

# Arguments of the library as reports name them, and the options that stand for them here.
OPTIONS = {
    "margin=": "--margin",
    "trace.min_margin[-1] / trace.weight_norm[-1]": "the min margin over |w|",
    "pass n_steps=": "pass --steps",
    "n_trial_steps=": "--trial-steps ",
    "stop with unstable_steps=": "--unstable-steps ",
    "n_steps=": "--steps ",
    "target_loss=": "--target-loss",
    "pass stepsize=": "pass --stepsize",
    "start_stepsize": "--start-stepsize",
    "n_stages=": "--stages ",
    "goal='margin'": "--goal margin",
    "(l2 > 0)": "(--l2)",
    "lsgd_fast.separation": "`lsgd-fast separation`",
    "Standardise the features": "Pass --standardize",
    "divide them by that norm and l2 by its square": "divide the features by that norm",
}


def check_outputs(
    arguments: Namespace, options: Iterable[str] = ("out", "model", "plot", "report")
) -> None:
    """Check before any work that the files of these options can be written after it."""
    for option in options:
        path = getattr(arguments, option, None)
        if path is not None:
            _check_output(f"--{option}", path, arguments.data, arguments.labels)
    if getattr(arguments, "lang", None) not in (None, LANGUAGES[0]) and arguments.report is None:
        raise ValueError(f"--lang {arguments.lang} is the language of a page: pass --report FILE")
    if "plot" in options and getattr(arguments, "plot", None) is not None:
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


def print_result(
    arguments: Namespace,
    data: Data,
    facts: dict[str, Any],
    *texts: object,
    advice: str | None = None,
) -> None:
    """Print what a file holds and what came of it: facts as JSON, or texts that are not None.

    Advice is sentences. It comes last; JSON has it where it is one of the facts.

    A command prints before it writes files: a full disk must not lose the result.
    """
    if arguments.json:
        print_json(_data_facts(arguments, data) | facts)
        return
    if advice is not None:
        texts += (_paragraph(advice),)
    print(_describe_data(arguments, data), *(one for one in texts if one is not None), sep="\n")


def write_result(arguments: Namespace, result: Any, model: Model | None = None) -> None:
    """Save, plot and report a result and save its model, if asked for; say what reads them."""
    say = (lambda text: None) if arguments.json else print
    given = vars(arguments).get  # commands have some of these options
    if given("out") is not None:
        result.save(arguments.out)
        say(f"Saved: lsgd_fast.{type(result).__name__}.load({arguments.out!r}) returns it")
    if model is not None and arguments.model is not None:
        model.save(arguments.model)
        say(f"Saved: lsgd-fast predict {shlex.quote(arguments.model)} DATA predicts labels by it")
    if given("report") is not None:
        write_report(arguments, result)
    if given("plot") is not None:
        with replacing(arguments.plot) as file:
            ax = result.plot(ax=axes_without_pyplot())
            ax.figure.savefig(file, format=_format(arguments.plot))


def write_report(arguments: Namespace, result: Any) -> None:
    """Write the page of a result, if it is asked for, and say so."""
    if arguments.report is not None:
        result.report(arguments.report, lang=arguments.lang)
        if not arguments.json:
            print(f"Report: {arguments.report!a} is a page for a browser")


def _paragraph(text):
    """Return sentences as lines of the width of a terminal."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _describe_data(arguments, data):
    """Return what a file holds, and what was decided in reading it, for people."""
    n, d = data.X.shape
    if arguments.softmax:
        labels = f"{len(data.labels)} classes"
    else:
        labels = "labels {!a} as -1 and {!a} as +1".format(*data.labels)
    if data.rows.label is not None and not data.rows.label.isdecimal():
        labels += f", from {data.rows.label!a}"
    if data.rows.offset is not None:
        offset = data.rows.offset
        labels += f", offset from column {offset if offset.isdecimal() else ascii(offset)}"
    features = counted(d, "feature") + " and an intercept" * fits_intercept(arguments, data)
    lines = [_paragraph(f"Data {arguments.data!a}: {n} rows of {features}, {labels}")]
    lines += map(_paragraph, data.rows.notes)
    if data.units is not None:
        lines.append("Each feature has the mean 0 and the standard deviation 1 (--standardize).")
    return "\n".join(lines)


def _data_facts(arguments, data):
    """Return what a file holds, for JSON."""
    n, d = data.X.shape
    return {
        "data": arguments.data,
        "n_rows": n,
        "n_features": d,
        "fit_intercept": fits_intercept(arguments, data),
        "labels": data.labels,
        "offset": data.rows.offset,
        "notes": data.rows.notes,
        "standardized": data.units is not None,
    }


def with_options(report: str) -> str:
    """Return a report of the library with the names of options in place of arguments."""
    for name, option in OPTIONS.items():
        report = report.replace(name, option)
    return report


def evidence_text(run: Run) -> str | None:
    """Return why the verdict on a run is undecided; None for others, and where advice says it."""
    is_told = run.stop_reason is StopReason.no_minimum
    if run.verdict is not Verdict.undecided or is_told:
        return None
    return _paragraph(with_options(run.evidence))


def run_facts(run: Run) -> dict[str, Any]:
    """Return the end of a run, under the names of `Run` and `Trace`."""
    names = ("n_steps", "n_threads", "seconds", "radius", "intercept", "separable", "evidence")
    counters = ("separated_at", "certified_at", "stable_at", "n_increases")
    columns = ("loss", "ln_loss", "error_rate", "min_margin", "weight_norm")
    last = {name: float(getattr(run.trace, name)[-1]) for name in columns}
    named = {name: getattr(run, name) for name in names + counters}
    named["intercept"] = np.asarray(run.intercept).tolist()  # a list for several classes
    return {"stop_reason": str(run.stop_reason), "verdict": str(run.verdict)} | last | named


def coefficients_text(coefficients: dict[str, float] | None) -> str | None:
    """Return {name: coefficient} as lines of a column each; None for None."""
    if coefficients is None:
        return None
    width = max(map(len, coefficients))
    lines = [f"  {name:<{width}}  {value:.6g}" for name, value in coefficients.items()]
    return "\n".join(["Coefficients, in the units of the file", *lines])


def separation_facts(found: Separation) -> dict[str, Any]:
    """Return the facts of a `Separation`, under its names and those of its certificate."""
    facts = {"kind": str(found.kind), "names": found.names, "reason": found.reason}
    for name in ("direction", "intercept", "rows", "features"):
        value = getattr(found, name)
        facts[name] = value.tolist() if isinstance(value, np.ndarray) else value
    return facts | {name: getattr(found.certificate, name) for name in ("change", "residual")}


def plan_facts(found: Plan) -> dict[str, Any]:
    """Return the facts of a plan, under the names of `Plan`."""
    derived = ("stepsize", "n_steps", "data_bytes", "n_recorded", "peak_bytes", "seconds")
    derived += ("network_bytes", "network_flops") if found.width is not None else ()
    facts = found.to_dict() | {name: getattr(found, name) for name in derived}
    return facts | {"dtype": str(found.dtype)}


def print_json(facts: dict[str, Any]) -> None:
    """Print an object in one line; NaN and infinity, which JSON lacks, become null."""
    print(json.dumps(to_json_values(facts), allow_nan=False))
