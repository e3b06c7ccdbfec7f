"""Random calls of every function, with storage, losses, rules, models and held-out rows mixed.

Each is made on both twins, with one thread and with several, and by every instruction set: the
twins must agree, but for rounding, on what the first steps do, and all others bit for bit.
"""

import itertools
import sys
import tempfile

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import kernel, losses, reference, stepsizes
from support import awkward, sparse_cases
from support.fuzz import fingerprint, outcome
from support.hashes import content

SHAPES = (
    (2, 1), (5, 3), (8, 8), (9, 17), (31, 2), (33, 16), (65, 9), (400, 33), (130, 128), (9, 2050),
    (12, 2050), (3000, 4), (700, 40), (6000, 3),
)  # fmt: skip
DTYPES = ("float64", "float32", "float16", "int8", "uint8", "int32", "bool", "longdouble")
LOSSES = (
    "logistic", "logistic", "exponential", losses.FlattenedExponential(0.7),
    losses.FlattenedPolynomial(1.5),
)  # fmt: skip
RULES = (
    stepsizes.Schedule([1.0, 0.5, 2.0]), stepsizes.Silver(smoothness=2.0),
    stepsizes.RiskAdaptive(0.3), stepsizes.Tyurin(0.2), stepsizes.NormalizedGradient(0.1),
    stepsizes.Polyak(), stepsizes.AdGD(), stepsizes.BarzilaiBorwein(),
)  # fmt: skip
KINDS = ("descent", "descent", "sweep", "gradient", "stochastic", "stochastic sweep", "network",
         "softmax", "softmax sweep", "minimize")  # fmt: skip


def storage(rng, n, d, folder=None):
    """Return a matrix of rows of a length of about one, dense or sparse."""
    if rng.random() < 0.3:
        dense = sparse_cases.matrix(n, d, rng.choice([0.05, 0.3, 1.0]), rng) / np.sqrt(d)
        dense[0, 0] = 1.0  # not all zero
        X = sparse_cases.csr(dense, rng.choice(["f4", "f8"]), rng.choice([np.int32, np.int64]))
        forms = [X, *(form for _, form in sparse_cases.variants(X, rng))]
        return forms[rng.integers(len(forms))]
    dtype = rng.choice(DTYPES)
    base = awkward.exact_matrix(n, d, dtype, rng)
    if dtype in awkward.FLOATS:
        base = base / np.sqrt(d)
    layouts = awkward.layouts(base, dtype, folder)
    X = next(itertools.islice(layouts, int(rng.integers(11)), None))[1]
    return X


def is_exact(X):
    """Whether entries are whole numbers, which need smaller steps."""
    return not hasattr(X, "tocsr") and getattr(X, "dtype", np.dtype("f8")).kind in "iub"


def make_call(rng, folder=None):
    """Return a kind, the name of a function and its arguments."""
    kind = str(rng.choice(KINDS))
    n, d = SHAPES[rng.integers(len(SHAPES))]
    X = storage(rng, n, d, folder)
    several = kind.startswith("softmax")
    classes = int(rng.integers(2, 7)) if several else 2
    y = rng.integers(0, classes, n)
    y[: min(n, classes)] = np.arange(min(n, classes))
    unit = 1e-4 / d if is_exact(X) else 1.0
    arguments = {"X": X, "y": y}
    maybe = {
        "fit_intercept": lambda: bool(rng.integers(2)),
        "l2": lambda: float(rng.choice([0.0, 1e-3])),
        "sample_weight": lambda: rng.uniform(0.5, 2.0, n) * np.append(1, rng.integers(0, 2, n - 1)),
        "loss": lambda: LOSSES[rng.integers(len(LOSSES))],
    }
    factors = {
        "center": lambda: rng.standard_normal(d),
        "scale": lambda: rng.uniform(0.5, 1.5, d),
    }
    along = {
        "record_every": lambda: int(rng.integers(1, 4)),
        "validation": lambda: (storage(rng, m := int(rng.integers(1, 300)), d, folder),
                               rng.integers(0, classes, m)),
        "callback": lambda: lambda state: None,
        "callback_every": lambda: int(rng.integers(1, 3)),
        "stop": lambda: lsgd.Stop(loss=0.6, separated=bool(rng.integers(2))),
    }  # fmt: skip

    def step():
        rule = RULES[rng.integers(len(RULES))] if rng.random() < 0.5 else 0.0
        return rule or float(unit * rng.uniform(0.1, 2.0))

    n_steps = int(rng.integers(0, 6))
    if kind in ("descent", "sweep") or several:
        maybe |= along | factors
        name = "gradient_descent"
        arguments |= {"stepsize": step(), "n_steps": n_steps}
        if several:
            arguments["loss"] = "softmax"
            del maybe["loss"]
        if kind == "sweep":
            name = "stepsize_sweep"
            del arguments["stepsize"]
            arguments["stepsizes"] = [step() for _ in range(rng.integers(1, 7))]
        if kind == "softmax sweep":
            name = "stepsize_sweep"
            del arguments["stepsize"]
            arguments["stepsizes"] = [step(), step(), stepsizes.Silver(2.0 / unit)]
    elif kind == "gradient":
        name = "logistic_loss_gradient"
        maybe |= factors
        del maybe["loss"]
    elif kind == "network":
        name = "two_layer_gradient_descent"
        maybe |= along
        del maybe["fit_intercept"]
        arguments |= {"stepsize": float(unit), "n_steps": n_steps, "rng": 1}
        arguments["width"] = int(rng.choice([1, 2, 5, 8, 130]))
        arguments["activation"] = str(rng.choice(["relu", "leaky_relu", "softplus"]))
    elif kind == "minimize":
        name = "minimize"
        arguments["max_passes"] = int(rng.integers(1, 8))
        maybe["loss"] = lambda: "logistic"
        maybe |= factors
    else:
        name = "stochastic_sweep" if kind == "stochastic sweep" else "stochastic_gradient_descent"
        eta = float(unit * rng.uniform(0.1, 2.0))
        many = {"stepsizes": [eta, 0.1 * eta, 2.0 * eta, eta, 0.5 * eta][: rng.integers(1, 6)]}
        arguments |= many if kind == "stochastic sweep" else {"stepsize": eta}
        arguments |= {"n_steps": n_steps, "rng": int(rng.integers(9))}
        arguments["batch_size"] = int(rng.integers(1, min(n, 300) + 1))
        arguments["batch_size"] = min(arguments["batch_size"], int(rng.choice([1, 7, 300])))
        arguments["order"] = str(rng.choice(["shuffle", "replacement"]))
    arguments |= {option: make() for option, make in maybe.items() if rng.random() < 0.4}
    if kind == "gradient":
        k = int(rng.integers(1, 7))
        arguments["w"] = rng.standard_normal((d + arguments.get("fit_intercept", False), k)) * unit
    return kind, name, arguments


def numbers(found):
    """Return all that a result says in numbers, in a fixed order, by name."""
    if isinstance(found, tuple):
        return {"loss": found[0], "gradient": found[1]}
    runs = list(found) if hasattr(found, "stepsizes") else [found]
    said = {}
    for i, run in enumerate(runs):
        said[f"{i} weights"] = run.weights
        said[f"{i} intercept"] = np.asarray(run.intercept)
        said[f"{i} steps"] = np.asarray(run.n_steps)
        for name, column in run.trace.to_dict().items():
            said[f"{i} {name}"] = np.asarray(column)
    return said


def bits(found):
    return {name: np.asarray(value).tobytes() for name, value in numbers(found).items()}


def check_twin(found, expected):
    found, expected = numbers(found), numbers(expected)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        twin = np.asarray(expected[name])
        # which margins of 0 but for rounding are errors is not compared
        if "error_rate" in name or "seconds" in name:
            continue
        assert np.shape(value) == twin.shape, name
        if "gradient_norm" in name and not np.isfinite(found[name.split()[0] + " loss"][-1]):
            value, twin = value[:-1], twin[:-1]  # of weights that left float64: inf or NaN
        size = np.max(np.abs(twin[np.isfinite(twin)]), initial=1e-6)
        np.testing.assert_allclose(value, twin, rtol=1e-5, atol=1e-6 * size, err_msg=name)


def check_call(kind, name, arguments, rng):
    """Make a call in every way; return "refused" or "compared"."""
    before = fingerprint(shown(arguments))
    expected, error = outcome(lambda: getattr(reference, name)(**arguments))
    found, found_error = outcome(lambda: getattr(lsgd, name)(**arguments, n_threads=1))
    assert found_error == error, (found_error, error)
    if error is not None:
        return "refused"
    check_twin(found, expected)
    chosen = kernel.instruction_set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            again = getattr(lsgd, name)(**arguments, n_threads=int(rng.integers(1, 6)))
            assert bits(again) == bits(found), isa
    finally:
        kernel.use_instruction_set(chosen)
    if "sweep" in kind:
        check_columns(found, arguments)
    if kind in ("descent", "softmax"):
        check_pieces(found, arguments, rng)
    assert fingerprint(shown(arguments)) == before, "an input was modified"
    return "compared"


def check_columns(sweep, arguments):
    """Compare each run of a sweep with the run alone, bit for bit."""
    alone = {key: value for key, value in arguments.items() if key != "stepsizes"}
    single = lsgd.gradient_descent
    if "batch_size" in arguments:
        single = lsgd.stochastic_gradient_descent
    for rule, run in zip(arguments["stepsizes"], sweep, strict=True):
        assert bits(single(**alone, stepsize=rule, n_threads=1)) == bits(run), rule


def check_pieces(found, arguments, rng):
    """Compare a run with the same one in two pieces, with a checkpoint between them."""
    arguments = dict(arguments)
    n_steps = arguments.pop("n_steps")
    descent = lsgd.Descent(**arguments)
    taken = int(rng.integers(n_steps + 1))
    descent.step(taken)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/checkpoint.npz"
        descent.save(path)
        names = ("X", "y", "sample_weight", "center", "scale", "validation", "callback")
        given = {name: arguments[name] for name in names if name in arguments}
        descent = lsgd.Descent.load(path, **given, n_threads=int(rng.integers(1, 4)))
    descent.step(n_steps - taken)
    assert content(descent.result()) == content(found)


def shown(arguments):
    """Return the arrays of the arguments, those of sparse rows one by one."""
    out = {}
    for name, value in arguments.items():
        parts = value if name == "validation" else (value,)
        for i, part in enumerate(parts):
            part = getattr(part, "csr", part)
            if hasattr(part, "indptr"):
                of_part = {key: getattr(part, key) for key in ("data", "indices", "indptr")}
                out |= {f"{name}{i}{key}": array for key, array in of_part.items()}
            else:
                out[f"{name}{i}"] = part
    return out


def main(calls, seed=0, folder=None):
    """Make random calls; a failure says which.  Returns how many ended how, by kind."""
    counts = {}
    for i in range(calls):
        rng = np.random.default_rng([seed, i])
        kind, name, arguments = make_call(rng, folder)
        try:
            ended = check_call(kind, name, arguments, rng)
        except BaseException:
            print(f"call {i} of seed {seed}: {kind}, {name}(**{arguments})", file=sys.stderr)
            raise
        counts[kind, ended] = counts.get((kind, ended), 0) + 1
    return counts
