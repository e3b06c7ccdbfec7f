"""What a result says, leaf by leaf; equal bits; and agreement of the implementations.

Rounding is the only reason for which the implementations may differ. How much it may change a
result depends on the problem: steps far above 2 over the smoothness multiply an error at each step,
and a comparison of two numbers that are equal but for rounding may go either way. So the calls
themselves say how much: both implementations run again on numbers that differ from the given ones
by the stated bound of rounding, 0.5 (n + d) eps relative to each, and the reference with losses
that do; or on the same rows in another order. What these runs change, the other order of sums may
change, too.
"""

import collections
import contextlib
import dataclasses
import enum
import math
from unittest import mock

import numpy as np

from lsgd_fast import kernel, losses
from support import sparse_cases
from support.fuzz import inputs

EPS = np.finfo(float).eps
TINY = 1e-300  # smaller numbers are equal
HUGE = 1e300  # sums of larger terms may overflow in one order and not in another
COARSE = 1e-250  # errors of products that are smaller may not be relative to them
DIFFERENCES = 1e-6  # the same for numbers that are differences of weights along a path
FAR = 1e-3  # a larger relative difference is no error that grew, but another decision
# Differences beyond this many times what rounding does in reruns are faults. A stepsize that is the
# ratio of two noises, as of Barzilai and Borwein where the gradient is flat, may well be 100 times.
SPREADS = 1000.0
RERUNS = (4, 12, 32)  # of the reference, until a difference is explained
NOT_COMPARED = {"seconds", "n_threads", "step_seconds", "set_up_seconds"}
# What says in words, or by a difference that may have no digits left, what other leaves say.
DERIVED = {"evidence", "reason", "report", "gap", "drift"}

EQUAL, ROUNDING, DECIDED = "equal", "rounding", "rounding decides"
UNDERFLOW, OVERFLOW = "underflow", "overflow"


def facts(result):
    """Return {name: leaf} of all that a result says; leaves are arrays, numbers, text and None."""
    found = {}
    _collect(result, "", found)
    return found


def _collect(value, name, found):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if field.name not in NOT_COMPARED:
                _collect(getattr(value, field.name), f"{name}.{field.name}", found)
        if hasattr(value, "gap"):
            found[f"{name}.upper"] = value.value + value.gap
        for told in ("verdict", "evidence"):
            if hasattr(type(value), told):
                found[f"{name}.{told}"] = str(getattr(value, told))
    elif isinstance(value, (list, tuple, collections.abc.Sequence)) and not isinstance(value, str):
        found[f"{name}.length"] = len(value)
        for i, one in enumerate(value):
            _collect(one, f"{name}[{i}]", found)
    elif isinstance(value, enum.Enum):
        found[name] = str(value)
    else:
        found[name] = value


def leaf_bits(result):
    """Return the same with numbers by their bits."""
    return {name: _bits(leaf) for name, leaf in facts(result).items()}


def _bits(leaf):
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.str, leaf.shape, leaf.tobytes()
    return leaf.hex() if isinstance(leaf, float) else repr(leaf)


def different(a, b):
    """Return the names of the leaves in which two results, by their bits, differ."""
    return [name for name in {**a, **b} if a.get(name) != b.get(name)]


@contextlib.contextmanager
def instruction_set(name):
    """Use an instruction set within a with statement."""
    before = kernel.instruction_set()
    kernel.use_instruction_set(name)
    try:
        yield
    finally:
        kernel.use_instruction_set(before)


def compare(found, expected, reruns, given, close, unit=0.0, terms=lambda leaves: 0.0):
    """Say how two results agree.

    Parameters
    ----------
    found, expected : object
        Results of the compiled function and of the reference.
    reruns : tuple of two callables
        Of i: the results of both on numbers that differ by rounding, or None.
    given : dict
        The leaves of the arguments.
    close : float
        Relative difference that needs no explanation.
    unit : float, default 0.0
        The size of the terms that numbers are sums of, where these may be much smaller.
    terms : callable
        Of the leaves of a result: the largest sum of the magnitudes of terms.

    Returns
    -------
    word : str
        EQUAL; or, where it takes runs on other numbers to explain why they differ, ROUNDING, and
        DECIDED if they are far apart: a comparison of nearly equal numbers went the other way; or
        UNDERFLOW or OVERFLOW, where these do not explain it, but products are so small that errors
        are not relative to them, or terms so large that their sums overflow in some order.
    unexplained : list of str
        Leaves whose difference nothing explains.
    """
    found, expected = facts(found), facts(expected)
    open_leaves = [
        name
        for name in {**found, **expected}
        if _word(name) not in DERIVED
        and not is_close(
            found.get(name), expected.get(name), DIFFERENCES if ".diagnostics." in name else close
        )
    ]
    if not open_leaves:
        return EQUAL, []
    far = {name for name in open_leaves if not _is_near(found.get(name), expected.get(name))}
    others = [], []
    for count in RERUNS:
        for some, rerun in zip(others, reruns, strict=True):
            more = (rerun(i) for i in range(len(some), count))
            some.extend(facts(one) for one in more if one is not None)
        open_leaves = [
            name
            for name in open_leaves
            if not _explained(
                ".trace." in name,
                unit,
                *(one.get(name) for one in (found, expected)),
                *([one.get(name) for one in some] for some in others),
            )
        ]
        # counters and verdicts follow from a path that rounding decides
        paths = {_run(name) for name in far.difference(open_leaves) if ".trace." in name}
        open_leaves = [
            name
            for name in open_leaves
            if _run(name) not in paths or isinstance(found.get(name), (float, np.ndarray))
        ]
        if not open_leaves:
            return DECIDED if far else ROUNDING, []
    if min(terms(found), terms(expected)) > HUGE:
        return OVERFLOW, []
    least = [min(map(_least, leaves.values())) for leaves in (given, found, expected)]
    if min(least[0], 1.0) * min(*least[1:], 1.0) < COARSE:
        return UNDERFLOW, []
    return DECIDED, open_leaves


def _is_near(a, b):
    """Return whether two leaves differ by little of the largest number among them."""
    x, y = _numbers(a), _numbers(b)
    if x is None or y is None or x.shape != y.shape or isinstance(a, int):
        return False
    largest = np.abs(y).max(initial=1e-9, where=np.isfinite(y))
    return bool(_within(x, y, FAR * np.minimum(largest, 1e300)).all())


def _least(leaf):
    """Return the least magnitude of a leaf but zero, or infinity."""
    x = _numbers(leaf)
    return math.inf if x is None else float(np.abs(x).min(initial=math.inf, where=x != 0.0))


def _run(name):
    return name.split(".")[0]


def _word(name):
    return name.rsplit(".", 1)[-1]


def _numbers(leaf):
    """Return a leaf as an array of floats, or None if it is no number."""
    if isinstance(leaf, (bool, np.bool_)) or leaf is None or isinstance(leaf, str):
        return None
    try:
        return np.asarray(leaf, float)
    except (TypeError, ValueError):
        return None


def is_close(a, b, close=1e-9):
    """Return whether two leaves are equal, numbers up to rounding of ordinary size."""
    x, y = _numbers(a), _numbers(b)
    if x is None or y is None:
        return repr(a) == repr(b)
    if x.shape != y.shape:
        return False
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return bool(_within(x, y, close * np.abs(y)).all())


def _within(x, y, slack):
    with np.errstate(all="ignore"):
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        return same | (np.abs(x - y) <= slack + TINY)


def _explained(of_trace, unit, a, b, others_of_a, others_of_b):
    """Return whether rounding may be why leaves differ: it changes either of them as much.

    The result a is not compared with its own reruns, or a fault of this call alone would be taken
    for what rounding does. That of the reference is: numbers may cancel in it and in no rerun.
    """
    like_a, others_of_a = others_of_a[0] if others_of_a else a, others_of_a[1:]
    x, y = _numbers(a), _numbers(b)
    if x is None or y is None or x.shape != y.shape:
        # rounding decided something: a step, a verdict, the length of a run
        return _changes(like_a, others_of_a) or _changes(b, others_of_b)
    spreads = _spread(y, b, others_of_b, of_trace), _spread(y, like_a, others_of_a, of_trace)
    with np.errstate(all="ignore"):
        spread = spreads[0] + spreads[1]
        scale = np.abs(y).max(initial=unit, where=np.isfinite(y))
        slack = SPREADS * (spread + EPS * np.minimum(scale, 1e300))
        return bool((_within(x, y, slack) | np.isinf(spread)).all())


def _changes(leaf, others):
    return any(_bits(other) != _bits(leaf) for other in others)


def _spread(like, leaf, others, of_trace):
    """Return how far others are from a leaf: up to each row of a trace, of other arrays anywhere.

    It is infinite where one of them has not the shape of the array `like`.
    """
    spread, x = np.zeros(like.shape), _numbers(leaf)
    for z in (x, *map(_numbers, others)):
        if z is None or z.shape != like.shape:
            return np.full(like.shape, math.inf)
        with np.errstate(all="ignore"):
            apart = np.where((z == x) | (np.isnan(z) & np.isnan(x)), 0.0, np.abs(z - x))
        spread = np.fmax(spread, np.where(np.isnan(apart), math.inf, apart))
    if of_trace:
        return np.maximum.accumulate(spread)
    return np.full(like.shape, spread.max(initial=0.0))


@contextlib.contextmanager
def noisy_losses(size, rng):
    """Let what losses return carry the stated bound of rounding within a with statement.

    The methods change, as both implementations take the losses of the package alone.
    """

    def noisy(method, is_logarithm):
        def changed(loss, z):
            found = method(loss, z)
            change = size * EPS * rng.uniform(-1.0, 1.0, np.shape(found))
            return found * (1.0 + change) + change * is_logarithm

        return changed

    with contextlib.ExitStack() as changes:
        for kind in (losses.Logistic, losses.Softmax, losses.Exponential,
                     losses.FlattenedExponential, losses.FlattenedPolynomial, losses.SemiCircle,
                     losses.Tsallis.__base__):  # fmt: skip
            for name in ("value", "derivative", "log_value", "log_slope"):
                if name in vars(kind):
                    method = noisy(vars(kind)[name], name.startswith("log"))
                    changes.enter_context(mock.patch.object(kind, name, method))
        yield


def perturbed(arguments, i, size, weighted):
    """Return arguments whose numbers differ by the stated bound of rounding.

    Parameters
    ----------
    arguments : dict
    i : int
        Another number, other differences.
    size : float
        The bound, in units of eps.
    weighted : bool
        Whether the call takes sample weights, whose changes are those of the sums over the rows.
    """
    rng = np.random.default_rng([i, 7])
    center = arguments.get("center")
    offset = 0.0 if center is None else np.abs(np.asarray(center, float))

    def moved(value, offset=0.0):
        array = np.asarray(value, float)
        change = size * EPS * rng.uniform(-1.0, 1.0, array.shape)
        with np.errstate(all="ignore"):
            return array + change * (np.abs(array) + offset)

    names = ("w", "p", "start", "sample_weight", "offset", "scale", "l2")
    changed = {name: moved(arguments[name]) for name in names if arguments.get(name) is not None}
    if "l2" in changed:
        changed["l2"] = changed["l2"].tolist()
    X = inputs.dense(arguments["X"])
    changed["X"] = _stored_as(arguments["X"], moved(X, offset))
    if arguments.get("validation") is not None:
        held_out, *others = arguments["validation"]
        changed["validation"] = moved(inputs.dense(held_out), offset), *others
    if weighted and "sample_weight" not in changed:
        changed["sample_weight"] = moved(np.ones(len(X)))
    return changed


def reordered(arguments, i):
    """Return arguments with the rows in another order.

    Where numbers are equal in exact arithmetic, such as margins of zero, they stay so.
    """
    X = inputs.dense(arguments["X"])
    order = np.random.default_rng([i, 8]).permutation(len(X))
    changed = {"X": _stored_as(arguments["X"], X[order])}
    for name in ("y", "sample_weight", "offset"):
        if arguments.get(name) is not None:
            changed[name] = np.asarray(arguments[name])[order]
    return changed


def stretched(arguments, i, size):
    """Return arguments with X times one number, which keeps equal rows equal in a sample, too."""
    X, change = inputs.dense(arguments["X"]), np.random.default_rng([i, 9]).uniform(-1.0, 1.0)
    with np.errstate(all="ignore"):
        return {"X": _stored_as(arguments["X"], X * (1.0 + size * EPS * change))}


def _stored_as(given, X):
    return sparse_cases.csr(X) if inputs.is_sparse(given) else X
