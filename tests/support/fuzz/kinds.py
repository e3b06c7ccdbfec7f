"""The kinds of calls, and how one is drawn: what a function takes follows from its signature."""

import dataclasses
import inspect
import zlib

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import reference
from lsgd_fast._results.trial import GOALS
from support.fuzz import inputs

BAD = 0.12  # the share of calls with bad arguments
HARD = 0.15  # the chance of each thing that makes arguments hard, in most kinds
MOST_ROWS = 1000  # of a Gram matrix
MAYBE = 0.35  # the chance of each optional argument


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of calls: a public function, and what is special about its arguments."""

    function: str
    share: float = 1.0  # of all calls, in relation to those of the other kinds
    steps: int = 12  # at most
    large: float = 0.15  # the chance of a large X
    fixed: tuple = ()  # pairs of arguments and their values
    always: tuple = ()  # options that are always passed
    classes: int = 2  # at most
    without: tuple = ()  # options that are never passed
    hard: float = HARD
    close: float = 1e-9  # relative difference of the implementations that needs no explanation

    def parameters(self):
        return inspect.signature(getattr(lsgd, self.function)).parameters


KINDS = {
    "loss": Kind("logistic_loss", 2.0),
    "gradient": Kind("logistic_loss_gradient", 3.0),
    "hessian": Kind("logistic_loss_hessp", 1.5),
    "curvature": Kind("critical_stepsize", large=0.0, close=1e-8),  # nine digits, d^3
    "descent": Kind("gradient_descent", 5.0),
    "pieces": Kind("gradient_descent", 3.0),
    "gram": Kind("gradient_descent", 1.5, fixed=(("gram", True), ("loss", "logistic")),
                 without=("center", "scale")),
    "sweep": Kind("stepsize_sweep", 3.0, steps=8),
    "softmax": Kind("gradient_descent", 2.0, 8, 0.1, (("loss", "softmax"),), classes=6,
                    without=("gram", "offset")),
    "softmax sweep": Kind("stepsize_sweep", 1.0, 5, 0.05, (("loss", "softmax"),), classes=6,
                    without=("gram", "offset")),
    "nesterov": Kind("nesterov_descent", 1.5, always=("n_steps",)),
    "network": Kind("two_layer_gradient_descent", 2.0, 6, 0.05, without=("start",),
                    always=("rng",)),
    "stochastic": Kind("stochastic_gradient_descent", 2.0, 40, always=("rng",)),
    "stochastic sweep": Kind("stochastic_sweep", 1.5, 20, always=("rng",)),
    "minimize": Kind("minimize", 3.0, always=("max_passes",)),
    "minimize softmax": Kind("minimize", 1.0, fixed=(("loss", "softmax"),), classes=5,
                             always=("max_passes",), without=("offset",)),
    "extremes": Kind("minimize", 1.0, large=0.0, always=("max_passes",), hard=0.6),
    "teams": Kind("gradient_descent", 0.5, 5, large=1.0),
    "margin": Kind("max_margin", 1.0, large=0.05, always=("max_passes",)),
    "margin softmax": Kind("max_margin", 0.5, large=0.05, fixed=(("loss", "softmax"),), classes=6,
                           always=("max_passes",)),
    "trial": Kind("staged_trial", 0.4, 24, 0.0,
                  always=("X", "y", "n_steps", "n_stages", "n_repeats"),
                  without=("train", "stepsizes", "updates_per_epoch")),
    "plan": Kind("plan", 0.04, large=0.1),
    "plan softmax": Kind("plan", 0.02, large=0.1, fixed=(("loss", "softmax"),), classes=6,
                         without=("width",)),
}  # fmt: skip


@dataclasses.dataclass
class Call:
    """One call: a function of `lsgd_fast` and of the reference, and its arguments."""

    kind: str
    name: str
    arguments: dict
    spoilt: tuple = ()

    def make(self, module, **changed):
        """Call the function of a module; return its result, and what callbacks saw."""
        arguments = self.arguments | changed
        callback = arguments.get("callback")
        if isinstance(callback, inputs.Watcher):
            callback = arguments["callback"] = callback.fresh()
        return getattr(module, self.name)(**arguments), getattr(callback, "seen", None)

    def without(self, name):
        """Return the same call without an argument."""
        kept = {other: value for other, value in self.arguments.items() if other != name}
        return dataclasses.replace(self, arguments=kept)

    @property
    def has_threads(self):
        return "n_threads" in KINDS[self.kind].parameters() and "n_threads" not in self.arguments

    @property
    def has_reference(self):
        return hasattr(reference, self.name)

    def __str__(self):
        given = ", ".join(f"{name}={inputs.form(x)}" for name, x in self.arguments.items())
        return f"{self.name}({given})"


class Draw:
    """The random choices of one call, in the order in which arguments depend on one another."""

    def __init__(self, kind, rng, folder):
        self.kind, self.rng, self.folder = kind, rng, folder
        most_rows = MOST_ROWS if "gram" in dict(kind.fixed) else 10**9
        self.n, self.d = inputs.shape(rng, kind.large, most_rows)
        self.hard = kind.hard if rng.random() < 0.6 else 0.0
        classes = int(rng.integers(2, kind.classes + 1))
        self.classes = min(classes, max(self.n, 2))
        self.separable = bool(rng.random() < 0.4)
        self.arguments = dict(kind.fixed)
        self.k = None if rng.random() < 0.5 else int(rng.integers(1, 7))

    @property
    def several(self):
        return dict(self.kind.fixed).get("loss") == "softmax"

    @property
    def shape_of_weights(self):
        """The shape of the weights of a single run."""
        size = self.d + bool(self.arguments.get("fit_intercept", False))
        if "width" in self.arguments:
            return size, int(self.arguments["width"])
        return (size, self.classes) if self.several else (size,)

    def eta(self):
        """Return a stepsize, mostly near 1 over the smoothness or above."""
        if self.rng.random() < 0.3 * self.hard:
            return float(self.rng.choice([1e300, 1e-300, 1e100, 1.7e308, 5e-324]))
        with np.errstate(all="ignore"):
            X = inputs.values(self.arguments["X"])
            unit = 1.0 / np.square(X).sum() * max(1, self.n)
        eta = float(10.0 ** self.rng.uniform(-1.0, 2.5) * unit)
        return eta if 1e-307 < eta < 1e307 else 1.0

    def X(self):
        sparse = 0.02 if "gram" in self.arguments else 0.25
        return inputs.rows(self.rng, self.n, self.d, self.folder, self.hard, sparse)

    def y(self):
        X = self.arguments["X"]
        return inputs.labels(self.rng, X, self.n, self.classes, self.separable, self.several)

    def w(self):
        one = self.k is None or self.kind.function in ("critical_stepsize", "logistic_loss_hessp")
        shape = self.shape_of_weights if one else (*self.shape_of_weights, self.k)
        return inputs.weights(self.rng, shape, self.hard)

    def p(self):
        shape = self.shape_of_weights
        return inputs.weights(self.rng, shape if self.k is None else (*shape, self.k), self.hard)

    def stepsize(self):
        name = self.kind.function
        eta = self.eta()
        if name == "two_layer_gradient_descent" or "gram" in self.arguments:
            return inputs.known_rule(self.rng, eta)
        return inputs.rule(self.rng, eta) if name == "gradient_descent" else eta

    def stepsizes(self):
        k, name = int(self.rng.integers(1, 6)), self.kind.function
        self.k = k
        if name == "stochastic_sweep":
            return [self.eta() for _ in range(k)]
        return [inputs.rule(self.rng, self.eta()) for _ in range(k)]

    def n_steps(self):
        return int(self.rng.integers(self.kind.function == "staged_trial", self.kind.steps))

    def start(self):
        shape = self.shape_of_weights
        if "stepsizes" in self.arguments and self.rng.random() < 0.5:
            shape = (self.k, *shape) if self.several else (*shape, self.k)
        return inputs.weights(self.rng, shape, self.hard)

    def loss(self):
        if self.kind.function in ("minimize", "staged_trial", "max_margin", "plan"):
            return "logistic"
        return inputs.LOSSES[self.rng.integers(len(inputs.LOSSES))]

    def sample_weight(self):
        return inputs.sample_weight(self.rng, self.n, self.classes, self.hard)

    def offset(self):
        return inputs.offset(self.rng, self.n, self.hard)

    def l2(self):
        if self.rng.random() < 0.7:
            return float(self.rng.choice([0.0, 1e-3, 0.1]))
        if "stepsizes" in self.arguments and "batch_size" not in self.kind.parameters():
            return [float(self.rng.choice([0.0, 1e-3])) for _ in range(self.k)]
        return inputs.PENALTIES[self.rng.integers(len(inputs.PENALTIES))]

    def fit_intercept(self):
        return bool(self.rng.integers(2))

    def center(self):
        if self.rng.random() < 0.3:
            return float(self.rng.standard_normal())
        far = self.rng.choice([1.0, 1e8]) if self.rng.random() < self.hard else 1.0
        return far * self.rng.standard_normal(self.d)

    def scale(self):
        if self.rng.random() < self.hard:
            return 10.0 ** self.rng.integers(-150, 100, self.d)
        return self.rng.uniform(0.5, 1.5, self.d)

    def stop(self):
        held_out = "validation" in self.kind.parameters() and self.rng.random() < 0.3
        if held_out and "validation" not in self.arguments:
            self.arguments["validation"] = self.validation()
        cycling = self.kind.function != "two_layer_gradient_descent"
        if self.kind.function.startswith("stochastic"):
            return lsgd.Stop(seconds=1e6)
        found = inputs.stop(self.rng, held_out, cycling)
        if self.kind.function == "minimize":
            return lsgd.Stop(loss=found.loss, gradient_norm=found.gradient_norm)
        return found

    def goal(self):
        return str(self.rng.choice(GOALS))

    def record(self):
        return [name for name in inputs.COLUMNS if self.rng.random() < 0.6]

    def record_every(self):
        return int(self.rng.integers(1, 5))

    def validation(self):
        m = int(self.rng.integers(1, 60))
        X = inputs.rows(self.rng, m, self.d, self.folder, self.hard)
        held_out = X, self.rng.integers(0, self.classes, m)
        if "offset" in self.arguments:
            held_out += (inputs.offset(self.rng, m, self.hard),)
        return held_out

    def callback(self):
        action = (None, "look", True, "raise", False, 1)[self.rng.integers(6)]
        return inputs.Watcher(int(self.rng.integers(1, 8)), action)

    def callback_every(self):
        return int(self.rng.integers(1, 4))

    def average(self):
        return bool(self.rng.integers(2))

    def gram(self):
        found = ("auto", False, True)[self.rng.choice(3, p=[0.45, 0.45, 0.1])]
        return found if self.n <= MOST_ROWS else "auto"

    def batch_size(self):
        return int(self.rng.choice([1, 2, 5, 8, 50, self.n]).clip(1, self.n))

    def order(self):
        return str(self.rng.choice(["shuffle", "replacement", "once"], p=[0.5, 0.4, 0.1]))

    def rng_(self):
        return int(self.rng.integers(9))

    def width(self):
        return int(self.rng.choice([1, 2, 3, 4, 5, 8, 17, 33]))

    def activation(self):
        return str(self.rng.choice(["relu", "leaky_relu", "softplus"]))

    def tol(self):
        of_margin = self.kind.function == "max_margin"
        return float(self.rng.choice([1e-3, 1e-1, 1e-6] if of_margin else [0.0, 1e-8, 1e-3]))

    def max_passes(self):
        if self.kind.function == "max_margin":
            return int(self.rng.integers(2, 200))
        if self.kind.hard > HARD:
            return int(self.rng.choice([1, 2, 3, 50, 400]))
        return int(self.rng.choice([1, 2, 3, 8, 30]))

    def start_stepsize(self):
        return self.eta()

    def factor(self):
        return float(self.rng.choice([4.0, 1.5, 100.0]))

    def n_stages(self):
        return int(self.rng.integers(1, 4))

    def sample(self):
        return float(self.rng.uniform(0.1, 1.0))

    def n_repeats(self):
        return int(self.rng.integers(1, 3))

    def target_loss(self):
        return 10.0 ** self.rng.uniform(-6.0, 1.0)

    def margin(self):
        return 10.0 ** self.rng.uniform(-3.0, 1.0)


# Arguments that others depend on come first; a method must not be named as the generator is.
EARLY = ("X", "y", "fit_intercept", "width", "stepsizes", "offset", "validation")


def draw_arguments(kind, rng, folder):
    """Return arguments of a kind, good but perhaps hard."""
    draw, parameters = Draw(kind, rng, folder), kind.parameters()
    names = [name for name in EARLY if name in parameters]
    names += [name for name in parameters if name not in names and name != "n_threads"]
    for name in names:
        required = parameters[name].default is inspect.Parameter.empty or name in kind.always
        left_out = name in draw.arguments or name in kind.without
        if left_out or not (required or rng.random() < MAYBE):
            continue
        draw.arguments[name] = getattr(draw, "rng_" if name == "rng" else name)()
    return draw.arguments


def draw_call(name, seed, folder):
    """Return the call of a kind and a seed."""
    kind = KINDS[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    arguments = draw_arguments(kind, rng, folder)
    spoilt = ()
    if rng.random() < BAD:
        count = int(rng.integers(1, 3))
        names = list(kind.parameters())
        spoilt = tuple(str(one) for one in rng.choice(names, count))
        for one in spoilt:
            arguments[one] = inputs.ODD[rng.integers(len(inputs.ODD))]
    if arguments.get("rng", 0) is None:  # a new seed in each call
        arguments["rng"] = 0
    return Call(name, kind.function, arguments, spoilt)
