"""Options that several commands share, and their conversion to keywords of the library."""

import argparse
import math

from lsgd_fast._checks import check_count, check_real
from lsgd_fast._inputs.stopping import Stop

__all__ = [
    "add_data",
    "add_descent",
    "add_json",
    "add_output",
    "add_problem",
    "add_threads",
    "count",
    "default_record_every",
    "descent_keywords",
    "model_keywords",
    "parse_stepsizes",
    "real",
    "stepsizes",
]

N_STEPS = 10_000
MAX_ROWS = 1_000_000  # of all traces by default: they are kept in memory, 64 MB
MAX_STEPSIZES = 1000


def parse_stepsizes(text):
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


def _argument(convert):
    """Return `convert` as an argparse type, for which argparse shows the text of the ValueError."""

    def converted(text):
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return converted


def count(minimum, maximum=2**63 - 1):
    """Return the argparse type of an integer from `minimum` to `maximum`."""

    def convert(text):
        number = check_count("the value", _to_int(text), minimum)
        if number > maximum:
            raise ValueError(f"the value must be at most {maximum}; got {text}")
        return number

    return _argument(convert)


def real(zero_allowed=False, above=-math.inf, maximum=math.inf):
    """Return the argparse type of a positive number in a range, or zero where allowed."""

    def convert(text):
        number = check_real("the value", _to_float(text), zero_allowed=zero_allowed)
        if number <= above:
            raise ValueError(f"the value must be above {above:g}; got {text}")
        if number > maximum:
            raise ValueError(f"the value must be at most {maximum:g}; got {text}")
        return number

    return _argument(convert)


stepsizes = _argument(parse_stepsizes)


def add_data(command):
    """Add DATA, ``--labels`` and ``--label``, the arguments of `data_files.read_data`."""
    add = command.add_argument
    add(
        "data",
        metavar="DATA",
        help="data file: .npz with arrays X and y, .npy with --labels, .csv, .tsv, or LIBSVM text "
        "(.svm, .libsvm, .txt); text files may be compressed (.csv.gz, at most 4 GiB of text)",
    )
    add(
        "--labels",
        metavar="FILE",
        help="file of the labels of .npy data: .npy, or .csv or .txt with one label per line",
    )
    add(
        "--label",
        metavar="NAME",
        help="name of the column of .csv data that holds the labels, or its number from 1 if there "
        "is no header (default: the last column)",
    )


def add_problem(command):
    """Add ``--softmax``, ``--l2``, ``--fit-intercept`` and ``--threads``."""
    add = command.add_argument
    add("--softmax", action="store_true", help="fit several classes, with the softmax loss")
    add(
        "--l2",
        metavar="L2",
        type=real(zero_allowed=True),
        default=0.0,
        help="strength of the penalty l2/2 |w|^2 (default %(default)g)",
    )
    add("--fit-intercept", action="store_true", help="fit an intercept, which is not penalised")
    add_threads(command)


def add_threads(command):
    """Add ``--threads``."""
    text = "number of threads (default: chosen from the size of the data)"
    command.add_argument("--threads", metavar="N", type=count(1), help=text)


def add_descent(command):
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


def add_output(command):
    """Add ``--out``, ``--plot`` and ``--json``."""
    add = command.add_argument
    add("--out", metavar="FILE", help="save the result as .npz")
    add("--plot", metavar="FILE", help="plot the result as .png, .pdf or .svg (needs matplotlib)")
    add_json(command)


def add_json(command):
    """Add ``--json``."""
    text = "print one JSON object instead of text"
    command.add_argument("--json", action="store_true", help=text)


def descent_keywords(arguments, n_runs=1):
    """Return the values of the options of `add_descent` except ``--steps``, as keywords."""
    every = arguments.record_every or default_record_every(arguments.steps, n_runs)
    return model_keywords(arguments) | {
        "stop": Stop(
            loss=arguments.stop_loss,
            separated=arguments.stop_separated,
            cycling=arguments.stop_cycling,
            unstable_steps=arguments.unstable_steps,
            seconds=arguments.seconds,
        ),
        "record_every": every,
    }


def model_keywords(arguments):
    """Return the values of the options of `add_problem` as keywords."""
    return {
        "loss": "softmax" if arguments.softmax else "logistic",
        "l2": arguments.l2,
        "fit_intercept": arguments.fit_intercept,
        "n_threads": arguments.threads,
    }


def default_record_every(n_steps, n_runs=1):
    """Return the least `record_every` that keeps all traces within `MAX_ROWS` rows."""
    return max(1, -(-n_steps * n_runs // MAX_ROWS))
