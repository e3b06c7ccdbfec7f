"""Random calls, good and bad: each is as right as the reference, or refused as it does."""

import collections
import decimal
import faulthandler
import fractions
import hashlib
import itertools
import json
import pathlib
import sys
import tempfile
import warnings

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import losses, reference, stepsizes
from support import awkward, hashes

EPS = np.finfo(float).eps
HUGE, TINY = 1e300, 1e-300  # beyond these, float64 itself is the problem, and nothing is compared

# --- what is passed -------------------------------------------------------------------------------

SIZES = (1, 2, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)
BIG = ((400, 33), (1100, 3), (130, 128), (9, 2050), (3, 4097), (3000, 2), (12001, 1), (513, 64))
SCALES = (1.0, 1.0, 1.0, 1.0, 30.0, 1e-3, 1e3, 1e-150, 1e150, 1e-300, 1e300, 0.0)
THREADS = (None, None, 1, 2, 3, 4, 7, np.int8(2), 2**40)
NOTHING = object()  # an argument that is left out

ODD = (
    None, True, False, 0, -1, 2**63, 2**70, -(2**70), 1.5, float("nan"), float("inf"), -0.0,
    -float("inf"), 1j, "2", "logistic", b"2", "", (), [], {}, set(), object(), ..., range(3), np,
    np.nan, np.float32("inf"), np.float64(-1.0), np.int64(-3), np.bool_(True), np.zeros(()),
    np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((2, 2, 2)), np.zeros(3, complex),
    np.zeros(3, "datetime64[s]"), np.zeros(3, "S3"), np.zeros(3, "U3"), np.zeros(3, object),
    np.zeros(3, [("a", float)]), np.ma.masked_array([1.0, 2.0], [True, False]), [[1.0], [2.0, 3.0]],
    [[1.0, "a"], [2.0, 3.0]], [None, None], np.full((2, 2), np.nan), np.longdouble("1e4000"),
    np.full((2, 2), np.longdouble("1e4000")), decimal.Decimal(1), fractions.Fraction(1, 3),
    memoryview(b"abcd"), np.broadcast_to(np.zeros(1), (2, 2**45)), [1, 2**70], iter([1, 2]),
)  # fmt: skip


def quit_at_two(state):
    return state.n_steps == 2


def make_X(rng, folder):
    n, d = rng.choice(SIZES, 2) if rng.random() < 0.9 else rng.choice(BIG)
    dtype = rng.choice(awkward.DTYPES)
    base = awkward.exact_matrix(n, d, dtype, rng)
    if dtype in ("float64", "longdouble"):
        base = base * rng.choice(SCALES)
    if rng.random() < 0.04 and dtype in awkward.FLOATS:
        base[rng.integers(n), rng.integers(d)] = rng.choice([np.nan, np.inf, -np.inf])
    layouts = awkward.layouts(base, dtype, folder)
    return next(itertools.islice(layouts, int(rng.integers(16)), None))[1]


def make_y(rng, n):
    y = rng.integers(0, 2, n)
    y[: min(n, 2)] = np.arange(min(n, 2))
    choice = rng.integers(8)
    if choice == 0:
        return y.astype(bool)
    if choice == 1:
        return (2 * y - 1).tolist()
    if choice == 2:
        return np.repeat(y.astype(rng.choice(["f4", "i2", "f2", ">f8", "u1"])), 2)[::2]
    if choice == 3 and rng.random() < 0.3:
        return y + rng.integers(0, 3)
    return 2.0 * y - 1.0


def make_weights(rng, size, k=None):
    shape = size if k is None else (size, k)
    w = rng.standard_normal(shape) * rng.choice(SCALES)
    if rng.random() < 0.03:
        w.flat[rng.integers(w.size)] = rng.choice([np.nan, np.inf])
    choice = rng.integers(5)
    if choice == 0:
        return w.tolist()
    return np.asfortranarray(w)[::-1] if choice == 1 else w


def make_sample_weight(rng, n):
    weight = rng.uniform(0.0, 3.0, n) * rng.choice([1.0, 1e-300, 1e300, 5e-324])
    if rng.random() < 0.5:
        weight[rng.random(n) < 0.3] = 0.0
    if rng.random() < 0.05:
        weight[rng.integers(n)] = rng.choice([-1.0, np.nan, np.inf])
    with np.errstate(all="ignore"):
        return weight.astype(rng.choice(["f8", "f8", "f4", "longdouble"]))


def make_stop(rng):
    names = ("loss", "gradient_norm", "unstable_steps", "separated")
    values = (rng.uniform(0.01, 2.0), rng.uniform(0.01, 2.0), int(rng.integers(1, 4)), True)
    wanted = rng.random(4) < 0.3
    return lsgd.Stop(**dict(itertools.compress(zip(names, values, strict=True), wanted)))


def make_call(rng, folder):
    """Return the name of a function and its arguments: good ones, but for one in four or so."""
    name = rng.choice(["logistic_loss", "logistic_loss_gradient", "gradient_descent", "Descent"])
    X = make_X(rng, folder)
    n, d = np.shape(X)
    arguments = {"X": X, "y": make_y(rng, n)}
    maybe = {
        "fit_intercept": lambda: rng.choice([True, False]),
        "l2": lambda: rng.choice([0.0, 1e-3, 1.0, 1e300, 5e-324, 1]),
        "sample_weight": lambda: make_sample_weight(rng, n),
        "n_threads": lambda: THREADS[rng.integers(len(THREADS))],
    }
    if name in ("gradient_descent", "Descent"):
        arguments["stepsize"] = 10.0 ** rng.uniform(-4, 4) if rng.random() < 0.9 else 1e300
        arguments["n_steps"] = int(rng.integers(4))
        maybe |= {
            "start": lambda: make_weights(rng, parameters),
            "loss": lambda: "logistic" if rng.random() < 0.5 else losses.Logistic(),
            "stop": lambda: make_stop(rng),
            "record_every": lambda: int(rng.integers(1, 4)),
            "callback": lambda: quit_at_two,
            "callback_every": lambda: int(rng.integers(1, 3)),
        }
        if rng.random() < 0.2:
            arguments["stepsize"] = stepsizes.resolve(arguments["stepsize"])
    drawn = [option for option in maybe if rng.random() < 0.4]
    intercept = "fit_intercept" in drawn and maybe["fit_intercept"]()
    maybe["fit_intercept"] = lambda: intercept
    parameters = d + bool(intercept)
    if "loss" in name:
        k = None if rng.random() < 0.5 else int(rng.integers(1, 7))
        arguments["w"] = make_weights(rng, parameters, k)
    arguments |= {option: maybe[option]() for option in drawn}
    if rng.random() < 0.2:
        for spoilt in rng.choice([*arguments, *maybe], rng.integers(1, 3)):
            arguments[str(spoilt)] = ODD[rng.integers(len(ODD))]
        if name == "Descent" or rng.random() < 0.1:  # neither may run for ever
            arguments["n_steps"] = int(rng.integers(4))
    return str(name), arguments


def fingerprint(arguments):
    """Return the sha256 of all memory that the arguments show, and of that around it."""
    hasher = hashlib.sha256()
    for name, value in arguments.items():
        hasher.update(name.encode())
        if not isinstance(value, np.ndarray):
            hasher.update(repr(value).encode())
        while isinstance(value, np.ndarray) and value.size < 2**40:
            plain = value.view(np.ndarray)
            hasher.update(repr((plain.dtype, plain.shape, plain.strides)).encode())
            hasher.update(repr(plain).encode() if plain.dtype.hasobject else plain.tobytes())
            value = value.base
    return hasher.hexdigest()


# --- what comes back ------------------------------------------------------------------------------


def outcome(call):
    """Return (result, None) or (None, the type and the text of the error)."""
    try:
        return call(), None
    except (MemoryError, TypeError, ValueError) as error:  # w may have more columns than memory
        return None, (type(error).__name__, str(error))


class Magnitudes:
    """How large the terms of all sums are at w, hence how far apart two orders of them may be.

    As in reference/test_agreement.py: 0.5 (d + n) eps times the sum of the magnitudes.
    """

    @np.errstate(all="ignore")
    def __init__(self, X, weight, l2, fit_intercept, w):
        n, d = X.shape
        X, signed, w = np.asarray(X, dtype=float), w, np.abs(w)
        weight = np.ones(n) if weight is None else np.asarray(weight / np.max(weight), dtype=float)
        used = weight > 0.0
        A = np.abs(np.column_stack([X, np.ones(n)]) if fit_intercept else X)[used]
        self.margins = A @ w
        self.distance = np.abs(X[used] @ signed[:d] + (signed[-1] if fit_intercept else 0.0))
        rows = (weight[used] / weight.sum()) * (1.0 + self.margins)
        penalty = l2 * np.where(np.arange(len(w)) < d, w, 0.0)
        self.loss = rows.sum()
        self.value, self.gradient = self.loss + penalty @ w, A.T @ rows + penalty
        self.unit = 0.5 * (d + n) * EPS
        parts = (self.margins, self.value, self.gradient, penalty, w[:d] @ w[:d])
        self.comparable = all(np.all(part < HUGE) for part in parts)
        self.share = weight[used] / weight.sum()

    def close(self, a, b, size):
        return bool(np.all(np.abs(a - b) <= self.unit * size + TINY))


def check_gradient(arguments, found, expected):
    """Compare loss and gradient, column by column; return whether there was something to."""
    w = np.asarray(arguments["w"], dtype=float)
    k = 1 if w.ndim == 1 else w.shape[1]
    assert found[1] is None or found[1].shape == expected[1].shape == w.shape
    compared = False
    for c in range(k):
        size = magnitudes(arguments, w.reshape(len(w), k)[:, c])
        if size.comparable:
            compared = True
            value, ref = np.reshape(found[0], k)[c], np.reshape(expected[0], k)[c]
            assert size.close(value, ref, size.value), (value, ref)
            if found[1] is not None:
                column, ref = (slope.reshape(-1, k)[:, c] for slope in (found[1], expected[1]))
                assert size.close(column, ref, size.gradient), (column, ref)
    return compared


def magnitudes(arguments, w):
    X = np.array(arguments["X"], dtype=float, subok=False)
    weight, l2 = arguments.get("sample_weight"), float(arguments.get("l2", 0.0))
    weight = None if weight is None else np.asarray(weight, np.longdouble)
    return Magnitudes(X, weight, l2, bool(arguments.get("fit_intercept", False)), w)


def check_run(arguments, run):
    """Compare a run with the reference step by step, each from the weights that the run had before.

    So rounding has one step to grow in, whatever the stepsize.
    """
    good = {key: value for key, value in arguments.items() if key not in ("stop", "callback")}
    eta = stepsizes.resolve(good.pop("stepsize")).eta
    good.pop("n_steps")
    names = ("X", "y", "sample_weight", "l2", "fit_intercept")
    problem = {name: good[name] for name in names if name in good}
    before, size, n_compared = None, None, 0
    for t in range(run.n_steps + 1):
        piece = lsgd.gradient_descent(**good, stepsize=eta, n_steps=t)
        if piece.n_steps < t:
            assert piece.stop_reason == "diverged" and run.stop_reason == "diverged"
            return n_compared > 0
        w = np.append(piece.weights, piece.intercept) if "fit_intercept" in good else piece.weights
        w = w[: len(piece.weights) + bool(good.get("fit_intercept", False))]
        if before is not None:
            gradient = reference.logistic_loss_gradient(**problem, w=before)[1]
            with np.errstate(all="ignore"):
                slack = eta * (size.unit * size.gradient + TINY) + 4 * EPS * (
                    np.abs(before) + eta * np.abs(gradient)
                )
                ok = np.abs(w - (before - eta * gradient)) <= slack
            assert ok.all() or not np.all(slack < HUGE), ("weights", t, w)
        if not np.isfinite(w).all():
            assert run.stop_reason == "diverged"
            return n_compared > 0
        size, before = magnitudes(arguments, w), w
        if not size.comparable:
            return n_compared > 0
        n_compared += 1
        ref = reference.gradient_descent(**problem, stepsize=1.0, n_steps=0, start=w).trace
        check_row(
            {name: column[-1] for name, column in piece.trace.to_dict().items()},
            {name: column[-1] for name, column in ref.to_dict().items()},
            size,
        )
    assert run.weights.tobytes() == piece.weights.tobytes()
    return True


def check_row(row, ref, size):
    largest = size.margins.max()
    assert size.close(row["loss"], ref["loss"], size.loss), (row, ref)
    assert size.close(row["log_loss"], ref["log_loss"], 4.0 + largest + abs(ref["log_loss"]))
    assert size.close(row["min_margin"], ref["min_margin"], largest), (row, ref)
    assert abs(row["weight_norm"] - ref["weight_norm"]) <= size.unit * ref["weight_norm"] + TINY
    # a margin that is 0 but for rounding may count as an error or not
    doubtful = size.share[size.distance <= size.margins * size.unit + TINY].sum()
    assert abs(row["error_rate"] - ref["error_rate"]) <= doubtful + 1e-12, (row, ref)
    if "objective" in row:
        assert size.close(row["objective"], ref["objective"], size.value), (row, ref)


def check_descent(arguments, rng):
    """Drive a Descent in pieces; return what `gradient_descent` would."""
    arguments = dict(arguments)
    n_steps = arguments.pop("n_steps")
    descent, reason = lsgd.Descent(**arguments), None
    while descent.n_steps < n_steps and reason is None:
        piece = int(rng.integers(1, 3)) if descent.n_steps + 2 <= n_steps else 1
        reason = descent.step(piece)
        if rng.random() < 0.2:
            descent.result()
    return descent.result()


def check_call(name, arguments, rng):
    """Make one call on both sides; return "refused", "compared" or "beyond float64"."""
    function = getattr(lsgd, name if name != "Descent" else "gradient_descent")
    ref = getattr(reference, function.__name__)
    expected, error = outcome(lambda: ref(**arguments))
    found, found_error = outcome(lambda: function(**arguments))
    assert found_error == error, (found_error, error)
    if name == "Descent":
        driven, driven_error = outcome(lambda: check_descent(arguments, rng))
        assert driven_error == error, (driven_error, error)
        if error is None:
            assert hashes.content(driven) == hashes.content(found)
    if error is not None:
        return "refused"
    if name == "logistic_loss":
        found, expected = (found, None), (expected, None)
    check = check_run(arguments, found) if "w" not in arguments else check_gradient(
        arguments, found, expected
    )  # fmt: skip
    return "compared" if check else "beyond float64"


def main(calls, seed=0):
    """Make random calls and print how many ended how; a failure says which."""
    faulthandler.enable()
    warnings.simplefilter("error")
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for i in range(calls):
            rng = np.random.default_rng([seed, i])
            name, arguments = make_call(rng, pathlib.Path(folder))
            before = fingerprint(arguments)
            try:
                counts[check_call(name, arguments, rng)] += 1
                assert fingerprint(arguments) == before, "an input was modified"
            except BaseException:
                print(f"call {i} of seed {seed}: {name}(**{arguments})", file=sys.stderr)
                raise
    json.dump(counts, sys.stdout)
