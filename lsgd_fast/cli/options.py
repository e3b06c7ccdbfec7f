"""Options that several commands share, and their conversion to keywords of the library."""

from __future__ import annotations

import argparse
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from lsgd_fast._checks import check_count, check_real
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._pages.texts import LANGUAGES
from lsgd_fast.cli.sources import FORMATS

__all__ = [
    "add_data",
    "add_descent",
    "add_intercept",
    "add_json",
    "add_output",
    "add_problem",
    "add_report",
    "add_softmax",
    "add_threads",
    "count",
    "default_record_every",
    "descent_keywords",
    "fits_intercept",
    "parse_stepsizes",
    "problem_keywords",
    "reading_keywords",
    "real",
    "stepsizes",
]

N_STEPS = 10_000
MAX_ROWS = 1_000_000  # of all traces by default: they are kept in memory, 64 MB
MAX_STEPSIZES = 1000


def parse_stepsizes(text: str) -> list[float]:
    """Parse a list or a grid of stepsizes.

    Parameters
    ----------
    text : str
        A list, such as ``"0.1,1,10"``, or a geometric grid ``FIRST:LAST:xFACTOR``:
        ``"0.5:512:x4"`` is 0.5, 2, 8, 32, 128, 512.

    Returns
    -------
    list of float
        Finite and positive, at most 1000.

    Raises
    ------
    ValueError
        If the text is neither a list nor a grid.

    Examples
    --------
    >>> parse_stepsizes("0.5:512:x4")
    [0.5, 2.0, 8.0, 32.0, 128.0, 512.0]
    >>> parse_stepsizes("0.1,1,10")
    [0.1, 1.0, 10.0]
    """
    if ":" not in text:
        values = [_stepsize(word) for word in text.split(",")]
        if len(values) > MAX_STEPSIZES:
            raise ValueError(f"at most {MAX_STEPSIZES} stepsizes are allowed; got {len(values)}")
        return values
    first, last, factor = _grid(text)
    # The last number belongs to the grid even if rounding puts it slightly beyond.
    n_factors = math.floor((math.log(last) - math.log(first)) / math.log(factor) + 1e-9)
    if n_factors >= MAX_STEPSIZES:
        raise ValueError(
            f"at most {MAX_STEPSIZES} stepsizes are allowed; {text!r} has {n_factors + 1}"
        )
    return [min(first * factor**k, last) for k in range(n_factors + 1)]


def _grid(text):
    words = text.split(":")
    if len(words) != 3 or not words[2].startswith("x"):
        raise ValueError(f"a grid must be FIRST:LAST:xFACTOR, such as 0.5:512:x4; got {text!r}")
    first, last, factor = _stepsize(words[0]), _stepsize(words[1]), _stepsize(words[2][1:])
    if last < first:
        raise ValueError(f"a grid must increase; {text!r} ends below its first stepsize")
    if factor <= 1.0 or math.isinf(last / first):
        raise ValueError(
            f"a grid must have a factor above 1 and a ratio LAST/FIRST within float64; got {text!r}"
        )
    return first, last, factor


def _stepsize(word):
    return check_real("a stepsize", _to_float(word))


def _to_float(word):
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a number") from None


def _to_int(word):
    if not word.removeprefix("-").isdecimal():
        raise ValueError(f"{word!r} is not an integer")
    return int(word)


def _words(text):
    return tuple(text.split(","))


def _argument(convert):
    """Return `convert` as an argparse type, for which argparse shows the text of the ValueError."""

    def converted(text):
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return converted


def count(minimum: int, maximum: int = 2**63 - 1) -> Callable[[str], int]:
    """Return the argparse type of an integer from `minimum` to `maximum`."""

    def convert(text):
        number = check_count("the value", _to_int(text), minimum)
        if number > maximum:
            raise ValueError(f"the value must be at most {maximum}; got {text}")
        return number

    return _argument(convert)


def real(
    zero_allowed: bool = False, above: float = -math.inf, maximum: float = math.inf
) -> Callable[[str], float]:
    """Return the argparse type of a positive number in a range, or zero where allowed."""

    def convert(text):
        number = check_real("the value", _to_float(text), zero_allowed=zero_allowed)
        if number <= above:
            raise ValueError(f"the value must be above {above:g}; got {text}")
        if number > maximum:
            raise ValueError(f"the value must be at most {maximum:g}; got {text}")
        return number

    return _argument(convert)


stepsizes: Callable[[str], list[float]] = _argument(parse_stepsizes)


def add_data(command: ArgumentParser, columns: bool = True, offset: bool = True) -> None:
    """Add DATA and how to read it; `reading_keywords` returns the values.

    Without `columns` the file that the command reads says what is in which column. `offset` tells
    whether the command takes offsets.
    """
    command.add_argument(
        "data",
        metavar="DATA",
        help="data file: .npz with arrays X and y, .npy with --labels, a table (.csv, .tsv, "
        ".parquet, .feather), or LIBSVM text (.svm, .libsvm); other names are recognised by the "
        "contents, and - is standard input; text may be compressed by gzip (at most 4 GiB of text)",
    )
    add = command.add_argument_group("how DATA is read").add_argument
    text = "format of DATA, whatever its name is: " + ", ".join(FORMATS)
    add("--format", metavar="FORMAT", choices=FORMATS, help=text)
    add(
        "--labels",
        metavar="FILE",
        help="file of the labels of .npy data: .npy, or text with one label per line",
    )
    add(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="the first line of .csv is a header, or it is none (default: it is one if it has "
        "words for names, or counts the columns)",
    )
    if offset:
        default_offset = "none" if columns else "that of the name that the model was fitted with"
        add(
            "--offset",
            metavar="COLUMN",
            help="column of a table that holds a known part of the scores, one number for each "
            f"row, and is no feature: its name, or its number from 1 (default: {default_offset})",
        )
    if not columns:
        return
    # of a command without these options
    command.set_defaults(softmax=False, standardize=False, l2=0.0, intercept=False)
    add(
        "--label",
        metavar="COLUMN",
        help="column of a table that holds the labels: its name, or its number from 1 (default: "
        "the last column, or the one before it if that is the offset)",
    )
    text = "columns of a table to leave out: names or numbers from 1, separated by commas"
    add("--drop", metavar="COLUMNS", type=_words, default=(), help=text)
    add(
        "--keep-index",
        action="store_true",
        help="keep the index of a table as a feature: a first column without a name, as pandas and "
        "R write it",
    )
    add(
        "--zero-based",
        action=argparse.BooleanOptionalAction,
        help="indices of LIBSVM text count from 0, or from 1 (default: from 0 if one of them is 0)",
    )


def reading_keywords(arguments: Namespace) -> dict[str, Any]:
    """Return the values of the options of reading as keywords of `data_files.read_data`."""
    names = ("labels", "label", "offset", "format", "header", "drop", "keep_index", "zero_based")
    return {name: getattr(arguments, name) for name in names if name in arguments}


def add_softmax(command: ArgumentParser) -> None:
    """Add ``--softmax``."""
    text = "fit several classes, with the softmax loss"
    command.add_argument("--softmax", action="store_true", help=text)


def add_intercept(command: ArgumentParser) -> None:
    """Add ``--intercept`` and ``--no-intercept``."""
    command.add_argument(
        "--intercept",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="fit an intercept, which is not penalised, or none (default: --intercept for tables, "
        "--no-intercept for other files)",
    )


def add_problem(command: ArgumentParser, several: bool = True) -> None:
    """Add the options of the problem and ``--threads``; `problem_keywords` returns its values.

    `several` tells whether the command takes several classes.
    """
    add = command.add_argument
    if several:
        add_softmax(command)
    add(
        "--l2",
        metavar="L2",
        type=real(zero_allowed=True),
        default=0.0,
        help="strength of the penalty l2/2 |w|^2 (default %(default)g)",
    )
    add_intercept(command)
    add(
        "--standardize",
        action="store_true",
        help="give each feature the mean 0 and the standard deviation 1; stepsizes, penalties and "
        "margins are then those of such features",
    )
    add_threads(command)


def add_threads(command: ArgumentParser) -> None:
    """Add ``--threads``."""
    text = "number of threads (default: chosen from the size of the data)"
    command.add_argument("--threads", metavar="N", type=count(1), help=text)


def add_descent(command: ArgumentParser) -> None:
    """Add the options of a descent; `descent_keywords` returns their values."""
    add = command.add_argument
    text = "number of steps (default %(default)s)"
    add("--steps", metavar="N", type=count(0), default=N_STEPS, help=text)
    add_problem(command)
    text = "stop once the loss is at most LOSS"
    add("--stop-loss", metavar="LOSS", type=real(zero_allowed=True), help=text)
    add("--stop-separated", action="store_true", help="stop once every row is classified correctly")
    add("--stop-cycling", action="store_true", help="stop once the loss cycles without progress")
    add(
        "--unstable-steps",
        metavar="N",
        type=count(1),
        help="stop if the loss increases at step N or later",
    )
    add("--seconds", metavar="S", type=real(), help="stop after S seconds")
    add(
        "--record-every",
        metavar="N",
        type=count(1),
        help="number of steps between rows of the trace (default 1, or more to keep the traces "
        f"within {MAX_ROWS} rows)",
    )


def add_output(command: ArgumentParser, model: bool = True) -> None:
    """Add ``--out``, ``--plot``, ``--json`` and, for a single model, ``--model``."""
    add = command.add_argument
    result = "Run" if model else "Sweep"
    text = f"save the result as .npz, which lsgd_fast.{result}.load(FILE) reads in Python"
    add("--out", metavar="FILE", help=text)
    if model:
        text = "save the model as .npz, which lsgd-fast predict FILE DATA reads"
        add("--model", metavar="FILE", help=text)
    add("--plot", metavar="FILE", help="plot the result as .png, .pdf or .svg (needs matplotlib)")
    if model:
        add_report(command)
    add_json(command)


def add_report(command: ArgumentParser) -> None:
    """Add ``--report`` and ``--lang``."""
    add = command.add_argument
    text = "write a report as one page of HTML, with a picture if matplotlib is installed"
    add("--report", metavar="FILE", help=text)
    text = f"language of that page: {' or '.join(LANGUAGES)} (default %(default)s)"
    add("--lang", metavar="LANG", choices=LANGUAGES, default=LANGUAGES[0], help=text)


def add_json(command: ArgumentParser) -> None:
    """Add ``--json``."""
    text = "print one JSON object instead of text"
    command.add_argument("--json", action="store_true", help=text)


def descent_keywords(arguments: Namespace, n_runs: int = 1) -> dict[str, Any]:
    """Return the values of the options that `add_descent` has besides the problem and the steps."""
    every = arguments.record_every or default_record_every(arguments.steps, n_runs)
    return {
        "stop": Stop(
            loss=arguments.stop_loss,
            separated=arguments.stop_separated,
            cycling=arguments.stop_cycling,
            unstable_steps=arguments.unstable_steps,
            seconds=arguments.seconds,
        ),
        "record_every": every,
        "n_threads": arguments.threads,
    }


def fits_intercept(arguments: Namespace, data: Any) -> bool:
    """Return whether a command fits an intercept to `Data`: by default to tables."""
    return data.is_table if arguments.intercept is None else arguments.intercept


def problem_keywords(arguments: Namespace, data: Any) -> dict[str, Any]:
    """Return the values of the options of the problem as keywords, for `Data`."""
    units = {} if data.units is None else data.units._asdict()
    return units | {
        "loss": "softmax" if arguments.softmax else "logistic",
        "l2": arguments.l2,
        "fit_intercept": fits_intercept(arguments, data),
    }


def default_record_every(n_steps: int, n_runs: int = 1) -> int:
    """Return the least `record_every` that keeps all traces within `MAX_ROWS` rows."""
    return max(1, -(-n_steps * n_runs // MAX_ROWS))
