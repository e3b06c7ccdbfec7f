"""The report of a plan, as text for a terminal."""

import math
import textwrap

from lsgd_fast._constants import SLACK
from lsgd_fast._html import html_table
from lsgd_fast._text import WIDTH, counted

__all__ = ["report", "report_html"]

INDENT = 18  # column at which facts start, after their names

# Name and size of a unit, and the least number of units for which it is used.
BYTES = [("TB", 1e12, 1), ("GB", 1e9, 1), ("MB", 1e6, 1), ("kB", 1e3, 1), ("bytes", 1, 0)]
SECONDS = [
    ("days", 86400.0, 2), ("h", 3600.0, 2), ("min", 60.0, 2), ("s", 1.0, 1), ("ms", 1e-3, 1),
    ("us", 1e-6, 0),
]  # fmt: skip

HOW_TO_MARGIN = (
    "pass margin=, the largest min_i y_i (x_i . v) over unit vectors v, in the units of X. A lower "
    "bound is enough, such as trace.min_margin[-1] / trace.weight_norm[-1] of a run that separated "
    "the data"
)
LOOSE = (
    "These are upper bounds for the worst data with this margin, and they are loose: on the data "
    "sets of this package runs were stable more than a hundred times sooner. The width is the one "
    "that the proof needs; it grows with the square of the stepsize."
)


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
        "\n".join([title, *(_line(*fact) for fact in facts)]) for title, facts in _sections(plan)
    )


def report_html(plan):
    """Return the report of a plan as a table for notebooks."""
    (title, facts), *sections = _sections(plan)
    rows = [*facts, *(row for name, more in sections for row in [(name,), *more])]
    return html_table(title, rows)


def _sections(plan):
    """Return titles, each with its facts: pairs of a name and a text, or a text alone."""
    network = [] if plan.width is None else [_network(plan)]
    return [_run(plan), _bounds(plan.bounds), _memory(plan), _time(plan), *network]


def _run(plan):
    b = plan.bounds
    margin = f"unknown: {HOW_TO_MARGIN}" if b.margin is None else f"{b.margin:.4g}"
    entries = "" if plan.n_entries is None else f", {plan.n_entries:,} entries"
    facts = [
        ("radius R", _value_or_reason(b, "radius", "{:.4g}, the largest norm of a row")),
        ("margin", margin),
        ("stepsize", _value_or_reason(b, "stepsize", "{:.4g}")),
        ("steps", _value_or_reason(b, "n_steps", "{:,}")),
    ]
    if b.monotone_stepsize is not None:
        fact = f"up to 8 / R^2 = {b.monotone_stepsize:.3g} the loss cannot increase, on any data"
        facts.insert(3, ("", fact))
    return f"Plan of a descent on X of shape ({plan.n}, {plan.d}), {plan.dtype}{entries}", facts


def _bounds(b):
    facts = [
        ("unstable phase", _unstable_phase(b)),
        (
            "mean loss",
            _value_or_reason(b, "mean_loss", "at most {:.3g}, over all of these steps (Theorem 1)"),
        ),
        (
            "last loss",
            _value_or_reason(b, "last_loss", "at most {:.3g}, after these steps (Theorem 1)"),
        ),
    ]
    if b.target_loss is not None:
        text = f"loss of {b.target_loss:.3g} after at most {{:,}} steps (Theorem 1)"
        facts.append(("target", _value_or_reason(b, "target_steps", text)))
    text = "stepsize {:.4g} for these steps: last loss at most " + f"{b.corollary2_loss or 0:.3g}"
    facts.append(("Corollary 2", _value_or_reason(b, "corollary2_stepsize", text)))
    text = "a two-layer ReLU network would need {:.2g} units (Theorem 6)"
    facts.append(("width", _value_or_reason(b, "required_width", text)))
    if b.transition_steps is not None:
        facts.append((LOOSE,))
    return "Bounds (Wu, Bartlett, Telgarsky, Yu, COLT 2024; stepsizes in the units of X)", facts


def _unstable_phase(b):
    known = None not in (b.stepsize, b.monotone_stepsize)
    if known and b.stepsize <= b.monotone_stepsize * (1.0 + SLACK):
        return "none: with a stepsize this small the loss never increases"
    text = "at most {:,} steps, in which the loss may rise (Theorem 1)"
    return _value_or_reason(b, "transition_steps", text)


def _memory(plan):
    memory = plan.footprint
    data = ("X", f"{_bytes(plan.data_bytes)}, not included in the peak")
    if plan.peak_bytes is None:
        peak = f"{_bytes(memory.peak(0))}, and {memory.trace_row} bytes for each recorded step"
        return "Memory", [data, ("peak", f"{peak}: pass n_steps=")]
    trace = memory.trace_row * plan.n_recorded
    order = "in the order of a step" if plan.n_entries is None else "by columns"
    parts = {
        "the trace": trace,
        f"a copy of X {order}": memory.packed,
        "partial results of a pass": memory.workspace,
        "labels": memory.labels,
        "weights": memory.weights,
    }
    largest = sorted((size, name) for name, size in parts.items() if size >= 0.05 * plan.peak_bytes)
    reason = ", ".join(f"{name} {_bytes(size)}" for size, name in reversed(largest))
    if memory.set_up > trace + memory.packed + memory.workspace + memory.weights:
        reason = "while X is validated or copied"
    return "Memory", [data, ("peak", f"{_bytes(plan.peak_bytes)}: {reason}")]


def _time(plan):
    title = f"Time, measured on this machine with {counted(plan.n_threads, 'thread')}"
    if plan.measured_shape != (plan.n, plan.d):
        n, d = plan.measured_shape
        title += f", on {n} x {d} and scaled"
    if math.isnan(plan.step_seconds):
        return title, [("one step", "unknown: X is so large that steps on it leave float64")]
    facts = [
        ("one step", _seconds(plan.step_seconds)),
        ("set-up", _seconds(plan.set_up_seconds)),
    ]
    total = "unknown: pass n_steps=" if plan.seconds is None else _seconds(plan.seconds)
    return title, [*facts, ("in all", total)]


def _network(plan):
    return f"A two-layer network of width {plan.width:,}", [
        ("parameters", f"{plan.width * plan.d:,}"),
        ("memory", f"{_bytes(plan.network_bytes)} for weights and gradient, besides X"),
        ("work", f"{plan.network_flops:.3g} operations per step"),
    ]


def _value_or_reason(b, name, text):
    """Return a value of `Bounds` as text, or why it is unknown."""
    value = getattr(b, name)
    return f"unknown: {b.unknown[name]}" if value is None else text.format(value)


def _line(name, text=None):
    """Return a fact after its name, wrapped; a text alone takes the whole width."""
    if text is None:
        return textwrap.fill(name, WIDTH, initial_indent="  ", subsequent_indent="  ")
    first = f"  {name}".ljust(INDENT)
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * INDENT)


def _bytes(size):
    return _in_units(size, BYTES)


def _seconds(seconds):
    return _in_units(seconds, SECONDS)


def _in_units(value, units):
    """Return a number in the first unit that is small enough for it."""
    unit, size, _ = next(entry for entry in units if value >= entry[1] * entry[2])
    return f"{value / size:.3g} {unit}"
