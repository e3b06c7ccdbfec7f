"""Who takes part: the package, its NumPy reference, and the peers that are installed."""

from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import numpy as np

import lsgd_fast as lsgd

__all__ = ["N_CHECKED", "PEERS", "TOLERANCE", "check", "installed", "load", "versions"]


class Peer(NamedTuple):
    """What a peer is called, and the distribution that it needs."""

    title: str
    distribution: str


PEERS = {
    "reference": Peer("reference", "numpy"),
    "numpy": Peer("NumPy", "numpy"),
    "numba": Peer("Numba", "numba"),
    "jax": Peer("JAX", "jax"),
    "torch": Peer("PyTorch", "torch"),
    "sklearn": Peer("scikit-learn", "scikit-learn"),
}
N_CHECKED = 5  # steps that are compared
TOLERANCE = {"float64": 1e-7, "float32": 1e-3}  # relative


def load(name):
    """Return ``run(X, y, stepsize, n_steps)`` of a contender: losses before each step, weights.

    `fast` is the package without Gram space, `gram` is the package as it runs by default, and the
    rest are the peers.
    """
    if name == "fast":
        return partial(_ours, lsgd.gradient_descent, False)
    if name == "gram":
        return partial(_ours, lsgd.gradient_descent, "auto")
    if name == "reference":
        return partial(_ours, lsgd.reference.gradient_descent, False)
    return import_module(f"peers.{name}_loop").run


def _ours(gradient_descent, gram, X, y, stepsize, n_steps):
    run = gradient_descent(X, y, stepsize, n_steps, gram=gram)
    return run.trace.loss[:-1], run.weights


def check(run, X, y, stepsize, expected):
    """Raise AssertionError unless a short run gives the losses and weights that are expected."""
    tolerance = TOLERANCE[X.dtype.name]
    losses, weights = run(X, y, stepsize, N_CHECKED)
    np.testing.assert_allclose(losses, expected[0], rtol=tolerance)
    error = np.linalg.norm(weights - expected[1]) / np.linalg.norm(expected[1])
    assert error <= tolerance, f"the weights are off by {error:.2g} of their norm"


def installed(name):
    """Return whether the library of a peer is there."""
    try:
        return bool(version(PEERS[name].distribution))
    except PackageNotFoundError:
        return False


def versions(names):
    """Return ``{title: version}`` of NumPy and the libraries of the peers named."""
    libraries = dict.fromkeys(["numpy", *(name for name in names if name != "reference")])
    return {PEERS[name].title: version(PEERS[name].distribution) for name in libraries}
