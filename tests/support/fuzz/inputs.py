"""What random calls are given: good arguments, hard ones and bad ones."""

import dataclasses
import decimal
import fractions
import itertools
import warnings

import numpy as np

from lsgd_fast import Stop, losses, stepsizes
from support import awkward, damaged_csr, sparse_cases

ROWS = (2, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40)
FEATURES = (1, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33)
LARGE = (
    (400, 33), (130, 128), (9, 2050), (3, 4097), (3000, 4), (6000, 3), (513, 64), (12, 2050),
    (12_001, 1), (1100, 3),
)  # fmt: skip
FACTORS = (1.0, 1.0, 30.0, 1e-3, 1e3, 1e-10, 1e10, 1e-150, 1e150, 1e-300, 1e300, 5e-324, 0.0)
PENALTIES = (0.0, 1e-3, 1.0, 1e-12, 1e-100, 1e10, 1e300, 1.7e308, 5e-324, 1)
LOSSES = (
    "logistic", "logistic", "exponential", losses.Logistic(), losses.Exponential(),
    losses.FlattenedExponential(0.7), losses.FlattenedPolynomial(1.5),
    losses.FlattenedPolynomial(0.5), losses.Tsallis(1.5), losses.Tsallis(2.0), losses.Renyi2(),
    "renyi2", "semi_circle",
)  # fmt: skip
THREADS = (1, 2, 3, 8)
COLUMNS = ("step", "loss", "ln_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
           "stepsize")  # fmt: skip


def _odd():
    endless = []
    endless.append(endless)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = np.matrix([[1, 2], [3, 4]])
    return (
        None, True, False, 0, -1, 2**63, 2**70, -(2**70), 10**400, 1.5, float("nan"), float("inf"),
        -0.0, -float("inf"), 1j, "2", "logistic", b"2", "", (), [], {}, set(), object(), ...,
        range(3), np, np.float32("inf"), np.float64(-1.0), np.int64(-3), np.int8(2), np.bool_(True),
        np.zeros(()), np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((2, 2, 2)),
        np.zeros(3, complex), np.zeros(3, "datetime64[s]"), np.zeros(3, "S3"), np.zeros(3, "U3"),
        np.zeros(3, object), np.zeros(3, [("a", float)]), [[1.0], [2.0, 3.0]], [None, None],
        np.ma.masked_array([1.0, 2.0], [True, False]), [[1.0, "a"], [2.0, 3.0]],
        np.full((2, 2), np.nan), np.longdouble("1e4000"), np.full((2, 2), np.longdouble("1e4000")),
        decimal.Decimal(1), fractions.Fraction(1, 3), memoryview(b"abcd"), [1, 2**70], matrix,
        np.broadcast_to(np.zeros(1), (2, 2**45)), endless, Stop(loss=0.5), stepsizes.Polyak(),
        losses.Softmax(), "nan", "softmax", np.float16(1.0), np.uint64(2**63),
    )  # fmt: skip


ODD = _odd()


OWN_ERROR = "callback: an error of its own"


class Watcher:
    """A callback that notes what it sees, and at a step does something else."""

    def __init__(self, at, action):
        self.at, self.action, self.seen = at, action, []

    def __repr__(self):
        return f"Watcher({self.at}, {self.action!r})"

    def __call__(self, state):
        weights, intercept = getattr(state, "weights", None), getattr(state, "intercept", None)
        value = getattr(state, "loss", getattr(state, "value", None))  # of a margin; none in a plan
        self.seen.append((state.n_steps, value, weights, intercept))  # no weights in a trial
        if state.n_steps >= self.at:
            if self.action == "raise":
                raise ValueError(OWN_ERROR)
            if self.action == "look":  # which a descent must not feel
                getattr(state, "result", str)()
                return None
            return self.action
        return None

    def fresh(self):
        """Return the same callback before it has seen anything."""
        return Watcher(self.at, self.action)


def shape(rng, large, most_rows):
    """Return numbers of rows and of features; `large` is the chance of a large one."""
    if rng.random() < large:
        possible = [one for one in LARGE if one[0] <= most_rows]
        return possible[rng.integers(len(possible))]
    n = 1 if rng.random() < 0.01 else int(rng.choice(ROWS))
    return n, int(rng.choice(FEATURES))


@np.errstate(all="ignore")
def spoiled(X, rng):
    """Return float64 rows with one more thing that data should not have."""
    n, d = X.shape
    what = rng.integers(12)
    if what == 0:
        X[:, -1] = X[:, 0]
    elif what == 1:
        X[:, -1] = 1.0
    elif what == 2:
        X[:, -1] = 0.0
    elif what == 3:
        X = X * 10.0 ** rng.integers(-200, 100, d)
    elif what == 4:
        X = X * 10.0 ** rng.integers(-150, 100, n)[:, None]
    elif what == 5:
        X[:, -1] = X[:, 0] * (1.0 + 1e-15 * rng.standard_normal(n))
    elif what == 6:
        X = X[rng.integers(0, n, n)]
    elif what == 7:
        X[0] = 0.0
    elif what == 8:
        X[-1] = -X[0]
    elif what == 9:
        X = np.rint(3.0 * X)
    elif what == 10:
        X[rng.integers(n), rng.integers(d)] = rng.choice([1.7e308, -1e308, 1e200, 5e-324])
    else:
        X = X * FACTORS[rng.integers(len(FACTORS))]
    return X


def rows(rng, n, d, folder, hard, sparse=0.25):
    """Return X in some storage; `hard` is the chance of hard values, `sparse` that of CSR."""
    if rng.random() < sparse:
        return _sparse_rows(rng, n, d, hard)
    dtype = str(rng.choice(awkward.DTYPES)) if rng.random() < 0.6 else "float64"
    base = awkward.exact_matrix(n, d, dtype, rng)
    if dtype in ("float64", "longdouble"):
        base = base / np.sqrt(d)
        while rng.random() < hard:
            base = spoiled(base, rng)
    if dtype in awkward.FLOATS and rng.random() < 0.05 * hard:
        base[rng.integers(n), rng.integers(d)] = rng.choice([np.nan, np.inf, -np.inf])
    layouts = awkward.layouts(base, dtype, folder)
    return next(itertools.islice(layouts, int(rng.integers(16)), None))[1]


@np.errstate(all="ignore")
def _sparse_rows(rng, n, d, hard):
    dense = sparse_cases.matrix(n, d, rng.choice([0.05, 0.3, 1.0]), rng) / np.sqrt(d)
    dense[0, 0] = 1.0
    while rng.random() < hard:
        dense = spoiled(dense, rng)
    dtype = rng.choice(["f4", "f8", "f8"]) if np.abs(dense).max() < 1e30 else "f8"
    X = sparse_cases.csr(dense, dtype, rng.choice([np.int32, np.int64]))
    if rng.random() < 0.1 * hard:
        return damaged_csr.damage(X, rng)
    forms = [X, *(form for _, form in sparse_cases.variants(X, rng))]
    return forms[rng.integers(len(forms))]


def values(X):
    """Return the entries of X as float64, dense; those of sparse rows as they are stored."""
    X = getattr(X, "csr", X)
    return np.array(getattr(X, "data", X) if hasattr(X, "indptr") else X, float, subok=False)


def dense(X):
    """Return X as a dense float64 array."""
    if not is_sparse(X):
        return values(X)
    X = getattr(X, "csr", X)
    found = np.zeros(X.shape)
    starts = np.asarray(X.indptr, np.int64)
    used = slice(int(starts[-1]))
    rows = np.repeat(np.arange(len(found)), np.diff(starts))
    np.add.at(found, (rows, np.asarray(X.indices[used], np.int64)), values(X)[used])
    return found


def is_sparse(X):
    return hasattr(getattr(X, "csr", X), "indptr")


def labels(rng, X, n, classes, separable, numbered):
    """Return labels in some form; where `separable` is true, mostly those of a linear model.

    `numbered` asks for class numbers.
    """
    y = rng.integers(0, classes, n)
    if separable and classes == 2 and not is_sparse(X):
        with np.errstate(all="ignore"):
            dense = values(X)
            y = (dense @ rng.standard_normal(dense.shape[1]) > 0.0).astype(int)
    if not separable or y[0] == y[min(n, 2) - 1]:
        y[: min(n, classes)] = np.arange(min(n, classes))
    if numbered:
        return y
    choice = rng.integers(9)
    if choice == 0:
        return y.astype(bool)
    if choice == 1:
        return (2 * y - 1).tolist()
    if choice == 2:
        return np.repeat(y.astype(rng.choice(["f4", "i2", "f2", ">f8", "u1"])), 2)[::2]
    if choice == 3 and rng.random() < 0.1:
        return y + rng.integers(0, 3)
    return y if choice == 4 else 2.0 * y - 1.0


def weights(rng, size, hard):
    """Return weights of a shape, in some form."""
    with np.errstate(all="ignore"):
        w = rng.standard_normal(size)
        w *= FACTORS[rng.integers(len(FACTORS))] if rng.random() < hard else 1.0
    if rng.random() < 0.1 * hard:
        w.flat[rng.integers(w.size)] = rng.choice([np.nan, np.inf])
    choice = rng.integers(5)
    if choice == 0:
        return w.tolist()
    return np.asfortranarray(w)[::-1] if choice == 1 else w


def sample_weight(rng, n, classes, hard):
    """Return weights of rows, some of them zero."""
    weight = rng.uniform(0.1, 3.0, n)
    if n > classes and rng.random() < 0.5:
        weight[classes:][rng.random(n - classes) < 0.3] = 0.0  # the first rows have all classes
    with np.errstate(all="ignore"):
        if rng.random() < hard:
            weight *= rng.choice([1e-300, 1e300, 5e-324])
        if rng.random() < hard:
            weight *= 10.0 ** rng.integers(-100, 100, n)
        if rng.random() < 0.1 * hard:
            weight[rng.integers(n)] = rng.choice([-1.0, np.nan, np.inf])
        return weight.astype(rng.choice(["f8", "f8", "f4", "longdouble"]))


def offset(rng, n, hard):
    """Return offsets of rows, mostly of the size of scores."""
    with np.errstate(all="ignore"):
        found = rng.standard_normal(n) * 10.0 ** rng.uniform(-3.0, 1.0)
        if rng.random() < hard:
            found *= rng.choice([0.0, 1e-300, 1e8, 1e150])
        if rng.random() < 0.1 * hard:
            found[rng.integers(n)] = rng.choice([np.nan, np.inf])
    return found.astype(rng.choice(["f8", "f8", "f4"])) if hard == 0.0 else found


def stop(rng, held_out, cycling=True):
    """Return conditions to stop; `seconds` is out of reach, as it must not decide."""
    choices = {
        "loss": float(rng.choice([0.0, 1e-300, 1e-3, 0.3, 0.69, 5.0])),
        "gradient_norm": 10.0 ** rng.uniform(-6.0, 1.0),
        "separated": True,
        "unstable_steps": int(rng.integers(1, 6)),
        "cycling": cycling,
        "seconds": 1e6,
    }
    if held_out:
        choices["validation_patience"] = int(rng.integers(1, 4))
    return Stop(**{name: value for name, value in choices.items() if rng.random() < 0.25})


def known_rule(rng, eta):
    """Return a stepsize of about a length, or a rule whose stepsizes are known beforehand."""
    half, smoothness = max(0.5 * eta, 5e-324), min(1.0 / max(eta, 1e-308), 1e300)
    rules = (
        eta, eta, stepsizes.Constant(eta), stepsizes.Schedule([eta, half]),
        stepsizes.Silver(smoothness=max(smoothness, 1e-300)),
        stepsizes.Anytime(smoothness=max(smoothness, 1e-300)),
    )  # fmt: skip
    return rules[rng.integers(len(rules))]


def rule(rng, eta):
    """Return a stepsize of about a length, or any rule."""
    rules = (
        known_rule(rng, eta), known_rule(rng, eta), known_rule(rng, eta), stepsizes.Silver(),
        stepsizes.Anytime(),
        stepsizes.RiskAdaptive(eta), stepsizes.InverseLoss(eta), stepsizes.Tyurin(eta),
        stepsizes.NormalizedGradient(eta),
        stepsizes.Polyak(), stepsizes.AdGD(), stepsizes.BarzilaiBorwein(), stepsizes.Nesterov(),
        stepsizes.Nesterov(eta), stepsizes.DualMomentum(), stepsizes.Armijo(eta),
    )  # fmt: skip
    return rules[rng.integers(len(rules))]


def form(value):
    """Return an argument as one line of text, arrays by shape and dtype."""
    if isinstance(value, np.ndarray) or is_sparse(value):
        return f"<{type(value).__name__} {getattr(value, 'dtype', '')} {value.shape}>"
    if isinstance(value, tuple):
        return f"({', '.join(map(form, value))})"
    if dataclasses.is_dataclass(value) and hasattr(value, "trace"):
        return f"<{type(value).__name__}>"
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}..."
