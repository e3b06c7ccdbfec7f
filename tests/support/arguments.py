"""Every argument of every public function, replaced by everything that a caller may pass there.

An error must be a TypeError or a ValueError that names the argument, in both implementations the
same. An exception of the value's own passes through. A value is read once: one that would answer
otherwise the second time must not be asked again.

    python tests/support/arguments.py [FUNCTION ...]
"""

import array
import contextlib
import decimal
import enum
import fractions
import importlib.util
import math
import re
import sys
import tempfile
import warnings

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import losses, reference, stepsizes

# --- values ---------------------------------------------------------------------------------------


class OwnError(Exception):
    """What the methods of `Raises` raise."""


class AskedAgainError(Exception):
    """What a value raises that is asked a second time."""


def raise_own(self, *_):
    raise OwnError


class Raises:
    """An object all of whose conversions raise an exception of its own."""

    __float__ = __index__ = __array__ = __len__ = __bool__ = __iter__ = __eq__ = raise_own
    __hash__ = None


class Unreadable:
    """An object without a text."""

    __repr__ = __str__ = raise_own


class Once:
    """An answer that is given once."""

    def __init__(self, answer):
        self.answer, self.asked = answer, False

    def give(self, *_, **__):
        if self.asked:
            raise AskedAgainError
        self.asked = True
        return self.answer


class Index:
    """An integer by `__index__` alone, to be asked once."""

    def __init__(self, value):
        self.once = Once(value)

    def __index__(self):
        return self.once.give()


class Real(fractions.Fraction):
    """A real number with a `__float__` of its own, to be asked once."""

    def __float__(self):
        self.__dict__.setdefault("once", Once(2.0))
        return self.__dict__["once"].give()


class Array:
    """An array by `__array__` alone, to be asked once."""

    def __init__(self, values):
        self.once = Once(np.array(values))

    def __array__(self, dtype=None, copy=None):
        return self.once.give()


class Text(str):
    """A str that says that it equals everything."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


class Colour(enum.IntEnum):
    """An integer with a name."""

    TWO = 2


class Word(enum.StrEnum):
    """A string with a name."""

    LOGISTIC = "logistic"


class Float(float):
    """A float with a text of its own."""

    def __repr__(self):
        return "a lie"


class ComplexError(ValueError):
    """A ValueError that takes two arguments."""

    def __init__(self, one, two):
        super().__init__(one, two)


class RaisesComplex:
    """An object whose array is a `ComplexError`."""

    def __array__(self, dtype=None, copy=None):
        raise ComplexError(1, 2)


class OwnLoss(losses.Logistic):
    """A loss with a value of its own."""

    def value(self, z):
        return np.zeros_like(z)

    def __call__(self, state):
        return False


class OwnRule(stepsizes.Constant):
    """A rule with a name of its own."""

    name = "own"


def endless():
    """Return a list that contains itself."""
    values = []
    values.append(values)
    return values


def nested(depth):
    """Return a list in a list, and so on."""
    values = []
    for _ in range(depth):
        values = [values]
    return values


NESTED = nested(100_000)  # once: to make it, and to free it, takes long


def of_objects(*values):
    """Return an array of objects, which are not asked for anything."""
    found = np.empty(len(values), object)
    for i, value in enumerate(values):
        found[i] = value
    return found


VALUES = {
    "None": lambda: None,
    "True": lambda: True,
    "np.True_": lambda: np.True_,
    "0": lambda: 0,
    "-0.0": lambda: -0.0,
    "2": lambda: 2,
    "2.0": lambda: 2.0,
    "-1": lambda: -1,
    "0.5": lambda: 0.5,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: -np.inf,
    "5e-324": lambda: 5e-324,
    "10**400": lambda: 10**400,
    "-10**400": lambda: -(10**400),
    "10**5000": lambda: 10**5000,
    "2**63": lambda: 2**63,
    "2**64": lambda: 2**64,
    "1j": lambda: 1j,
    "int8": lambda: np.int8(2),
    "uint64": lambda: np.uint64(2**64 - 1),
    "float32": lambda: np.float32(2.0),
    "float16": lambda: np.float16(0.5),
    "longdouble": lambda: np.longdouble(2.0),
    "complex64": lambda: np.complex64(2.0),
    "Fraction": lambda: fractions.Fraction(1, 3),
    "huge Fraction": lambda: fractions.Fraction(10**400, 3),
    "tiny Fraction": lambda: fractions.Fraction(3, 10**400),
    "Decimal": lambda: decimal.Decimal("0.5"),
    "Decimal sNaN": lambda: decimal.Decimal("sNaN"),
    "IntEnum": lambda: Colour.TWO,
    "StrEnum": lambda: Word.LOGISTIC,
    "Float": lambda: Float(2.0),
    "Index": lambda: Index(2),
    "Index of -1": lambda: Index(-1),
    "Index of 10**400": lambda: Index(10**400),
    "Real": lambda: Real(1, 3),
    "Array": lambda: Array([0.5, 0.25]),
    "Array of 4": lambda: Array([0.0, 1.0, 0.0, 1.0]),
    "Array 2-d": lambda: Array([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0], [5.0, 1.0]]),
    "Raises": Raises,
    "RaisesComplex": RaisesComplex,
    "Unreadable": Unreadable,
    "object": object,
    "type": lambda: type,
    "function": lambda: id,
    "module": lambda: np,
    "...": lambda: ...,
    "''": lambda: "",
    "text": lambda: "logistic",
    "number as text": lambda: "2",
    "Text": lambda: Text("no such name"),
    "np.str_": lambda: np.str_("logistic"),
    "bytes": lambda: b"12",
    "bytearray": lambda: bytearray(b"12"),
    "()": lambda: (),
    "[]": lambda: [],
    "{}": lambda: {},
    "set": lambda: {0.5, 0.25},
    "dict": lambda: {"a": 1},
    "list": lambda: [0.5, 0.25],
    "tuple": lambda: (1, 0, 1, 0),
    "pair of None": lambda: (None, None),
    "pair": lambda: ([[1.0, 2.0]], [1]),
    "pair of Complex": lambda: (RaisesComplex(), [1]),
    "iterator": lambda: iter([1, 2]),
    "range": lambda: range(2),
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "ints": lambda: [1, 2**70],
    "huge ints": lambda: [10**400, 1],
    "endless": endless,
    "in a list": lambda: [endless()],
    "nested 40": lambda: nested(40),
    "nested 100000": lambda: NESTED,
    "list of texts": lambda: ["loss", "1"],
    "list of Text": lambda: [Text("loss"), Text("x")],
    "list of Raises": lambda: [Raises(), Raises()],
    "list of None": lambda: [None, None],
    "list of Index": lambda: [Index(1), Index(2)],
    "list of Real": lambda: [Real(1, 3), Real(1, 4)],
    "0-d": lambda: np.array(2.0),
    "0-d int": lambda: np.array(2),
    "0-d bool": lambda: np.array(True),
    "0-d object": lambda: np.array(2.0, object),
    "1 element": lambda: np.array([2.0]),
    "1-d": lambda: np.array([0.5, 0.25]),
    "1-d int": lambda: np.array([1, 2]),
    "nan in 1-d": lambda: np.array([0.5, np.nan]),
    "empty": lambda: np.zeros(0),
    "empty 2-d": lambda: np.zeros((0, 3)),
    "3-d": lambda: np.zeros((2, 2, 2)),
    "complex array": lambda: np.zeros(2, complex),
    "object array": lambda: np.array([1.0, None], object),
    "object array of Raises": lambda: of_objects(Raises(), Raises()),
    "structured": lambda: np.zeros(2, [("a", float)]),
    "structured bfloat16": lambda: np.zeros(2, [("bfloat16", "u2")]),
    "void": lambda: np.zeros(2, "V2"),
    "datetime64": lambda: np.zeros(2, "datetime64[s]"),
    "timedelta64": lambda: np.timedelta64(2, "s"),
    "texts": lambda: np.array(["1", "2"]),
    "StringDType": lambda: np.array(["1", "2"], np.dtypes.StringDType()),
    "matrix": lambda: np.matrix([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0], [5.0, 1.0]]),
    "matrix of a row": lambda: np.matrix([[1, 2]]),
    "masked": lambda: np.ma.masked_array([0.5, 0.25], [True, False]),
    "not masked": lambda: np.ma.masked_array([0.5, 0.25], [False, False]),
    "np.ma.masked": lambda: np.ma.masked,
    "longdouble inf": lambda: np.array([1, np.longdouble("1e4000")]),
    "memoryview": lambda: memoryview(np.array([0.5, 0.25])),
    "memoryview of bytes": lambda: memoryview(b"ab"),
    "array.array": lambda: array.array("d", [0.5, 0.25]),
    "broadcast": lambda: np.broadcast_to(np.zeros(1), (2, 2**45)),
    "rule": lambda: stepsizes.Constant(2.0),
    "rule subclass": lambda: OwnRule(2.0),
    "Silver": stepsizes.Silver,
    "loss": losses.Exponential,
    "subclass": lambda: OwnLoss(),
    "Stop": lambda: lsgd.Stop(loss=0.1),
    "list of Stop": lambda: [lsgd.Stop(), None],
    "Generator": lambda: np.random.default_rng(1),
    "RandomState": lambda: np.random.RandomState(1),
    "SeedSequence": lambda: np.random.SeedSequence(1),
    "BitGenerator": lambda: np.random.PCG64(1),
}


def value_of(name):
    """Return a new value of this name, whatever warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return VALUES[name]()


# --- calls ----------------------------------------------------------------------------------------

X = np.array([[1.0, 2.0], [3.0, -1.0], [0.25, 1.0], [-5.0, 1.0]])
Y = np.array([1.0, -1.0, 1.0, -1.0])
DATA = {"X": X, "y": Y}
WEIGHTED = {"sample_weight": None, "offset": None, "l2": 0.0, "fit_intercept": False}
SCALED = {"center": None, "scale": None}
RUN = {
    "start": None, "stop": None, "record_every": 1, "callback": None, "callback_every": None,
    "n_threads": 1,
}  # fmt: skip
DESCENT = DATA | RUN | WEIGHTED | SCALED | {
    "record": None, "validation": None, "loss": "logistic", "average": False,
}  # fmt: skip
BATCHES = DATA | RUN | WEIGHTED | {
    "loss": "logistic", "batch_size": 1, "order": "shuffle", "rng": 0,
}  # fmt: skip
BOUND = {"margin": 0.5, "stepsize": 1.0, "radius": 1.0}
ADAPTIVE_BOUND = {"t": 10, "margin": 0.5, "eta": 1.0, "lipschitz": 1.0, "radius": 1.0}

# Good arguments of each function of both implementations.
NUMERIC = {
    "logistic_loss": DATA | WEIGHTED | SCALED | {"w": [1.0, 2.0], "n_threads": 1},
    "logistic_loss_gradient": DATA | WEIGHTED | SCALED | {"w": [1.0, 2.0], "n_threads": 1},
    "logistic_loss_hessp": DATA | WEIGHTED | SCALED | {
        "w": [1.0, 2.0], "p": [1.0, 0.0], "n_threads": 1,
    },
    "critical_stepsize": DATA | WEIGHTED | SCALED | {"w": [1.0, 2.0]},
    "gradient_descent": DESCENT | {"stepsize": 1.0, "n_steps": 3, "gram": "auto"},
    "stepsize_sweep": DESCENT | {"stepsizes": [1.0, 2.0], "n_steps": 3, "gram": "auto"},
    "nesterov_descent": DESCENT | {"stepsize": 1.0, "n_steps": 3},
    "two_layer_gradient_descent": {
        name: value for name, value in DESCENT.items()
        if name not in ("center", "scale", "fit_intercept")
    } | {"stepsize": 1.0, "n_steps": 3, "width": 2, "activation": "relu", "rng": 0},
    "stochastic_gradient_descent": BATCHES | {"stepsize": 1.0, "n_steps": 3},
    "stochastic_sweep": BATCHES | {"stepsizes": [1.0, 2.0], "n_steps": 3},
    "minimize": DATA | WEIGHTED | SCALED | {
        "tol": 1e-8, "max_passes": 9, "start": None, "loss": "logistic", "stop": None,
        "callback": None, "callback_every": None, "n_threads": 1,
    },
    "max_margin": DATA | SCALED | {
        "loss": "logistic", "fit_intercept": False, "tol": 0.1, "max_passes": 20, "callback": None,
        "callback_every": None, "n_threads": 1,
    },
    "separation": DATA | {
        "loss": "logistic", "sample_weight": None, "offset": None, "fit_intercept": False,
        "callback": None, "callback_every": None, "n_threads": 1,
    },
    "staged_trial": DATA | WEIGHTED | SCALED | {
        "start_stepsize": 0.5, "factor": 4, "n_stages": 2, "n_steps": 9, "sample": 0.1,
        "n_repeats": 1, "goal": "loss", "stop": None, "rng": 0, "loss": "logistic",
        "callback": None, "callback_every": None, "n_threads": 1,
    },
    "scale_to_loss": {"run": None, "target": 1e-3, "loss": "logistic"},
}  # fmt: skip

# Those of the functions that have no counterpart.
OTHERS = {
    "Stop": {
        "loss": None, "gradient_norm": None, "separated": False, "unstable_steps": None,
        "cycling": False, "seconds": None, "validation_patience": None,
    },
    "Descent": DESCENT | {"stepsize": 1.0, "gram": "auto"},
    "Descent.step": {"n_steps": 1},
    "Plan.for_shape": {
        "n": 4, "d": 2, "dtype": float, "stepsize": 1.0, "n_steps": 5, "target_loss": None,
        "width": None, "loss": "logistic", "n_classes": None, "margin": None, "radius": None,
        "record_every": 1, "n_threads": 1,
    },
    "plan": DATA | {
        "stepsize": 1.0, "n_steps": 5, "target_loss": None, "width": None, "loss": "logistic",
        "margin": None, "record_every": 1, "callback": None, "callback_every": None,
        "n_threads": 1,
    },
    # One stepsize: a pilot ends at its first gate. Folders have tests of their own.
    "pilot": DATA | WEIGHTED | SCALED | {
        "goal": "loss", "budget": None, "n_steps": 9, "n_trial_steps": 9, "start_stepsize": 0.5,
        "factor": 4, "n_stages": 1, "sample": 0.1, "n_repeats": 1, "test_size": 0.2, "width": None,
        "stop": None, "rng": 0, "callback": None, "callback_every": None, "n_threads": 1,
    },
    "progress_bar": {"n_steps": None, "stream": None},
    "losses.FlattenedExponential": {"a": 1.0},
    "losses.FlattenedPolynomial": {"a": 1.0},
    "losses.Tsallis": {"q": 2.0},
    "losses.Tsallis.rho": {"lam": 2.0},
    "losses.Renyi2.rho": {"lam": 2.0},
    "losses.SemiCircle.rho": {"lam": 2.0},
    "losses.Logistic.rho": {"lam": 2.0},
    "losses.Exponential.rho": {"lam": 2.0},
    "losses.FlattenedExponential.rho": {"lam": 2.0},
    "losses.FlattenedPolynomial.rho": {"lam": 2.0},
    "stepsizes.Constant": {"eta": 1.0},
    "stepsizes.Schedule": {"values": [1.0, 2.0]},
    "stepsizes.Silver": {"smoothness": None},
    "stepsizes.Anytime": {"smoothness": None},
    "stepsizes.RiskAdaptive": {"eta": 1.0},
    "stepsizes.InverseLoss": {"eta": 1.0},
    "stepsizes.Tyurin": {"eta": 1.0},
    "stepsizes.NormalizedGradient": {"eta": 1.0},
    "stepsizes.Nesterov": {"eta": None},
    "stepsizes.Armijo": {"eta_max": 1.0, "decrease": 0.5},
    "theory.smoothness": {"radius": 1.0},
    "theory.monotone_stepsize": {"radius": 1.0},
    "theory.monotone_threshold": {"stepsize": 1.0, "radius": 1.0},
    "theory.certified_loss": {"stepsize": 1.0, "radius": 1.0},
    "theory.adaptive_loss": ADAPTIVE_BOUND,
    "theory.adaptive_ln_loss": ADAPTIVE_BOUND,
    "theory.mean_loss": BOUND | {"t": 10},
    "theory.transition_steps": BOUND | {"n": 4},
    "theory.stable_loss": {"t": 10, "margin": 0.5, "stepsize": 1.0, "mean_exponential": 1.0},
    "theory.later_loss": BOUND | {"t": 10, "n": 4, "loss": None},
    "theory.plane_transition_steps": BOUND | {"n": 4},
    "theory.worst_transition_steps": BOUND | {"n": 4},
    "theory.monotone_loss": BOUND | {"t": 10},
    "theory.softmax_last_loss": BOUND | {"t": 10, "n": 4, "n_classes": 3},
    "theory.softmax_mean_loss": BOUND | {"t": 10, "n_classes": 3},
    "theory.softmax_steps_for_loss": BOUND | {"loss": 0.1, "n": 4, "n_classes": 3},
    "theory.softmax_transition_steps": BOUND | {"n_classes": 3},
    "theory.last_loss": BOUND | {"t": 10, "n": 4},
    "theory.steps_for_loss": BOUND | {"loss": 0.1, "n": 4},
    "theory.separation_margin_steps": BOUND | {
        "loss": 0.1, "n": 4, "function": lsgd.losses.Renyi2(),
    },
    "theory.weight_norm": BOUND | {"t": 10},
    "theory.corollary2_stepsize": {"n_steps": 100, "margin": 0.5, "radius": 1.0},
    "theory.corollary2_min_steps": {"n": 4, "margin": 0.5, "radius": 1.0},
    "theory.corollary2_loss": {"n_steps": 100, "n": 4, "margin": 0.5, "radius": 1.0},
    "theory.corollary2_steps_for_loss": {"loss": 0.1, "n": 4, "margin": 0.5, "radius": 1.0},
    "theory.penalty_stepsize": {"l2": 0.01, "n": 4, "margin": 0.5, "radius": 1.0},
    "theory.network_width": BOUND | {"n_steps": 100, "n": 4, "failure": 0.01, "imbalance": 0.0},
    "Sweep.best": {"by": "loss"},
    "StochasticSweep.best": {"by": "mean_loss"},
    "Sweep": {"runs": None, "stepsizes": None},
    "Run.save": {"path": "run"},
    "Run.load": {"path": "run"},
    "plot.loss_curves": {"runs": None, "ax": None, "legend": True},
    "LogisticClassifier": {
        "solver": "gd", "stepsize": "trial", "l2": 0.1, "C": None, "fit_intercept": False,
        "standardize": False, "max_iter": 20, "class_weight": None, "tol": 1e-3,
        "early_stopping": False, "validation_fraction": 0.3, "n_iter_no_change": 5,
        "warm_start": False, "n_threads": 1, "callback": None, "random_state": 0, "verbose": 0,
    },
    "LogisticClassifierCV": {
        "l2s": [1.0, 0.1], "Cs": None, "cv": 2, "scoring": None, "refit": True,
        "fit_intercept": False, "standardize": False, "class_weight": None, "max_iter": 20,
        "tol": 1e-3, "path_tol": 1e-3, "n_threads": 1, "callback": None, "verbose": 0,
    },
}  # fmt: skip

# Arguments that errors may blame instead: either may be the wrong one.
ALSO_NAMED = {"fit_intercept": "w|start", "loss": "y|stop", "stepsizes": "stepsize|start"}

# What needs all of the memory, because it was asked for: columns, steps or stepsizes without end.
MAY_BE_TOO_LARGE = ("w", "p", "l2", "l2s", "stepsizes", "values", "t", "n_steps", "runs")


def fit_of(name):
    """Return a function that fits a classifier, whatever it says of the end of the fit."""

    def fit(**parameters):
        with contextlib.redirect_stdout(None), warnings.catch_warnings():
            warnings.simplefilter("ignore", lsgd.NotConvergedWarning.__base__)
            return getattr(lsgd, name)(**parameters).fit(X, Y)

    return fit


def in_an_empty_folder(function):
    """Return a function of a path that writes to no other folder."""

    def call(path):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            return function(path)

    return call


def as_called(backend, name):
    """Return a function of an implementation, by its name."""
    if name == "Descent.step":
        return lsgd.Descent(X, Y, 1.0).step
    if name == "Sweep.best":
        return lsgd.stepsize_sweep(X, Y, [1.0, 2.0], 3).best
    if name == "StochasticSweep.best":
        return lsgd.stochastic_sweep(X, Y, [1.0, 2.0], 3, rng=0).best
    if name.startswith("LogisticClassifier"):
        return fit_of(name)
    if name == "Run.save":
        return in_an_empty_folder(lsgd.gradient_descent(X, Y, 1.0, 3).save)
    if name == "Run.load":
        return in_an_empty_folder(lsgd.Run.load)
    if name == "plot.loss_curves":
        return importlib.import_module("lsgd_fast.plot").loss_curves
    found = backend
    for part in name.split("."):
        found = found() if part == "rho" else found
        found = getattr(found, part)
    return found


def arguments_of(name):
    """Return good arguments of a function."""
    arguments = dict((NUMERIC | OTHERS)[name])
    if name == "scale_to_loss":
        arguments["run"] = lsgd.gradient_descent(X, Y, 1.0, 30)
    if name == "plot.loss_curves":
        arguments["runs"] = lsgd.gradient_descent(X, Y, 1.0, 3)
    if name == "Sweep":
        arguments["stepsizes"] = [1.0]
        arguments["runs"] = [lsgd.gradient_descent(X, Y, 1.0, 3)]
    return arguments


EXTRAS = {
    "LogisticClassifier": "sklearn", "LogisticClassifierCV": "sklearn",
    "plot.loss_curves": "matplotlib",
}  # fmt: skip
FUNCTIONS = [
    name for name in NUMERIC | OTHERS
    if name not in EXTRAS or importlib.util.find_spec(EXTRAS[name]) is not None
]  # fmt: skip


# --- outcomes -------------------------------------------------------------------------------------


def outcome(backend, name, argument, value_name):
    """Call a function with one argument replaced; return the kind of outcome, and the outcome."""
    function, arguments = as_called(backend, name), arguments_of(name)
    arguments[argument] = value_of(value_name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", lsgd.SeparationWarning)  # a result
            return "result", function(**arguments)
    except Exception as error:
        return type(error).__name__, re.sub(r"0x[0-9a-fA-F]+", "0x", str(error))


def numbers(result):
    """Return the numbers that tell two results apart, as one array."""
    if isinstance(result, (lsgd.Sweep, lsgd.StochasticSweep, tuple, list)):
        return np.concatenate([numbers(one) for one in result])
    if isinstance(result, lsgd.Trial):
        result = [math.nan if result.recommended is None else result.recommended]
    elif isinstance(result, lsgd.Margin):
        result = [result.value, result.n_passes]
    elif isinstance(result, lsgd.Separation):
        result = [len(result.kind), len(result.rows), *result.features]
    elif hasattr(result, "weights"):
        return np.append(result.weights, getattr(result, "n_steps", 0))
    return np.ravel(np.asarray(result, dtype=float))


def alike(one, other):
    """Return whether two outcomes are the same, up to rounding."""
    if one[0] != "result" or other[0] != "result":
        return one == other
    return np.allclose(numbers(one[1]), numbers(other[1]), rtol=1e-6, equal_nan=True)


def problems(name, argument, value_name):
    """Return what is wrong with the outcomes of a call, in words."""
    backends = (lsgd, reference) if name in NUMERIC else (lsgd,)
    found = [outcome(backend, name, argument, value_name) for backend in backends]
    wrong = []
    for kind, text in found:
        if kind in ("result", "OwnError", "ComplexError"):
            continue
        if kind == "FileNotFoundError" and name == "Run.load":
            continue
        if kind == "MemoryError" and value_name == "broadcast" and argument in MAY_BE_TOO_LARGE:
            continue
        named = rf"\b({argument}|{ALSO_NAMED.get(argument, argument)})\b"
        if kind not in ("TypeError", "ValueError"):
            wrong.append(f"{kind}: {text}")
        elif not re.search(named, text):
            wrong.append(f"{argument} is not named: {kind}: {text}")
        elif len(text) > 500:
            wrong.append(f"a message of {len(text)} characters")
    # without a seed, or with X far from zero, no two results are alike
    differs = (argument, value_name) == ("rng", "None") or argument == "center"
    if not differs and not all(alike(found[0], other) for other in found[1:]):
        wrong.append(f"not alike: {found}")
    return wrong


def all_problems(names=FUNCTIONS, value_names=tuple(VALUES)):
    """Return what is wrong with the outcomes of all calls of some functions with some values."""
    return [
        f"{name}({argument}={value_name}): {problem}"
        for name in names
        for argument in (NUMERIC | OTHERS)[name]
        for value_name in value_names
        for problem in problems(name, argument, value_name)
    ]


if __name__ == "__main__":
    found = all_problems(sys.argv[1:] or FUNCTIONS)
    print(*found, f"{len(found)} problems", sep="\n")
