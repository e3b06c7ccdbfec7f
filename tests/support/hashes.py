"""Problems and methods, and a hash of all the bits that the compiled code makes of each.

    python tests/support/hashes.py [--expect FILE]

prints the hashes of the package that it imports as JSON, by instruction set. They depend on values
only, not on the names of attributes. With a FILE that it has printed elsewhere it says instead what
it has compared, and fails if a hash is another.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import kernel

if __name__ == "__main__":  # as a program: `support` lies in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import awkward, methods

# Threads find work in leaves of rows (leaf_count in _core/layout.pyx): the first two problems have
# at least 16 leaves, those after them up to eight, the last ones one.
SHAPES = (
    # rows, features, dtype, layout, stepsize, options
    (9000, 3, "float64", "C", 32.0, {"fit_intercept": True}),
    (8200, 2, "float32", "C", 1e3, {"weights": True, "l2": 1e-3}),
    (700, 20, "float64", "C", 100.0, {"weights": True}),
    (400, 70, "float32", "F", 64.0, {"fit_intercept": True, "l2": 1e-4}),
    (300, 33, "uint8", "C", 0.5, {}),
    (1000, 7, "float16", "row-strided", 1e6, {"fit_intercept": True, "weights": True}),
    (128, 100, "float32", "reversed rows", 50.0, {}),
    (65, 257, "float64", "C", 300.0, {"fit_intercept": True}),
    (17, 2049, "float64", "C", 5e-3, {"weights": True}),
    (33, 1000, "float64", "byte-swapped", 10.0, {"l2": 1e-2}),
    (64, 300, "float64", "column-strided", 1e4, {"weights": True, "fit_intercept": True}),
    (2, 4097, "float32", "C", 1e-2, {"fit_intercept": True}),
    (63, 65, "float32", "misaligned", 128.0, {"weights": True}),
    (50, 30, "int16", "reversed columns", 0.1, {"fit_intercept": True}),
    (64, 16, "longdouble", "C", 32.0, {"l2": 0.1}),
    (31, 15, "bool", "F", 200.0, {}),
    (16, 17, "float64", "sliced", 1e5, {"fit_intercept": True, "weights": True, "l2": 1e-6}),
    (15, 1, "int64", "C", 0.01, {"weights": True}),
    (200, 5, "float64", "rows broadcast", 3.0, {"fit_intercept": True}),
    (40, 3, "float64", "C", 1e300, {"l2": 1e10}),  # diverges
)


def problems():
    """Return 20 of (name, X, y, options, stepsize), the same at every call."""
    return [_problem(seed, *shape) for seed, shape in enumerate(SHAPES)]


def _problem(seed, n, d, dtype, layout, stepsize, options):
    rng = np.random.default_rng(seed)
    base = awkward.exact_matrix(n, d, dtype, rng)
    X = next(X for name, X in awkward.layouts(base, dtype, None) if name == layout)
    y = awkward.labels(n, rng)
    options = dict(options)
    if options.pop("weights", False):
        options["sample_weight"] = rng.uniform(0.0, 4.0, n)
    return f"{n}x{d} {dtype} {layout}", X, y, options, stepsize


def weights(problem, k=None):
    """Return weights to look at, one column or k."""
    _, X, _, options, _ = problem
    d = X.shape[1] + options.get("fit_intercept", False)
    return np.random.default_rng(99).standard_normal(d if k is None else (d, k))


def content(run):
    """Return all of a run but its time and its threads, numbers by their bits."""
    arrays = {
        "weights": run.weights,
        "separating_weights": run.separating_weights,
        "best_weights": run.best_weights,
    }
    if run.average is not None:
        numbers = ("loss", "ln_loss", "error_rate", "min_margin", "weight_norm")
        arrays["average_weights"] = run.average.weights
        arrays["average_intercept"] = np.asarray(run.average.intercept)
        arrays["average"] = np.array([getattr(run.average, name) for name in numbers])
    arrays |= run.trace.to_dict()
    scalars = ("n_steps", "separated_at", "certified_at", "stable_at", "n_increases")
    return (
        {
            name: a if a is None else (a.dtype.str, a.shape, a.tobytes())
            for name, a in arrays.items()
        }
        | {name: getattr(run, name) for name in scalars}
        | {"intercept": np.asarray(run.intercept).tobytes(), "radius": run.radius.hex()}
        | {"stop_reason": str(run.stop_reason), "best_at": run.best_at}
        | {"diagnostics": values(run.diagnostics)}
    )


def values(record):
    """Return the fields of a dataclass as text, numbers as floats, without their names."""
    numbers = (int, float)
    return repr([float(x) if isinstance(x, numbers) else x for x in dataclasses.astuple(record)])


def digest(problem, n_threads):
    """Return a hash of the gradient and of a run of 200 steps, as hexadecimal digits."""
    _, X, y, options, stepsize = problem
    options = options | {"n_threads": n_threads}
    value, gradient = lsgd.logistic_loss_gradient(X, y, weights(problem), **options)
    run = lsgd.gradient_descent(X, y, stepsize, 200, **options)
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(np.float64(value).tobytes() + gradient.tobytes())
    hasher.update(repr(sorted(content(run).items())).encode())
    return hasher.hexdigest()


def digest_of_call(call, n_threads):
    """Return a hash of what a call of support/methods.py returns."""
    return hashlib.blake2b(
        repr(contents(call(n_threads=n_threads))).encode(), digest_size=16
    ).hexdigest()


def contents(result):
    """Return all that a run, a sweep or a tuple of numbers says, numbers by their bits."""
    if isinstance(result, (float, np.ndarray)):
        return np.asarray(result).tobytes()
    if hasattr(result, "separating_weights"):
        return sorted(content(result).items())
    if hasattr(result, "trace"):  # of stochastic descent
        columns = result.trace.to_dict() | {"weights": result.weights, "b": result.intercept}
        return [(name, np.asarray(columns[name]).tobytes()) for name in sorted(columns)]
    return [contents(part) for part in result]


def digests(n_threads):
    """Return {instruction set: {name of the problem or method: hash}}."""
    before, found = kernel.instruction_set(), {}
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            found[isa] = {problem[0]: digest(problem, n_threads) for problem in problems()}
            for name, call in methods.calls().items():
                found[isa][name] = digest_of_call(call, n_threads)
    finally:
        kernel.use_instruction_set(before)
    return found


def build():
    """Return what was compiled by what, and where it runs, in a line."""
    gil = "" if getattr(sys, "_is_gil_enabled", lambda: True)() else " without the GIL"
    return (
        f"{kernel.compiler()}, {platform.machine()}, CPython {platform.python_version()}{gil},"
        f" NumPy {np.__version__}"
    )


def compare(report, expected):
    """Say what was compared; return whether all hashes are equal to every one expected."""
    pairs = [
        (isa, name, found, {known.get(name) for known in expected["digests"].values()})
        for isa, of_isa in report["digests"].items()
        for name, found in of_isa.items()
    ]
    different = [f"{isa}: {name}" for isa, name, found, known in pairs if known != {found}]
    print(f"{report['build']} ({', '.join(report['digests'])}): {len(pairs) - len(different)} of")
    print(f"  {len(pairs)} digests equal those of {expected['build']}", end=" ")
    print(f"({', '.join(expected['digests'])})", *different, sep="\n  ")
    return not different


def main():
    parser = argparse.ArgumentParser(description="Hash what the package computes.")
    parser.add_argument("--expect", metavar="FILE", help="compare with the hashes in this file")
    path = parser.parse_args().expect
    X, y = lsgd.datasets.digits_0_vs_8()
    report = {
        "package": os.path.dirname(lsgd.__file__),
        "build": build(),
        "openmp": kernel.openmp_enabled(),
        "n_threads": lsgd.gradient_descent(X, y, 1.0, 1, n_threads=4).n_threads,
        "digests": digests(2),
    }
    if path is None:
        json.dump(report, sys.stdout, indent=1)
    elif not compare(report, json.loads(Path(path).read_text())):
        sys.exit(1)


if __name__ == "__main__":
    main()
