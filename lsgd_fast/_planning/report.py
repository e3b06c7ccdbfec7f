"""The report of a plan: facts, from which terminals and pages make sentences.

A fact is a key of the texts of `_pages` and its fields by name.
"""

import math
import textwrap

from lsgd_fast._constants import SLACK
from lsgd_fast._html import html_table
from lsgd_fast._pages.texts import ENGLISH
from lsgd_fast._planning.bounds import why_unknown
from lsgd_fast._text import WIDTH

__all__ = ["report", "report_html", "sections"]

# What differs from loss to loss, by the name of the loss.
KEYS = {
    "logistic": {
        "margin": "how_to_margin",
        "monotone": "monotone_is",
        "bounds": "plan_bounds",
        "phase": "phase_is",
        "mean": "mean_is",
        "last": "last_is",
        "target": "target_is",
        "loose": "plan_loose",
    },
    "softmax": {
        "margin": "how_to_margin_of_classes",
        "monotone": "monotone_is_of_classes",
        "bounds": "plan_bounds_of_classes",
        "phase": "phase_is_of_classes",
        "mean": "mean_is_of_classes",
        "last": "last_is_of_classes",
        "target": "target_is_of_classes",
        "loose": "plan_loose_of_classes",
    },
}

INDENT = 18  # column at which facts start, after their names


def report(plan):
    """Return the report of a plan.

    Parameters
    ----------
    plan : Plan
        The plan to report.

    Returns
    -------
    str
        Lines that fit a terminal.
    """
    return "\n\n".join(
        "\n".join([ENGLISH.words(title), *(_line(*_words(row)) for row in rows)])
        for title, rows in sections(plan)
    )


def report_html(plan):
    """Return the report of a plan as a table for notebooks."""
    (title, rows), *others = sections(plan)
    lines = [_words(row) for row in rows]
    for name, more in others:
        lines += [(ENGLISH.words(name),), *map(_words, more)]
    return html_table(ENGLISH.words(title), lines)


def _words(row):
    return tuple(ENGLISH.words(part) if part else "" for part in row)


def sections(plan):
    """Return the report as sections.

    Returns
    -------
    list of (fact, list)
        Titles, each with its rows: pairs of a name, a key, and a fact, or a fact alone. A row
        without a name belongs to the row above.
    """
    network = [] if plan.width is None else [_network(plan)]
    return [_run(plan), _bounds(plan.bounds), _memory(plan), _time(plan), *network]


def _run(plan):
    b = plan.bounds
    keys = KEYS[b.loss]
    margin = ("unknown", {"reason": keys["margin"]})
    rows = [
        ("plan_radius", _value_or_reason(b, "radius", "radius_is")),
        ("plan_margin", margin if b.margin is None else ("value_is", {"value": b.margin})),
        ("plan_stepsize", _value_or_reason(b, "stepsize", "value_is")),
        ("plan_steps", _value_or_reason(b, "n_steps", "count_is")),
    ]
    if b.monotone_stepsize is not None:
        rows.insert(3, ("", (keys["monotone"], {"value": b.monotone_stepsize})))
    if b.loss == "softmax":
        rows.insert(0, ("plan_classes", ("count_is", {"value": b.n_classes})))
    title = {"n": plan.n, "d": plan.d, "dtype": str(plan.dtype)}
    if plan.n_entries is None:
        return ("plan_run", title), rows
    return ("plan_run_sparse", title | {"n_entries": plan.n_entries}), rows


def _bounds(b):
    keys = KEYS[b.loss]
    rows = [
        ("plan_phase", _unstable_phase(b)),
        ("plan_mean", _value_or_reason(b, "mean_loss", keys["mean"])),
        ("plan_last", _value_or_reason(b, "last_loss", keys["last"])),
    ]
    if b.target_loss is not None:
        target = _value_or_reason(b, "target_steps", keys["target"], target=b.target_loss)
        rows.append(("plan_target", target))
    if b.loss == "logistic":  # theorems of two classes
        corollary = _value_or_reason(
            b, "corollary2_stepsize", "corollary_is", loss=b.corollary2_loss
        )
        rows.append(("plan_corollary", corollary))
        rows.append(("plan_width", _value_or_reason(b, "required_width", "width_is")))
    if b.transition_steps is not None:
        rows.append(((keys["loose"], {}),))
    return (keys["bounds"], {}), rows


def _unstable_phase(b):
    known = None not in (b.stepsize, b.monotone_stepsize)
    if known and b.stepsize <= b.monotone_stepsize * (1.0 + SLACK):
        return "phase_none", {}
    return _value_or_reason(b, "transition_steps", KEYS[b.loss]["phase"])


def _memory(plan):
    memory = plan.footprint
    data = ("plan_data", ("data_is", {"value": plan.data_bytes}))
    if plan.peak_bytes is None:
        peak = ("peak_by_row", {"value": memory.peak(0), "row": memory.trace_row})
        return ("plan_memory", {}), [data, ("plan_peak", peak)]
    trace = memory.trace_row * plan.n_recorded
    parts = {
        "part_trace": trace,
        "part_copy" if plan.n_entries is None else "part_columns": memory.packed,
        "part_workspace": memory.workspace,
        "part_labels": memory.labels,
        "part_weights": memory.weights,
    }
    # in equal sizes by their English names
    shown = [(size, ENGLISH(key, value=size), key) for key, size in parts.items()]
    shown = sorted(part for part in shown if part[0] >= 0.05 * plan.peak_bytes)
    reason = [(key, {"value": size}) for size, _, key in reversed(shown)]
    if memory.set_up > trace + memory.packed + memory.workspace + memory.weights:
        reason = "set_up_is"
    peak = ("peak_is", {"value": plan.peak_bytes, "parts": reason})
    return ("plan_memory", {}), [data, ("plan_peak", peak)]


def _time(plan):
    title = ("plan_time", {"n_threads": plan.n_threads})
    if plan.measured_shape != (plan.n, plan.d):
        n, d = plan.measured_shape
        title = ("plan_time_scaled", {"n_threads": plan.n_threads, "n": n, "d": d})
    if math.isnan(plan.step_seconds):
        return title, [("plan_step", ("step_leaves", {}))]
    total = ("unknown", {"reason": ("why_pass", {"name": "n_steps"})})
    if plan.seconds is not None:
        total = ("seconds_are", {"value": plan.seconds})
    return title, [
        ("plan_step", ("seconds_are", {"value": plan.step_seconds})),
        ("plan_set_up", ("seconds_are", {"value": plan.set_up_seconds})),
        ("plan_in_all", total),
    ]


def _network(plan):
    return ("plan_network", {"width": plan.width}), [
        ("plan_parameters", ("count_is", {"value": plan.width * plan.d})),
        ("plan_network_memory", ("network_memory_is", {"value": plan.network_bytes})),
        ("plan_work", ("work_is", {"value": plan.network_flops})),
    ]


def _value_or_reason(b, name, key, **fields):
    """Return the fact of a value of `Bounds`, or why it is unknown."""
    value = getattr(b, name)
    if value is None:
        return "unknown", {"reason": why_unknown(name, vars(b))}
    return key, {"value": value} | fields


def _line(name, text=None):
    """Return a fact after its name, wrapped; a text alone takes the whole width."""
    if text is None:
        return textwrap.fill(name, WIDTH, initial_indent="  ", subsequent_indent="  ")
    first = f"  {name}".ljust(INDENT)
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * INDENT)
