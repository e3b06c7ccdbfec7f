"""The options that commands of the command line share, from text to keywords of the library."""

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
MAX_ROWS = 1_000_000  # of all traces by default, which are kept in memory: 64 MB
MAX_STEPSIZES = 1000


def parse_stepsizes(text):
    """Return the stepsizes that a text lists or spans.

    Parameters
    ----------
    text : str
        A list, such as ``"0.1,1,10"``, or a grid from the first number, times a factor each, up to
        the second: ``"0.5:512:x4"`` is 0.5, 2, 8, 32, 128, 512.

    Returns
    -------
    list of float
        Finite and positive, at most 1000.

    Raises
    ------
    ValueError
        If the text is neither.

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
            raise ValueError(f"at most {MAX_STEPSIZES} stepsizes, not {len(values)}")
        return values
    first, last, factor = _grid(text)
    # A grid that misses its last number by rounding alone reaches it.
    n_factors = math.floor((math.log(last) - math.log(first)) / math.log(factor) + 1e-9)
    if n_factors >= MAX_STEPSIZES:
        raise ValueError(f"at most {MAX_STEPSIZES} stepsizes, but {text!r} spans {n_factors + 1}")
    return [min(first * factor**k, last) for k in range(n_factors + 1)]


def _grid(text):
    words = text.split(":")
    if len(words) != 3 or not words[2].startswith("x"):
        raise ValueError(f"a grid is FIRST:LAST:xFACTOR, such as 0.5:512:x4, not {text!r}")
    first, last, factor = _stepsize(words[0]), _stepsize(words[1]), _stepsize(words[2][1:])
    if last < first:
        raise ValueError(f"a grid goes up, but {text!r} ends below its beginning")
    if factor <= 1.0 or math.isinf(last / first):
        raise ValueError(
            f"a grid needs a factor above 1 and ends that float64 can divide: {text!r}"
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
        raise ValueError(f"{word!r} is not a whole number")
    return int(word)


def _argument(convert):
    """Return `convert` as a type of argparse, which then repeats its ValueErrors."""

    def converted(text):
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return converted


def count(minimum, maximum=2**63 - 1):
    """Return the type of an option that is a whole number from `minimum` to `maximum`."""

    def convert(text):
        number = check_count("the value", _to_int(text), minimum)
        if number > maximum:
            raise ValueError(f"at most {maximum}, not {text}")
        return number

    return _argument(convert)


def real(zero_allowed=False, above=-math.inf, maximum=math.inf):
    """Return the type of an option that is a positive number in a range, or zero where allowed."""

    def convert(text):
        number = check_real("the value", _to_float(text), zero_allowed=zero_allowed)
        if number <= above:
            raise ValueError(f"more than {above:g} is needed, not {text}")
        if number > maximum:
            raise ValueError(f"at most {maximum:g}, not {text}")
        return number

    return _argument(convert)


stepsizes = _argument(parse_stepsizes)


def add_data(command):
    """Let a command have DATA, ``--labels`` and ``--label``: what `files.read_data` takes."""
    add = command.add_argument
    add(
        "data",
        metavar="DATA",
        help=".npz with arrays X and y, .npy (with --labels), .csv, or LIBSVM text (.svm, .txt); "
        "texts also as .gz",
    )
    add("--labels", metavar="FILE", help="labels of .npy data: .npy, or .txt with one on each line")
    add(
        "--label",
        metavar="NAME",
        help="column of labels of .csv data, or its number, from 1, if there is no header "
        "(default: the last)",
    )


def add_problem(command):
    """Let a command have ``--softmax``, ``--l2``, ``--fit-intercept`` and ``--threads``."""
    add = command.add_argument
    add("--softmax", action="store_true", help="labels are those of several classes")
    add(
        "--l2",
        metavar="L2",
        type=real(zero_allowed=True),
        default=0.0,
        help="strength of the penalty",
    )
    add("--fit-intercept", action="store_true", help="fit an intercept too, without penalty")
    add_threads(command)


def add_threads(command):
    """Let a command have ``--threads``."""
    text = "default: what the size of the data deserves"
    command.add_argument("--threads", metavar="N", type=count(1), help=text)


def add_descent(command):
    """Let a command have the options of descents; `descent_keywords` gives their values."""
    add = command.add_argument
    add("--steps", metavar="N", type=count(0), default=N_STEPS, help="default %(default)s")
    add_problem(command)
    add("--stop-loss", metavar="LOSS", type=real(zero_allowed=True), help="end at a loss this low")
    add("--stop-separated", action="store_true", help="end once no row is on the wrong side")
    add("--stop-cycling", action="store_true", help="end once steps are seen to lead nowhere")
    add(
        "--unstable-steps",
        metavar="N",
        type=count(1),
        help="end if a step increases the loss at this step or later",
    )
    add("--seconds", metavar="S", type=real(), help="end after so much time")
    add(
        "--record-every",
        metavar="N",
        type=count(1),
        help=f"steps between rows of the trace (default 1, but at most {MAX_ROWS} rows in all)",
    )


def add_output(command):
    """Let a command have ``--out``, ``--plot`` and ``--json``."""
    add = command.add_argument
    add("--out", metavar="FILE", help="save the result, as .npz")
    add("--plot", metavar="FILE", help="draw the result, as .png, .pdf or .svg (needs matplotlib)")
    add_json(command)


def add_json(command):
    """Let a command have ``--json``."""
    text = "print one JSON object instead of text"
    command.add_argument("--json", action="store_true", help=text)


def descent_keywords(arguments, n_runs=1):
    """Return the options of `add_descent`, apart from the number of steps, as keywords."""
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
    """Return the options of `add_problem` as keywords."""
    return {
        "loss": "softmax" if arguments.softmax else "logistic",
        "l2": arguments.l2,
        "fit_intercept": arguments.fit_intercept,
        "n_threads": arguments.threads,
    }


def default_record_every(n_steps, n_runs=1):
    """Return how many steps apart the rows of traces are, so that memory can hold them."""
    return max(1, -(-n_steps * n_runs // MAX_ROWS))
