"""Random runs at the limits of float64, and how the implementations differ in them."""

import functools
import warnings

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import losses, reference
from lsgd_fast.stepsizes import Constant, Schedule
from support.fuzz.faults import outcome, said
from support.rules import RULES
from support.sparse_cases import CSR, csr

LOSSES = (
    "logistic", "logistic", "exponential", losses.FlattenedExponential(0.7),
    losses.FlattenedPolynomial(1.5), losses.Tsallis(1.5), losses.Tsallis(2.0), "renyi2",
    "semi_circle",
)  # fmt: skip
STEPSIZES = (1e-300, 1e-10, 1.0, 1.0, 1e3, 1e10, 1e100, 1e200, 1e300, 1e308)
EXPONENTS = (-320, -300, -160, -100, -10, -1, 0, 0, 0, 1, 10, 38, 100, 150, 160, 200, 300, 307, 308)
KINDS = ("dense", "dense", "dense", "gram", "sparse", "softmax", "network", "sweep", "stochastic")
COUNTERS = ("n_steps", "stop_reason", "n_increases", "stable_at", "separated_at", "certified_at")


def mixed(rng, shape, exponents):
    """Return numbers whose scale differs by entry, by column, by row, or not at all."""
    n, d = shape
    exponent = rng.choice(exponents, [(n, d), (1, d), (n, 1), (1, 1)][rng.integers(4)])
    with np.errstate(all="ignore"):
        return np.clip(rng.standard_normal(shape) * 10.0**exponent, -1e308, 1e308)


def make_rule(rng, kind, l2):
    """Return a rule that takes these."""
    rule = RULES[rng.integers(len(RULES))]
    known = not rule.adaptive and rule.n_vectors == 0
    alien = (kind in ("gram", "network") and not known) or kind == "stochastic"
    if rng.random() < 0.5 or alien or (l2 > 0.0 and not rule.takes_l2):
        return Constant(float(rng.choice(STEPSIZES)))
    if isinstance(rule, Schedule):
        return Schedule(rng.choice(STEPSIZES, 3).tolist())
    return rule


def make_call(rng):
    """Return a kind, the name of a function and its arguments."""
    kind = str(rng.choice(KINDS))
    classes = 3 if kind == "softmax" else 2
    n, d = int(rng.integers(classes, 12)), int(rng.integers(1, 5))
    X = mixed(rng, (n, d), EXPONENTS)
    if kind == "sparse":
        X = csr(np.where(rng.random(X.shape) < 0.6, X, 0.0))
    elif rng.random() < 0.2:
        X = np.clip(X, -3e38, 3e38).astype(np.float32)
    n_steps = rng.choice([1, 2, 5, 20])
    given = {"n_steps": int(n_steps), "X": X, "y": np.arange(n) % classes}
    given["record_every"] = int(rng.choice([1, 1, 3]))
    if rng.random() < 0.4:
        given["l2"] = float(10.0 ** rng.choice(EXPONENTS))
    given["stepsize"] = make_rule(rng, kind, given.get("l2", 0.0))
    width = {"softmax": 3, "network": 4}.get(kind, 1)
    if kind == "gram":
        given["gram"] = True
    elif kind == "softmax":
        given["loss"] = "softmax"
    else:
        given["loss"] = LOSSES[rng.integers(len(LOSSES))]
    intercept = kind != "network" and bool(rng.random() < 0.4)
    if intercept:
        given["fit_intercept"] = True
    if rng.random() < 0.5:
        start = mixed(rng, (d + intercept, width), EXPONENTS)
        given["start"] = start if width > 1 else start[:, 0]
    if kind != "stochastic" and rng.random() < 0.3:
        given["average"] = True
    name = "gradient_descent"
    if kind == "network":
        name = "two_layer_gradient_descent"
        given["activation"] = str(rng.choice(["relu", "leaky_relu", "softplus"]))
        given["width"] = width
        given |= {} if "start" in given else {"rng": 0}
    elif kind == "stochastic":
        name = "stochastic_gradient_descent"
        given |= {"batch_size": int(rng.integers(1, n + 1)), "rng": 0}
    elif kind == "sweep":
        name = "stepsize_sweep"
        given["stepsizes"] = [given.pop("stepsize"), *rng.choice(STEPSIZES, 2).tolist()]
        if "start" in given:
            given["start"] = np.column_stack([given["start"]] * 3)
    return kind, name, given


def pattern(values):
    """Return which values are finite, which infinite and of which sign, and which NaN."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values), 0.0, values)


def described(result):
    """Return the counters and patterns of a run by name."""
    found = {name: getattr(result, name) for name in COUNTERS if hasattr(result, name)}
    columns = result.trace.to_dict()
    for side in ("last", "average"):
        if getattr(result, side, None) is not None:
            one = getattr(result, side)
            columns |= {f"{side} {name}": value for name, value in vars(one).items()}
    for name in ("weights", "intercept", "separating_weights", "mean_loss", "mean_error_rate"):
        if getattr(result, name, None) is not None:
            columns[name] = getattr(result, name)
    return found | {name: pattern(values) for name, values in columns.items()}


def differences(fast, ref):
    """Return the names of what differs between two runs, with both values."""
    fast, ref = described(fast), described(ref)
    for name in sorted(fast.keys() | ref.keys()):
        a, b = fast.get(name, "missing"), ref.get(name, "missing")
        if not np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray)):
            yield name, a, b


def runs_of(result):
    """Return the runs of a sweep, or the only run."""
    return [result] if hasattr(result, "trace") else list(result)


def nudged(X, rng):
    """Return X with entries changed by no more than the rounding of a sum over rows or features."""
    data = X.data if isinstance(X, CSR) else X
    size = (1 + sum(X.shape)) * np.finfo(float).eps
    data = data.astype(float) * (1.0 + size * rng.uniform(-1.0, 1.0, data.shape))
    data = np.clip(data, -1e308, 1e308)
    return CSR(data, X.indices, X.indptr, X.shape) if isinstance(X, CSR) else data


def is_decided_by_rounding(name, given, results, trials=30):
    """Whether an implementation differs from itself where the data change by no more than rounding.

    Each returns what is exact for such data; so neither result is wrong.
    """
    rng = np.random.default_rng(0)
    for _ in range(trials):
        weight = nudged(np.ones(len(given["y"])), rng)
        call = given | {"X": nudged(given["X"], rng), "sample_weight": weight}
        for backend, result in zip((lsgd, reference), results, strict=True):
            runs = zip(runs_of(result), runs_of(getattr(backend, name)(**call)), strict=True)
            if any(True for pair in runs for _ in differences(*pair)):
                return True
    return False


def faults(seed):
    """Make the call of a seed on both sides; return what differs, but for what rounding decides."""
    kind, name, given = make_call(np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calls = [functools.partial(getattr(side, name), **given) for side in (lsgd, reference)]
        results, errors = zip(*map(outcome, calls), strict=True)
        errors = tuple(map(said, errors))
        if errors != (None, None):
            return [(kind, *errors)] if errors[0] != errors[1] else []
        runs = zip(*map(runs_of, results), strict=True)
        found = [(kind, *difference) for pair in runs for difference in differences(*pair)]
        if found and is_decided_by_rounding(name, given, results):
            return []
    return found
