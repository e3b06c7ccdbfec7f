"""The state of a `TrainingMonitor` as JSON holds it, and what is true of every such state.

What a state says twice must agree, so that a monitor that has loaded it cannot fail later: the
number of losses decides where the windows begin, how full they are, and what the trace has.
"""

import math
from itertools import pairwise

from lsgd_fast._checks import shown
from lsgd_fast._constants import FIRST_WINDOW
from lsgd_fast._methods.loss_windows import ROW, SHORT_CYCLE
from lsgd_fast._methods.training_trace import BITS

__all__ = ["STATE", "decode", "encode"]

MOST = 2**62  # a trace has int64

COUNT = "an integer from 0 on"
FLAG = "True or False"
NUMBER, FINITE = "a number", "a finite number"
SIZE, KNOWN_SIZE = "a number that is not negative, or NaN", "a number that is not negative"
OF_NUMBERS = {
    NUMBER: lambda x: True,
    FINITE: math.isfinite,
    SIZE: lambda x: not x < 0.0,
    KNOWN_SIZE: lambda x: x >= 0.0,
}
SPECIAL = ("inf", "-inf", "nan")  # what JSON has no numbers for

# The members of a state, each with its kind; None besides where the kind is a tuple.
STATE = {
    "updates_per_epoch": COUNT,
    "tolerance": (KNOWN_SIZE, None),
    "n_updates": COUNT,
    "best_held_out_loss": (NUMBER, None),
    "best_at": (COUNT, None),
    "since_best": COUNT,
    "last_increase": (COUNT, None),
    "diverged_at": (COUNT, None),
    "bad_loss": NUMBER,
    "loss": NUMBER,
    "gradient_norm": SIZE,
    "has_gradients": FLAG,
    "promise": SIZE,
    "is_single": FLAG,
    "count": COUNT,
    "mean": NUMBER,
    "squares": NUMBER,
    "held_out": NUMBER,
    "elapsed": KNOWN_SIZE,
}
WINDOW = {
    "start": COUNT,
    "loss": FINITE,
    "low": NUMBER,
    "high": NUMBER,
    "promise": SIZE,
    "path": KNOWN_SIZE,
    "n_increases": COUNT,
    "count": COUNT,
    "total": NUMBER,
    "noise": KNOWN_SIZE,
}
WINDOWS = {
    "tolerance": KNOWN_SIZE,
    "n_averaged": COUNT,
    "n_steps": COUNT,  # -1 without a loss
    "level": NUMBER,
    "error": SIZE,
    "latest": NUMBER,
    "first": NUMBER,
    "lowest": NUMBER,
    "n_increases": COUNT,
    "last_increase": COUNT,
    "largest_increase": KNOWN_SIZE,
    "end": COUNT,
    "last": (WINDOW, None),
    "current": WINDOW,
    "earlier_promise": SIZE,
    "earlier_path": KNOWN_SIZE,
    "behind": KNOWN_SIZE,
    "least": KNOWN_SIZE,
    "anchor": [FINITE],
    "row": [FINITE],
}
TRACE_ROW = (COUNT, NUMBER, SIZE, SIZE, NUMBER)
TRACE = {
    "rows": [TRACE_ROW],
    "count": COUNT,
    "low": (TRACE_ROW, None),
    "high": (TRACE_ROW, None),
    "latest": (TRACE_ROW, None),
}
WHOLE = STATE | {"windows": WINDOWS, "trace": TRACE}


def encode(value):
    """Return a value with strings for what JSON has no numbers for."""
    if isinstance(value, dict):
        return {name: encode(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def decode(state):
    """Return the values that `encode` made a state of; raise ValueError if it made none."""
    values = _decode("state", state, WHOLE)
    for name, is_true in _agreements(values):
        if not is_true:
            raise ValueError(f"state{name} does not agree with the rest of the state")
    return values


def _decode(name, value, kind):
    """Return a member, or raise ValueError."""
    if isinstance(kind, tuple) and kind[-1] is None:
        return None if value is None else _decode(name, value, kind[0])
    if isinstance(kind, dict):
        return _decode_dict(name, value, kind)
    if isinstance(kind, (list, tuple)):
        is_row = isinstance(kind, tuple)
        if not isinstance(value, (list, tuple)) or (is_row and len(value) != len(kind)):
            raise ValueError(f"{name} must be a list that state_dict() wrote; got {shown(value)}")
        kinds = kind if is_row else kind * len(value)
        pairs = enumerate(zip(value, kinds, strict=True))
        return [_decode(f"{name}[{i}]", one, its_kind) for i, (one, its_kind) in pairs]
    found = _number(value, kind)
    if found is None:
        raise ValueError(f"{name} must be {kind}; got {shown(value)}")
    return found


def _decode_dict(name, value, kinds):
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a dict that state_dict() wrote; got {shown(value)}")
    if value.keys() != kinds.keys():
        names = ", ".join(sorted(map(str, value.keys() ^ kinds.keys())))
        raise ValueError(f"{name} is not from TrainingMonitor.state_dict(): see {names}")
    return {key: _decode(f"{name}[{key!r}]", value[key], kind) for key, kind in kinds.items()}


def _number(value, kind):
    """Return a number of a kind, or None if it is not."""
    if kind is FLAG or isinstance(value, bool):
        return value if kind is FLAG and isinstance(value, bool) else None
    if kind is COUNT:
        return value if isinstance(value, int) and -1 <= value < MOST else None
    is_text = isinstance(value, str)
    if value not in SPECIAL if is_text else not isinstance(value, (float, int)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if OF_NUMBERS[kind](number) else None


def _agreements(values):
    """Yield what must be true of the members of a state, each with a member that it is about."""
    n, per_epoch, bad_at = values["n_updates"], values["updates_per_epoch"], values["diverged_at"]
    yield "['n_updates']", n >= 0
    yield "['updates_per_epoch']", per_epoch >= 1
    yield "['diverged_at']", bad_at is None or 0 <= bad_at < n
    good = n if bad_at is None else bad_at  # updates before a divergence
    count = values["count"]
    is_mean = bad_at is not None and (bad_at + 1) % per_epoch == 0  # which may have overflowed
    yield "['count']", count == good % per_epoch or (is_mean and count == 0)
    yield "['mean']", count > 0 or values["mean"] == values["squares"] == 0.0
    yield "['tolerance']", values["tolerance"] != math.inf
    yield "['promise']", values["promise"] != math.inf
    yield "['elapsed']", values["elapsed"] < math.inf
    yield "['bad_loss']", bad_at is None or not math.isfinite(values["bad_loss"])
    yield from _agreements_of_held_out(values)
    seen = good // per_epoch
    windows = values["windows"]
    yield from _agreements_of_windows(windows, seen, per_epoch)
    last = values["last_increase"]
    wanted = (windows["last_increase"] + 1) * per_epoch - 1 if windows["n_increases"] else None
    yield "['last_increase']", last == wanted
    end = seen * per_epoch if bad_at is None else n  # of what the trace has
    yield from _agreements_of_trace(values["trace"], seen + n - good, end)


def _agreements_of_held_out(values):
    at, since, n = values["best_at"], values["since_best"], values["n_updates"]
    best = values["best_held_out_loss"]
    yield "['best_at']", at is None or 0 <= at < n
    yield "['best_held_out_loss']", (best is None) == (at is None)
    yield "['best_held_out_loss']", best is None or best < math.inf
    yield "['since_best']", 0 <= since <= (n if at is None else n - 1 - at)


def _agreements_of_windows(windows, seen, per_epoch):
    def about(name, is_true):
        return f"['windows'][{name!r}]", is_true

    start, before = 0, None  # of the window, and of the one before
    if seen > FIRST_WINDOW:
        start = FIRST_WINDOW << (((seen - 1) // FIRST_WINDOW).bit_length() - 1)
        before = start // 2 if start > FIRST_WINDOW else 0
    yield about("n_steps", windows["n_steps"] == seen - 1)
    yield about("n_averaged", windows["n_averaged"] == per_epoch)
    yield about("tolerance", windows["tolerance"] < math.inf)
    yield about("end", windows["end"] == max(FIRST_WINDOW, 2 * start))
    current, last = windows["current"], windows["last"]
    yield about("last", (last is None) == (before is None))
    yield from _agreements_of_window("current", current, start, seen - start)
    increases = current["n_increases"]
    if last is not None:
        yield from _agreements_of_window("last", last, before, start - before)
        increases += last["n_increases"]
    n, at = windows["n_increases"], windows["last_increase"]
    yield about("n_increases", increases <= n <= max(0, seen - 1))
    yield about("last_increase", n <= at < seen if n > 0 else at == 0)
    yield about("largest_increase", windows["largest_increase"] >= 1.0)
    for name in ("level", "latest", "first"):
        yield about(name, math.isfinite(windows[name]) if seen > 0 else math.isnan(windows[name]))
    lowest = windows["lowest"]
    yield about("lowest", math.isfinite(lowest) if seen > 0 else lowest == math.inf)
    yield about("error", seen == 0 or windows["error"] >= 0.0)
    in_row = min(seen - start, SHORT_CYCLE)
    yield about("anchor", len(windows["anchor"]) == min(in_row, ROW))
    yield about("row", len(windows["row"]) == min(max(0, in_row - ROW), ROW))


def _agreements_of_window(name, window, start, count):
    def about(member, is_true):
        return f"['windows'][{name!r}][{member!r}]", is_true

    yield about("start", window["start"] == start)
    yield about("count", window["count"] == count)
    yield about("n_increases", 0 <= window["n_increases"] <= count)
    low, high = window["low"], window["high"]
    yield about("low", math.isfinite(low) if count > 0 else low == math.inf)
    yield about("high", low <= high < math.inf if count > 0 else high == -math.inf)


def _agreements_of_trace(trace, count, end):
    def about(name, is_true):
        return f"['trace'][{name!r}]", is_true

    yield about("count", trace["count"] == count)
    rows, latest = trace["rows"], trace["latest"]
    is_over = count & ((1 << max(0, count.bit_length() - BITS - 1)) - 1) == 0  # the bucket is
    for name in ("low", "high"):
        yield about(name, (trace[name] is None) == is_over)
    yield about("latest", (latest is None) == (count == 0))
    yield about("latest", latest is None or latest[0] == end - 1)
    yield about("rows", min(count, 2 ** (BITS + 1) - 1) <= len(rows) <= count)
    steps = [-1, *(row[0] for row in rows), end]
    yield about("rows", all(a < b for a, b in pairwise(steps)))
    for name in () if is_over else ("low", "high"):
        yield about(name, steps[-2] < trace[name][0] < end)
