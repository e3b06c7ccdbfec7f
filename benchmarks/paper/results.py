"""What a result is, and how it gets to the disk."""

import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lsgd_fast
from lsgd_fast import kernel
from lsgd_fast._core import threads

__all__ = ["Claim", "Missing", "Options", "Result", "carry_out", "figure", "number", "plain"]

DIGITS = 10  # significant ones of a number in a file


class Missing(Exception):
    """Data, or a package that holds them, are not there."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a command may ask of every result."""

    steps: int | None = None
    passes: int = 10_000
    embeddings: Path | None = None

    def at_most(self, n_steps):
        """Return how many steps to take of those that are wanted."""
        return n_steps if self.steps is None else min(n_steps, self.steps)


@dataclass(frozen=True)
class Claim:
    """What a paper says, and what came out."""

    key: str
    says: str
    found: str
    agrees: bool
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One result of a paper.

    `run` takes Options and returns the numbers, which JSON can hold, and a figure. `describe` and
    `claims` make text of the numbers alone; `tables` yields lines of Markdown.
    """

    name: str
    title: str
    run: Callable
    describe: Callable
    claims: Callable
    tables: Callable = lambda numbers: ()


def carry_out(result, options, folder):
    """Run a result, write its picture and its numbers to `folder`, and return the record."""
    began = time.perf_counter()
    numbers, drawing = result.run(options)
    seconds = time.perf_counter() - began
    numbers = plain(numbers)
    record = {
        "name": result.name,
        "title": result.title,
        "steps": options.steps,
        "seconds": plain(seconds),
        "machine": machine(),
        "claims": {claim.key: bool(claim.agrees) for claim in result.claims(numbers)},
        "numbers": numbers,
    }
    text = json.dumps(record, indent=1, allow_nan=False)
    (folder / f"{result.name}.json").write_text(text + "\n", encoding="utf-8")
    drawing.savefig(folder / f"{result.name}.png", dpi=110, metadata={"Software": None})
    return record


def machine():
    """Return what times depend on."""
    return {
        "lsgd_fast": lsgd_fast.__version__,
        "instruction set": kernel.instruction_set(),
        "cores": threads.available_threads(),
        "Python": platform.python_version(),
        "NumPy": np.__version__,
    }


def plain(value):
    """Return what JSON can hold: floats in `DIGITS` digits, None for what is no number."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(part) for part in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value if value is None else str(value)


def number(value, digits=3):
    """Return a number of the records as it is printed on the page."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if 1e3 <= abs(value) < 1e7 else text


def figure(columns, rows=1, width=4.6, height=3.7):
    """Return a figure and its axes, (rows, columns) flattened."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return made, list(np.ravel(made.subplots(rows, columns)))
